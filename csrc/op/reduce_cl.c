// Reductions on a device: programs made from opencl/reduce.cl, rounds of it until one number
// is left for each output. var and std are made of the mean and a sum of squares.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "op/op_cl.h"
#include "opencl/launch.h"
#include "opencl/walk.h"

enum { LANES = 64, CHUNK = 64 * LANES, MANY = 4096, FEW = 64 };

typedef struct { const char *lift, *init, *join, *finish; } rule;

static const char *accumulator(int device, ow_dtype t) {
  return ow_dtype_is_int(t) ? "i64" : t == OW_F64 || ow_cl_has_f64(device) ? "f64" : "f32";
}

static const char *largest(ow_dtype t, bool low) {
  switch (t) {
    case OW_U8: return low ? "0" : "255";
    case OW_I32: return low ? "INT_MIN" : "INT_MAX";
    case OW_I64: return low ? "LONG_MIN" : "LONG_MAX";
    default: return low ? "-INFINITY" : "INFINITY";
  }
}

// keep: the output's place; red: the places of what is reduced.
static void split(const ow_tensor *t, unsigned axes, ow_tensor *keep, ow_tensor *red) {
  *keep = *red = *t;
  keep->ndim = red->ndim = 0;
  for (int d = 0; d < t->ndim; d++) {
    ow_tensor *to = axes >> d & 1 ? red : keep;
    to->shape[to->ndim] = t->shape[d];
    to->stride[to->ndim++] = t->stride[d];
  }
}

static void walks(ow_cl_launch *l, const ow_tensor *keep, const ow_tensor *red) {
  ow_cl_walk w;
  for (int k = 0; k < 2; k++) {
    const ow_tensor *t = k ? red : keep;
    ow_cl_walk_init(&w, 1, &t);
    ow_cl_bytes(l, &w, sizeof w);
  }
}

// One result or chunk result each: a dense [outputs, n] of a round before.
static void rounds_shape(ow_tensor *keep, ow_tensor *red, const ow_tensor *part, int64_t outputs, int64_t n) {
  *keep = *red = *part;
  keep->ndim = red->ndim = 1;
  keep->shape[0] = outputs, keep->stride[0] = n;
  red->shape[0] = n, red->stride[0] = 1;
}

static bool run_plain(const rule *f, const char *op, const ow_tensor *t, ow_tensor keep, ow_tensor red, ow_dtype accd, const char *acc,
                      ow_tensor *out, ow_err *e) {
  int device = t->storage->device;
  int64_t outputs = ow_tensor_numel(&keep), n = ow_tensor_numel(&red), whole = n;
  ow_tensor src, part = {0};
  ow_tensor_view(&src, t);
  bool ok = true, first = true, done = false;
  while (ok && !done) {
    int64_t chunks = (n + CHUNK - 1) / CHUNK;
    bool each = outputs >= MANY || n < FEW;
    done = each || chunks <= 1;
    if (chunks < 1) chunks = 1;
    ow_tensor to;
    int64_t shape[1] = {outputs * chunks};
    if (done) ow_tensor_view(&to, out);
    else if (!(ok = ow_tensor_new_on(&to, device, accd, 1, shape, e))) break;
    char prelude[600];
    snprintf(prelude, sizeof prelude, "#define TS %s\n#define TA %s\n#define TR %s\n#define LIFT(v) %s\n#define INIT %s\n#define JOIN(a, b) %s\n#define FINISH(a, n) %s\n",
             first ? ow_cl_type(t->dtype) : acc, acc, done ? ow_cl_type(out->dtype) : acc, first ? f->lift : "(v)", f->init, f->join,
             done ? f->finish : "(a)");
    ow_cl_launch l;
    ok = ow_cl_begin(&l, device, "reduce", each ? "each" : "fold", prelude, e);
    if (ok) {
      l.op = op;
      ow_cl_tensor(&l, &to);
      ow_cl_tensor(&l, &src);
      walks(&l, &keep, &red);
      ow_cl_long(&l, n);
      if (each) {
        ow_cl_long(&l, outputs);
        ow_cl_long(&l, whole);
        ok = ow_cl_run1(&l, outputs);
      } else {
        ow_cl_long(&l, CHUNK);
        ow_cl_long(&l, chunks);
        ow_cl_long(&l, whole);
        size_t groups = (size_t)(outputs * chunks), local = LANES;
        ok = ow_cl_run(&l, 1, &groups, &local);
      }
    }
    ow_tensor_close(&src);
    src = to;
    rounds_shape(&keep, &red, &src, outputs, chunks);
    n = chunks;
    first = false;
  }
  ow_tensor_close(&src);
  ow_tensor_close(&part);
  return ok;
}

