// Running a kernel on tensors of a device:
//   ow_cl_launch l;
//   if (!ow_cl_begin(&l, device, "pool", "max_forward", prelude, e)) return false;
//   ow_cl_tensor(&l, x); ow_cl_long(&l, n); ...
//   return ow_cl_run1(&l, n);
// A program is one file csrc/opencl/NAME.cl (embedded when building) after common.cl and the
// prelude, a few lines of #define that fix types and constants; it is compiled once for each
// prelude, kept for the process and, as the driver's binary, on disk.
#ifndef OW_OPENCL_LAUNCH_H
#define OW_OPENCL_LAUNCH_H
#include "opencl/device.h"

typedef struct {
  int device;
  void *kernel;
  unsigned n;
  int rc;
  const char *op;   // named in errors; the program's name unless changed after begin
  ow_err *e;
} ow_cl_launch;

bool ow_cl_begin(ow_cl_launch *l, int device, const char *program, const char *kernel, const char *prelude, ow_err *e);
// Arguments, in the kernel's order. A tensor is two: pointer and offset in elements ("IN(T, x)"
// and "OUT(T, y)" in the kernel, see common.cl); NULL gives a null pointer.
void ow_cl_tensor(ow_cl_launch *l, const ow_tensor *t);
void ow_cl_int(ow_cl_launch *l, int32_t v);
void ow_cl_long(ow_cl_launch *l, int64_t v);
void ow_cl_float(ow_cl_launch *l, float v);
void ow_cl_real(ow_cl_launch *l, ow_dtype t, double v);  // as f32 or f64
void ow_cl_bytes(ow_cl_launch *l, const void *p, size_t n);  // any value
void ow_cl_local(ow_cl_launch *l, size_t bytes);
// Lets the kernel complain about its data (COMPLAIN in common.cl): `what` is told when the
// result is read back. Gives two arguments ("CHECKS" in the kernel).
void ow_cl_checks(ow_cl_launch *l, const char *what);
void ow_cl_no_checks(ow_cl_launch *l);  // for a kernel that has nothing to complain about this time
// Global size in whole groups of the local size, up to 3 dimensions.
bool ow_cl_run(ow_cl_launch *l, int dims, const size_t *groups, const size_t *local);
// At least n work-items in groups of OW_CL_LINE; the kernel skips those past n.
enum { OW_CL_LINE = 64 };
bool ow_cl_run1(ow_cl_launch *l, int64_t n);

const char *ow_cl_type(ow_dtype t);  // "float"; NULL: the device has no such arithmetic
// False with OW_EDEVICE where the device does not compute in this dtype.
bool ow_cl_can(int device, ow_dtype t, ow_err *e);
// Host memory <- bytes of a device tensor's storage. The one call that waits.
bool ow_cl_read(const ow_tensor *t, size_t offset, size_t bytes, void *to, ow_err *e);

#endif
