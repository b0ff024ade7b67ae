#include "base/tensor.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/device.h"
#include "base/threads.h"

static void storage_unref(ow_storage *s) {
  if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL)) return;
  if (s->release) s->release(s);
  else ow_free(s->data);
  ow_free(s);
}

static void set_shape(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape) {
  t->dtype = dtype;
  t->ndim = ndim;
  int64_t s = 1;
  for (int d = ndim - 1; d >= 0; d--) {
    t->shape[d] = shape[d];
    t->stride[d] = s;
    s *= shape[d] > 0 ? shape[d] : 1;
  }
}

// Product of the sizes times `unit`. An axis of size 0 does not excuse the others: strides
// are products of them all.
static bool fits(size_t unit, int ndim, const int64_t *shape, int64_t *bytes) {
  size_t n = unit;
  bool none = false;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] == 0) none = true;
    else if (__builtin_mul_overflow(n, (size_t)shape[d], &n) || n > (size_t)1 << 46) return false;
  }
  *bytes = none ? 0 : (int64_t)n;
  return true;
}

bool ow_tensor_bytes(ow_dtype dtype, int ndim, const int64_t *shape, size_t *bytes, ow_err *e) {
  char buf[160];
  if (ndim < 0 || ndim > OW_MAXDIM)
    return OW_FAIL(e, OW_ESHAPE, "a tensor has at most %d dimensions, got %d", OW_MAXDIM, ndim);
  for (int d = 0; d < ndim; d++)
    if (shape[d] < 0)
      return OW_FAIL(e, OW_ESHAPE, "size of axis %d is %lld: sizes are 0 or more", d + 1, (long long)shape[d]);
  int64_t n;
  if (!fits(ow_dtype_size(dtype), ndim, shape, &n))
    return OW_FAIL(e, OW_EMEM, "a tensor of shape %s is too large", ow_shape_string(buf, ndim, shape));
  *bytes = (size_t)n;
  return true;
}

bool ow_tensor_wrap(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape, void *data,
                    size_t bytes, void (*release)(ow_storage *), void *owner, ow_err *e) {
  ow_storage *s = ow_alloc_zero(sizeof *s, e);
  if (!s) return false;
  s->data = data;
  s->bytes = bytes;
  s->refs = 1;
  s->release = release;
  s->owner = owner;
  memset(t, 0, sizeof *t);
  t->storage = s;
  set_shape(t, dtype, ndim, shape);
  return true;
}

bool ow_tensor_new(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape, ow_err *e) {
  size_t bytes = 0;
  if (!ow_tensor_bytes(dtype, ndim, shape, &bytes, e)) return false;
  void *data = ow_alloc(bytes, e);
  if (!data) return false;
  if (ow_tensor_wrap(t, dtype, ndim, shape, data, bytes, NULL, NULL, e)) return true;
  ow_free(data);
  return false;
}

bool ow_tensor_zeros(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape, ow_err *e) {
  if (!ow_tensor_new(t, dtype, ndim, shape, e)) return false;
  memset(t->storage->data, 0, t->storage->bytes);
  return true;
}

bool ow_tensor_new_like(ow_tensor *t, const ow_tensor *src, ow_err *e) {
  return ow_tensor_new_on(t, src->storage->device, src->dtype, src->ndim, src->shape, e);
}

void ow_tensor_view(ow_tensor *dst, const ow_tensor *src) {
  __atomic_add_fetch(&src->storage->refs, 1, __ATOMIC_ACQ_REL);
  *dst = *src;
}

void ow_tensor_close(ow_tensor *t) {
  if (!t->storage) return;
  storage_unref(t->storage);
  t->storage = NULL;
}

int64_t ow_tensor_numel(const ow_tensor *t) {
  int64_t n = 1;
  for (int d = 0; d < t->ndim; d++) n *= t->shape[d];
  return n;
}

bool ow_tensor_is_contiguous(const ow_tensor *t) {
  int64_t s = 1;
  for (int d = t->ndim - 1; d >= 0; d--) {
    if (t->shape[d] == 0) return true;
    if (t->shape[d] != 1 && t->stride[d] != s) return false;
    s *= t->shape[d];
  }
  return true;
}

