// A resample is a count for each sample, so data are sorted once and every resample is one
// linear pass over (count, value). AUC is the Mann-Whitney statistic with midranks: a pair of
// equal scores counts one half (Hanley and McNeil, Radiology 143 (1982) 29). Average precision
// is the sum of (recall_j - recall_j-1) precision_j over the distinct scores.
// Invariant: a result depends on (seed, r) only, at any number of threads.
#include "stats/metrics.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"

// Counts of the r-th resample for each group; r = 0: each once.
static void draw(const ow_resampling *s, int64_t r, uint32_t *count) {
  int64_t g = s->groups;
  if (!r) {
    for (int64_t i = 0; i < g; i++) count[i] = 1;
    return;
  }
  memset(count, 0, (size_t)g * sizeof *count);
  ow_rng rng = ow_rng_make(s->seed, (uint64_t)r);
  for (int64_t i = 0; i < g; i++) count[ow_rng_below(&rng, (uint64_t)g)]++;
}

typedef struct job {
  const double *v;
  const int64_t *cell;
  const uint8_t *positive, *tied;
  int64_t k, cells;
} job;

static void sums(const ow_resampling *s, const job *j, const uint32_t *count, double *out) {
  int64_t k = j->k;
  memset(out, 0, (size_t)(j->cells * (1 + k)) * sizeof *out);
  for (int64_t i = 0; i < s->n; i++) {
    double w = count[s->group ? s->group[i] - 1 : i];
    if (w == 0) continue;
    double *o = out + (j->cell ? j->cell[i] - 1 : 0) * (1 + k);
    o[0] += w;
    for (int64_t c = 0; c < k; c++) o[1 + c] += w * j->v[i * k + c];
  }
}

static void ranking(const ow_resampling *s, const job *j, const uint32_t *count, double *out) {
  double total = 0, above = 0, below = 0, wins = 0, gain = 0;  // above, below: positives, negatives so far
  for (int64_t i = 0; i < s->n;) {
    double p = 0, q = 0;
    bool more;
    do {
      double w = count[s->group ? s->group[i] - 1 : i];
      if (j->positive[i]) p += w;
      else q += w;
      more = j->tied[i];
    } while (++i < s->n && more);
    wins += q * (above + p / 2);
    above += p;
    below += q;
    if (p > 0) gain += p * (above / (above + below));
  }
  total = above * below;
  out[0] = total > 0 ? wins / total : NAN;
  out[1] = above > 0 ? gain / above : NAN;
}

static bool over_resamples(const ow_resampling *s, const job *j, int64_t width, double *out, ow_err *e) {
  bool failed = false;
  double work = (double)s->n * (double)(s->repeats + 1);
#pragma omp parallel num_threads(ow_threads()) if (work > OW_GRAIN)
  {
    ow_err le;
    uint32_t *count = ow_alloc_array((size_t)s->groups, sizeof *count, &le);
    if (!count) {
#pragma omp atomic write
      failed = true;
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t r = 0; r <= s->repeats; r++) {
      if (!count || ow_interrupted()) continue;
      draw(s, r, count);
      if (j->positive) ranking(s, j, count, out + r * width);
      else sums(s, j, count, out + r * width);
    }
    ow_free(count);
  }
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (failed) return OW_FAIL(e, OW_EMEM, "no memory for resamples of %lld groups", (long long)s->groups);
  return true;
}

static bool valid(const ow_resampling *s, ow_err *e) {
  if (s->n < 1 || s->groups < 1 || (!s->group && s->groups != s->n)) return OW_FAIL(e, OW_EARG, "expected at least one sample");
  for (int64_t i = 0; s->group && i < s->n; i++)
    if (s->group[i] < 1 || s->group[i] > s->groups)
      return OW_FAIL(e, OW_EARG, "groups[%lld]: expected 1 to %lld, got %lld", (long long)i + 1, (long long)s->groups, (long long)s->group[i]);
  return true;
}

bool ow_resampled_sums(const ow_resampling *s, const double *v, int64_t k, const int64_t *cell, int64_t cells, double *out,
                       ow_err *e) {
  if (!valid(s, e)) return false;
  for (int64_t i = 0; cell && i < s->n; i++)
    if (cell[i] < 1 || cell[i] > cells)
      return OW_FAIL(e, OW_EARG, "class of sample %lld: expected 1 to %lld, got %lld", (long long)i + 1, (long long)cells, (long long)cell[i]);
  job j = {.v = v, .cell = cell, .k = k, .cells = cells};
  return over_resamples(s, &j, cells * (1 + k), out, e);
}

bool ow_resampled_ranking(const ow_resampling *s, const uint8_t *positive, const uint8_t *tied, double *out, ow_err *e) {
  if (!valid(s, e)) return false;
  job j = {.positive = positive, .tied = tied};
  return over_resamples(s, &j, 2, out, e);
}
