// The driver of reductions. The reduced axes are moved behind the kept ones and merged into
// one (a copy when their strides do not allow it), so that a kernel sees a row of n elements
// for each result. Where the kept axis is the denser one, a kernel takes a tile of columns.
// Cuts: rows in CHUNK elements, columns in tiles and ROW_CHUNK rows; partial states are
// combined pairwise in index order.
#include "op/reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/device.h"
#include "base/threads.h"
#include "op/op_cl.h"

enum { CHUNK = OW_GRAIN, ROW_CHUNK = 4096 };

static const struct { const char *name, *doc; } info[OW_NREDUCE] = {
#define ROW(id, result, doc) {#id, doc},
    OW_REDUCE_LIST(ROW)
#undef ROW
};
const char *ow_reduce_name(ow_reduce_id r) { return info[r].name; }
const char *ow_reduce_doc(ow_reduce_id r) { return info[r].doc; }

// A tensor seen as results x n.
typedef struct {
  ow_tensor kept;    // view with the kept axes only
  int64_t n, rs;     // reduced length and its stride in elements
  int64_t results;
} plan;

static bool make_plan(plan *p, const ow_tensor *t, unsigned axes, ow_err *e) {
  ow_tensor v = *t;
  int nk = 0, nr = 0;
  for (int d = 0; d < t->ndim; d++)
    if (!(axes >> d & 1)) { v.shape[nk] = t->shape[d]; v.stride[nk++] = t->stride[d]; }
  p->results = 1;
  for (int d = 0; d < nk; d++) p->results *= v.shape[d];
  p->n = 1;
  p->rs = 1;
  bool merged = true;
  for (int d = 0; d < t->ndim; d++) {
    if (!(axes >> d & 1)) continue;
    v.shape[nk + nr] = t->shape[d];
    v.stride[nk + nr++] = t->stride[d];
    if (t->shape[d] == 1) continue;
    if (p->n > 1 && p->rs != t->stride[d] * t->shape[d]) merged = false;
    p->n *= t->shape[d];
    p->rs = t->stride[d];
  }
  if (merged || p->n == 0 || p->results == 0) {
    ow_tensor_view(&p->kept, &v);
  } else {
    if (!ow_tensor_contiguous(&p->kept, &v, e)) return false;
    p->rs = 1;
  }
  p->kept.ndim = nk;
  return true;
}

typedef struct {
  const ow_fold_kernels *k;
  const plan *p;
  ow_walk w;            // of the kept axes
  const char *param;    // one item a result, or NULL
  size_t param_size;
  bool arg;             // the parameter is the index of the first element
  char *state;          // [chunks][results]
  int64_t chunks;
} fold_job;

static const void *param_of(const fold_job *j, int64_t result, const int64_t *first) {
  if (j->arg) return first;
  return j->param ? j->param + result * (int64_t)j->param_size : NULL;
}

// Row chunks [c] of results o0 .. o1.
static void fold_rows(const fold_job *j, int64_t o0, int64_t o1, int64_t c) {
  const ow_walk *w = &j->w;
  int64_t es = (int64_t)w->esize[0], rs = j->p->rs * es, first = c * CHUNK;
  int64_t n = j->p->n - first < CHUNK ? j->p->n - first : CHUNK;
  char *p[4];
  for (int64_t o = o0; o < o1; o++) {
    if (o == o0 || o % w->inner == 0) {
      ow_walk_at(w, o / w->inner, p);
      p[0] += o % w->inner * w->istride[0] * es + first * rs;
    } else p[0] += w->istride[0] * es;
    j->k->row(p[0], rs, n, j->state + (c * j->p->results + o) * (int64_t)j->k->state, param_of(j, o, &first));
  }
}

static void fold_cols(const fold_job *j, int64_t outer, int64_t tile, int64_t c) {
  const ow_walk *w = &j->w;
  int64_t es = (int64_t)w->esize[0], rs = j->p->rs * es, cs = w->istride[0] * es, first = c * ROW_CHUNK;
  int64_t n = j->p->n - first < ROW_CHUNK ? j->p->n - first : ROW_CHUNK, c0 = tile * OW_FOLD_TILE;
  int64_t m = w->inner - c0 < OW_FOLD_TILE ? w->inner - c0 : OW_FOLD_TILE, o = outer * w->inner + c0;
  char *p[4];
  ow_walk_at(w, outer, p);
  j->k->col(p[0] + c0 * cs + first * rs, rs, cs, n, m, j->state + (c * j->p->results + o) * (int64_t)j->k->state,
            param_of(j, o, &first));
}

