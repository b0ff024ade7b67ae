// Power density by averaged modified periodograms (Welch, IEEE Trans. AU-15 (1967) 70).
//
// Convention: one-sided density, so that the sum over the bins times rate/seg is the variance of
// the (detrended) signal; the window is the periodic Hann one, its power divided out.
#include <complex.h>
#include <math.h>

#include "base/threads.h"
#include "linalg/fft.h"
#include "stats/data.h"

static void detrend_into(double *out, const double *x, int64_t n, ow_detrend how) {
  double mean = 0, slope = 0, mid = (double)(n - 1) / 2;
  if (how != OW_DETREND_NONE) {
    for (int64_t i = 0; i < n; i++) mean += x[i];
    mean /= (double)n;
  }
  if (how == OW_DETREND_LINEAR && n > 1) {
    double sxy = 0, sxx = 0;
    for (int64_t i = 0; i < n; i++) {
      double t = (double)i - mid;
      sxy += t * (x[i] - mean);
      sxx += t * t;
    }
    slope = sxy / sxx;
  }
  for (int64_t i = 0; i < n; i++) out[i] = x[i] - mean - slope * ((double)i - mid);
}

bool ow_welch(const double *x, int64_t rows, int64_t n, int64_t seg, int64_t hop, double rate, bool hann, ow_detrend detrend,
              double *power, int64_t *count, ow_err *e) {
  int64_t bins = seg / 2 + 1, made = 0, shape[2] = {1, seg}, fshape[2] = {1, bins};
  ow_tensor in = {0}, out = {0};
  ow_fft_spec spec = {.kind = OW_FFT_R2C, .sign = -1, .naxes = 1, .axis = {1}, .n = {seg}, .scale = 1};
  if (!ow_tensor_new(&in, OW_F64, 2, shape, e)) return false;
  if (!ow_tensor_new(&out, OW_C128, 2, fshape, e)) return ow_tensor_close(&in), false;
  double *b = ow_tensor_data(&in), wsum = 0;
  const ow_c128 *f = ow_tensor_data(&out);
  const double turn = 2 * 3.14159265358979323846 / (double)seg;
  for (int64_t i = 0; i < seg; i++) {
    double w = hann ? 0.5 - 0.5 * cos(turn * (double)i) : 1;
    wsum += w * w;
  }
  for (int64_t k = 0; k < bins; k++) power[k] = 0;
  bool ok = true;
  for (int64_t r = 0; ok && r < rows; r++)
    for (int64_t s = 0; ok && s + seg <= n; s += hop) {
      if (ow_interrupted()) {
        ok = OW_FAIL(e, OW_EINTR, "interrupted");
        break;
      }
      detrend_into(b, x + r * n + s, seg, detrend);
      if (hann)
        for (int64_t i = 0; i < seg; i++) b[i] *= 0.5 - 0.5 * cos(turn * (double)i);
      ok = ow_fft(&out, &in, &spec, e);
      for (int64_t k = 0; ok && k < bins; k++) power[k] += creal(f[k]) * creal(f[k]) + cimag(f[k]) * cimag(f[k]);
      made++;
    }
  for (int64_t k = 0; k < bins; k++) {
    bool both = k > 0 && !(seg % 2 == 0 && k == bins - 1);  // the bin stands for +f and -f
    power[k] *= (both ? 2 : 1) / (wsum * rate * (double)made);
  }
  *count = made;
  ow_tensor_close(&in);
  ow_tensor_close(&out);
  return ok;
}
