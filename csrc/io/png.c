// libpng leaves by longjmp: all state that outlives the jump is in one struct that is reached
// through a pointer, and only the function with the setjmp frees it.
// Deflate packs at most 1032:1, so a header that promises more than 1032 times the file is
// a lie; it is refused before any memory is taken.
#include "io/png.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/replace.h"
#include "base/threads.h"

enum { HEADER_BYTES = 8 };

typedef struct {
  png_structp png;
  png_infop info;
  const char *name;
  const unsigned char *data;  // reading
  size_t n, at;
  ow_replace file;            // writing
  ow_tensor t;                // result; the 16-bit samples as they come
  void *wide;
  ow_err *e;
  bool failed;                // e is filled already
} codec;

static void on_error(png_structp png, png_const_charp msg) {
  codec *c = png_get_error_ptr(png);
  if (!c->failed) OW_FAIL(c->e, OW_EFORMAT, "%s: not a readable PNG image: %s", c->name, msg);
  c->failed = true;
  png_longjmp(png, 1);
}
static void on_warning(png_structp png, png_const_charp msg) { (void)png, (void)msg; }

static void codec_fail(codec *c) {
  c->failed = true;
  png_longjmp(c->png, 1);
}

static void poll(codec *c) {
  if (!ow_interrupted()) return;
  OW_FAIL(c->e, OW_EINTR, "interrupted");
  codec_fail(c);
}

// ---- reading -------------------------------------------------------------------------------

static void take_bytes(png_structp png, png_bytep out, size_t n) {
  codec *c = png_get_io_ptr(png);
  if (n > c->n - c->at) {
    OW_FAIL(c->e, OW_EFORMAT, "%s: the PNG image is cut off after %zu bytes", c->name, c->n);
    codec_fail(c);
  }
  memcpy(out, c->data + c->at, n);
  c->at += n;
}

static void decode(codec *c) {
  png_structp png = c->png;
  png_set_read_fn(png, c, take_bytes);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_read_info(png, c->info);
  int64_t h = png_get_image_height(png, c->info), w = png_get_image_width(png, c->info);
  // What the file must at least unpack to: its own bits, before any expansion.
  double packed = (double)h * (double)png_get_rowbytes(png, c->info);
  if (packed > 1032.0 * (double)c->n + 1024) {
    OW_FAIL(c->e, OW_EFORMAT, "%s: the header says %lld x %lld pixels, which cannot come from %zu bytes", c->name,
            (long long)w, (long long)h, c->n);
    codec_fail(c);
  }
  png_set_expand(png);
  bool wide = png_get_bit_depth(png, c->info) == 16;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (wide) png_set_swap(png);
#endif
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, c->info);
  int channels = png_get_channels(png, c->info);
  size_t row = png_get_rowbytes(png, c->info);
  if (row != (size_t)w * (size_t)channels * (wide ? 2 : 1)) png_error(png, "unexpected size of a row");
  int64_t shape[3] = {h, w, channels};
  if (!ow_tensor_new(&c->t, wide ? OW_I32 : OW_U8, channels > 1 ? 3 : 2, shape, c->e)) codec_fail(c);
  unsigned char *rows = ow_tensor_data(&c->t);
  if (wide && !(rows = c->wide = ow_alloc_array((size_t)h, row, c->e))) codec_fail(c);
  for (int p = 0; p < passes; p++)
    for (int64_t y = 0; y < h; y++) {
      if (!(y & 63)) poll(c);
      png_read_row(png, rows + (size_t)y * row, NULL);
    }
  png_read_end(png, NULL);
  if (!wide) return;
  const uint16_t *from = c->wide;
  int32_t *to = ow_tensor_data(&c->t);
  for (int64_t i = 0, n = h * w * channels; i < n; i++) to[i] = from[i];
}

bool ow_png_read_memory(ow_tensor *out, const void *data, size_t n, const char *name, ow_err *e) {
  codec c = {.name = name, .data = data, .n = n, .e = e};
  codec *volatile p = &c;
  if (n < HEADER_BYTES || png_sig_cmp(data, 0, HEADER_BYTES))
    return OW_FAIL(e, OW_EFORMAT, n ? "%s: this is not a PNG image" : "%s: the file is empty", name);
  c.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning);
  if (c.png) c.info = png_create_info_struct(c.png);
  if (!c.info) {
    png_destroy_read_struct(&c.png, NULL, NULL);
    return OW_FAIL(e, OW_EMEM, "%s: libpng could not start", name);
  }
  if (!setjmp(png_jmpbuf(c.png))) decode(p);
  png_destroy_read_struct(&p->png, &p->info, NULL);
  ow_free(p->wide);
  if (p->failed) {
    ow_tensor_close(&p->t);
    return false;
  }
  *out = p->t;
  return true;
}

