// One pass over a stream of blocks. The buffer holds whole records from `pos` on; a record
// is a line, or several when a quoted cell spans lines. What cannot be known from one line
// (delimiter, decimal sign, header) is decided on a sample of the first 64 KiB: each
// candidate splits the sample, and the one with the most even rows and the most numbers
// wins, in a tie the one that gives more than one column.
// A column takes its kind from its first cell that is not missing: number or text. A later
// cell that is no number in a number column is an error, never silently a text column.
#include "io/table.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { BLOCK = 1 << 20, SAMPLE = 1 << 16, SAMPLE_RECORDS = 1000, MAX_COLUMNS = 1 << 20 };
#define MAX_RECORD ((size_t)256 << 20)

typedef struct { const char *s; size_t n; } cell;

typedef struct {
  const ow_table_options *o;
  ow_table_source read;
  void *ctx;
  ow_table *t;
  ow_text buf;
  size_t pos;
  bool eof, started;
  char eol, delim, decimal;
  int64_t line, next_line;  // of the current record, of pos
  cell *cells;
  int64_t ncell, cell_cap;
  bool trailing;            // rows end with a delimiter and nothing after it
} reader;

static inline bool blank(char c) { return c == ' ' || c == '\t'; }

static bool record_fail(reader *r, ow_err *e, const char *what) {
  return OW_FAIL(e, OW_EFORMAT, "%s, line %lld: %s", r->o->name, (long long)r->line, what);
}

// ---- records -------------------------------------------------------------------------------

// Makes the buffer longer by at least one byte, or sets eof.
static bool refill(reader *r, ow_err *e) {
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (r->pos) {
    memmove(r->buf.data, r->buf.data + r->pos, r->buf.len - r->pos);
    r->buf.len -= r->pos;
    r->pos = 0;
  }
  size_t want = r->started ? BLOCK : SAMPLE;
  if (want < r->buf.len) want = r->buf.len;  // a long record is scanned again: keep that linear
  if (r->buf.len > MAX_RECORD) {
    r->line = r->next_line;
    return record_fail(r, e, "this record is longer than 256 MiB; is a quote left open, or is it not a text table?");
  }
  if (!ow_text_reserve(&r->buf, want, e)) return false;
  int64_t k = r->read(r->ctx, r->buf.data + r->buf.len, want, e);
  if (k < 0) return false;
  if (k == 0) r->eof = true;
  r->buf.len += (size_t)k;
  return true;
}

static bool is_comment(const reader *r, const char *s, const char *end) {
  while (s < end && blank(*s)) s++;
  if (s == end) return false;
  if (*s == '#' || *s == '%' || (*s == '/' && end - s > 1 && s[1] == '/')) return true;
  size_t k = r->o->comment ? strlen(r->o->comment) : 0;
  return k && (size_t)(end - s) >= k && !memcmp(s, r->o->comment, k);
}

static bool is_blank_line(const char *s, const char *end) {
  while (s < end && (blank(*s) || *s == '\r')) s++;
  return s == end;
}

static inline bool at_delim(char c, char delim) { return delim == ' ' ? blank(c) : c == delim; }

// End of a record that has quotes in it: its end of line is the first one outside of a
// quoted cell. NULL: the buffer ends before it.
static const char *quoted_end(const char *s, const char *end, char delim, char eol) {
  while (s < end) {
    while (s < end && blank(*s) && !at_delim(*s, delim)) s++;
    if (s < end && *s == '"') {
      for (s++;; s += 2) {
        s = memchr(s, '"', (size_t)(end - s));
        if (!s) return NULL;
        if (s + 1 >= end || s[1] != '"') break;
      }
      s++;
    }
    while (s < end && *s != eol && !at_delim(*s, delim)) s++;
    if (s < end && *s == eol) return s;
    s++;
  }
  return NULL;
}

