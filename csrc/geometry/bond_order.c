// Bond-orientational order (Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28 (1983) 784):
//   q_l = sqrt(4 pi / (2 l + 1) sum_m |sum_j w_j Y_lm(j)|^2) / sum_j w_j
// over the bonds j of a point. With the addition theorem the sum over m is one over pairs of bonds,
//   q_l^2 = sum_jk w_j w_k P_l(cos of j and k) / (sum_j w_j)^2,
// which needs Legendre polynomials only. A bond of length 0 (the point itself, a duplicate) is left
// out; without bonds q_l is 0.
#include <math.h>

#include "base/threads.h"
#include "geometry/neighbourhood.h"

enum { CHUNK = 64 };

typedef struct { double x, y, z, w; } bond;

static int bonds_of(const float *xyz, const int64_t *ids, int64_t k, int64_t centre, const float *weights, const double box[3], bond *b) {
  int n = 0;
  const float *p = xyz + 3 * (centre - 1);
  for (int64_t j = 0; j < k; j++) {
    const float *q = xyz + 3 * (ids[j] - 1);
    double d[3];
    for (int a = 0; a < 3; a++) {
      d[a] = (double)q[a] - (double)p[a];
      if (box[a] > 0) d[a] -= box[a] * rint(d[a] / box[a]);
    }
    double r = sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]), w = weights ? (double)weights[ids[j] - 1] : 1;
    if (r > 0 && w != 0) b[n++] = (bond){d[0] / r, d[1] / r, d[2] / r, w};
  }
  return n;
}

// Adds w P_l(c), l = 0 .. top, to sum: (l + 1) P_{l+1} = (2 l + 1) c P_l - l P_{l-1}
static void legendre(double c, double w, int top, double *sum) {
  double before = 0, p = 1;
  for (int l = 0;; l++) {
    sum[l] += w * p;
    if (l == top) return;
    double next = ((2 * l + 1) * c * p - l * before) / (l + 1);
    before = p, p = next;
  }
}

static void one(const bond *b, int n, const int64_t *ls, int64_t count, int top, float *out) {
  double sum[OW_BOND_ORDER_MAX + 1] = {0}, total = 0, own = 0;
  for (int j = 0; j < n; j++) {
    total += b[j].w;
    own += b[j].w * b[j].w;
    for (int k = 0; k < j; k++) legendre(b[j].x * b[k].x + b[j].y * b[k].y + b[j].z * b[k].z, 2 * b[j].w * b[k].w, top, sum);
  }
  for (int64_t s = 0; s < count; s++) {
    double q2 = n ? (sum[ls[s]] + own) / (total * total) : 0;
    out[s] = (float)(q2 > 0 || q2 != q2 ? sqrt(q2) : 0);
  }
}

bool ow_bond_order(const float *xyz, int64_t m, const int64_t *ids, int64_t n, int64_t k, const int64_t *centre,
                   const float *weights, const double box[3], const int64_t *ls, int64_t count, float *out, ow_err *e) {
  int top = 0;
  if (k > OW_BOND_NEIGHBOURS) return OW_FAIL(e, OW_EARG, "ids: expected at most %d neighbours, got %lld", OW_BOND_NEIGHBOURS, (long long)k);
  for (int64_t s = 0; s < count; s++) {
    if (ls[s] < 0 || ls[s] > OW_BOND_ORDER_MAX) return OW_FAIL(e, OW_EARG, "l: expected 0 to %d, got %lld", OW_BOND_ORDER_MAX, (long long)ls[s]);
    if (ls[s] > top) top = (int)ls[s];
  }
  for (int64_t i = 0; i < n * k + n; i++) {
    int64_t id = i < n * k ? ids[i] : centre[i - n * k];
    if (id < 1 || id > m) return OW_FAIL(e, OW_EARG, "ids: %lld is no row of %lld points", (long long)id, (long long)m);
  }
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic, 1)
  for (int64_t t = 0; t < (n + CHUNK - 1) / CHUNK; t++) {
    if (ow_interrupted()) continue;
    bond b[OW_BOND_NEIGHBOURS];
    for (int64_t i = t * CHUNK; i < n && i < (t + 1) * CHUNK; i++)
      one(b, bonds_of(xyz, ids + i * k, k, centre[i], weights, box, b), ls, count, top, out + i * count);
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