char *ow_shape_string(char buf[160], int ndim, const int64_t *shape) {
  if (ndim == 0) { snprintf(buf, 160, "scalar"); return buf; }
  int n = 0;
  for (int d = 0; d < ndim && n < 150; d++)
    n += snprintf(buf + n, (size_t)(160 - n), d ? "x%lld" : "%lld", (long long)shape[d]);
  return buf;
}

bool ow_tensor_broadcast_to(ow_tensor *dst, const ow_tensor *t, int ndim, const int64_t *shape, ow_err *e) {
  char a[160], b[160];
  ow_tensor v = *t;
  v.ndim = ndim;
  int lead = ndim - t->ndim;
  for (int d = 0; d < ndim; d++) {
    v.shape[d] = shape[d];
    int s = d - lead;
    if (s < 0) { v.stride[d] = 0; continue; }
    if (t->shape[s] == shape[d]) v.stride[d] = t->stride[s];
    else if (t->shape[s] == 1) v.stride[d] = 0;
    else lead = -1;
    if (lead < 0) break;
  }
  if (lead < 0)
    return OW_FAIL(e, OW_ESHAPE, "shape %s does not broadcast to %s", ow_shape_string(a, t->ndim, t->shape),
                   ow_shape_string(b, ndim, shape));
  int64_t count;  // stride 0 costs no memory, but counts of elements must not overflow
  if (!fits(1, ndim, shape, &count))
    return OW_FAIL(e, OW_ESHAPE, "shape %s has too many elements", ow_shape_string(b, ndim, shape));
  ow_tensor_view(dst, &v);
  return true;
}

bool ow_tensor_try_reshape(ow_tensor *dst, const ow_tensor *t, int ndim, const int64_t *shape) {
  ow_tensor v = *t;
  set_shape(&v, t->dtype, ndim, shape);
  if (ow_tensor_numel(t) > 1 && !ow_tensor_is_contiguous(t)) {
    // Group old and new axes from the left into blocks of equal products; inside a block the
    // old axes must be mergeable into one run, which the new ones then cut.
    int64_t os[OW_MAXDIM], ot[OW_MAXDIM];
    int n = 0, i = 0, j = 0;
    for (int d = 0; d < t->ndim; d++)
      if (t->shape[d] != 1) { os[n] = t->shape[d]; ot[n++] = t->stride[d]; }
    while (i < n && j < ndim) {
      int i0 = i, j0 = j;
      int64_t a = os[i++], b = shape[j++];
      while (a != b) {
        if (a < b) a *= os[i++];
        else b *= shape[j++];
      }
      for (int k = i0; k + 1 < i; k++)
        if (ot[k] != ot[k + 1] * os[k + 1]) return false;
      int64_t s = ot[i - 1];
      for (int k = j - 1; k >= j0; k--) { v.stride[k] = s; s *= shape[k]; }
    }
  }
  ow_tensor_view(dst, &v);
  return true;
}

bool ow_broadcast_shapes(const ow_tensor *a, const ow_tensor *b, int *ndim, int64_t *shape, ow_err *e) {
  char sa[160], sb[160];
  int n = a->ndim > b->ndim ? a->ndim : b->ndim;
  for (int d = 0; d < n; d++) {
    int i = d - (n - a->ndim), j = d - (n - b->ndim);
    int64_t x = i >= 0 ? a->shape[i] : 1, y = j >= 0 ? b->shape[j] : 1;
    if (x != y && x != 1 && y != 1)
      return OW_FAIL(e, OW_ESHAPE, "shapes %s and %s do not broadcast together", ow_shape_string(sa, a->ndim, a->shape),
                     ow_shape_string(sb, b->ndim, b->shape));
    shape[d] = x == 1 ? y : x;
  }
  *ndim = n;
  return true;
}

void ow_walk_init(ow_walk *w, int nt, const ow_tensor *const *t) {
  memset(w, 0, sizeof *w);
  w->nt = nt;
  int n = 0;
  for (int d = 0; d < t[0]->ndim; d++) {  // keep sizes above 1, merging with the one before
    int64_t size = t[0]->shape[d];
    if (size == 1) continue;
    bool merge = n > 0;
    for (int j = 0; j < nt && merge; j++)
      if (w->stride[j][n - 1] != t[j]->stride[d] * size) merge = false;
    if (!merge) n++;
    w->shape[n - 1] = merge ? w->shape[n - 1] * size : size;
    for (int j = 0; j < nt; j++) w->stride[j][n - 1] = t[j]->stride[d];
  }
  if (n == 0) { w->shape[0] = 1; n = 1; }
  for (int j = 0; j < nt; j++) {
    w->base[j] = ow_tensor_data(t[j]);
    w->esize[j] = ow_dtype_size(t[j]->dtype);
    w->istride[j] = w->stride[j][n - 1];
  }
  w->inner = w->shape[n - 1];
  w->ndim = n - 1;
  w->outer = 1;
  for (int d = 0; d < w->ndim; d++) w->outer *= w->shape[d];
}

