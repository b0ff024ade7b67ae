// What the processor can do at most, measured in the run that is compared with it.
#ifndef OW_SIMD_PEAK_H
#define OW_SIMD_PEAK_H
#include <stdint.h>

#include "simd/isa.h"

typedef struct {
  // n rounds on independent accumulators; *out keeps them alive; returns floating-point operations.
  double (*mul_add_f64)(int64_t n, double *out);
  double (*mul_add_f32)(int64_t n, float *out);
} ow_peak_table;
OW_SIMD_TABLE(ow_peak_table, ow_peak)

#endif
