// Pooling on a device: the host's side of opencl/pool.cl.
#include "nn/pool.h"

#include "base/device.h"
#include "nn/cl.h"

static bool max_grad_cl(ow_nn_call *c, const ow_pool *p, ow_err *e) {
  static const int32_t zero = 0, most = INT32_MAX;
  static const double none = 0;
  int64_t n = p->planes * p->in;
  const ow_device_layer *dev = ow_device_layer_in_use;
  ow_cl_launch l;
  ow_tensor count = {0}, first = {0};
  if (p->out > INT32_MAX) return OW_FAIL(e, OW_ESHAPE, "a plane of more than 2^31 positions");
  bool ok = ow_tensor_new_on(&count, ow_nn_device(c), OW_I32, 1, &n, e) && ow_tensor_new_on(&first, ow_nn_device(c), OW_I32, 1, &n, e) &&
            dev->fill(&count, &zero, e) && dev->fill(&first, &most, e) && dev->fill(c->out[0], &none, e) &&
            ow_nn_begin(&l, c, "pool", "max_owners", "", e);
  if (ok) {
    ow_cl_tensor(&l, c->in[1]), ow_cl_tensor(&l, &count), ow_cl_tensor(&l, &first);
    ow_cl_bytes(&l, p, sizeof *p);
    ow_cl_checks(&l, "index: expected places inside a plane of the size given");
    ok = ow_cl_run1(&l, p->planes * p->out) && ow_nn_begin(&l, c, "pool", "max_backward", "", e);
  }
  if (ok) {
    ow_cl_tensor(&l, c->in[0]), ow_cl_tensor(&l, c->in[1]), ow_cl_tensor(&l, &count), ow_cl_tensor(&l, &first);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_bytes(&l, p, sizeof *p);
    ok = ow_cl_run1(&l, p->planes * p->out);
  }
  ow_tensor_close(&count);
  ow_tensor_close(&first);
  return ok;
}

bool ow_nn_pool_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  ow_pool p;
  if (!ow_pool_geometry(c, &p, e)) return false;
  if (c->op == &ow_nn_max_pool_grad) return max_grad_cl(c, &p, e);
  bool max = c->op == &ow_nn_max_pool, grad = c->op == &ow_nn_avg_pool_grad;
  const char *kernel = max ? "max_forward" : grad ? "avg_backward" : "avg_forward";
  if (!ow_nn_begin(&l, c, "pool", kernel, "", e)) return false;
  ow_cl_tensor(&l, c->in[0]);
  ow_cl_tensor(&l, c->out[0]);
  if (max) ow_cl_tensor(&l, c->out[1]);
  ow_cl_bytes(&l, &p, sizeof p);
  if (!max) ow_cl_int(&l, ow_nn_int(c, "count_padding") != 0);
  return ow_cl_run1(&l, p.planes * (grad ? p.in : p.out));
}
