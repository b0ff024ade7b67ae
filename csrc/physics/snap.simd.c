// One lane an atom. Pass 1 adds up U of all neighbours, the program gives Y = dE/dU, pass 2
// makes U of each neighbour again and runs its recursion backwards, from Y to the two
// Cayley-Klein parameters a and b and to the bond: three real derivatives at twice the cost of
// U itself. Half planes (2 mb <= j) are enough, by U_{j-mb, j-ma} = (-1)^(ma+mb) conj U_{mb, ma}
// (VMK 4.4.1); recursion VMK 4.8.2 (Varshalovich, Moskalev, Khersonskii 1988).
#include <math.h>
#include <string.h>

#include "physics/snap.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef double vd __attribute__((vector_size(OW_VBYTES)));
enum { LANES = OW_VBYTES / 8 };
#define VFN static inline __attribute__((always_inline))

// a b + c
VFN vd fma_(vd a, vd b, vd c) {
#if defined(__AVX512F__)
  return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
  return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}
VFN vd vset(double x) { return x - (vd){0}; }
VFN vd vsqrt(vd x) {
#if defined(__AVX512F__)
  return (vd)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__)
  return (vd)_mm256_sqrt_pd((__m256d)x);
#elif defined(__x86_64__)
  return (vd)_mm_sqrt_pd((__m128d)x);
#elif defined(__aarch64__)
  return (vd)vsqrtq_f64((float64x2_t)x);
#else
  vd r;
  for (int k = 0; k < LANES; k++) r[k] = sqrt(x[k]);
  return r;
#endif
}

// a = q (z0 - i z), b = q (y - i x), q = 1 / sqrt(r^2 + z0^2)
typedef struct {
  vd ar, ai, br, bi, q;
} bond;
VFN bond bond_of(const vd *v) {
  bond k;
  k.q = 1.0 / vsqrt(fma_(v[OW_SNAP_R], v[OW_SNAP_R], v[OW_SNAP_Z0] * v[OW_SNAP_Z0]));
  k.ar = k.q * v[OW_SNAP_Z0], k.ai = -k.q * v[OW_SNAP_Z];
  k.br = k.q * v[OW_SNAP_Y], k.bi = -k.q * v[OW_SNAP_X];
  return k;
}

// Row mb of U_{j-1} as row mb of U_j needs it. For even j the middle row is the mirror image of the
// row before: its element ma is sign conj of element j-1-ma.
VFN void parent(const vd *u, int row, int j, int mb, int ma, vd *r, vd *i) {
  if (2 * mb < j) *r = u[2 * (row + ma)], *i = u[2 * (row + ma) + 1];
  else {
    int at = 2 * (row + j - 1 - ma);
    bool odd = (mb + ma) & 1;
    *r = odd ? -u[at] : u[at], *i = odd ? u[at + 1] : -u[at + 1];
  }
}

// Where row mb of U_{j-1}, or its mirror image, begins.
VFN int parent_row(const ow_snap *s, int j, int mb) { return s->half_at[j - 1] + (2 * mb < j ? mb : mb - 1) * j; }

// U of one bond in half planes, scaled by first = U_0.
VFN void recursion(const ow_snap *s, const bond *k, vd first, vd *u) {
  u[0] = first, u[1] = vset(0);
  int n = s->two_j + 1;
  for (int j = 1; j < n; j++)
    for (int mb = 0; 2 * mb <= j; mb++) {
      vd *row = u + 2 * (s->half_at[j] + mb * (j + 1));
      int from = parent_row(s, j, mb);
      vd cr = vset(0), ci = vset(0);  // what the element before leaves in this one
      for (int ma = 0; ma < j; ma++) {
        vd pr, pi;
        parent(u, from, j, mb, ma, &pr, &pi);
        vd one = vset(s->recur[(j - ma) * n + j - mb]), two = vset(-s->recur[(ma + 1) * n + j - mb]);
        vd or = one * pr, oi = one * pi, tr = two * pr, ti = two * pi;
        row[2 * ma] = fma_(k->ar, or, fma_(k->ai, oi, cr));
        row[2 * ma + 1] = fma_(k->ar, oi, fma_(-k->ai, or, ci));
        cr = fma_(k->br, tr, k->bi * ti);
        ci = fma_(k->br, ti, -k->bi * tr);
      }
      row[2 * j] = cr, row[2 * j + 1] = ci;
    }
}

// The recursion backwards: w enters as dP/dU of every element and is used up; gives dP/d(ar, ai, br, bi).
VFN void backward(const ow_snap *s, const bond *k, const vd *u, vd *w, vd *dar, vd *dai, vd *dbr, vd *dbi) {
  vd gar = vset(0), gai = vset(0), gbr = vset(0), gbi = vset(0);
  int n = s->two_j + 1;
  for (int j = n - 1; j >= 1; j--)
    for (int mb = 0; 2 * mb <= j; mb++) {
      const vd *row = w + 2 * (s->half_at[j] + mb * (j + 1));
      int from = parent_row(s, j, mb);
      bool mirror = 2 * mb == j;
      for (int ma = 0; ma < j; ma++) {
        vd pr, pi;
        parent(u, from, j, mb, ma, &pr, &pi);
        vd one = vset(s->recur[(j - ma) * n + j - mb]), two = vset(-s->recur[(ma + 1) * n + j - mb]);
        vd fr = one * row[2 * ma], fi = one * row[2 * ma + 1], sr = two * row[2 * ma + 2], si = two * row[2 * ma + 3];
        gar = fma_(pr, fr, fma_(pi, fi, gar));
        gai = fma_(pi, fr, fma_(-pr, fi, gai));
        gbr = fma_(pr, sr, fma_(pi, si, gbr));
        gbi = fma_(pi, sr, fma_(-pr, si, gbi));
        vd hr = fma_(k->ar, fr, fma_(-k->ai, fi, fma_(k->br, sr, -k->bi * si)));
        vd hi = fma_(k->ai, fr, fma_(k->ar, fi, fma_(k->bi, sr, k->br * si)));
        int at = 2 * (from + (mirror ? j - 1 - ma : ma));
        bool odd = (mb + ma) & 1;
        w[at] += mirror && odd ? -hr : hr;
        w[at + 1] += mirror && !odd ? -hi : hi;
      }
    }
  *dar = gar, *dai = gai, *dbr = gbr, *dbi = gbi;
}

