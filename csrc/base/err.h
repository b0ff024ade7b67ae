// Errors of the C side. A function that can fail takes an ow_err* (never NULL), fills it
// and returns false; it has then released what it had taken. Only csrc/lua turns an
// ow_err into a Lua error.
#ifndef OW_BASE_ERR_H
#define OW_BASE_ERR_H
#include <stdbool.h>
#include <stddef.h>

typedef enum {
  OW_OK = 0,
  OW_EARG,      // an argument has a bad value
  OW_ESHAPE,    // shapes do not fit
  OW_EDTYPE,    // dtype not allowed here, or a conversion would lose information
  OW_EMEM,      // out of memory or over the budget
  OW_EIO,       // the system refused (open, read, write, spawn)
  OW_EFORMAT,   // a file's content is not what its format says
  OW_EINTR,     // interrupted by the user
  OW_EDEVICE,   // device missing, lost, or tensors on different devices
  OW_ENUMERIC,  // no convergence, singular, out of the domain
  OW_EMISSING,  // an optional part is not installed
} ow_code;

typedef struct ow_err {
  ow_code code;
  int arg;           // 1-based argument of the user's call, 0 when none is to blame
  char msg[480];     // what was wrong, what was expected, what came
  char hint[240];    // what to do; may be empty
  const char *file;  // where in the C source it was noticed
  int line;
} ow_err;

// Fills e and returns false, so that `return OW_FAIL(e, ...)` reads as one step.
bool ow_fail_at(ow_err *e, const char *file, int line, ow_code code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
#define OW_FAIL(e, code, ...) ow_fail_at((e), __FILE__, __LINE__, (code), __VA_ARGS__)

// Adds "what to do" to an error already filled in; returns false.
bool ow_hint(ow_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *ow_code_name(ow_code code);

#endif