// states: room for results states. False on interrupt or lack of memory.
static bool fold(ow_fold f, const plan *p, void *states, const void *param, size_t param_size, ow_err *e) {
  fold_job j = {.k = &ow_folds()->k[f][p->kept.dtype], .p = p, .param = param, .param_size = param_size,
                .arg = f == OW_FOLD_argmin || f == OW_FOLD_argmax};
  if (p->results == 0) return true;
  const ow_tensor *t = &p->kept;
  ow_walk_init(&j.w, 1, &t);
  bool cols = j.w.inner >= 8 && llabs(p->rs) > llabs(j.w.istride[0]);
  int64_t per = cols ? ROW_CHUNK : CHUNK;
  j.chunks = p->n > per ? (p->n + per - 1) / per : 1;
  char *partial = NULL;
  j.state = states;
  if (j.chunks > 1) {
    partial = ow_alloc_array((size_t)(j.chunks * p->results), j.k->state, e);
    if (!partial) return false;
    j.state = partial;
  }
  int64_t tiles = (j.w.inner + OW_FOLD_TILE - 1) / OW_FOLD_TILE;
  int64_t group = p->n >= CHUNK ? 1 : CHUNK / (p->n > 0 ? p->n : 1);
  int64_t groups = (p->results + group - 1) / group;
  int64_t tasks = (cols ? j.w.outer * tiles : groups) * j.chunks;
  int stop = 0;
#pragma omp parallel for num_threads(ow_threads()) if (tasks > 1 && p->results * p->n > OW_GRAIN)
  for (int64_t k = 0; k < tasks; k++) {
    if (__atomic_load_n(&stop, __ATOMIC_RELAXED)) continue;
    int64_t c = k % j.chunks, u = k / j.chunks;
    if (cols) fold_cols(&j, u / tiles, u % tiles, c);
    else {
      int64_t o0 = u * group, o1 = o0 + group < p->results ? o0 + group : p->results;
      fold_rows(&j, o0, o1, c);
    }
    if (ow_interrupted()) __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  }
  if (partial && !stop) {
    int64_t row = p->results * (int64_t)j.k->state;
    for (int64_t gap = 1; gap < j.chunks; gap *= 2)  // neighbours, then pairs, then fours
      for (int64_t c = 0; c + gap < j.chunks; c += 2 * gap)
        j.k->combine(partial + c * row, partial + (c + gap) * row, p->results);
    memcpy(states, partial, (size_t)row);
  }
  ow_free(partial);
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

// A tensor of `dtype` with the shape of the results.
static bool new_states(ow_tensor *t, const plan *p, ow_dtype dtype, ow_err *e) {
  return ow_tensor_new(t, dtype, p->kept.ndim, p->kept.shape, e);
}

static void scale(ow_tensor *t, double by) {
  int64_t n = ow_tensor_numel(t) * (t->dtype == OW_C128 ? 2 : 1);
  double *v = ow_tensor_data(t);
  for (int64_t i = 0; i < n; i++) v[i] /= by;
}

static bool sums_as_float(const plan *p, ow_tensor *r, ow_err *e) {
  ow_dtype dt = ow_dtype_is_int(p->kept.dtype) ? OW_I64 : ow_dtype_is_complex(p->kept.dtype) ? OW_C128 : OW_F64;
  ow_tensor s;
  if (!new_states(&s, p, dt, e)) return false;
  bool ok = fold(OW_FOLD_sum, p, ow_tensor_data(&s), NULL, 0, e);
  if (ok) ok = ow_tensor_cast(r, &s, dt == OW_I64 ? OW_F64 : dt, true, e);
  ow_tensor_close(&s);
  return ok;
}

static bool reduce_var(const plan *p, double ddof, bool root, ow_tensor *r, ow_err *e) {
  ow_tensor mean;
  if (!sums_as_float(p, &mean, e)) return false;
  scale(&mean, (double)p->n);
  bool ok = new_states(r, p, OW_F64, e);
  if (ok) {
    double *v = ow_tensor_data(r), over = (double)p->n - ddof;
    ok = fold(OW_FOLD_dev, p, v, ow_tensor_data(&mean), ow_dtype_size(mean.dtype), e);
    for (int64_t i = 0; ok && i < p->results; i++) {
      v[i] = over > 0 ? v[i] / over : NAN;
      if (root) v[i] = sqrt(v[i]);
    }
    if (!ok) ow_tensor_close(r);
  }
  ow_tensor_close(&mean);
  return ok;
}

static bool wide_extreme(const plan *p, double *m, ow_err *e);

// Squares of very large or very small elements leave the range: divide by the largest first.
static bool reduce_norm(const plan *p, ow_tensor *r, ow_err *e) {
  if (!new_states(r, p, OW_F64, e)) return false;
  double *v = ow_tensor_data(r), big;
  bool ok = fold(OW_FOLD_sumsq, p, v, NULL, 0, e), again = false;
  for (int64_t i = 0; ok && i < p->results; i++)
    if (v[i] > 0x1p1000 || (v[i] < 0x1p-900 && p->n > 0)) again = true;
  for (int64_t i = 0; ok && i < p->results; i++) v[i] = sqrt(v[i]);
  if (ok && again && (p->kept.dtype == OW_F64 || p->kept.dtype == OW_C128)) {
    ok = wide_extreme(p, &big, e);
    if (ok && isfinite(big) && big > 0) {
      // Scale by a power of two: exact, so results in range do not change.
      int ex;
      frexp(big, &ex);
      ow_tensor full = p->kept, scaled = {0}, factor;
      full.ndim++;
      full.shape[full.ndim - 1] = p->n;
      full.stride[full.ndim - 1] = p->rs;
      double f = ldexp(1, ex > 400 ? -600 : ex < -400 ? 600 : 0);
      ok = ow_tensor_new(&factor, OW_F64, 0, NULL, e);
      if (ok) {
        *(double *)ow_tensor_data(&factor) = f;
        const ow_tensor *in[2] = {&full, &factor};
        ok = ow_op_apply(&ow_ops[OW_OP_mul], &scaled, in, false, e);
        ow_tensor_close(&factor);
      }
      plan q;
      if (ok) {
        ok = make_plan(&q, &scaled, 1u << (scaled.ndim - 1), e);
        if (ok) {
          ok = fold(OW_FOLD_sumsq, &q, v, NULL, 0, e);
          ow_tensor_close(&q.kept);
        }
        for (int64_t i = 0; ok && i < p->results; i++) v[i] = sqrt(v[i]) / f;
        ow_tensor_close(&scaled);
      }
    }
  }
  if (!ok) ow_tensor_close(r);
  return ok;
}

// Largest finite-or-infinite magnitude of all elements.
static bool wide_extreme(const plan *p, double *m, ow_err *e) {
  ow_tensor full = p->kept, a = {0}, r = {0};
  full.ndim++;
  full.shape[full.ndim - 1] = p->n;
  full.stride[full.ndim - 1] = p->rs;
  const ow_tensor *in = &full;
  if (!ow_op_apply(&ow_ops[OW_OP_abs], &a, &in, false, e)) return false;
  bool ok = ow_reduce(OW_REDUCE_max, &a, (1u << a.ndim) - 1, false, 0, &r, e);
  ow_tensor_close(&a);
  if (!ok) return false;
  *m = *(double *)ow_tensor_data(&r);
  ow_tensor_close(&r);
  return true;
}

static bool reduce_arg(ow_fold f, const plan *p, ow_tensor *r, ow_err *e) {
  size_t size = ow_folds()->k[f][p->kept.dtype].state;
  char *s = ow_alloc_array((size_t)p->results, size, e);
  if (!s) return false;
  bool ok = new_states(r, p, OW_I64, e);
  if (ok) {
    int64_t *v = ow_tensor_data(r);
    ok = fold(f, p, s, NULL, 0, e);
    for (int64_t i = 0; ok && i < p->results; i++) {  // the index is the last member
      memcpy(&v[i], s + (size_t)(i + 1) * size - sizeof(int64_t), sizeof(int64_t));
      v[i]++;
    }
    if (!ok) ow_tensor_close(r);
  }
  ow_free(s);
  return ok;
}

static bool reduce_plain(ow_fold f, const plan *p, ow_dtype dtype, ow_tensor *r, ow_err *e) {
  if (!new_states(r, p, dtype, e)) return false;
  if (fold(f, p, ow_tensor_data(r), NULL, 0, e)) return true;
  ow_tensor_close(r);
  return false;
}

// Puts r (contiguous, of the accumulating dtype) into out, or hands it over as out.
static bool deliver(ow_tensor *r, ow_dtype dtype, int ndim, const int64_t *shape, ow_tensor *out, ow_err *e) {
  char sa[160], sb[160];
  r->ndim = ndim;  // the same elements, with the 1s of keepdims
  int64_t s = 1;
  for (int d = ndim - 1; d >= 0; d--) {
    r->shape[d] = shape[d];
    r->stride[d] = s;
    s *= shape[d] > 0 ? shape[d] : 1;
  }
  bool ok;
  if (!out->storage) {
    if (r->dtype == dtype) { *out = *r; return true; }
    ok = ow_tensor_cast(out, r, dtype, true, e);
  } else {
    ok = out->ndim == ndim;
    for (int d = 0; d < ndim && ok; d++) ok = out->shape[d] == shape[d];
    if (!ok)
      OW_FAIL(e, OW_ESHAPE, "out: has shape %s, the result has %s", ow_shape_string(sa, out->ndim, out->shape),
              ow_shape_string(sb, ndim, shape));
    else if (out->dtype != dtype && ((int)out->dtype >= OW_NKERNEL_DTYPES || !ow_arith()->conv[out->dtype][dtype]))
      ok = OW_FAIL(e, OW_EDTYPE, "out: is %s, which cannot hold the result of dtype %s", ow_dtype_name(out->dtype),
                   ow_dtype_name(dtype));
    else ok = ow_tensor_copy(out, r, true, e);
  }
  ow_tensor_close(r);
  return ok;
}

bool ow_reduce(ow_reduce_id id, const ow_tensor *t, unsigned axes, bool keepdims, double ddof, ow_tensor *out, ow_err *e) {
  ow_tensor wide = {0};
  if (t->storage->device > OW_CPU) return ow_reduce_cl(id, t, axes, keepdims, ddof, out, e);
  if (out->storage && !ow_need_host(out, e)) return false;
  if (t->dtype == OW_F16 || t->dtype == OW_BF16) {
    if (!ow_tensor_cast(&wide, t, OW_F32, true, e)) return false;
    t = &wide;
  }
  ow_dtype d = t->dtype, real = d == OW_C64 ? OW_F32 : d == OW_C128 ? OW_F64 : ow_dtype_is_int(d) ? OW_F64 : d;
  ow_dtype sum = ow_dtype_is_int(d) ? OW_I64 : ow_dtype_is_complex(d) ? OW_C128 : OW_F64;
  int64_t shape[OW_MAXDIM];
  int ndim = 0;
  for (int a = 0; a < t->ndim; a++) {
    if (!(axes >> a & 1)) shape[ndim++] = t->shape[a];
    else if (keepdims) shape[ndim++] = 1;
  }
  plan p;
  ow_tensor r = {0};
  ow_dtype result = d;
  bool ok = false, extreme = id >= OW_REDUCE_min && id <= OW_REDUCE_argmax;
  if (extreme && ow_dtype_is_complex(d)) {
    OW_FAIL(e, OW_EDTYPE, "complex numbers have no order");
    goto end;
  }
  if (!make_plan(&p, t, axes, e)) goto end;
  if (extreme && p.n == 0 && p.results > 0) {
    OW_FAIL(e, OW_EARG, "no elements: an empty tensor has no %s", id == OW_REDUCE_min || id == OW_REDUCE_argmin ? "smallest" : "largest");
    ow_tensor_close(&p.kept);
    goto end;
  }
  switch (id) {
    case OW_REDUCE_sum: case OW_REDUCE_prod:
      result = sum == OW_I64 ? OW_I64 : d;
      ok = reduce_plain(id == OW_REDUCE_sum ? OW_FOLD_sum : OW_FOLD_prod, &p, sum, &r, e);
      break;
    case OW_REDUCE_mean:
      result = ow_dtype_is_int(d) ? OW_F64 : d;
      ok = sums_as_float(&p, &r, e);
      if (ok) scale(&r, (double)p.n);
      break;
    case OW_REDUCE_var: case OW_REDUCE_std:
      result = real;
      ok = reduce_var(&p, ddof, id == OW_REDUCE_std, &r, e);
      break;
    case OW_REDUCE_norm:
      result = real;
      ok = reduce_norm(&p, &r, e);
      break;
    case OW_REDUCE_min: case OW_REDUCE_max:
      ok = reduce_plain(id == OW_REDUCE_min ? OW_FOLD_min : OW_FOLD_max, &p, d, &r, e);
      break;
    case OW_REDUCE_argmin: case OW_REDUCE_argmax:
      result = OW_I64;
      ok = reduce_arg(id == OW_REDUCE_argmin ? OW_FOLD_argmin : OW_FOLD_argmax, &p, &r, e);
      break;
    default:
      result = OW_U8;
      ok = reduce_plain(id == OW_REDUCE_any ? OW_FOLD_any : OW_FOLD_all, &p, OW_U8, &r, e);
  }
  ow_tensor_close(&p.kept);
  if (ok) ok = deliver(&r, result, ndim, shape, out, e);
end:
  ow_tensor_close(&wide);
  return ok;
}
