// Metropolis et al., J. Chem. Phys. 21 (1953) 1087: two sites are drawn, their atoms change places
// with probability min(1, exp(-dE / kT)). One chain is one thread; the energy is kept by its
// changes and counted anew at every record, so that rounding does not add up.
#include "physics/lattice_mc.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"

double ow_lattice_energy(const ow_lattice_mc *m, const int32_t *type) {
  const ow_shell_table *t = &m->table;
  int width = t->start[t->shells], k = m->k;
  double sum = 0;
  for (int64_t i = 0; i < t->n; i++) {
    double own = 0;
    for (int s = 0; s < t->shells; s++)
      for (int c = t->start[s]; c < t->start[s + 1]; c++) {
        int32_t j = t->other[i * width + c];
        if (j) own += m->energy[(s * k + type[i]) * k + type[j - 1]];
      }
    sum += 0.5 * own;
  }
  return sum;
}

// Energy gained when site i becomes `to`.
static double change(const ow_lattice_mc *m, const int32_t *type, int64_t i, int to) {
  const ow_shell_table *t = &m->table;
  int width = t->start[t->shells], k = m->k, from = type[i];
  const int32_t *other = t->other + i * width;
  double sum = 0;
  for (int s = 0; s < t->shells; s++) {
    const double *a = m->energy + (s * k + from) * k, *b = m->energy + (s * k + to) * k;
    for (int c = t->start[s]; c < t->start[s + 1]; c++) {
      int64_t j = (int64_t)other[c] - 1;
      if (j < 0) continue;
      sum += j == i ? 0.5 * (b[to] - a[from]) : b[type[j]] - a[type[j]];
    }
  }
  return sum;
}

bool ow_lattice_mc_run(const ow_lattice_mc *m, int32_t *type, double *energy, int64_t *count, int64_t *accepted, ow_err *e) {
  ow_rng g = ow_rng_make(m->seed, m->stream);
  uint64_t n = (uint64_t)m->table.n;
  int64_t done = 0, size = (int64_t)m->table.shells * m->k * m->k;
  *accepted = 0;
  for (int64_t step = 1; step <= m->steps; step++) {
    if (!(step & 4095) && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    int64_t i = (int64_t)ow_rng_below(&g, n), j = (int64_t)ow_rng_below(&g, n);
    double u = ow_rng_uniform(&g);
    int a = type[i], b = type[j];
    if (a != b) {
      double d = change(m, type, i, b);
      type[i] = b;
      d += change(m, type, j, a);
      if (d <= 0 || (m->kt > 0 && u < exp(-d / m->kt))) type[j] = a, ++*accepted;
      else type[i] = a;
    }
    if (step % m->every == 0) {
      energy[done] = ow_lattice_energy(m, type);
      if (count) ow_shell_count(&m->table, type, m->k, count + done * size);
      done++;
    }
  }
  return true;
}
