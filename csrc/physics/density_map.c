// The plain sum, and the neighbourhood of a jump in its own frame.
#include "physics/density_map.h"

#include <math.h>

void ow_density_map_reference(const ow_density_map *m, int64_t n, const double *r, const int32_t *type, float *map) {
  int v = m->voxels;
  for (int c = 0; c < m->elements; c++)
    for (int z = 0; z < v; z++)
      for (int y = 0; y < v; y++)
        for (int x = 0; x < v; x++) {
          double at[3] = {-m->half + (x + 0.5) * m->delta, -m->half + (y + 0.5) * m->delta, -m->half + (z + 0.5) * m->delta}, sum = 0;
          for (int64_t i = 0; i < n; i++) {
            const double *p = r + 3 * i;
            if (type[i] != c || !(p[0] * p[0] + p[1] * p[1] + p[2] * p[2] < m->reach * m->reach)) continue;
            double d2 = 0;
            for (int d = 0; d < 3; d++) d2 += (p[d] - at[d]) * (p[d] - at[d]);
            sum += exp(-d2 / (2 * m->delta * m->delta));
          }
          map[((int64_t)c * v + z) * v * v + (int64_t)y * v + x] = (float)sum;
        }
}

// From site a to site b by the shortest image.
static void separation(const ow_jump_frame *f, int64_t a, int64_t b, double d[3]) {
  double s[3], e[3];
  for (int k = 0; k < 3; k++) e[k] = f->x[3 * b + k] - f->x[3 * a + k];
  for (int k = 0; k < 3; k++) {
    s[k] = e[0] * f->inverse[k] + e[1] * f->inverse[3 + k] + e[2] * f->inverse[6 + k];
    s[k] -= nearbyint(s[k]);
  }
  for (int k = 0; k < 3; k++) d[k] = s[0] * f->cell[k] + s[1] * f->cell[3 + k] + s[2] * f->cell[6 + k];
}

int64_t ow_jump_atoms(const ow_jump_frame *f, int64_t vacancy, int64_t atom, double roll, double reach, int64_t most, double *r,
                      int32_t *type) {
  double e[3][3], jump[3], size = 0, helper[3] = {0};
  // the atom jumps into the vacancy: the direction points from atom to vacancy
  separation(f, atom, vacancy, jump);
  for (int k = 0; k < 3; k++) size += jump[k] * jump[k];
  size = sqrt(size);
  int least = 0;
  for (int k = 0; k < 3; k++) {
    e[0][k] = jump[k] / size;
    if (fabs(e[0][k]) < fabs(e[0][least]) - 1e-9) least = k;
  }
  helper[least] = 1;
  double along = e[0][least], norm = sqrt(1 - along * along), y[3], z[3];
  for (int k = 0; k < 3; k++) y[k] = (helper[k] - along * e[0][k]) / norm;
  for (int k = 0; k < 3; k++) z[k] = e[0][(k + 1) % 3] * y[(k + 2) % 3] - e[0][(k + 2) % 3] * y[(k + 1) % 3];
  double c = cos(roll), s = sin(roll);
  for (int k = 0; k < 3; k++) e[1][k] = c * y[k] + s * z[k], e[2][k] = c * z[k] - s * y[k];
  int64_t n = 0;
  for (int64_t i = 0; i < f->sites; i++) {
    if (i == vacancy) continue;
    double d[3];
    separation(f, vacancy, i, d);
    if (!(d[0] * d[0] + d[1] * d[1] + d[2] * d[2] < reach * reach)) continue;
    if (n == most) return -1;
    for (int k = 0; k < 3; k++) r[3 * n + k] = d[0] * e[k][0] + d[1] * e[k][1] + d[2] * e[k][2];
    type[n++] = f->type[i];
  }
  return n;
}