static bool run_arg(bool largest_wins, const char *op, const ow_tensor *t, ow_tensor keep, ow_tensor red, ow_tensor *out, ow_err *e) {
  int device = t->storage->device;
  int64_t outputs = ow_tensor_numel(&keep), n = ow_tensor_numel(&red);
  char prelude[160];
  snprintf(prelude, sizeof prelude, "#define ARG 1\n#define TS %s\n#define BETTER(v, w) ((v) %s (w))\n", ow_cl_type(t->dtype), largest_wins ? ">" : "<");
  ow_tensor values, indices = {0};
  ow_tensor_view(&values, t);
  bool ok = true, done = false;
  while (ok && !done) {
    int64_t chunks = (n + CHUNK - 1) / CHUNK, shape[1] = {outputs * chunks};
    done = chunks <= 1;
    ow_tensor ri, rv = {0};
    if (done) ow_tensor_view(&ri, out);
    else ok = ow_tensor_new_on(&ri, device, OW_I64, 1, shape, e) && ow_tensor_new_on(&rv, device, t->dtype, 1, shape, e);
    ow_cl_launch l;
    if (ok) ok = ow_cl_begin(&l, device, "reduce", "fold", prelude, e);
    if (ok) {
      l.op = op;
      ow_cl_tensor(&l, &ri);
      ow_cl_tensor(&l, done ? NULL : &rv);
      ow_cl_tensor(&l, &values);
      ow_cl_tensor(&l, indices.storage ? &indices : NULL);
      walks(&l, &keep, &red);
      ow_cl_long(&l, n);
      ow_cl_long(&l, CHUNK);
      ow_cl_long(&l, chunks);
      ow_cl_int(&l, done);
      size_t groups = (size_t)(outputs * chunks), local = LANES;
      ok = ow_cl_run(&l, 1, &groups, &local);
    }
    ow_tensor_close(&values);
    ow_tensor_close(&indices);
    values = rv, indices = ri;
    rounds_shape(&keep, &red, &indices, outputs, chunks);
    n = chunks;
  }
  ow_tensor_close(&values);
  ow_tensor_close(&indices);
  return ok;
}

// sum |x - mean|^2 / (n - ddof), each step an operation on the device.
static bool run_var(bool root, const ow_tensor *t, unsigned axes, bool keepdims, double ddof, int64_t n, ow_tensor *out, ow_err *e) {
  ow_tensor m = {0}, d = {0}, q = {0}, v = {0};
  ow_storage s = {.refs = 1 << 20, .device = OW_ANYWHERE};
  double count = (double)n - ddof;
  float count32 = (float)count;
  ow_tensor number = {.storage = &s, .dtype = t->dtype};
  s.data = t->dtype == OW_F32 ? (void *)&count32 : (void *)&count;
  const ow_tensor *pair[2] = {t, &m}, *dd[2] = {&d, &d}, *vn[2] = {&q, &number}, *one[1] = {&v};
  ow_tensor *last = root ? &v : out;
  bool ok = ow_reduce_cl(OW_REDUCE_mean, t, axes, true, 0, &m, e) && ow_op_apply(&ow_ops[OW_OP_sub], &d, pair, false, e) &&
            ow_op_apply(&ow_ops[OW_OP_mul], &d, dd, false, e) && ow_reduce_cl(OW_REDUCE_sum, &d, axes, keepdims, 0, &q, e) &&
            ow_op_apply(&ow_ops[OW_OP_div], last, vn, false, e);
  if (ok && root) ok = ow_op_apply(&ow_ops[OW_OP_sqrt], out, one, false, e);
  ow_tensor_close(&m);
  ow_tensor_close(&d);
  ow_tensor_close(&q);
  ow_tensor_close(&v);
  return ok;
}

static bool not_here(const ow_tensor *t, ow_err *e) {
  return OW_FAIL(e, OW_EDEVICE, "not available on %s for %s; move the tensor with t:to('cpu')", ow_device_name(t->storage->device),
                 ow_dtype_name(t->dtype));
}