// Next data record at pos: 1 and [*s, *s + *n), 0 at the end, -1 on error. Blank lines and
// comments are passed over, the latter kept.
static int next_record(reader *r, const char **s, size_t *n, ow_err *e) {
  for (;;) {
    const char *p = r->buf.data + r->pos, *end = r->buf.data + r->buf.len;
    const char *q = p < end ? memchr(p, r->eol, (size_t)(end - p)) : NULL;
    if (!q && !r->eof) {
      if (!refill(r, e)) return -1;
      continue;
    }
    if (p >= end) return 0;
    const char *stop = q ? q : end;
    r->line = r->next_line;
    bool comment = is_comment(r, p, stop);
    if (!comment && memchr(p, '"', (size_t)(stop - p))) {
      q = quoted_end(p, end, r->delim, r->eol);
      if (!q && !r->eof) {
        if (!refill(r, e)) return -1;
        continue;
      }
      stop = q ? q : end;
      for (const char *c = p; c < stop && (c = memchr(c, r->eol, (size_t)(stop - c))); c++) r->next_line++;
    }
    r->next_line++;
    r->pos = q ? (size_t)(stop + 1 - r->buf.data) : r->buf.len;
    if (stop > p && stop[-1] == '\r') stop--;
    if (comment) {
      while (p < stop && blank(*p)) p++;
      while (p < stop && (*p == '#' || *p == '%' || *p == '/')) p++;
      if (p < stop && *p == ' ') p++;
      if (!ow_text_put(&r->t->comments, p, (size_t)(stop - p), e) || !ow_text_putc(&r->t->comments, '\n', e)) return -1;
      continue;
    }
    if (is_blank_line(p, stop)) continue;
    *s = p;
    *n = (size_t)(stop - p);
    return 1;
  }
}

// ---- cells ---------------------------------------------------------------------------------

static bool push_cell(reader *r, const char *s, size_t n, ow_err *e) {
  if (r->ncell == r->cell_cap) {
    int64_t cap = r->cell_cap ? 2 * r->cell_cap : 64;
    if (cap > MAX_COLUMNS) return record_fail(r, e, "more than a million columns: this is not a text table");
    cell *p = ow_realloc(r->cells, (size_t)cap * sizeof *p, e);
    if (!p) return false;
    r->cells = p;
    r->cell_cap = cap;
  }
  r->cells[r->ncell++] = (cell){s, n};
  return true;
}

// Splits a record into r->cells. `unescape` turns "" into " in place (so do it only once).
static bool split(reader *r, const char *s, size_t n, char delim, bool unescape, ow_err *e) {
  const char *end = s + n;
  r->ncell = 0;
  for (;;) {
    while (s < end && blank(*s) && (delim == ' ' || *s != delim)) s++;
    if (delim == ' ' && (s == end || *s == '#')) return true;
    const char *from = s;
    if (s < end && *s == '"') {
      char *out = (char *)++s;
      from = s;
      bool closed = false;
      while (s < end) {
        if (*s == '"') {
          if (s + 1 < end && s[1] == '"') s++;
          else { closed = true; break; }
        }
        if (unescape) *out = *s;
        out++, s++;
      }
      if (!closed && unescape) return record_fail(r, e, "a quoted cell is not closed");
      if (s < end) s++;
      const char *rest = s;
      while (s < end && !at_delim(*s, delim)) s++;
      if (unescape && !is_blank_line(rest, s)) return record_fail(r, e, "text after the closing quote of a cell");
      if (!push_cell(r, from, (size_t)(out - from), e)) return false;
    } else {
      if (delim == ' ') while (s < end && !blank(*s)) s++;
      else while (s < end && *s != delim) s++;
      const char *to = s;
      while (to > from && blank(to[-1])) to--;
      if (!push_cell(r, from, (size_t)(to - from), e)) return false;
    }
    if (s >= end) return true;
    if (delim != ' ') s++;
  }
}

static bool is_missing(const char *s, size_t n) {
  switch (n) {
    case 0: return true;
    case 2: return !memcmp(s, "NA", 2);
    case 3: return !memcmp(s, "N/A", 3);
    case 4: return !strncasecmp(s, "null", 4);
  }
  return false;
}

