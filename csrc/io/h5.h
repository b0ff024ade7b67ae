// HDF5 files <-> tensors and strings. The library has global state and is not thread-safe:
// call all of this from one thread.
//
// Writing goes to a temporary file that takes the name at a clean close; "a" starts from a
// copy. Every file of ours carries on its root group `creator` ("orowan VERSION") and
// `format_version`; newer ones are refused.
#ifndef OW_IO_H5_H
#define OW_IO_H5_H
#include "base/replace.h"
#include "base/tensor.h"
#include "io/text.h"

enum { OW_H5_FORMAT = 1 };

typedef struct {
  int64_t id;         // HDF5 file, 0: closed
  bool writable;
  ow_replace file;    // when writable
  char path[PATH_MAX];
} ow_h5;

bool ow_h5_open(ow_h5 *h, const char *path, char mode, ow_err *e);  // 'r', 'w', 'a'
bool ow_h5_close(ow_h5 *h, bool keep, ow_err *e);  // keep false: written data are thrown away; idempotent

typedef enum { OW_H5_NUMBERS, OW_H5_STRINGS, OW_H5_BOOLS, OW_H5_BYTES, OW_H5_GROUP, OW_H5_OTHER } ow_h5_class;
typedef struct {
  ow_h5_class cls;
  ow_dtype dtype;                // numbers; bools are u8
  bool scalar, growable;
  int ndim, chunk_ndim;
  int64_t shape[OW_MAXDIM], chunk[OW_MAXDIM];
  int64_t stored;                // bytes in the file
} ow_h5_info;

// Everywhere below: `name` is a path in the file ("group/data", "/" the root); `key` NULL
// means the dataset, otherwise its attribute (also of a group) of that name.
bool ow_h5_exists(ow_h5 *h, const char *name, const char *key);
bool ow_h5_describe(ow_h5 *h, const char *name, const char *key, ow_h5_info *out, ow_err *e);

// Numbers (and bools). first: 0-based, count: -1 = to the end; both NULL, or ndim entries.
bool ow_h5_read(ow_h5 *h, const char *name, const char *key, const int64_t *first, const int64_t *count,
                ow_tensor *out, ow_err *e);
// Strings: text holds all of them, one after another; ends[i] is where each ends (ow_free it).
bool ow_h5_read_strings(ow_h5 *h, const char *name, const char *key, ow_text *text, int64_t **ends, int64_t *n, ow_err *e);

typedef struct {
  int chunk_ndim;                // 0: choose (contiguous unless compressed)
  int64_t chunk[OW_MAXDIM];
  bool chunked;                  // chunked in any case
  int compress;                  // deflate level 1..9, 0 none; shuffle comes with it
  bool checksum;                 // fletcher32 of each chunk
} ow_h5_layout;
bool ow_h5_write(ow_h5 *h, const char *name, const char *key, const ow_tensor *t, const ow_h5_layout *l, ow_err *e);
bool ow_h5_write_bool(ow_h5 *h, const char *name, const char *key, bool v, ow_err *e);
// n strings; scalar: the one string, which may be any bytes.
bool ow_h5_write_strings(ow_h5 *h, const char *name, const char *key, const char *const *s, const size_t *len, int64_t n,
                         bool scalar, ow_err *e);
// Adds rows along the first axis; makes the dataset when there is none.
bool ow_h5_append(ow_h5 *h, const char *name, const ow_tensor *t, const ow_h5_layout *l, ow_err *e);

bool ow_h5_group(ow_h5 *h, const char *name, ow_err *e);   // with parents; fine when it is there
bool ow_h5_remove(ow_h5 *h, const char *name, const char *key, ow_err *e);
// Names in a group, or (attributes) of an object, sorted, each followed by a zero byte.
bool ow_h5_list(ow_h5 *h, const char *name, bool attributes, ow_text *out, ow_err *e);

// Reads everything in a file the way the functions above do; false when it cannot be opened.
bool ow_h5_read_all(const char *path, ow_err *e);
// The same, to be called in a process of its own, since the library may crash on a broken
// file: limits memory and processor time of this process.
bool ow_h5_probe(const char *path, double seconds, ow_err *e);
const char *ow_h5_library(void);  // its version

#endif
