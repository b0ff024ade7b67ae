// Sums over all pairs on the CPU (formulas: pair_sum.h): 8 targets at a time in lanes that the
// compiler turns into vectors, sources in order, so that a target's sum depends on nothing else.
#include "geometry/pair_sum.h"

#include <math.h>

#include "base/threads.h"

enum { LANES = 8, TASK = 64, BLOCK = 4096 };  // targets at a time, of a task; sources between polls

typedef struct { double phi[LANES], g[3][LANES]; } sums;

// f and 2 f' of a law for one r2 > 0 or, for a Gaussian, r2 >= 0.
static inline __attribute__((always_inline)) void evaluate(const ow_pair_law *w, ow_pair_kind kind, int whole, double r2, double *f, double *slope) {
  if (kind == OW_PAIR_GAUSSIAN) {
    double k = 1 / (w->a * w->a);
    *f = exp(-0.5 * k * r2);
    *slope = -k * *f;
    return;
  }
  double rho2 = r2 + w->softening * w->softening, inverse = 1 / rho2, one = sqrt(inverse);
  if (kind == OW_PAIR_YUKAWA) {
    double rho = sqrt(rho2);
    *f = exp(-w->a * rho) * one;
    *slope = -*f * (w->a * rho + 1) * inverse;
    return;
  }
  if (whole >= 0) {
    *f = 1;
    for (int k = 0; k < whole / 2; k++) *f *= inverse;
    if (whole % 2) *f *= one;
  } else *f = pow(rho2, -0.5 * w->a);
  *slope = -w->a * *f * inverse;
}

static inline __attribute__((always_inline)) void block_of(const ow_pair_law *w, ow_pair_kind kind, int whole, const double *s,
                                                           const double *q, int64_t n, const double *t, sums *sum) {
  bool gaussian = kind == OW_PAIR_GAUSSIAN;
  for (int64_t j = 0; j < n; j++) {
    double c = q ? q[j] : 1;
    for (int k = 0; k < LANES; k++) {
      double d[3], r2 = 0, f, slope;
      for (int a = 0; a < 3; a++) d[a] = t[LANES * a + k] - s[3 * j + a], r2 += d[a] * d[a];
      bool out = !gaussian && r2 == 0;
      evaluate(w, kind, whole, out ? 1 : r2, &f, &slope);
      f = out ? 0 : f, slope = out ? 0 : slope;
      sum->phi[k] += c * f;
      for (int a = 0; a < 3; a++) sum->g[a][k] += c * slope * d[a];
    }
  }
}

// Constants make loops of vectors: the common powers have code of their own.
static void block(const ow_pair_law *w, int whole, const double *s, const double *q, int64_t n, const double *t, sums *sum) {
#define CASE(kind, power) block_of(w, kind, power, s, q, n, t, sum)
  if (w->kind == OW_PAIR_GAUSSIAN) CASE(OW_PAIR_GAUSSIAN, -1);
  else if (w->kind == OW_PAIR_YUKAWA) CASE(OW_PAIR_YUKAWA, -1);
  else if (whole == 1) CASE(OW_PAIR_POWER, 1);
  else if (whole == 2) CASE(OW_PAIR_POWER, 2);
  else if (whole == 3) CASE(OW_PAIR_POWER, 3);
  else if (whole == 6) CASE(OW_PAIR_POWER, 6);
  else CASE(OW_PAIR_POWER, whole);
#undef CASE
}

bool ow_pair_sum(const ow_pair_law *w, const double *source, const double *charge, int64_t n, const double *target, int64_t m,
                 double *phi, double *gradient, ow_err *e) {
  if (w->kind == OW_PAIR_EXPRESSION) {
    OW_FAIL(e, OW_EDEVICE, "an expression is OpenCL text and runs on devices only");
    return ow_hint(e, "give device = \"opencl:0\", or use the kernel power, yukawa or gaussian");
  }
  int whole = w->kind == OW_PAIR_POWER && w->a == floor(w->a) && w->a >= 0 && w->a <= 32 ? (int)w->a : -1;
  int64_t tasks = (m + TASK - 1) / TASK;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic, 1) if (tasks > 1)
  for (int64_t task = 0; task < tasks; task++) {
    int64_t end = (task + 1) * TASK < m ? (task + 1) * TASK : m;
    for (int64_t i = task * TASK; i < end && !ow_interrupted(); i += LANES) {
      double t[3 * LANES];
      sums sum = {{0}, {{0}}};
      for (int k = 0; k < LANES; k++)
        for (int a = 0; a < 3; a++) t[LANES * a + k] = target[3 * (i + k < m ? i + k : m - 1) + a];
      for (int64_t j = 0; j < n && !ow_interrupted(); j += BLOCK)
        block(w, whole, source + 3 * j, charge ? charge + j : NULL, n - j < BLOCK ? n - j : BLOCK, t, &sum);
      for (int k = 0; k < LANES && i + k < end; k++) {
        phi[i + k] = sum.phi[k];
        for (int a = 0; gradient && a < 3; a++) gradient[3 * (i + k) + a] = sum.g[a][k];
      }
    }
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