static bool is_number(const cell *c, char decimal) {
  return c->n && ow_parse_number(c->s, c->n, decimal, true).kind != OW_NOT_A_NUMBER;
}

// ---- the sample ----------------------------------------------------------------------------

typedef struct { const char *s; size_t n; } span;

// Records of the buffer as far as they are complete; quoted cells by parity, since the
// delimiter is not known yet.
static int sample(reader *r, span *out) {
  const char *p = r->buf.data + r->pos, *end = r->buf.data + r->buf.len;
  int k = 0;
  while (p < end && k < SAMPLE_RECORDS) {
    const char *q = memchr(p, r->eol, (size_t)(end - p));
    if (!q && !r->eof) break;
    const char *stop = q ? q : end;
    bool comment = is_comment(r, p, stop);
    if (!comment && memchr(p, '"', (size_t)(stop - p))) {
      int odd = 0;
      for (const char *c = p; c < end; c++) {
        if (*c == '"') odd ^= 1;
        else if (*c == r->eol && !odd) { stop = c; break; }
        if (c + 1 == end) stop = end;
      }
      if (stop == end && !r->eof) break;
    }
    const char *next = stop + 1;
    if (stop > p && stop[-1] == '\r') stop--;
    if (!comment && !is_blank_line(p, stop)) out[k++] = (span){p, (size_t)(stop - p)};
    p = next;
  }
  return k;
}

typedef struct { double value; int64_t n; } score;

// Share of records with the usual number of cells, times the share of cells that are numbers.
static bool rate(reader *r, const span *rec, int nrec, char delim, char decimal, score *out, ow_err *e) {
  int64_t cells = 0, numbers = 0, votes = 0, usual = 0, even = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < nrec; i++) {
      if (!split(r, rec[i].s, rec[i].n, delim, false, e)) return false;
      if (pass) { even += r->ncell == usual; continue; }
      if (votes == 0) usual = r->ncell;  // majority vote (Boyer, Moore)
      votes += r->ncell == usual ? 1 : -1;
      cells += r->ncell;
      for (int64_t c = 0; c < r->ncell; c++) numbers += is_number(&r->cells[c], decimal);
    }
  out->value = cells ? (double)even / nrec * ((double)numbers / (double)cells) : 0;
  out->n = usual;
  return true;
}

static bool better(const score *a, const score *b) {
  if (fabs(a->value - b->value) > 1e-9) return a->value > b->value;
  return a->n >= 2 && b->n < 2;
}

static bool choose_delimiter(reader *r, const span *rec, int nrec, ow_err *e) {
  static const char candidates[][2] = {{'\t', '.'}, {';', '.'}, {',', '.'}, {' ', '.'}, {'\t', ','}, {';', ','}, {' ', ','}};
  score best = {0}, s;
  bool any = false;
  if (r->o->delimiter && r->o->decimal) {
    r->delim = r->o->delimiter;
    r->decimal = r->o->decimal;
    return true;
  }
  const char decimals[] = {'.', ','};
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates + 2; i++) {
    char d, p;
    if (i < sizeof candidates / sizeof *candidates) {
      d = candidates[i][0], p = candidates[i][1];
      if (r->o->delimiter && d != r->o->delimiter) continue;
    } else {  // a delimiter of the user's that is none of ours
      d = r->o->delimiter, p = decimals[i - sizeof candidates / sizeof *candidates];
      if (!d || d == p) continue;
    }
    if (r->o->decimal && p != r->o->decimal) continue;
    if (!rate(r, rec, nrec, d, p, &s, e)) return false;
    // "1,2" alone is two columns, not one with a decimal comma, unless we are told.
    if (p == ',' && s.n < 2 && !r->o->decimal) continue;
    if (any && !better(&s, &best)) continue;
    any = true;
    best = s;
    r->delim = d;
    r->decimal = p;
  }
  if (!any) {  // only "," both as delimiter and as decimal sign
    r->delim = r->o->delimiter ? r->o->delimiter : ',';
    r->decimal = r->o->decimal ? r->o->decimal : '.';
  }
  return true;
}

