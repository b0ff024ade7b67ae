// Files, groups, names, the probe. Invariant: a writable file lives under its temporary name
// until a clean close; whatever goes wrong before, the user's file is untouched.
// New files use the 1.8 format or later, whose metadata carry checksums, and no time stamps:
// equal content gives equal bytes.
#include "io/h5_types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/threads.h"

static bool start(ow_err *e) {
  static bool ready;
  if (ready) return true;
  if (H5open() < 0) return OW_FAIL(e, OW_EIO, "the HDF5 library could not start");
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  // A link into another file would get around the probe.
  H5Lunregister(H5L_TYPE_EXTERNAL);
  ready = true;
  return true;
}

const char *ow_h5_library(void) {
  static char v[32];
  unsigned a = 0, b = 0, c = 0;
  H5get_libversion(&a, &b, &c);
  snprintf(v, sizeof v, "%u.%u.%u", a, b, c);
  return v;
}

static herr_t innermost(unsigned n, const H5E_error2_t *err, void *out) {
  (void)n;
  if (err->desc && *err->desc) snprintf(out, 160, "%s", err->desc);
  return 0;
}

bool ow_h5_fail(ow_h5 *h, ow_err *e, const char *what, const char *name, const char *key) {
  char why[160] = "", where[160];
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, innermost, why);
  H5Eclear2(H5E_DEFAULT);
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (key) snprintf(where, sizeof where, " attribute \"%.60s\" of \"%.60s\"", key, name);
  else if (name) snprintf(where, sizeof where, " \"%.120s\"", name);
  else where[0] = 0;
  return OW_FAIL(e, OW_EFORMAT, "%s: cannot %s%s%s%s", h->path, what, where, *why ? ": HDF5 says: " : "", why);
}

// ---- opening and closing -------------------------------------------------------------------

static hid_t access_list(bool writable) {
  hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
  if (writable) H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(fapl, false, true);  // a read-only or network folder must not matter
#endif
  return fapl;
}

static bool copy_into(ow_replace *r, const char *path, ow_err *e) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return OW_FAIL(e, OW_EIO, "%s: cannot open: %s", path, strerror(errno));
  enum { PIECE = 1 << 20 };
  char *buf = ow_alloc(PIECE, e);
  bool ok = buf != NULL;
  while (ok) {
    ssize_t k = read(fd, buf, PIECE);
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) ok = OW_FAIL(e, OW_EIO, "%s: cannot read: %s", path, strerror(errno));
    if (k <= 0) break;
    ok = ow_replace_write(r, buf, (size_t)k, e);
  }
  ow_free(buf);
  close(fd);
  return ok;
}

// `creator` says that the file is ours; only then does `format_version` mean what we mean.
static bool check_version(ow_h5 *h, ow_err *e) {
  ow_h5_info info;
  ow_text text = {0};
  int64_t *ends = NULL, n;
  ow_tensor t;
  if (!ow_h5_exists(h, "/", "creator") || !ow_h5_exists(h, "/", "format_version")) return true;
  if (!ow_h5_describe(h, "/", "creator", &info, e) || info.cls != OW_H5_STRINGS || !info.scalar) return true;
  if (!ow_h5_read_strings(h, "/", "creator", &text, &ends, &n, e)) return false;
  bool ours = text.len >= 6 && !memcmp(text.data, "orowan", 6);
  char by[60];
  ow_quote(by, sizeof by, text.data, text.len);
  ow_text_free(&text);
  ow_free(ends);
  if (!ours) return true;
  if (!ow_h5_describe(h, "/", "format_version", &info, e)) return false;
  if (info.cls != OW_H5_NUMBERS || !info.scalar || !ow_dtype_is_int(info.dtype))
    return OW_FAIL(e, OW_EFORMAT, "%s: its format_version is no integer", h->path);
  if (!ow_h5_read(h, "/", "format_version", NULL, NULL, &t, e)) return false;
  ow_tensor wide;
  bool ok = ow_tensor_cast(&wide, &t, OW_I64, true, e);
  ow_tensor_close(&t);
  if (!ok) return false;
  int64_t version = *(int64_t *)ow_tensor_data(&wide);
  ow_tensor_close(&wide);
  if (version >= 1 && version <= OW_H5_FORMAT) return true;
  OW_FAIL(e, OW_EFORMAT, "%s: format_version %lld, written by %s; this program reads up to %d", h->path, (long long)version,
          by, OW_H5_FORMAT);
  return ow_hint(e, "a newer Orowan reads it");
}

