// Steps of the optimisers in the arithmetic of the parameters: plain loops, which the compiler
// vectorises. optim.c has the formulas.
#include "nn/optim.h"

#include "nn/vec.h"

#define LOOP _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)

#define STEPS(T, SQRT)                                                                                    \
  static void sgd_##T(const ow_optim *o, void *const *v, int64_t n) {                                     \
    const T *restrict g = v[0];                                                                           \
    T *restrict p = v[1], *restrict b = v[2];                                                             \
    T lr = (T)o->lr, mu = (T)o->beta1, rest = (T)o->rest1, decay = (T)o->decay;                           \
    if (mu == 0) {                                                                                        \
      LOOP p[i] -= lr * (g[i] + decay * p[i]);                                                            \
      return;                                                                                             \
    }                                                                                                     \
    if (o->first) LOOP b[i] = g[i] + decay * p[i];                                                        \
    else LOOP b[i] = mu * b[i] + rest * (g[i] + decay * p[i]);                                            \
    if (o->nesterov) LOOP p[i] -= lr * (g[i] + decay * p[i] + mu * b[i]);                                 \
    else LOOP p[i] -= lr * b[i];                                                                          \
  }                                                                                                       \
  static void rmsprop_##T(const ow_optim *o, void *const *v, int64_t n) {                                 \
    const T *restrict g = v[0];                                                                           \
    T *restrict p = v[1], *restrict q = v[2], *restrict b = v[3];                                         \
    T lr = (T)o->lr, mu = (T)o->beta1, a = (T)o->beta2, rest = (T)o->rest2, eps = (T)o->eps, decay = (T)o->decay; \
    if (mu == 0) {                                                                                        \
      LOOP {                                                                                              \
        T d = g[i] + decay * p[i], s = a * q[i] + rest * d * d;                                           \
        q[i] = s;                                                                                         \
        p[i] -= lr * (d / (SQRT(s) + eps));                                                               \
      }                                                                                                   \
      return;                                                                                             \
    }                                                                                                     \
    LOOP {                                                                                                \
      T d = g[i] + decay * p[i], s = a * q[i] + rest * d * d, u = mu * b[i] + d / (SQRT(s) + eps);        \
      q[i] = s;                                                                                           \
      b[i] = u;                                                                                           \
      p[i] -= lr * u;                                                                                     \
    }                                                                                                     \
  }                                                                                                       \
  static void adam_##T(const ow_optim *o, void *const *v, int64_t n) {                                    \
    const T *restrict g = v[0];                                                                           \
    T *restrict p = v[1], *restrict m = v[2], *restrict w = v[3];                                         \
    T lr = (T)o->lr, b1 = (T)o->beta1, b2 = (T)o->beta2, r1 = (T)o->rest1, r2 = (T)o->rest2;              \
    T eps = (T)o->eps, decay = (T)o->decay, keep = (T)o->keep, root = (T)o->root;                         \
    LOOP {                                                                                                \
      T x = p[i] * keep, d = g[i] + decay * p[i], a = b1 * m[i] + r1 * d, s = b2 * w[i] + r2 * d * d;     \
      m[i] = a;                                                                                           \
      w[i] = s;                                                                                           \
      p[i] = x - lr * (a / (SQRT(s) * root + eps));                                                       \
    }                                                                                                     \
  }
STEPS(float, sqrtf)
STEPS(double, sqrt)

#define KERNELS(T) {sgd_##T, rmsprop_##T, adam_##T}
const ow_optim_table_t OW_ISA_FN(ow_optim_table) = {{KERNELS(float), KERNELS(double)}};
