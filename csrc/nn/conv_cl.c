// Convolutions and matrix products on a device: the host's side of opencl/gemm.cl.
#include "nn/cl.h"
#include "nn/conv.h"

enum { STEP = 8192 };  // terms in one sum of conv_grad_weight

typedef struct {  // as in gemm.cl
  int64_t m, n, k, chunk, sa[3], sb[3], sy;
  int32_t samples, in, out, groups, size[3], osize[3], act, pad;
} geometry;

static bool launch(ow_nn_call *c, const char *prelude, const ow_tensor *a, const ow_tensor *b, const ow_tensor *bias, const ow_tensor *y,
                   const geometry *p, int64_t depth, double alpha, ow_err *e) {
  ow_cl_launch l;
  if (p->m == 0 || p->n == 0 || depth == 0) return true;
  // Tiles: what the registers and the local memory of a GPU hold, what the caches of a processor hold.
  bool cpu = ow_cl_processor(ow_nn_device(c)), wide = c->dtype == OW_F64;
  int tm = cpu || p->m > 16 ? 64 : 16, tn = cpu ? 32 : 128, tk = cpu ? (wide ? 128 : 256) : wide ? 8 : 16;
  char text[500];
  snprintf(text, sizeof text, "%s#define TM %d\n#define TN %d\n#define TK %d\n%s", prelude, tm, tn, tk, cpu ? "#define VECTOR 1\n" : "");
  if (!ow_nn_begin(&l, c, "gemm", "gemm", text, e)) return false;
  ow_cl_tensor(&l, a);
  ow_cl_tensor(&l, b);
  ow_cl_tensor(&l, bias);
  ow_cl_tensor(&l, y);
  ow_cl_bytes(&l, p, sizeof *p);
  ow_cl_real(&l, c->dtype, alpha);
  size_t groups[3] = {(size_t)((p->n + tn - 1) / tn), (size_t)((p->m + tm - 1) / tm), (size_t)depth};
  size_t local[3] = {cpu ? 1 : 16, cpu ? 1 : 8, 1};
  return ow_cl_run(&l, 3, groups, local);
}

static void constants(char *out, size_t n, int mode, const ow_conv *p) {
  snprintf(out, n, "#define MODE %d\n#define KD %d\n#define KH %d\n#define KW %d\n#define STR0 %d\n#define STR1 %d\n#define STR2 %d\n"
           "#define PAD0 %d\n#define PAD1 %d\n#define PAD2 %d\n#define DIL0 %d\n#define DIL1 %d\n#define DIL2 %d\n", mode,
           (int)p->kernel[0], (int)p->kernel[1], (int)p->kernel[2], (int)p->stride[0], (int)p->stride[1], (int)p->stride[2],
           (int)p->padding[0], (int)p->padding[1], (int)p->padding[2], (int)p->dilation[0], (int)p->dilation[1], (int)p->dilation[2]);
}

static bool grad_weight(ow_nn_call *c, const char *prelude, geometry *g, ow_err *e) {
  int64_t splits = (g->k + STEP - 1) / STEP, size = (int64_t)g->out * g->n, shape[1] = {splits * size};
  ow_tensor part;
  g->chunk = STEP;
  if (splits <= 1) return launch(c, prelude, c->in[1], c->in[0], NULL, c->out[0], g, g->groups, 0, e);
  if (!ow_tensor_new_on(&part, ow_nn_device(c), c->dtype, 1, shape, e)) return false;
  ow_cl_launch l;
  bool ok = launch(c, prelude, c->in[1], c->in[0], NULL, &part, g, g->groups * splits, 0, e) &&
            ow_nn_begin(&l, c, "gemm_sums", "join", "", e);
  if (ok) {
    ow_cl_tensor(&l, &part);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_long(&l, size);
    ow_cl_long(&l, splits);
    ok = ow_cl_run1(&l, size);
  }
  ow_tensor_close(&part);
  return ok;
}

