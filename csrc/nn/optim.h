// Vectorised steps of the optimisers: v = {grad, param, state, state}, n elements each.
#ifndef OW_NN_OPTIM_H
#define OW_NN_OPTIM_H
#include <stdbool.h>
#include <stdint.h>

#include "simd/isa.h"

typedef struct {
  double lr, beta1, beta2, rest1, rest2, eps, decay, keep, root;
  bool nesterov, first;
} ow_optim;

typedef struct {
  void (*sgd)(const ow_optim *o, void *const *v, int64_t n);
  void (*rmsprop)(const ow_optim *o, void *const *v, int64_t n);
  void (*adam)(const ow_optim *o, void *const *v, int64_t n);
} ow_optim_kernels;

typedef struct { ow_optim_kernels of[2]; } ow_optim_table_t;  // [0] f32, [1] f64
OW_SIMD_TABLE(ow_optim_table_t, ow_optim_table)

#endif
