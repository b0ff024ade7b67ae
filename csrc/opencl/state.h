// What the files of the device layer share; nothing outside opencl/ includes it.
#ifndef OW_OPENCL_STATE_H
#define OW_OPENCL_STATE_H
#include "opencl/api.h"
#include "opencl/device.h"

enum { OW_CL_CLASSES = 4 * 48, OW_CL_RING = 128, OW_CL_CHECKS = 1024, OW_CL_BUCKETS = 256 };

typedef struct ow_cl_buffer {
  cl_mem mem;
  size_t size;
  int cls, device;
  struct ow_cl_buffer *next;
} ow_cl_buffer;

typedef struct ow_cl_kernel ow_cl_kernel;    // program.c
typedef struct ow_cl_staging ow_cl_staging;  // copy.c

typedef struct {
  cl_platform_id platform;
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;
  ow_cl_info info;
  uint64_t budget;
  ow_cl_buffer *lists[OW_CL_CLASSES];
  ow_cl_kernel *kernels[OW_CL_BUCKETS];
  ow_cl_staging *staged;
  // commands since the last wait; the oldest makes room once it has been looked at
  struct { cl_event event; char op[40]; } ring[OW_CL_RING];
  unsigned next;
  cl_int failed;       // code of a command that went wrong, and whose it was
  char failed_op[40];
  // what kernels find wrong with their data: status[0] = id of the first that complained
  struct { char op[40]; const char *what; } checks[OW_CL_CHECKS];
  ow_cl_buffer *status;
  int check_id, status_host;
  bool checking;
  cl_int inject;
} ow_cl_device;

extern ow_cl_api ow_cl;
ow_cl_device *ow_cl_state(int device);              // described, perhaps not open
ow_cl_device *ow_cl_use(int device, ow_err *e);     // open and there, or NULL
// Turns a code of the driver into an error that names device and operation.
bool ow_cl_fail(ow_cl_device *d, const char *op, cl_int code, ow_err *e);
// Notes the event of a command just given (code: what giving it returned); takes the event.
bool ow_cl_given(ow_cl_device *d, const char *op, cl_int code, cl_event event, ow_err *e);
bool ow_cl_wait(ow_cl_device *d, ow_err *e);        // for all that was given

ow_cl_buffer *ow_cl_buffer_new(ow_cl_device *d, size_t bytes, ow_err *e);
void ow_cl_buffer_free(ow_cl_buffer *b);
void ow_cl_staging_sweep(ow_cl_device *d, bool all);  // frees what has been uploaded

static inline cl_mem ow_cl_mem(const ow_tensor *t) { return ((ow_cl_buffer *)t->storage->owner)->mem; }

extern const ow_device_layer ow_cl_layer;
bool ow_cl_copy(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e);
bool ow_cl_fill(const ow_tensor *t, const void *value, ow_err *e);

#endif