// Is the first record a header? All words, with a number somewhere below.
static bool choose_header(reader *r, const span *rec, int nrec, bool *header, ow_err *e) {
  *header = r->o->header > 0;
  if (r->o->header >= 0 || nrec == 0) return true;
  if (!split(r, rec[0].s, rec[0].n, r->delim, false, e)) return false;
  bool words = false;
  for (int64_t c = 0; c < r->ncell; c++) {
    if (is_number(&r->cells[c], r->decimal)) return true;
    words |= r->cells[c].n > 0;
  }
  if (!words) return true;
  *header = nrec == 1;
  for (int i = 1; i < nrec && !*header; i++) {
    if (!split(r, rec[i].s, rec[i].n, r->delim, false, e)) return false;
    for (int64_t c = 0; c < r->ncell; c++) *header |= is_number(&r->cells[c], r->decimal);
  }
  return true;
}

// Fills the buffer until the sample has two records or the text ends; finds the kind of
// line ends; leaves pos after a byte-order mark and the lines to skip.
static bool look(reader *r, span *rec, int *nrec, ow_err *e) {
  int64_t skip = r->o->skip;
  bool bom = false;
  for (size_t target = SAMPLE;; target *= 2) {
    while (!r->eof && r->buf.len - r->pos < target) if (!refill(r, e)) return false;
    char *b = r->buf.data;
    if (!bom) {
      bom = true;
      if (r->buf.len >= 3 && !memcmp(b, "\xEF\xBB\xBF", 3)) r->pos = 3;
      if (r->buf.len >= 2 && (!memcmp(b, "\xFF\xFE", 2) || !memcmp(b, "\xFE\xFF", 2)))
        return OW_FAIL(e, OW_EFORMAT, "%s: this text is UTF-16; expected UTF-8 or ASCII", r->o->name);
      const char *zero = memchr(b, 0, r->buf.len);
      if (zero)
        return OW_FAIL(e, OW_EFORMAT, "%s: expected a text table, got binary data (a zero byte at offset %lld)", r->o->name,
                       (long long)(zero - b));
      if (!memchr(b, '\n', r->buf.len) && memchr(b, '\r', r->buf.len)) r->eol = '\r';
    }
    while (skip > 0) {
      char *q = r->pos < r->buf.len ? memchr(r->buf.data + r->pos, r->eol, r->buf.len - r->pos) : NULL;
      if (!q && !r->eof) break;
      r->pos = q ? (size_t)(q + 1 - r->buf.data) : r->buf.len;
      r->next_line++;
      skip--;
    }
    *nrec = skip > 0 ? 0 : sample(r, rec);
    if (*nrec >= 2 || r->eof) return true;
    if (target > MAX_RECORD) return refill(r, e) ? true : false;
  }
}

// ---- columns -------------------------------------------------------------------------------

static bool cell_fail(reader *r, int64_t c, const char *expected, const char *s, size_t n, ow_err *e) {
  char q[80], name[80];
  ow_quote(q, sizeof q, s, n);
  const ow_column *col = &r->t->col[c];
  ow_quote(name, sizeof name, col->name, col->name_len);
  return OW_FAIL(e, OW_EFORMAT, "%s, line %lld, column %lld (%s): expected %s, got %s%s%s", r->o->name, (long long)r->line,
                 (long long)c + 1, name, expected, n ? "\"" : "", n ? q : "an empty cell", n ? "\"" : "");
}

static bool set_name(ow_column *col, const char *s, size_t n, ow_err *e) {
  char *p = ow_alloc(n + 1, e);
  if (!p) return false;
  memcpy(p, s, n);
  p[n] = 0;
  ow_free(col->name);
  col->name = p;
  col->name_len = n;
  return true;
}