bool ow_png_read_file(ow_tensor *out, const char *path, ow_err *e) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return OW_FAIL(e, OW_EIO, "%s: cannot open: %s", path, strerror(errno));
  struct stat st;
  unsigned char *data = NULL;
  size_t n = 0;
  bool ok = false;
  if (fstat(fd, &st)) OW_FAIL(e, OW_EIO, "%s: cannot read: %s", path, strerror(errno));
  else if (!S_ISREG(st.st_mode)) OW_FAIL(e, OW_EIO, "%s: cannot read: not a regular file", path);
  else if (st.st_size > (off_t)4 << 30) OW_FAIL(e, OW_EFORMAT, "%s: a PNG image above 4 GiB is refused", path);
  else if ((data = ow_alloc((size_t)st.st_size, e))) {
    ok = true;
    while (ok && n < (size_t)st.st_size) {
      ssize_t k = read(fd, data + n, (size_t)st.st_size - n);
      if (k < 0 && errno == EINTR && !ow_interrupted()) continue;
      if (k < 0) ok = OW_FAIL(e, OW_EIO, "%s: cannot read: %s", path, strerror(errno));
      if (k == 0) break;  // became shorter meanwhile
      if (k > 0) n += (size_t)k;
    }
  }
  close(fd);
  if (ok) ok = ow_png_read_memory(out, data, n, path, e);
  ow_free(data);
  return ok;
}

// ---- writing -------------------------------------------------------------------------------

static void give_bytes(png_structp png, png_bytep data, size_t n) {
  codec *c = png_get_io_ptr(png);
  if (!ow_replace_write(&c->file, data, n, c->e)) codec_fail(c);
}
static void flush_nothing(png_structp png) { (void)png; }

static void encode(codec *c, int bits, int level) {
  static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  png_structp png = c->png;
  int channels = c->t.ndim == 3 ? (int)c->t.shape[2] : 1;
  size_t h = (size_t)c->t.shape[0], line = (size_t)c->t.shape[1] * (size_t)channels;
  png_set_write_fn(png, c, give_bytes, flush_nothing);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  if (level >= 0) png_set_compression_level(png, level);
  png_set_IHDR(png, c->info, (png_uint_32)c->t.shape[1], (png_uint_32)c->t.shape[0], bits, types[channels],
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, c->info);
  if (bits == 16 && !(c->wide = ow_alloc_array(line, 2, c->e))) codec_fail(c);
  for (size_t y = 0; y < h; y++) {
    if (!(y & 63)) poll(c);
    if (bits == 8) {
      png_write_row(png, (unsigned char *)ow_tensor_data(&c->t) + y * line);
      continue;
    }
    const int32_t *from = (const int32_t *)ow_tensor_data(&c->t) + y * line;
    unsigned char *b = c->wide;
    for (size_t i = 0; i < line; i++) {  // high byte first
      b[2 * i] = (unsigned char)(from[i] >> 8);
      b[2 * i + 1] = (unsigned char)(from[i] & 255);
    }
    png_write_row(png, b);
  }
  png_write_end(png, c->info);
}

// Range of 16-bit samples; the cast to u8 has checked those of 8.
static bool check_range(const ow_tensor *t, ow_err *e) {
  const int32_t *v = ow_tensor_data(t);
  int64_t n = ow_tensor_numel(t);
  for (int64_t i = 0; i < n; i++)
    if (v[i] < 0 || v[i] > 65535)
      return OW_FAIL(e, OW_EARG, "a 16-bit PNG image holds 0 to 65535, got %d at element %lld", v[i], (long long)i + 1);
  return true;
}

bool ow_png_write_file(const ow_tensor *t, const char *path, int bits, int level, ow_err *e) {
  char buf[160];
  bool shaped = t->ndim == 2 || (t->ndim == 3 && t->shape[2] >= 1 && t->shape[2] <= 4);
  if (!shaped || t->shape[0] < 1 || t->shape[1] < 1 || t->shape[0] > 0x7fffffff || t->shape[1] > 0x7fffffff)
    return OW_FAIL(e, OW_ESHAPE, "image: expected a shape H x W or H x W x C with C = 1 to 4, got %s",
                   ow_shape_string(buf, t->ndim, t->shape));
  codec c = {.name = path, .e = e};
  codec *volatile p = &c;
  c.file.fd = -1;
  if (!ow_tensor_cast(&c.t, t, bits == 8 ? OW_U8 : OW_I32, false, e)) return false;
  if ((bits == 16 && !check_range(&c.t, e)) || !ow_replace_begin(&c.file, path, e)) {
    ow_tensor_close(&c.t);
    return false;
  }
  c.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning);
  if (c.png) c.info = png_create_info_struct(c.png);
  if (!c.info) c.failed = true, OW_FAIL(e, OW_EMEM, "%s: libpng could not start", path);
  else if (!setjmp(png_jmpbuf(c.png))) encode(p, bits, level);
  png_destroy_write_struct(&p->png, &p->info);
  ow_free(p->wide);
  ow_tensor_close(&p->t);
  bool ok = !p->failed && ow_replace_commit(&p->file, e);
  ow_replace_abort(&p->file);
  return ok;
}
