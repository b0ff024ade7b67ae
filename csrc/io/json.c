// A pull reader: each call gives the next token, the caller keeps the values, so no callback
// can jump out of the middle of us. The state between tokens is one word, `expect`, and the
// kinds of the open containers.
#include "io/json.h"

#include <math.h>
#include <string.h>

enum {
  VALUE,        // a value
  VALUE_OR_END, // just after '[': a value or ']'
  KEY_OR_END,   // just after '{': a key or '}'
  KEY,          // after ',' in an object
  AFTER,        // after a value: ',' or the closing bracket; the end at depth 0
};

void ow_json_init(ow_json_reader *r, const char *s, size_t n) {
  memset(r, 0, sizeof *r);
  r->s = s;
  r->n = n;
  r->expect = VALUE;
  if (n >= 3 && !memcmp(s, "\xEF\xBB\xBF", 3)) r->at = 3;
}

void ow_json_free(ow_json_reader *r) { ow_text_free(&r->scratch); }

// "line L, column C" of byte `at`; columns count characters.
static ow_json_token fail_at(ow_json_reader *r, size_t at, ow_err *e, const char *what) {
  size_t line = 1, col = 1;
  for (size_t i = 0; i < at && i < r->n; i++) {
    if (r->s[i] == '\n') line++, col = 1;
    else if (((unsigned char)r->s[i] & 0xC0) != 0x80) col++;
  }
  char near[40];
  if (at >= r->n) OW_FAIL(e, OW_EFORMAT, "line %zu, column %zu: %s, but the text ends", line, col, what);
  else
    OW_FAIL(e, OW_EFORMAT, "line %zu, column %zu: %s, got \"%s\"", line, col, what,
            ow_quote(near, sizeof near - 16, r->s + at, r->n - at < 20 ? r->n - at : 20));
  return OW_JSON_ERROR;
}

static int hex4(const char *s) {
  int v = 0;
  for (int i = 0; i < 4; i++) {
    char c = s[i];
    int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (d < 0) return -1;
    v = v * 16 + d;
  }
  return v;
}

static size_t put_utf8(char b[4], uint32_t u) {
  if (u < 0x80) { b[0] = (char)u; return 1; }
  if (u < 0x800) { b[0] = (char)(0xC0 | u >> 6); b[1] = (char)(0x80 | (u & 63)); return 2; }
  if (u < 0x10000) {
    b[0] = (char)(0xE0 | u >> 12); b[1] = (char)(0x80 | (u >> 6 & 63)); b[2] = (char)(0x80 | (u & 63));
    return 3;
  }
  b[0] = (char)(0xF0 | u >> 18); b[1] = (char)(0x80 | (u >> 12 & 63));
  b[2] = (char)(0x80 | (u >> 6 & 63)); b[3] = (char)(0x80 | (u & 63));
  return 4;
}

