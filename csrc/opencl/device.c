#include "opencl/device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "base/alloc.h"
#include "base/sys.h"
#include "base/threads.h"
#include "opencl/state.h"

enum { MAX_DEVICES = 16 };

ow_cl_api ow_cl;
static ow_cl_device devices[MAX_DEVICES];
static int count = -1;
static char why[300];

// ---- the loader ----------------------------------------------------------------------------

static bool load(void) {
  static const char *const names[] = {"libOpenCL.so.1", "libOpenCL.so", "/System/Library/Frameworks/OpenCL.framework/OpenCL"};
  const char *own = getenv("OROWAN_OPENCL");  // another library, or "none"
  void *lib = NULL;
#ifdef __linux__
  // Drivers ask the kernel there for processors and memory; PoCL ends the process without it.
  if (access("/sys/devices", R_OK) != 0) {
    snprintf(why, sizeof why, "OpenCL drivers need /sys, which is not there (mount it: a bare root or container has none)");
    return false;
  }
#endif
  if (own && *own) lib = strcmp(own, "none") ? dlopen(own, RTLD_NOW | RTLD_LOCAL) : NULL;
  else for (size_t i = 0; i < sizeof names / sizeof *names && !lib; i++) lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!lib) {
    snprintf(why, sizeof why, "no OpenCL library%s%s; apt-get install ocl-icd-libopencl1 and a driver (pocl-opencl-icd runs on the processor)",
             own ? " at OROWAN_OPENCL=" : "", own ? own : "");
    return false;
  }
