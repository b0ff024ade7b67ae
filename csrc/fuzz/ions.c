// Atom probe files: the bytes go to a scratch file, which is opened as each format.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "io/ions.h"

static void put(uint8_t *p, uint64_t v, int n) { for (int i = 0; i < n; i++) p[i] = (uint8_t)(v >> (8 * i)); }

static size_t section(uint8_t *p, const char *name, int type, int bits, int record, int count, int bytes) {
  memset(p, 0, 148 + (size_t)bytes);
  memcpy(p, "SEC", 4);
  put(p + 4, 148, 4), put(p + 8, 1, 4), put(p + 80, 1, 4), put(p + 84, 1, 4), put(p + 88, (uint64_t)type, 4);
  put(p + 92, (uint64_t)bits, 4), put(p + 96, (uint64_t)record, 4), put(p + 132, (uint64_t)count, 8), put(p + 140, (uint64_t)bytes, 8);
  for (int i = 0; name[i]; i++) p[12 + 2 * i] = (uint8_t)name[i];
  return 148 + (size_t)bytes;
}

static void seeds(void (*add)(const void *, size_t)) {
  static uint8_t b[8192];
  for (int i = 0; i < 88; i += 4) put(b + i, 0x0000803f, 4);  // big-endian 1.0
  add(b, 64), add(b, 88);
  memset(b, 0, sizeof b);
  put(b + 4, 3, 4), add(b, 8 + 3 * 56);
  put(b + 4, 5, 4), add(b, 5000 + 3 * 40);
  memset(b, 0, sizeof b);
  memcpy(b, "APT", 4), put(b + 4, 540, 4), put(b + 8, 2, 4), put(b + 532, 3, 8);
  size_t n = 540;
  n += section(b + n, "Mass", 3, 32, 4, 3, 12);
  n += section(b + n, "Multiplicity", 2, 8, 1, 3, 3);
  n += section(b + n, "Position", 3, 32, 12, 3, 36);
  add(b, n);
}

static void read_all(const ow_ions *f) {
  for (int c = 0; c < f->ncol; c++) {
    bool integer = f->col[c].type != 'f' && f->col[c].scale == 1;
    int64_t count = f->n < 1000 ? f->n : 1000, shape[1] = {count};
    ow_tensor t;
    ow_err e;
    if (!ow_tensor_zeros(&t, integer ? OW_I64 : f->col[c].size == 8 ? OW_F64 : OW_F32, 1, shape, &e)) return;
    fuzz_check(ow_ions_read(f, 1, &c, f->n - count, count, &t, &e), "what was opened can be read");
    ow_tensor_close(&t);
  }
}

static const char *file;
static void remove_file(void) { unlink(file); }

static void run(const uint8_t *data, size_t n) {
  static const char *const formats[] = {"pos", "epos", "ato", "apt"};
  static char path[] = "/tmp/ow-fuzz-ions-XXXXXX";
  static int fd = -1;
  if (fd < 0) {
    fd = mkstemp(path);
    atexit(remove_file);
    file = path;
  }
  if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, n, 0) != (ssize_t)n) return;
  for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
    ow_ions f;
    ow_err e;
    if (ow_ions_open(&f, path, formats[k], k & 1, &e)) {
      fuzz_check(f.n > 0 && f.ncol >= 4, "an open file has ions and positions");
      read_all(&f);
      ow_ions_close(&f);
    } else fuzz_check(e.msg[0] && strlen(e.msg) < sizeof e.msg, "an error has a message");
  }
}

static const char *const words[] = {"SEC", "APT", "Position", "Mass", NULL};
const fuzz_target fuzz_ions = {"ions", seeds, run, NULL, words, false};
