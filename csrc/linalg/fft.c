// Fourier transforms. A transform over several axes is a sequence of one-dimensional passes;
// each pass is cut into pieces of a size that depends on the shape alone and the pieces run
// over our threads. FFTW's own threads are not used: one plan gives one result, so the sums
// are bitwise the same at any thread count. (They may differ in the last bits with the
// alignment of the user's data and between processors, since FFTW picks its code by both.)
//
// Along any axis but the last, columns are gathered into a buffer, transformed there and put
// back, since FFTW's estimated plans are several times slower across strides of 2^k.
//
// Plans are made once and kept: the key is kind, precision, length, number and distance of
// the transforms in a piece, the alignment of both ends and the flags; the new-array
// interface executes them. The planner is not thread-safe and sits behind a lock. FFTW_ESTIMATE by default;
// FFTW_MEASURE plans on scratch memory and its wisdom is forgotten at once, so an estimated
// plan never depends on what was measured before. Nothing is stored on disk.
//
// Uninterruptible: one piece, which is one transform when that is longer than PIECE.
#include "linalg/fft.h"

#include <complex.h>
#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/device.h"
#include "base/threads.h"

#define PIECE 32768         // elements
#define COLUMN_PIECE 8192   // of a buffer of columns: half a second-level cache
#define MAX_PLANS 512

// ---- plans ---------------------------------------------------------------------------------

typedef struct {
  int64_t n;                     // length; its elements lie together
  int64_t rows, is1, os1;        // transforms of the piece
  int kind, sign, single, in_place, in_align, out_align, flags, pad;
} key;

typedef struct entry {
  key k;
  void *plan;
  struct entry *next;
  uint64_t used;   // tick of the last use
  int users;
} entry;

static struct {
  pthread_mutex_t lock;
  entry *bucket[256];
  uint64_t tick;
  ow_fft_stats_t stats;
} P = {.lock = PTHREAD_MUTEX_INITIALIZER};

// The two precisions of FFTW differ in their prefix only.
#define FFTW_API(S, X, REAL, CPLX)                                                                                   \
  static void *make_##S(const key *k, void *in, void *out) {                                                         \
    X(iodim64) dim = {k->n, 1, 1}, loop = {k->rows, k->is1, k->os1};                                                 \
    unsigned flags = (unsigned)k->flags;                                                                             \
    switch (k->kind) {                                                                                               \
      case OW_FFT_C2C: return X(plan_guru64_dft)(1, &dim, 1, &loop, (CPLX *)in, (CPLX *)out, k->sign, flags);          \
      case OW_FFT_R2C: return X(plan_guru64_dft_r2c)(1, &dim, 1, &loop, (REAL *)in, (CPLX *)out, flags);               \
      default: return X(plan_guru64_dft_c2r)(1, &dim, 1, &loop, (CPLX *)in, (REAL *)out, flags);                       \
    }                                                                                                                \
  }                                                                                                                  \
  static void run_##S(const key *k, void *plan, void *in, void *out) {                                                \
    switch (k->kind) {                                                                                               \
      case OW_FFT_C2C: X(execute_dft)(plan, (CPLX *)in, (CPLX *)out); break;                                          \
      case OW_FFT_R2C: X(execute_dft_r2c)(plan, (REAL *)in, (CPLX *)out); break;                                      \
      default: X(execute_dft_c2r)(plan, (CPLX *)in, (REAL *)out); break;                                              \
    }                                                                                                                \
  }                                                                                                                  \
  static void scale_##S(void *p, int64_t n, double f) {                                                               \
    REAL *x = p, g = (REAL)f;                                                                                        \
    for (int64_t i = 0; i < n; i++) x[i] *= g;                                                                       \
  }
FFTW_API(double, FFTW_MANGLE_DOUBLE, double, fftw_complex)
FFTW_API(single, FFTW_MANGLE_FLOAT, float, fftwf_complex)

static void destroy(entry *x) {
  if (x->k.single) fftwf_destroy_plan(x->plan);
  else fftw_destroy_plan(x->plan);
  free(x);
}

static unsigned hash(const key *k) {
  uint64_t h = 1469598103934665603u;
  const unsigned char *p = (const unsigned char *)k;
  for (size_t i = 0; i < sizeof *k; i++) h = (h ^ p[i]) * 1099511628211u;
  return (unsigned)(h >> 24) & 255u;
}

