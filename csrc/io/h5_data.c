// Types and values. Complex numbers are compounds {r, i}, truth values the enumeration
// {FALSE, TRUE} of one byte, halves 16-bit floats: as h5py has them. Reading widens to the
// next of our types (i8, i16, u16 -> i32; u32 -> i64; u64 -> i64, refused above 2^63 - 1).
// Long reads and writes go in pieces of whole chunks, with a look at the interrupt flag in
// between. Raw data in other files (external storage, virtual datasets) is refused: it would
// get around the probe.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "io/h5_types.h"

enum { PIECE = 16 << 20 };

static const char *root_or(const char *name) { return !*name || !strcmp(name, ".") ? "/" : name; }

// ---- types ---------------------------------------------------------------------------------

static hid_t half_type(bool brain) {
  hid_t t = H5Tcopy(H5T_IEEE_F32LE);
  // sign, exponent and mantissa of the 16 bits, then the size (fields must fit before it shrinks)
  if (brain) H5Tset_fields(t, 15, 7, 8, 0, 7);
  else H5Tset_fields(t, 15, 10, 5, 0, 10);
  H5Tset_size(t, 2);
  H5Tset_ebias(t, brain ? 127 : 15);
  return t;
}

static hid_t complex_type(hid_t part, const char *re, const char *im) {
  size_t n = H5Tget_size(part);
  hid_t t = H5Tcreate(H5T_COMPOUND, 2 * n);
  if (t < 0) return t;
  if (H5Tinsert(t, re, 0, part) < 0 || H5Tinsert(t, im, n, part) < 0) {
    H5Tclose(t);
    return -1;
  }
  return t;
}

hid_t ow_h5_type_of(ow_dtype t) {
  switch (t) {
    case OW_U8: return H5Tcopy(H5T_NATIVE_UINT8);
    case OW_I32: return H5Tcopy(H5T_NATIVE_INT32);
    case OW_I64: return H5Tcopy(H5T_NATIVE_INT64);
    case OW_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
    case OW_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
    case OW_C64: return complex_type(H5T_NATIVE_FLOAT, "r", "i");
    case OW_C128: return complex_type(H5T_NATIVE_DOUBLE, "r", "i");
    case OW_F16: return half_type(false);
    case OW_BF16: return half_type(true);
    default: return -1;
  }
}

static hid_t bool_type(void) {
  hid_t t = H5Tenum_create(H5T_NATIVE_INT8);
  int8_t v = 0;
  H5Tenum_insert(t, "FALSE", &v);
  v = 1;
  H5Tenum_insert(t, "TRUE", &v);
  return t;
}

static bool is_bool(hid_t t) {
  if (H5Tget_size(t) != 1 || H5Tget_nmembers(t) != 2) return false;
  int8_t v = 1;
  bool ok = H5Tenum_valueof(t, "FALSE", &v) >= 0 && v == 0;
  return ok && H5Tenum_valueof(t, "TRUE", &v) >= 0 && v == 1;
}

static void complex_kind(hid_t t, ow_h5_kind *k) {
  if (H5Tget_nmembers(t) != 2) return;
  char *re = H5Tget_member_name(t, 0), *im = H5Tget_member_name(t, 1);
  hid_t a = H5Tget_member_type(t, 0), b = H5Tget_member_type(t, 1);
  static const char *const names[][2] = {{"r", "i"}, {"re", "im"}, {"real", "imag"}};
  bool named = false;
  for (int i = 0; i < 3 && re && im; i++) named |= !strcmp(re, names[i][0]) && !strcmp(im, names[i][1]);
  if (named && a >= 0 && b >= 0 && H5Tget_class(a) == H5T_FLOAT && H5Tget_class(b) == H5T_FLOAT) {
    bool small = H5Tget_size(a) <= 4 && H5Tget_size(b) <= 4;
    k->cls = OW_H5_NUMBERS;
    k->dtype = small ? OW_C64 : OW_C128;
    k->mem = complex_type(small ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, re, im);
  }
  if (re) H5free_memory(re);
  if (im) H5free_memory(im);
  if (a >= 0) H5Tclose(a);
  if (b >= 0) H5Tclose(b);
}

