// The model's tables, neighbourhoods gathered into lanes, sums of forces.
//
// A bond at distance r turns into the angle theta0 = rfac0 pi (r - rmin0) / (R - rmin0) of the
// 3-sphere, z0 = r / tan theta0; fc = (1 + cos(pi (r - rmin0) / (R - rmin0))) / 2 switches it off.
// B_{j1 j2 j} = sum over half planes 2 U_j* . Z_{j1 j2}^j, Z the Clebsch-Gordan product of U_j1 and
// U_j2. Atoms of one element go through the kernel together; each pair's derivative is kept and
// added up at its two ends afterwards, in order, so that threads do not change a bit.
#include "physics/snap.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

// ---- tables ------------------------------------------------------------------------------------

static double factorial(int n) {
  double f = 1;
  for (int k = 2; k <= n; k++) f *= k;
  return f;
}

double ow_snap_coupling(int j1, int j2, int j, int m1, int m2, int m) {
  int a = 2 * m1 - j1, b = 2 * m2 - j2, c = 2 * m - j;
  if (a + b != c || m < 0 || m > j) return 0;
  int p = (j1 + j2 - j) / 2, q = (j1 - a) / 2, r = (j2 + b) / 2, s = (j - j2 + a) / 2, t = (j - j1 - b) / 2;
  double sum = 0;
  for (int z = 0; z <= p; z++) {
    if (q - z < 0 || r - z < 0 || s + z < 0 || t + z < 0) continue;
    double d = factorial(z) * factorial(p - z) * factorial(q - z) * factorial(r - z) * factorial(s + z) * factorial(t + z);
    sum += (z & 1 ? -1 : 1) / d;
  }
  double delta = sqrt(factorial((j1 + j2 - j) / 2) * factorial((j1 - j2 + j) / 2) * factorial((-j1 + j2 + j) / 2) / factorial((j1 + j2 + j) / 2 + 1));
  double norm = sqrt(factorial((j1 + a) / 2) * factorial((j1 - a) / 2) * factorial((j2 + b) / 2) * factorial((j2 - b) / 2) *
                     factorial((j + c) / 2) * factorial((j - c) / 2) * (j + 1));
  return sum * delta * norm;
}

int ow_snap_components(int two_j) {
  int n = 0;
  for (int j1 = 0; j1 <= two_j; j1++)
    for (int j2 = 0; j2 <= j1; j2++)
      for (int j = j1 - j2; j <= two_j && j <= j1 + j2; j += 2) n += j >= j1;
  return n;
}

static int component(const ow_snap *s, int j1, int j2, int j) {
  for (int k = 0; k < s->components; k++)
    if (s->triple[k][0] == j1 && s->triple[k][1] == j2 && s->triple[k][2] == j) return k;
  return -1;
}

// beta of the B that the product of U_j1 and U_j2 into U_j belongs to, with the factor by which that
// B's derivative holds it (a B is symmetric in its three indices up to (2j + 1)).
static double share_of(const ow_snap *s, const double *beta, int j1, int j2, int j) {
  if (j >= j1) return (j1 == j ? j2 == j ? 3 : 2 : 1) * beta[component(s, j1, j2, j)];
  if (j >= j2) return (j2 == j ? 2 : 1) * beta[component(s, j, j2, j1)] * (j1 + 1) / (j + 1);
  return beta[component(s, j2, j, j1)] * (j1 + 1) / (j + 1);
}

// Coefficients of u[a] u[b], a >= b, of one output, as a triangle of the full planes.
static void products(const ow_snap *s, const double *beta, int j, int mb, int ma, double *c) {
  memset(c, 0, (size_t)s->full * (size_t)s->full * sizeof *c);
  for (int j1 = 0; j1 <= s->two_j; j1++)
    for (int j2 = 0; j2 <= j1; j2++) {
      if (j < j1 - j2 || j > j1 + j2 || (j1 + j2 + j) & 1) continue;
      double factor = share_of(s, beta, j1, j2, j);
      for (int mb1 = 0; mb1 <= j1; mb1++) {
        int mb2 = (2 * mb - j - (2 * mb1 - j1) + j2) / 2;
        if (mb2 < 0 || mb2 > j2) continue;
        double outer = factor * ow_snap_coupling(j1, j2, j, mb1, mb2, mb);
        for (int ma1 = 0; ma1 <= j1; ma1++) {
          int ma2 = (2 * ma - j - (2 * ma1 - j1) + j2) / 2;
          if (ma2 < 0 || ma2 > j2) continue;
          int a = s->full_at[j1] + mb1 * (j1 + 1) + ma1, b = s->full_at[j2] + mb2 * (j2 + 1) + ma2;
          c[(a > b ? a : b) * s->full + (a > b ? b : a)] += outer * ow_snap_coupling(j1, j2, j, ma1, ma2, ma);
        }
      }
    }
}

