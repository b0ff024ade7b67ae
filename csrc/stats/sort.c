// Ascending sort of doubles without NaN: quicksort with the median of three, insertion sort for
// short runs, heapsort when the recursion goes too deep (Musser, Softw. Pract. Exp. 27 (1997) 983).
#include "stats/data.h"

static inline void swap(double *a, double *b) {
  double t = *a;
  *a = *b;
  *b = t;
}

static void sift(double *x, int64_t i, int64_t n) {
  for (int64_t c; (c = 2 * i + 1) < n; i = c) {
    if (c + 1 < n && x[c + 1] > x[c]) c++;
    if (x[i] >= x[c]) return;
    swap(&x[i], &x[c]);
  }
}

static void sort(double *x, int64_t n, int depth) {
  while (n > 24) {
    if (depth-- == 0) {
      for (int64_t i = n / 2; i-- > 0;) sift(x, i, n);
      for (int64_t m = n - 1; m > 0; m--) swap(&x[0], &x[m]), sift(x, 0, m);
      return;
    }
    double a = x[0], b = x[n / 2], c = x[n - 1];
    double p = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    int64_t i = -1, j = n;
    for (;;) {
      do i++; while (x[i] < p);
      do j--; while (x[j] > p);
      if (i >= j) break;
      swap(&x[i], &x[j]);
    }
    sort(x, j + 1, depth);
    x += j + 1;
    n -= j + 1;
  }
  for (int64_t i = 1; i < n; i++) {
    double v = x[i];
    int64_t j = i;
    for (; j > 0 && x[j - 1] > v; j--) x[j] = x[j - 1];
    x[j] = v;
  }
}

void ow_sort_doubles(double *x, int64_t n) { sort(x, n, 96); }