bool ow_nn_conv_cl(ow_nn_call *c, ow_err *e) {
  ow_conv p;
  char prelude[400];
  if (!ow_conv_problem(c, &p, e)) return false;
  int64_t in = p.size[0] * p.size[1] * p.size[2], out = p.osize[0] * p.osize[1] * p.osize[2];
  int64_t taps = p.kernel[0] * p.kernel[1] * p.kernel[2], cg = p.in / p.groups, og = p.out / p.groups;
  if (in * p.in > INT32_MAX || out * p.out > INT32_MAX || cg * taps > INT32_MAX || og * taps > INT32_MAX || p.n > INT32_MAX)
    return OW_FAIL(e, OW_ESHAPE, "a sample of more than 2^31 elements on %s", ow_device_name(ow_nn_device(c)));
  for (int a = 0; a < 3; a++)
    if (p.kernel[a] > 1023) return OW_FAIL(e, OW_ESHAPE, "a kernel of more than 1023 taps along one axis on %s", ow_device_name(ow_nn_device(c)));
  geometry g = {.samples = (int)p.n, .in = (int)p.in, .out = (int)p.out, .groups = (int)p.groups};
  for (int a = 0; a < 3; a++) g.size[a] = (int)p.size[a], g.osize[a] = (int)p.osize[a];
  if (c->op == &ow_nn_conv) {
    g.m = og, g.n = p.n * out, g.k = g.chunk = cg * taps;
    g.act = (int)ow_nn_int(c, "activation");
    constants(prelude, sizeof prelude, 1, &p);
    return launch(c, prelude, c->in[1], c->in[0], c->in[2], c->out[0], &g, p.groups, ow_nn_num(c, "alpha"), e);
  }
  if (c->op == &ow_nn_conv_grad_input) {
    g.m = cg, g.n = p.n * in, g.k = g.chunk = og * taps;
    constants(prelude, sizeof prelude, 2, &p);
    return launch(c, prelude, c->in[1], c->in[0], NULL, c->out[0], &g, p.groups, 0, e);
  }
  g.m = og, g.n = cg * taps, g.k = p.n * out;
  constants(prelude, sizeof prelude, 3, &p);
  if (g.k == 0) {
    static const double zero = 0;
    for (int k = 0; k < 2; k++)
      if (c->out[k] && !ow_device_layer_in_use->fill(c->out[k], &zero, e)) return false;
    return true;
  }
  if (!grad_weight(c, prelude, &g, e)) return false;
  if (!c->out[1]) return true;
  ow_cl_launch l;
  if (!ow_nn_begin(&l, c, "gemm_sums", "channel_sum", "", e)) return false;
  ow_cl_tensor(&l, c->in[1]);
  ow_cl_tensor(&l, c->out[1]);
  ow_cl_long(&l, p.n);
  ow_cl_long(&l, p.out);
  ow_cl_long(&l, out);
  return ow_nn_groups(&l, p.out);
}

#define MATMUL "#define MODE 0\n#define KD 1\n#define KH 1\n#define KW 1\n"

bool ow_nn_matmul_cl(ow_nn_call *c, ow_err *e) {
  const ow_tensor *t[2] = {c->in[0], c->in[1]}, *y = c->out[0];
  bool turn[2] = {ow_nn_int(c, "transpose_a"), ow_nn_int(c, "transpose_b")};
  geometry g = {.groups = 1};
  for (int k = 0; k < 2; k++) {
    int64_t *s = k ? g.sb : g.sa, columns = t[k]->shape[t[k]->ndim - 1];
    s[0] = turn[k] ? 1 : columns;
    s[1] = turn[k] ? columns : 1;
    s[2] = t[k]->ndim == 3 ? t[k]->shape[1] * t[k]->shape[2] : 0;
  }
  g.m = y->shape[y->ndim - 2], g.n = y->shape[y->ndim - 1];
  g.k = t[0]->shape[t[0]->ndim - (turn[0] ? 2 : 1)];
  g.sy = g.m * g.n;
  return launch(c, MATMUL, t[0], t[1], NULL, y, &g, y->ndim == 3 ? y->shape[0] : 1, 0, e);
}

bool ow_nn_linear_cl(ow_nn_call *c, ow_err *e) {
  const ow_tensor *w = c->in[1];
  int64_t k = w->shape[1], n = w->shape[0];
  geometry g = {.groups = 1, .m = n ? ow_tensor_numel(c->out[0]) / n : 0, .n = n, .k = k, .sa = {k, 1, 0}, .sb = {1, k, 0}};
  return launch(c, MATMUL, c->in[0], w, c->in[2], c->out[0], &g, 1, 0, e);
}
