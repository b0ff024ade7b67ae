// Avalanches in a recorded series of slipped area and line heights.
//
// Detection is by the slipped-area rate over a window: with threshold = window * rate / B it
// marks exactly the windows in which the external stress of a spring drive has fallen. Shapes
// come from height profiles averaged over time, since at any moment hundreds of cells flip
// back and forth. Roughness: a plain Fourier sum with exact phases (lx is a few hundred and
// records are decimated, so no transform library is needed).
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "physics/depinning.h"

int64_t ow_dp_events(const int64_t *area, int64_t n, int64_t window, double threshold, int64_t *first, int64_t *last) {
  int64_t count = 0, end = 0, start = -1;
  bool cut = false;  // the running event began before the series
  for (int64_t i = window; i < n; i++) {
    bool on = (double)(area[i] - area[i - window]) > threshold;
    if (on && start < 0) {
      start = i - window > end ? i - window : end;
      cut = i == window;
    }
    if (!on && start >= 0) {
      if (!cut) {
        first[count] = start;
        last[count++] = i - 1;
      }
      end = i - 1;
      start = -1;
    }
  }
  return count;
}

static void mean_profile(const int32_t *h, int64_t n, int32_t lx, int64_t from, int64_t to, double *out) {
  if (from < 0) from = 0;
  if (to > n - 1) to = n - 1;
  memset(out, 0, (size_t)lx * sizeof *out);
  for (int64_t i = from; i <= to; i++)
    for (int32_t x = 0; x < lx; x++) out[x] += h[i * lx + x];
  for (int32_t x = 0; x < lx; x++) out[x] /= (double)(to - from + 1);
}

// v: 3 lx values: profile before, after, and room. The difference is averaged over `columns`
// neighbours (odd) to find the run; its size is the plain sum.
static ow_dp_shape shape_of(double *v, int32_t lx, int columns, double cut) {
  double *d = v + 2 * (size_t)lx;
  for (int32_t x = 0; x < lx; x++) {
    double s = 0;
    for (int32_t j = -columns / 2; j <= columns / 2; j++) {
      int32_t i = (x + j + lx) % lx;
      s += v[lx + i] - v[i];
    }
    d[x] = s / (2 * (columns / 2) + 1);
  }
  int32_t top = 0, left = 0, right = 0;  // left, right: columns beyond top
  for (int32_t x = 1; x < lx; x++)
    if (d[x] > d[top]) top = x;
  ow_dp_shape s = {0, d[top], 0};
  if (!(s.height > cut)) return s;
  while (right + 1 < lx && d[(top + right + 1) % lx] > cut) right++;
  while (left + 1 + right < lx && d[(top - left - 1 + lx) % lx] > cut) left++;
  for (int32_t j = -left; j <= right; j++) {
    int32_t i = (top + j + lx) % lx;
    s.size += v[lx + i] - v[i];
  }
  s.width = left + right + 1;
  return s;
}

bool ow_dp_event_shape(const int32_t *h, int64_t n, int32_t lx, int64_t a, int64_t b, int64_t mean, int columns, double cut,
                       ow_dp_shape *out, ow_err *e) {
  double *v = ow_alloc_array(3 * (size_t)lx, sizeof *v, e);
  if (!v) return false;
  mean_profile(h, n, lx, a - mean, a, v);
  mean_profile(h, n, lx, b, b + mean, v + lx);
  *out = shape_of(v, lx, columns, cut);
  ow_free(v);
  return true;
}

bool ow_dp_event_growth(const int32_t *h, int64_t n, int32_t lx, int64_t a, int64_t mean, int columns, double cut,
                        const int64_t *lag, int nlag, ow_dp_shape *out, ow_err *e) {
  double *v = ow_alloc_array(3 * (size_t)lx, sizeof *v, e);
  if (!v) return false;
  mean_profile(h, n, lx, a - mean, a, v);
  for (int j = 0; j < nlag; j++) {
    mean_profile(h, n, lx, a + lag[j] - mean / 2, a + lag[j] + mean / 2, v + lx);
    out[j] = shape_of(v, lx, columns, cut);
  }
  ow_free(v);
  return true;
}

bool ow_dp_roughness(const int32_t *h, int64_t n, int32_t lx, int64_t stride, double *power, double *diff, ow_err *e) {
  int32_t half = lx / 2;
  double *wave = ow_alloc_array(2 * (size_t)lx, sizeof *wave, e);
  if (!wave) return false;
  for (int32_t j = 0; j < lx; j++) {
    wave[j] = cos(2 * M_PI * j / lx);
    wave[lx + j] = sin(2 * M_PI * j / lx);
  }
  int64_t count = (n + stride - 1) / stride;
  // one task a wave number: the same sums at any thread count
  #pragma omp parallel for schedule(dynamic, 8) num_threads(ow_threads())
  for (int32_t k = 1; k <= half; k++) {
    double p = 0, d = 0;
    for (int64_t i = 0; i < n; i += stride) {
      if (ow_interrupted()) break;
      const int32_t *r = h + i * lx;
      double re = 0, im = 0;
      int64_t sum = 0;
      for (int32_t x = 0, ph = 0; x < lx; x++) {
        double v = r[x] - r[0];  // the mean height only enters k = 0
        re += v * wave[ph];
        im += v * wave[lx + ph];
        ph += k;
        if (ph >= lx) ph -= lx;
        int64_t u = (int64_t)r[x + k < lx ? x + k : x + k - lx] - r[x];
        sum += u < 0 ? -u : u;
      }
      p += (re * re + im * im) / lx;
      d += (double)sum / lx;
    }
    power[k - 1] = p / (double)count;
    diff[k - 1] = d / (double)count;
  }
  ow_free(wave);
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  return true;
}