// Half planes -> full planes.
static void complete(const ow_snap *s, const vd *half, vd *full) {
  for (int j = 0; j <= s->two_j; j++)
    for (int mb = 0; 2 * mb <= j; mb++)
      for (int ma = 0; ma <= j; ma++) {
        const vd *h = half + 2 * (s->half_at[j] + mb * (j + 1) + ma);
        int at = 2 * (s->full_at[j] + mb * (j + 1) + ma), other = 2 * (s->full_at[j] + (j - mb) * (j + 1) + j - ma);
        bool odd = (mb + ma) & 1;
        full[at] = h[0], full[at + 1] = h[1];
        if (2 * mb < j) full[other] = odd ? -h[0] : h[0], full[other + 1] = odd ? h[1] : -h[1];
      }
}

static void adjoint(const ow_snap_program *p, const vd *u, vd *y) {
  for (int o = 0; o < p->outputs; o++) {
    vd yr = vset(0), yi = vset(0);
    for (int g = p->group_of[o]; g < p->group_of[o + 1]; g++) {
      vd tr = vset(0), ti = vset(0);
      for (int t = p->term_of[g]; t < p->term_of[g + 1]; t++) {
        vd c = vset(p->c[t]);
        const vd *v = u + 2 * p->b[t];
        tr = fma_(c, v[0], tr), ti = fma_(c, v[1], ti);
      }
      const vd *v = u + 2 * p->a[g];
      yr = fma_(v[0], tr, fma_(-v[1], ti, yr));
      yi = fma_(v[0], ti, fma_(v[1], tr, yi));
    }
    y[2 * p->out[o]] = yr, y[2 * p->out[o] + 1] = yi;
  }
}

static void group(const ow_snap *s, int element, int count, const double *neighbour, double *energy, double *force, double *scratch) {
  const vd *nb = (const vd *)neighbour;
  int half = s->half;
  vd *total = (vd *)scratch, *u = total + 2 * half, *y = u + 2 * half, *full = y + 2 * half;
  for (int k = 0; k < 2 * half; k++) total[k] = vset(0);
  for (int j = 0; j <= s->two_j; j++)
    for (int m = 0; 2 * m <= j; m++) total[2 * (s->half_at[j] + m * (j + 1) + m)] = vset(1);  // the atom itself
  for (int i = 0; i < count; i++) {
    const vd *v = nb + i * OW_SNAP_VALUES;
    bond k = bond_of(v);
    recursion(s, &k, v[OW_SNAP_S], u);
    for (int q = 0; q < 2 * half; q++) total[q] += u[q];
  }
  complete(s, total, full);
  for (int k = 0; k < 2 * half; k++) y[k] = vset(0);
  adjoint(s->program + element, full, y);
  // E = sum beta B is a cubic form of U: a third of U dE/dU. y becomes dE/dU from here on.
  vd sum = vset(0);
  for (int q = 0; q < half; q++) {
    double share = 2 * s->share[q];
    y[2 * q] *= share, y[2 * q + 1] *= share;
    sum = fma_(total[2 * q], y[2 * q], fma_(total[2 * q + 1], y[2 * q + 1], sum));
  }
  *(vd *)energy = sum / 3.0;
  if (!force) return;
  for (int i = 0; i < count; i++) {
    const vd *v = nb + i * OW_SNAP_VALUES;
    bond k = bond_of(v);
    recursion(s, &k, vset(1), u);
    vd p = vset(0), *w = full;  // the full planes are not needed any more
    for (int q = 0; q < 2 * half; q++) {
      p = fma_(u[q], y[q], p);
      w[q] = y[q];
    }
    vd ar, ai, br, bi;
    backward(s, &k, u, w, &ar, &ai, &br, &bi);
    vd x = v[OW_SNAP_X], yy = v[OW_SNAP_Y], z = v[OW_SNAP_Z], r = v[OW_SNAP_R], z0 = v[OW_SNAP_Z0], dz0 = v[OW_SNAP_DZ0];
    vd dq = -k.q * k.q * k.q * fma_(z0, dz0, r);
    vd radial = fma_(ar, fma_(dq, z0, k.q * dz0), dq * fma_(br, yy, -fma_(ai, z, bi * x)));
    radial = fma_(v[OW_SNAP_S], radial, v[OW_SNAP_DS] * p) / r;
    vd straight = v[OW_SNAP_S] * k.q, *f = (vd *)force + 3 * i;
    f[0] = fma_(radial, x, -straight * bi);
    f[1] = fma_(radial, yy, straight * br);
    f[2] = fma_(radial, z, -straight * ai);
  }
}

const ow_snap_table OW_ISA_FN(ow_snap_kernels) = {LANES, 0, group};
