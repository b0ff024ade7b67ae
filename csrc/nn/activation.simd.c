// Activation functions of floats, a vector at a time; the end of a run is padded into a
// vector, so that an element's bits do not depend on where it stands.
#include "nn/activation.h"

#include "nn/vmathf.h"

// 1 / (1 + exp(-x)); other: the same of -x
INL vec_float sigmoid(vec_float x, vec_float *other) {
  vec_float e = exp_vec(-abs_vec(x)), big = 1 / (1 + e), small = e * big;
  *other = pick_lt(x, F(0), big, small);
  return pick_lt(x, F(0), small, big);
}

INL vec_float value(int kind, float a, vec_float x) {
  vec_float o, t;
  switch (kind) {
    case OW_ACT_RELU: return pick_lt(x, F(0), F(0), x);
    case OW_ACT_LEAKY_RELU: return pick_lt(F(0), x, x, a * x);
    case OW_ACT_ELU: return pick_lt(F(0), x, x, a * expm1_vec(pick_lt(F(0), x, F(0), x)));
    case OW_ACT_GELU: t = normal_tail(x, &o); return x * pick_lt(x, F(0), t, 1 - t);
    case OW_ACT_SIGMOID: return sigmoid(x, &o);
    case OW_ACT_TANH: t = expm1_vec(-2 * abs_vec(x)); return with_sign(t / (-2 - t), x);
    case OW_ACT_SOFTPLUS: return pick_lt(F(0), x, x, F(0)) + log1p_vec(exp_vec(-abs_vec(x)));
    case OW_ACT_SILU: return x * sigmoid(x, &o);
    default: return x;
  }
}

// The slope times g.
INL vec_float slope(int kind, float a, vec_float x, vec_float g) {
  vec_float o, s, t;
  switch (kind) {
    case OW_ACT_RELU: return pick_lt(F(0), x, g, pick_lt(x, F(0x1p-149f), F(0), g));
    case OW_ACT_LEAKY_RELU: return pick_lt(F(0), x, g, a * g);
    case OW_ACT_ELU: return pick_lt(F(0), x, g, a * exp_vec(pick_lt(F(0), x, F(0), x)) * g);
    case OW_ACT_GELU: t = normal_tail(x, &o); return fma_float(x * o, F(0.398942280f), pick_lt(x, F(0), t, 1 - t)) * g;
    case OW_ACT_SIGMOID: s = sigmoid(x, &o); return s * o * g;
    case OW_ACT_TANH: t = exp_vec(-2 * abs_vec(x)); s = 1 + t; return 4 * t / (s * s) * g;
    case OW_ACT_SOFTPLUS: return sigmoid(x, &o) * g;
    case OW_ACT_SILU: s = sigmoid(x, &o); return s * fma_float(x, o, F(1)) * g;
    default: return g;
  }
}

INL void run(int kind, float a, const float *x, const float *g, float *y, int64_t n, bool past) {
  enum { BLOCK = 1024, L = OW_VBYTES / 4 };
  _Alignas(64) float block[BLOCK], pad[3][L] = {{0}};
#define ONE(v, w) (g ? slope(kind, a, load_float(v), load_float(w)) : value(kind, a, load_float(v)))
  for (int64_t from = 0; from < n; from += BLOCK) {
    int64_t m = n - from < BLOCK ? n - from : BLOCK, i = 0;
    float *q = past ? block : y + from;
    for (; i + L <= m; i += L) *(vec_float *)(q + i) = ONE(x + from + i, g + from + i);
    if (i < m) {
      memcpy(pad[0], x + from + i, (size_t)(m - i) * sizeof *x);
      if (g) memcpy(pad[1], g + from + i, (size_t)(m - i) * sizeof *g);
      *(vec_float *)pad[2] = ONE(pad[0], pad[1]);
      memcpy(q + i, pad[2], (size_t)(m - i) * sizeof *q);
    }
    if (past) ow_stream(y + from, block, m * (int64_t)sizeof *y);
  }
  if (past) ow_stream_end();
}

static void forward(int kind, double a, const float *x, float *y, int64_t n, bool past) {
  switch (kind) {
#define CASE(K) case K: run(K, (float)a, x, NULL, y, n, past); break;
    CASE(OW_ACT_NONE) CASE(OW_ACT_RELU) CASE(OW_ACT_LEAKY_RELU) CASE(OW_ACT_ELU) CASE(OW_ACT_GELU)
    CASE(OW_ACT_SIGMOID) CASE(OW_ACT_TANH) CASE(OW_ACT_SOFTPLUS) CASE(OW_ACT_SILU)
#undef CASE
  }
}

static void backward(int kind, double a, const float *x, const float *g, float *d, int64_t n, bool past) {
  switch (kind) {
#define CASE(K) case K: run(K, (float)a, x, g, d, n, past); break;
    CASE(OW_ACT_NONE) CASE(OW_ACT_RELU) CASE(OW_ACT_LEAKY_RELU) CASE(OW_ACT_ELU) CASE(OW_ACT_GELU)
    CASE(OW_ACT_SIGMOID) CASE(OW_ACT_TANH) CASE(OW_ACT_SOFTPLUS) CASE(OW_ACT_SILU)
#undef CASE
  }
}

const ow_activation_kernels OW_ISA_FN(ow_activation_table) = {forward, backward};