bool ow_h5_kind_of(hid_t t, ow_h5_kind *k) {
  *k = (ow_h5_kind){.cls = OW_H5_OTHER, .mem = -1};
  size_t size = H5Tget_size(t);
  switch (H5Tget_class(t)) {
    case H5T_INTEGER: {
      bool sign = H5Tget_sign(t) == H5T_SGN_2;
      k->cls = OW_H5_NUMBERS;
      k->u64 = !sign && size >= 8;
      k->dtype = size == 1 && !sign ? OW_U8 : size <= 2 || (size <= 4 && sign) ? OW_I32 : OW_I64;
      if (size > 8) k->cls = OW_H5_OTHER;
      else k->mem = k->u64 ? H5Tcopy(H5T_NATIVE_UINT64) : ow_h5_type_of(k->dtype);
      break;
    }
    case H5T_FLOAT: {
      k->cls = OW_H5_NUMBERS;
      size_t bias = H5Tget_ebias(t);
      k->dtype = size == 2 ? (bias == 127 ? OW_BF16 : OW_F16) : size == 4 ? OW_F32 : OW_F64;
      k->mem = ow_h5_type_of(k->dtype);
      break;
    }
    case H5T_COMPOUND: complex_kind(t, k); break;
    case H5T_ENUM:
      if (is_bool(t)) {
        k->cls = OW_H5_BOOLS;
        k->dtype = OW_U8;
        k->mem = bool_type();
      } else {
        k->cls = OW_H5_NUMBERS;
        k->dtype = size <= 4 ? OW_I32 : OW_I64;
        k->mem = ow_h5_type_of(k->dtype);
      }
      break;
    case H5T_STRING: k->cls = OW_H5_STRINGS; break;
    case H5T_OPAQUE: k->cls = OW_H5_BYTES; break;
    default: break;
  }
  H5Eclear2(H5E_DEFAULT);
  if ((k->cls == OW_H5_NUMBERS || k->cls == OW_H5_BOOLS) && k->mem < 0) k->cls = OW_H5_OTHER;
  return k->cls != OW_H5_OTHER;
}

// ---- datasets and attributes ---------------------------------------------------------------

static bool elsewhere(hid_t dset) {
  hid_t p = H5Dget_create_plist(dset);
  if (p < 0) return false;
  bool yes = H5Pget_external_count(p) > 0 || H5Pget_layout(p) == H5D_VIRTUAL;
  H5Pclose(p);
  return yes;
}

void ow_h5_data_close(ow_h5_data *d) {
  if (d->space >= 0) H5Sclose(d->space);
  if (d->type >= 0) H5Tclose(d->type);
  if (d->attr >= 0) H5Aclose(d->attr);
  if (d->obj >= 0) H5Oclose(d->obj);
  d->space = d->type = d->attr = d->obj = -1;
}

static bool open_parts(ow_h5 *h, const char *name, const char *key, ow_h5_data *d, ow_err *e) {
  d->obj = H5Oopen(h->id, name, H5P_DEFAULT);
  if (d->obj < 0) return ow_h5_fail(h, e, "open", name, key);
  if (key) {
    d->attr = H5Aopen(d->obj, key, H5P_DEFAULT);
    if (d->attr < 0) return ow_h5_fail(h, e, "open", name, key);
    d->type = H5Aget_type(d->attr);
    d->space = H5Aget_space(d->attr);
  } else {
    if (H5Iget_type(d->obj) != H5I_DATASET)
      return OW_FAIL(e, OW_EARG, "%s: \"%s\" is a group or a type, not a dataset", h->path, name);
    if (elsewhere(d->obj)) return OW_FAIL(e, OW_EFORMAT, "%s: \"%s\" keeps its data in other files: refused", h->path, name);
    d->type = H5Dget_type(d->obj);
    d->space = H5Dget_space(d->obj);
  }
  if (d->type < 0 || d->space < 0) return ow_h5_fail(h, e, "open", name, key);
  int n = H5Sget_simple_extent_ndims(d->space);
  if (n < 0) return ow_h5_fail(h, e, "tell the shape of", name, key);
  if (n > OW_MAXDIM) return OW_FAIL(e, OW_EFORMAT, "%s: \"%s\" has %d dimensions; at most %d are supported", h->path, name, n, OW_MAXDIM);
  d->ndim = n;
  d->scalar = H5Sget_simple_extent_type(d->space) == H5S_SCALAR;
  if (H5Sget_simple_extent_type(d->space) == H5S_NULL) {  // no elements at all
    d->ndim = 1;
    d->dims[0] = d->max[0] = 0;
  } else if (H5Sget_simple_extent_dims(d->space, d->dims, d->max) < 0) return ow_h5_fail(h, e, "tell the shape of", name, key);
  for (int i = 0; i < d->ndim; i++)
    if (d->dims[i] > (hsize_t)INT64_MAX / 16) return OW_FAIL(e, OW_EFORMAT, "%s: \"%s\" has an absurd size", h->path, name);
  return true;
}