static void program_free(ow_snap_program *p) {
  ow_free(p->out);
  ow_free(p->group_of);
  ow_free(p->a);
  ow_free(p->term_of);
  ow_free(p->b);
  ow_free(p->c);
}

static bool program_new(const ow_snap *s, const double *beta, ow_snap_program *p, ow_err *e) {
  int n = s->full, most = 0;
  double *c = ow_alloc_array((size_t)n * (size_t)n, sizeof *c, e);
  if (!c) return false;
  for (int pass = 0; pass < 2; pass++) {  // counts, then fills
    int out = 0, groups = 0, terms = 0;
    for (int j = 0; j <= s->two_j; j++)
      for (int mb = 0; 2 * mb <= j; mb++)
        for (int ma = 0; ma <= j; ma++) {
          int at = s->half_at[j] + mb * (j + 1) + ma;
          if (s->share[at] == 0) continue;
          products(s, beta, j, mb, ma, c);
          if (pass) p->out[out] = (int16_t)at, p->group_of[out] = groups;
          out++;
          for (int a = 0; a < n; a++) {
            int from = terms;
            for (int b = 0; b <= a; b++) {
              if (fabs(c[a * n + b]) < 1e-14) continue;
              if (pass) p->b[terms] = (int16_t)b, p->c[terms] = c[a * n + b];
              terms++;
            }
            if (terms == from) continue;
            if (pass) p->a[groups] = (int16_t)a, p->term_of[groups] = from;
            groups++;
          }
        }
    if (!pass) {
      p->outputs = out, p->groups = groups, p->terms = terms;
      most = out + groups + terms + 3;
      size_t size = (size_t)most;
      if (!(p->out = ow_alloc_array(size, sizeof *p->out, e)) || !(p->group_of = ow_alloc_array(size, sizeof *p->group_of, e)) ||
          !(p->a = ow_alloc_array(size, sizeof *p->a, e)) || !(p->term_of = ow_alloc_array(size, sizeof *p->term_of, e)) ||
          !(p->b = ow_alloc_array(size, sizeof *p->b, e)) || !(p->c = ow_alloc_array(size, sizeof *p->c, e))) {
        ow_free(c);
        return false;
      }
    } else p->group_of[out] = groups, p->term_of[groups] = terms;
  }
  ow_free(c);
  return true;
}

// B of an atom alone: U_j is the unit matrix.
static double alone(const ow_snap *s, const double *beta) {
  double sum = 0;
  for (int k = 0; k < s->components; k++) sum += beta[k] * (s->triple[k][2] + 1);
  return sum;
}

static bool tables(ow_snap *s, ow_err *e) {
  int n = s->two_j + 1;
  for (int j = 0; j < n; j++) {
    s->full_at[j] = s->full, s->half_at[j] = s->half;
    s->full += (j + 1) * (j + 1), s->half += (j / 2 + 1) * (j + 1);
  }
  if (!(s->triple = ow_alloc_array((size_t)s->components, sizeof *s->triple, e)) ||
      !(s->recur = ow_alloc_zero((size_t)(n * n) * sizeof *s->recur, e)) ||
      !(s->share = ow_alloc_zero((size_t)s->half * sizeof *s->share, e)) ||
      !(s->program = ow_alloc_zero((size_t)s->elements * sizeof *s->program, e)) ||
      !(s->shift = ow_alloc_zero((size_t)s->elements * sizeof *s->shift, e)))
    return false;
  int k = 0;
  for (int j1 = 0; j1 < n; j1++)
    for (int j2 = 0; j2 <= j1; j2++)
      for (int j = j1 - j2; j < n && j <= j1 + j2; j += 2)
        if (j >= j1) s->triple[k][0] = (int16_t)j1, s->triple[k][1] = (int16_t)j2, s->triple[k++][2] = (int16_t)j;
  for (int p = 1; p < n; p++)
    for (int q = 1; q < n; q++) s->recur[p * n + q] = sqrt((double)p / q);
  for (int j = 0; j < n; j++)
    for (int mb = 0; 2 * mb <= j; mb++)
      for (int ma = 0; ma <= j; ma++) s->share[s->half_at[j] + mb * (j + 1) + ma] = 2 * mb < j || ma < mb ? 1 : ma == mb ? 0.5 : 0;
  for (int el = 0; el < s->elements; el++) {
    const double *beta = s->beta + (size_t)el * (size_t)(s->components + 1);
    s->shift[el] = beta[0] - (s->zero ? alone(s, beta + 1) : 0);
    if (!program_new(s, beta + 1, s->program + el, e)) return false;
  }
  return true;
}

