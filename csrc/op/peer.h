// The peer of the benchmark: glibc's vector library, called through its own ABI.
#ifndef OW_OP_PEER_H
#define OW_OP_PEER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simd/isa.h"

typedef struct {
  const char *one, *two;  // what the symbols start with: "_ZGVeN8v", "_ZGVeN8vv"; NULL where there are none
  // whole vectors only; y is not read by run1
  void (*run1)(void *f, void *d, const void *x, int64_t n);
  void (*run2)(void *f, void *d, const void *x, const void *y, int64_t n);
} ow_peer_type;
typedef struct { ow_peer_type f64, f32; } ow_peer_kernels;
OW_SIMD_TABLE(ow_peer_kernels, ow_peer)

#endif
