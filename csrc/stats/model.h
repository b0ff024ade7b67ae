// Distributions of sizes and their maximum-likelihood fits.
//
// All but the exponential's relatives live in y = log(x / a), a = smallest size of the fit:
//   powerlaw     x^-p0                              a <= x           (p0 > 1)
//   truncated    x^-p0                              a <= x <= b      (any p0)
//   cutoff       x^-p0 exp(-p1 (x/a - 1))           a <= x           (any p0, p1 > 0; p1 = a/S0)
//   lognormal    x^-1 exp(-p0 y - p1 y^2)           a <= x           (p1 = 0: power law p0 + 1)
//   stretched    x^-1 exp(p1 y - p0 expm1(p1 y)/p1) a <= x           (p1 = shape; 0: power law)
//   exponential  exp(-p1 (x/a - 1))                 a <= x
// The first three also over integers.
#ifndef OW_STATS_MODEL_H
#define OW_STATS_MODEL_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"

typedef enum { OW_POWERLAW, OW_TRUNCATED, OW_CUTOFF, OW_LOGNORMAL, OW_STRETCHED, OW_EXPONENTIAL, OW_NMODEL } ow_model;
const char *ow_model_name(ow_model m);
bool ow_model_from_name(const char *name, ow_model *m);

typedef struct ow_dist {
  ow_model model;
  bool discrete;
  double a, b;    // support; b = INFINITY except for truncated
  double p0, p1;  // as above
  double logz;    // log of the normalisation over x / a (see ow_dist_init)
} ow_dist;

// Computes logz. OW_EARG when the parameters give no distribution.
bool ow_dist_init(ow_dist *d, ow_err *e);
double ow_dist_logpdf(const ow_dist *d, double x);  // -inf outside the support
double ow_dist_cdf(const ow_dist *d, double x);     // P(X <= x)

// A sampler keeps a table for the discrete models.
typedef struct ow_sampler {
  ow_dist d;
  double *tail;   // tail[j] = P(X > a + j)
  int64_t ntail;
} ow_sampler;
bool ow_sampler_init(ow_sampler *s, const ow_dist *d, ow_err *e);
void ow_sampler_free(ow_sampler *s);
double ow_sampler_draw(const ow_sampler *s, ow_rng *g);

// What a fit needs to know of the data: means over the n events in [a, b].
typedef struct ow_suff {
  int64_t n;
  double a, b;
  double ml, ml2, mu, ylast;  // mean y, mean y^2, mean x/a - 1, largest y
  const double *y;            // the n values of y; only stretched needs them
} ow_suff;
// x need not be sorted; y (room for n) receives log(x/a) of the events in [a, b].
void ow_suff_of(ow_suff *s, const double *x, int64_t n, double a, double b, double *y);

// A maximum-likelihood fit. par: what the user knows: alpha | tau | tau, S0 | mu, sigma |
// beta, x0 | S0. Intervals are by profile likelihood, se from the observed information.
typedef struct ow_fit {
  ow_dist d;
  int64_t n;
  int npar;
  double loglik;
  double par[2], se[2], low[2], high[2];
  bool at_edge;  // the extra parameter went to its power-law limit (S0 = inf, sigma = inf, beta = 0)
} ow_fit;
// level: 0 = no intervals, else e.g. 0.95. Needs n >= 2 and values that differ.
bool ow_fit_model(ow_model m, bool discrete, const ow_suff *s, double level, ow_fit *f, ow_err *e);

#endif