bool ow_h5_data_open(ow_h5 *h, const char *name, const char *key, ow_h5_data *d, ow_err *e) {
  *d = (ow_h5_data){.obj = -1, .attr = -1, .type = -1, .space = -1};
  if (!ow_h5_exists(h, name, key)) {
    if (key && ow_h5_exists(h, name, NULL)) return OW_FAIL(e, OW_EARG, "%s: \"%s\" has no attribute \"%s\"", h->path, name, key);
    return OW_FAIL(e, OW_EARG, "%s: there is no \"%s\"", h->path, name);
  }
  if (open_parts(h, root_or(name), key, d, e)) return true;
  ow_h5_data_close(d);
  return false;
}

static int chunk_of(hid_t dset, int64_t *chunk) {
  hid_t p = H5Dget_create_plist(dset);
  hsize_t c[OW_MAXDIM];
  int n = p >= 0 && H5Pget_layout(p) == H5D_CHUNKED ? H5Pget_chunk(p, OW_MAXDIM, c) : 0;
  if (p >= 0) H5Pclose(p);
  if (n < 0 || n > OW_MAXDIM) n = 0;
  for (int i = 0; i < n; i++) chunk[i] = (int64_t)c[i];
  return n;
}

bool ow_h5_describe(ow_h5 *h, const char *name, const char *key, ow_h5_info *out, ow_err *e) {
  memset(out, 0, sizeof *out);
  ow_h5_data d;
  if (!key && ow_h5_exists(h, name, NULL)) {
    H5O_info_t info;
    if (H5Oget_info_by_name(h->id, root_or(name), &info, H5P_DEFAULT) < 0) return ow_h5_fail(h, e, "describe", name, NULL);
    out->cls = info.type == H5O_TYPE_GROUP ? OW_H5_GROUP : OW_H5_OTHER;
    if (info.type != H5O_TYPE_DATASET) return true;
  }
  if (!ow_h5_data_open(h, name, key, &d, e)) return false;
  ow_h5_kind k;
  ow_h5_kind_of(d.type, &k);
  out->cls = k.cls;
  out->dtype = k.dtype;
  out->scalar = d.scalar;
  out->ndim = d.ndim;
  for (int i = 0; i < d.ndim; i++) out->shape[i] = (int64_t)d.dims[i];
  out->growable = d.ndim > 0 && d.max[0] == H5S_UNLIMITED;
  if (!key) {
    out->chunk_ndim = chunk_of(d.obj, out->chunk);
    out->stored = (int64_t)H5Dget_storage_size(d.obj);
  }
  if (k.mem >= 0) H5Tclose(k.mem);
  ow_h5_data_close(&d);
  return true;
}

// ---- reading -------------------------------------------------------------------------------

static int64_t piece_rows(const ow_h5_data *d, const int64_t *count, size_t esize) {
  int64_t line = (int64_t)esize, chunk[OW_MAXDIM];
  for (int i = 1; i < d->ndim; i++) line *= count[i] > 0 ? count[i] : 1;
  int64_t rows = line > PIECE ? 1 : PIECE / line;
  int n = d->attr < 0 ? chunk_of(d->obj, chunk) : 0;
  if (n > 0 && chunk[0] > 0) rows = (rows + chunk[0] - 1) / chunk[0] * chunk[0];
  return rows > 0 ? rows : 1;
}

