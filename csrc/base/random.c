#include "base/random.h"

#include <math.h>

double ow_normal_from_bits(uint64_t u, uint64_t v) {
  double r = sqrt(-2.0 * log(((double)(u >> 11) + 0.5) * 0x1p-53));  // never log(0)
  return r * cos(6.283185307179586476925 * ow_u64_to_unit(v));
}

double ow_rng_normal(ow_rng *g) {
  uint64_t u = ow_rng_u64(g), v = ow_rng_u64(g);
  return ow_normal_from_bits(u, v);
}
