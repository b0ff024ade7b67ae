#include "base/dtype.h"

#include <string.h>

static const struct { const char *name; size_t size; } info[OW_NDTYPE] = {
#define ROW(ID, n, T) [ID] = {#n, sizeof(T)},
    OW_ALL_DTYPES(ROW)
#undef ROW
    [OW_F16] = {"f16", 2}, [OW_BF16] = {"bf16", 2}};

size_t ow_dtype_size(ow_dtype t) { return info[t].size; }
const char *ow_dtype_name(ow_dtype t) { return t < OW_NDTYPE ? info[t].name : "?"; }

bool ow_dtype_from_name(const char *name, ow_dtype *t) {
  for (int i = 0; i < OW_NDTYPE; i++)
    if (!strcmp(name, info[i].name)) { *t = (ow_dtype)i; return true; }
  return false;
}

ow_dtype ow_dtype_promote(ow_dtype a, ow_dtype b) {
  static const unsigned char T[OW_NDTYPE][OW_NDTYPE] = {
      //          u8       i32      i64      f32      f64      c64      c128     f16     bf16
      [OW_U8] =  {OW_U8,   OW_I32,  OW_I64,  OW_F32,  OW_F64,  OW_C64,  OW_C128, OW_F32, OW_F32},
      [OW_I32] = {OW_I32,  OW_I32,  OW_I64,  OW_F64,  OW_F64,  OW_C128, OW_C128, OW_F64, OW_F64},
      [OW_I64] = {OW_I64,  OW_I64,  OW_I64,  OW_F64,  OW_F64,  OW_C128, OW_C128, OW_F64, OW_F64},
      [OW_F32] = {OW_F32,  OW_F64,  OW_F64,  OW_F32,  OW_F64,  OW_C64,  OW_C128, OW_F32, OW_F32},
      [OW_F64] = {OW_F64,  OW_F64,  OW_F64,  OW_F64,  OW_F64,  OW_C128, OW_C128, OW_F64, OW_F64},
      [OW_C64] = {OW_C64,  OW_C128, OW_C128, OW_C64,  OW_C128, OW_C64,  OW_C128, OW_C64, OW_C64},
      [OW_C128] = {OW_C128, OW_C128, OW_C128, OW_C128, OW_C128, OW_C128, OW_C128, OW_C128, OW_C128},
      [OW_F16] = {OW_F32,  OW_F64,  OW_F64,  OW_F32,  OW_F64,  OW_C64,  OW_C128, OW_F32, OW_F32},
      [OW_BF16] = {OW_F32, OW_F64,  OW_F64,  OW_F32,  OW_F64,  OW_C64,  OW_C128, OW_F32, OW_F32}};
  return (ow_dtype)T[a][b];
}
