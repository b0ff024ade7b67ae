// Pooling on a device: the host's side of opencl/pool.cl.
#include "nn/pool.h"

#include "nn/cl.h"

bool ow_nn_pool_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  ow_pool p;
  if (!ow_pool_geometry(c, &p, e)) return false;
  bool max = c->op == &ow_nn_max_pool, max_grad = c->op == &ow_nn_max_pool_grad, grad = c->op == &ow_nn_avg_pool_grad;
  const char *kernel = max ? "max_forward" : max_grad ? "max_backward" : grad ? "avg_backward" : "avg_forward";
  if (!ow_nn_begin(&l, c, "pool", kernel, "", e)) return false;
  ow_cl_tensor(&l, c->in[0]);
  if (max_grad) ow_cl_tensor(&l, c->in[1]);
  ow_cl_tensor(&l, c->out[0]);
  if (max) ow_cl_tensor(&l, c->out[1]);
  ow_cl_bytes(&l, &p, sizeof p);
  if (max_grad) {
    ow_cl_checks(&l, "index: expected places inside a plane of the size given");
    return ow_cl_run1(&l, p.planes);
  }
  if (!max) ow_cl_int(&l, ow_nn_int(c, "count_padding") != 0);
  return ow_cl_run1(&l, p.planes * (grad ? p.in : p.out));
}
