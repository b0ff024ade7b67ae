// The same targets under libFuzzer: OW_FUZZ_TARGET names one. Seeds are written by
// `driver --seeds TARGET FOLDER`.
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "fuzz/fuzz.h"

void fuzz_check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "broken promise: %s\n", what);
  abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static bool ready;
  if (!ready) ow_alloc_set_budget((uint64_t)512 << 20);
  ready = true;
  OW_FUZZ_TARGET.run(data, n);
  return 0;
}