// Moves rows between the dataset (from first[]) and contiguous memory, piece by piece.
static bool transfer(ow_h5 *h, const char *name, const ow_h5_data *d, hid_t mem, const int64_t *first, const int64_t *count,
                     void *data, bool write, ow_err *e) {
  size_t esize = H5Tget_size(mem), line = esize;
  hsize_t start[OW_MAXDIM], size[OW_MAXDIM];
  if (d->ndim == 0) {
    herr_t r = write ? H5Dwrite(d->obj, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) : H5Dread(d->obj, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    return r < 0 ? ow_h5_fail(h, e, write ? "write" : "read", name, NULL) : true;
  }
  for (int i = 0; i < d->ndim; i++) {
    start[i] = (hsize_t)first[i];
    size[i] = (hsize_t)count[i];
    if (count[i] == 0) return true;
    if (i) line *= (size_t)count[i];
  }
  hid_t file = H5Dget_space(d->obj);
  if (file < 0) return ow_h5_fail(h, e, "tell the shape of", name, NULL);
  bool ok = true;
  int64_t step = piece_rows(d, count, esize);
  for (int64_t r = 0; ok && r < count[0];) {
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    int64_t n = step - (first[0] + r) % step;  // the next border of a chunk
    if (n > count[0] - r) n = count[0] - r;
    start[0] = (hsize_t)(first[0] + r);
    size[0] = (hsize_t)n;
    hid_t memory = H5Screate_simple(d->ndim, size, NULL);
    herr_t got = H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, size, NULL);
    char *p = (char *)data + (size_t)r * line;
    if (got >= 0) got = write ? H5Dwrite(d->obj, mem, memory, file, H5P_DEFAULT, p) : H5Dread(d->obj, mem, memory, file, H5P_DEFAULT, p);
    if (got < 0) ok = ow_h5_fail(h, e, write ? "write" : "read", name, NULL);
    if (memory >= 0) H5Sclose(memory);
    r += n;
  }
  H5Sclose(file);
  return ok;
}

static bool range(ow_h5 *h, const char *name, const ow_h5_data *d, const int64_t *first, const int64_t *count, int64_t *f,
                  int64_t *c, ow_err *e) {
  for (int i = 0; i < d->ndim; i++) {
    int64_t n = (int64_t)d->dims[i];
    f[i] = first ? first[i] : 0;
    c[i] = count ? count[i] : -1;
    if (f[i] < 0 || f[i] > n) return OW_FAIL(e, OW_EARG, "%s: \"%s\": first: axis %d has %lld entries, got %lld", h->path, name, i + 1, (long long)n, (long long)f[i] + 1);
    if (c[i] < 0) c[i] = n - f[i];
    if (c[i] > n - f[i])
      return OW_FAIL(e, OW_EARG, "%s: \"%s\": count: axis %d has %lld entries from %lld on, asked for %lld", h->path, name, i + 1,
                     (long long)(n - f[i]), (long long)f[i] + 1, (long long)c[i]);
  }
  return true;
}

static bool read_numbers(ow_h5 *h, const char *name, const char *key, const ow_h5_data *d, const ow_h5_kind *k,
                         const int64_t *first, const int64_t *count, ow_tensor *out, ow_err *e) {
  int64_t f[OW_MAXDIM], c[OW_MAXDIM];
  if (!range(h, name, d, first, count, f, c, e) || !ow_tensor_new(out, k->dtype, d->ndim, c, e)) return false;
  void *data = ow_tensor_data(out);
  int64_t n = ow_tensor_numel(out);
  bool ok = true;
  if (n > 0 && key) ok = H5Aread(d->attr, k->mem, data) >= 0 || ow_h5_fail(h, e, "read", name, key);
  else if (n > 0) ok = transfer(h, name, d, k->mem, f, c, data, false, e);
  if (ok && k->u64)
    for (int64_t i = 0; ok && i < n; i++)
      if (((int64_t *)data)[i] < 0)
        ok = OW_FAIL(e, OW_EDTYPE, "%s: \"%s\" holds %llu, which no 64-bit signed integer can", h->path, name,
                     (unsigned long long)((uint64_t *)data)[i]);
  if (!ok) ow_tensor_close(out);
  return ok;
}

