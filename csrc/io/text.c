// Reading numbers: up to 19 digits are gathered in a 64-bit integer w; then
//   w < 2^53 and |e| <= 22: one exact double operation (Clinger, PLDI 1990);
//   |e| <= 27 and an 80-bit long double: w and 10^|e| are exact there, one operation rounds
//   to 64 bits, and rounding again to 53 is right unless the eleven bits dropped are within
//   one of a half, where we cannot tell;
//   everything else goes to strtod in the C locale.
#define _GNU_SOURCE  // strtod_l
#include "io/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

bool ow_text_reserve(ow_text *t, size_t more, ow_err *e) {
  if (more <= t->cap - t->len) return true;
  size_t want;
  if (__builtin_add_overflow(t->len, more, &want)) return OW_FAIL(e, OW_EMEM, "text too long");
  if (want < 2 * t->cap) want = 2 * t->cap;
  if (want < 256) want = 256;
  char *p = ow_realloc(t->data, want, e);
  if (!p) return false;
  t->data = p;
  t->cap = want;
  return true;
}

bool ow_text_put(ow_text *t, const void *bytes, size_t n, ow_err *e) {
  if (!ow_text_reserve(t, n, e)) return false;
  if (n) memcpy(t->data + t->len, bytes, n);
  t->len += n;
  return true;
}

bool ow_text_puts(ow_text *t, const char *s, ow_err *e) { return ow_text_put(t, s, strlen(s), e); }
bool ow_text_putc(ow_text *t, char c, ow_err *e) { return ow_text_put(t, &c, 1, e); }

bool ow_text_fill(ow_text *t, char c, size_t n, ow_err *e) {
  if (!ow_text_reserve(t, n, e)) return false;
  if (n) memset(t->data + t->len, c, n);
  t->len += n;
  return true;
}

void ow_text_free(ow_text *t) {
  ow_free(t->data);
  memset(t, 0, sizeof *t);
}

// ---- writing -------------------------------------------------------------------------------

static locale_t c_locale;
static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }
static locale_t get_c_locale(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_c_locale);
  return c_locale;
}

static double to_double(const char *s) {
  locale_t c = get_c_locale();
  return c ? strtod_l(s, NULL, c) : strtod(s, NULL);
}

static int format(char buf[OW_NUMBER_MAX], double v, bool mark, bool single) {
  if (isnan(v)) return (int)strlen(strcpy(buf, "nan"));
  if (isinf(v)) return (int)strlen(strcpy(buf, v < 0 ? "-inf" : "inf"));
  int n = 0;
  if (v == trunc(v) && fabs(v) < 1e15) {
    n = snprintf(buf, OW_NUMBER_MAX, "%s%lld", signbit(v) && v == 0 ? "-" : "", (long long)v);
  } else {
    for (int digits = single ? 6 : 15, most = single ? 9 : 17; digits <= most; digits++) {
      n = snprintf(buf, OW_NUMBER_MAX, "%.*g", digits, v);
      // Whatever the locale's decimal sign is, one byte or more, it becomes a point.
      char *p = buf + (buf[0] == '-');
      while (*p >= '0' && *p <= '9') p++;
      if (*p && *p != 'e' && *p != '.') {
        char *q = p;
        while (*q && *q != 'e' && !(*q >= '0' && *q <= '9')) q++;
        *p = '.';
        memmove(p + 1, q, strlen(q) + 1);
        n = (int)strlen(buf);
      }
      if (digits == most || (single ? (float)to_double(buf) == (float)v : to_double(buf) == v)) break;
    }
  }
  if (mark && !strpbrk(buf, ".e")) {
    memcpy(buf + n, ".0", 3);
    n += 2;
  }
  return n;
}

int ow_format_f64(char buf[OW_NUMBER_MAX], double v, bool mark) { return format(buf, v, mark, false); }
int ow_format_f32(char buf[OW_NUMBER_MAX], float v, bool mark) { return format(buf, (double)v, mark, true); }
int ow_format_i64(char buf[OW_NUMBER_MAX], int64_t v) { return snprintf(buf, OW_NUMBER_MAX, "%lld", (long long)v); }

// ---- reading -------------------------------------------------------------------------------

static double slow_number(const char *s, size_t n, char point) {
  char small[128], *big = NULL, *b = small;
  if (n >= sizeof small) {
    b = big = malloc(n + 1);
    if (!b) return NAN;
  }
  memcpy(b, s, n);
  b[n] = 0;
  if (point != '.') {
    char *p = memchr(b, point, n);
    if (p) *p = '.';
  }
  double v = to_double(b);
  free(big);
  return v;
}

