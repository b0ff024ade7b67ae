#include "base/random.h"

#include <math.h>

#include "base/normal.h"

double ow_normal_from_bits(uint64_t u, uint64_t v) {
  return sqrt(-2.0 * ow_log_small(ow_open_unit(u))) * ow_cos_turn(ow_unit(v));
}

double ow_rng_normal(ow_rng *g) {
  uint64_t u = ow_rng_u64(g), v = ow_rng_u64(g);
  return ow_normal_from_bits(u, v);
}