#define FIND(R, name, args)                                                              \
  *(void **)&ow_cl.name = dlsym(lib, "cl" #name);                                        \
  if (!ow_cl.name) {                                                                     \
    snprintf(why, sizeof why, "the OpenCL library has no cl%s: OpenCL 1.2 is needed", #name); \
    return false;                                                                        \
  }
  OW_CL_FUNCTIONS(FIND)
#undef FIND
  return true;
}

static void text(cl_device_id id, cl_uint what, char *out, size_t n) {
  char buf[1024] = "";
  ow_cl.GetDeviceInfo(id, what, sizeof buf - 1, buf, NULL);
  char *p = buf;
  while (*p == ' ') p++;
  snprintf(out, n, "%s", p);
  for (size_t k = strlen(out); k && out[k - 1] == ' '; k--) out[k - 1] = 0;
}

static cl_ulong number(cl_device_id id, cl_uint what, size_t size) {
  cl_ulong v = 0;
  ow_cl.GetDeviceInfo(id, what, size, &v, NULL);  // little-endian: smaller types fill the low bytes
  return v;
}

static uint64_t budget_from_env(void) {
  const char *v = getenv("OROWAN_DEVICE_MEMORY");
  uint64_t bytes;
  return v && *v && ow_parse_bytes(v, &bytes) ? bytes : 0;
}

static void describe(ow_cl_device *d) {
  ow_cl_info *i = &d->info;
  text(d->id, CL_DEVICE_NAME, i->name, sizeof i->name);
  text(d->id, CL_DEVICE_VERSION, i->version, sizeof i->version);
  text(d->id, CL_DRIVER_VERSION, i->driver, sizeof i->driver);
  ow_cl.GetPlatformInfo(d->platform, CL_PLATFORM_NAME, sizeof i->platform - 1, i->platform, NULL);
  i->memory = number(d->id, CL_DEVICE_GLOBAL_MEM_SIZE, 8);
  i->largest = number(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8);
  i->local = number(d->id, CL_DEVICE_LOCAL_MEM_SIZE, 8);
  i->units = (int)number(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, 4);
  i->group = (int)number(d->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
  i->exact_division = number(d->id, CL_DEVICE_SINGLE_FP_CONFIG, 8) & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
  i->processor = number(d->id, CL_DEVICE_TYPE_, 8) & CL_DEVICE_TYPE_CPU;
  i->f64 = number(d->id, CL_DEVICE_DOUBLE_FP_CONFIG, 8) != 0;
  d->budget = budget_from_env();
}

static void enumerate(void) {
  cl_platform_id p[8];
  cl_uint np = 0;
  count = 0;
  if (!load()) return;
  if (ow_cl.GetPlatformIDs(8, p, &np) != CL_SUCCESS || np == 0) {
    snprintf(why, sizeof why, "no OpenCL driver; apt-get install pocl-opencl-icd (runs on the processor), or your GPU vendor's driver");
    return;
  }
  for (cl_uint k = 0; k < np && k < 8; k++) {
    cl_device_id id[MAX_DEVICES];
    cl_uint nd = 0;
    if (ow_cl.GetDeviceIDs(p[k], CL_DEVICE_TYPE_ALL, MAX_DEVICES, id, &nd) != CL_SUCCESS) continue;
    for (cl_uint j = 0; j < nd && j < MAX_DEVICES && count < MAX_DEVICES; j++) {
      ow_cl_device *d = &devices[count++];
      d->platform = p[k];
      d->id = id[j];
      describe(d);
    }
  }
  if (!count) snprintf(why, sizeof why, "the OpenCL drivers found no device");
  ow_device_layer_in_use = &ow_cl_layer;
}

int ow_cl_count(const char **reason) {
  if (count < 0) enumerate();
  if (reason) *reason = why;
  return count;
}

ow_cl_device *ow_cl_state(int device) { return device >= 1 && device <= ow_cl_count(NULL) ? &devices[device - 1] : NULL; }

static int number_of(const ow_cl_device *d) { return (int)(d - devices) + 1; }

bool ow_cl_describe(int device, ow_cl_info *info, ow_err *e) {
  ow_cl_device *d = ow_cl_state(device);
  if (!d) return OW_FAIL(e, OW_EDEVICE, "no device of number %d", device);
  d->info.open = d->queue != NULL;
  *info = d->info;
  return true;
}

bool ow_cl_find(const char *name, int *device, ow_err *e) {
  char *end;
  if (!strcmp(name, "cpu")) { *device = OW_CPU; return true; }
  long k = 0;
  bool ok = !strcmp(name, "opencl");
  if (!ok && !strncmp(name, "opencl:", 7) && name[7] >= '0' && name[7] <= '9') {
    k = strtol(name + 7, &end, 10);
    ok = !*end;
  }
  if (!ok) return OW_FAIL(e, OW_EARG, "device: expected \"cpu\", \"opencl\" or \"opencl:N\", got \"%.40s\"", name);
  const char *reason;
  int n = ow_cl_count(&reason);
  if (n == 0) {
    OW_FAIL(e, OW_EMISSING, "%.40s: there is no OpenCL device", name);
    return ow_hint(e, "%.230s", reason);
  }
  if (k >= n)
    return OW_FAIL(e, OW_EDEVICE, "%.40s: there %s %d OpenCL device%s, opencl:0 to opencl:%d", name, n == 1 ? "is" : "are", n,
                   n == 1 ? "" : "s", n - 1);
  *device = (int)k + 1;
  return true;
}

bool ow_cl_has_f64(int device) { return device <= OW_CPU || devices[device - 1].info.f64; }
bool ow_cl_processor(int device) { return devices[device - 1].info.processor; }
int ow_cl_group(int device) { return devices[device - 1].info.group; }

// ---- errors --------------------------------------------------------------------------------

static const char *code_name(cl_int c) {
  static const struct { cl_int code; const char *name; } names[] = {
      {-2, "device not available"}, {-3, "compiler not available"}, {-4, "the device has no memory left"},
      {-5, "the device is out of resources (memory, registers or a crashed kernel)"}, {-6, "out of host memory"},
      {-11, "build failure"}, {-14, "an earlier command failed"}, {-34, "invalid context"}, {-36, "invalid queue"},
      {-38, "invalid buffer"}, {-46, "invalid kernel name"}, {-48, "invalid kernel"}, {-50, "invalid argument value"},
      {-51, "invalid argument size"}, {-52, "missing kernel arguments"}, {-54, "invalid work-group size"},
      {-55, "invalid work-item size"}, {-61, "invalid buffer size"}, {-9999, "illegal access in a kernel"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].code == c) return names[i].name;
  return "unknown code";
}

static bool gone(ow_cl_device *d, ow_err *e) {
  OW_FAIL(e, OW_EDEVICE, "opencl:%d (%s) is gone", number_of(d) - 1, d->info.name);
  return ow_hint(e, "what was stored there is lost; start again, with --device cpu if it stays away");
}

bool ow_cl_fail(ow_cl_device *d, const char *op, cl_int c, ow_err *e) {
  if (c == CL_DEVICE_NOT_AVAILABLE || c == -34 || c == -36 || c == -9999) d->info.lost = true;
  if (c == CL_MEM_OBJECT_ALLOCATION_FAILURE || c == CL_OUT_OF_HOST_MEMORY)
    OW_FAIL(e, OW_EMEM, "opencl:%d: %s failed: %s (%d); %.1f MiB of %.1f MiB are ours", number_of(d) - 1, op, code_name(c), c,
            (double)(d->info.in_use + d->info.cached) / 1048576, (double)d->info.memory / 1048576);
  else OW_FAIL(e, OW_EDEVICE, "opencl:%d (%s): %s failed: %s (%d)", number_of(d) - 1, d->info.name, op, code_name(c), c);
  if (d->info.lost) ow_hint(e, "the device is gone and what was stored there is lost; start again, with --device cpu if it stays away");
  return false;
}

// ---- contexts and queues -------------------------------------------------------------------

bool ow_cl_open(int device, ow_err *e) {
  ow_cl_device *d = ow_cl_state(device);
  if (!d) return OW_FAIL(e, OW_EDEVICE, "no device of number %d", device);
  if (d->info.lost) return gone(d, e);
  if (d->queue) return true;
  cl_context_properties p[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)d->platform, 0};
  cl_int rc;
  d->context = ow_cl.CreateContext(p, 1, &d->id, NULL, NULL, &rc);
  if (!d->context) return ow_cl_fail(d, "opening the device", rc, e);
  d->queue = ow_cl.CreateCommandQueue(d->context, d->id, 0, &rc);
  if (d->queue) return true;
  ow_cl.ReleaseContext(d->context);
  d->context = NULL;
  return ow_cl_fail(d, "opening a queue", rc, e);
}

ow_cl_device *ow_cl_use(int device, ow_err *e) { return ow_cl_open(device, e) ? &devices[device - 1] : NULL; }

static const char *layer_name(int device) {
  static char names[MAX_DEVICES][16];
  snprintf(names[device - 1], 16, "opencl:%d", device - 1);
  return names[device - 1];
}

void ow_cl_set_processor(int device, bool yes) {
  ow_cl_device *d = ow_cl_state(device);
  if (d) d->info.processor = yes;
}

void ow_cl_inject(int device, int code) {
  ow_cl_device *d = ow_cl_state(device);
  if (d) d->inject = code, d->info.lost = false;
}

static cl_int event_status(cl_event ev) {
  cl_int s = CL_COMPLETE;
  cl_int rc = ow_cl.GetEventInfo(ev, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof s, &s, NULL);
  return rc == CL_SUCCESS ? s : rc;
}

static void look_at(ow_cl_device *d, unsigned slot) {
  cl_event ev = d->ring[slot].event;
  if (!ev) return;
  cl_int s = event_status(ev);
  if (s < 0 && !d->failed) {
    d->failed = s;
    memcpy(d->failed_op, d->ring[slot].op, sizeof d->failed_op);
  }
  ow_cl.ReleaseEvent(ev);
  d->ring[slot].event = NULL;
}

bool ow_cl_given(ow_cl_device *d, const char *op, cl_int rc, cl_event event, ow_err *e) {
  if (d->inject) {
    rc = d->inject;
    d->inject = 0;
    if (event) ow_cl.ReleaseEvent(event);
  }
  if (rc != CL_SUCCESS) return ow_cl_fail(d, op, rc, e);
  unsigned slot = d->next++ % OW_CL_RING;
  look_at(d, slot);
  d->ring[slot].event = event;
  snprintf(d->ring[slot].op, sizeof d->ring[slot].op, "%s", op);
  // Some drivers start nothing before a flush: keep them busy while we go on.
  if (d->next % 16 == 0) ow_cl.Flush(d->queue);
  return true;
}

bool ow_cl_wait(ow_cl_device *d, ow_err *e) {
  cl_event last = NULL;
  cl_int rc = CL_SUCCESS, s;
  if (d->checking)
    rc = ow_cl.EnqueueReadBuffer(d->queue, d->status->mem, 0, 0, sizeof d->status_host, &d->status_host, 0, NULL, NULL);
  if (rc == CL_SUCCESS) rc = ow_cl.EnqueueMarkerWithWaitList(d->queue, 0, NULL, &last);
  if (rc == CL_SUCCESS) rc = ow_cl.Flush(d->queue);
  if (d->inject) rc = d->inject, d->inject = 0;
  if (rc != CL_SUCCESS) {
    if (last) ow_cl.ReleaseEvent(last);
    return ow_cl_fail(d, "waiting for the device", rc, e);
  }
  long pause = 5000;  // ns; sleeping leaves the cores to a driver that computes on them
  while ((s = event_status(last)) > 0 && !ow_interrupted()) {
    nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    if (pause < 400000) pause += pause / 2;
  }
  ow_cl.ReleaseEvent(last);
  if (s > 0) return OW_FAIL(e, OW_EINTR, "interrupted");
  for (unsigned k = 0; k < OW_CL_RING; k++) look_at(d, (d->next + k) % OW_CL_RING);  // oldest first
  ow_cl_staging_sweep(d, true);
  if (!d->failed && s < 0) d->failed = s, snprintf(d->failed_op, sizeof d->failed_op, "an operation");
  if (d->failed) {
    rc = d->failed;
    d->failed = 0;
    return ow_cl_fail(d, d->failed_op, rc, e);
  }
  if (d->checking && d->status_host) {
    int zero = 0, id = d->status_host;
    d->status_host = 0;
    ow_cl.EnqueueFillBuffer(d->queue, d->status->mem, &zero, sizeof zero, 0, sizeof zero, 0, NULL, NULL);
    return OW_FAIL(e, OW_EARG, "%s on %s: %s", d->checks[id % OW_CL_CHECKS].op, layer_name(number_of(d)),
                   d->checks[id % OW_CL_CHECKS].what);
  }
  d->checking = false;
  return true;
}

bool ow_cl_finish(int device, ow_err *e) {
  ow_cl_device *d = ow_cl_use(device, e);
  return d && ow_cl_wait(d, e);
}

// ---- buffers -------------------------------------------------------------------------------

static int class_of(size_t bytes, size_t *size) {  // as the host's allocator (base/alloc.c)
  if (bytes <= 64) { *size = 64; return 0; }
  int p = 63 - __builtin_clzll(bytes - 1);
  size_t step = (size_t)1 << (p - 2), base = (size_t)1 << p, k = (bytes - base + step - 1) / step;
  *size = base + k * step;
  return (p - 6) * 4 + (int)k;
}

static void trim(ow_cl_device *d) {
  for (int c = 0; c < OW_CL_CLASSES; c++) {
    for (ow_cl_buffer *b = d->lists[c], *n; b; b = n) {
      n = b->next;
      ow_cl.ReleaseMemObject(b->mem);  // the driver keeps it until its commands are done
      ow_free(b);
    }
    d->lists[c] = NULL;
  }
  d->info.cached = 0;
}

void ow_cl_trim(int device) {
  ow_cl_device *d = ow_cl_state(device);
  if (d && d->queue) trim(d);
}

void ow_cl_set_budget(int device, uint64_t bytes) {
  ow_cl_device *d = ow_cl_state(device);
  if (d) d->budget = bytes;
}

static uint64_t limit(const ow_cl_device *d) { return d->budget && d->budget < d->info.memory ? d->budget : d->info.memory; }

static ow_cl_buffer *try_new(ow_cl_device *d, int cls, size_t size, ow_err *e) {
  ow_cl_buffer *b = d->lists[cls];
  if (b && b->size >= size) {
    d->lists[cls] = b->next;
    d->info.cached -= b->size;
    d->info.in_use += b->size;
    return b;
  }
  if (d->info.in_use + d->info.cached + size > limit(d)) trim(d);
  if (d->info.in_use + size > limit(d)) return NULL;
  cl_int rc;
  cl_mem mem = ow_cl.CreateBuffer(d->context, CL_MEM_READ_WRITE, size, NULL, &rc);
  if (!mem) return NULL;
  b = ow_alloc_zero(sizeof *b, e);
  if (!b) { ow_cl.ReleaseMemObject(mem); return NULL; }
  *b = (ow_cl_buffer){.mem = mem, .size = size, .cls = cls, .device = number_of(d)};
  d->info.in_use += size;
  return b;
}

ow_cl_buffer *ow_cl_buffer_new(ow_cl_device *d, size_t bytes, ow_err *e) {
  size_t size;
  int cls = class_of(bytes, &size);
  if (size > d->info.largest && bytes <= d->info.largest) size = bytes;
  e->code = OW_OK;
  if (size <= d->info.largest) {
    ow_cl_buffer *b = try_new(d, cls, size, e);
    if (!b) {
      ow_alloc_collect();
      trim(d);
      b = try_new(d, cls, size, e);
    }
    if (b) return b;
  }
  uint64_t all = limit(d), used = d->info.in_use;
  OW_FAIL(e, OW_EMEM, "out of device memory: asked for %.1f MiB on opencl:%d (%s), %.1f MiB free of %.1f MiB%s", bytes / 1048576.0,
          number_of(d) - 1, d->info.name, (all > used ? all - used : 0) / 1048576.0, all / 1048576.0,
          size > d->info.largest ? ", more than the driver gives in one piece" : "");
  ow_hint(e, "work in smaller batches%s", d->budget ? ", or raise OROWAN_DEVICE_MEMORY" : "");
  return NULL;
}

void ow_cl_buffer_free(ow_cl_buffer *b) {
  ow_cl_device *d = &devices[b->device - 1];
  d->info.in_use -= b->size;
  b->next = d->lists[b->cls];
  d->lists[b->cls] = b;
  d->info.cached += b->size;
}

static void release(ow_storage *s) {
  if (s->owner) ow_cl_buffer_free(s->owner);
}

static bool layer_alloc(int device, ow_storage *s, ow_err *e) {
  ow_cl_device *d = ow_cl_use(device, e);
  ow_cl_buffer *b = d ? ow_cl_buffer_new(d, s->bytes, e) : NULL;
  if (!b) return false;
  s->data = b->mem;
  s->owner = b;
  s->release = release;
  return true;
}

const ow_device_layer ow_cl_layer = {.name = layer_name, .alloc = layer_alloc, .copy = ow_cl_copy, .fill = ow_cl_fill};