bool ow_snap_new(ow_snap *s, int elements, int two_j, double factor, double rfac0, double rmin0, bool zero, const double *radius,
                 const double *weight, const double *beta, ow_err *e) {
  *s = (ow_snap){.elements = elements, .two_j = two_j, .factor = factor, .rfac0 = rfac0, .rmin0 = rmin0, .zero = zero};
  if (two_j < 0 || two_j > 14) return OW_FAIL(e, OW_EARG, "twojmax: expected 0 to 14, got %d", two_j);
  if (!(rfac0 > 0 && rfac0 < 1) || !(factor > 0)) return OW_FAIL(e, OW_EARG, "expected rfac0 in (0, 1) and rcutfac > 0, got %g and %g", rfac0, factor);
  s->components = ow_snap_components(two_j);
  size_t el = (size_t)elements, nb = el * (size_t)(s->components + 1);
  bool ok = (s->radius = ow_alloc_array(el, sizeof(double), e)) && (s->weight = ow_alloc_array(el, sizeof(double), e)) &&
            (s->beta = ow_alloc_array(nb, sizeof(double), e));
  if (ok) {
    memcpy(s->radius, radius, el * sizeof(double));
    memcpy(s->weight, weight, el * sizeof(double));
    memcpy(s->beta, beta, nb * sizeof(double));
    for (int k = 0; k < elements; k++) s->cutoff = fmax(s->cutoff, 2 * factor * radius[k]);
    ok = s->cutoff > rmin0 || OW_FAIL(e, OW_EARG, "the cutoff %g does not exceed rmin0 %g", s->cutoff, rmin0);
  }
  if (!ok || !tables(s, e)) {
    ow_snap_free(s);
    return false;
  }
  return true;
}

void ow_snap_free(ow_snap *s) {
  for (int k = 0; k < s->elements && s->program; k++) program_free(s->program + k);
  ow_free(s->program);
  ow_free(s->shift);
  ow_free(s->radius);
  ow_free(s->weight);
  ow_free(s->beta);
  ow_free(s->triple);
  ow_free(s->recur);
  ow_free(s->share);
  *s = (ow_snap){0};
}

// ---- neighbourhoods ----------------------------------------------------------------------------

typedef struct {
  const ow_snap *s;
  const ow_pair_list *l;
  const double *cell, *x;
  const int32_t *type;
} job;

// The bond of pair p of atom i; false beyond the cutoff of its two elements. v: a value each `step`.
static bool bond_values(const job *q, int64_t i, int64_t p, double *v, int step) {
  const ow_snap *s = q->s;
  const ow_pair_end *o = q->l->end + p;
  double d[3], r2 = 0;
  for (int k = 0; k < 3; k++) {
    d[k] = q->x[3 * (int64_t)o->other + k] + o->shift[0] * q->cell[k] + o->shift[1] * q->cell[3 + k] + o->shift[2] * q->cell[6 + k] - q->x[3 * i + k];
    r2 += d[k] * d[k];
  }
  double cut = s->factor * (s->radius[q->type[i]] + s->radius[q->type[o->other]]);
  if (!(r2 < cut * cut) || r2 < 1e-20) return false;
  double r = sqrt(r2), scale = M_PI / (cut - s->rmin0), phi = scale * (r - s->rmin0), weight = s->weight[q->type[o->other]];
  double theta = s->rfac0 * phi, sn, cs, z0;
  sn = sin(theta), cs = cos(theta);
  z0 = r * cs / sn;
  v[OW_SNAP_X * step] = d[0], v[OW_SNAP_Y * step] = d[1], v[OW_SNAP_Z * step] = d[2], v[OW_SNAP_R * step] = r;
  v[OW_SNAP_Z0 * step] = z0;
  v[OW_SNAP_DZ0 * step] = z0 / r - s->rfac0 * scale * (r2 + z0 * z0) / r;
  bool inside = r > s->rmin0;
  sn = sin(phi), cs = cos(phi);
  v[OW_SNAP_S * step] = inside ? 0.5 * weight * (cs + 1) : weight;
  v[OW_SNAP_DS * step] = inside ? -0.5 * weight * scale * sn : 0;
  return true;
}