static bool scale(uint64_t w, int e, double *v) {
  static const double p10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (w < (uint64_t)1 << 53 && e >= -22 && e <= 22) {
    *v = e < 0 ? (double)w / p10[-e] : (double)w * p10[e];
    return true;
  }
#if LDBL_MANT_DIG == 64
  static const long double q10[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                    1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                    1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
  if (w && e >= -27 && e <= 27) {
    long double x = e < 0 ? (long double)w / q10[-e] : (long double)w * q10[e];
    uint64_t m;
    memcpy(&m, &x, 8);  // the 64-bit significand of an x87 number
    int low = (int)(m & 2047);
    if (low >= 1023 && low <= 1025) return false;
    *v = (double)x;
    return true;
  }
#endif
  return false;
}

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static ow_number number_word(const char *s, size_t n) {
  ow_number r = {.kind = OW_NUMBER_FLOAT};
  bool neg = n && s[0] == '-';
  if (n && (s[0] == '-' || s[0] == '+')) s++, n--;
  if (n == 3 && !strncasecmp(s, "nan", 3)) r.f = NAN;
  else if ((n == 3 && !strncasecmp(s, "inf", 3)) || (n == 8 && !strncasecmp(s, "infinity", 8))) r.f = neg ? -INFINITY : INFINITY;
  else r.kind = OW_NOT_A_NUMBER, r.f = NAN;
  return r;
}

ow_number ow_parse_number(const char *s, size_t n, char point, bool words) {
  const char *p = s, *end = s + n;
  ow_number r = {.kind = OW_NOT_A_NUMBER, .f = NAN};
  bool neg = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  uint64_t w = 0;
  int64_t digits = 0, dropped = 0, frac = 0;  // digits in w; integer digits left out; digits of w after the point
  bool any = false, is_float = false, inexact = false;
  for (; p < end && is_digit(*p); p++) {
    any = true;
    if (digits < 19) { w = w * 10 + (uint64_t)(*p - '0'); digits += w != 0; }
    else { dropped++; inexact |= *p != '0'; }
  }
  if (p < end && *p == point) {
    is_float = true;
    for (p++; p < end && is_digit(*p); p++) {
      any = true;
      if (digits < 19) { w = w * 10 + (uint64_t)(*p - '0'); digits += w != 0; frac++; }
      else inexact |= *p != '0';
    }
  }
  if (!any) return words ? number_word(s, n) : r;
  int64_t ex = 0;
  if (p < end && (*p == 'e' || *p == 'E')) {
    is_float = true;
    p++;
    bool eneg = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return r;
    for (; p < end && is_digit(*p); p++)
      if (ex < 1000000000) ex = ex * 10 + (*p - '0');
    if (eneg) ex = -ex;
  }
  if (p != end) return r;
  if (!is_float && !dropped && !(neg && w == 0)) {
    if (w <= (uint64_t)INT64_MAX + neg) {
      r.kind = OW_NUMBER_INT;
      r.i = neg ? (int64_t)(0 - w) : (int64_t)w;
      r.f = (double)r.i;
      return r;
    }
  }
  r.kind = OW_NUMBER_FLOAT;
  if (w == 0 && !inexact) {
    r.f = neg ? -0.0 : 0.0;
    return r;
  }
  ex += dropped - frac;
  double v;
  if (!inexact && ex >= -27 && ex <= 27 && scale(w, (int)ex, &v)) r.f = neg ? -v : v;
  else r.f = slow_number(s, n, point);
  if (isinf(r.f)) r.kind = OW_NUMBER_RANGE;
  if (isnan(r.f)) r.kind = OW_NOT_A_NUMBER;  // out of memory for a number of absurd length
  return r;
}

// ---- UTF-8 ---------------------------------------------------------------------------------

int ow_utf8_at(const char *str, size_t n) {
  const unsigned char *s = (const unsigned char *)str;
  if (s[0] < 0x80) return 1;
  if (s[0] < 0xC2) return 0;
#define CONT(i) ((s[i] & 0xC0) == 0x80)
  if (s[0] < 0xE0) return n >= 2 && CONT(1) ? 2 : 0;
  if (s[0] < 0xF0) {
    if (n < 3 || !CONT(1) || !CONT(2)) return 0;
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0;  // overlong
    if (s[0] == 0xED && s[1] > 0x9F) return 0;  // surrogate
    return 3;
  }
  if (s[0] > 0xF4 || n < 4 || !CONT(1) || !CONT(2) || !CONT(3)) return 0;
  if (s[0] == 0xF0 && s[1] < 0x90) return 0;
  if (s[0] == 0xF4 && s[1] > 0x8F) return 0;
  return 4;
#undef CONT
}

size_t ow_utf8_valid(const char *s, size_t n) {
  size_t i = 0;
  while (i < n) {
    int k = (unsigned char)s[i] < 0x80 ? 1 : ow_utf8_at(s + i, n - i);
    if (!k) break;
    i += (size_t)k;
  }
  return i;
}

char *ow_quote(char *buf, size_t size, const char *s, size_t n) {
  size_t o = 0, i = 0;
  while (i < n) {
    int k = ow_utf8_at(s + i, n - i), w = k ? k : 1;
    if (o + (size_t)w + 4 > size) { memcpy(buf + o, "...", 3); o += 3; break; }
    if (k == 0 || (unsigned char)s[i] < 32 || s[i] == 127) buf[o++] = '?';
    else { memcpy(buf + o, s + i, (size_t)k); o += (size_t)k; }
    i += (size_t)w;
  }
  buf[o] = 0;
  return buf;
}