static void evict_locked(bool all) {
  for (;;) {
    entry **oldest = NULL;
    for (int b = 0; b < 256; b++)
      for (entry **x = &P.bucket[b]; *x; x = &(*x)->next)
        if (!(*x)->users && (!oldest || (*x)->used < (*oldest)->used)) oldest = x;
    if (!oldest) return;
    entry *x = *oldest;
    *oldest = x->next;
    destroy(x);
    P.stats.cached--;
    if (!all) return;
  }
}

// Bytes a piece reaches over at one end.
static size_t span(const key *k, bool input) {
  bool cplx = k->kind == OW_FFT_C2C || (k->kind == OW_FFT_C2R) == input;
  int64_t n = k->kind != OW_FFT_C2C && cplx ? k->n / 2 + 1 : k->n;
  return (size_t)((k->rows - 1) * (input ? k->is1 : k->os1) + n) * (k->single ? 4 : 8) * (cplx ? 2 : 1);
}

static void *plan_locked(const key *k, void *in, void *out, ow_err *e) {
  void *plan;
  if (!(k->flags & (int)FFTW_ESTIMATE)) {  // measuring overwrites: plan on memory of the same alignment
    char *a = ow_alloc(span(k, true) + 64, e), *b = k->in_place ? a : ow_alloc(span(k, false) + 64, e);
    if (!a || !b) {
      ow_free(a);
      return NULL;
    }
    void *pa = a + k->in_align, *pb = k->in_place ? pa : b + k->out_align;
    plan = k->single ? make_single(k, pa, pb) : make_double(k, pa, pb);
    fftw_forget_wisdom();
    fftwf_forget_wisdom();
    if (b != a) ow_free(b);
    ow_free(a);
  } else plan = k->single ? make_single(k, in, out) : make_double(k, in, out);
  if (!plan) OW_FAIL(e, OW_ENUMERIC, "FFTW has no plan for length %lld", (long long)k->n);
  return plan;
}

// A plan for the key, marked as in use; NULL fills e.
static entry *acquire(const key *k, void *in, void *out, ow_err *e) {
  unsigned h = hash(k);
  pthread_mutex_lock(&P.lock);
  entry *x = P.bucket[h];
  while (x && memcmp(&x->k, k, sizeof *k)) x = x->next;
  if (x) P.stats.hits++;
  else {
    if (P.stats.cached >= MAX_PLANS) evict_locked(false);
    void *plan = plan_locked(k, in, out, e);
    if (plan && !(x = calloc(1, sizeof *x))) {
      OW_FAIL(e, OW_EMEM, "out of memory for a plan");
      if (k->single) fftwf_destroy_plan(plan);
      else fftw_destroy_plan(plan);
    }
    if (x) {
      x->k = *k;
      x->plan = plan;
      x->next = P.bucket[h];
      P.bucket[h] = x;
      P.stats.cached++;
      P.stats.planned++;
    }
  }
  if (x) {
    x->users++;
    x->used = ++P.tick;
  }
  pthread_mutex_unlock(&P.lock);
  return x;
}

static void release(entry *x) {
  pthread_mutex_lock(&P.lock);
  x->users--;
  pthread_mutex_unlock(&P.lock);
}

ow_fft_stats_t ow_fft_stats(void) {
  pthread_mutex_lock(&P.lock);
  ow_fft_stats_t s = P.stats;
  pthread_mutex_unlock(&P.lock);
  return s;
}

void ow_fft_forget(void) {
  pthread_mutex_lock(&P.lock);
  evict_locked(true);
  pthread_mutex_unlock(&P.lock);
}

// ---- one pass ------------------------------------------------------------------------------
// Both ends are dense: outer x length x inner.

typedef struct {
  int kind, sign;
  bool single, measure, keep_input;
  int64_t outer, n, inner, n_in, n_out;  // n: logical length; n_in, n_out: stored ones
  double scale;
} pass;

static entry *plan_for(const pass *s, key *k, int64_t rows, int64_t is1, int64_t os1, void *in, void *out, ow_err *e) {
  memset(k, 0, sizeof *k);  // hashed and compared as bytes
  k->n = s->n;
  k->rows = rows;
  k->is1 = is1;
  k->os1 = os1;
  k->kind = s->kind;
  k->sign = s->sign;
  k->single = s->single;
  k->in_place = in == out;
  k->in_align = s->single ? fftwf_alignment_of(in) : fftw_alignment_of(in);
  k->out_align = s->single ? fftwf_alignment_of(out) : fftw_alignment_of(out);
  k->flags = (int)((s->measure ? FFTW_MEASURE : FFTW_ESTIMATE) | (s->keep_input ? FFTW_PRESERVE_INPUT : FFTW_DESTROY_INPUT));
  return acquire(k, in, out, e);
}

