// Network kernels: one table of ops, each with its arguments, its shape rule and one function
// per way of computing it (plain scalar reference, CPU, OpenCL). A gradient is a row of its
// own. The binding checks dtypes, devices and shapes from the row, hands every kernel dense
// row-major tensors and makes the outputs; kernels only compute.
#ifndef OW_NN_NN_H
#define OW_NN_NN_H
#include "base/tensor.h"
#include "nn/list.h"

enum { OW_NN_MAXIN = 8, OW_NN_MAXOUT = 4, OW_NN_MAXPARAM = 12 };

typedef struct ow_nn_call ow_nn_call;
typedef bool (*ow_nn_kernel)(ow_nn_call *c, ow_err *e);

typedef enum {
  OW_NN_INT,    // one integer
  OW_NN_INT3,   // one per spatial axis, the first axis first; one number stands for all
  OW_NN_NUM,    // a number
  OW_NN_ENUM    // one word of `words`; i[0] is its index
} ow_nn_kind;

typedef struct {
  const char *name;  // NULL ends the list
  ow_nn_kind kind;
  double def;              // default; NAN: must be given
  const char *words;       // ENUM: "relu elu gelu"
  const char *doc;
} ow_nn_param;

typedef enum {
  OW_NN_FLOAT,   // f32 or f64, the same for all FLOAT arguments of one call
  OW_NN_INDEX,   // i64
  OW_NN_DOUBLE   // f64 whatever the call's dtype
} ow_nn_type;

typedef struct {
  const char *name;  // NULL ends the list
  ow_nn_type type;
  bool optional;     // input: may be absent; output: may be declined
  bool inplace;      // output: the caller must give it and its content is read
  const char *doc;   // shape and meaning
} ow_nn_arg;

typedef struct ow_nn_op {
  const char *name, *doc;
  ow_nn_arg in[OW_NN_MAXIN + 1], out[OW_NN_MAXOUT + 1];
  ow_nn_param param[OW_NN_MAXPARAM + 1];
  // Checks the inputs' shapes and the parameters, and fills c->out_ndim/out_shape.
  bool (*shape)(ow_nn_call *c, ow_err *e);
  ow_nn_kernel reference, cpu, opencl;  // cpu NULL: the reference serves; opencl NULL: none
} ow_nn_op;

struct ow_nn_call {
  const ow_nn_op *op;
  ow_dtype dtype;                        // of the FLOAT arguments
  const ow_tensor *in[OW_NN_MAXIN];      // NULL: absent
  ow_tensor *out[OW_NN_MAXOUT];          // NULL: declined
  struct { int64_t i[3]; double f; } p[OW_NN_MAXPARAM];
  int spatial;                           // spatial axes, for INT3 (set from the first input)
  int out_ndim[OW_NN_MAXOUT];
  int64_t out_shape[OW_NN_MAXOUT][OW_MAXDIM];
};

#define OW_NN_DECLARE(id) extern const ow_nn_op ow_nn_##id;
OW_NN_LIST(OW_NN_DECLARE)
#undef OW_NN_DECLARE

extern const ow_nn_op *const ow_nn_ops[];  // ends with NULL
const ow_nn_op *ow_nn_find(const char *name);

// Runs the row's kernel for the device of the tensors. Inputs may have any strides; an output
// that is closed is made, an open one must be dense and of the right shape and dtype.
bool ow_nn_run(ow_nn_call *c, bool reference, ow_err *e);

static inline const float *ow_f32(const ow_tensor *t) { return t ? ow_tensor_data(t) : NULL; }
static inline const double *ow_f64(const ow_tensor *t) { return t ? ow_tensor_data(t) : NULL; }
static inline const int64_t *ow_i64(const ow_tensor *t) { return t ? ow_tensor_data(t) : NULL; }
// For shape rules: output k has the shape given.
void ow_nn_shape(ow_nn_call *c, int k, int ndim, const int64_t *shape);
void ow_nn_shape_like(ow_nn_call *c, int k, const ow_tensor *t);
// Fails with "NAME: expected shape ..., got ..." unless in[k] is absent or has it; -1: any size.
bool ow_nn_expect(const ow_nn_call *c, int k, int ndim, const int64_t *shape, ow_err *e);

#endif