static bool mark(ow_h5 *h, ow_err *e) {
  const char *by = "orowan " OW_VERSION;
  size_t n = strlen(by);
  int64_t version = OW_H5_FORMAT;
  ow_tensor t;
  if (!ow_tensor_new(&t, OW_I64, 0, NULL, e)) return false;
  memcpy(ow_tensor_data(&t), &version, 8);
  bool ok = ow_h5_write(h, "/", "format_version", &t, NULL, e);
  ow_tensor_close(&t);
  return ok && ow_h5_write_strings(h, "/", "creator", &by, &n, 1, true, e);
}

static bool open_read(ow_h5 *h, ow_err *e) {
  struct stat st;
  if (stat(h->path, &st)) return OW_FAIL(e, OW_EIO, "%s: cannot open: %s", h->path, strerror(errno));
  if (!S_ISREG(st.st_mode)) return OW_FAIL(e, OW_EIO, "%s: cannot open: not a regular file", h->path);
  if (st.st_size == 0) return OW_FAIL(e, OW_EFORMAT, "%s: the file is empty", h->path);
  hid_t fapl = access_list(false);
  hid_t id = H5Fopen(h->path, H5F_ACC_RDONLY, fapl);
  if (id < 0) ow_h5_fail(h, e, "open as HDF5", NULL, NULL);  // any other call clears the library's reasons
  H5Pclose(fapl);
  if (id < 0) return false;
  h->id = id;
  return true;
}

static bool open_write(ow_h5 *h, bool keep_old, ow_err *e) {
  struct stat st;
  bool copy = keep_old && !stat(h->path, &st);
  if (!ow_replace_begin(&h->file, h->path, e)) return false;
  if (copy && !copy_into(&h->file, h->path, e)) return false;
  ow_replace_detach(&h->file);
  hid_t fapl = access_list(true);
  hid_t fcpl = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_obj_track_times(fcpl, false);
  hid_t id = copy ? H5Fopen(h->file.temp, H5F_ACC_RDWR, fapl) : H5Fcreate(h->file.temp, H5F_ACC_TRUNC, fcpl, fapl);
  if (id < 0) ow_h5_fail(h, e, copy ? "open as HDF5" : "create", NULL, NULL);
  H5Pclose(fapl);
  H5Pclose(fcpl);
  if (id < 0) return false;
  h->id = id;
  h->writable = true;
  return copy ? true : mark(h, e);
}

bool ow_h5_open(ow_h5 *h, const char *path, char mode, ow_err *e) {
  memset(h, 0, sizeof *h);
  h->file.fd = -1;
  if (!start(e)) return false;
  H5Eclear2(H5E_DEFAULT);
  if (strlen(path) >= sizeof h->path) return OW_FAIL(e, OW_EIO, "%.60s...: the name is too long", path);
  strcpy(h->path, path);
  bool ok = mode == 'r' ? open_read(h, e) : open_write(h, mode == 'a', e);
  if (ok && mode != 'w') ok = check_version(h, e);
  if (!ok) {
    ow_err ignored;
    ow_h5_close(h, false, &ignored);
  }
  return ok;
}

bool ow_h5_close(ow_h5 *h, bool keep, ow_err *e) {
  bool ok = true;
  if (h->id > 0) {
    H5Eclear2(H5E_DEFAULT);
    if (H5Fclose(h->id) < 0) ok = ow_h5_fail(h, e, "close", NULL, NULL);
    h->id = 0;
    if (ok && keep && h->writable) ok = ow_replace_commit(&h->file, e);
  }
  ow_replace_abort(&h->file);
  return ok;
}

// ---- names ---------------------------------------------------------------------------------

static bool is_root(const char *name) { return !*name || !strcmp(name, "/") || !strcmp(name, "."); }

