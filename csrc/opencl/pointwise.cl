// Rows that treat every element by itself: activations, dropout, optimisers, loss gradients.
// Formulas stand in nn/activation.c, dropout.c, optim.c and loss.c. Prelude: WHAT, one of
#define ACTIVATION 0
#define DROPOUT 1
#define OPTIM 2
#define LOSS 3

static T sigmoid_of(T x) {
  const T u = exp(-fabs(x));
  return x >= 0 ? 1 / (1 + u) : u / (1 + u);
}
static T softplus_of(T x) { return (x > 0 || isnan(x) ? x : (T)0) + log1p(exp(-fabs(x))); }

#if WHAT == ACTIVATION
static T act(int kind, T a, T x) {
  switch (kind) {
    case 1: return x > 0 || isnan(x) ? x : (T)0;
    case 2: return x > 0 ? x : a * x;
    case 3: return x > 0 ? x : a * expm1(x);
    case 4: return (T)0.5 * x * (1 + erf(x * (T)M_SQRT1_2));
    case 5: return sigmoid_of(x);
    case 6: return tanh(x);
    case 7: return (x > 0 ? x : (T)0) + log1p(exp(-fabs(x)));
    case 8: return x * sigmoid_of(x);
    default: return x;
  }
}
static T slope(int kind, T a, T x) {
  T s;
  switch (kind) {
    case 1: return x > 0;
    case 2: return x > 0 ? (T)1 : a;
    case 3: return x > 0 ? (T)1 : a * exp(x);
    case 4: return (T)0.5 * (1 + erf(x * (T)M_SQRT1_2)) + x * exp((T)-0.5 * x * x) * (T)(0.5 * M_2_SQRTPI * M_SQRT1_2);
    case 5: s = sigmoid_of(x); return s * (1 - s);
    case 6: s = tanh(x); return 1 - s * s;
    case 7: return sigmoid_of(x);
    case 8: s = sigmoid_of(x); return s * (1 + x * (1 - s));
    default: return 1;
  }
}
kernel void forward(IN(T, px), OUT(T, py), const long n, const int kind, const T alpha) {
  USE_IN(T, px);
  USE_OUT(T, py);
  const long i = get_global_id(0);
  if (i < n) py[i] = act(kind, alpha, px[i]);
}
kernel void backward(IN(T, px), IN(T, pdy), OUT(T, pdx), const long n, const int kind, const T alpha) {
  USE_IN(T, px);
  USE_IN(T, pdy);
  USE_OUT(T, pdx);
  const long i = get_global_id(0);
  if (i < n) pdx[i] = slope(kind, alpha, px[i]) * pdy[i];
}

