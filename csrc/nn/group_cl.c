// Group and layer normalisation, and resampling, on a device: the host's side of
// opencl/group.cl and opencl/resize.cl.
#include "nn/cl.h"
#include "nn/kernel.h"

typedef struct { int64_t n, g, k, s; } dims;

static dims dims_of(const ow_nn_call *c) {
  const ow_tensor *x = c->in[0];
  if (c->op == &ow_nn_layer_norm || c->op == &ow_nn_layer_norm_grad) return (dims){x->shape[0], 1, x->shape[1], 1};
  int64_t g = ow_nn_int(c, "groups");
  return (dims){x->shape[0], g, x->shape[1] / g, ow_extent_from(x, 2)};
}

bool ow_nn_group_norm_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  dims d = dims_of(c);
  if (!ow_nn_begin(&l, c, "group", "forward", "", e)) return false;
  for (int k = 0; k < 3; k++) ow_cl_tensor(&l, c->in[k]);
  for (int k = 0; k < 3; k++) ow_cl_tensor(&l, c->out[k]);
  ow_cl_long(&l, d.g), ow_cl_long(&l, d.k), ow_cl_long(&l, d.s);
  ow_cl_real(&l, c->dtype, ow_nn_num(c, "eps"));
  return ow_nn_groups(&l, d.n * d.g);
}

bool ow_nn_group_norm_grad_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  dims d = dims_of(c);
  if (!ow_nn_begin(&l, c, "group", "backward", "", e)) return false;
  for (int k = 0; k < 5; k++) ow_cl_tensor(&l, c->in[k]);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_long(&l, d.g), ow_cl_long(&l, d.k), ow_cl_long(&l, d.s);
  ow_cl_real(&l, c->dtype, ow_nn_num(c, "eps"));
  if (!ow_nn_groups(&l, d.n * d.g)) return false;
  if (!c->out[1] && !c->out[2]) return true;
  if (!ow_nn_begin(&l, c, "group", "channels", "", e)) return false;
  ow_cl_tensor(&l, c->in[0]), ow_cl_tensor(&l, c->in[1]), ow_cl_tensor(&l, c->in[3]), ow_cl_tensor(&l, c->in[4]);
  ow_cl_tensor(&l, c->out[1]), ow_cl_tensor(&l, c->out[2]);
  ow_cl_long(&l, d.n), ow_cl_long(&l, d.g), ow_cl_long(&l, d.k), ow_cl_long(&l, d.s);
  ow_cl_real(&l, c->dtype, ow_nn_num(c, "eps"));
  return ow_nn_groups(&l, d.g * d.k);
}

bool ow_nn_resize_cl(ow_nn_call *c, ow_err *e) {
  struct { int64_t planes, in, out, size[3], osize[3]; int32_t linear, align; } p;
  ow_cl_launch l;
  const ow_tensor *t = c->in[0], *x = c->op == &ow_nn_resize ? t : c->out[0], *y = c->op == &ow_nn_resize ? c->out[0] : t;
  memset(&p, 0, sizeof p);
  p.planes = t->shape[0] * t->shape[1];
  ow_nn_extents3(x->shape, x->ndim, p.size);
  ow_nn_extents3(y->shape, y->ndim, p.osize);
  p.in = p.size[0] * p.size[1] * p.size[2];
  p.out = p.osize[0] * p.osize[1] * p.osize[2];
  p.linear = ow_nn_int(c, "mode") == 1;
  p.align = ow_nn_int(c, "align_corners") != 0;
  for (int j = 0; j < 3; j++)
    if (p.size[j] > INT32_MAX || p.osize[j] > INT32_MAX / 2)
      return OW_FAIL(e, OW_ESHAPE, "an axis of more than 2^30 elements on %s", ow_device_name(ow_nn_device(c)));
  if (!ow_nn_begin(&l, c, "resize", c->op == &ow_nn_resize ? "forward" : "backward", "", e)) return false;
  ow_cl_tensor(&l, t);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_bytes(&l, &p, sizeof p);
  return ow_cl_run1(&l, p.planes * (c->op == &ow_nn_resize ? p.out : p.in));
}
