// Text in and out, exactly: a growing byte buffer, doubles written so that they read back
// to the same bits, numbers read with correct rounding whatever the locale, UTF-8 checks.
#ifndef OW_IO_TEXT_H
#define OW_IO_TEXT_H
#include <stdint.h>

#include "base/err.h"

typedef struct {
  char *data;  // not terminated
  size_t len, cap;
} ow_text;
bool ow_text_put(ow_text *t, const void *bytes, size_t n, ow_err *e);
bool ow_text_puts(ow_text *t, const char *s, ow_err *e);
bool ow_text_putc(ow_text *t, char c, ow_err *e);
bool ow_text_fill(ow_text *t, char c, size_t n, ow_err *e);
bool ow_text_reserve(ow_text *t, size_t more, ow_err *e);
void ow_text_free(ow_text *t);  // idempotent

enum { OW_NUMBER_MAX = 32 };  // longest output of the two below, with the final zero
// Shortest of %.15g %.16g %.17g that reads back to v; "nan", "inf", "-inf".
// `mark`: adds ".0" to what would read as an integer. Returns the length.
int ow_format_f64(char buf[OW_NUMBER_MAX], double v, bool mark);
int ow_format_f32(char buf[OW_NUMBER_MAX], float v, bool mark);  // %.6g to %.9g
int ow_format_i64(char buf[OW_NUMBER_MAX], int64_t v);

typedef enum {
  OW_NOT_A_NUMBER,
  OW_NUMBER_INT,    // digits only, fits into 64 bits
  OW_NUMBER_FLOAT,
  OW_NUMBER_RANGE,  // overflows a double
} ow_number_kind;
typedef struct {
  ow_number_kind kind;
  int64_t i;  // for OW_NUMBER_INT
  double f;   // always filled
} ow_number;
// Reads the whole of s[0..n): [+-]digits[.digits][e[+-]digits], `point` is the decimal sign;
// also nan, inf, infinity in any case when `words`. Correctly rounded.
ow_number ow_parse_number(const char *s, size_t n, char point, bool words);

// Length of the valid UTF-8 sequence at s (1..4); 0 when it is not valid. n >= 1.
int ow_utf8_at(const char *s, size_t n);
// Number of leading bytes that are valid UTF-8.
size_t ow_utf8_valid(const char *s, size_t n);
// Copies at most max bytes (cut at a character), control and invalid bytes as '?': for messages.
char *ow_quote(char *buf, size_t size, const char *s, size_t n);

#endif