typedef struct {
  int32_t *order;     // atoms by element
  int32_t *first;     // of a group, in order
  int *element;       // of a group
  int64_t groups;
  int64_t widest;     // neighbours of an atom at most
} plan;

static bool plan_groups(const job *q, int lanes, plan *p, ow_err *e) {
  int64_t n = q->l->n, m = n / lanes + q->s->elements + 1;
  *p = (plan){0};
  if (!(p->order = ow_alloc_array((size_t)n, sizeof *p->order, e)) || !(p->first = ow_alloc_array((size_t)m + 1, sizeof *p->first, e)) ||
      !(p->element = ow_alloc_array((size_t)m, sizeof *p->element, e)))
    return false;
  int64_t at = 0;
  for (int el = 0; el < q->s->elements; el++) {
    int64_t start = at;
    for (int64_t i = 0; i < n; i++)
      if (q->type[i] == el) p->order[at++] = (int32_t)i;
    for (int64_t k = start; k < at; k += lanes) p->first[p->groups] = (int32_t)k, p->element[p->groups++] = el;
  }
  p->first[p->groups] = (int32_t)at;
  for (int64_t i = 0; i < n; i++) p->widest = q->l->offset[i + 1] - q->l->offset[i] > p->widest ? q->l->offset[i + 1] - q->l->offset[i] : p->widest;
  return true;
}

static void plan_free(plan *p) {
  ow_free(p->order);
  ow_free(p->first);
  ow_free(p->element);
}

// One group: neighbour k of every atom side by side. pair: its place in the list, or -1.
static int gather(const job *q, const plan *p, int64_t g, int lanes, double *values, int64_t *pair) {
  int count = 0, have = p->first[g + 1] - p->first[g];
  for (int lane = 0; lane < lanes; lane++) {
    int k = 0;
    if (lane < have) {
      int64_t i = p->order[p->first[g] + lane];
      for (int64_t at = q->l->offset[i]; at < q->l->offset[i + 1]; at++)
        if (bond_values(q, i, at, values + (int64_t)k * OW_SNAP_VALUES * lanes + lane, lanes)) pair[(int64_t)k++ * lanes + lane] = at;
    }
    if (k > count) {  // earlier lanes end before this one
      for (int c = count; c < k; c++)
        for (int w = 0; w < lane; w++) pair[(int64_t)c * lanes + w] = -1;
      count = k;
    } else
      for (int c = k; c < count; c++) pair[(int64_t)c * lanes + lane] = -1;
  }
  for (int64_t c = 0; c < (int64_t)count * lanes; c++) {
    if (pair[c] >= 0) continue;
    double *v = values + c / lanes * OW_SNAP_VALUES * lanes + c % lanes;
    for (int k = 0; k < OW_SNAP_VALUES; k++) v[k * lanes] = k == OW_SNAP_R || k == OW_SNAP_Z0 ? 1 : 0;
  }
  return count;
}

enum { CHUNK = 64 };  // atoms whose strain is added up together

