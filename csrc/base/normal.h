// log on (0, 1) and cos(2 pi v) as fixed sequences of IEEE operations (no fused ones, no
// table, no branch): every compiler level and vector width gives the same bits, which libm
// does not promise. Errors below 2 ulp. Coefficients: Sun's fdlibm (e_log.c, k_sin.c, k_cos.c).
#ifndef OW_BASE_NORMAL_H
#define OW_BASE_NORMAL_H
#include <stdint.h>
#include <string.h>

static inline double ow_bits_double(uint64_t u) { double d; memcpy(&d, &u, 8); return d; }
static inline uint64_t ow_double_bits(double d) { uint64_t u; memcpy(&u, &d, 8); return u; }
// Integer below 2^52 to double without a conversion instruction (SSE2 and AVX2 have none).
static inline double ow_small_double(uint64_t u) { return ow_bits_double(u | 0x4330000000000000u) - 0x1p52; }

// (u >> 11) * 2^-53, in [0, 1): the same bits as ow_u64_to_unit.
static inline double ow_unit(uint64_t u) {
  return (ow_small_double(u >> 32) * 0x1p21 + ow_small_double(u >> 11 & 0x1fffffu)) * 0x1p-53;
}
// ((u >> 11) + 1/2) * 2^-53, rounded: in (0, 1], never 0.
static inline double ow_open_unit(uint64_t u) {
  return (ow_small_double(u >> 32) * 0x1p21 + (ow_small_double(u >> 11 & 0x1fffffu) + 0.5)) * 0x1p-53;
}

// log(x) for normal x in (0, 2).
static inline double ow_log_small(double x) {
  uint64_t b = ow_double_bits(x), e = (b - 0x3fe6a09e00000000u + ((uint64_t)1024 << 52)) >> 52;  // exponent + 1024
  double k = ow_small_double(e) - 1024.0;
  double f = ow_bits_double(b - (e << 52) + ((uint64_t)1024 << 52)) - 1.0;  // mantissa in [sqrt(1/2), sqrt(2)) - 1
  double s = f / (2.0 + f), z = s * s, w = z * z, h = 0.5 * f * f;
  double r = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01)) +
             z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  return k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f);
}

// cos(2 pi v) for v in [0, 1): the quarter turn q is exact, the rest within pi/4.
static inline double ow_cos_turn(double v) {
  double t = 4.0 * v + 0x1.8p52;
  uint64_t q = ow_double_bits(t);
  double x = (v - (t - 0x1.8p52) * 0.25) * 6.283185307179586476925, z = x * x, w = z * z;
  double s = x + x * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 +
             z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
  double p = z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * 2.48015872894767294178e-05)) +
             w * w * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 - z * 1.13596475577881948265e-11));
  double h = 0.5 * z, g = 1.0 - h, c = g + ((1.0 - g - h) + z * p);
  uint64_t odd = 0 - (q & 1);  // cos, -sin, -cos, sin
  uint64_t m = (ow_double_bits(c) & ~odd) | (ow_double_bits(s) & odd);
  return ow_bits_double(m ^ ((q ^ q << 1) & 2) << 62);
}

#endif
