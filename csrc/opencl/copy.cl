// Copies between any strides, with conversion, and fills. Prelude: TS, TD, CONVERT(v); CHECK
// where a value may not fit, FITS(v). `total` elements in row-major order of the walk.
#ifdef CONVERT
kernel void copy(OUT(TD, d), IN(TS, s), const walk w, const ulong total, CHECKS) {
  ulong i = get_global_id(0);
  if (i >= total) return;
  USE_OUT(TD, d);
  USE_IN(TS, s);
  long at[2];
  place(&w, i, 2, at);
  TS v = s[at[1]];
#ifdef CHECK
  if (!(FITS(v))) COMPLAIN;
#endif
  d[at[0]] = CONVERT(v);
}
#else
kernel void fill(OUT(TD, d), const walk w, const ulong total, const TD v) {
  ulong i = get_global_id(0);
  if (i >= total) return;
  USE_OUT(TD, d);
  long at[1];
  place(&w, i, 1, at);
  d[at[0]] = v;
}
#endif
