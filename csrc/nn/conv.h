// Convolution (cross-correlation, as networks mean it) of N samples in 1 to 3 dimensions.
// Shorter ranks are padded with leading axes of size 1: every kernel sees three.
//   y[n,o,d] = bias[o] + sum_{c,k} w[o,c,k] x[n, g*C/G + c, d*stride - padding + k*dilation]
#ifndef OW_NN_CONV_H
#define OW_NN_CONV_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/nn.h"

typedef struct {
  int64_t n, in, out, groups;            // samples, channels in and out (whole), groups
  int64_t size[3], kernel[3], osize[3];  // input, kernel, output extents
  int64_t stride[3], padding[3], dilation[3];
} ow_conv;

// Applied to y while it is still in registers or cache.
typedef struct {
  const float *bias;  // [out] or NULL
  int activation;     // OW_ACT_NONE, OW_ACT_RELU or OW_ACT_LEAKY_RELU
  float alpha;
} ow_conv_epilogue;

// ---- Winograd (winograd.c): stride 1, dilation 1, one group, kernel extents 1 or 3 ----------
bool ow_winograd_can(const ow_conv *p);
// Tile m[3]: outputs per axis (1, 2, 4 or more); zeros: chosen by shape. Error is documented there.
bool ow_winograd_forward(const ow_conv *p, const int m[3], const float *x, const float *w,
                         const ow_conv_epilogue *ep, float *y, ow_err *e);
bool ow_winograd_grad_input(const ow_conv *p, const int m[3], const float *dy, const float *w, float *dx, ow_err *e);
bool ow_winograd_grad_weight(const ow_conv *p, const int m[3], const float *x, const float *dy, float *dw, ow_err *e);

// ---- direct (direct.c, direct_weight.c): any convolution -------------------------------------
bool ow_direct_forward(const ow_conv *p, const float *x, const float *w, const ow_conv_epilogue *ep, float *y, ow_err *e);
bool ow_direct_grad_input(const ow_conv *p, const float *dy, const float *w, float *dx, ow_err *e);
bool ow_direct_grad_weight(const ow_conv *p, const float *x, const float *dy, float *dw, ow_err *e);

// ---- f64: every method but Winograd ----------------------------------------------------------
typedef struct {
  const double *bias;
  int activation;
  double alpha;
} ow_conv_epilogue_f64;

bool ow_direct_forward_f64(const ow_conv *p, const double *x, const double *w, const ow_conv_epilogue_f64 *ep, double *y,
                           ow_err *e);
bool ow_direct_grad_input_f64(const ow_conv *p, const double *dy, const double *w, double *dx, ow_err *e);
bool ow_direct_grad_weight_f64(const ow_conv *p, const double *x, const double *dy, double *dw, ow_err *e);

// ---- plain scalar reference (conv_reference.c): sums in f64 ----------------------------------
bool ow_conv_reference_forward(const ow_conv *p, const float *x, const float *w, const ow_conv_epilogue *ep, float *y, ow_err *e);
bool ow_conv_reference_grad_input(const ow_conv *p, const float *dy, const float *w, float *dx, ow_err *e);
bool ow_conv_reference_grad_weight(const ow_conv *p, const float *x, const float *dy, float *dw, ow_err *e);
bool ow_conv_reference_forward_f64(const ow_conv *p, const double *x, const double *w, const ow_conv_epilogue_f64 *ep,
                                   double *y, ow_err *e);
bool ow_conv_reference_grad_input_f64(const ow_conv *p, const double *dy, const double *w, double *dx, ow_err *e);
bool ow_conv_reference_grad_weight_f64(const ow_conv *p, const double *x, const double *dy, double *dw, ow_err *e);

// ---- choice (conv_choose.c) ------------------------------------------------------------------
typedef enum { OW_CONV_AUTO, OW_CONV_DIRECT, OW_CONV_WINOGRAD, OW_CONV_REFERENCE } ow_conv_method;
#define OW_CONV_METHODS "auto direct winograd reference"
typedef enum { OW_CONV_FORWARD, OW_CONV_GRAD_INPUT, OW_CONV_GRAD_WEIGHT } ow_conv_pass;
// What computes this pass: `wish` (the row's parameter), else OROWAN_CONV, else by shape.
// A wish that cannot be is an error; an environment variable that cannot be is passed over.
bool ow_conv_choose(const ow_conv *p, ow_conv_pass pass, ow_dtype dtype, ow_conv_method wish, ow_conv_method *method, ow_err *e);

// The problem of a call of one of the three rows (conv.c).
bool ow_conv_problem(const ow_nn_call *c, ow_conv *p, ow_err *e);

#endif
