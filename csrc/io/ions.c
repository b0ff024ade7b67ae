// Opening and reading; the formats' layouts are in ions_layout.c.
#include "io/ions.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/replace.h"
#include "base/sys.h"
#include "base/threads.h"
#include "io/ions_layout.h"

enum { BLOCK = 1 << 22, SAMPLES = 4096 };

static bool pread_all(const ow_ions *f, void *dst, size_t n, int64_t at, ow_err *e) {
  char *p = dst;
  while (n) {
    ssize_t k = pread(f->fd, p, n, (off_t)at);
    if (k < 0 && errno == EINTR) {
      if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
      continue;
    }
    if (k < 0) return ow_fail_errno(e, f->path, "read");
    if (k == 0) return OW_FAIL(e, OW_EFORMAT, "%.300s: the file became shorter while it was read", f->path);
    p += k, at += k, n -= (size_t)k;
  }
  return true;
}

static double decode(const unsigned char *p, const ow_ions_column *c, bool swap, int64_t *integer) {
  unsigned char b[8];
  for (int i = 0; i < c->size; i++) b[i] = p[swap ? c->size - 1 - i : i];
  if (c->type == 'f') {
    double d;
    float s;
    if (c->size == 8) memcpy(&d, b, 8);
    else memcpy(&s, b, 4), d = s;
    return d * c->scale;
  }
  uint64_t u = 0;
  for (int i = c->size - 1; i >= 0; i--) u = u << 8 | b[i];  // b is little-endian now
  int64_t v = (int64_t)u;
  if (c->type == 'i' && c->size < 8) v = (int64_t)(u << (64 - 8 * c->size)) >> (64 - 8 * c->size);
  *integer = v;
  return (double)v * c->scale;
}

bool ow_ions_read(const ow_ions *f, int k, const int *cols, int64_t first, int64_t count, const ow_tensor *dst, ow_err *e) {
  if (f->fd < 0) return OW_FAIL(e, OW_EARG, "%.300s is closed", f->path ? f->path : "the file");
  if (first < 0 || count < 0 || first > f->n || count > f->n - first)
    return OW_FAIL(e, OW_EARG, "ions %lld to %lld: the file has %lld", (long long)first + 1, (long long)(first + count), (long long)f->n);
  size_t esize = ow_dtype_size(dst->dtype);
  char *out = ow_tensor_data(dst);
  // Columns of one record are read together; a column block of its own has its own step.
  for (int j = 0; j < k;) {
    const ow_ions_column *a = &f->col[cols[j]];
    int64_t lo = a->at, hi = a->at + a->size;
    int last = j + 1;
    for (; last < k; last++) {
      const ow_ions_column *b = &f->col[cols[last]];
      int64_t l = b->at < lo ? b->at : lo, h = b->at + b->size > hi ? b->at + b->size : hi;
      if (b->step != a->step || h - l > a->step) break;
      lo = l, hi = h;
    }
    int64_t block = BLOCK / a->step > 0 ? BLOCK / a->step : 1;
    if (block > count) block = count;
    unsigned char *buffer = count ? ow_alloc((size_t)(block * a->step), e) : NULL;
    if (count && !buffer) return false;
    bool ok = true;
    for (int64_t i0 = 0; ok && i0 < count; i0 += block) {
      int64_t m = count - i0 < block ? count - i0 : block;
      ok = ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted")
                            : pread_all(f, buffer, (size_t)((m - 1) * a->step + hi - lo), lo + (first + i0) * a->step, e);
      if (!ok) break;
      for (int q = j; q < last; q++) {
        const ow_ions_column *c = &f->col[cols[q]];
        const unsigned char *p = buffer + (c->at - lo);
        char *o = out + (size_t)(i0 * k + q) * esize;
#pragma omp parallel for num_threads(ow_threads()) if (m > OW_GRAIN) schedule(static)
        for (int64_t i = 0; i < m; i++) {
          int64_t v = 0;
          double d = decode(p + i * c->step, c, f->swap, &v);
          char *to = o + (size_t)(i * k) * esize;
          float s = (float)d;
          if (dst->dtype == OW_I64) memcpy(to, &v, 8);
          else if (dst->dtype == OW_F64) memcpy(to, &d, 8);
          else memcpy(to, &s, 4);
        }
      }
    }
    ow_free(buffer);
    if (!ok) return false;
    j = last;
  }
  return true;
}

// A coordinate or mass that no instrument gives: not finite, huge, or a denormal.
static bool absurd(double v) { return !isfinite(v) || fabs(v) > 1e7 || (v != 0 && fabs(v) < 1e-25); }

// Shares of absurd values among evenly spaced samples, in the stated and in the other order.
static bool sample_order(ow_ions *f, double share[2], ow_err *e) {
  int64_t step = f->n / SAMPLES + 1, seen = 0, bad[2] = {0, 0};
  for (int64_t i = 0; i < f->n; i += step)
    for (int j = 0; j < 4 && j < f->ncol; j++) {
      const ow_ions_column *c = &f->col[j];
      unsigned char b[8];
      int64_t v;
      if (c->type != 'f') continue;
      if (!pread_all(f, b, (size_t)c->size, c->at + i * c->step, e)) return false;
      seen++;
      for (int o = 0; o < 2; o++) bad[o] += absurd(decode(b, c, o ? !f->swap : f->swap, &v));
    }
  for (int o = 0; o < 2; o++) share[o] = seen ? (double)bad[o] / (double)seen : 0;
  return true;
}