// r->at stands on the opening quote.
static ow_json_token read_string(ow_json_reader *r, ow_json_token kind, ow_err *e) {
  const char *s = r->s;
  size_t n = r->n, start = r->at + 1, i = start;
  r->scratch.len = 0;
  bool escaped = false;
  for (;;) {
    size_t run = i;
    while (i < n && s[i] != '"' && s[i] != '\\' && (unsigned char)s[i] >= 32) {
      int k = (unsigned char)s[i] < 0x80 ? 1 : ow_utf8_at(s + i, n - i);
      if (!k) return fail_at(r, i, e, "expected UTF-8 in a string");
      i += (size_t)k;
    }
    if (i >= n) return fail_at(r, n, e, "expected a closing '\"'");
    if (escaped && !ow_text_put(&r->scratch, s + run, i - run, e)) return OW_JSON_ERROR;
    if (s[i] == '"') break;
    if (s[i] != '\\') return fail_at(r, i, e, "expected a control character in a string to be escaped");
    if (!escaped) {
      escaped = true;
      if (!ow_text_put(&r->scratch, s + start, i - start, e)) return OW_JSON_ERROR;
    }
    char c = i + 1 < n ? s[i + 1] : 0, b[4];
    size_t len = 1, used = 2;
    switch (c) {
      case '"': case '\\': case '/': b[0] = c; break;
      case 'b': b[0] = '\b'; break;
      case 'f': b[0] = '\f'; break;
      case 'n': b[0] = '\n'; break;
      case 'r': b[0] = '\r'; break;
      case 't': b[0] = '\t'; break;
      case 'u': {
        int u = n - i >= 6 ? hex4(s + i + 2) : -1;
        if (u < 0) return fail_at(r, i, e, "expected four hexadecimal digits after \\u");
        used = 6;
        uint32_t code = (uint32_t)u;
        if (u >= 0xD800 && u <= 0xDFFF) {
          int lo = u <= 0xDBFF && n - i >= 12 && s[i + 6] == '\\' && s[i + 7] == 'u' ? hex4(s + i + 8) : -1;
          if (lo < 0xDC00 || lo > 0xDFFF) return fail_at(r, i, e, "expected a surrogate pair");
          code = 0x10000 + ((uint32_t)u - 0xD800) * 1024 + ((uint32_t)lo - 0xDC00);
          used = 12;
        }
        len = put_utf8(b, code);
        break;
      }
      default: return fail_at(r, i, e, "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
    }
    if (!ow_text_put(&r->scratch, b, len, e)) return OW_JSON_ERROR;
    i += used;
  }
  r->text = escaped ? r->scratch.data : s + start;
  r->text_len = escaped ? r->scratch.len : i - start;
  r->at = i + 1;
  return kind;
}

static ow_json_token read_number(ow_json_reader *r, ow_err *e) {
  const char *s = r->s;
  size_t i = r->at, n = r->n;
  if (s[i] == '-') i++;
  if (i >= n || s[i] < '0' || s[i] > '9') return fail_at(r, i, e, "expected a digit");
  if (s[i] == '0' && i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '9')
    return fail_at(r, r->at, e, "expected a number without leading zeros");
  while (i < n && s[i] >= '0' && s[i] <= '9') i++;
  if (i < n && s[i] == '.') {
    size_t d = ++i;
    while (i < n && s[i] >= '0' && s[i] <= '9') i++;
    if (i == d) return fail_at(r, i, e, "expected a digit after the point");
  }
  if (i < n && (s[i] == 'e' || s[i] == 'E')) {
    i++;
    if (i < n && (s[i] == '+' || s[i] == '-')) i++;
    size_t d = i;
    while (i < n && s[i] >= '0' && s[i] <= '9') i++;
    if (i == d) return fail_at(r, i, e, "expected a digit in the exponent");
  }
  r->number = ow_parse_number(s + r->at, i - r->at, '.', false);
  if (r->number.kind == OW_NUMBER_RANGE) return fail_at(r, r->at, e, "expected a number within the range of a double");
  if (r->number.kind == OW_NOT_A_NUMBER) return fail_at(r, r->at, e, "expected a number of sensible length");
  r->at = i;
  return r->number.kind == OW_NUMBER_INT ? OW_JSON_INT : OW_JSON_FLOAT;
}

static bool word(ow_json_reader *r, const char *w) {
  size_t k = strlen(w);
  if (r->n - r->at < k || memcmp(r->s + r->at, w, k)) return false;
  char after = r->n - r->at > k ? r->s[r->at + k] : 0;
  if ((after >= 'a' && after <= 'z') || (after >= 'A' && after <= 'Z') || (after >= '0' && after <= '9')) return false;
  r->at += k;
  return true;
}

static ow_json_token open_container(ow_json_reader *r, char c, ow_err *e) {
  if (r->depth == OW_JSON_DEPTH) return fail_at(r, r->at, e, "expected at most 512 nested arrays and objects");
  r->open[r->depth++] = (unsigned char)c;
  r->at++;
  r->expect = c == '{' ? KEY_OR_END : VALUE_OR_END;
  return c == '{' ? OW_JSON_OBJECT : OW_JSON_ARRAY;
}

static void skip_space(ow_json_reader *r) {
  while (r->at < r->n) {
    char c = r->s[r->at];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') break;
    r->at++;
  }
}

ow_json_token ow_json_next(ow_json_reader *r, ow_err *e) {
  for (;;) {
    skip_space(r);
    char c = r->at < r->n ? r->s[r->at] : 0;
    bool object = r->depth > 0 && r->open[r->depth - 1] == '{';
    switch (r->expect) {
      case AFTER:
        if (r->depth == 0) {
          if (r->at < r->n) return fail_at(r, r->at, e, "expected the end of the text");
          return OW_JSON_END;
        }
        if (c == ',' && r->at < r->n) {
          r->at++;
          r->expect = object ? KEY : VALUE;
          continue;
        }
        if (r->at >= r->n || c != (object ? '}' : ']'))
          return fail_at(r, r->at, e, object ? "expected ',' or '}'" : "expected ',' or ']'");
        break;
      case KEY_OR_END:
        if (c == '}') break;
        // fall through
      case KEY: {
        if (c != '"') return fail_at(r, r->at, e, r->expect == KEY ? "expected a key in quotes" : "expected a key in quotes or '}'");
        if (read_string(r, OW_JSON_KEY, e) == OW_JSON_ERROR) return OW_JSON_ERROR;
        skip_space(r);
        if (r->at >= r->n || r->s[r->at] != ':') return fail_at(r, r->at, e, "expected ':'");
        r->at++;
        r->expect = VALUE;
        return OW_JSON_KEY;
      }
      case VALUE_OR_END:
        if (c == ']') break;
        // fall through
      default:
        if (c == '{' || c == '[') return open_container(r, c, e);
        r->expect = AFTER;
        if (c == '"') return read_string(r, OW_JSON_STRING, e);
        if (c == '-' || (c >= '0' && c <= '9')) return read_number(r, e);
        if (word(r, "true")) return OW_JSON_TRUE;
        if (word(r, "false")) return OW_JSON_FALSE;
        if (word(r, "null")) return OW_JSON_NULL;
        return fail_at(r, r->at, e, "expected a value");
    }
    r->at++;  // the closing bracket
    r->depth--;
    r->expect = AFTER;
    return object ? OW_JSON_OBJECT_END : OW_JSON_ARRAY_END;
  }
}

// ---- writing -------------------------------------------------------------------------------

bool ow_json_quote(ow_text *out, const char *s, size_t n, ow_err *e) {
  static const char hex[] = "0123456789abcdef";
  if (!ow_text_reserve(out, n + 2, e) || !ow_text_putc(out, '"', e)) return false;
  size_t i = 0;
  while (i < n) {
    size_t run = i;
    int k = 1;
    while (i < n && s[i] != '"' && s[i] != '\\' && (unsigned char)s[i] >= 32) {
      k = (unsigned char)s[i] < 0x80 ? 1 : ow_utf8_at(s + i, n - i);
      if (!k) break;
      i += (size_t)k;
    }
    if (!ow_text_put(out, s + run, i - run, e)) return false;
    if (i >= n) break;
    bool ok;
    if (!k) ok = ow_text_puts(out, "\xEF\xBF\xBD", e);
    else switch (s[i]) {
      case '"': ok = ow_text_puts(out, "\\\"", e); break;
      case '\\': ok = ow_text_puts(out, "\\\\", e); break;
      case '\n': ok = ow_text_puts(out, "\\n", e); break;
      case '\r': ok = ow_text_puts(out, "\\r", e); break;
      case '\t': ok = ow_text_puts(out, "\\t", e); break;
      default: {
        char b[6] = {'\\', 'u', '0', '0', hex[(s[i] >> 4) & 15], hex[s[i] & 15]};
        ok = ow_text_put(out, b, 6, e);
      }
    }
    if (!ok) return false;
    i++;
  }
  return ow_text_putc(out, '"', e);
}

bool ow_json_f64(ow_text *out, double v, ow_err *e) {
  if (!isfinite(v)) return ow_text_puts(out, "null", e);
  char b[OW_NUMBER_MAX];
  return ow_text_put(out, b, (size_t)ow_format_f64(b, v, true), e);
}
