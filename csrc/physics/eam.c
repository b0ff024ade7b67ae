// Tables are joined by cubics whose slopes at the points are central differences of fourth order
// (of second and first order next to and at the ends), the usual way for such files, so that
// energies agree with other programs to the last digits. Above the last density F goes on straight.
// Each atom sums over its own row of the list: the same bits at any thread count.
#include "physics/eam.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { CHUNK = 64 };

static double slope(const double *f, int n, int k) {
  if (k == 0) return f[1] - f[0];
  if (k == n - 1) return f[n - 1] - f[n - 2];
  if (k == 1 || k == n - 2) return 0.5 * (f[k + 1] - f[k - 1]);
  return (f[k - 2] - f[k + 2] + 8 * (f[k + 1] - f[k - 1])) / 12;
}

static void join(const double *f, int n, double *c) {
  for (int k = 0; k < n - 1; k++) {
    double s = slope(f, n, k), t = slope(f, n, k + 1), d = f[k + 1] - f[k];
    c[4 * k] = f[k], c[4 * k + 1] = s, c[4 * k + 2] = 3 * d - 2 * s - t, c[4 * k + 3] = s + t - 2 * d;
  }
  c[4 * n - 4] = f[n - 1], c[4 * n - 3] = slope(f, n, n - 1), c[4 * n - 2] = c[4 * n - 1] = 0;
}

// Value and derivative at x >= 0 of a table of n points `step` apart; beyond it the last point's.
static double at(const double *c, int n, double step, double x, double *derivative) {
  double u = x / step;
  int k = u < n - 1 ? (int)u : n - 1;
  double t = u - k;
  if (k == n - 1 && t > 1) t = 1;
  c += 4 * (size_t)k;
  *derivative = (c[1] + t * (2 * c[2] + 3 * t * c[3])) / step;
  return c[0] + t * (c[1] + t * (c[2] + t * c[3]));
}

void ow_eam_free(ow_eam *m) {
  ow_free(m->spline);
  memset(m, 0, sizeof *m);
}

bool ow_eam_new(ow_eam *m, int elements, int nrho, double drho, int nr, double dr, double cutoff, const double *embed, const double *density,
                const double *pair, ow_err *e) {
  memset(m, 0, sizeof *m);
  if (elements < 1 || elements > 100 || nrho < 5 || nr < 5) return OW_FAIL(e, OW_EARG, "eam: expected 1 to 100 elements and tables of 5 points or more");
  if (!(drho > 0) || !(dr > 0) || !(cutoff > 0) || !isfinite(drho) || !isfinite(dr) || !(cutoff <= dr * (nr + 1)))
    return OW_FAIL(e, OW_EARG, "eam: expected positive steps and a cutoff inside the tables (%g), got %g", dr * (nr - 1), cutoff);
  size_t n = (size_t)elements, pairs = n * n * (size_t)nr * 4;
  m->spline = ow_alloc_array(n * (size_t)nrho * 4 + 2 * pairs, sizeof *m->spline, e);
  if (!m->spline) return false;
  m->elements = elements, m->nrho = nrho, m->nr = nr, m->drho = drho, m->dr = dr, m->cutoff = cutoff;
  m->embed = m->spline, m->density = m->spline + n * (size_t)nrho * 4, m->pair = m->density + pairs;
  for (size_t k = 0; k < n; k++) join(embed + k * (size_t)nrho, nrho, m->embed + k * (size_t)nrho * 4);
  for (size_t k = 0; k < n * n; k++) {
    join(density + k * (size_t)nr, nr, m->density + k * (size_t)nr * 4);
    join(pair + k * (size_t)nr, nr, m->pair + k * (size_t)nr * 4);
  }
  return true;
}

typedef struct {
  const ow_eam *m;
  const ow_pair_list *l;
  const double *cell, *x;
  const int32_t *type;
} job;

