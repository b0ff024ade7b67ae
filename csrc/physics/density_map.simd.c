// Separable: an atom's three rows of weights, each from two exponentials by
// exp(-(t + k D)^2 / 2 D^2) = exp(-t^2 / 2 D^2) exp(-t/D)^k exp(-k^2 / 2); rows along x are 16 voxels.
#include <math.h>
#include <string.h>

#include "physics/density_map.h"

enum { W = 16, REACH = 6 };  // window: 12 voxels around the atom, of 16 along x
typedef float row __attribute__((vector_size(64), aligned(4), may_alias));

// Weights of voxels first .. first + count - 1 for an atom at u (in voxels: centre of voxel k at k).
static void weights(double u, int first, int count, const double *half, float *w) {
  int near = (int)lrint(u);
  double t = near - u, base = exp(-0.5 * t * t), up = exp(-t), down = 1 / up;
  for (int k = 0; k < count; k++) w[k] = 0;
  double p = 1;
  for (int k = 0; k <= REACH; k++, p *= up) {
    int at = near + k - first;
    if (at >= 0 && at < count) w[at] = (float)(base * p * half[k]);
  }
  p = down;
  for (int k = 1; k <= REACH; k++, p *= down) {
    int at = near - k - first;
    if (at >= 0 && at < count) w[at] = (float)(base * p * half[k]);
  }
}

static void add(const ow_density_map *m, int64_t n, const double *r, const int32_t *type, float *map) {
  int v = m->voxels;
  int64_t plane = (int64_t)v * v;
  double half[REACH + 1];
  for (int k = 0; k <= REACH; k++) half[k] = exp(-0.5 * k * k);
  memset(map, 0, (size_t)m->elements * (size_t)(plane * v) * sizeof *map);
  for (int64_t i = 0; i < n; i++) {
    const double *p = r + 3 * i;
    if (!(p[0] * p[0] + p[1] * p[1] + p[2] * p[2] < m->reach * m->reach)) continue;
    double u[3];
    int from[3], to[3];
    for (int d = 0; d < 3; d++) {
      u[d] = (p[d] + m->half) / m->delta - 0.5;
      int near = (int)lrint(u[d]);
      from[d] = near - REACH > 0 ? near - REACH : 0;
      to[d] = near + REACH + 1 < v ? near + REACH + 1 : v;
    }
    if (from[0] >= to[0]) continue;
    int x0 = from[0] + W <= v ? from[0] : v - W;
    float wy[2 * REACH + 1], wz[2 * REACH + 1];
    row wx;
    weights(u[0], x0, W, half, (float *)&wx);
    weights(u[1], from[1], to[1] - from[1] > 0 ? to[1] - from[1] : 0, half, wy);
    weights(u[2], from[2], to[2] - from[2] > 0 ? to[2] - from[2] : 0, half, wz);
    float *channel = map + type[i] * plane * v;
    for (int z = from[2]; z < to[2]; z++)
      for (int y = from[1]; y < to[1]; y++) {
        row *q = (row *)(channel + z * plane + (int64_t)y * v + x0);
        *q += wx * (wz[z - from[2]] * wy[y - from[1]]);
      }
  }
}

const ow_density_map_table OW_ISA_FN(ow_density_map_kernels) = {add};