static void execute(const pass *s, const key *k, const entry *x, void *in, void *out) {
  if (s->single) run_single(k, x->plan, in, out);
  else run_double(k, x->plan, in, out);
}

static void scale(const pass *s, void *p, int64_t reals) {
  if (s->scale == 1) return;
  if (s->single) scale_single(p, reals, s->scale);
  else scale_double(p, reals, s->scale);
}

// dst[c * ld + i] = src[i * stride + c], and back: `cols` columns of n elements.
#define TURN(T)                                                                                                   \
  for (int64_t i = 0; i < n; i++)                                                                                 \
    for (int64_t c = 0; c < cols; c++) {                                                                          \
      if (gather) ((T *)buf)[c * ld + i] = ((const T *)mem)[i * stride + c];                                       \
      else ((T *)mem)[i * stride + c] = ((const T *)buf)[c * ld + i];                                              \
    }
static void turn(bool gather, size_t size, char *mem, int64_t stride, char *buf, int64_t ld, int64_t n, int64_t cols) {
  if (size == 16) { TURN(ow_c128) }
  else if (size == 8) { TURN(double) }
  else { TURN(float) }
}

// Rows that lie together are transformed where they are.
static bool row_piece(const pass *s, char *in, char *out, int64_t rows, size_t out_size, ow_err *e) {
  key k;
  entry *x = plan_for(s, &k, rows, s->n_in, s->n_out, in, out, e);
  if (!x) return false;
  execute(s, &k, x, in, out);
  release(x);
  scale(s, out, rows * s->n_out * (int64_t)(out_size / (s->single ? 4 : 8)));  // still in the cache
  return true;
}

// Columns go through a buffer: strides of a power of two would meet in few cache sets.
static bool column_piece(const pass *s, char *in, char *out, int64_t outer, int64_t cols, size_t in_size, size_t out_size, ow_err *e) {
  int64_t pad = 64 / (int64_t)(in_size > out_size ? in_size : out_size), ldi = (s->n_in + pad) / pad * pad + pad, ldo = ldi;
  if (s->kind != OW_FFT_C2C) ldo = (s->n_out + pad) / pad * pad + pad;
  char *bi = ow_alloc((size_t)(ldi * cols) * in_size, e), *bo = bi;
  if (bi && s->kind != OW_FFT_C2C) bo = ow_alloc((size_t)(ldo * cols) * out_size, e);
  key k;
  entry *x = bi && bo ? plan_for(s, &k, cols, ldi, ldo, bi, bo, e) : NULL;
  for (int64_t o = 0; x && o < outer; o++) {
    turn(true, in_size, in + (size_t)(o * s->n_in * s->inner) * in_size, s->inner, bi, ldi, s->n_in, cols);
    execute(s, &k, x, bi, bo);
    for (int64_t c = 0; c < cols; c++) scale(s, bo + (size_t)(c * ldo) * out_size, s->n_out * (int64_t)(out_size / (s->single ? 4 : 8)));
    turn(false, out_size, out + (size_t)(o * s->n_out * s->inner) * out_size, s->inner, bo, ldo, s->n_out, cols);
  }
  if (x) release(x);
  if (bo != bi) ow_free(bo);
  ow_free(bi);
  return x != NULL;
}

