// A fuzz target: one parser of ours, fed with bytes. The same functions serve our own driver
// (driver.c, any compiler) and libFuzzer (libfuzzer.c, clang).
#ifndef OW_FUZZ_FUZZ_H
#define OW_FUZZ_FUZZ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *name;
  // Hands each seed to add; seeds are made here, none is anybody's file.
  void (*seeds)(void (*add)(const void *data, size_t n));
  void (*run)(const uint8_t *data, size_t n);
  // Repairs checksums, so that mutations reach what lies behind them. May be NULL.
  void (*fix)(uint8_t *data, size_t n);
  const char *const *words;  // dictionary, ends with NULL; may be NULL
  bool outside;              // run only writes a file; a child process reads it (h5.c)
} fuzz_target;

extern const fuzz_target fuzz_json, fuzz_table, fuzz_png, fuzz_ions, fuzz_h5;

// A broken promise: prints it and stops as a crash does.
void fuzz_check(bool ok, const char *what);

// h5.c: all inputs are gathered in files and handed to child processes in batches.
void fuzz_h5_finish(void);             // the last batch
int fuzz_h5_child(int argc, char **argv);  // what the child does
void fuzz_h5_report(char *out, size_t n);

#endif
