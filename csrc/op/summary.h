// Least, mean and greatest element, for display.
#ifndef OW_OP_SUMMARY_H
#define OW_OP_SUMMARY_H
#include "base/tensor.h"

typedef struct {
  double min, mean, max;  // over what is not NaN; of the modulus for complex dtypes
  int64_t nan, used;      // elements that are NaN, elements counted
} ow_summary_t;
// False only when interrupted.
bool ow_summary(const ow_tensor *t, ow_summary_t *s, ow_err *e);

#endif
