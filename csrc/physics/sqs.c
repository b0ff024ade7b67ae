// Special quasi-random structures: Zunger, Wei, Ferreira, Bernard, Phys. Rev. Lett. 65 (1990) 353,
// found by exchanging atoms under simulated annealing (Kirkpatrick, Gelatt, Vecchi, Science 220
// (1983) 671) as in van de Walle et al., Calphad 42 (2013) 13. Only pairs are matched. Restarts are
// independent streams of random numbers and run in parallel; the best (the first of equals) wins.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"
#include "physics/lattice_mc.h"

double ow_sqs_misfit(const ow_sqs *q, const double *share, const int64_t *count) {
  int k = q->k;
  double sum = 0;
  for (int s = 0; s < q->table.shells; s++) {
    double own = 0, total = 0;
    const int64_t *c = count + (int64_t)s * k * k;
    for (int p = 0; p < k * k; p++) total += (double)c[p];
    if (!(total > 0)) continue;
    for (int a = 0; a < k; a++)
      for (int b = 0; b < k; b++) {
        double xx = share[a] * share[b];
        if (!(xx > 0)) continue;
        double alpha = 1 - (double)c[a * k + b] / total / xx, d = alpha - q->wanted[(s * k + a) * k + b];
        own += xx * d * d;
      }
    sum += q->weight[s] * own;
  }
  return sum;
}

// Site i becomes `to`: the numbers of pairs follow.
static void change(const ow_sqs *q, int32_t *type, int64_t i, int to, int64_t *count) {
  const ow_shell_table *t = &q->table;
  int width = t->start[t->shells], k = q->k, from = type[i];
  const int32_t *other = t->other + i * width;
  for (int s = 0; s < t->shells; s++) {
    int64_t *c = count + (int64_t)s * k * k;
    for (int p = t->start[s]; p < t->start[s + 1]; p++) {
      int64_t j = (int64_t)other[p] - 1;
      if (j < 0) continue;
      if (j == i) c[from * k + from]--, c[to * k + to]++;
      else {
        int o = type[j];
        c[from * k + o]--, c[o * k + from]--;
        c[to * k + o]++, c[o * k + to]++;
      }
    }
  }
  type[i] = to;
}

static void exchange(const ow_sqs *q, int32_t *type, int64_t i, int64_t j, int64_t *count) {
  int a = type[i], b = type[j];
  change(q, type, i, b, count);
  change(q, type, j, a, count);
}

// Anneals `type`; leaves the best in it and returns its misfit. best, count: scratch.
static double anneal(const ow_sqs *q, const double *share, uint64_t stream, int32_t *type, int32_t *best, int64_t *count) {
  ow_rng g = ow_rng_make(q->seed, stream);
  uint64_t n = (uint64_t)q->table.n;
  for (uint64_t i = n - 1; i > 0; i--) {  // a random start
    uint64_t j = ow_rng_below(&g, i + 1);
    int32_t t = type[i];
    type[i] = type[j], type[j] = t;
  }
  ow_shell_count(&q->table, type, q->k, count);
  double now = ow_sqs_misfit(q, share, count), low = now, scale = 0;
  memcpy(best, type, n * sizeof *best);
  int tries = 0;
  for (int k = 0; k < 2000 && tries < 100; k++) {  // the usual change of an exchange sets the temperature
    int64_t i = (int64_t)ow_rng_below(&g, n), j = (int64_t)ow_rng_below(&g, n);
    if (type[i] == type[j]) continue;
    exchange(q, type, i, j, count);
    scale += fabs(ow_sqs_misfit(q, share, count) - now);
    exchange(q, type, i, j, count);
    tries++;
  }
  if (!tries) return now;  // one species
  double t0 = scale / tries, t = t0, fall = pow(1e-5, 1.0 / (double)(q->steps > 0 ? q->steps : 1));
  for (int64_t step = 0; step < q->steps && low > 0; step++, t *= fall) {
    if (!(step & 1023) && ow_interrupted()) break;
    int64_t i = (int64_t)ow_rng_below(&g, n), j = (int64_t)ow_rng_below(&g, n);
    double u = ow_rng_uniform(&g);
    if (type[i] == type[j]) continue;
    exchange(q, type, i, j, count);
    double f = ow_sqs_misfit(q, share, count);
    if (f <= now || u < exp((now - f) / t)) {
      now = f;
      if (now < low) low = now, memcpy(best, type, n * sizeof *best);
    } else exchange(q, type, i, j, count);
  }
  memcpy(type, best, n * sizeof *best);
  return low;
}

bool ow_sqs_run(const ow_sqs *q, int32_t *type, double *misfit, ow_err *e) {
  size_t n = (size_t)q->table.n, size = (size_t)q->table.shells * (size_t)q->k * (size_t)q->k;
  int restarts = q->restarts;
  double *share = ow_alloc_zero((size_t)(q->k + restarts) * sizeof *share, e);
  int32_t *work = share ? ow_alloc_array(2 * n * (size_t)restarts, sizeof *work, e) : NULL;
  int64_t *count = work ? ow_alloc_array(size * (size_t)restarts, sizeof *count, e) : NULL;
  bool ok = count != NULL;
  if (ok) {
    double *found = share + q->k;
    for (size_t i = 0; i < n; i++) share[type[i]] += 1 / (double)n;
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads())
    for (int r = 0; r < restarts; r++) {
      int32_t *own = work + 2 * n * (size_t)r;
      memcpy(own, type, n * sizeof *own);
      found[r] = ow_interrupted() ? INFINITY : anneal(q, share, (uint64_t)r, own, own + n, count + size * (size_t)r);
    }
    int best = 0;
    for (int r = 1; r < restarts; r++) if (found[r] < found[best]) best = r;
    memcpy(type, work + 2 * n * (size_t)best, n * sizeof *type);
    *misfit = found[best];
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  ow_free(count);
  ow_free(work);
  ow_free(share);
  return ok;
}
