// Programs: source -> binary -> kernel, each step once.
//
// In memory a kernel is found by (program, prelude, name). On disk lies the driver's binary of
// (program, prelude), named by the SHA-256 of device, driver, platform and whole source, with
// a SHA-256 of its own in front: a damaged file is compiled anew, never given to the driver.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "base/sys.h"
#include "opencl/launch.h"
#include "opencl/state.h"

static const struct { const char *name, *text; } sources[] = {
#include "cl_sources.h"
    {NULL, NULL}};

typedef struct ow_cl_built {
  cl_program p;
  char *program, *prelude;
  struct ow_cl_built *next;
} built;

struct ow_cl_kernel {
  cl_kernel k;
  built *from;
  char *name;
  ow_cl_kernel *next;
};

static built *programs[16];  // by device

static const char *source_of(const char *name) {
  for (int i = 0; sources[i].name; i++)
    if (!strcmp(sources[i].name, name)) return sources[i].text;
  return NULL;
}

static uint32_t hash(uint32_t h, const char *s) {  // FNV-1a
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619u;
  return h * 16777619u;
}

// ---- disk ----------------------------------------------------------------------------------

static const char magic[8] = "owclbin1";

static bool cache_folder(char out[PATH_MAX]) {
  const char *own = getenv("OROWAN_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int n = own && *own ? snprintf(out, PATH_MAX - 80, "%s/opencl", own)
        : xdg && *xdg == '/' ? snprintf(out, PATH_MAX - 80, "%s/orowan/opencl", xdg)
        : home && *home ? snprintf(out, PATH_MAX - 80, "%s/.cache/orowan/opencl", home) : -1;
  return n > 0 && n < PATH_MAX - 80;
}

static cl_program load_binary(ow_cl_device *d, const char *path) {
  ow_buf b = {0};
  ow_err e;
  char hex[65];
  cl_program p = NULL;
  if (ow_read_file(path, &b, &e) && b.n > 8 + 64 && !memcmp(b.p, magic, 8)) {
    ow_sha256_hex(b.p + 72, b.n - 72, hex);
    if (!memcmp(hex, b.p + 8, 64)) {
      const unsigned char *bin = (unsigned char *)b.p + 72;
      size_t n = b.n - 72;
      cl_int rc, status = CL_SUCCESS;
      p = ow_cl.CreateProgramWithBinary(d->context, 1, &d->id, &n, &bin, &status, &rc);
      if (p && (status != CL_SUCCESS || ow_cl.BuildProgram(p, 1, &d->id, "", NULL, NULL) != CL_SUCCESS)) {
        ow_cl.ReleaseProgram(p);
        p = NULL;
      }
    }
  }
  ow_buf_free(&b);
  return p;
}

static void save_binary(cl_program p, const char *folder, const char *path) {
  size_t n = 0;
  ow_err e;
  if (ow_cl.GetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof n, &n, NULL) != CL_SUCCESS || !n) return;
  char *b = ow_alloc(n + 72, &e), hex[65];
  if (!b) return;
  unsigned char *bin = (unsigned char *)b + 72;
  if (ow_cl.GetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof bin, &bin, NULL) == CL_SUCCESS && ow_mkdirs(folder, &e)) {
    memcpy(b, magic, 8);
    ow_sha256_hex(bin, n, hex);
    memcpy(b + 8, hex, 64);
    ow_write_atomic(path, b, n + 72, &e);  // no cache: slower, not wrong
  }
  ow_free(b);
}

// ---- compiling -----------------------------------------------------------------------------

