// JSON: whatever the bytes, the reader ends, its tokens nest, its strings are UTF-8, and what
// it read is written and read again as the same.
#include <string.h>

#include "fuzz/fuzz.h"
#include "io/json.h"

static void seeds(void (*add)(const void *, size_t)) {
  static const char *const s[] = {
      "null", "[]", "{}", "[1,2.5,-3e10,true,false,null]", "{\"a\":{\"b\":[{}]},\"c\":\"\\u00e9\\ud83d\\ude00\\n\"}",
      "\xEF\xBB\xBF [ \"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\" ]", "[9223372036854775807,-9223372036854775808,18446744073709551616]",
      "[0.1,1e-320,1.7976931348623157e308,123456789012345678901234567890,0.000000000000000000000000000001]",
      "{\"\":1,\"\":2}", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""};
  for (size_t i = 0; i < sizeof s / sizeof *s; i++) add(s[i], strlen(s[i]));
}

static void again(ow_json_reader *r, ow_json_token t) {
  ow_text out = {0};
  ow_err e;
  if (t == OW_JSON_KEY || t == OW_JSON_STRING) {
    fuzz_check(ow_utf8_valid(r->text, r->text_len) == r->text_len, "a string is UTF-8");
    ow_json_reader back;
    if (ow_json_quote(&out, r->text, r->text_len, &e)) {
      ow_json_init(&back, out.data, out.len);
      bool same = ow_json_next(&back, &e) == OW_JSON_STRING && back.text_len == r->text_len;
      fuzz_check(same && (!r->text_len || !memcmp(back.text, r->text, r->text_len)), "a string comes back");
      ow_json_free(&back);
    }
  } else if (ow_json_f64(&out, r->number.f, &e)) {
    ow_number n = ow_parse_number(out.data, out.len, '.', false);
    fuzz_check(n.kind == OW_NUMBER_FLOAT && !memcmp(&n.f, &r->number.f, 8), "a number comes back");
  }
  ow_text_free(&out);
}

static void run(const uint8_t *data, size_t n) {
  ow_json_reader r;
  ow_err e;
  int depth = 0;
  ow_json_init(&r, (const char *)data, n);
  for (size_t tokens = 0;; tokens++) {
    fuzz_check(tokens <= n + 1, "every token takes a byte");
    ow_json_token t = ow_json_next(&r, &e);
    if (t == OW_JSON_ERROR) {
      fuzz_check(e.msg[0] && strlen(e.msg) < sizeof e.msg, "an error has a message");
      break;
    }
    if (t == OW_JSON_OBJECT || t == OW_JSON_ARRAY) depth++;
    if (t == OW_JSON_OBJECT_END || t == OW_JSON_ARRAY_END) depth--;
    fuzz_check(depth >= 0 && depth <= OW_JSON_DEPTH, "containers nest");
    if (t == OW_JSON_KEY || t == OW_JSON_STRING || t == OW_JSON_INT || t == OW_JSON_FLOAT) again(&r, t);
    if (t == OW_JSON_END) {
      fuzz_check(depth == 0, "all containers are closed");
      break;
    }
  }
  ow_json_free(&r);
}

static const char *const words[] = {"null", "true", "false", "\\u", "\\ud83d", "\\ude00", "1e", "-0", "0.", "{\"", "\":", "[[", "]]", "\"\"", "e+308", NULL};
const fuzz_target fuzz_json = {"json", seeds, run, NULL, words, false};