// Voltages above any instrument's kilovolts are volts.
static bool find_volts(ow_ions *f, ow_err *e) {
  int c = ow_ions_find(f, "voltage"), p = ow_ions_find(f, "pulse_voltage");
  if (strcmp(f->format, "epos") || c < 0 || !f->n) return true;
  double sum = 0;
  int64_t step = f->n / SAMPLES + 1, seen = 0, v;
  for (int64_t i = 0; i < f->n; i += step, seen++) {
    unsigned char b[4];
    if (!pread_all(f, b, 4, f->col[c].at + i * f->col[c].step, e)) return false;
    double d = decode(b, &f->col[c], f->swap, &v);
    sum += isfinite(d) ? fabs(d) : 0;
  }
  f->volts = sum / (double)seen > 50;
  if (f->volts) f->col[c].scale = f->col[p].scale = 1e-3;
  return true;
}

static const char *ending(const char *path) {
  const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
  return dot && (!slash || dot > slash) ? dot + 1 : "";
}

static bool lay_out(ow_ions *f, const char *format, bool partial, ow_err *e) {
  if (!strcasecmp(format, "pos")) return ow_ions_layout_pos(f, partial, e);
  if (!strcasecmp(format, "epos")) return ow_ions_layout_epos(f, partial, e);
  if (!strcasecmp(format, "ato")) return ow_ions_layout_ato(f, partial, e);
  if (!strcasecmp(format, "apt")) return ow_ions_layout_apt(f, e);
  OW_FAIL(e, OW_EARG, "%.300s: \"%.20s\" is no atom probe format of ours", f->path, format);
  return ow_hint(e, "give format = \"pos\", \"epos\", \"ato\" or \"apt\"");
}

bool ow_ions_open(ow_ions *f, const char *path, const char *format, bool partial, ow_err *e) {
  memset(f, 0, sizeof *f);
  f->fd = -1;
  f->path = strdup(path);
  if (!f->path) return OW_FAIL(e, OW_EMEM, "no memory for a path");
  struct stat st;
  f->fd = open(path, O_RDONLY | O_CLOEXEC);
  bool ok = f->fd >= 0 ? true : ow_fail_errno(e, path, "open");
  if (ok && fstat(f->fd, &st)) ok = ow_fail_errno(e, path, "open");
  if (ok && !S_ISREG(st.st_mode)) ok = OW_FAIL(e, OW_EIO, "%.300s: not a regular file", path);
  if (ok) {
    f->bytes = (int64_t)st.st_size;
    if (!f->bytes) ok = OW_FAIL(e, OW_EFORMAT, "%.300s: the file is empty", path);
  }
  ok = ok && lay_out(f, format ? format : ending(path), partial, e);
  double share[2];
  ok = ok && sample_order(f, share, e);
  if (ok && share[0] > 0.1 && share[1] < 0.01 && share[1] < share[0] / 4) f->swap = !f->swap, f->foreign_order = true;
  else if (ok && share[0] > 0.5) {
    ok = OW_FAIL(e, OW_EFORMAT, "%.300s: %.0f %% of the values are not finite or absurd: this is no .%s file", path, 100 * share[0], f->format);
    ow_hint(e, "check the format; give format = \"...\" when the ending misleads");
  }
  ok = ok && find_volts(f, e);
  if (!ok) ow_ions_close(f);
  return ok;
}

void ow_ions_close(ow_ions *f) {
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
  free(f->path);
  f->path = NULL;
}

int ow_ions_find(const ow_ions *f, const char *name) {
  for (int c = 0; c < f->ncol; c++)
    if (!strcmp(f->col[c].name, name)) return c;
  return -1;
}

bool ow_ions_write_pos(const char *path, const ow_tensor *xyz, const ow_tensor *mass, ow_err *e) {
  int64_t n = mass->shape[0], block = BLOCK / 16;
  const float *p = ow_tensor_data(xyz), *m = ow_tensor_data(mass);
  unsigned char *buffer = ow_alloc(BLOCK, e);
  ow_replace r;
  if (!buffer) return false;
  bool ok = ow_replace_begin(&r, path, e);
  if (!ok) return ow_free(buffer), false;
  for (int64_t i0 = 0; ok && i0 < n; i0 += block) {
    int64_t k = n - i0 < block ? n - i0 : block;
    for (int64_t i = 0; i < k; i++)
      for (int d = 0; d < 4; d++) {
        uint32_t u;
        memcpy(&u, d < 3 ? &p[(i0 + i) * 3 + d] : &m[i0 + i], 4);
        unsigned char *b = buffer + i * 16 + d * 4;
        b[0] = (unsigned char)(u >> 24), b[1] = (unsigned char)(u >> 16), b[2] = (unsigned char)(u >> 8), b[3] = (unsigned char)u;
      }
    ok = ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : ow_replace_write(&r, buffer, (size_t)k * 16, e);
  }
  ok = ok && ow_replace_commit(&r, e);
  if (!ok) ow_replace_abort(&r);
  ow_free(buffer);
  return ok;
}