static bool default_names(ow_table *t, ow_err *e) {
  for (int64_t c = 0; c < t->ncol; c++) {
    char b[32];
    int n = snprintf(b, sizeof b, "column%lld", (long long)c + 1);
    if (!set_name(&t->col[c], b, (size_t)n, e)) return false;
  }
  return true;
}

// The last comment line names the columns when it has exactly one word for each.
static bool names_from_comment(reader *r, ow_err *e) {
  ow_text *k = &r->t->comments;
  if (!k->len || r->o->header == 0) return true;
  size_t end = k->len - 1, from = end;
  while (from > 0 && k->data[from - 1] != '\n') from--;
  if (!split(r, k->data + from, end - from, r->delim, false, e)) return false;
  if (r->ncell != r->t->ncol) return true;
  for (int64_t c = 0; c < r->ncell; c++)
    if (!r->cells[c].n || is_number(&r->cells[c], r->decimal)) return true;
  for (int64_t c = 0; c < r->ncell; c++)
    if (!set_name(&r->t->col[c], r->cells[c].s, r->cells[c].n, e)) return false;
  r->t->header = true;
  return true;
}

bool ow_table_find(const ow_table *t, const struct ow_table_want *w, const char *source, int64_t *col, ow_err *e) {
  if (!w->name) {
    *col = w->index;
    if (w->index >= 0 && w->index < t->ncol) return true;
    return OW_FAIL(e, OW_EARG, "%s: there is no column %lld; the table has %lld", source, (long long)w->index + 1,
                   (long long)t->ncol);
  }
  int64_t found = -1;
  size_t n = strlen(w->name);
  for (int64_t c = 0; c < t->ncol; c++) {
    if (t->col[c].name_len != n || memcmp(t->col[c].name, w->name, n)) continue;
    if (found >= 0)
      return OW_FAIL(e, OW_EARG, "%s: columns %lld and %lld are both named \"%s\"; choose by number", source,
                     (long long)found + 1, (long long)c + 1, w->name);
    found = c;
  }
  *col = found;
  if (found >= 0) return true;
  char list[256];
  size_t k = 0;
  for (int64_t c = 0; c < t->ncol && k < sizeof list - 48; c++) {
    char q[40];
    k += (size_t)snprintf(list + k, sizeof list - k, "%s%s", c ? ", " : "", ow_quote(q, sizeof q, t->col[c].name, t->col[c].name_len));
  }
  return OW_FAIL(e, OW_EARG, "%s: there is no column named \"%.60s\"; there are: %s", source, w->name, list);
}

static bool choose_columns(reader *r, ow_err *e) {
  ow_table *t = r->t;
  int64_t c;
  for (int64_t i = 0; i < r->o->nwant; i++)
    if (!ow_table_find(t, &r->o->want[i], r->o->name, &c, e)) return false;
  for (c = 0; c < t->ncol; c++) t->col[c].kind = r->o->nwant < 0 ? OW_COL_OPEN : OW_COL_SKIP;
  for (int64_t i = 0; i < r->o->nwant; i++) {
    ow_table_find(t, &r->o->want[i], r->o->name, &c, e);
    t->col[c].kind = OW_COL_OPEN;
  }
  for (int64_t i = 0; i < r->o->ntext; i++) {
    if (!ow_table_find(t, &r->o->text[i], r->o->name, &c, e)) return false;
    if (t->col[c].kind == OW_COL_OPEN) t->col[c].kind = OW_COL_TEXT;
  }
  return true;
}

static bool grow(ow_table *t, ow_err *e) {
  int64_t cap = t->cap ? 2 * t->cap : 256;
  for (int64_t c = 0; c < t->ncol; c++) {
    ow_column *k = &t->col[c];
    void *p;
    if (k->kind == OW_COL_SKIP) continue;
    if (k->kind == OW_COL_OPEN || k->kind == OW_COL_TEXT) {
      if (!(p = ow_realloc(k->ends, (size_t)cap * 8, e))) return false;
      k->ends = p;
    } else {
      if (!(p = ow_realloc(k->data, (size_t)cap * 8, e))) return false;
      k->data = p;
    }
  }
  t->cap = cap;
  return true;
}