bool ow_h5_read(ow_h5 *h, const char *name, const char *key, const int64_t *first, const int64_t *count, ow_tensor *out, ow_err *e) {
  ow_h5_data d;
  ow_h5_kind k;
  if (!ow_h5_data_open(h, name, key, &d, e)) return false;
  bool ok = false;
  ow_h5_kind_of(d.type, &k);
  if (k.cls == OW_H5_NUMBERS || k.cls == OW_H5_BOOLS) ok = read_numbers(h, name, key, &d, &k, first, count, out, e);
  else OW_FAIL(e, OW_EDTYPE, "%s: \"%s\" holds no numbers of a type we know", h->path, key ? key : name);
  if (k.mem >= 0) H5Tclose(k.mem);
  ow_h5_data_close(&d);
  return ok;
}

static size_t bounded_length(const char *s, size_t n) {
  const char *z = memchr(s, 0, n);
  return z ? (size_t)(z - s) : n;
}

static herr_t read_raw(const ow_h5_data *d, hid_t mem, void *out) {
  return d->attr >= 0 ? H5Aread(d->attr, mem, out) : H5Dread(d->obj, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
}

static bool read_variable(ow_h5 *h, const char *name, const char *key, const ow_h5_data *d, int64_t n, ow_text *text, int64_t *ends, ow_err *e) {
  char **s = ow_alloc_zero((size_t)n * sizeof *s, e);
  if (!s) return false;
  hid_t mem = H5Tcopy(H5T_C_S1);
  H5Tset_size(mem, H5T_VARIABLE);
  H5Tset_cset(mem, H5Tget_cset(d->type));
  bool ok = read_raw(d, mem, s) >= 0;
  if (!ok) ow_h5_fail(h, e, "read", name, key);
  else {
    for (int64_t i = 0; ok && i < n; i++) {
      ok = !s[i] || ow_text_puts(text, s[i], e);
      ends[i] = (int64_t)text->len;
    }
    H5Dvlen_reclaim(mem, d->space, H5P_DEFAULT, s);
  }
  H5Tclose(mem);
  ow_free(s);
  return ok;
}

static bool read_fixed(ow_h5 *h, const char *name, const char *key, const ow_h5_data *d, int64_t n, bool bytes, ow_text *text, int64_t *ends, ow_err *e) {
  size_t size = H5Tget_size(d->type);
  if (size == 0) return OW_FAIL(e, OW_EFORMAT, "%s: \"%s\" holds strings of size 0", h->path, name);
  char *raw = ow_alloc_array((size_t)n, size, e);
  if (!raw) return false;
  hid_t mem = H5Tcopy(d->type);
  H5T_str_t pad = bytes ? H5T_STR_NULLPAD : H5Tget_strpad(d->type);
  bool ok = read_raw(d, mem, raw) >= 0;
  if (!ok) ow_h5_fail(h, e, "read", name, key);
  for (int64_t i = 0; ok && i < n; i++) {
    const char *s = raw + (size_t)i * size;
    size_t len = bytes ? size : bounded_length(s, size);
    if (pad == H5T_STR_SPACEPAD) while (len && s[len - 1] == ' ') len--;
    ok = ow_text_put(text, s, len, e);
    ends[i] = (int64_t)text->len;
  }
  H5Tclose(mem);
  ow_free(raw);
  return ok;
}

bool ow_h5_read_strings(ow_h5 *h, const char *name, const char *key, ow_text *text, int64_t **ends, int64_t *n, ow_err *e) {
  ow_h5_data d;
  if (!ow_h5_data_open(h, name, key, &d, e)) return false;
  H5T_class_t cls = H5Tget_class(d.type);
  bool ok = false;
  *n = 1;
  *ends = NULL;
  for (int i = 0; i < d.ndim; i++)
    if (__builtin_mul_overflow(*n, (int64_t)d.dims[i], n)) *n = INT64_MAX;
  if (cls != H5T_STRING && cls != H5T_OPAQUE) OW_FAIL(e, OW_EDTYPE, "%s: \"%s\" holds no strings", h->path, key ? key : name);
  else if (*n > (int64_t)1 << 31) OW_FAIL(e, OW_EFORMAT, "%s: \"%s\" holds %lld strings: too many", h->path, name, (long long)*n);
  else if ((*ends = ow_alloc_array((size_t)*n, 8, e))) {
    if (*n == 0) ok = true;
    else if (cls == H5T_STRING && H5Tis_variable_str(d.type) > 0) ok = read_variable(h, name, key, &d, *n, text, *ends, e);
    else ok = read_fixed(h, name, key, &d, *n, cls == H5T_OPAQUE, text, *ends, e);
  }
  if (!ok) {
    ow_free(*ends);
    *ends = NULL;
  }
  ow_h5_data_close(&d);
  return ok;
}

// ---- writing -------------------------------------------------------------------------------

// About 1 MiB a chunk (64 KiB for one that grows by appending): halve the longest side.
static void choose_chunk(int64_t *chunk, int ndim, const int64_t *shape, size_t esize, bool grows) {
  int64_t line = (int64_t)esize;
  for (int i = 0; i < ndim; i++) chunk[i] = shape[i] > 0 ? shape[i] : 1;
  for (int i = grows; i < ndim; i++) line *= chunk[i];
  const int64_t most = 1 << 20;
  for (; line > most; line = line / 2) {
    int at = -1;
    for (int i = grows; i < ndim; i++) if (chunk[i] > 1 && (at < 0 || chunk[i] > chunk[at])) at = i;
    if (at < 0) break;
    chunk[at] = (chunk[at] + 1) / 2;
  }
  if (grows) {
    int64_t row = (int64_t)esize;
    for (int i = 1; i < ndim; i++) row *= chunk[i];
    chunk[0] = row < 65536 ? 65536 / row : 1;
  }
}

static bool layout_list(ow_h5 *h, const char *name, const ow_h5_layout *l, int ndim, const int64_t *shape, size_t esize, bool grows,
                        hid_t *out, ow_err *e) {
  hid_t p = *out = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(p, false);
  if (ndim == 0) return true;
  bool empty = false;
  for (int i = 0; i < ndim; i++) empty |= shape[i] == 0;
  if (empty && !grows) return true;
  if (!grows && (!l || (!l->chunked && !l->chunk_ndim && !l->compress && !l->checksum))) return true;
  int64_t chunk[OW_MAXDIM];
  hsize_t c[OW_MAXDIM];
  if (l && l->chunk_ndim) {
    if (l->chunk_ndim != ndim) return OW_FAIL(e, OW_EARG, "chunk: expected %d sizes, one an axis, got %d", ndim, l->chunk_ndim);
    memcpy(chunk, l->chunk, sizeof chunk);
  } else choose_chunk(chunk, ndim, shape, esize, grows);
  double bytes = (double)esize;
  for (int i = 0; i < ndim; i++) {
    if (chunk[i] < 1) return OW_FAIL(e, OW_EARG, "chunk: sizes are 1 or more, got %lld", (long long)chunk[i]);
    if (!(grows && i == 0) && chunk[i] > shape[i]) chunk[i] = shape[i] > 0 ? shape[i] : 1;
    c[i] = (hsize_t)chunk[i];
    bytes *= (double)chunk[i];
  }
  if (bytes >= 4294967296.0) return OW_FAIL(e, OW_EARG, "chunk: HDF5 takes chunks below 4 GiB, got %.0f bytes", bytes);
  if (H5Pset_chunk(p, ndim, c) < 0) return ow_h5_fail(h, e, "set the chunks of", name, NULL);
  if (l && l->compress > 0) {
    if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) <= 0) return OW_FAIL(e, OW_EMISSING, "this HDF5 library was built without deflate");
    if (esize > 1) H5Pset_shuffle(p);
    if (H5Pset_deflate(p, (unsigned)l->compress) < 0) return ow_h5_fail(h, e, "compress", name, NULL);
  }
  if (l && l->checksum) H5Pset_fletcher32(p);
  return true;
}