// ---- conversion ----------------------------------------------------------------------------
// f16 and bf16 go through f32 by bits, so that they work on every processor.

static float f16_to_f32(uint16_t h) {
  uint32_t s = (uint32_t)(h & 0x8000u) << 16, ex = h >> 10 & 31, m = h & 1023u, u;
  if (ex == 31) u = s | 0x7f800000u | m << 13;
  else if (ex) u = s | (ex + 112) << 23 | m << 13;
  else {
    float f = (float)m * 0x1p-24f;
    memcpy(&u, &f, 4);
    u |= s;
  }
  float f;
  memcpy(&f, &u, 4);
  return f;
}

static uint16_t f32_to_f16(float f) {  // round to nearest even
  uint32_t u;
  memcpy(&u, &f, 4);
  uint16_t s = (uint16_t)(u >> 16 & 0x8000u);
  u &= 0x7fffffffu;
  if (u > 0x7f800000u) return s | 0x7e00u;
  if (u >= 0x477ff000u) return s | 0x7c00u;
  if (u < 0x38800000u) {  // subnormal: scale so that the unit is 2^-24, round in float
    float a;
    memcpy(&a, &u, 4);
    return s | (uint16_t)(int)rintf(a * 0x1p24f);
  }
  uint32_t r = u - 0x38000000u + 0xfffu + (u >> 13 & 1u);
  return s | (uint16_t)(r >> 13);
}

static float bf16_to_f32(uint16_t h) {
  uint32_t u = (uint32_t)h << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}

static uint16_t f32_to_bf16(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 64u);
  return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

// Every conversion passes through one of three carriers: i64 for integers, f64 for reals,
// c128 for complex. A run returns false at the first value that the target cannot hold.
typedef bool (*cast_run)(char *d, int64_t ds, const char *s, int64_t ss, int64_t n, bool unchecked);

#define STORE_INT(T, lo, hi, v)                                     \
  if (!unchecked && ((v) < (lo) || (v) > (hi))) return false;       \
  *(T *)d = (T)((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v));
#define INT_u8(v) STORE_INT(uint8_t, 0, 255, v)
#define INT_i32(v) STORE_INT(int32_t, INT32_MIN, INT32_MAX, v)
#define INT_i64(v) *(int64_t *)d = (v);
#define STORE_REAL(T, lo, hi, v)                                                        \
  if (!unchecked && !((v) >= (lo) && (v) < (hi) + 1.0 && (v) == trunc(v))) return false; \
  *(T *)d = (v) >= (hi) + 1.0 ? (T)(hi) : (v) >= (lo) ? (T)(v) : (v) < (lo) ? (T)(lo) : (T)0;
#define REAL_u8(v) STORE_REAL(uint8_t, 0.0, 255.0, v)
#define REAL_i32(v) STORE_REAL(int32_t, -2147483648.0, 2147483647.0, v)
// hi + 1 rounds to 2^63 exactly
#define REAL_i64(v)                                                                         \
  if (!unchecked && !((v) >= -0x1p63 && (v) < 0x1p63 && (v) == trunc(v))) return false;      \
  *(int64_t *)d = (v) >= 0x1p63 ? INT64_MAX : (v) >= -0x1p63 ? (int64_t)(v) : (v) < 0 ? INT64_MIN : 0;

// A finite number beyond the range of the target would become infinite.
#define NARROW(DT, v) \
  if (!unchecked && isinf((DT)(v)) && !isinf(v)) return false;

#define LOOP(...) \
  for (int64_t i = 0; i < n; i++, d += ds, s += ss) { __VA_ARGS__ } \
  return true;
#define ARGS char *d, int64_t ds, const char *s, int64_t ss, int64_t n, bool unchecked

