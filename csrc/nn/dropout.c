// Inverted dropout (Srivastava et al., JMLR 2014): y = x m / (1 - p), m = 0 with probability p.
// Element i keeps when word i % 4 of Philox block i / 4 of (seed, stream) is at least p 2^32,
// so the mask is the same bits at any thread count and on any device, and the gradient is
// the same row applied to dy. A dropped element is multiplied by 0: NaN and infinity show.
#include <math.h>

#include "base/random.h"
#include "nn/cl.h"
#include "nn/kernel.h"

enum { P, SEED, STREAM };

static bool shape(ow_nn_call *c, ow_err *e) {
  if (!(c->p[P].f >= 0 && c->p[P].f <= 1)) return OW_FAIL(e, OW_EARG, "p: expected 0 to 1, got %g", c->p[P].f);
  ow_nn_shape_like(c, 0, c->in[0]);
  return true;
}

static bool plain(ow_nn_call *c, ow_err *e) {
  double p = c->p[P].f, scale = p < 1 ? 1 / (1 - p) : 0;
  uint64_t bound = (uint64_t)nearbyint(p * 0x1p32);
  ow_elems x = ow_elements(c->in[0]), y = ow_elements(c->out[0]);
  int64_t n = ow_tensor_numel(c->in[0]);
  for (int64_t i = 0; i < n; i++) {
    uint32_t w[4];
    if (!(i & 0xffff)) OW_NN_POLL(e);
    ow_philox_block((uint64_t)c->p[SEED].i[0], (uint64_t)c->p[STREAM].i[0], (uint64_t)i / 4, w);
    ow_put(y, i, ow_get(x, i) * (w[i % 4] >= bound ? scale : 0));
  }
  return true;
}

// The same with one block of random words for four elements.
#define FAST(T)                                                                                         \
  static void fast_##T(uint64_t seed, uint64_t stream, uint64_t bound, T scale, const T *x, T *y, int64_t from, int64_t to) { \
    for (int64_t i = from; i < to; i += 4) {                                                            \
      uint32_t w[4];                                                                                    \
      ow_philox_block(seed, stream, (uint64_t)i / 4, w);                                                \
      for (int64_t j = i; j < ow_min64(i + 4, to); j++) y[j] = x[j] * (w[j - i] >= bound ? scale : 0);  \
    }                                                                                                   \
  }
FAST(float)
FAST(double)

static bool fast(ow_nn_call *c, ow_err *e) {
  enum { CHUNK = 1 << 14 };  // a multiple of 4
  double p = c->p[P].f, scale = p < 1 ? 1 / (1 - p) : 0;
  uint64_t bound = (uint64_t)nearbyint(p * 0x1p32), seed = (uint64_t)c->p[SEED].i[0], stream = (uint64_t)c->p[STREAM].i[0];
  int64_t n = ow_tensor_numel(c->in[0]);
  OW_NN_TASKS(t, ow_ceil_div(n, CHUNK)) {
    int64_t from = t * CHUNK, to = ow_min64(n, from + CHUNK);
    if (c->dtype == OW_F32) fast_float(seed, stream, bound, (float)scale, ow_f32(c->in[0]), ow_out32(c, 0), from, to);
    else fast_double(seed, stream, bound, scale, ow_f64(c->in[0]), ow_out64(c, 0), from, to);
  }
  OW_NN_DONE(e);
}

const ow_nn_op ow_nn_dropout = {
    .name = "dropout", .doc = "sets elements to 0 with probability p and scales the others by 1/(1-p)",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}}, .out = {{"y", OW_NN_FLOAT, .doc = "as x"}},
    .param = {{"p", OW_NN_NUM, 0.5, NULL, "probability of dropping an element"},
              {"seed", OW_NN_INT, 0, NULL, "seed of the random numbers"},
              {"stream", OW_NN_INT, 0, NULL, "stream of the random numbers: one per layer and step"}},
    .shape = shape, .reference = plain, .cpu = fast, .opencl = ow_nn_dropout_cl};