static bool create(ow_h5 *h, const char *name, const char *key, hid_t type, int ndim, const int64_t *shape, bool grows,
                   const ow_h5_layout *l, ow_h5_data *d, ow_err *e) {
  *d = (ow_h5_data){.obj = -1, .attr = -1, .type = -1, .space = -1, .ndim = ndim, .scalar = ndim == 0};
  if (!h->writable) return OW_FAIL(e, OW_EARG, "%s: the file is open for reading only", h->path);
  if (key ? !*key : (!*name || name[strlen(name) - 1] == '/')) return OW_FAIL(e, OW_EARG, "\"%s\" is no name for a dataset or an attribute", key ? key : name);
  if (key && !ow_h5_exists(h, name, NULL)) return OW_FAIL(e, OW_EARG, "%s: there is no \"%s\"", h->path, name);
  if (!key && ow_h5_exists(h, name, NULL)) {
    ow_h5_info info;
    if (ow_h5_describe(h, name, NULL, &info, e) && info.cls == OW_H5_GROUP)
      return OW_FAIL(e, OW_EARG, "%s: \"%s\" is a group", h->path, name);
  }
  if (!ow_h5_remove(h, name, key, e)) return false;
  hsize_t most[OW_MAXDIM];
  for (int i = 0; i < ndim; i++) d->dims[i] = most[i] = (hsize_t)shape[i];
  if (grows) most[0] = H5S_UNLIMITED;
  d->space = ndim ? H5Screate_simple(ndim, d->dims, most) : H5Screate(H5S_SCALAR);
  d->type = H5Tcopy(type);
  if (key) {
    hid_t acpl = H5Pcreate(H5P_ATTRIBUTE_CREATE);
    H5Pset_char_encoding(acpl, H5T_CSET_UTF8);
    d->obj = H5Oopen(h->id, root_or(name), H5P_DEFAULT);
    if (d->obj >= 0) d->attr = H5Acreate2(d->obj, key, d->type, d->space, acpl, H5P_DEFAULT);
    if (d->attr < 0) ow_h5_fail(h, e, "make the", name, key);
    H5Pclose(acpl);
    if (d->attr >= 0) return true;
  } else {
    hid_t dcpl, links = ow_h5_links();
    bool ok = layout_list(h, name, l, ndim, shape, H5Tget_size(type), grows, &dcpl, e);
    if (ok) {
      d->obj = H5Dcreate2(h->id, name, d->type, d->space, links, dcpl, H5P_DEFAULT);
      if (d->obj < 0) ok = ow_h5_fail(h, e, "make", name, NULL);
    }
    H5Pclose(links);
    H5Pclose(dcpl);
    if (ok) return true;
  }
  ow_h5_data_close(d);
  return false;
}