// Derivatives of pairs -> forces and strain.
static void add_up(const job *q, const double *pair_force, double *force, double *parts) {
#pragma omp parallel for schedule(static) num_threads(ow_threads()) if (q->l->n > 4 * CHUNK)
  for (int64_t chunk = 0; chunk < (q->l->n + CHUNK - 1) / CHUNK; chunk++) {
    double w[9] = {0};
    for (int64_t i = chunk * CHUNK; i < q->l->n && i < (chunk + 1) * CHUNK; i++) {
      double f[3] = {0};
      for (int64_t p = q->l->offset[i]; p < q->l->offset[i + 1]; p++) {
        const double *mine = pair_force + 3 * p, *other = pair_force + 3 * q->l->mirror[p];
        const ow_pair_end *o = q->l->end + p;
        for (int k = 0; k < 3; k++) f[k] += mine[k] - other[k];
        if (!parts) continue;
        for (int a = 0; a < 3; a++) {
          double d = q->x[3 * (int64_t)o->other + a] + o->shift[0] * q->cell[a] + o->shift[1] * q->cell[3 + a] + o->shift[2] * q->cell[6 + a] - q->x[3 * i + a];
          for (int b = 0; b < 3; b++) w[3 * a + b] += d * mine[b];
        }
      }
      memcpy(force + 3 * i, f, sizeof f);
    }
    if (parts) memcpy(parts + 9 * chunk, w, sizeof w);
  }
}