static bool run_pass(const pass *s, char *in, char *out, ow_err *e) {
  size_t rs = s->single ? 4 : 8, in_size = s->kind == OW_FFT_R2C ? rs : 2 * rs, out_size = s->kind == OW_FFT_C2R ? rs : 2 * rs;
  bool by_row = s->inner == 1;
  int64_t piece = by_row ? PIECE : COLUMN_PIECE, many = piece / s->n > 1 ? piece / s->n : 1, rows = 1, cols = s->inner;
  int64_t line = 128 / (int64_t)out_size;  // columns in two cache lines
  if (s->inner <= many) rows = PIECE / (s->n * s->inner) > 1 ? PIECE / (s->n * s->inner) : 1;
  else cols = many < line ? line : many / line * line;
  if (rows > s->outer) rows = s->outer;
  if (cols > s->inner) cols = s->inner;
  int64_t np1 = (s->outer + rows - 1) / rows, np2 = (s->inner + cols - 1) / cols;
  int failed = 0;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic) if (np1 * np2 > 1)
  for (int64_t p = 0; p < np1 * np2; p++) {
    if (__atomic_load_n(&failed, __ATOMIC_RELAXED)) continue;
    ow_err mine;
    int64_t r = p / np2 * rows, c = p % np2 * cols, nr = s->outer - r < rows ? s->outer - r : rows, nc = s->inner - c < cols ? s->inner - c : cols;
    char *pi = in + (size_t)(r * s->n_in * s->inner + c) * in_size, *po = out + (size_t)(r * s->n_out * s->inner + c) * out_size;
    bool ok = ow_interrupted() ? OW_FAIL(&mine, OW_EINTR, "interrupted")
              : by_row         ? row_piece(s, pi, po, nr, out_size, &mine)
                               : column_piece(s, pi, po, nr, nc, in_size, out_size, &mine);
    if (ok) continue;
#pragma omp critical(ow_fft_error)
    {
      if (!failed) *e = mine;
      __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
    }
  }
  return !failed;
}

// ---- a transform ---------------------------------------------------------------------------

static bool is_single(ow_dtype t) { return t == OW_F32 || t == OW_C64 || t == OW_F16 || t == OW_BF16; }

// Length stored along axis i of the spec, at the input or the output.
static int64_t stored(const ow_fft_spec *s, int i, bool input) {
  bool half = i == s->naxes - 1 && (s->kind == OW_FFT_R2C ? !input : s->kind == OW_FFT_C2R ? input : false);
  return half ? s->n[i] / 2 + 1 : s->n[i];
}

bool ow_fft_result(const ow_tensor *in, const ow_fft_spec *s, ow_dtype *dtype, int64_t *shape, ow_err *e) {
  bool one = is_single(in->dtype);
  *dtype = s->kind == OW_FFT_C2R ? (one ? OW_F32 : OW_F64) : (one ? OW_C64 : OW_C128);
  if (s->kind == OW_FFT_R2C && ow_dtype_is_complex(in->dtype)) {
    OW_FAIL(e, OW_EDTYPE, "expected a real tensor, got %s", ow_dtype_name(in->dtype));
    return ow_hint(e, "transform it without the r");
  }
  memcpy(shape, in->shape, sizeof(int64_t) * (size_t)in->ndim);
  for (int i = 0; i < s->naxes; i++) {
    if (s->n[i] < 1) return OW_FAIL(e, OW_ESHAPE, "a transform needs at least one point, axis %d has %lld", s->axis[i] + 1, (long long)s->n[i]);
    shape[s->axis[i]] = stored(s, i, false);
  }
  return true;
}

// `in` as a dense tensor of dtype t with the sizes that the transform reads; a view if it is that.
static bool prepare(ow_tensor *dst, const ow_tensor *in, const ow_fft_spec *s, ow_dtype t, bool fresh, ow_err *e) {
  ow_tensor big, from = *in, to;
  int64_t shape[OW_MAXDIM];
  bool resized = false, padded = false;
  memcpy(shape, in->shape, sizeof shape);
  for (int i = 0; i < s->naxes; i++) {
    int64_t want = stored(s, i, true), *have = &from.shape[s->axis[i]];
    shape[s->axis[i]] = want;
    if (want != *have) resized = true;
    if (want > *have) padded = true;
    else *have = want;
  }
  if (!resized && !fresh) return ow_tensor_cast(dst, in, t, false, e);
  if (!(padded ? ow_tensor_zeros : ow_tensor_new)(&big, t, in->ndim, shape, e)) return false;
  to = big;
  memcpy(to.shape, from.shape, sizeof shape);
  if (!ow_tensor_copy(&to, &from, false, e)) {
    ow_tensor_close(&big);
    return false;
  }
  *dst = big;
  return true;
}

static void describe(pass *p, const ow_fft_spec *s, int i, const ow_tensor *end) {
  p->outer = p->inner = 1;
  for (int d = 0; d < s->axis[i]; d++) p->outer *= end->shape[d];
  for (int d = s->axis[i] + 1; d < end->ndim; d++) p->inner *= end->shape[d];
  p->n = p->n_in = p->n_out = s->n[i];
}

