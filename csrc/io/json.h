// JSON (RFC 8259): a pull reader and the string escaper of the writer. Nothing here knows Lua.
#ifndef OW_IO_JSON_H
#define OW_IO_JSON_H
#include "io/text.h"

enum { OW_JSON_DEPTH = 512 };

typedef enum {
  OW_JSON_ERROR,
  OW_JSON_END,
  OW_JSON_OBJECT, OW_JSON_OBJECT_END,
  OW_JSON_ARRAY, OW_JSON_ARRAY_END,
  OW_JSON_KEY, OW_JSON_STRING,  // text
  OW_JSON_INT, OW_JSON_FLOAT,   // number
  OW_JSON_TRUE, OW_JSON_FALSE, OW_JSON_NULL,
} ow_json_token;

typedef struct {
  const char *s;
  size_t n, at;
  const char *text;  // of the last key or string: into s, or into scratch when it had escapes
  size_t text_len;
  ow_number number;
  ow_text scratch;
  int depth;
  unsigned char open[OW_JSON_DEPTH];  // '{' or '['
  int expect;                         // what may come next; see json.c
} ow_json_reader;

void ow_json_init(ow_json_reader *r, const char *s, size_t n);  // s must stay alive
ow_json_token ow_json_next(ow_json_reader *r, ow_err *e);       // after ERROR or END: do not call again
void ow_json_free(ow_json_reader *r);                           // idempotent

// Appends "..." with escapes; bytes that are not UTF-8 become U+FFFD.
bool ow_json_quote(ow_text *out, const char *s, size_t n, ow_err *e);
// NaN and infinities become null; a float stays a float ("1.0").
bool ow_json_f64(ow_text *out, double v, ow_err *e);

#endif
