// Reductions over ragged groups: group g is rows offsets[g] .. offsets[g + 1] - 1 (0-based
// bounds, ascending) of x. An empty group gives 0 and argmax 0. The maximum is the first of
// equal ones; NaN wins. Sums run in f64 in row order.
#include <math.h>

#include "nn/cl.h"
#include "nn/kernel.h"

enum { MODE, ROWS };
enum { SUM, MEAN, MAX };

static bool check_offsets(const ow_nn_call *c, int64_t rows, ow_err *e) {
  const int64_t *o = ow_i64(c->in[1]);
  for (int64_t g = 0; g < c->in[1]->shape[0]; g++)
    if (o[g] < 0 || o[g] > rows || (g && o[g] < o[g - 1]))
      return OW_FAIL(e, OW_EARG, "offsets: element %lld is %lld, allowed are %lld to %lld", (long long)g + 1,
                     (long long)o[g], (long long)(g ? o[g - 1] : 0), (long long)rows);
  return true;
}

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0], *off = c->in[1];
  bool grad = c->op == &ow_nn_segment_reduce_grad;
  if (x->ndim != 2) return ow_nn_expect(c, 0, 2, (int64_t[]){-1, -1}, e);
  if (off->ndim != 1 || off->shape[0] < 1) return ow_nn_expect(c, 1, 1, (int64_t[]){grad ? x->shape[0] + 1 : 1}, e);
  int64_t groups = off->shape[0] - 1, d = x->shape[1];
  bool max = c->p[MODE].i[0] == MAX;
  if (!grad) {
    ow_nn_shape(c, 0, 2, (int64_t[]){groups, d});
    ow_nn_shape(c, 1, 2, (int64_t[]){max ? groups : 0, d});
    return true;
  }
  if (!ow_nn_expect(c, 0, 2, (int64_t[]){groups, d}, e) || !ow_nn_param_in(c, ROWS, 0, INT64_MAX / 16, e)) return false;
  if (max && !c->in[2]) return OW_FAIL(e, OW_EARG, "argmax: needed for mode max");
  if (max && !ow_nn_expect(c, 2, 2, x->shape, e)) return false;
  ow_nn_shape(c, 0, 2, (int64_t[]){c->p[ROWS].i[0], d});
  return true;
}

static bool plain(ow_nn_call *c, ow_err *e) {
  int64_t groups = c->out[0]->shape[0], d = c->in[0]->shape[1];
  const int64_t *off = ow_i64(c->in[1]);
  int mode = (int)c->p[MODE].i[0];
  if (!check_offsets(c, c->in[0]->shape[0], e)) return false;
  ow_elems x = ow_elements(c->in[0]), y = ow_elements(c->out[0]);
  int64_t *arg = ow_outi(c, 1);
  OW_NN_TASKS(g, groups) {
    for (int64_t j = 0; j < d; j++) {
      double r = 0;
      int64_t best = 0;
      for (int64_t i = off[g]; i < off[g + 1]; i++) {
        double v = ow_get(x, i * d + j);
        if (mode != MAX) r += v;
        else if (!best || v > r || (isnan(v) && !isnan(r))) r = v, best = i + 1;
      }
      if (mode == MEAN && off[g + 1] > off[g]) r /= (double)(off[g + 1] - off[g]);
      ow_put(y, g * d + j, r);
      if (mode == MAX && arg) arg[g * d + j] = best;
    }
  }
  OW_NN_DONE(e);
}

// The maximum in tiles of columns, whose selections the compiler turns into vectors.
#define FAST_MAX(T, I)                                                                        \
  static void max_##T(const T *x, int64_t from, int64_t to, int64_t d, T *y, int64_t *arg) {  \
    for (int64_t j0 = 0; j0 < d; j0 += TILE) {                                                \
      int64_t w = ow_min64(TILE, d - j0);                                                     \
      T best[TILE] = {0};                                                                     \
      I at[TILE] = {0};                                                                       \
      for (int64_t i = from; i < to; i++) {                                                   \
        const T *restrict row = x + i * d + j0;                                               \
        I k = (I)(i - from + 1);                                                              \
        if (k == 1) {                                                                         \
          for (int64_t j = 0; j < w; j++) best[j] = row[j], at[j] = 1;                        \
          continue;                                                                           \
        }                                                                                     \
        for (int64_t j = 0; j < w; j++) {                                                     \
          bool take = !(row[j] <= best[j]) & (best[j] == best[j]);                            \
          best[j] = take ? row[j] : best[j];                                                  \
          at[j] = take ? k : at[j];                                                           \
        }                                                                                     \
      }                                                                                       \
      for (int64_t j = 0; j < w; j++) y[j0 + j] = best[j];                                    \
      for (int64_t j = 0; arg && j < w; j++) arg[j0 + j] = at[j] ? from + at[j] : 0;          \
    }                                                                                         \
  }