#define DEF_I2I(SN, ST, DN) static bool cast_##SN##_##DN(ARGS) { (void)unchecked; LOOP(int64_t v = *(const ST *)s; INT_##DN(v)) }
#define DEF_F2I(SN, ST, DN) static bool cast_##SN##_##DN(ARGS) { LOOP(double v = *(const ST *)s; REAL_##DN(v)) }
#define DENSE(ST, DT) (ss == (int64_t)sizeof(ST) && ds == (int64_t)sizeof(DT))
#define DEF_R2F(SN, ST, DN, DT)                                                    \
  static bool cast_##SN##_##DN(ARGS) {                                             \
    (void)unchecked;                                                               \
    if (DENSE(ST, DT)) { /* known steps: the compiler makes vectors of it */        \
      for (int64_t i = 0; i < n; i++) ((DT *)d)[i] = (DT)((const ST *)s)[i];        \
      return true;                                                                 \
    }                                                                              \
    LOOP(*(DT *)d = (DT) * (const ST *)s;)                                          \
  }
#define DEF_C2R(SN, ST, DN, STORE) \
  static bool cast_##SN##_##DN(ARGS) { LOOP(ow_c128 c = *(const ST *)s; double v = creal(c); if (!unchecked && cimag(c) != 0) return false; STORE) }

#define FROM_INT(SN, ST) \
  DEF_I2I(SN, ST, u8) DEF_I2I(SN, ST, i32) DEF_I2I(SN, ST, i64) \
  DEF_R2F(SN, ST, f32, float) DEF_R2F(SN, ST, f64, double) DEF_R2F(SN, ST, c64, ow_c64) DEF_R2F(SN, ST, c128, ow_c128)
#define FROM_FLOAT(SN, ST) \
  DEF_F2I(SN, ST, u8) DEF_F2I(SN, ST, i32) DEF_F2I(SN, ST, i64) \
  DEF_R2F(SN, ST, f64, double) DEF_R2F(SN, ST, c128, ow_c128)
#define FROM_COMPLEX(SN, ST) \
  DEF_C2R(SN, ST, u8, REAL_u8(v)) DEF_C2R(SN, ST, i32, REAL_i32(v)) DEF_C2R(SN, ST, i64, REAL_i64(v)) \
  DEF_C2R(SN, ST, f32, NARROW(float, v) *(float *)d = (float)v;) DEF_C2R(SN, ST, f64, *(double *)d = v;) \
  DEF_R2F(SN, ST, c128, ow_c128)
#define FROM_FLOAT_NARROW(SN, ST) \
  static bool cast_##SN##_f32(ARGS) { \
    if (DENSE(ST, float)) { \
      unsigned bad = 0; \
      for (int64_t i = 0; i < n; i++) { \
        ST v = ((const ST *)s)[i]; \
        float r = ((float *)d)[i] = (float)v; \
        bad |= (unsigned)(fabsf(r) > FLT_MAX) & (unsigned)(fabs(v) <= DBL_MAX); \
      } \
      return unchecked || !bad; \
    } \
    LOOP(ST v = *(const ST *)s; NARROW(float, v) *(float *)d = (float)v;) \
  } \
  static bool cast_##SN##_c64(ARGS) { LOOP(ST v = *(const ST *)s; NARROW(float, v) *(ow_c64 *)d = (float)v;) }
#define FROM_COMPLEX_NARROW(SN, ST) \
  static bool cast_##SN##_c64(ARGS) { \
    LOOP(ST v = *(const ST *)s; NARROW(float, creal(v)) NARROW(float, cimag(v)) *(ow_c64 *)d = (ow_c64)v;) }
FROM_INT(u8, uint8_t)
FROM_INT(i32, int32_t)
FROM_INT(i64, int64_t)
FROM_FLOAT(f32, float)
FROM_FLOAT(f64, double)
FROM_COMPLEX(c64, ow_c64)
FROM_COMPLEX(c128, ow_c128)
DEF_R2F(f32, float, f32, float)
DEF_R2F(f32, float, c64, ow_c64)
FROM_FLOAT_NARROW(f64, double)
DEF_R2F(c64, ow_c64, c64, ow_c64)
FROM_COMPLEX_NARROW(c128, ow_c128)

#define ROW(SN) {cast_##SN##_u8, cast_##SN##_i32, cast_##SN##_i64, cast_##SN##_f32, cast_##SN##_f64, cast_##SN##_c64, cast_##SN##_c128}
static const cast_run casts[7][7] = {ROW(u8), ROW(i32), ROW(i64), ROW(f32), ROW(f64), ROW(c64), ROW(c128)};

