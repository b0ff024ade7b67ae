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

bool ow_conv_choose(const ow_conv *p, ow_conv_pass pass, ow_dtype dtype, ow_conv_method wish, ow_conv_method *method, ow_err *e) {
  (void)p;
  (void)pass;
  (void)dtype;
  *method = wish;
  if (wish == OW_CONV_AUTO && !from_environment(method, e)) return false;
  if (*method == OW_CONV_AUTO) *method = OW_CONV_DIRECT;
  return true;
}
