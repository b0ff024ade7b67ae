// The driver of elementwise operations.
//
// Invariant: the work is cut into tasks of CHUNK elements by shape alone, and every element
// is computed by itself, so the result does not depend on the thread count. A task walks its
// rows with an odometer; where an argument's dtype is not the one computed in, BLOCK
// elements at a time pass through a buffer on the stack, so nothing is allocated.
//
// A large result that is no argument passes through that buffer too and leaves it by
// non-temporal stores: reading each line of it before writing is a third of the traffic of
// a * 2 (measured: from 80 % of memcpy's rate to 96 %). Not where the arithmetic is the
// limit (FLOAT ops): there the buffer costs more than it saves.
#include "op/op.h"

#include <string.h>

#include "base/device.h"
#include "base/threads.h"
#include "op/op_cl.h"

enum { CHUNK = OW_GRAIN, BLOCK = 512, STREAM_BYTES = 24 << 20 };

const ow_op ow_ops[OW_NOPS] = {
#define ROW(id, arity, rule, lo1, hi1, lo2, hi2, doc) \
  {OW_OP_##id, #id, arity, OW_RULE_##rule, {lo1, lo2}, {hi1, hi2}, doc},
    OW_OP_LIST(ROW)
#undef ROW
};

const ow_op *ow_op_find(const char *name) {
  for (int i = 0; i < OW_NOPS; i++)
    if (!strcmp(ow_ops[i].name, name)) return &ow_ops[i];
  return NULL;
}

ow_run ow_op_kernel(ow_op_id op, ow_dtype t, bool reference) {
  if ((int)t >= OW_NKERNEL_DTYPES) return NULL;
  if (!reference) {
    ow_run r = ow_vmath32()->run[op][t];
    if (!r) r = ow_vmath()->run[op][t];
    if (!r) r = ow_arith()->run[op][t];
    if (r) return r;
  }
  return ow_reference.run[op][t];
}

static bool is_half(ow_dtype t) { return t == OW_F16 || t == OW_BF16; }

bool ow_op_dtypes(const ow_op *op, const ow_tensor *const *in, ow_dtype *compute, ow_dtype *result, ow_err *e) {
  ow_dtype c = ow_dtype_promote(in[0]->dtype, in[op->arity - 1]->dtype);
  if (op->rule == OW_RULE_FLOAT && ow_dtype_is_int(c)) c = OW_F64;
  if (op->id == OW_OP_arg && ow_dtype_is_int(c)) c = OW_F64;
  *compute = c;
  switch (op->rule) {
    case OW_RULE_BOOL: *result = OW_U8; break;
    case OW_RULE_PART: *result = c == OW_C64 ? OW_F32 : c == OW_C128 ? OW_F64 : c; break;
    default: *result = c;
  }
  if (ow_op_kernel(op->id, c, true)) return true;
  return OW_FAIL(e, OW_EDTYPE, "not defined for %s%s", ow_dtype_name(c),
                 op->rule == OW_RULE_INT ? " (integers only)" : "");
}

ow_dtype ow_op_number_dtype(ow_dtype t, bool is_integer, int64_t v) {
  if (is_half(t)) return OW_F32;
  if (!ow_dtype_is_int(t)) return t;
  if (!is_integer) return OW_F64;
  if (t == OW_I64 || v < INT32_MIN || v > INT32_MAX) return OW_I64;
  return t == OW_U8 && v >= 0 && v <= 255 ? OW_U8 : OW_I32;
}

typedef struct {
  ow_walk w;
  ow_run run, in[2], out;  // conversions; NULL: none needed
  int64_t s[3];            // byte strides
  void (*stream)(char *d, const char *s, int64_t bytes);  // NULL: plain stores
  bool light;
  int arity;
  size_t csize, rsize;     // element sizes computed in and of the raw result
} job;

static bool run_piece(const job *j, char *const *q, int64_t n) {
  if (!j->in[0] && !j->in[1] && !j->out && !j->stream) return j->run(q, j->s, n);
  _Alignas(64) char buf[3][BLOCK * sizeof(ow_c128)];
  char *p[3] = {q[0], q[1], q[2]};
  for (int64_t i = 0; i < n; i += BLOCK) {
    int64_t m = n - i < BLOCK ? n - i : BLOCK;
    char *a[3] = {p[0], p[1], p[2]};
    int64_t s[3] = {j->s[0], j->s[1], j->s[2]};
    for (int k = 0; k < j->arity; k++)
      if (j->in[k]) {
        char *c[2] = {buf[k + 1], p[k + 1]};
        int64_t cs[2] = {(int64_t)j->csize, s[k + 1]};
        j->in[k](c, cs, s[k + 1] ? m : 1);
        a[k + 1] = buf[k + 1];
        s[k + 1] = s[k + 1] ? (int64_t)j->csize : 0;
      }
    if (j->out || j->stream) {
      a[0] = buf[0];
      s[0] = (int64_t)j->rsize;
    }
    if (!j->run(a, s, m)) return false;
    if (j->stream) j->stream(p[0], buf[0], m * s[0]);
    else if (j->out) {
      char *c[2] = {p[0], buf[0]};
      int64_t cs[2] = {j->s[0], (int64_t)j->rsize};
      j->out(c, cs, m);
    }
    for (int k = 0; k <= j->arity; k++) p[k] += m * j->s[k];
  }
  return true;
}

// Rows k0 .. k0 + rows of the outer dimensions, whole inner runs.
static bool run_rows(const job *j, int64_t k0, int64_t rows) {
  const ow_walk *w = &j->w;
  char *p[4];
  int64_t idx[OW_MAXDIM], k = k0;
  ow_walk_at(w, k0, p);
  for (int d = w->ndim - 1; d >= 0; d--) {
    idx[d] = k % w->shape[d];
    k /= w->shape[d];
  }
  for (int64_t r = 0; r < rows; r++) {
    if (!run_piece(j, p, w->inner)) return false;
    for (int d = w->ndim - 1; d >= 0; d--) {
      for (int t = 0; t < w->nt; t++) p[t] += w->stride[t][d] * (int64_t)w->esize[t];
      if (++idx[d] < w->shape[d]) break;
      for (int t = 0; t < w->nt; t++) p[t] -= w->shape[d] * w->stride[t][d] * (int64_t)w->esize[t];
      idx[d] = 0;
    }
  }
  return true;
}

static bool run_job(job *j, ow_err *e) {
  const ow_walk *w = &j->w;
  int64_t traffic = 0;
  for (int t = 0; t < w->nt; t++) {
    j->s[t] = w->istride[t] * (int64_t)w->esize[t];
    traffic += j->s[t] ? w->inner * w->outer * (int64_t)w->esize[t] : 0;
  }
  bool apart = j->light && !j->out && j->s[0] == (int64_t)j->rsize && w->inner >= BLOCK;
  for (int t = 1; t < w->nt; t++) apart = apart && w->base[t] != w->base[0];
  j->stream = apart && traffic > STREAM_BYTES ? ow_arith()->stream : NULL;
  int64_t pieces = (w->inner + CHUNK - 1) / CHUNK, rows = pieces > 1 ? 1 : CHUNK / w->inner;
  int64_t tasks = pieces > 1 ? w->outer * pieces : (w->outer + rows - 1) / rows;
  int failed = 0;
#pragma omp parallel for num_threads(ow_threads()) if (tasks > 1)
  for (int64_t k = 0; k < tasks; k++) {
    if (__atomic_load_n(&failed, __ATOMIC_RELAXED)) continue;
    bool ok;
    if (pieces > 1) {
      char *p[4];
      ow_walk_at(w, k / pieces, p);
      int64_t i = k % pieces * CHUNK, n = w->inner - i < CHUNK ? w->inner - i : CHUNK;
      for (int t = 0; t < w->nt; t++) p[t] += i * j->s[t];
      ok = run_piece(j, p, n);
    } else {
      int64_t k0 = k * rows;
      ok = run_rows(j, k0, w->outer - k0 < rows ? w->outer - k0 : rows);
    }
    if (ow_interrupted()) __atomic_store_n(&failed, 2, __ATOMIC_RELAXED);
    else if (!ok) __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
  }
  if (failed == 2) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (failed) return OW_FAIL(e, OW_ENUMERIC, "integer division by zero");
  return true;
}

// Byte range that a view touches within its storage.
static void extent(const ow_tensor *t, int64_t *lo, int64_t *hi) {
  int64_t size = (int64_t)ow_dtype_size(t->dtype);
  *lo = (int64_t)t->offset;
  *hi = *lo + size;
  for (int d = 0; d < t->ndim; d++) {
    int64_t reach = (t->shape[d] - 1) * t->stride[d] * size;
    if (reach < 0) *lo += reach;
    else *hi += reach;
  }
}

// True when writing dst could change elements of src that are still to be read.
static bool must_copy(const ow_tensor *dst, const ow_tensor *src) {
  if (dst->storage != src->storage) return false;
  int64_t a, b, c, d;
  extent(dst, &a, &b);
  extent(src, &c, &d);
  if (b <= c || d <= a) return false;
  if (dst->offset != src->offset || ow_dtype_size(dst->dtype) != ow_dtype_size(src->dtype)) return true;
  for (int k = 0; k < dst->ndim; k++)
    if (dst->shape[k] > 1 && dst->stride[k] != src->stride[k]) return true;
  return false;
}

static bool check_out(const ow_tensor *out, ow_dtype result, int ndim, const int64_t *shape, ow_err *e) {
  char sa[160], sb[160];
  bool same = out->ndim == ndim;
  for (int d = 0; d < ndim && same; d++) same = out->shape[d] == shape[d];
  if (!same)
    return OW_FAIL(e, OW_ESHAPE, "out: has shape %s, the result has %s", ow_shape_string(sa, out->ndim, out->shape),
                   ow_shape_string(sb, ndim, shape));
  for (int d = 0; d < ndim; d++)
    if (out->stride[d] == 0 && out->shape[d] > 1)
      return OW_FAIL(e, OW_EARG, "out: is a broadcast view (one element stands for many)");
  if (out->dtype != result && ((int)out->dtype >= OW_NKERNEL_DTYPES || !ow_arith()->conv[out->dtype][result])) {
    OW_FAIL(e, OW_EDTYPE, "out: is %s, which cannot hold the result of dtype %s", ow_dtype_name(out->dtype),
            ow_dtype_name(result));
    return ow_hint(e, "use the form that makes a new tensor, or convert");
  }
  return true;
}

bool ow_op_apply(const ow_op *op, ow_tensor *out, const ow_tensor *const *in, bool reference, ow_err *e) {
  ow_dtype compute, result;
  int ndim = in[0]->ndim, nin = op->arity;
  int64_t shape[OW_MAXDIM];
  const ow_tensor *all[3] = {in[0], nin == 2 ? in[1] : NULL, out->storage ? out : NULL};
  int device;
  if (!ow_same_device(all, 3, &device, e)) return false;
  if (!ow_op_dtypes(op, in, &compute, &result, e)) return false;
  if (nin == 2) {
    if (!ow_broadcast_shapes(in[0], in[1], &ndim, shape, e)) return false;
  } else memcpy(shape, in[0]->shape, sizeof shape);

  ow_tensor fresh = {0}, v[3] = {{0}};
  ow_tensor *dst = out;
  if (out->storage) {
    if (!check_out(out, result, ndim, shape, e)) return false;
  } else {
    if (!ow_tensor_new_on(&fresh, device, result, ndim, shape, e)) return false;
    dst = &fresh;
  }
  bool ok = true;
  ow_tensor_view(&v[0], dst);
  for (int k = 0; k < nin && ok; k++) {
    ok = ow_tensor_broadcast_to(&v[k + 1], in[k], ndim, shape, e);
    if (!ok) break;
    if ((is_half(in[k]->dtype) && device <= OW_CPU) || must_copy(dst, &v[k + 1])) {
      ow_tensor t;
      ow_dtype to = is_half(in[k]->dtype) ? OW_F32 : in[k]->dtype;
      ok = ow_tensor_new_on(&t, device, to, ndim, shape, e);
      if (ok && !(ok = ow_tensor_copy(&t, &v[k + 1], true, e))) ow_tensor_close(&t);
      ow_tensor_close(&v[k + 1]);
      if (ok) v[k + 1] = t;
    }
  }
  if (ok && device > OW_CPU && ow_tensor_numel(dst) > 0) {
    const ow_tensor *t[3] = {&v[0], &v[1], &v[2]};
    ok = ow_op_run_cl(op, compute, t, e);
  } else if (ok && ow_tensor_numel(dst) > 0) {
    const ow_op_kernels *A = ow_arith();
    const ow_tensor *t[3] = {&v[0], &v[1], &v[2]};
    job j = {.run = ow_op_kernel(op->id, compute, reference), .light = op->rule != OW_RULE_FLOAT,
             .arity = nin, .csize = ow_dtype_size(compute),
             .rsize = ow_dtype_size(result)};
    for (int k = 0; k < nin; k++)
      if (v[k + 1].dtype != compute) j.in[k] = A->conv[compute][v[k + 1].dtype];
    if (dst->dtype != result) j.out = A->conv[dst->dtype][result];
    ow_walk_init(&j.w, nin + 1, t);
    ok = run_job(&j, e);
  }
  for (int k = 0; k < 3; k++) ow_tensor_close(&v[k]);
  if (ok && dst == &fresh) *out = fresh;
  else if (!ok) ow_tensor_close(&fresh);
  return ok;
}
