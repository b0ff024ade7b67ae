// Text tables: CSV, semicolons with decimal commas, tabs, columns of blanks.
#ifndef OW_IO_TABLE_H
#define OW_IO_TABLE_H
#include "base/tensor.h"
#include "io/text.h"

typedef enum { OW_COL_SKIP, OW_COL_OPEN, OW_COL_I64, OW_COL_F64, OW_COL_TEXT } ow_col_kind;

typedef struct {
  char *name;          // UTF-8 or what the file had; 0-terminated
  size_t name_len;
  ow_col_kind kind;    // OPEN: no cell has told yet (only missing ones so far)
  void *data;          // i64 or f64, nrow
  ow_text text;        // of a text column: all cells one after another
  int64_t *ends;       // ... and where each ends
} ow_column;

typedef struct {
  ow_column *col;
  int64_t ncol, nrow, cap;  // cap: rows allocated
  ow_text comments;         // comment lines without their sign, one a line
  char delimiter, decimal;  // as used; ' ' is any run of blanks
  bool header;              // names came from the file
} ow_table;

typedef struct {
  const char *name;    // of the source, for messages
  char delimiter;      // 0: detect; ' ': blanks
  char decimal;        // 0: detect
  int header;          // -1: detect
  bool missing_nan;    // empty cells, NA, N/A, null become NaN; otherwise an error
  const char *comment; // one more sign that starts a comment line, or NULL
  int64_t skip;        // lines to leave out at the top
  // Wanted columns: by name when name is not NULL, else by 0-based number; n < 0: all.
  struct ow_table_want { const char *name; int64_t index; } *want, *text;
  int64_t nwant, ntext;  // `text`: columns to be kept as text whatever they hold
} ow_table_options;

// Delivers at most n bytes, 0 at the end, -1 on error (e filled).
typedef int64_t (*ow_table_source)(void *ctx, char *buf, size_t n, ow_err *e);

bool ow_table_read(ow_table *t, ow_table_source read, void *ctx, const ow_table_options *o, ow_err *e);
bool ow_table_read_file(ow_table *t, const char *path, const ow_table_options *o, ow_err *e);
bool ow_table_read_memory(ow_table *t, const char *s, size_t n, const ow_table_options *o, ow_err *e);
// 0-based column for a wanted one; false names what there is.
bool ow_table_find(const ow_table *t, const struct ow_table_want *w, const char *source, int64_t *col, ow_err *e);
void ow_table_free(ow_table *t);  // idempotent
// Moves column c into a 1-D tensor (i64 or f64).
bool ow_table_take(ow_table *t, int64_t c, ow_tensor *out, ow_err *e);
// Appends one text cell, in quotes when the delimiter, a quote, a comment sign or an end of line is in it.
bool ow_table_put_text(ow_text *out, const char *s, size_t n, char delimiter, ow_err *e);

#endif
