// HDF5. The library crashes on some broken files, so what is tested is the promise of the
// probe: a child process reads the mutated file; whatever happens to the child, we live on,
// and a file that the child could read does us no harm either. Crashes of the library are
// counted; a fault in our own code, in the child or here, is a failure.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sys.h"
#include "fuzz/fuzz.h"
#include "io/h5_types.h"

enum { BATCH = 64 };
static char dir[PATH_MAX];
static int pending;
static struct { int read, refused, crashed, hung; } count;

static bool in_dir(char *out, const char *name, int k) { return snprintf(out, PATH_MAX, "%.4000s/%s%d", dir, name, k) < PATH_MAX; }

static void cleanup(void) {
  ow_err e;
  if (*dir) ow_remove_tree(dir, &e);
}

static void start(void) {
  ow_err e;
  if (*dir) return;
  fuzz_check(ow_mktempdir("ow-fuzz", dir, &e), "there is a temporary folder");
  atexit(cleanup);
}

// ---- seeds ---------------------------------------------------------------------------------

static void add_file(const char *path, void (*add)(const void *, size_t)) {
  static uint8_t b[1 << 16];
  FILE *f = fopen(path, "rb");
  size_t n = f ? fread(b, 1, sizeof b, f) : 0;
  if (f) fclose(f);
  unlink(path);
  if (n) add(b, n);
}

static void ours(const char *path) {
  ow_h5 h;
  ow_tensor t;
  ow_err e;
  const char *s[] = {"a", "bc"};
  const size_t len[] = {1, 2};
  const int64_t shape[2] = {8, 5};
  ow_h5_layout packed = {.compress = 6, .checksum = true, .chunk_ndim = 2, .chunk = {3, 2}};
  if (!ow_h5_open(&h, path, 'w', &e)) return;
  if (ow_tensor_zeros(&t, OW_F64, 2, shape, &e)) {
    for (int i = 0; i < 40; i++) ((double *)ow_tensor_data(&t))[i] = i;
    ow_h5_write(&h, "plain", NULL, &t, NULL, &e);
    ow_h5_write(&h, "g/packed", NULL, &t, &packed, &e);
    ow_h5_append(&h, "g/rows", &t, NULL, &e);
    ow_tensor_close(&t);
  }
  ow_h5_write_strings(&h, "text", NULL, s, len, 2, false, &e);
  ow_h5_write_bool(&h, "plain", "ok", true, &e);
  ow_h5_close(&h, true, &e);
}

