// PNG images. Seeds come from our own writer; after a mutation the chunk sums are repaired,
// else libpng would stop at the first one.
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "fuzz/fuzz.h"
#include "io/png.h"

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static void put32(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v; }

static void fix(uint8_t *d, size_t n) {
  for (size_t at = 8; at + 12 <= n;) {
    uint32_t len = be32(d + at);
    if (len > n - at - 12) return;
    put32(d + at + 8 + len, (uint32_t)crc32(0, d + at + 4, len + 4));
    at += 12 + (size_t)len;
  }
}

static size_t chunk(uint8_t *out, const char *kind, const void *data, size_t n) {
  put32(out, (uint32_t)n);
  memcpy(out + 4, kind, 4);
  memcpy(out + 8, data, n);
  put32(out + 8 + n, (uint32_t)crc32(0, out + 4, (uInt)n + 4));
  return n + 12;
}

// Kinds that our writer does not make: palette with transparency, 1-bit grey, interlaced.
static void special(void (*add)(const void *, size_t), int depth, int colour, int interlace) {
  uint8_t raw[64], packed[256], out[512] = "\x89PNG\r\n\x1a\n", ihdr[13] = {0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0};
  uLongf len = sizeof packed;
  size_t n = 8;
  ihdr[8] = (uint8_t)depth, ihdr[9] = (uint8_t)colour, ihdr[12] = (uint8_t)interlace;
  memset(raw, 0, sizeof raw);
  compress(packed, &len, raw, sizeof raw);
  n += chunk(out + n, "IHDR", ihdr, 13);
  if (colour == 3) n += chunk(out + n, "PLTE", "\1\2\3\4\5\6\7\10\11", 9), n += chunk(out + n, "tRNS", "\377\200", 2);
  if (colour == 2) n += chunk(out + n, "tRNS", "\0\1\0\2\0\3", 6);
  n += chunk(out + n, "tEXt", "Title\0words", 11);
  n += chunk(out + n, "IDAT", packed, len);
  n += chunk(out + n, "IEND", "", 0);
  add(out, n);
}

static void seeds(void (*add)(const void *, size_t)) {
  char path[] = "/tmp/ow-fuzz-png-XXXXXX";
  int fd = mkstemp(path);
  if (fd >= 0) close(fd);
  for (int channels = 1; channels <= 4; channels++)
    for (int bits = 8; bits <= 16; bits += 8) {
      int64_t shape[3] = {5, 6, channels};
      ow_tensor t;
      ow_err e;
      if (!ow_tensor_zeros(&t, OW_I32, 3, shape, &e)) continue;
      for (int i = 0; i < 30 * channels; i++) ((int32_t *)ow_tensor_data(&t))[i] = i * 37 % (bits == 8 ? 256 : 65536);
      if (ow_png_write_file(&t, path, bits, -1, &e)) {
        uint8_t b[4096];
        FILE *f = fopen(path, "rb");
        size_t n = f ? fread(b, 1, sizeof b, f) : 0;
        if (f) fclose(f);
        add(b, n);
      }
      ow_tensor_close(&t);
    }
  unlink(path);
  for (int interlace = 0; interlace < 2; interlace++) {
    special(add, 1, 0, interlace), special(add, 2, 3, interlace), special(add, 8, 3, interlace);
    special(add, 8, 2, interlace), special(add, 16, 6, interlace), special(add, 4, 0, interlace);
  }
}

static void run(const uint8_t *data, size_t n) {
  ow_tensor t;
  ow_err e;
  if (!ow_png_read_memory(&t, data, n, "fuzz", &e)) {
    fuzz_check(e.msg[0] && strlen(e.msg) < sizeof e.msg, "an error has a message");
    return;
  }
  fuzz_check(t.ndim == 2 || (t.ndim == 3 && t.shape[2] >= 2 && t.shape[2] <= 4), "an image has a shape");
  int64_t k = ow_tensor_numel(&t), sum = 0;
  for (int64_t i = 0; i < k; i++) {
    int64_t v = t.dtype == OW_U8 ? ((uint8_t *)ow_tensor_data(&t))[i] : ((int32_t *)ow_tensor_data(&t))[i];
    fuzz_check(v >= 0 && v <= 65535, "a sample is within range");
    sum += v;
  }
  volatile int64_t keep = sum;
  (void)keep;
  ow_tensor_close(&t);
}

static const char *const words[] = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND", "tEXt", "zTXt", "iCCP", "gAMA", "sBIT", "bKGD", "hIST", NULL};
const fuzz_target fuzz_png = {"png", seeds, run, fix, words, false};
