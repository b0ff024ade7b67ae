// Element types. One list drives everything that is generic over them:
//   #define BODY(ID, name, ctype) ...
//   OW_REAL_DTYPES(BODY)
#ifndef OW_BASE_DTYPE_H
#define OW_BASE_DTYPE_H
#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef float _Complex ow_c64;
typedef double _Complex ow_c128;

//      id        name   C type
#define OW_INT_DTYPES(X) \
  X(OW_U8, u8, uint8_t)  \
  X(OW_I32, i32, int32_t) \
  X(OW_I64, i64, int64_t)
#define OW_FLOAT_DTYPES(X) \
  X(OW_F32, f32, float)    \
  X(OW_F64, f64, double)
#define OW_COMPLEX_DTYPES(X) \
  X(OW_C64, c64, ow_c64)     \
  X(OW_C128, c128, ow_c128)
#define OW_REAL_DTYPES(X) OW_INT_DTYPES(X) OW_FLOAT_DTYPES(X)
#define OW_ALL_DTYPES(X) OW_REAL_DTYPES(X) OW_COMPLEX_DTYPES(X)

typedef enum {
  OW_U8, OW_I32, OW_I64, OW_F32, OW_F64, OW_C64, OW_C128,
  OW_F16, OW_BF16,  // storage and conversion only
  OW_NDTYPE
} ow_dtype;

size_t ow_dtype_size(ow_dtype t);
const char *ow_dtype_name(ow_dtype t);
bool ow_dtype_from_name(const char *name, ow_dtype *t);
static inline bool ow_dtype_is_int(ow_dtype t) { return t <= OW_I64; }
static inline bool ow_dtype_is_complex(ow_dtype t) { return t == OW_C64 || t == OW_C128; }
static inline bool ow_dtype_is_float(ow_dtype t) { return t == OW_F32 || t == OW_F64; }

// Result type of a binary operation on tensors. A table, symmetric:
// the smallest of our types that holds both; i32 with f32 gives f64 (f32 cannot hold an
// i32), u8 with f32 stays f32; i64 with f64 gives f64.
ow_dtype ow_dtype_promote(ow_dtype a, ow_dtype b);

#endif