// The oldest format, which has no checksums, so that mutations go deep.
static void oldest(const char *path) {
  hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hsize_t dims[2] = {6, 4}, chunk[2] = {2, 3}, most[2] = {H5S_UNLIMITED, 4};
  int32_t v[24];
  for (int i = 0; i < 24; i++) v[i] = i * 1000;
  hid_t g = H5Gcreate2(f, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate_simple(2, dims, NULL);
  hid_t d = H5Dcreate2(g, "plain", H5T_STD_I32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(d, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
  H5Dclose(d);
  hid_t p = H5Pcreate(H5P_DATASET_CREATE), grows = H5Screate_simple(2, dims, most);
  H5Pset_chunk(p, 2, chunk);
  H5Pset_shuffle(p);
  H5Pset_deflate(p, 4);
  d = H5Dcreate2(f, "packed", H5T_STD_I32LE, grows, H5P_DEFAULT, p, H5P_DEFAULT);
  H5Dwrite(d, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
  hid_t str = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
  H5Tset_size(str, H5T_VARIABLE);
  hid_t a = H5Acreate2(d, "unit", str, one, H5P_DEFAULT, H5P_DEFAULT);
  const char *unit = "MPa";
  H5Awrite(a, str, &unit);
  H5Aclose(a);
  H5Dclose(d);
  hid_t fixed = H5Tcopy(H5T_C_S1), cplx = ow_h5_type_of(OW_C64);
  H5Tset_size(fixed, 5);
  d = H5Dcreate2(f, "fixed", fixed, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dclose(d);
  d = H5Dcreate2(f, "complex", cplx, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dclose(d);
  H5Lcreate_soft("/group/plain", f, "soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(f, "/group", g, "loop", H5P_DEFAULT, H5P_DEFAULT);
  H5Tclose(fixed), H5Tclose(cplx), H5Tclose(str), H5Pclose(p), H5Sclose(space), H5Sclose(grows), H5Sclose(one), H5Gclose(g);
  H5Fclose(f);
}

static void seeds(void (*add)(const void *, size_t)) {
  char path[PATH_MAX];
  start();
  if (!in_dir(path, "seed", 0)) return;
  ours(path);
  add_file(path, add);
  oldest(path);
  add_file(path, add);
}

// ---- children ------------------------------------------------------------------------------

// Reads the files named by folder and numbers; says on stdout which one it is at.
int fuzz_h5_child(int argc, char **argv) {
  ow_err e;
  if (argc < 3) return 2;
  snprintf(dir, sizeof dir, "%s", argv[0]);
  ow_alloc_set_budget((uint64_t)512 << 20);
  for (int k = atoi(argv[1]); k < atoi(argv[2]); k++) {
    char path[PATH_MAX];
    in_dir(path, "in", k);
    printf("%d ", k);
    fflush(stdout);
    alarm(5);
    putchar(ow_h5_read_all(path, &e) ? 'y' : 'n');
    putchar('\n');
    fflush(stdout);
  }
  fflush(stdout);
  _exit(0);  // the library's own exit would trip over what it lost on broken files
}

// Is the fault in our code: the first frame of the report that is not the sanitizer's?
static bool ours_to_blame(const char *report) {
  if (strstr(report, "runtime error") || strstr(report, "broken promise")) return true;
  const char *s = strstr(report, "ERROR: AddressSanitizer");
  for (; s && (s = strstr(s, "\n    #")); s++) {
    const char *end = strchr(s + 1, '\n');
    size_t n = end ? (size_t)(end - s) : strlen(s);
    char line[400];
    snprintf(line, sizeof line, "%.*s", n < 390 ? (int)n : 390, s);
    if (strstr(line, "interceptor") || strstr(line, "asan") || strstr(line, "sanitizer")) continue;
    return strstr(line, "csrc/") != NULL;
  }
  return false;
}

static void read_here(int k) {
  char path[PATH_MAX];
  ow_err e;
  in_dir(path, "in", k);
  fuzz_check(ow_h5_read_all(path, &e), "what the child could read, we can");
  count.read++;
}

static void run_batch(void) {
  static char self[PATH_MAX];
  if (!*self) fuzz_check(readlink("/proc/self/exe", self, sizeof self - 1) > 0, "there is /proc/self/exe");
  for (int from = 0; from < pending;) {
    char a[16], b[16];
    snprintf(a, sizeof a, "%d", from);
    snprintf(b, sizeof b, "%d", pending);
    const char *argv[] = {self, "--child", dir, a, b, NULL};
    const char *env[] = {"ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=2048:symbolize=1", NULL};
    ow_spawn s = {.argv = argv, .env = env, .in = OW_NULL, .out = OW_PIPE, .err = OW_PIPE};
    ow_process p;
    ow_err e;
    bool late = false;
    alarm(0);
    fuzz_check(ow_process_start(&p, &s, &e), "a child starts");
    ow_process_run(&p, NULL, 0, 5.0 * BATCH, &late, &e);
    char none[1] = "", *at = p.outbuf.p ? p.outbuf.p : none;
    int last = from - 1;
    while (*at) {  // "K y" or "K n"; a lone "K " is where it died
      char *end;
      long k = strtol(at, &end, 10);
      if (end == at) break;
      last = (int)k;
      if (end[0] != ' ' || (end[1] != 'y' && end[1] != 'n')) break;
      if (end[1] == 'y') read_here(last);
      else count.refused++;
      last++;
      at = end + 2 + (end[2] == '\n');
    }
    bool fine = p.done && !p.signal && p.status == 0;
    if (!fine) {
      const char *report = p.errbuf.p ? p.errbuf.p : "";
      if (ours_to_blame(report)) {
        char path[PATH_MAX], kept[PATH_MAX];
        in_dir(path, "in", last < 0 ? 0 : last);
        snprintf(kept, sizeof kept, "%.4000s", "crash-h5-child");
        if (rename(path, kept)) perror(kept);
        fprintf(stderr, "%s\nthe input is in %s\n", report, kept);
        fuzz_check(false, "our code is not at fault in the child");
      }
      if (late || p.signal == SIGALRM || p.signal == SIGXCPU) count.hung++;
      else count.crashed++;
      last++;
    }
    ow_process_close(&p);
    fuzz_check(fine ? last == pending : last > from, "the batch goes on");
    from = last;
  }
  pending = 0;
}

static void run(const uint8_t *data, size_t n) {
  char path[PATH_MAX];
  start();
  in_dir(path, "in", pending);
  FILE *f = fopen(path, "wb");
  fuzz_check(f && fwrite(data, 1, n, f) == n, "an input can be written");
  fclose(f);
  if (++pending == BATCH) run_batch();
}

void fuzz_h5_finish(void) {
  run_batch();
}

void fuzz_h5_report(char *out, size_t n) {
  snprintf(out, n, ": %d read, %d refused, the library crashed on %d and hung on %d", count.read, count.refused, count.crashed, count.hung);
}

const fuzz_target fuzz_h5 = {"h5", seeds, run, NULL, NULL, true};