static bool is_half(ow_dtype t) { return t == OW_F16 || t == OW_BF16; }

// To f32 on the way to a half type: rounded to odd (the last bit says "inexact"), so that the
// second rounding sees which side of a tie the number lies on (Boldo and Melquiond 2008).
static float to_odd(double v) {
  float f = (float)v;
  if ((double)f == v || v != v || isinf(f)) return f;
  uint32_t u;
  memcpy(&u, &f, 4);
  if (fabs((double)f) > fabs(v)) u--;  // towards zero
  u |= 1;
  memcpy(&f, &u, 4);
  return f;
}

static double i64_to_odd(int64_t i) {  // the same for integers that f64 cannot hold
  if (i > -((int64_t)1 << 53) && i < (int64_t)1 << 53) return (double)i;
  return (double)((i & ~(int64_t)2047) | (i & 2047 ? 1024 : 0));
}

static bool half_run(char *d, int64_t ds, ow_dtype dt, const char *s, int64_t ss, ow_dtype st, int64_t n, bool unchecked) {
  for (int64_t i = 0; i < n; i++, d += ds, s += ss) {
    float f = 0;
    double v = 0;
    if (st == OW_F16) f = f16_to_f32(*(const uint16_t *)s);
    else if (st == OW_BF16) f = bf16_to_f32(*(const uint16_t *)s);
    else if (st == OW_I64) f = to_odd(i64_to_odd(*(const int64_t *)s));
    else if (casts[st][OW_F64]((char *)&v, 8, s, 0, 1, unchecked)) f = to_odd(v);
    else return false;
    if (!is_half(dt)) {
      if (!casts[OW_F32][dt](d, 0, (char *)&f, 4, 1, unchecked)) return false;
      continue;
    }
    uint16_t h = dt == OW_F16 ? f32_to_f16(f) : f32_to_bf16(f);
    bool inf = (h & 0x7fffu) == (dt == OW_F16 ? 0x7c00u : 0x7f80u);
    if (!unchecked && inf && !isinf(is_half(st) || ow_dtype_is_int(st) ? (double)f : v)) return false;
    *(uint16_t *)d = h;
  }
  return true;
}

bool ow_convert(ow_dtype dt, void *d, int64_t ds, ow_dtype st, const void *s, int64_t ss, int64_t n, bool unchecked) {
  if (!is_half(dt) && !is_half(st)) return casts[st][dt](d, ds, s, ss, n, unchecked);
  if (dt != st) return half_run(d, ds, dt, s, ss, st, n, unchecked);
  for (int64_t i = 0; i < n; i++) memcpy((char *)d + i * ds, (const char *)s + i * ss, 2);
  return true;
}

// Bytes of the storage that a tensor with elements reaches over.
static void extent(const ow_tensor *t, int64_t *lo, int64_t *hi) {
  int64_t es = (int64_t)ow_dtype_size(t->dtype);
  *lo = (int64_t)t->offset;
  *hi = *lo + es;
  for (int d = 0; d < t->ndim; d++) *(t->stride[d] < 0 ? lo : hi) += (t->shape[d] - 1) * t->stride[d] * es;
}

// Whether writing a may change what is still to be read of b (each element onto itself is fine).
static bool overlaps(const ow_tensor *a, const ow_tensor *b) {
  if (a->storage != b->storage) return false;
  if (a->offset == b->offset && !memcmp(a->stride, b->stride, sizeof(int64_t) * (size_t)a->ndim)) return false;
  int64_t alo, ahi, blo, bhi;
  extent(a, &alo, &ahi);
  extent(b, &blo, &bhi);
  return alo < bhi && blo < ahi;
}

// dst rows of n elements that lie together, src columns that lie together: 16 x 16 tiles, so
// that each cache line is used whole while it is there.
#define TILE(T)                                                                                     \
  for (int64_t i = 0; i < rows; i += 16)                                                            \
    for (int64_t j = 0; j < n; j += 16)                                                             \
      for (int64_t r = i; r < i + 16 && r < rows; r++)                                              \
        for (int64_t c = j; c < j + 16 && c < n; c++) ((T *)d)[r * drow + c] = ((const T *)s)[c * scol + r];
