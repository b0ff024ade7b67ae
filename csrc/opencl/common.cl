// Before every program. Types are named as in the host's dtype list; f64 only where the device
// has it. No contraction: the same rounding as on the host.
#pragma OPENCL FP_CONTRACT OFF
#ifdef HAVE_F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double f64;
#endif
typedef uchar u8;
typedef int i32;
typedef long i64;
typedef float f32;

// A tensor argument: the buffer and where it begins, in elements. USE(x) makes the pointer.
#define IN(T, x) global const T *x##_, const long x##_o
#define OUT(T, x) global T *x##_, const long x##_o
#define USE_IN(T, x) global const T *x = x##_ ? x##_ + x##_o : x##_
#define USE_OUT(T, x) global T *x = x##_ ? x##_ + x##_o : x##_

// A kernel says that its data is wrong; the first one to do so is told of.
#define CHECKS global int *status, const int check_id
#define COMPLAIN atomic_cmpxchg(status, 0, check_id)

// Shapes and strides of up to 3 tensors walked together, outer dimensions only.
typedef struct { int ndim, pad; long inner, istride[3], shape[8], stride[3][8]; } walk;

// Offsets of element i (row-major) in the first `t` tensors of a walk. 32-bit division where it
// is enough: devices have no 64-bit one.
static void place(const walk *w, ulong i, int t, long *at) {
  ulong k;
  long inner;
  if (w->ndim == 0) {
    for (int j = 0; j < t; j++) at[j] = (long)i * w->istride[j];
    return;
  }
  if (i >> 32) k = i / (ulong)w->inner, inner = (long)(i % (ulong)w->inner);
  else {
    // a size above 32 bits is above i too
    uint n = w->inner >> 32 ? 0xffffffffu : (uint)w->inner, q = (uint)i / n;
    k = q;
    inner = (long)((uint)i - q * n);
  }
  for (int j = 0; j < t; j++) at[j] = inner * w->istride[j];
  for (int a = w->ndim - 1; a >= 0; a--) {
    long x;
    if (k >> 32) x = (long)(k % (ulong)w->shape[a]), k /= (ulong)w->shape[a];
    else {
      uint n = w->shape[a] >> 32 ? 0xffffffffu : (uint)w->shape[a], q = (uint)k / n;
      x = (long)((uint)k - q * n);
      k = q;
    }
    for (int j = 0; j < t; j++) at[j] += x * w->stride[j][a];
  }
}

// lane[0] = the sum over a group's 64 lanes, in a tree of fixed shape.
#define TREE64(lane, me)                                   \
  barrier(CLK_LOCAL_MEM_FENCE);                            \
  for (int half_ = 32; half_; half_ /= 2) {                \
    if (me < half_) lane[me] += lane[me + half_];          \
    barrier(CLK_LOCAL_MEM_FENCE);                          \
  }
