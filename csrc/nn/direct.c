// Direct convolution, forward and input gradient: blocks of the input are packed into a
// thread's cache so that no tap needs an edge test (direct_plan.h says how), and register tiles
// (direct.simd.c) run over them. Every output is one sum over input channels and taps in a fixed
// order, so neither blocks nor threads change a bit of it.
// Compare Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD
// architectures" (SC 2018), for the register blocking; layout and blocks are our own.
#include "nn/direct.h"

#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "nn/activation.h"
#include "nn/direct_plan.h"

typedef int32_t pick_f32;
typedef int64_t pick_f64;
#define T float
#define NAME(f) f##_f32
#define TILE tile_f32
#include "nn/direct_pack.h"
#include "nn/direct_body.h"
#undef T
#undef NAME
#undef TILE
#define T double
#define NAME(f) f##_f64
#define TILE tile_f64
#include "nn/direct_pack.h"
#include "nn/direct_body.h"

#define FORWARD(T, sfx, RUN, EPILOGUE)                                                                                     \
  bool ow_direct_forward##sfx(const ow_conv *c, const T *x, const T *w, const EPILOGUE *ep, T *y, ow_err *e) {             \
    const ow_direct_table *k = ow_direct();                                                                                \
    ow_direct_plan p;                                                                                                      \
    if (!c->n) return true;                                                                                                \
    if (!ow_direct_plan_forward(&p, c, k->bytes / (int)sizeof(T), k->channels, sizeof(T), e)) return false;                \
    bool ok = RUN(&p, x, w, ep ? ep->bias : NULL, ep ? ep->activation : OW_ACT_NONE, ep ? ep->alpha : 0, y, e);            \
    ow_direct_plan_free(&p);                                                                                               \
    return ok;                                                                                                             \
  }
FORWARD(float, , run_f32, ow_conv_epilogue)
FORWARD(double, _f64, run_f64, ow_conv_epilogue_f64)

#define GRAD_INPUT(T, sfx, RUN)                                                                                            \
  bool ow_direct_grad_input##sfx(const ow_conv *c, const T *dy, const T *w, T *dx, ow_err *e) {                            \
    const ow_direct_table *k = ow_direct();                                                                                \
    ow_direct_plan p;                                                                                                      \
    if (!c->n) return true;                                                                                                \
    if (!ow_direct_plan_grad_input(&p, c, k->bytes / (int)sizeof(T), k->channels, sizeof(T), e)) return false;             \
    bool ok = true;                                                                                                        \
    if (p.taps) ok = RUN(&p, dy, w, NULL, OW_ACT_NONE, 0, dx, e);                                                          \
    else memset(dx, 0, (size_t)(c->n * c->in * c->size[0] * c->size[1] * c->size[2]) * sizeof(T));                         \
    ow_direct_plan_free(&p);                                                                                               \
    return ok;                                                                                                             \
  }
GRAD_INPUT(float, , run_f32)
GRAD_INPUT(double, _f64, run_f64)
