// The weights of one ion, four lanes at a time: the three voxels along x and a lane of zeros.
// The same operations at every instruction set, so the same bits.
#include "physics/iongrid.h"

#include <math.h>

typedef float v4f __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));
typedef int64_t v4l __attribute__((vector_size(32), aligned(8)));

static void deposit(const ow_iongrid_frame *f, const float *xyz, const int64_t *species, int64_t n, int64_t *grid, ow_iongrid_count *c) {
  int64_t unknown = 0, outside = 0, broken = 0, in = 0;
  const int64_t row = f->nx, plane = f->ny * f->nx;
  const v4f origin = {f->origin[0], f->origin[1], f->origin[2], 0}, scale = {f->scale[0], f->scale[1], f->scale[2], 0};
  const v4f one = {OW_IONGRID_ONE, OW_IONGRID_ONE, OW_IONGRID_ONE, 0}, half = {0.5f, 0.5f, 0.5f, 0.5f};
  for (int64_t i = 0; i < n; i++) {
    uint64_t s = (uint64_t)species[i] - 1;
    if (s >= (uint64_t)f->kinds) {
      unknown++;
      continue;
    }
    v4f p = {xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2], 0};
    v4f t = (p - origin) * scale;
    if (!(t[0] >= 1 && t[1] >= 1 && t[2] >= 1 && t[0] < f->top[0] && t[1] < f->top[1] && t[2] < f->top[2])) {
      if (isfinite(t[0]) && isfinite(t[1]) && isfinite(t[2])) outside++;
      else broken++;
      continue;
    }
    v4i at = __builtin_convertvector(t, v4i);
    v4f d = t - __builtin_convertvector(at, v4f) - half;
    v4f a = half - d, b = half + d;
    v4f lo = half * a * a, mid = (v4f){0.75f, 0.75f, 0.75f, 0.75f} - d * d, hi = half * b * b;
    v4f wx = (v4f){lo[0], mid[0], hi[0], 0} * one;
    const float wy[3] = {lo[1], mid[1], hi[1]}, wz[3] = {lo[2], mid[2], hi[2]};
    int64_t *to = grid + (int64_t)s * f->voxels + (at[2] - 1) * plane + (at[1] - 1) * row + (at[0] - 1);
    for (int z = 0; z < 3; z++, to += plane) {
      v4f wxz = wx * wz[z];
      for (int y = 0; y < 3; y++) {
        v4l *cell = (v4l *)(to + y * row);
        *cell += __builtin_convertvector(__builtin_convertvector(wxz * wy[y] + half, v4i), v4l);
      }
    }
    in++;
  }
  c->in += in, c->unknown += unknown, c->outside += outside, c->broken += broken;
}

const ow_iongrid_kernels OW_ISA_FN(ow_iongrid_table) = {deposit};