static bool put_text(ow_column *k, int64_t row, const cell *v, ow_err *e) {
  if (!ow_text_put(&k->text, v->s, v->n, e)) return false;
  k->ends[row] = (int64_t)k->text.len;
  return true;
}

// An open column met its first number: what came before was missing.
static bool become_number(reader *r, int64_t c, ow_col_kind kind, ow_err *e) {
  ow_column *k = &r->t->col[c];
  int64_t row = r->t->nrow;
  if (row > 0 && !r->o->missing_nan) {
    char where[64];
    snprintf(where, sizeof where, "no missing cells above this number (%lld)", (long long)row);
    cell_fail(r, c, where, r->cells[c].s, r->cells[c].n, e);
    return ow_hint(e, "missing=\"nan\" reads missing cells as NaN");
  }
  if (!(k->data = ow_alloc((size_t)r->t->cap * 8, e))) return false;
  ow_free(k->ends);
  k->ends = NULL;
  ow_text_free(&k->text);
  if (row > 0) kind = OW_COL_F64;
  for (int64_t i = 0; i < row; i++) ((double *)k->data)[i] = NAN;
  k->kind = kind;
  return true;
}

static void become_real(ow_column *k, int64_t rows) {
  int64_t *from = k->data;
  for (int64_t i = 0; i < rows; i++) {
    double v = (double)from[i];
    memcpy(&from[i], &v, 8);
  }
  k->kind = OW_COL_F64;
}

static bool put_cell(reader *r, int64_t c, ow_err *e) {
  ow_column *k = &r->t->col[c];
  const cell *v = &r->cells[c];
  int64_t row = r->t->nrow;
  if (k->kind == OW_COL_TEXT) return put_text(k, row, v, e);
  ow_number x = ow_parse_number(v->s, v->n, r->decimal, true);
  if (x.kind == OW_NOT_A_NUMBER) {
    bool missing = is_missing(v->s, v->n);
    if (k->kind == OW_COL_OPEN) {
      if (!missing) k->kind = OW_COL_TEXT;
      return put_text(k, row, v, e);
    }
    if (!missing) return cell_fail(r, c, "a number", v->s, v->n, e);
    if (!r->o->missing_nan) {
      cell_fail(r, c, "a number", v->s, v->n, e);
      return ow_hint(e, "missing=\"nan\" reads missing cells as NaN");
    }
    x.f = NAN;
    x.kind = OW_NUMBER_FLOAT;
  }
  if (x.kind == OW_NUMBER_RANGE) return cell_fail(r, c, "a number within the range of a double", v->s, v->n, e);
  if (k->kind == OW_COL_OPEN && !become_number(r, c, x.kind == OW_NUMBER_INT ? OW_COL_I64 : OW_COL_F64, e)) return false;
  if (k->kind == OW_COL_I64 && x.kind != OW_NUMBER_INT) become_real(k, row);
  if (k->kind == OW_COL_I64) ((int64_t *)k->data)[row] = x.i;
  else ((double *)k->data)[row] = x.f;
  return true;
}

static bool put_row(reader *r, ow_err *e) {
  ow_table *t = r->t;
  int64_t n = r->ncell;
  if (n == t->ncol + 1 && r->trailing && r->cells[n - 1].n == 0) n--;
  if (n != t->ncol) {
    char what[120];
    snprintf(what, sizeof what, "expected %lld cell%s as in the lines before, got %lld", (long long)t->ncol,
             t->ncol == 1 ? "" : "s", (long long)n);
    return record_fail(r, e, what);
  }
  if (t->nrow == t->cap && !grow(t, e)) return false;
  for (int64_t c = 0; c < n; c++)
    if (t->col[c].kind != OW_COL_SKIP && !put_cell(r, c, e)) return false;
  t->nrow++;
  return true;
}

