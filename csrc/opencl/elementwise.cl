// One elementwise operation: r = f(a, b). Prelude: TR what comes out, TC what is computed in,
// TA and TB what goes in, the conversions TO_R(v), A_TO_C(v), B_TO_C(v), and F(a, b), which may
// use fail (a flag) when CAN_FAIL. A null argument is a number: its value stands beside it.
// FLAT: all of them one run with a stride each.
#define INF_OF(x) ((x) == (TC)INFINITY)

#ifdef TC_INT
#define SHIFT(x, k) ((k) >= BITS || (k) <= -BITS ? (U)0 : (k) >= 0 ? (U)((U)(x) << (k)) : (U)((U)(x) >> -(k)))
static TC int_mod(TC a, TC b) {
  if (b == (TC)-1 && (TC)-1 < 0) return 0;
  TC m = a % b;
  return m != 0 && ((m ^ b) < 0) ? m + b : m;
}
static TC int_idiv(TC a, TC b) {
  if (b == (TC)-1 && (TC)-1 < 0) return (TC)((U)0 - (U)a);
  return a / b - ((a % b != 0) & ((a ^ b) < 0));
}
#else
static TC float_mod(TC a, TC b) {
  TC m = fmod(a, b);
  return (m > 0 && b < 0) || (m < 0 && b > 0) ? m + b : m;
}
#endif

#ifdef FLAT
kernel void apply(OUT(TR, r), IN(TA, pa), const TA va, IN(TB, pb), const TB vb, const long sr, const long sa, const long sb,
                  const ulong total, CHECKS) {
#else
kernel void apply(OUT(TR, r), IN(TA, pa), const TA va, IN(TB, pb), const TB vb, const walk w, const ulong total, CHECKS) {
#endif
  ulong i = get_global_id(0);
  if (i >= total) return;
  USE_OUT(TR, r);
  USE_IN(TA, pa);
  USE_IN(TB, pb);
#ifdef FLAT
  long at[3] = {(long)i * sr, (long)i * sa, (long)i * sb};
#else
  long at[3];
  place(&w, i, 3, at);
#endif
  TC a = A_TO_C((pa ? pa[at[1]] : va)), b = B_TO_C((pb ? pb[at[2]] : vb));
#ifdef CAN_FAIL
  if (b == 0) {
    COMPLAIN;
    return;
  }
#endif
  r[at[0]] = TO_R((F(a, b)));
}
