#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

bool ow_fail_at(ow_err *e, const char *file, int line, ow_code code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->msg, sizeof e->msg, fmt, ap);
  va_end(ap);
  e->code = code;
  e->arg = 0;
  e->hint[0] = 0;
  e->file = file;
  e->line = line;
  return false;
}

bool ow_hint(ow_err *e, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->hint, sizeof e->hint, fmt, ap);
  va_end(ap);
  return false;
}

const char *ow_code_name(ow_code code) {
  static const char *const names[] = {"ok",     "argument",    "shape",  "dtype",
                                      "memory", "io",          "format", "interrupted",
                                      "device", "numeric",     "missing"};
  return code <= OW_EMISSING ? names[code] : "unknown";
}
