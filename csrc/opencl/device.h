// The OpenCL device layer: platforms and devices, one context and one in-order queue for each
// device that is used, buffers cached by size class, and the queue's errors.
//
// Invariants: commands of a device run in the order in which they were given, so a buffer may
// be handed out again as soon as its tensor is gone. Nothing waits for the device but reading
// back (ow_cl_read); what went wrong on the way there is told by it, with the name of the
// operation. A device number is 1 + its position over all platforms ("opencl:0" is 1).
#ifndef OW_OPENCL_DEVICE_H
#define OW_OPENCL_DEVICE_H
#include "base/device.h"

typedef struct {
  char name[128], platform[128], version[128], driver[128];
  uint64_t memory, largest, local;  // bytes: all of it, one buffer at most, of a work-group
  uint64_t in_use, cached;          // bytes of our buffers
  uint64_t launches;                // kernels started
  uint64_t uploads, upload_bytes, reads, read_bytes;  // transfers between host and device
  int units, group;                 // compute units; work-items of a group at most
  bool f64, exact_division, open, lost;
  bool processor;                   // computes on a CPU: kernels with loops of their own serve it better
} ow_cl_info;

// How many devices there are; opens the loader at the first call. 0: *why (if not NULL) says
// what is missing and what to install.
int ow_cl_count(const char **why);
bool ow_cl_describe(int device, ow_cl_info *info, ow_err *e);
// "opencl", "opencl:1", "cpu" -> device number; false names what there is.
bool ow_cl_find(const char *name, int *device, ow_err *e);
bool ow_cl_open(int device, ow_err *e);  // makes context and queue; again: nothing
bool ow_cl_has_f64(int device);
int ow_cl_group(int device);             // work-items of a group at most
bool ow_cl_processor(int device);

// Bytes that the device may hold (0: what it has); also OROWAN_DEVICE_MEMORY.
void ow_cl_set_budget(int device, uint64_t bytes);
void ow_cl_trim(int device);             // gives cached buffers back
// For tests: from now on it is treated as a processor, or as a GPU.
void ow_cl_set_processor(int device, bool yes);
// For tests: the next command of the device fails with this code.
void ow_cl_inject(int device, int code);
// Waits until the device has done everything; false: an operation failed, and which.
bool ow_cl_finish(int device, ow_err *e);

#endif