// Does every component exist? H5Lexists wants to be asked one step at a time.
static bool path_exists(hid_t file, const char *name) {
  if (is_root(name)) return true;
  size_t n = strlen(name);
  if (n >= 4096) return false;
  char part[4096];
  for (size_t i = 1; i <= n; i++) {
    if (name[i] && name[i] != '/') continue;
    if (name[i - 1] == '/') continue;
    memcpy(part, name, i);
    part[i] = 0;
    if (H5Lexists(file, part, H5P_DEFAULT) <= 0) return false;
  }
  return H5Oexists_by_name(file, name, H5P_DEFAULT) > 0;  // not so for a dangling link
}

bool ow_h5_exists(ow_h5 *h, const char *name, const char *key) {
  bool yes = path_exists(h->id, name);
  if (yes && key) yes = H5Aexists_by_name(h->id, is_root(name) ? "/" : name, key, H5P_DEFAULT) > 0;
  H5Eclear2(H5E_DEFAULT);
  return yes;
}

hid_t ow_h5_links(void) {
  hid_t p = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(p, 1);
  H5Pset_char_encoding(p, H5T_CSET_UTF8);
  return p;
}

bool ow_h5_group(ow_h5 *h, const char *name, ow_err *e) {
  if (!h->writable) return OW_FAIL(e, OW_EARG, "%s: the file is open for reading only", h->path);
  if (is_root(name)) return true;
  if (path_exists(h->id, name)) {
    hid_t o = H5Oopen(h->id, name, H5P_DEFAULT);
    bool group = o >= 0 && H5Iget_type(o) == H5I_GROUP;
    if (o >= 0) H5Oclose(o);
    return group ? true : OW_FAIL(e, OW_EARG, "%s: \"%s\" is there and is no group", h->path, name);
  }
  hid_t links = ow_h5_links(), gcpl = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(gcpl, false);
  hid_t g = H5Gcreate2(h->id, name, links, gcpl, H5P_DEFAULT);
  if (g < 0) ow_h5_fail(h, e, "make the group", name, NULL);
  else H5Gclose(g);
  H5Pclose(links);
  H5Pclose(gcpl);
  return g >= 0;
}

bool ow_h5_remove(ow_h5 *h, const char *name, const char *key, ow_err *e) {
  if (!h->writable) return OW_FAIL(e, OW_EARG, "%s: the file is open for reading only", h->path);
  if (!ow_h5_exists(h, name, key)) return true;
  if (is_root(name) && !key) return OW_FAIL(e, OW_EARG, "%s: the root group cannot be removed", h->path);
  herr_t r = key ? H5Adelete_by_name(h->id, is_root(name) ? "/" : name, key, H5P_DEFAULT) : H5Ldelete(h->id, name, H5P_DEFAULT);
  return r < 0 ? ow_h5_fail(h, e, "remove", name, key) : true;
}

typedef struct { ow_text *out; ow_err *e; bool failed; } lister;

static herr_t add_name(lister *l, const char *name) {
  if (ow_text_put(l->out, name, strlen(name) + 1, l->e)) return 0;
  l->failed = true;
  return -1;
}
static herr_t add_link(hid_t g, const char *name, const H5L_info_t *info, void *ctx) {
  (void)g, (void)info;
  return add_name(ctx, name);
}
static herr_t add_attribute(hid_t o, const char *name, const H5A_info_t *info, void *ctx) {
  (void)o, (void)info;
  return add_name(ctx, name);
}
static herr_t add_object(hid_t o, const char *name, const H5O_info_t *info, void *ctx) {
  (void)o, (void)info;
  return add_name(ctx, name);
}

bool ow_h5_list(ow_h5 *h, const char *name, bool attributes, ow_text *out, ow_err *e) {
  lister l = {out, e, false};
  if (!path_exists(h->id, name)) return OW_FAIL(e, OW_EARG, "%s: there is no \"%s\"", h->path, name);
  hid_t o = H5Oopen(h->id, is_root(name) ? "/" : name, H5P_DEFAULT);
  if (o < 0) return ow_h5_fail(h, e, "open", name, NULL);
  bool ok;
  if (attributes) ok = H5Aiterate2(o, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, &l) >= 0;
  else if (H5Iget_type(o) != H5I_GROUP) {
    H5Oclose(o);
    return OW_FAIL(e, OW_EARG, "%s: \"%s\" is no group", h->path, name);
  } else ok = H5Literate(o, H5_INDEX_NAME, H5_ITER_INC, NULL, add_link, &l) >= 0;
  if (!ok && !l.failed) ow_h5_fail(h, e, "list", name, NULL);
  H5Oclose(o);
  return ok;
}

