// Text tables: the first byte chooses the options, the rest is the file. Whatever the bytes,
// every column that is there has as many values as there are rows.
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "io/table.h"

static void seeds(void (*add)(const void *, size_t)) {
  static const char *const s[] = {
      "0a,b,c\n1,2.5,x\n3,-4e5,y\n", "0# note\n# t s\n1 2\n3 4\n", "11;2,5\n,;3,5\n", "3name,x\r\n\"a, \"\"b\"\"\",1\r\n\"two\nlines\",2\r\n",
      "0\xEF\xBB\xBF" "a\tb\n1\t\n2\t3\n", "1a,b\nNA,2\n3,null\n", "5junk\n1 2 # c\n3 4\n", "01\r2\r3\r", "0nan inf -inf\n1 2 3\n",
      "71|2|\n3|4|\n", "09223372036854775807,9223372036854775808\n", "0only words here\n", "9x y z\n1 2 3\n4 5 6\n"};
  for (size_t i = 0; i < sizeof s / sizeof *s; i++) add(s[i], strlen(s[i]));
}

// Delivers the text in pieces of odd lengths, so that block borders fall everywhere.
typedef struct { const char *s; size_t n; unsigned step; } pieces;
static int64_t next_piece(void *ctx, char *buf, size_t n, ow_err *e) {
  pieces *p = ctx;
  (void)e;
  size_t k = p->step ? p->step : n;
  p->step = p->step * 5 % 61;
  if (k > n) k = n;
  if (k > p->n) k = p->n;
  memcpy(buf, p->s, k);
  p->s += k;
  p->n -= k;
  return (int64_t)k;
}

static double look(ow_table *t) {
  double sum = 0;
  for (int64_t c = 0; c < t->ncol; c++) {
    ow_column *k = &t->col[c];
    fuzz_check(k->name && k->name[k->name_len] == 0, "a column has a name");
    if (k->kind == OW_COL_TEXT) {
      int64_t from = 0;
      for (int64_t i = 0; i < t->nrow; i++) {
        fuzz_check(k->ends[i] >= from && k->ends[i] <= (int64_t)k->text.len, "text cells follow one another");
        from = k->ends[i];
      }
      fuzz_check(t->nrow == 0 || from == (int64_t)k->text.len, "text cells cover the text");
    } else if (k->kind != OW_COL_SKIP) {
      ow_tensor u;
      ow_err e;
      bool whole = k->kind == OW_COL_I64;
      if (!ow_table_take(t, c, &u, &e)) continue;
      fuzz_check(u.shape[0] == t->nrow, "a column is as long as the table");
      for (int64_t i = 0; i < t->nrow; i++)
        sum += whole ? (double)((int64_t *)ow_tensor_data(&u))[i] : ((double *)ow_tensor_data(&u))[i];
      ow_tensor_close(&u);
    }
  }
  return sum;
}

static void run(const uint8_t *data, size_t n) {
  static const char delimiters[] = {0, ',', ' ', '|'};
  if (n == 0) return;
  struct ow_table_want want[2] = {{NULL, 0}, {"x", 0}};
  uint8_t f = data[0];
  ow_table_options o = {.name = "fuzz", .header = (f >> 1 & 1) ? (f >> 2 & 1) : -1, .missing_nan = f & 1, .skip = f >> 2 & 1,
                        .nwant = (f >> 3 & 7) == 7 ? 2 : -1, .want = want, .text = want, .ntext = (f >> 3 & 7) == 6,
                        .delimiter = delimiters[f >> 6], .comment = f & 16 ? "!" : NULL};
  pieces p = {(const char *)data + 1, n - 1, f & 32 ? 1 + f % 13 : 0};
  ow_table t;
  ow_err e;
  if (ow_table_read(&t, next_piece, &p, &o, &e)) {
    volatile double keep = look(&t);
    (void)keep;
    ow_table_free(&t);
  } else {
    fuzz_check(e.msg[0] && strlen(e.msg) < sizeof e.msg, "an error has a message");
  }
  ow_table_free(&t);
}

static const char *const words[] = {"\n", "\r\n", ",", ";", "\t", "\"", "\"\"", "NA", "nan", "inf", "1e308", "# ", "//", "%", "null", "\xEF\xBB\xBF", NULL};
const fuzz_target fuzz_table = {"table", seeds, run, NULL, words, false};