static bool build_failed(ow_cl_device *d, cl_program p, cl_int rc, const char *name, const char *folder, ow_err *e) {
  size_t n = 0;
  ow_err ignored;
  ow_cl.GetProgramBuildInfo(p, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
  char *log = ow_alloc_zero(n + 1, e);
  if (!log) return false;
  ow_cl.GetProgramBuildInfo(p, d->id, CL_PROGRAM_BUILD_LOG, n, log, NULL);
  char path[PATH_MAX + 32] = "";
  if (*folder && ow_mkdirs(folder, &ignored)) {
    snprintf(path, sizeof path, "%s/%.20s.log", folder, name);
    if (!ow_write_atomic(path, log, strlen(log), &ignored)) path[0] = 0;
  }
  const char *first = strstr(log, "error");
  while (first && first > log && first[-1] != '\n') first--;
  OW_FAIL(e, OW_EDEVICE, "%s does not compile for %s (%d): %.330s", name, d->info.name, rc, first ? first : log);
  if (path[0]) ow_hint(e, "the whole log: %.210s", path);
  ow_free(log);
  return false;
}

static cl_program compile(ow_cl_device *d, const char *name, const char *prelude, ow_err *e) {
  char folder[PATH_MAX] = "", path[PATH_MAX] = "", flags[96];
  const char *body = source_of(name);
  if (!body) return OW_FAIL(e, OW_EDEVICE, "no OpenCL program is called %s", name), NULL;
  snprintf(flags, sizeof flags, "#define GROUP_MAX %d\n%s", d->info.group, d->info.f64 ? "#define HAVE_F64 1\n" : "");
  const char *text[4] = {flags, source_of("common"), prelude, body};
  const char *options = d->info.exact_division ? "-w -cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt" : "-w -cl-std=CL1.2";
  if (cache_folder(folder)) {
    const char *all[] = {d->info.name, d->info.platform, d->info.version, d->info.driver, options, text[0], text[1], text[2], text[3]};
    ow_buf b = {0};
    bool ok = true;
    for (size_t i = 0; i < sizeof all / sizeof *all && ok; i++) ok = ow_buf_add(&b, all[i], strlen(all[i]) + 1, e);
    char hex[65] = "";
    if (ok) ow_sha256_hex(b.p, b.n, hex);
    ow_buf_free(&b);
    if (!ok) return NULL;
    snprintf(path, sizeof path, "%.*s/%s.bin", PATH_MAX - 80, folder, hex);
    cl_program p = load_binary(d, path);
    if (p) return p;
  }
  cl_int rc;
  cl_program p = ow_cl.CreateProgramWithSource(d->context, 4, text, NULL, &rc);
  if (!p) return ow_cl_fail(d, name, rc, e), NULL;
  rc = ow_cl.BuildProgram(p, 1, &d->id, options, NULL, NULL);
  if (rc != CL_SUCCESS) {
    build_failed(d, p, rc, name, folder, e);
    ow_cl.ReleaseProgram(p);
    return NULL;
  }
  if (path[0]) save_binary(p, folder, path);
  return p;
}

static char *keep(const char *s, ow_err *e) {
  char *r = ow_alloc(strlen(s) + 1, e);
  return r ? strcpy(r, s) : NULL;
}

// Kept for the process: drivers are not asked to unload at exit.
static built *program_of(ow_cl_device *d, int device, const char *name, const char *prelude, ow_err *e) {
  for (built *b = programs[device - 1]; b; b = b->next)
    if (!strcmp(b->program, name) && !strcmp(b->prelude, prelude)) return b;
  cl_program p = compile(d, name, prelude, e);
  if (!p) return NULL;
  built *b = ow_alloc_zero(sizeof *b, e);
  if (b) {
    b->p = p;
    b->program = keep(name, e);
    b->prelude = keep(prelude, e);
  }
  if (!b || !b->program || !b->prelude) {
    ow_cl.ReleaseProgram(p);
    if (b) ow_free(b->program), ow_free(b->prelude);
    ow_free(b);
    return NULL;
  }
  b->next = programs[device - 1];
  return programs[device - 1] = b;
}

bool ow_cl_begin(ow_cl_launch *l, int device, const char *program, const char *name, const char *prelude, ow_err *e) {
  ow_cl_device *d = ow_cl_use(device, e);
  if (!d) return false;
  *l = (ow_cl_launch){.device = device, .op = program, .e = e};
  unsigned slot = hash(hash(hash(2166136261u, program), prelude), name) % OW_CL_BUCKETS;
  for (ow_cl_kernel *k = d->kernels[slot]; k; k = k->next)
    if (!strcmp(k->name, name) && !strcmp(k->from->program, program) && !strcmp(k->from->prelude, prelude)) {
      l->kernel = k->k;
      return true;
    }
  built *b = program_of(d, device, program, prelude, e);
  if (!b) return false;
  ow_cl_kernel *k = ow_alloc_zero(sizeof *k, e);
  if (!k) return false;
  cl_int rc;
  k->from = b;
  k->name = keep(name, e);
  k->k = k->name ? ow_cl.CreateKernel(b->p, name, &rc) : NULL;
  if (!k->k) {
    if (k->name) ow_cl_fail(d, name, rc, e);
    ow_free(k->name);
    ow_free(k);
    return false;
  }
  k->next = d->kernels[slot];
  d->kernels[slot] = k;
  l->kernel = k->k;
  return true;
}

// ---- launching -----------------------------------------------------------------------------

void ow_cl_bytes(ow_cl_launch *l, const void *p, size_t n) {
  cl_int rc = ow_cl.SetKernelArg(l->kernel, l->n++, n, p);
  if (rc != CL_SUCCESS && l->rc == CL_SUCCESS) l->rc = rc;
}

void ow_cl_local(ow_cl_launch *l, size_t n) { ow_cl_bytes(l, NULL, n); }
void ow_cl_int(ow_cl_launch *l, int32_t v) { ow_cl_bytes(l, &v, sizeof v); }
void ow_cl_long(ow_cl_launch *l, int64_t v) { ow_cl_bytes(l, &v, sizeof v); }
void ow_cl_float(ow_cl_launch *l, float v) { ow_cl_bytes(l, &v, sizeof v); }
void ow_cl_real(ow_cl_launch *l, ow_dtype t, double v) {
  if (t == OW_F64) ow_cl_bytes(l, &v, sizeof v);
  else ow_cl_float(l, (float)v);
}

void ow_cl_tensor(ow_cl_launch *l, const ow_tensor *t) {
  cl_mem m = t ? ow_cl_mem(t) : NULL;
  ow_cl_bytes(l, &m, sizeof m);
  ow_cl_long(l, t ? (int64_t)(t->offset / ow_dtype_size(t->dtype)) : 0);
}

void ow_cl_checks(ow_cl_launch *l, const char *what) {
  ow_cl_device *d = ow_cl_state(l->device);
  cl_mem none = NULL;
  if (!d->status) {
    int zero = 0;
    d->status = ow_cl_buffer_new(d, sizeof zero, l->e);
    cl_int rc = d->status ? ow_cl.EnqueueFillBuffer(d->queue, d->status->mem, &zero, sizeof zero, 0, sizeof zero, 0, NULL, NULL)
                          : CL_MEM_OBJECT_ALLOCATION_FAILURE;
    if (rc != CL_SUCCESS && !l->rc) l->rc = rc;
  }
  if (++d->check_id >= 1 << 30) d->check_id = 1;
  int slot = d->check_id % OW_CL_CHECKS;
  snprintf(d->checks[slot].op, sizeof d->checks[slot].op, "%s", l->op);
  d->checks[slot].what = what;
  d->checking = true;
  ow_cl_bytes(l, d->status ? &d->status->mem : &none, sizeof none);
  ow_cl_int(l, d->check_id);
}

void ow_cl_no_checks(ow_cl_launch *l) {
  cl_mem none = NULL;
  ow_cl_bytes(l, &none, sizeof none);
  ow_cl_int(l, 0);
}

bool ow_cl_run(ow_cl_launch *l, int dims, const size_t *groups, const size_t *local) {
  ow_cl_device *d = ow_cl_state(l->device);
  size_t global[3];
  for (int k = 0; k < dims; k++) {
    if (groups[k] == 0) return true;
    global[k] = groups[k] * local[k];
  }
  cl_event ev = NULL;
  cl_int rc = l->rc;
  if (rc == CL_SUCCESS) rc = ow_cl.EnqueueNDRangeKernel(d->queue, l->kernel, (cl_uint)dims, NULL, global, local, 0, NULL, &ev);
  d->info.launches++;
  return ow_cl_given(d, l->op, rc, ev, l->e);
}

bool ow_cl_run1(ow_cl_launch *l, int64_t n) {
  size_t groups = (size_t)(n + OW_CL_LINE - 1) / OW_CL_LINE, local = OW_CL_LINE;
  return ow_cl_run(l, 1, &groups, &local);
}

const char *ow_cl_type(ow_dtype t) {
  static const char *const names[] = {"u8", "i32", "i64", "f32", "f64"};
  return t <= OW_F64 ? names[t] : NULL;
}

bool ow_cl_can(int device, ow_dtype t, ow_err *e) {
  if (t <= OW_F32 || (t == OW_F64 && ow_cl_has_f64(device))) return true;
  return OW_FAIL(e, OW_EDEVICE, "%s is not available on %s; move the tensor with t:to('cpu')", ow_dtype_name(t), ow_device_name(device));
}
