// Vector primitives of the neighbour searches: 16 points or 16 boxes against one query. The
// arithmetic is the one that cells.h states, without fused steps, so that every instruction
// set gives the same bits.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/cells.h"

#ifdef OW_ISA_avx512
#include <immintrin.h>
#endif

// Collected candidates with a second set of buffers for partitioning.
typedef struct { float *d, *td; int32_t *id, *tid; int64_t n, cap; } ow_pairs_f32;
typedef struct { double *d, *td; int32_t *id, *tid; int64_t n, cap; } ow_pairs_f64;

#define T float
#define INT int32_t
#define F(name) OW_CAT(ow_##name, f32)
#define SQRT sqrtf
#ifdef OW_ISA_avx512
#define LANES 16
#define V __m512
#define VI __m512i
#define M __mmask16
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define SET _mm512_set1_ps
#define ADD _mm512_add_ps
#define SUB _mm512_sub_ps
#define MUL _mm512_mul_ps
#define MAX _mm512_max_ps
#define ZERO _mm512_setzero_ps()
#define CMP _mm512_cmp_ps_mask
#define PACK _mm512_maskz_compress_ps
#define LOADI(p) _mm512_loadu_si512(p)
#define STOREI(p, v) _mm512_storeu_si512(p, v)
#define SETI _mm512_set1_epi32
#define CMPI _mm512_cmpneq_epi32_mask
#define PACKI _mm512_maskz_compress_epi32
#define SETR _mm512_set1_epi32
#define ADDR _mm512_mask_add_epi32
#endif
#include "geometry/knn_vector.h"
#include "geometry/knn_select.h"
#include "geometry/knn_search.h"
#undef T
#undef INT
#undef F
#undef SQRT
#ifdef OW_ISA_avx512
#undef LANES
#undef V
#undef VI
#undef M
#undef LOAD
#undef STORE
#undef SET
#undef ADD
#undef SUB
#undef MUL
#undef MAX
#undef ZERO
#undef CMP
#undef PACK
#undef LOADI
#undef STOREI
#undef SETI
#undef CMPI
#undef PACKI
#undef SETR
#undef ADDR
#define LANES 8
#define V __m512d
#define VI __m256i
#define M __mmask8
#define LOAD _mm512_loadu_pd
#define STORE _mm512_storeu_pd
#define SET _mm512_set1_pd
#define ADD _mm512_add_pd
#define SUB _mm512_sub_pd
#define MUL _mm512_mul_pd
#define MAX _mm512_max_pd
#define ZERO _mm512_setzero_pd()
#define CMP _mm512_cmp_pd_mask
#define PACK _mm512_maskz_compress_pd
#define LOADI(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define STOREI(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define SETI _mm256_set1_epi32
#define CMPI _mm256_cmpneq_epi32_mask
#define PACKI _mm256_maskz_compress_epi32
#define SETR _mm512_set1_epi64
#define ADDR _mm512_mask_add_epi64
#endif
#define T double
#define INT int64_t
#define F(name) OW_CAT(ow_##name, f64)
#define SQRT sqrt
#include "geometry/knn_vector.h"
#include "geometry/knn_select.h"
#include "geometry/knn_search.h"

extern const ow_knn_kernels OW_ISA_FN(ow_knn_table);
const ow_knn_kernels OW_ISA_FN(ow_knn_table) = {ow_run_f32, ow_run_f64};
