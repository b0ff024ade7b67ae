// Moving elements: host to device, device to host, and on a device (strides, conversion).
//
// An upload copies into a block of its own and returns: the caller may change its memory at
// once, and nothing waits. Narrowing conversions are checked where their source is; what a
// check on the device finds is told when a result is read back.
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "opencl/launch.h"
#include "opencl/state.h"
#include "opencl/walk.h"

enum { STAGE_MAX = 64 << 20 };  // bytes; larger uploads wait for their end

struct ow_cl_staging {
  cl_event event;
  void *block;
  ow_cl_staging *next;
};

void ow_cl_staging_sweep(ow_cl_device *d, bool all) {
  for (ow_cl_staging **p = &d->staged, *s; (s = *p);) {
    cl_int state = CL_COMPLETE;
    if (!all) ow_cl.GetEventInfo(s->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (state > CL_COMPLETE) { p = &s->next; continue; }
    *p = s->next;
    ow_cl.ReleaseEvent(s->event);
    ow_free(s->block);
    ow_free(s);
  }
}

int64_t ow_cl_walk_init(ow_cl_walk *w, int nt, const ow_tensor *const *t) {
  ow_walk h;
  ow_walk_init(&h, nt, t);
  memset(w, 0, sizeof *w);
  w->ndim = h.ndim;
  w->inner = h.inner;
  for (int d = 0; d < h.ndim; d++) w->shape[d] = h.shape[d];
  for (int j = 0; j < nt; j++) {
    w->istride[j] = h.istride[j];
    for (int d = 0; d < h.ndim; d++) w->stride[j][d] = h.stride[j][d];
  }
  return h.inner * h.outer;
}

// ---- host and device -----------------------------------------------------------------------

static bool upload(const ow_tensor *dst, const void *from, size_t bytes, ow_err *e) {
  ow_cl_device *d = ow_cl_use(dst->storage->device, e);
  if (!d) return false;
  ow_cl_staging_sweep(d, false);
  d->info.uploads++;
  d->info.upload_bytes += bytes;
  if (bytes > STAGE_MAX) {
    cl_int rc = ow_cl.EnqueueWriteBuffer(d->queue, ow_cl_mem(dst), 1, dst->offset, bytes, from, 0, NULL, NULL);
    return ow_cl_given(d, "upload", rc, NULL, e);
  }
  ow_cl_staging *s = ow_alloc_zero(sizeof *s, e);
  if (s) s->block = ow_alloc(bytes, e);
  if (!s || !s->block) { ow_free(s); return false; }
  memcpy(s->block, from, bytes);
  cl_int rc = ow_cl.EnqueueWriteBuffer(d->queue, ow_cl_mem(dst), 0, dst->offset, bytes, s->block, 0, NULL, &s->event);
  if (rc == CL_SUCCESS) {
    s->next = d->staged;
    d->staged = s;
  } else {
    ow_free(s->block);
    ow_free(s);
  }
  return ow_cl_given(d, "upload", rc, NULL, e);
}

bool ow_cl_read(const ow_tensor *t, size_t offset, size_t bytes, void *to, ow_err *e) {
  ow_cl_device *d = ow_cl_use(t->storage->device, e);
  if (!d || !ow_cl_wait(d, e)) return false;
  if (!bytes) return true;
  d->info.reads++;
  d->info.read_bytes += bytes;
  cl_int rc = ow_cl.EnqueueReadBuffer(d->queue, ow_cl_mem(t), 1, offset, bytes, to, 0, NULL, NULL);
  return ow_cl_given(d, "reading back", rc, NULL, e);
}

static size_t bytes_of(const ow_tensor *t) { return (size_t)ow_tensor_numel(t) * ow_dtype_size(t->dtype); }

static bool to_device(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e) {
  ow_tensor host, there = {0};
  if (!ow_tensor_cast(&host, src, dst->dtype, unchecked, e)) return false;
  bool dense = ow_tensor_is_contiguous(dst), ok = true;
  if (dense) ow_tensor_view(&there, dst);
  else ok = ow_tensor_new_on(&there, dst->storage->device, dst->dtype, dst->ndim, dst->shape, e);
  if (ok) ok = upload(&there, ow_tensor_data(&host), bytes_of(&host), e);
  if (ok && !dense) ok = ow_cl_copy(dst, &there, true, e);
  ow_tensor_close(&host);
  ow_tensor_close(&there);
  return ok;
}

static bool to_host(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e) {
  ow_tensor there, host;
  if (!ow_tensor_contiguous(&there, src, e)) return false;
  bool direct = dst->dtype == src->dtype && ow_tensor_is_contiguous(dst);
  bool ok = direct || ow_tensor_new(&host, src->dtype, src->ndim, src->shape, e);
  if (ok) ok = ow_cl_read(&there, there.offset, bytes_of(&there), ow_tensor_data(direct ? dst : &host), e);
  if (ok && !direct) ok = ow_tensor_copy(dst, &host, unchecked, e);
  if (!direct) ow_tensor_close(&host);
  ow_tensor_close(&there);
  return ok;
}

// ---- on one device -------------------------------------------------------------------------

static const char *word(size_t size) {
  return size == 1 ? "uchar" : size == 2 ? "ushort" : size == 4 ? "uint" : size == 8 ? "ulong" : "ulong2";
}

// Conversion of real dtypes; C rules, saturating, NaN to 0 (base/tensor.c).
static bool conversion(char *out, size_t n, int device, ow_dtype to, ow_dtype from, bool unchecked, ow_err *e) {
  static const char *const cl[] = {"uchar", "int", "long", "float", "double"};
  static const char *const lo[] = {"0", "-0x1p31", "-0x1p63"}, *const hi[] = {"256", "0x1p31", "0x1p63"};
  if (!ow_cl_can(device, to, e) || !ow_cl_can(device, from, e)) return false;
  char fits[160] = "";
  if (!unchecked && to != from) {
    if (ow_dtype_is_int(to) && ow_dtype_is_int(from)) snprintf(fits, sizeof fits, "convert_%s_sat(v) == v", cl[to]);
    else if (ow_dtype_is_int(to))
      snprintf(fits, sizeof fits, "(v) >= (TS)%s && (v) < (TS)%s && trunc(v) == (v)", lo[to], hi[to]);
    else if (from == OW_F64 && to == OW_F32) snprintf(fits, sizeof fits, "isinf(v) || !isinf(convert_float(v))");
  }
  snprintf(out, n, "#define TS %s\n#define TD %s\n#define CONVERT(v) convert_%s%s(v)\n%s%s%s%s", ow_cl_type(from), ow_cl_type(to),
           cl[to], ow_dtype_is_int(to) ? "_sat" : "", fits[0] ? "#define CHECK 1\n#define FITS(v) " : "", fits,
           fits[0] ? "\n" : "", "");
  return true;
}

static bool on_device(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e) {
  int device = dst->storage->device;
  ow_cl_device *d = ow_cl_use(device, e);
  if (!d) return false;
  if (dst->dtype == src->dtype && ow_tensor_is_contiguous(dst) && ow_tensor_is_contiguous(src)) {
    cl_event ev = NULL;
    cl_int rc = ow_cl.EnqueueCopyBuffer(d->queue, ow_cl_mem(src), ow_cl_mem(dst), src->offset, dst->offset, bytes_of(dst), 0, NULL, &ev);
    return ow_cl_given(d, "copy", rc, ev, e);
  }
  char prelude[400];
  if (dst->dtype == src->dtype) {
    const char *w = word(ow_dtype_size(dst->dtype));
    snprintf(prelude, sizeof prelude, "#define TS %s\n#define TD %s\n#define CONVERT(v) (v)\n", w, w);
  } else if (!conversion(prelude, sizeof prelude, device, dst->dtype, src->dtype, unchecked, e)) return false;
  ow_cl_launch l;
  if (!ow_cl_begin(&l, device, "copy", "copy", prelude, e)) return false;
  ow_cl_walk w;
  const ow_tensor *both[2] = {dst, src};
  int64_t n = ow_cl_walk_init(&w, 2, both);
  ow_cl_tensor(&l, dst);
  ow_cl_tensor(&l, src);
  ow_cl_bytes(&l, &w, sizeof w);
  ow_cl_long(&l, n);
  if (strstr(prelude, "#define CHECK"))
    ow_cl_checks(&l, "a value does not fit the dtype converted to; round or clip first, or convert unchecked");
  else ow_cl_no_checks(&l);
  return ow_cl_run1(&l, n);
}

bool ow_cl_copy(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e) {
  int to = dst->storage->device, from = src->storage->device;
  if (from <= OW_CPU) return to_device(dst, src, unchecked, e);
  if (to <= OW_CPU) return to_host(dst, src, unchecked, e);
  if (to == from) return on_device(dst, src, unchecked, e);
  ow_tensor host;  // two devices: through the host
  if (!ow_tensor_to(&host, src, OW_CPU, e)) return false;
  bool ok = to_device(dst, &host, unchecked, e);
  ow_tensor_close(&host);
  return ok;
}

bool ow_cl_fill(const ow_tensor *t, const void *value, ow_err *e) {
  size_t size = ow_dtype_size(t->dtype);
  ow_cl_device *d = ow_cl_use(t->storage->device, e);
  if (!d) return false;
  if (ow_tensor_numel(t) == 0) return true;
  if (ow_tensor_is_contiguous(t)) {
    cl_event ev = NULL;
    cl_int rc = ow_cl.EnqueueFillBuffer(d->queue, ow_cl_mem(t), value, size, t->offset, bytes_of(t), 0, NULL, &ev);
    return ow_cl_given(d, "fill", rc, ev, e);
  }
  char prelude[64];
  snprintf(prelude, sizeof prelude, "#define TD %s\n", word(size));
  ow_cl_launch l;
  if (!ow_cl_begin(&l, t->storage->device, "copy", "fill", prelude, e)) return false;
  ow_cl_walk w;
  int64_t n = ow_cl_walk_init(&w, 1, &t);
  ow_cl_tensor(&l, t);
  ow_cl_bytes(&l, &w, sizeof w);
  ow_cl_long(&l, n);
  ow_cl_bytes(&l, value, size);
  return ow_cl_run1(&l, n);
}