// ---- the probe -----------------------------------------------------------------------------

static void limit(int what, rlim_t value) {
  struct rlimit r;
  if (getrlimit(what, &r)) return;
  if (r.rlim_max != RLIM_INFINITY && value > r.rlim_max) value = r.rlim_max;
  r.rlim_cur = value;
  setrlimit(what, &r);
}

static bool probe_value(ow_h5 *h, const char *name, const char *key, ow_err *e) {
  ow_h5_info info;
  if (!ow_h5_describe(h, name, key, &info, e)) return false;
  if (info.cls == OW_H5_STRINGS || info.cls == OW_H5_BYTES) {
    ow_text text = {0};
    int64_t *ends = NULL, n;
    bool ok = ow_h5_read_strings(h, name, key, &text, &ends, &n, e);
    ow_text_free(&text);
    ow_free(ends);
    return ok;
  }
  if (info.cls != OW_H5_NUMBERS && info.cls != OW_H5_BOOLS) return true;
  int64_t first[OW_MAXDIM] = {0}, count[OW_MAXDIM], rows = info.ndim ? info.shape[0] : 1, line = (int64_t)ow_dtype_size(info.dtype);
  for (int d = 0; d < info.ndim; d++) {
    count[d] = -1;
    if (d && __builtin_mul_overflow(line, info.shape[d] > 0 ? info.shape[d] : 1, &line)) line = INT64_MAX / 2;
  }
  if (key || info.ndim == 0) {
    ow_tensor t;
    if (!ow_h5_read(h, name, key, NULL, NULL, &t, e)) return false;
    ow_tensor_close(&t);
    return true;
  }
  // More than 1100 times what is stored can only be fill values (deflate reaches 1032): the
  // ends of such a dataset tell as much as its whole.
  const int64_t piece = (int64_t)64 << 20;
  int64_t step = line > piece ? 1 : piece / line;
  bool sparse = (double)line * (double)rows > 1100.0 * (double)info.stored + (double)((int64_t)256 << 20);
  if (line > ((int64_t)1 << 32)) return true;  // one row cannot be read at once; neither will we later
  for (int64_t r = 0; r < rows; r += step) {
    if (sparse && r > 0 && r + step < rows) r = rows - step;
    first[0] = r;
    count[0] = rows - r < step ? rows - r : step;
    ow_tensor t;
    if (!ow_h5_read(h, name, NULL, first, count, &t, e)) return false;
    ow_tensor_close(&t);
  }
  return true;
}

bool ow_h5_read_all(const char *path, ow_err *e) {
  ow_h5 h;
  if (!ow_h5_open(&h, path, 'r', e)) return false;
  ow_text names = {0}, keys = {0};
  lister l = {&names, e, false};
  bool ok = H5Ovisit(h.id, H5_INDEX_NAME, H5_ITER_INC, add_object, &l) >= 0;
  if (!ok && !l.failed) ow_h5_fail(&h, e, "walk through", "/", NULL);
  // A value that cannot be read is no reason to refuse the others: reading it will say so.
  // Only what ends this process counts.
  for (const char *n = names.data, *end = n + names.len; ok && n < end && !ow_interrupted(); n += strlen(n) + 1) {
    ow_err passed;
    ow_h5_info info;
    keys.len = 0;
    if (!ow_h5_describe(&h, n, NULL, &info, &passed)) continue;
    if (info.cls != OW_H5_GROUP) probe_value(&h, n, NULL, &passed);
    if (!ow_h5_list(&h, n, true, &keys, &passed)) continue;
    for (const char *k = keys.data, *kend = k + keys.len; k < kend; k += strlen(k) + 1) probe_value(&h, n, k, &passed);
  }
  ow_text_free(&names);
  ow_text_free(&keys);
  ow_err ignored;
  ow_h5_close(&h, false, ok ? e : &ignored);
  return ok;
}

bool ow_h5_probe(const char *path, double seconds, ow_err *e) {
  struct stat st;
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, (rlim_t)seconds + 1);
  if (!OW_ASAN && !stat(path, &st)) limit(RLIMIT_AS, (rlim_t)st.st_size * 2 + ((rlim_t)8 << 30));
  return ow_h5_read_all(path, e);
}