bool ow_reduce_cl(ow_reduce_id id, const ow_tensor *t, unsigned axes, bool keepdims, double ddof, ow_tensor *out, ow_err *e) {
  int device = t->storage->device, ndim = 0;
  int64_t shape[OW_MAXDIM], n = 1;
  const char *op = ow_reduce_name(id);
  if (t->dtype > OW_F64 || !ow_cl_can(device, t->dtype, e)) return not_here(t, e);
  for (int a = 0; a < t->ndim; a++) {
    if (axes >> a & 1) n *= t->shape[a];
    if (!(axes >> a & 1)) shape[ndim++] = t->shape[a];
    else if (keepdims) shape[ndim++] = 1;
  }
  bool is_int = ow_dtype_is_int(t->dtype), extreme = id >= OW_REDUCE_min && id <= OW_REDUCE_argmax;
  if ((id == OW_REDUCE_var || id == OW_REDUCE_std) && !is_int) return run_var(id == OW_REDUCE_std, t, axes, keepdims, ddof, n, out, e);
  if (id == OW_REDUCE_var || id == OW_REDUCE_std || (id == OW_REDUCE_norm && (t->dtype != OW_F32 || !ow_cl_has_f64(device))))
    return not_here(t, e);
  ow_dtype result = id == OW_REDUCE_argmin || id == OW_REDUCE_argmax ? OW_I64 : id >= OW_REDUCE_any ? OW_U8
                  : extreme ? t->dtype : is_int ? id == OW_REDUCE_mean ? OW_F64 : OW_I64 : t->dtype;
  if (!ow_cl_can(device, result, e)) return false;
  ow_tensor r;
  if (out->storage) {
    char sa[160], sb[160];
    bool same = out->ndim == ndim && out->storage->device == device;
    for (int d = 0; same && d < ndim; d++) same = out->shape[d] == shape[d];
    if (!same || out->dtype != result || !ow_tensor_is_contiguous(out))
      return OW_FAIL(e, OW_ESHAPE, "out: expected a dense %s tensor of shape %s on %s, got %s %s on %s", ow_dtype_name(result),
                     ow_shape_string(sa, ndim, shape), ow_device_name(device), ow_dtype_name(out->dtype),
                     ow_shape_string(sb, out->ndim, out->shape), ow_device_name(out->storage->device));
    ow_tensor_view(&r, out);
  } else if (!ow_tensor_new_on(&r, device, result, ndim, shape, e)) return false;
  ow_tensor keep, red;
  split(t, axes, &keep, &red);
  bool ok = true, low = id == OW_REDUCE_max;
  const char *acc = accumulator(device, t->dtype);
  ow_dtype accd = acc[0] == 'i' ? OW_I64 : acc[1] == '6' ? OW_F64 : OW_F32;
  if (ow_tensor_numel(&r) == 0) {
  } else if (extreme && n == 0) {
    bool smallest = id == OW_REDUCE_min || id == OW_REDUCE_argmin;
    ok = OW_FAIL(e, OW_EARG, "no elements: an empty tensor has no %s", smallest ? "smallest" : "largest");
  } else if (result == OW_I64 && extreme) {
    ok = run_arg(id == OW_REDUCE_argmax, op, t, keep, red, &r, e);
  } else {
    rule f = {"((TA)(v))", "0", "((a) + (b))", "(TR)(a)"};
    if (id == OW_REDUCE_prod) f.init = "1", f.join = "((a) * (b))";
    if (id == OW_REDUCE_mean) {
      f.finish = "(TR)((a) / (TA)(n))";
      if (is_int) acc = "f64", accd = OW_F64;
    }
    if (id == OW_REDUCE_norm) f.lift = "((TA)(v) * (TA)(v))", f.finish = "(TR)sqrt(a)";
    if (id == OW_REDUCE_min || id == OW_REDUCE_max) {
      acc = ow_cl_type(t->dtype), accd = t->dtype;
      f.init = largest(t->dtype, low);
      f.join = low ? "((a) > (b) || (a) != (a) ? (a) : (b))" : "((a) < (b) || (a) != (a) ? (a) : (b))";
    }
    if (id >= OW_REDUCE_any) {
      acc = "i32", accd = OW_I32;
      f.lift = "((v) != 0)";
      if (id == OW_REDUCE_all) f.init = "1";
      f.join = id == OW_REDUCE_any ? "((a) | (b))" : "((a) & (b))";
    }
    ok = run_plain(&f, op, t, keep, red, accd, acc, &r, e);
  }
  if (ok && !out->storage) *out = r;
  else ow_tensor_close(&r);
  return ok;
}