static double way(const job *j, int64_t i, int64_t p, double d[3]) {
  const ow_pair_end *q = j->l->end + p;
  double r2 = 0;
  for (int k = 0; k < 3; k++) {
    d[k] = j->x[3 * (int64_t)q->other + k] - j->x[3 * i + k] + q->shift[0] * j->cell[k] + q->shift[1] * j->cell[3 + k] + q->shift[2] * j->cell[6 + k];
    r2 += d[k] * d[k];
  }
  return sqrt(r2);
}

static const double *table(const job *j, const double *tables, int a, int b) {
  return tables + ((size_t)(a * j->m->elements + b) * (size_t)j->m->nr) * 4;
}

// Embedding energy of atom i and its derivative.
static double embed(const job *j, int64_t i, double *slope_of) {
  const ow_eam *m = j->m;
  double rho = 0, unused;
  int a = j->type[i];
  for (int64_t p = j->l->offset[i]; p < j->l->offset[i + 1]; p++) {
    double d[3], r = way(j, i, p, d);
    if (r < m->cutoff) rho += at(table(j, m->density, j->type[j->l->end[p].other], a), m->nr, m->dr, r, &unused);
  }
  const double *f = m->embed + (size_t)a * (size_t)m->nrho * 4;
  double most = m->drho * (m->nrho - 1), u = rho < 0 ? 0 : rho > most ? most : rho;
  return at(f, m->nrho, m->drho, u, slope_of) + *slope_of * (rho - u);
}

// Energy of the pairs of atom i (half), its force and strain.
static double pairs_of(const job *j, int64_t i, const double *slopes, double *force, double strain[9]) {
  const ow_eam *m = j->m;
  double sum = 0, f[3] = {0};
  int a = j->type[i];
  for (int64_t p = j->l->offset[i]; p < j->l->offset[i + 1]; p++) {
    double d[3], r = way(j, i, p, d);
    if (r >= m->cutoff) continue;
    int64_t o = j->l->end[p].other;
    int b = j->type[o];
    double slope_z, to_i, to_o;
    double phi = at(table(j, m->pair, a, b), m->nr, m->dr, r, &slope_z) / r;
    sum += 0.5 * phi;
    if (!force) continue;
    at(table(j, m->density, b, a), m->nr, m->dr, r, &to_i);
    at(table(j, m->density, a, b), m->nr, m->dr, r, &to_o);
    double g = (slopes[i] * to_i + slopes[o] * to_o + (slope_z - phi) / r) / r;
    for (int k = 0; k < 3; k++) {
      f[k] += g * d[k];
      for (int q = 0; q < 3; q++) strain[3 * k + q] += 0.5 * g * d[k] * d[q];
    }
  }
  if (force) memcpy(force, f, sizeof f);
  return sum;
}

bool ow_eam_compute(const ow_eam *m, const ow_pair_list *l, const double cell[9], const double *x, const int32_t *type, double *energy,
                    double *force, double *strain, ow_err *e) {
  job j = {m, l, cell, x, type};
  int64_t chunks = (l->n + CHUNK - 1) / CHUNK;
  double *slopes = ow_alloc_array((size_t)l->n + 9 * (size_t)chunks, sizeof *slopes, e);
  if (!slopes) return false;
  double *part = slopes + l->n;
  memset(part, 0, 9 * (size_t)chunks * sizeof *part);
#pragma omp parallel num_threads(ow_threads())
  {
#pragma omp for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunks; c++)
      for (int64_t i = c * CHUNK; i < l->n && i < (c + 1) * CHUNK && !ow_interrupted(); i++) energy[i] = embed(&j, i, slopes + i);
#pragma omp for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunks; c++)
      for (int64_t i = c * CHUNK; i < l->n && i < (c + 1) * CHUNK && !ow_interrupted(); i++)
        energy[i] += pairs_of(&j, i, slopes, force ? force + 3 * i : NULL, part + 9 * c);
  }
  if (strain) {
    memset(strain, 0, 9 * sizeof *strain);
    for (int64_t c = 0; c < chunks; c++)
      for (int k = 0; k < 9; k++) strain[k] += part[9 * c + k];
  }
  ow_free(slopes);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
