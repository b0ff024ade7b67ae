// Plain scalar convolution and its gradients, straight from the definition in conv.h: what
// every faster way is compared with.
#include "base/threads.h"
#include "nn/activation.h"
#include "nn/conv.h"

static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }

static void tap(const ow_conv *p, int64_t q, int64_t *k) {
  k[2] = q % p->kernel[2];
  k[1] = q / p->kernel[2] % p->kernel[1];
  k[0] = q / p->kernel[2] / p->kernel[1];
}

// Flat input position that output d reads through tap q; -1: in the padding.
static int64_t source(const ow_conv *p, const int64_t *d, int64_t q) {
  int64_t k[3], flat = 0;
  tap(p, q, k);
  for (int a = 0; a < 3; a++) {
    int64_t i = d[a] * p->stride[a] - p->padding[a] + k[a] * p->dilation[a];
    if (i < 0 || i >= p->size[a]) return -1;
    flat = flat * p->size[a] + i;
  }
  return flat;
}

// Flat output position that reads flat input position i through tap q; -1: none does.
static int64_t target(const ow_conv *p, int64_t i, int64_t q) {
  int64_t at[3] = {i / p->size[2] / p->size[1], i / p->size[2] % p->size[1], i % p->size[2]}, k[3], flat = 0;
  tap(p, q, k);
  for (int a = 0; a < 3; a++) {
    int64_t o = at[a] + p->padding[a] - k[a] * p->dilation[a];
    if (o < 0 || o % p->stride[a] || o / p->stride[a] >= p->osize[a]) return -1;
    flat = flat * p->osize[a] + o / p->stride[a];
  }
  return flat;
}

#define T float
#define EPILOGUE ow_conv_epilogue
#define FN(name) ow_conv_reference_##name
#include "nn/conv_reference.h"
#undef T
#undef EPILOGUE
#undef FN
#define T double
#define EPILOGUE ow_conv_epilogue_f64
#define FN(name) ow_conv_reference_##name##_f64
#include "nn/conv_reference.h"