enum { TILE = 64 };
FAST_MAX(float, int32_t)
FAST_MAX(double, int64_t)

static bool fast(ow_nn_call *c, ow_err *e) {
  int64_t groups = c->out[0]->shape[0], d = c->in[0]->shape[1];
  const int64_t *off = ow_i64(c->in[1]);
  if (c->p[MODE].i[0] != MAX || c->in[0]->shape[0] > INT32_MAX) return plain(c, e);
  if (!check_offsets(c, c->in[0]->shape[0], e)) return false;
  int64_t *arg = ow_outi(c, 1), per = 64;
  OW_NN_TASKS(t, ow_ceil_div(groups, per)) {
    for (int64_t g = t * per; g < ow_min64(groups, (t + 1) * per); g++) {
      int64_t *a = arg ? arg + g * d : NULL;
      if (c->dtype == OW_F32) max_float(ow_f32(c->in[0]), off[g], off[g + 1], d, ow_out32(c, 0) + g * d, a);
      else max_double(ow_f64(c->in[0]), off[g], off[g + 1], d, ow_out64(c, 0) + g * d, a);
    }
  }
  OW_NN_DONE(e);
}

static bool plain_grad(ow_nn_call *c, ow_err *e) {
  int64_t groups = c->in[0]->shape[0], d = c->in[0]->shape[1], rows = c->p[ROWS].i[0];
  const int64_t *off = ow_i64(c->in[1]), *arg = ow_i64(c->in[2]);
  int mode = (int)c->p[MODE].i[0];
  if (!check_offsets(c, rows, e)) return false;
  ow_elems dy = ow_elements(c->in[0]), dx = ow_elements(c->out[0]);
  for (int64_t g = 0; mode == MAX && g < groups; g++)
    for (int64_t j = g * d; j < (g + 1) * d; j++)
      if (off[g + 1] > off[g] ? arg[j] <= off[g] || arg[j] > off[g + 1] : arg[j] != 0)
        return OW_FAIL(e, OW_EARG, "argmax: element %lld is %lld, not a row of group %lld (%lld to %lld)", (long long)j + 1,
                       (long long)arg[j], (long long)g + 1, (long long)off[g] + 1, (long long)off[g + 1]);
  for (int64_t i = 0; i < rows * d; i++) ow_put(dx, i, 0);
  for (int64_t g = 0; g < groups; g++) {
    OW_NN_POLL(e);
    double share = mode == MEAN ? 1 / (double)(off[g + 1] - off[g]) : 1;
    for (int64_t j = 0; j < d; j++) {
      if (mode == MAX) {
        if (arg[g * d + j]) ow_put(dx, (arg[g * d + j] - 1) * d + j, ow_get(dy, g * d + j));
      } else
        for (int64_t i = off[g]; i < off[g + 1]; i++) ow_put(dx, i * d + j, ow_get(dy, g * d + j) * share);
    }
  }
  return true;
}

#define MODES {"mode", OW_NN_ENUM, 0, "sum mean max", "which reduction"}
#define OFFSETS {"offsets", OW_NN_INDEX, .doc = "[G + 1], ascending 0-based bounds of the groups' rows"}

const ow_nn_op ow_nn_segment_reduce = {
    .name = "segment_reduce", .doc = "sum, mean or maximum over groups of rows",
    .in = {{"x", OW_NN_FLOAT, .doc = "[M, D]"}, OFFSETS},
    .out = {{"y", OW_NN_FLOAT, .doc = "[G, D]; 0 for an empty group"},
            {"argmax", OW_NN_INDEX, true, .doc = "[G, D], 1-based row of the maximum, 0 = empty group; [0, D] for the other modes"}},
    .param = {MODES}, .shape = shape, .reference = plain, .cpu = fast,
    .opencl = ow_nn_segment_cl};

const ow_nn_op ow_nn_segment_reduce_grad = {
    .name = "segment_reduce_grad", .doc = "gradient of segment_reduce",
    .in = {{"dy", OW_NN_FLOAT, .doc = "[G, D]"}, OFFSETS,
           {"argmax", OW_NN_INDEX, true, .doc = "[G, D], as segment_reduce gave it; for mode max"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "[rows, D]; rows of no group get 0"}},
    .param = {MODES, {"rows", OW_NN_INT, NAN, NULL, "rows of x"}}, .shape = shape, .reference = plain_grad,
    .opencl = ow_nn_segment_cl};
