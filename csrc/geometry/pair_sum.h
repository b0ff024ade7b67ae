// Sums over all pairs: for each target t
//   phi(t) = sum_j q_j f(r2),  grad phi(t) = sum_j 2 q_j f'(r2) (t - s_j),  r2 = |t - s_j|^2,
// with f a power 1 / rho^p, screened exp(-kappa rho) / rho (rho2 = r2 + softening2; Plummer, MNRAS
// 71, 460, 1911), a Gaussian exp(-r2 / 2 sigma2), or, on a device, the user's text. A source at the
// target's own place is left out of powers and screened sums.
#ifndef OW_GEOMETRY_PAIR_SUM_H
#define OW_GEOMETRY_PAIR_SUM_H
#include "base/tensor.h"

typedef enum { OW_PAIR_POWER, OW_PAIR_YUKAWA, OW_PAIR_GAUSSIAN, OW_PAIR_EXPRESSION } ow_pair_kind;

typedef struct {
  ow_pair_kind kind;
  double a;          // exponent, kappa or sigma
  double softening;
  const char *value, *slope;  // OpenCL C of r2: f and df/dr2 (NULL: no gradient); EXPRESSION only
} ow_pair_law;

// source [n][3], charge [n] or NULL (1), target [m][3]; phi [m], gradient [m][3] or NULL. In f64,
// sources in order.
bool ow_pair_sum(const ow_pair_law *law, const double *source, const double *charge, int64_t n, const double *target, int64_t m,
                 double *phi, double *gradient, ow_err *e);
// The same on the device of the tensors, in their dtype with compensated sums; phi and gradient
// (or NULL) are made there.
bool ow_pair_sum_cl(const ow_pair_law *law, const ow_tensor *source, const ow_tensor *charge, const ow_tensor *target,
                    ow_tensor *phi, ow_tensor *gradient, ow_err *e);

#endif
