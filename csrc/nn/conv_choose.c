// Which way computes a convolution.
#include <stdlib.h>
#include <string.h>

#include "nn/conv.h"

// OROWAN_CONV is read at every call: it costs nothing beside a convolution, and a script can set it.
static bool from_environment(ow_conv_method *m, ow_err *e) {
  static const char *const words[] = {"auto", "direct", "winograd", "reference"};
  const char *v = getenv("OROWAN_CONV");
  if (!v || !*v) return true;
  for (int i = 0; i < 4; i++)
    if (!strcmp(v, words[i])) return *m = (ow_conv_method)i, true;
  return OW_FAIL(e, OW_EARG, "OROWAN_CONV=%.20s: expected one of \"" OW_CONV_METHODS "\"", v);
}

// By shape. Winograd saves the more multiplications the more axes have three taps, and its
// transforms cost the less the more channels share them. Least channels (of in and out) from
// which it was the faster one, [axes with three taps - 1][pass]; measured on two AVX-512 cores.
static const int winograd_from[3][3] = {{1 << 30, 1 << 30, 1 << 30}, {32, 32, 20}, {12, 12, 12}};

static ow_conv_method by_shape(const ow_conv *p, ow_conv_pass pass) {
  int axes = 0;
  for (int a = 0; a < 3; a++) axes += p->kernel[a] == 3;
  return (p->in < p->out ? p->in : p->out) >= winograd_from[axes - 1][pass] ? OW_CONV_WINOGRAD : OW_CONV_DIRECT;
}

bool ow_conv_choose(const ow_conv *p, ow_conv_pass pass, ow_dtype dtype, ow_conv_method wish, ow_conv_method *method, ow_err *e) {
  bool can = dtype == OW_F32 && ow_winograd_can(p);
  *method = wish;
  if (wish == OW_CONV_WINOGRAD && !can)
    return OW_FAIL(e, OW_EARG, "method winograd: expected f32, one group, stride and dilation 1, kernel extents 1 or 3 and padding below them");
  if (wish == OW_CONV_AUTO && !from_environment(method, e)) return false;
  if (*method == OW_CONV_WINOGRAD && !can) *method = OW_CONV_DIRECT;
  if (*method == OW_CONV_AUTO) *method = can ? by_shape(p, pass) : OW_CONV_DIRECT;
  return true;
}