static bool finish(reader *r, ow_err *e) {
  for (int64_t c = 0; c < r->t->ncol; c++) {
    ow_column *k = &r->t->col[c];
    if (k->kind != OW_COL_OPEN) continue;
    if (r->t->nrow > 0 && !r->o->missing_nan) k->kind = OW_COL_TEXT;  // nothing but empty cells
    else if (!become_number(r, c, OW_COL_F64, e)) return false;
  }
  return true;
}

// ---- the whole -----------------------------------------------------------------------------

static bool make_columns(reader *r, int64_t n, ow_err *e) {
  if (!(r->t->col = ow_alloc_zero((size_t)n * sizeof *r->t->col, e))) return false;
  r->t->ncol = n;
  return default_names(r->t, e);
}

static bool use_header(reader *r, const char *s, size_t n, ow_err *e) {
  if (!split(r, s, n, r->delim, true, e)) return false;
  int64_t k = r->ncell;
  if (r->trailing && k == r->t->ncol + 1 && r->cells[k - 1].n == 0) k--;
  if (k != r->t->ncol) {
    if (r->delim == ' ')  // blanks inside of names: the line is kept as a comment
      return ow_text_put(&r->t->comments, s, n, e) && ow_text_putc(&r->t->comments, '\n', e);
    char what[120];
    snprintf(what, sizeof what, "the header has %lld cells, the first row %lld", (long long)r->ncell, (long long)r->t->ncol);
    return record_fail(r, e, what);
  }
  for (int64_t c = 0; c < k; c++)
    if (r->cells[c].n && !set_name(&r->t->col[c], r->cells[c].s, r->cells[c].n, e)) return false;
  r->t->header = true;
  return true;
}

static bool run(reader *r, span *rec, ow_err *e) {
  int nrec = 0, got;
  bool header = false;
  const char *s;
  size_t n;
  if (!look(r, rec, &nrec, e) || !choose_delimiter(r, rec, nrec, e) || !choose_header(r, rec, nrec, &header, e)) return false;
  r->started = true;
  r->t->delimiter = r->delim;
  r->t->decimal = r->decimal;
  if (nrec == 0) return OW_FAIL(e, OW_EFORMAT, "%s: the table is empty", r->o->name);
  // The number of columns comes from the first row of data (a header may have blanks in its names).
  const span *first = &rec[header && nrec > 1];
  if (!split(r, first->s, first->n, r->delim, false, e)) return false;
  if (r->ncell == 0) return OW_FAIL(e, OW_EFORMAT, "%s: the first row has no cells", r->o->name);
  int64_t ncol = r->ncell;
  if (ncol > 1 && r->delim != ' ' && r->cells[ncol - 1].n == 0) {  // "1,2," on every line has two columns
    r->trailing = true;
    for (int i = 0; i < nrec && r->trailing; i++) {
      if (!split(r, rec[i].s, rec[i].n, r->delim, false, e)) return false;
      if (r->ncell >= ncol && r->cells[ncol - 1].n) r->trailing = false;
    }
  }
  if (!make_columns(r, ncol - r->trailing, e)) return false;
  bool chosen = false;
  while ((got = next_record(r, &s, &n, e)) > 0) {
    if (header) {
      if (!use_header(r, s, n, e)) return false;
      header = false;
      continue;
    }
    if (!chosen) {
      chosen = true;
      if (!r->t->header && !names_from_comment(r, e)) return false;
      if (!choose_columns(r, e)) return false;
    }
    if (memchr(s, 0, n)) return record_fail(r, e, "expected text, got a zero byte");
    if (!split(r, s, n, r->delim, true, e) || !put_row(r, e)) return false;
  }
  if (got < 0) return false;
  if (!chosen && !choose_columns(r, e)) return false;
  return finish(r, e);
}

