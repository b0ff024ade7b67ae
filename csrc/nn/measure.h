// Vectorised runs of measure.c.
#ifndef OW_NN_MEASURE_H
#define OW_NN_MEASURE_H
#include <stdint.h>

#include "simd/isa.h"

typedef struct {
  double (*squares)(const void *x, int64_t n);     // sum of squares in f64
  int64_t (*nonfinite)(const void *x, int64_t n);  // 0-based place of the first, -1: none
} ow_measure_kernels;

typedef struct { ow_measure_kernels of[2]; } ow_measure_table_t;  // [0] f32, [1] f64
OW_SIMD_TABLE(ow_measure_table_t, ow_measure_table)

#endif