bool ow_fft(const ow_tensor *out, const ow_tensor *in, const ow_fft_spec *s, ow_err *e) {
  char s1[160], s2[160];
  ow_dtype t;
  int64_t shape[OW_MAXDIM];
  if (!ow_need_host(in, e) || !ow_need_host(out, e)) return false;
  if (!ow_fft_result(in, s, &t, shape, e)) return false;
  if (out->dtype != t || out->ndim != in->ndim || memcmp(out->shape, shape, sizeof(int64_t) * (size_t)in->ndim))
    return OW_FAIL(e, OW_ESHAPE, "out: expected %s of shape %s, got %s of shape %s", ow_dtype_name(t), ow_shape_string(s1, in->ndim, shape),
                   ow_dtype_name(out->dtype), ow_shape_string(s2, out->ndim, out->shape));
  if (!ow_tensor_is_contiguous(out)) return OW_FAIL(e, OW_ESHAPE, "out: expected a contiguous tensor");
  bool same = out->storage == in->storage;
  if (same && !(s->kind == OW_FFT_C2C && in->dtype == t && out->offset == in->offset && ow_tensor_is_contiguous(in) &&
                !memcmp(in->shape, shape, sizeof(int64_t) * (size_t)in->ndim)))
    return OW_FAIL(e, OW_EARG, "out: overlaps the input; only a complex transform may overwrite exactly its input");
  if (ow_tensor_numel(out) == 0) return true;

  bool one = is_single(in->dtype);
  ow_dtype ti = s->kind == OW_FFT_R2C ? (one ? OW_F32 : OW_F64) : (one ? OW_C64 : OW_C128);
  pass p = {.single = one, .measure = s->measure, .keep_input = true, .sign = s->sign, .scale = 1};
  ow_tensor x;
  // Several axes of a complex-to-real transform work in place on a copy.
  if (!prepare(&x, in, s, ti, s->kind == OW_FFT_C2R && s->naxes > 1, e)) return false;
  char *from = ow_tensor_data(&x), *to = ow_tensor_data(out);
  bool ok = true;
  int last = s->naxes - 1;
  for (int i = last; i >= 0 && ok && s->kind != OW_FFT_C2R; i--) {
    describe(&p, s, i, out);
    p.kind = s->kind == OW_FFT_R2C && i == last ? OW_FFT_R2C : OW_FFT_C2C;
    p.n_out = stored(s, i, false);
    p.scale = i == 0 ? s->scale : 1;
    ok = run_pass(&p, i == last ? from : to, to, e);
  }
  for (int i = 0; i <= last && ok && s->kind == OW_FFT_C2R; i++) {
    describe(&p, s, i, &x);
    p.kind = i == last ? OW_FFT_C2R : OW_FFT_C2C;
    p.n_in = stored(s, i, true);
    p.keep_input = last == 0;
    p.scale = i == last ? s->scale : 1;
    ok = run_pass(&p, from, i == last ? to : from, e);
  }
  ow_tensor_close(&x);
  return ok;
}

bool ow_fft_roll(ow_tensor *out, const ow_tensor *in, const int64_t *shift, ow_err *e) {
  ow_tensor t;
  if (!ow_tensor_new_like(&t, in, e)) return false;
  if (ow_tensor_numel(in) == 0) { *out = t; return true; }
  for (unsigned part = 0; part < 1u << in->ndim; part++) {  // each axis splits in two blocks
    ow_tensor src = *in, dst = t;
    bool empty = false;
    for (int d = 0; d < in->ndim; d++) {
      int64_t n = in->shape[d], k = ((shift[d] % n) + n) % n, from = 0, to = k, len = n - k;
      if (part >> d & 1) { from = n - k; to = 0; len = k; }
      if (len == 0) empty = true;
      src.shape[d] = dst.shape[d] = len;
      src.offset += (size_t)(from * src.stride[d] * (int64_t)ow_dtype_size(in->dtype));
      dst.offset += (size_t)(to * dst.stride[d] * (int64_t)ow_dtype_size(in->dtype));
    }
    if (empty) continue;
    if (!ow_tensor_copy(&dst, &src, true, e)) { ow_tensor_close(&t); return false; }
  }
  *out = t;
  return true;
}
