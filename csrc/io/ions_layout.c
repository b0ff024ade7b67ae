// Layouts of .pos, .epos, .ato and .apt.
#include "io/ions_layout.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { HOST_BIG = 1 };
#else
enum { HOST_BIG = 0 };
#endif

static void column(ow_ions *f, const char *name, const char *unit, char type, int size, int64_t at, int64_t step, double scale) {
  if (f->ncol == OW_IONS_MAXCOL) return;
  ow_ions_column *c = &f->col[f->ncol++];
  snprintf(c->name, sizeof c->name, "%s", name);
  snprintf(c->unit, sizeof c->unit, "%s", unit);
  c->type = type, c->size = size, c->at = at, c->step = step, c->scale = scale;
}

static bool count_records(ow_ions *f, int64_t header, int64_t record, bool partial, ow_err *e) {
  int64_t body = f->bytes - header;
  if (body < record)
    return OW_FAIL(e, OW_EFORMAT, "%.300s: %lld bytes are less than one %s record (%lld bytes%s)", f->path, (long long)f->bytes,
                   f->format, (long long)record, header ? " after the header" : "");
  f->n = body / record;
  f->trailing = body % record;
  if (!f->trailing || partial) return true;
  OW_FAIL(e, OW_EFORMAT, "%.300s: %lld bytes are not whole .%s records of %lld bytes: the file is cut off after ion %lld", f->path,
          (long long)f->bytes, f->format, (long long)record, (long long)f->n);
  return ow_hint(e, "partial = true reads the %lld whole records", (long long)f->n);
}

static const char *const position[4][2] = {{"x", "nm"}, {"y", "nm"}, {"z", "nm"}, {"mass", "Da"}};

bool ow_ions_layout_pos(ow_ions *f, bool partial, ow_err *e) {
  f->format = "pos";
  f->swap = !HOST_BIG;
  for (int c = 0; c < 4; c++) column(f, position[c][0], position[c][1], 'f', 4, c * 4, 16, 1);
  return count_records(f, 0, 16, partial, e);
}

bool ow_ions_layout_epos(ow_ions *f, bool partial, ow_err *e) {
  static const char *const more[7][2] = {{"time_of_flight", "ns"}, {"voltage", "kV"},     {"pulse_voltage", "kV"}, {"detector_x", "mm"},
                                         {"detector_y", "mm"},     {"pulse_delta", ""}, {"hits", ""}};
  f->format = "epos";
  f->swap = !HOST_BIG;
  for (int c = 0; c < 4; c++) column(f, position[c][0], position[c][1], 'f', 4, c * 4, 44, 1);
  for (int c = 0; c < 7; c++) column(f, more[c][0], more[c][1], c < 5 ? 'f' : 'u', 4, 16 + c * 4, 44, 1);
  return count_records(f, 0, 44, partial, e);
}

static bool header_bytes(ow_ions *f, void *dst, size_t n, int64_t at, ow_err *e) {
  if (at < 0 || at > f->bytes || f->bytes - at < (int64_t)n)
    return OW_FAIL(e, OW_EFORMAT, "%.300s: the file ends inside a header (byte %lld of %lld)", f->path, (long long)at, (long long)f->bytes);
  ssize_t k = pread(f->fd, dst, n, (off_t)at);
  if (k < 0) return ow_fail_errno(e, f->path, "read");
  if (k != (ssize_t)n) return OW_FAIL(e, OW_EFORMAT, "%.300s: the file ends inside a header", f->path);
  return true;
}

static uint32_t le32(const unsigned char *p) { return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]; }
static uint64_t le64(const unsigned char *p) { return (uint64_t)le32(p + 4) << 32 | le32(p); }

bool ow_ions_layout_ato(ow_ions *f, bool partial, ow_err *e) {
  static const char *const v3[10][2] = {{"cluster", ""},    {"pulse", ""},      {"voltage", "kV"},       {"time_of_flight", "us"}, {"detector_x", "cm"},
                                        {"detector_y", "cm"}, {"amplitude", ""}, {"pulse_voltage", "kV"}, {"fourier_r", ""},        {"fourier_i", ""}};
  unsigned char head[8];
  f->format = "ato";
  f->swap = HOST_BIG;
  if (!header_bytes(f, head, 8, 0, e)) return false;
  f->version = (int)le32(head + 4);
  if (f->version == 3) {
    for (int c = 0; c < 3; c++) column(f, position[c][0], "nm", 'f', 4, 8 + c * 4, 56, 0.1);
    column(f, "mass", "Da", 'f', 4, 8 + 12, 56, 1);
    for (int c = 0; c < 10; c++) column(f, v3[c][0], v3[c][1], 'f', 4, 8 + 16 + c * 4, 56, 1);
    return count_records(f, 8, 56, partial, e);
  }
  if (f->version == 5) {
    column(f, "x", "nm", 'i', 2, 5000, 40, 0.01);
    column(f, "y", "nm", 'i', 2, 5002, 40, 0.01);
    column(f, "z", "nm", 'f', 4, 5004, 40, 0.1);
    column(f, "mass", "Da", 'f', 4, 5008, 40, 1);
    return count_records(f, 5000, 40, partial, e);
  }
  return OW_FAIL(e, OW_EFORMAT, "%.300s: .ato version %d; 3 and 5 are known (or this is no .ato file)", f->path, f->version);
}

