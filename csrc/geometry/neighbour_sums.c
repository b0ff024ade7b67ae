// Sums and maxima of columns of numbers over the nearest neighbours, at several numbers of
// neighbours in one pass. Neighbours come by distance, so each sum continues the one before.
// Sums run in f64 in the order of the list; a point belongs to one task.
#include "base/threads.h"
#include "geometry/neighbourhood.h"

enum { CHUNK = 256 };

static void one(const int64_t *ids, const float *values, int64_t columns, const int64_t *ks, int64_t scales, bool maximum, float *out) {
  double acc[OW_NEIGHBOUR_COLUMNS] = {0};
  int64_t j = 0;
  for (int64_t s = 0; s < scales; s++) {
    for (; j < ks[s]; j++) {
      const float *v = values + (ids[j] - 1) * columns;
      if (maximum)
        for (int64_t c = 0; c < columns; c++) acc[c] = j && !((double)v[c] > acc[c] || v[c] != v[c]) ? acc[c] : (double)v[c];
      else
        for (int64_t c = 0; c < columns; c++) acc[c] += (double)v[c];
    }
    for (int64_t c = 0; c < columns; c++) out[s * columns + c] = (float)acc[c];
  }
}

bool ow_neighbour_sums(const int64_t *ids, int64_t n, int64_t k, const float *values, int64_t m, int64_t columns,
                       const int64_t *ks, int64_t scales, bool maximum, float *out, ow_err *e) {
  if (columns < 1 || columns > OW_NEIGHBOUR_COLUMNS)
    return OW_FAIL(e, OW_ESHAPE, "values: expected 1 to %d columns, got %lld", OW_NEIGHBOUR_COLUMNS, (long long)columns);
  for (int64_t s = 0; s < scales; s++)
    if (ks[s] < (s ? ks[s - 1] : 1) || ks[s] > k)
      return OW_FAIL(e, OW_EARG, "counts: expected rising numbers from 1 to %lld, element %lld is %lld", (long long)k, (long long)s + 1, (long long)ks[s]);
  for (int64_t i = 0; i < n * k; i++)
    if (ids[i] < 1 || ids[i] > m)
      return OW_FAIL(e, OW_EARG, "ids: element %lld is %lld, allowed are 1 to %lld", (long long)i + 1, (long long)ids[i], (long long)m);
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic, 1)
  for (int64_t t = 0; t < (n + CHUNK - 1) / CHUNK; t++) {
    if (ow_interrupted()) continue;
    for (int64_t i = t * CHUNK; i < n && i < (t + 1) * CHUNK; i++)
      one(ids + i * k, values, columns, ks, scales, maximum, out + i * scales * columns);
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