static bool put(ow_h5 *h, const char *name, const char *key, ow_h5_data *d, hid_t mem, const int64_t *first, const int64_t *count,
                const void *data, ow_err *e) {
  if (!key) return transfer(h, name, d, mem, first, count, (void *)(uintptr_t)data, true, e);
  return H5Awrite(d->attr, mem, data) >= 0 || ow_h5_fail(h, e, "write", name, key);
}

bool ow_h5_write(ow_h5 *h, const char *name, const char *key, const ow_tensor *t, const ow_h5_layout *l, ow_err *e) {
  static const int64_t zero[OW_MAXDIM];
  ow_tensor c;
  ow_h5_data d;
  if (!ow_tensor_contiguous(&c, t, e)) return false;
  hid_t type = ow_h5_type_of(t->dtype);
  bool ok = create(h, name, key, type, c.ndim, c.shape, false, l, &d, e);
  if (ok) {
    if (ow_tensor_numel(&c) > 0) ok = put(h, name, key, &d, type, zero, c.shape, ow_tensor_data(&c), e);
    ow_h5_data_close(&d);
  }
  H5Tclose(type);
  ow_tensor_close(&c);
  return ok;
}

bool ow_h5_write_bool(ow_h5 *h, const char *name, const char *key, bool v, ow_err *e) {
  ow_h5_data d;
  int8_t b = v;
  hid_t type = bool_type();
  bool ok = create(h, name, key, type, 0, NULL, false, NULL, &d, e);
  if (ok) {
    ok = put(h, name, key, &d, type, NULL, NULL, &b, e);
    ow_h5_data_close(&d);
  }
  H5Tclose(type);
  return ok;
}