// UTF-16 text of n characters as ASCII ('?' for the rest), up to its end.
static void utf16(char *dst, size_t cap, const unsigned char *p, int n) {
  size_t k = 0;
  for (int i = 0; i < n && k + 1 < cap; i++) {
    unsigned c = p[2 * i] | (unsigned)p[2 * i + 1] << 8;
    if (!c) break;
    dst[k++] = c >= 32 && c < 127 ? (char)c : '?';
  }
  dst[k] = 0;
}

// The user's names for the sections that every analysis asks for.
static const char *apt_name(const char *section) {
  static const char *const names[][2] = {{"Mass", "mass"}, {"tof", "time_of_flight"}, {"Epos ToF", "time_of_flight"}, {"Voltage", "voltage"},
                                         {"pulse", "pulse"}, {"Multiplicity", "hits"}, {"Delta Pulse", "pulse_delta"}, {"freq", "frequency"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(section, names[i][0])) return names[i][1];
  return section;
}

enum { APT_HEADER = 540, SECTION = 148 };

static bool apt_section(ow_ions *f, int64_t at, int64_t *next, ow_err *e) {
  unsigned char h[SECTION];
  if (!header_bytes(f, h, SECTION, at, e)) return false;
  char name[33], unit[17];
  utf16(name, sizeof name, h + 12, 32);
  utf16(unit, sizeof unit, h + 100, 16);
  if (memcmp(h, "SEC\0", 4)) return OW_FAIL(e, OW_EFORMAT, "%.300s: no section begins at byte %lld: the file is damaged", f->path, (long long)at);
  int64_t head = (int64_t)le32(h + 4);
  uint32_t record_type = le32(h + 84), type = le32(h + 88), bits = le32(h + 92), record = le32(h + 96);
  uint64_t count = le64(h + 132), bytes = le64(h + 140);
  if (head < SECTION || head > f->bytes - at)
    return OW_FAIL(e, OW_EFORMAT, "%.300s: section %s: header of %lld bytes", f->path, name, (long long)head);
  int64_t data = at + head;
  if (bytes > (uint64_t)(f->bytes - data))
    return OW_FAIL(e, OW_EFORMAT, "%.300s: section %s wants %llu bytes, the file has %lld left: it is cut off", f->path, name,
                   (unsigned long long)bytes, (long long)(f->bytes - data));
  *next = data + (int64_t)bytes;
  int size = (int)(bits / 8);
  bool plain = record_type == 1 && (type == 1 || type == 2 || type == 3) && (size == 1 || size == 2 || size == 4 || size == 8) &&
               (type != 3 || size >= 4) && record >= (uint32_t)size && record <= 1024 && record % (uint32_t)size == 0;
  // one value (or a few) per ion; anything else is not ours to read
  if (!plain || count != (uint64_t)f->n || count > bytes / record) return true;
  char kind = type == 1 ? 'i' : type == 2 ? 'u' : 'f';
  int parts = (int)(record / (uint32_t)size);
  for (int p = 0; p < parts; p++) {
    char full[72];
    if (parts == 3 && !strcmp(name, "Position")) snprintf(full, sizeof full, "%s", position[p][0]);
    else if (parts == 2 && !strcmp(name, "Detector Coordinates")) snprintf(full, sizeof full, "detector_%c", 'x' + p);
    else if (parts == 1) snprintf(full, sizeof full, "%s", apt_name(name));
    else snprintf(full, sizeof full, "%s %d", name, p + 1);
    column(f, full, unit, kind, size, data + p * size, record, 1);
  }
  return true;
}

bool ow_ions_layout_apt(ow_ions *f, ow_err *e) {
  unsigned char h[APT_HEADER];
  f->format = "apt";
  f->swap = HOST_BIG;
  if (!header_bytes(f, h, APT_HEADER, 0, e)) return false;
  if (memcmp(h, "APT\0", 4)) return OW_FAIL(e, OW_EFORMAT, "%.300s: no .apt file (it does not begin with \"APT\")", f->path);
  int64_t at = (int64_t)le32(h + 4);
  f->version = (int)le32(h + 8);
  uint64_t n = le64(h + 532);
  if (f->version != 2) return OW_FAIL(e, OW_EFORMAT, "%.300s: .apt header version %d; version 2 is known", f->path, f->version);
  if (at < APT_HEADER) return OW_FAIL(e, OW_EFORMAT, "%.300s: .apt header of %lld bytes", f->path, (long long)at);
  if (!n || n > (uint64_t)f->bytes) return OW_FAIL(e, OW_EFORMAT, "%.300s: %llu ions in %lld bytes: the file is damaged", f->path, (unsigned long long)n, (long long)f->bytes);
  f->n = (int64_t)n;
  while (at < f->bytes)
    if (!apt_section(f, at, &at, e)) return false;
  // positions first, so that both orders are judged by them
  for (int want = 0; want < 4; want++) {
    int c = ow_ions_find(f, position[want][0]);
    if (c < 0) return OW_FAIL(e, OW_EFORMAT, "%.300s: no section holds %s for the %lld ions", f->path, want < 3 ? "Position" : "Mass", (long long)f->n);
    ow_ions_column t = f->col[c];
    memmove(&f->col[want + 1], &f->col[want], (size_t)(c - want) * sizeof t);
    f->col[want] = t;
  }
  return true;
}