bool ow_table_read(ow_table *t, ow_table_source read, void *ctx, const ow_table_options *o, ow_err *e) {
  reader r = {.o = o, .read = read, .ctx = ctx, .t = t, .eol = '\n', .next_line = 1};
  memset(t, 0, sizeof *t);
  span *rec = ow_alloc(SAMPLE_RECORDS * sizeof *rec, e);
  bool ok = rec && run(&r, rec, e);
  ow_free(rec);
  ow_free(r.cells);
  ow_text_free(&r.buf);
  if (!ok) ow_table_free(t);
  return ok;
}

void ow_table_free(ow_table *t) {
  for (int64_t c = 0; c < t->ncol; c++) {
    ow_free(t->col[c].name);
    ow_free(t->col[c].data);
    ow_free(t->col[c].ends);
    ow_text_free(&t->col[c].text);
  }
  ow_free(t->col);
  ow_text_free(&t->comments);
  memset(t, 0, sizeof *t);
}

bool ow_table_take(ow_table *t, int64_t c, ow_tensor *out, ow_err *e) {
  ow_column *k = &t->col[c];
  size_t bytes = (size_t)t->nrow * 8;
  void *p = ow_realloc(k->data, bytes, e);
  if (!p) return false;
  k->data = p;
  if (!ow_tensor_wrap(out, k->kind == OW_COL_I64 ? OW_I64 : OW_F64, 1, &t->nrow, p, bytes, NULL, NULL, e)) return false;
  k->data = NULL;
  return true;
}

// ---- sources -------------------------------------------------------------------------------

typedef struct { int fd; const char *path; } file_source;

static int64_t from_file(void *ctx, char *buf, size_t n, ow_err *e) {
  file_source *f = ctx;
  for (;;) {
    ssize_t k = read(f->fd, buf, n);
    if (k >= 0) return k;
    if (errno != EINTR) break;
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); return -1; }
  }
  OW_FAIL(e, OW_EIO, "%s: cannot read: %s", f->path, strerror(errno));
  return -1;
}

bool ow_table_read_file(ow_table *t, const char *path, const ow_table_options *o, ow_err *e) {
  file_source f = {open(path, O_RDONLY | O_CLOEXEC), path};
  memset(t, 0, sizeof *t);
  if (f.fd < 0) return OW_FAIL(e, OW_EIO, "%s: cannot open: %s", path, strerror(errno));
  ow_table_options named = *o;
  named.name = path;
  bool ok = ow_table_read(t, from_file, &f, &named, e);
  close(f.fd);
  return ok;
}

typedef struct { const char *s; size_t n; } memory_source;

static int64_t from_memory(void *ctx, char *buf, size_t n, ow_err *e) {
  (void)e;
  memory_source *m = ctx;
  if (n > m->n) n = m->n;
  if (n) memcpy(buf, m->s, n);
  m->s += n;
  m->n -= n;
  return (int64_t)n;
}

bool ow_table_read_memory(ow_table *t, const char *s, size_t n, const ow_table_options *o, ow_err *e) {
  memory_source m = {s, n};
  return ow_table_read(t, from_memory, &m, o, e);
}

// ---- writing -------------------------------------------------------------------------------

bool ow_table_put_text(ow_text *out, const char *s, size_t n, char delimiter, ow_err *e) {
  bool quote = n == 0 || blank(s[0]) || blank(s[n - 1]) || s[0] == '#' || s[0] == '%' || s[0] == '"' || s[0] == '/';
  for (size_t i = 0; i < n && !quote; i++)
    quote = at_delim(s[i], delimiter) || s[i] == '\n' || s[i] == '\r' || s[i] == '"';
  if (!quote) return ow_text_put(out, s, n, e);
  if (!ow_text_putc(out, '"', e)) return false;
  for (size_t i = 0; i < n; i++)
    if ((s[i] == '"' && !ow_text_putc(out, '"', e)) || !ow_text_putc(out, s[i], e)) return false;
  return ow_text_putc(out, '"', e);
}
