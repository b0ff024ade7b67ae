// The part of the OpenCL 1.2 interface that we use, declared here so that no header and no
// library is needed to build: names, types and numbers are those of the Khronos specification
// (OpenCL 1.2, revision 19), the functions are found in libOpenCL.so.1 when first needed.
#ifndef OW_OPENCL_API_H
#define OW_OPENCL_API_H
#include <stddef.h>
#include <stdint.h>

typedef struct _cl_platform_id *cl_platform_id;
typedef struct _cl_device_id *cl_device_id;
typedef struct _cl_context *cl_context;
typedef struct _cl_command_queue *cl_command_queue;
typedef struct _cl_mem *cl_mem;
typedef struct _cl_program *cl_program;
typedef struct _cl_kernel *cl_kernel;
typedef struct _cl_event *cl_event;
typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_ulong, cl_bitfield;
typedef intptr_t cl_context_properties;

enum {
  CL_SUCCESS = 0,
  CL_DEVICE_NOT_FOUND = -1,
  CL_DEVICE_NOT_AVAILABLE = -2,
  CL_MEM_OBJECT_ALLOCATION_FAILURE = -4,
  CL_OUT_OF_RESOURCES = -5,
  CL_OUT_OF_HOST_MEMORY = -6,
  CL_COMPLETE = 0,
  CL_PLATFORM_VERSION = 0x0901,
  CL_PLATFORM_NAME = 0x0902,
  CL_DEVICE_MAX_COMPUTE_UNITS = 0x1002,
  CL_DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
  CL_DEVICE_MAX_MEM_ALLOC_SIZE = 0x1010,
  CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
  CL_DEVICE_SINGLE_FP_CONFIG = 0x101B,
  CL_DEVICE_LOCAL_MEM_SIZE = 0x1023,
  CL_DEVICE_TYPE_ = 0x1000,
  CL_DEVICE_NAME = 0x102B,
  CL_DEVICE_VENDOR = 0x102C,
  CL_DRIVER_VERSION = 0x102D,
  CL_DEVICE_VERSION = 0x102F,
  CL_DEVICE_EXTENSIONS = 0x1030,
  CL_DEVICE_DOUBLE_FP_CONFIG = 0x1032,
  CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT = 1 << 7,
  CL_CONTEXT_PLATFORM = 0x1084,
  CL_MEM_READ_WRITE = 1 << 0,
  CL_PROGRAM_BINARY_SIZES = 0x1165,
  CL_PROGRAM_BINARIES = 0x1166,
  CL_PROGRAM_BUILD_LOG = 0x1183,
  CL_EVENT_COMMAND_EXECUTION_STATUS = 0x11D3
};
#define CL_DEVICE_TYPE_CPU UINT64_C(2)
#define CL_DEVICE_TYPE_ALL UINT64_C(0xFFFFFFFF)

// return type, name, arguments
#define OW_CL_FUNCTIONS(F)                                                                                    \
  F(cl_int, GetPlatformIDs, (cl_uint, cl_platform_id *, cl_uint *))                                          \
  F(cl_int, GetPlatformInfo, (cl_platform_id, cl_uint, size_t, void *, size_t *))                            \
  F(cl_int, GetDeviceIDs, (cl_platform_id, cl_bitfield, cl_uint, cl_device_id *, cl_uint *))                 \
  F(cl_int, GetDeviceInfo, (cl_device_id, cl_uint, size_t, void *, size_t *))                                \
  F(cl_context, CreateContext, (const cl_context_properties *, cl_uint, const cl_device_id *,                \
                                void (*)(const char *, const void *, size_t, void *), void *, cl_int *))     \
  F(cl_int, ReleaseContext, (cl_context))                                                                    \
  F(cl_command_queue, CreateCommandQueue, (cl_context, cl_device_id, cl_bitfield, cl_int *))                 \
  F(cl_mem, CreateBuffer, (cl_context, cl_bitfield, size_t, void *, cl_int *))                               \
  F(cl_int, ReleaseMemObject, (cl_mem))                                                                      \
  F(cl_program, CreateProgramWithSource, (cl_context, cl_uint, const char **, const size_t *, cl_int *))     \
  F(cl_program, CreateProgramWithBinary, (cl_context, cl_uint, const cl_device_id *, const size_t *,         \
                                          const unsigned char **, cl_int *, cl_int *))                       \
  F(cl_int, BuildProgram, (cl_program, cl_uint, const cl_device_id *, const char *,                          \
                           void (*)(cl_program, void *), void *))                                            \
  F(cl_int, GetProgramInfo, (cl_program, cl_uint, size_t, void *, size_t *))                                 \
  F(cl_int, GetProgramBuildInfo, (cl_program, cl_device_id, cl_uint, size_t, void *, size_t *))              \
  F(cl_int, ReleaseProgram, (cl_program))                                                                    \
  F(cl_kernel, CreateKernel, (cl_program, const char *, cl_int *))                                           \
  F(cl_int, SetKernelArg, (cl_kernel, cl_uint, size_t, const void *))                                        \
  F(cl_int, EnqueueNDRangeKernel, (cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *,     \
                                   const size_t *, cl_uint, const cl_event *, cl_event *))                   \
  F(cl_int, EnqueueReadBuffer, (cl_command_queue, cl_mem, cl_uint, size_t, size_t, void *, cl_uint,          \
                                const cl_event *, cl_event *))                                               \
  F(cl_int, EnqueueWriteBuffer, (cl_command_queue, cl_mem, cl_uint, size_t, size_t, const void *, cl_uint,   \
                                 const cl_event *, cl_event *))                                              \
  F(cl_int, EnqueueCopyBuffer, (cl_command_queue, cl_mem, cl_mem, size_t, size_t, size_t, cl_uint,           \
                                const cl_event *, cl_event *))                                               \
  F(cl_int, EnqueueFillBuffer, (cl_command_queue, cl_mem, const void *, size_t, size_t, size_t, cl_uint,     \
                                const cl_event *, cl_event *))                                               \
  F(cl_int, EnqueueMarkerWithWaitList, (cl_command_queue, cl_uint, const cl_event *, cl_event *))            \
  F(cl_int, Flush, (cl_command_queue))                                                                       \
  F(cl_int, GetEventInfo, (cl_event, cl_uint, size_t, void *, size_t *))                                     \
  F(cl_int, ReleaseEvent, (cl_event))

typedef struct {
#define OW_CL_FIELD(R, name, args) R (*name) args;
  OW_CL_FUNCTIONS(OW_CL_FIELD)
#undef OW_CL_FIELD
} ow_cl_api;

#endif
