// How one body becomes one function per instruction set.
//
// A file NAME.simd.c is compiled once for each ISA (x86-64: base, avx2, avx512; Arm: neon)
// with OW_ISA set to that word. It exports one table of functions,
//   const my_kernels OW_ISA_FN(my) = {...};
// and the header that describes the table says OW_SIMD_TABLE(my_kernels, my), which
// declares the variants and defines my(), the table for the level in force.
//
// Use GCC vector extensions of a fixed width (OW_VBYTES), or plain loops that the compiler
// vectorises; explicit FMA only through ow_fma (contraction is off).
#ifndef OW_SIMD_ISA_H
#define OW_SIMD_ISA_H

typedef enum { OW_SIMD_BASE = 0, OW_SIMD_AVX2 = 1, OW_SIMD_AVX512 = 2, OW_SIMD_NEON = 3 } ow_simd;

// The level in force: the best that processor and system support, or OROWAN_SIMD.
ow_simd ow_simd_level(void);
const char *ow_simd_name(ow_simd level);
// Why OROWAN_SIMD was not obeyed (unknown or unsupported word), or NULL.
const char *ow_simd_complaint(void);

#define OW_CAT2(a, b) a##_##b
#define OW_CAT(a, b) OW_CAT2(a, b)
#ifdef OW_ISA
#define OW_ISA_FN(name) OW_CAT(name, OW_ISA)
#endif

#if defined(__x86_64__) || defined(__amd64__)
#define OW_SIMD_TABLE(type, name)                                    \
  extern const type name##_base, name##_avx2, name##_avx512;         \
  static inline const type *name(void) {                             \
    switch (ow_simd_level()) {                                       \
      case OW_SIMD_AVX512: return &name##_avx512;                    \
      case OW_SIMD_AVX2: return &name##_avx2;                        \
      default: return &name##_base;                                  \
    }                                                                \
  }
#elif defined(__aarch64__)
#define OW_SIMD_TABLE(type, name) \
  extern const type name##_neon;  \
  static inline const type *name(void) { return &name##_neon; }
#else
#define OW_SIMD_TABLE(type, name) \
  extern const type name##_base;  \
  static inline const type *name(void) { return &name##_base; }
#endif

// Widest vector of this compilation, bytes.
#if defined(__AVX512F__)
#define OW_VBYTES 64
#elif defined(__AVX2__)
#define OW_VBYTES 32
#else
#define OW_VBYTES 16
#endif

#endif
