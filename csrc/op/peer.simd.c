#include "op/peer.h"

#if defined(__AVX512F__) || defined(__AVX2__)
#define RUNS(N, T)                                                                              \
  typedef T vec_##N __attribute__((vector_size(OW_VBYTES)));                                    \
  typedef T any_##N __attribute__((vector_size(OW_VBYTES), aligned(sizeof(T)), may_alias));     \
  static void run1_##N(void *f, void *d, const void *x, int64_t n) {                            \
    for (int64_t i = 0; i + (int)(OW_VBYTES / sizeof(T)) <= n; i += OW_VBYTES / sizeof(T))      \
      *(any_##N *)((T *)d + i) = ((vec_##N(*)(vec_##N))f)(*(const any_##N *)((const T *)x + i)); \
  }                                                                                             \
  static void run2_##N(void *f, void *d, const void *x, const void *y, int64_t n) {             \
    for (int64_t i = 0; i + (int)(OW_VBYTES / sizeof(T)) <= n; i += OW_VBYTES / sizeof(T))      \
      *(any_##N *)((T *)d + i) = ((vec_##N(*)(vec_##N, vec_##N))f)(                             \
          *(const any_##N *)((const T *)x + i), *(const any_##N *)((const T *)y + i));          \
  }
RUNS(f64, double)
RUNS(f32, float)
#if defined(__AVX512F__)
const ow_peer_kernels OW_ISA_FN(ow_peer) = {{"_ZGVeN8v", "_ZGVeN8vv", run1_f64, run2_f64},
                                            {"_ZGVeN16v", "_ZGVeN16vv", run1_f32, run2_f32}};
#else
const ow_peer_kernels OW_ISA_FN(ow_peer) = {{"_ZGVdN4v", "_ZGVdN4vv", run1_f64, run2_f64},
                                            {"_ZGVdN8v", "_ZGVdN8vv", run1_f32, run2_f32}};
#endif
#else
const ow_peer_kernels OW_ISA_FN(ow_peer) = {{0}, {0}};
#endif