// Text goes into strings of variable length; bytes that are no text into an opaque value.
bool ow_h5_write_strings(ow_h5 *h, const char *name, const char *key, const char *const *s, const size_t *len, int64_t n,
                         bool scalar, ow_err *e) {
  ow_h5_data d;
  bool text = true;
  for (int64_t i = 0; i < n; i++) {
    bool plain = !memchr(s[i], 0, len[i]) && ow_utf8_valid(s[i], len[i]) == len[i];
    if (!plain && !scalar) return OW_FAIL(e, OW_EARG, "string %lld is not UTF-8 text without zero bytes; only a single string may be", (long long)i + 1);
    text &= plain;
  }
  hid_t type;
  if (text) {
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
  } else {
    type = H5Tcreate(H5T_OPAQUE, len[0]);
    H5Tset_tag(type, "");  // h5py knows no other
  }
  bool ok = create(h, name, key, type, scalar ? 0 : 1, &n, false, NULL, &d, e);
  if (ok) {
    static const int64_t zero[1];
    if (n > 0) ok = put(h, name, key, &d, type, zero, &n, text ? (const void *)s : s[0], e);
    ow_h5_data_close(&d);
  }
  H5Tclose(type);
  return ok;
}

static bool grow(ow_h5 *h, const char *name, const ow_tensor *t, ow_err *e) {
  ow_h5_data d;
  ow_h5_kind k;
  char a[160];
  if (!ow_h5_data_open(h, name, NULL, &d, e)) return false;
  bool fits = d.ndim == t->ndim && d.max[0] == H5S_UNLIMITED;
  for (int i = 1; i < t->ndim && fits; i++) fits = (int64_t)d.dims[i] == t->shape[i];
  bool ok = false;
  ow_tensor c = {0};
  ow_h5_kind_of(d.type, &k);
  if (!fits)
    OW_FAIL(e, OW_ESHAPE, "%s: \"%s\" cannot take rows of shape %s: it has another shape, or a fixed length", h->path, name,
            ow_shape_string(a, t->ndim - 1, t->shape + 1));
  else if (k.cls != OW_H5_NUMBERS || k.u64) OW_FAIL(e, OW_EDTYPE, "%s: \"%s\" holds no numbers that can be appended to", h->path, name);
  else if (ow_tensor_cast(&c, t, k.dtype, false, e)) {
    int64_t first[OW_MAXDIM] = {(int64_t)d.dims[0]};
    hsize_t dims[OW_MAXDIM];
    memcpy(dims, d.dims, sizeof dims);
    dims[0] += (hsize_t)c.shape[0];
    ok = H5Dset_extent(d.obj, dims) >= 0 || ow_h5_fail(h, e, "lengthen", name, NULL);
    if (ok && ow_tensor_numel(&c) > 0) {
      ok = transfer(h, name, &d, k.mem, first, c.shape, ow_tensor_data(&c), true, e);
      if (!ok) H5Dset_extent(d.obj, d.dims);  // as it was
    }
    ow_tensor_close(&c);
  }
  if (k.mem >= 0) H5Tclose(k.mem);
  ow_h5_data_close(&d);
  return ok;
}

bool ow_h5_append(ow_h5 *h, const char *name, const ow_tensor *t, const ow_h5_layout *l, ow_err *e) {
  if (t->ndim == 0) return OW_FAIL(e, OW_ESHAPE, "a scalar cannot be appended: expected one dimension or more");
  if (!h->writable) return OW_FAIL(e, OW_EARG, "%s: the file is open for reading only", h->path);
  if (ow_h5_exists(h, name, NULL)) return grow(h, name, t, e);
  int64_t shape[OW_MAXDIM];
  memcpy(shape, t->shape, sizeof shape);
  shape[0] = 0;
  hid_t type = ow_h5_type_of(t->dtype);
  ow_h5_data d;
  bool ok = create(h, name, NULL, type, t->ndim, shape, true, l, &d, e);
  H5Tclose(type);
  if (!ok) return false;
  ow_h5_data_close(&d);
  return grow(h, name, t, e);
}
