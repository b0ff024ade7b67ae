// 16 points at a time: phases by a polynomial of the half angle, then one rotation for every wave
// number. Sums run over the 16 lanes side by side and are joined in lane order at the end.
#include <math.h>

#include "geometry/planes.h"

enum { LANES = 16 };

// cos and sin of 2 pi t; error below 4e-7.
static inline void turn(const float *t, float *c, float *s) {
  for (int l = 0; l < LANES; l++) {
    float f = t[l] - rintf(t[l]), h = 3.14159265f * f, h2 = h * h;  // |h| <= pi / 2
    float sh = h * (1 + h2 * (-0.166666667f + h2 * (8.33333333e-3f + h2 * (-1.98412698e-4f + h2 * (2.75573192e-6f - h2 * 2.50521084e-8f)))));
    float ch = 1 + h2 * (-0.5f + h2 * (4.16666667e-2f + h2 * (-1.38888889e-3f + h2 * (2.48015873e-5f + h2 * (-2.75573192e-7f + h2 * 2.0876757e-9f)))));
    s[l] = 2 * sh * ch, c[l] = 1 - 2 * sh * sh;
  }
}

static void sum(const float *t, const float *valid, int64_t n, float first, float step, int64_t steps, float *re, float *im) {
  for (int64_t k = 0; k < steps * LANES; k++) re[k] = im[k] = 0;
  for (int64_t i = 0; i < n; i += LANES) {
    float a[LANES], c[LANES], s[LANES], cd[LANES], sd[LANES];
    for (int l = 0; l < LANES; l++) a[l] = first * t[i + l];
    turn(a, c, s);
    for (int l = 0; l < LANES; l++) a[l] = step * t[i + l], c[l] *= valid[i + l], s[l] *= valid[i + l];
    turn(a, cd, sd);
    for (int64_t k = 0; k < steps; k++) {
      float *r = re + k * LANES, *m = im + k * LANES;
      for (int l = 0; l < LANES; l++) {
        r[l] += c[l], m[l] += s[l];
        float x = c[l] * cd[l] - s[l] * sd[l];
        s[l] = c[l] * sd[l] + s[l] * cd[l];
        c[l] = x;
      }
    }
  }
}

extern const ow_plane_kernels OW_ISA_FN(ow_plane_table);
const ow_plane_kernels OW_ISA_FN(ow_plane_table) = {sum};