bool ow_snap_compute(const ow_snap *s, const ow_pair_list *l, const double cell[9], const double *x, const int32_t *type,
                     double *energy, double *force, double *strain, ow_err *e) {
  const ow_snap_table *f = ow_snap_kernels();
  job q = {s, l, cell, x, type};
  plan p;
  int lanes = f->lanes, nt = ow_threads();
  int64_t chunks = (l->n + CHUNK - 1) / CHUNK;
  double *pair_force = NULL, *mem = NULL;
  bool stop = false, ok = plan_groups(&q, lanes, &p, e);
  if (ok && force) ok = (pair_force = ow_alloc_zero(((size_t)l->pairs * 3 + (size_t)chunks * 9 + 1) * sizeof *pair_force, e)) != NULL;
  // of a thread, in doubles: values, pair places, pair forces, energies, scratch
  size_t wide = (size_t)(p.widest + 1) * (size_t)lanes, scratch = (size_t)lanes * (size_t)(6 * s->half + 2 * s->full);
  size_t each = wide * (OW_SNAP_VALUES + 1 + 3) + (size_t)lanes + scratch;
  each = (each + 7) / 8 * 8;
  ok = ok && (mem = ow_alloc((size_t)nt * each * sizeof *mem, e)) != NULL;
  if (ok) {
#pragma omp parallel for schedule(dynamic, 4) num_threads(nt) reduction(| : stop) if (p.groups > 4)
    for (int64_t g = 0; g < p.groups; g++) {
      stop = stop || ow_interrupted();
      if (stop) continue;
      double *values = mem + (size_t)omp_get_thread_num() * each, *forces = values + wide * OW_SNAP_VALUES, *sums = forces + wide * 3,
             *work = sums + lanes;
      int64_t *pair = (int64_t *)(work + scratch);
      int count = gather(&q, &p, g, lanes, values, pair);
      f->group(s, p.element[g], count, values, sums, force ? forces : NULL, work);
      for (int lane = 0; lane < p.first[g + 1] - p.first[g]; lane++) {
        energy[p.order[p.first[g] + lane]] = sums[lane] + s->shift[p.element[g]];
        for (int c = 0; c < count && force; c++) {
          int64_t at = pair[(int64_t)c * lanes + lane];
          if (at < 0) continue;
          for (int k = 0; k < 3; k++) pair_force[3 * at + k] = forces[((int64_t)c * 3 + k) * lanes + lane];
        }
      }
    }
    if (!stop && force) {
      double *parts = strain ? pair_force + 3 * l->pairs : NULL;
      add_up(&q, pair_force, force, parts);
      for (int k = 0; k < 9 && strain; k++) {
        strain[k] = 0;
        for (int64_t c = 0; c < chunks; c++) strain[k] += parts[9 * c + k];
      }
    }
    if (stop) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  plan_free(&p);
  ow_free(pair_force);
  ow_free(mem);
  return ok;
}

// ---- the definition ----------------------------------------------------------------------------

// U_j of one bond as the matrix by which (a, b) of SU(2) acts on homogeneous polynomials of degree
// j: a closed sum, not the recursion. B does not depend on the convention of a and b.
static void plain_u(const ow_snap *s, const double *v, double *u) {
  double q = 1 / sqrt(v[OW_SNAP_R] * v[OW_SNAP_R] + v[OW_SNAP_Z0] * v[OW_SNAP_Z0]);
  _Complex double a = q * (v[OW_SNAP_Z0] + 1i * v[OW_SNAP_Z]), b = q * (v[OW_SNAP_Y] - 1i * v[OW_SNAP_X]);
  _Complex double pa[16] = {1}, pac[16] = {1}, pb[16] = {1}, pbc[16] = {1};
  for (int k = 1; k <= s->two_j; k++) {
    pa[k] = pa[k - 1] * a, pac[k] = pac[k - 1] * ~a, pb[k] = pb[k - 1] * b, pbc[k] = pbc[k - 1] * -~b;
  }
  for (int j = 0; j <= s->two_j; j++)
    for (int n = 0; n <= j; n++)
      for (int m = 0; m <= j; m++) {
        _Complex double sum = 0;  // (a x + b y)^m (-b* x + a* y)^(j-m), coefficient of x^n y^(j-n)
        for (int k = 0; k <= m; k++) {
          int l = n - k;
          if (l < 0 || l > j - m) continue;
          double w = factorial(m) / (factorial(k) * factorial(m - k)) * factorial(j - m) / (factorial(l) * factorial(j - m - l));
          sum += w * pa[k] * pb[m - k] * pbc[l] * pac[j - m - l];
        }
        sum *= sqrt(factorial(n) * factorial(j - n) / (factorial(m) * factorial(j - m)));
        int at = 2 * (s->full_at[j] + n * (j + 1) + m);
        u[at] += v[OW_SNAP_S] * __real__ sum, u[at + 1] += v[OW_SNAP_S] * __imag__ sum;
      }
}

static double plain_b(const ow_snap *s, const double *u, int j1, int j2, int j) {
  double sum = 0;
  for (int n = 0; n <= j; n++)
    for (int m = 0; m <= j; m++) {
      double zr = 0, zi = 0;
      for (int n1 = 0; n1 <= j1; n1++)
        for (int m1 = 0; m1 <= j1; m1++) {
          int n2 = (2 * n - j - (2 * n1 - j1) + j2) / 2, m2 = (2 * m - j - (2 * m1 - j1) + j2) / 2;
          if (n2 < 0 || n2 > j2 || m2 < 0 || m2 > j2) continue;
          double c = ow_snap_coupling(j1, j2, j, n1, n2, n) * ow_snap_coupling(j1, j2, j, m1, m2, m);
          const double *p = u + 2 * (s->full_at[j1] + n1 * (j1 + 1) + m1), *q = u + 2 * (s->full_at[j2] + n2 * (j2 + 1) + m2);
          zr += c * (p[0] * q[0] - p[1] * q[1]), zi += c * (p[0] * q[1] + p[1] * q[0]);
        }
      const double *w = u + 2 * (s->full_at[j] + n * (j + 1) + m);
      sum += w[0] * zr + w[1] * zi;
    }
  return sum;
}

bool ow_snap_reference(const ow_snap *s, const ow_pair_list *l, const double cell[9], const double *x, const int32_t *type,
                       double *energy, double *b, ow_err *e) {
  job q = {s, l, cell, x, type};
  double *u = ow_alloc((size_t)s->full * 2 * sizeof *u, e), v[OW_SNAP_VALUES];
  if (!u) return false;
  for (int64_t i = 0; i < l->n; i++) {
    if (ow_interrupted()) {
      ow_free(u);
      return OW_FAIL(e, OW_EINTR, "interrupted");
    }
    memset(u, 0, (size_t)s->full * 2 * sizeof *u);
    for (int j = 0; j <= s->two_j; j++)
      for (int m = 0; m <= j; m++) u[2 * (s->full_at[j] + m * (j + 2))] = 1;
    for (int64_t p = l->offset[i]; p < l->offset[i + 1]; p++)
      if (bond_values(&q, i, p, v, 1)) plain_u(s, v, u);
    const double *beta = s->beta + (size_t)type[i] * (size_t)(s->components + 1);
    energy[i] = beta[0];
    for (int k = 0; k < s->components; k++) {
      double one = plain_b(s, u, s->triple[k][0], s->triple[k][1], s->triple[k][2]) - (s->zero ? s->triple[k][2] + 1 : 0);
      if (b) b[i * s->components + k] = one;
      energy[i] += beta[k + 1] * one;
    }
  }
  ow_free(u);
  return true;
}
