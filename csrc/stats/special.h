// Special functions that the statistics need and libm lacks. Doubles in, doubles out; no state.
#ifndef OW_STATS_SPECIAL_H
#define OW_STATS_SPECIAL_H
#include <math.h>

// log of the upper incomplete gamma function, any real a, x > 0; NaN outside.
double ow_log_gamma_upper(double a, double x);
// log(e^x E_p(x)), E_p(x) = int_1^inf u^-p e^(-x u) du, any real p, x > 0 (x = 0: p > 1).
double ow_log_expint_scaled(double p, double x);
// log of sum_{k=a}^{b} (k/a)^-p e^(-r (k - a)) over integers, a >= 1, b may be INFINITY
// (then r > 0 or p > 1); r = 0 when b is finite.
double ow_log_zeta_sum(double a, double b, double p, double r);
// log of (e^(c L) - 1) / c = log int_0^L e^(c y) dy, any real c, L > 0; and its derivative in c.
double ow_log_expm1_ratio(double c, double L);
double ow_log_expm1_ratio_d(double c, double L);
double ow_log_erfcx(double z);             // log(e^(z^2) erfc(z))
double ow_normal_quantile(double p);       // inverse of the standard normal distribution
static inline double ow_normal_cdf(double z) { return 0.5 * erfc(-z * 0.70710678118654752440); }
double ow_beta_inc(double a, double b, double x);  // regularised incomplete beta function
double ow_student_p(double t, double dof);         // two-sided p-value
double ow_kolmogorov_p(double d, double n);        // P(KS distance of n samples > d), Stephens' form
double ow_gamma_p(double a, double x);             // regularised lower incomplete gamma, a > 0

#endif
