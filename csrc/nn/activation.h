// The activation functions that rows of this table can apply.
#ifndef OW_NN_ACTIVATION_H
#define OW_NN_ACTIVATION_H
#include <stdbool.h>
#include <stdint.h>

#include "simd/isa.h"

enum { OW_ACT_NONE, OW_ACT_RELU, OW_ACT_LEAKY_RELU, OW_ACT_ELU, OW_ACT_GELU, OW_ACT_SIGMOID, OW_ACT_TANH,
       OW_ACT_SOFTPLUS, OW_ACT_SILU };
#define OW_ACT_WORDS "none relu leaky_relu elu gelu sigmoid tanh softplus silu"

// Runs of n floats; past: store past the caches.
typedef struct {
  void (*forward)(int kind, double alpha, const float *x, float *y, int64_t n, bool past);
  void (*backward)(int kind, double alpha, const float *x, const float *dy, float *dx, int64_t n, bool past);
} ow_activation_kernels;
OW_SIMD_TABLE(ow_activation_kernels, ow_activation_table)

#endif
