// Filling tensors from a Philox stream. Element k of a fill reads fixed words of the stream
// (one, or two for normals), so a fill may be cut anywhere and gives the same bits at any
// thread count, SIMD level and machine with IEEE arithmetic.
#ifndef OW_OP_RANDOM_H
#define OW_OP_RANDOM_H
#include "base/random.h"
#include "base/tensor.h"
#include "simd/isa.h"

typedef enum {
  OW_UNIFORM,      // [a, b)
  OW_NORMAL,       // mean a, standard deviation b
  OW_EXPONENTIAL,  // mean a
  OW_INTEGERS,     // lo .. lo + span - 1 (span 0: all 2^64)
  OW_POISSON,      // mean a
  OW_GAMMA,        // shape a, scale b
} ow_dist;

typedef struct {
  ow_dist dist;
  double a, b;
  int64_t lo;
  uint64_t span;
} ow_law;

// Words of the stream that n elements use.
static inline uint64_t ow_law_words(const ow_law *law, int64_t n) {
  return (uint64_t)n * (law->dist == OW_NORMAL ? 2 : 1);
}
// Fills t (any dtype and strides) in row-major order from word `first`. Integer laws into a
// dtype that cannot hold a value: OW_EDTYPE.
bool ow_random_fill(const ow_tensor *t, const ow_law *law, uint64_t seed, uint64_t stream, uint64_t first, ow_err *e);

// idx[0..n-1] = a permutation of 1..n (Fisher-Yates from the end; n - 1 words).
bool ow_random_permutation(int64_t *idx, int64_t n, ow_rng *g, ow_err *e);
// idx[0..k-1] = k different numbers of 1..n, in random order (k words).
bool ow_random_subset(int64_t *idx, int64_t k, int64_t n, ow_rng *g, ow_err *e);

// Per ISA: n words from word `first`; transforms of n words (2n for normal) to doubles.
typedef struct {
  void (*words)(uint64_t seed, uint64_t stream, uint64_t first, int64_t n, uint64_t *out);
  void (*uniform)(const uint64_t *w, int64_t n, double lo, double hi, double *out);
  void (*uniform24)(const uint64_t *w, int64_t n, float lo, float hi, float *out);
  void (*normal)(const uint64_t *w, int64_t n, double mean, double std, double *out);
  void (*exponential)(const uint64_t *w, int64_t n, double mean, double *out);
} ow_random_kernels;
OW_SIMD_TABLE(ow_random_kernels, ow_random_table)

#endif