static void turn_rows(size_t es, char *d, int64_t drow, const char *s, int64_t scol, int64_t rows, int64_t n) {
  switch (es) {
    case 1: TILE(uint8_t) break;
    case 2: TILE(uint16_t) break;
    case 4: TILE(float) break;
    case 8: TILE(double) break;
    default: TILE(ow_c128)
  }
}

bool ow_tensor_copy(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e) {
  ow_tensor v;
  if (!ow_tensor_broadcast_to(&v, src, dst->ndim, dst->shape, e)) return false;
  if (ow_tensor_numel(dst) == 0) { ow_tensor_close(&v); return true; }
  if (overlaps(dst, &v)) {  // a shifted view of itself: go through a fresh block
    ow_tensor tmp;
    bool ok = ow_tensor_new_like(&tmp, &v, e);
    if (ok) ok = ow_tensor_copy(&tmp, &v, true, e);
    ow_tensor_close(&v);
    if (!ok) return false;
    v = tmp;
  }
  if (dst->storage->device > OW_CPU || v.storage->device > OW_CPU) {
    bool ok = ow_device_layer_in_use->copy(dst, &v, unchecked, e);
    ow_tensor_close(&v);
    return ok;
  }
  const ow_tensor *both[2] = {dst, &v};
  ow_walk w;
  ow_walk_init(&w, 2, both);
  int64_t ds = w.istride[0] * (int64_t)w.esize[0], ss = w.istride[1] * (int64_t)w.esize[1];
  bool plain = dst->dtype == v.dtype && w.istride[0] == 1 && w.istride[1] == 1;
  int failed = 0;
  int last = w.ndim - 1;
  if (dst->dtype == v.dtype && last >= 0 && w.istride[0] == 1 && w.istride[1] != 1 && w.stride[1][last] == 1) {
    int64_t rows = w.shape[last], blocks = (rows + 31) / 32, n = w.outer / rows * blocks;
#pragma omp parallel for num_threads(ow_threads()) if (w.inner * w.outer > OW_GRAIN)
    for (int64_t k = 0; k < n; k++) {
      char *p[4];
      int64_t r = k % blocks * 32;
      ow_walk_at(&w, k / blocks * rows + r, p);
      turn_rows(w.esize[0], p[0], w.stride[0][last], p[1], w.istride[1], rows - r < 32 ? rows - r : 32, w.inner);
    }
    ow_tensor_close(&v);
    return true;
  }
  int64_t chunk = w.inner > OW_GRAIN ? OW_GRAIN : w.inner, pieces = (w.inner + chunk - 1) / chunk;
#pragma omp parallel for num_threads(ow_threads()) if (w.inner * w.outer > OW_GRAIN)
  for (int64_t k = 0; k < w.outer * pieces; k++) {
    char *p[4];
    ow_walk_at(&w, k / pieces, p);
    int64_t i = k % pieces * chunk, n = w.inner - i < chunk ? w.inner - i : chunk;
    char *d = p[0] + i * ds, *s = p[1] + i * ss;
    bool ok = true;
    if (plain) memcpy(d, s, (size_t)n * w.esize[0]);
    else ok = ow_convert(dst->dtype, d, ds, v.dtype, s, ss, n, unchecked);
    if (!ok) __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
  }
  if (failed) {
    OW_FAIL(e, OW_EDTYPE, "a value does not fit: %s holds values that %s cannot hold exactly",
            ow_dtype_name(v.dtype), ow_dtype_name(dst->dtype));
    ow_hint(e, "round or clip first, or convert unchecked");
  }
  ow_tensor_close(&v);
  return !failed;
}

bool ow_tensor_cast(ow_tensor *dst, const ow_tensor *t, ow_dtype dtype, bool unchecked, ow_err *e) {
  if (t->dtype == dtype && ow_tensor_is_contiguous(t)) { ow_tensor_view(dst, t); return true; }
  ow_tensor r;
  if (!ow_tensor_new_on(&r, t->storage->device, dtype, t->ndim, t->shape, e)) return false;
  if (!ow_tensor_copy(&r, t, unchecked, e)) { ow_tensor_close(&r); return false; }
  *dst = r;
  return true;
}

bool ow_tensor_contiguous(ow_tensor *dst, const ow_tensor *t, ow_err *e) {
  return ow_tensor_cast(dst, t, t->dtype, true, e);
}
