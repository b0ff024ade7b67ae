// Laws on top of the words. Those that need rejection (Poisson with a large mean, gamma)
// read one word of the stream and use it as the key of a private stream, so that every
// element still costs a fixed number of words.
//   Poisson: inversion by search below mean 10, else PTRS (Hoermann 1993, Insurance:
//   Mathematics and Economics 12, 39). Gamma: Marsaglia and Tsang 2000, ACM TOMS 26, 363.
#define _GNU_SOURCE
#include "op/random.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/normal.h"
#include "base/threads.h"

static double poisson(uint64_t word, double mean) {
  if (mean < 10) {
    double u = ow_unit(word), p = exp(-mean), sum = p;
    int k = 0;
    while (u >= sum && k < 200) sum += p *= mean / ++k;
    return k;
  }
  ow_rng g = ow_rng_make(word, 1);
  double root = sqrt(mean), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b, lmean = log(mean);
  double inv = 1.1239 + 1.1328 / (b - 3.4), vr = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    int sign;
    double u = ow_rng_uniform(&g) - 0.5, v = 1.0 - ow_rng_uniform(&g), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (log(v) + log(inv) - log(a / (us * us) + b) <= k * lmean - mean - lgamma_r(k + 1, &sign)) return k;
  }
}

static double gamma_draw(uint64_t word, double shape, double scale) {
  ow_rng g = ow_rng_make(word, 2);
  double boost = 1;
  if (shape < 1) {  // gamma(shape) = gamma(shape + 1) u^(1/shape)
    boost = pow(ow_open_unit(ow_rng_u64(&g)), 1 / shape);
    shape += 1;
  }
  double d = shape - 1.0 / 3.0, c = 1 / sqrt(9 * d);
  for (;;) {
    double x = ow_rng_normal(&g), v = 1 + c * x, u = ow_open_unit(ow_rng_u64(&g));
    if (v <= 0) continue;
    v = v * v * v;
    if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return d * v * boost * scale;
  }
}

enum { CHUNK = 2048 };

bool ow_random_fill(const ow_tensor *t, const ow_law *law, uint64_t seed, uint64_t stream, uint64_t first, ow_err *e) {
  if (!ow_tensor_is_contiguous(t)) {
    ow_tensor c;
    if (!ow_tensor_new_like(&c, t, e)) return false;
    bool ok = ow_random_fill(&c, law, seed, stream, first, e) && ow_tensor_copy(t, &c, true, e);
    ow_tensor_close(&c);
    return ok;
  }
  const ow_random_kernels *K = ow_random_table();
  int64_t n = ow_tensor_numel(t), chunks = (n + CHUNK - 1) / CHUNK;
  int64_t es = (int64_t)ow_dtype_size(t->dtype);
  char *base = ow_tensor_data(t);
  bool integer = law->dist == OW_INTEGERS, direct = t->dtype == (integer ? OW_I64 : OW_F64);
  int failed = 0;
#pragma omp parallel for num_threads(ow_threads()) if (n > 4 * CHUNK)
  for (int64_t k = 0; k < chunks; k++) {
    uint64_t w[2 * CHUNK];
    double buf[CHUNK];
    if (ow_interrupted()) continue;
    int64_t m = n - k * CHUNK < CHUNK ? n - k * CHUNK : CHUNK;
    K->words(seed, stream, first + ow_law_words(law, k * CHUNK), (int64_t)ow_law_words(law, m), w);
    char *out = base + k * CHUNK * es;
    double *d = direct ? (double *)out : buf;
    switch (law->dist) {
      case OW_UNIFORM:
        if (t->dtype == OW_F32) { K->uniform24(w, m, (float)law->a, (float)law->b, (float *)out); continue; }
        K->uniform(w, m, law->a, law->b, d);
        break;
      case OW_NORMAL: K->normal(w, m, law->a, law->b, d); break;
      case OW_EXPONENTIAL: K->exponential(w, m, law->a, d); break;
      case OW_INTEGERS:
        for (int64_t i = 0; i < m; i++) {
          int64_t v = (int64_t)((uint64_t)law->lo + (law->span ? ow_u64_below(w[i], law->span) : w[i]));
          memcpy(d + i, &v, 8);
        }
        break;
      case OW_POISSON: for (int64_t i = 0; i < m; i++) d[i] = poisson(w[i], law->a); break;
      case OW_GAMMA: for (int64_t i = 0; i < m; i++) d[i] = gamma_draw(w[i], law->a, law->b); break;
    }
    if (!direct && !ow_convert(t->dtype, out, es, integer ? OW_I64 : OW_F64, d, 8, m, false))
      __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
  }
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (failed) return OW_FAIL(e, OW_EDTYPE, "dtype: %s cannot hold the values drawn", ow_dtype_name(t->dtype));
  return true;
}

bool ow_random_permutation(int64_t *idx, int64_t n, ow_rng *g, ow_err *e) {
  for (int64_t i = 0; i < n; i++) idx[i] = i + 1;
  for (int64_t i = n - 1; i > 0; i--) {
    if ((i & 0xfffff) == 0 && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    int64_t j = (int64_t)ow_rng_below(g, (uint64_t)i + 1), v = idx[i];
    idx[i] = idx[j];
    idx[j] = v;
  }
  return true;
}

// Fisher-Yates from the front, stopped after k. When k is small beside n the displaced
// entries live in an open-addressing table instead of an array of n.
bool ow_random_subset(int64_t *idx, int64_t k, int64_t n, ow_rng *g, ow_err *e) {
  if (k > n / 8 || n < 1024) {
    int64_t *all = ow_alloc_array((size_t)n, sizeof *all, e);
    if (!all) return false;
    for (int64_t i = 0; i < n; i++) all[i] = i + 1;
    for (int64_t i = 0; i < k; i++) {
      int64_t j = i + (int64_t)ow_rng_below(g, (uint64_t)(n - i));
      idx[i] = all[j];
      all[j] = all[i];
    }
    ow_free(all);
    return true;
  }
  size_t size = 64;
  while (size < 4 * (size_t)k) size *= 2;
  struct slot { int64_t key, value; } *tab = ow_alloc_array(size, sizeof *tab, e);
  if (!tab) return false;
  memset(tab, 0xff, size * sizeof *tab);  // key -1: free
#define FIND(p, x) \
  size_t p = (size_t)((uint64_t)(x) * 0x9E3779B97F4A7C15u >> 20) & (size - 1); \
  while (tab[p].key != -1 && tab[p].key != (x)) p = (p + 1) & (size - 1)
  for (int64_t i = 0; i < k; i++) {
    int64_t j = i + (int64_t)ow_rng_below(g, (uint64_t)(n - i));
    FIND(pi, i);
    int64_t vi = tab[pi].key == -1 ? i + 1 : tab[pi].value;
    FIND(pj, j);
    idx[i] = j == i ? vi : tab[pj].key == -1 ? j + 1 : tab[pj].value;
    tab[pj].key = j;
    tab[pj].value = vi;
  }
#undef FIND
  ow_free(tab);
  return true;
}