#elif WHAT == DROPOUT
// Philox4x32-10 (base/random.h): the same bits as on the host. One work-item a block of four.
kernel void dropout(IN(T, px), OUT(T, py), const long n, const ulong seed, const ulong stream, const ulong bound, const T scale) {
  USE_IN(T, px);
  USE_OUT(T, py);
  const ulong block = get_global_id(0);
  if ((long)block * 4 >= n) return;
  uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = (uint)stream, c3 = (uint)(stream >> 32);
  uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
  for (int r = 0; r < 10; r++) {
    const uint h0 = mul_hi(0xD2511F53u, c0), l0 = 0xD2511F53u * c0, h1 = mul_hi(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
    const uint n0 = h1 ^ c1 ^ k0, n2 = h0 ^ c3 ^ k1;
    c1 = l1, c3 = l0, c0 = n0, c2 = n2;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  const uint w[4] = {c0, c1, c2, c3};
  for (int j = 0; j < 4; j++) {
    const long i = (long)block * 4 + j;
    if (i < n) py[i] = px[i] * (w[j] >= bound ? scale : (T)0);
  }
}

#elif WHAT == OPTIM
kernel void sgd(IN(T, pg), OUT(T, pp), OUT(T, pb), const long n, const T lr, const T momentum, const T keep, const int nesterov,
                const T decay, const int first) {
  USE_IN(T, pg);
  USE_OUT(T, pp);
  USE_OUT(T, pb);
  const long i = get_global_id(0);
  if (i >= n) return;
  const T x = pp[i];
  T d = pg[i] + decay * x;
  if (momentum != 0) {
    const T v = first ? d : momentum * pb[i] + keep * d;
    pb[i] = v;
    d = nesterov ? d + momentum * v : v;
  }
  pp[i] = x - lr * d;
}
kernel void rmsprop(IN(T, pg), OUT(T, pp), OUT(T, pq), OUT(T, pb), const long n, const T lr, const T alpha, const T rest,
                    const T eps, const T momentum, const T decay) {
  USE_IN(T, pg);
  USE_OUT(T, pp);
  USE_OUT(T, pq);
  USE_OUT(T, pb);
  const long i = get_global_id(0);
  if (i >= n) return;
  const T x = pp[i];
  T d = pg[i] + decay * x;
  const T s = alpha * pq[i] + rest * d * d;
  pq[i] = s;
  d = d / (sqrt(s) + eps);
  if (momentum != 0) {
    d += momentum * pb[i];
    pb[i] = d;
  }
  pp[i] = x - lr * d;
}
kernel void adam(IN(T, pg), OUT(T, pp), OUT(T, pm), OUT(T, pv), const long n, const T shrink, const T decay, const T b1, const T r1,
                 const T b2, const T r2, const T rate, const T root, const T eps) {
  USE_IN(T, pg);
  USE_OUT(T, pp);
  USE_OUT(T, pm);
  USE_OUT(T, pv);
  const long i = get_global_id(0);
  if (i >= n) return;
  const T x = pp[i] * shrink, d = pg[i] + decay * x, a = b1 * pm[i] + r1 * d, s = b2 * pv[i] + r2 * d * d;
  pm[i] = a;
  pv[i] = s;
  pp[i] = x - rate * a / (sqrt(s) * root + eps);
}

#else
static T term(int kind, T delta, T pos, T gamma, T alpha, T x, T t) {
  const T d = x - t;
  T a;
  switch (kind) {
    case 0: return d * d;
    case 1: return fabs(d);
    case 2: a = fabs(d); return a <= delta ? (T)0.5 * d * d : delta * (a - (T)0.5 * delta);
    case 3: return pos * t * softplus_of(-x) + (1 - t) * softplus_of(x);
    default: a = alpha < 0 ? (T)1 : alpha * t + (1 - alpha) * (1 - t);
      return a * pow(sigmoid_of(-x) * t + sigmoid_of(x) * (1 - t), gamma) * (t * softplus_of(-x) + (1 - t) * softplus_of(x));
  }
}
static T slope(int kind, T delta, T pos, T gamma, T alpha, T x, T t) {
  T d = x - t, p, q, a, u;
  switch (kind) {
    case 0: return 2 * d;
    case 1: return isnan(d) ? d : (T)((d > 0) - (d < 0));
    case 2: return d > delta ? delta : d < -delta ? -delta : d;
    case 3: return (1 - t) * sigmoid_of(x) - pos * t * sigmoid_of(-x);
    default: p = sigmoid_of(x), q = sigmoid_of(-x), u = q * t + p * (1 - t);
      a = alpha < 0 ? (T)1 : alpha * t + (1 - alpha) * (1 - t);
      d = pow(u, gamma) * (p * (1 - t) - q * t);
      if (gamma != 0 && !(u <= 0))
        d += gamma * pow(u, gamma - 1) * p * q * (1 - 2 * t) * (t * softplus_of(-x) + (1 - t) * softplus_of(x));
      return a * d;
  }
}
// One part for each 4096 elements.
kernel void forward(IN(T, px), IN(T, pt), IN(T, pw), OUT(A, ppart), const long n, const int kind, const T delta, const T pos,
                    const T gamma, const T alpha) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(T, pt);
  USE_IN(T, pw);
  USE_OUT(A, ppart);
  const int me = get_local_id(0);
  const long c = get_group_id(0), end = min(n, (c + 1) * 4096);
  A s = 0;
  for (long i = c * 4096 + me; i < end; i += 64) s += (A)(term(kind, delta, pos, gamma, alpha, px[i], pt[i]) * (pw ? pw[i] : (T)1));
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) ppart[c] = lane[0];
}
kernel void backward(IN(T, px), IN(T, pt), IN(T, pw), IN(T, pdvalue), OUT(T, pdx), const long n, const int kind, const T delta,
                     const T pos, const T gamma, const T alpha, const T count) {
  USE_IN(T, px);
  USE_IN(T, pt);
  USE_IN(T, pw);
  USE_IN(T, pdvalue);
  USE_OUT(T, pdx);
  const long i = get_global_id(0);
  if (i < n) pdx[i] = pdvalue[0] / count * slope(kind, delta, pos, gamma, alpha, px[i], pt[i]) * (pw ? pw[i] : (T)1);
}
#endif
