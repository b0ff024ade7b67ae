#include "op/peer.h"

#if defined(__AVX512F__) || defined(__AVX2__)
typedef double vec __attribute__((vector_size(OW_VBYTES)));
typedef double vec_any __attribute__((vector_size(OW_VBYTES), aligned(8), may_alias));
enum { LANES = OW_VBYTES / 8 };
typedef vec (*fn1)(vec);
typedef vec (*fn2)(vec, vec);

static void run1(void *f, double *d, const double *x, int64_t n) {
  for (int64_t i = 0; i + LANES <= n; i += LANES) *(vec_any *)(d + i) = ((fn1)f)(*(const vec_any *)(x + i));
}
static void run2(void *f, double *d, const double *x, const double *y, int64_t n) {
  for (int64_t i = 0; i + LANES <= n; i += LANES)
    *(vec_any *)(d + i) = ((fn2)f)(*(const vec_any *)(x + i), *(const vec_any *)(y + i));
}
#if defined(__AVX512F__)
const ow_peer_kernels OW_ISA_FN(ow_peer) = {"_ZGVeN8v", "_ZGVeN8vv", LANES, run1, run2};
#else
const ow_peer_kernels OW_ISA_FN(ow_peer) = {"_ZGVdN4v", "_ZGVdN4vv", LANES, run1, run2};
#endif
#else
const ow_peer_kernels OW_ISA_FN(ow_peer) = {0};
#endif
