// The peer of the benchmark: glibc's vector library, called through its own ABI.
#ifndef OW_OP_PEER_H
#define OW_OP_PEER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simd/isa.h"

typedef struct {
  const char *prefix;  // of the symbols: "_ZGVeN8v", or NULL where there are none
  const char *prefix2; // two arguments
  int lanes;
  void (*run1)(void *f, double *d, const double *x, int64_t n);  // whole vectors only
  void (*run2)(void *f, double *d, const double *x, const double *y, int64_t n);
} ow_peer_kernels;
OW_SIMD_TABLE(ow_peer_kernels, ow_peer)

#endif
