// Shared by h5.c and h5_data.c only.
#ifndef OW_IO_H5_TYPES_H
#define OW_IO_H5_TYPES_H
#define H5_USE_110_API
#include <hdf5.h>

#include "io/h5.h"

// Fills e with our words and the innermost message of the library's error stack.
bool ow_h5_fail(ow_h5 *h, ow_err *e, const char *what, const char *name, const char *key);

// A dataset or an attribute, opened.
typedef struct {
  hid_t obj, attr, type, space;  // attr < 0: obj is the dataset
  int ndim;
  bool scalar;
  hsize_t dims[OW_MAXDIM], max[OW_MAXDIM];
} ow_h5_data;
bool ow_h5_data_open(ow_h5 *h, const char *name, const char *key, ow_h5_data *d, ow_err *e);
void ow_h5_data_close(ow_h5_data *d);

typedef struct {
  ow_h5_class cls;
  ow_dtype dtype;
  hid_t mem;     // memory type to read with, or -1
  bool u64;      // unsigned 64-bit: read as such, then checked
} ow_h5_kind;
bool ow_h5_kind_of(hid_t file_type, ow_h5_kind *k);
hid_t ow_h5_type_of(ow_dtype t);  // to be closed

// Link creation: parents are made, names are UTF-8. To be closed.
hid_t ow_h5_links(void);

#endif
