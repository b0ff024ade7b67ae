// Our own fuzzer: deterministic mutations (Philox, keyed by seed and run), guided by coverage
// where the compiler gives it (gcc -fsanitize-coverage=trace-pc: an input that takes a new
// branch is kept and mutated further). Bounded by time. Sanitizers end the process at the
// first fault; the input is then in FOLDER/crash-TARGET.
//   driver [-s SECONDS] [-r SEED] [-d FOLDER] TARGET...   fuzz
//   driver --run TARGET FILE...                           run these inputs once
//   driver --seeds TARGET FOLDER                          write the seeds
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/sys.h"
#include "fuzz/fuzz.h"

enum { INPUT_BYTES = 1 << 16, CORPUS_SIZE = 4096, PLACES = 1 << 16, HANG_SECONDS = 20 };

static const fuzz_target *const targets[] = {&fuzz_json, &fuzz_table, &fuzz_png, &fuzz_ions, &fuzz_h5};
enum { NTARGETS = sizeof targets / sizeof *targets };

static struct { uint8_t *data; size_t n; } corpus[CORPUS_SIZE];
static int ncorpus;
static uint8_t input[INPUT_BYTES];
static size_t input_n;
static const char *folder = ".", *running = "none";

// ---- faults --------------------------------------------------------------------------------

static void save_input(void) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/crash-%s", folder, running);
  FILE *f = fopen(path, "wb");
  if (!f) return;
  fwrite(input, 1, input_n, f);
  fclose(f);
  fprintf(stderr, "\n%s: the input (%zu bytes) is in %s\n", running, input_n, path);
}

void fuzz_check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s: broken promise: %s\n", running, what);
  save_input();
  _exit(77);
}

static void on_alarm(int sig) {
  (void)sig;
  fprintf(stderr, "%s: no end after %d s\n", running, HANG_SECONDS);
  save_input();
  _exit(78);
}

void __sanitizer_set_death_callback(void (*f)(void)) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

// ---- coverage ------------------------------------------------------------------------------

static uint8_t hit[PLACES], seen[PLACES];
extern const char __executable_start;

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize_address, no_sanitize_undefined)) void __sanitizer_cov_trace_pc(void) {
  static uintptr_t last;  // pairs of places: which branch led here
  uintptr_t pc = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&__executable_start;
  uintptr_t h = (pc ^ pc >> 16) * 0x9E3779B1u;
  uint8_t *p = &hit[(h ^ last) % PLACES];
  if (*p < 255) ++*p;
  last = h >> 1;
}

// Counts fall into classes 1, 2, 3, 4-7, 8-15, ...: is one new?
static bool new_coverage(void) {
  bool fresh = false;
  for (int i = 0; i < PLACES; i++) {
    if (!(i & 7)) {
      uint64_t eight;
      memcpy(&eight, hit + i, 8);
      if (!eight) { i += 7; continue; }
    }
    if (!hit[i]) continue;
    uint8_t c = hit[i], bit = (uint8_t)(c < 4 ? 1 << (c - 1) : c < 8 ? 8 : c < 16 ? 16 : c < 32 ? 32 : c < 128 ? 64 : 128);
    if (seen[i] & bit) continue;
    seen[i] |= bit;
    fresh = true;
  }
  return fresh;
}

// ---- mutations -----------------------------------------------------------------------------

static void keep(const void *data, size_t n) {
  if (ncorpus == CORPUS_SIZE || n > INPUT_BYTES) return;
  corpus[ncorpus].data = malloc(n ? n : 1);
  if (!corpus[ncorpus].data) return;
  memcpy(corpus[ncorpus].data, data, n);
  corpus[ncorpus++].n = n;
}

static uint64_t below(ow_rng *g, uint64_t n) { return n ? ow_rng_below(g, n) : 0; }

static void insert(size_t at, const void *p, size_t n) {
  if (n > INPUT_BYTES - input_n) return;
  memmove(input + at + n, input + at, input_n - at);
  memcpy(input + at, p, n);
  input_n += n;
}

static void mutate_once(const fuzz_target *t, ow_rng *g) {
  static const uint64_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x7fffffffffffffff, UINT64_MAX, 16, 64, 1000};
  size_t at = below(g, input_n + 1), len = 1 + below(g, below(g, 4) ? 8 : 200);
  if (input_n && at == input_n) at--;
  size_t room = input_n - at;
  if (len > room) len = room;
  switch (below(g, 10)) {
    case 0: if (room) input[at] ^= (uint8_t)(1u << below(g, 8)); break;
    case 1: if (room) input[at] = (uint8_t)below(g, 256); break;
    case 2: if (room) input[at] = (uint8_t)(input[at] + (int)below(g, 35) - 17); break;
    case 3: {  // an odd number, either byte order
      uint64_t v = odd[below(g, sizeof odd / sizeof *odd)] + below(g, 3) - 1;
      size_t w = (size_t)1 << below(g, 4);
      bool big = below(g, 2);
      for (size_t i = 0; i < w && i < room; i++) input[at + i] = (uint8_t)(v >> 8 * (big ? w - 1 - i : i));
      break;
    }
    case 4: memmove(input + at, input + at + len, room - len), input_n -= len; break;
    case 5: {  // a piece of itself elsewhere
      uint8_t piece[256];
      memcpy(piece, input + at, len);
      insert(below(g, input_n + 1), piece, len);
      break;
    }
    case 6: {  // a piece of another
      int k = (int)below(g, (uint64_t)ncorpus);
      size_t from = below(g, corpus[k].n + 1), n = below(g, corpus[k].n - from + 1);
      insert(at, corpus[k].data + from, n);
      break;
    }
    case 7: input_n = at; break;
    default:
      if (t->words && below(g, 3)) {
        int n = 0;
        while (t->words[n]) n++;
        const char *w = t->words[below(g, (uint64_t)n)];
        insert(at, w, strlen(w));
      } else {
        uint8_t b[8];
        for (int i = 0; i < 8; i++) b[i] = (uint8_t)below(g, 256);
        insert(at, b, 1 + below(g, 8));
      }
  }
}

static void mutate(const fuzz_target *t, ow_rng *g) {
  // Young inputs, which found something new, come twice as often as old ones.
  int k = (int)below(g, (uint64_t)ncorpus);
  if (below(g, 2)) k = ncorpus - 1 - (int)below(g, (uint64_t)(ncorpus + 3) / 4);
  memcpy(input, corpus[k].data, corpus[k].n);
  input_n = corpus[k].n;
  for (int n = 1 << below(g, 5); n > 0; n--) mutate_once(t, g);
  if (t->fix && below(g, 8)) t->fix(input, input_n);
}

// ---- runs ----------------------------------------------------------------------------------

static void run_input(const fuzz_target *t) {
  alarm(HANG_SECONDS);
  t->run(input, input_n);
  alarm(0);
}

static void fuzz(const fuzz_target *t, double seconds, uint64_t seed) {
  for (int i = 0; i < ncorpus; i++) free(corpus[i].data);
  ncorpus = 0;
  memset(seen, 0, sizeof seen);
  running = t->name;
  t->seeds(keep);
  int nseeds = ncorpus;
  uint64_t stream = 0;
  for (const char *c = t->name; *c; c++) stream = stream * 131 + (uint8_t)*c;
  double start = ow_clock();
  uint64_t runs = 0;
  for (; ow_clock() - start < seconds || runs < (uint64_t)nseeds; runs++) {
    if (runs < (uint64_t)nseeds) {
      input_n = corpus[runs].n;
      memcpy(input, corpus[runs].data, input_n);
    } else {
      ow_rng g = ow_rng_make(seed, stream << 32 | runs);
      mutate(t, &g);
    }
    memset(hit, 0, sizeof hit);
    run_input(t);
    if (!t->outside && new_coverage() && runs >= (uint64_t)nseeds) keep(input, input_n);
    if (__lsan_do_recoverable_leak_check && !(runs & 0x3fff)) fuzz_check(!__lsan_do_recoverable_leak_check(), "nothing leaks");
  }
  char more[200] = "";
  if (t->outside) {
    fuzz_h5_finish();
    fuzz_h5_report(more, sizeof more);
  } else snprintf(more, sizeof more, ", %d inputs kept", ncorpus - nseeds);
  if (__lsan_do_recoverable_leak_check) fuzz_check(!__lsan_do_recoverable_leak_check(), "nothing leaks");
  printf("%s: %llu runs in %.0f s (seed %llu)%s\n", t->name, (unsigned long long)runs, ow_clock() - start, (unsigned long long)seed, more);
  fflush(stdout);
}

static const fuzz_target *find(const char *name) {
  for (int i = 0; i < NTARGETS; i++) if (!strcmp(targets[i]->name, name)) return targets[i];
  fprintf(stderr, "fuzz: no target %s; there are:", name);
  for (int i = 0; i < NTARGETS; i++) fprintf(stderr, " %s", targets[i]->name);
  fprintf(stderr, "\n");
  exit(2);
}

static int run_files(const fuzz_target *t, char **files) {
  running = t->name;
  for (; *files; files++) {
    FILE *f = fopen(*files, "rb");
    if (!f) return perror(*files), 1;
    input_n = fread(input, 1, sizeof input, f);
    fclose(f);
    run_input(t);
  }
  if (t->outside) fuzz_h5_finish();
  return 0;
}

static const char *seed_folder;
static void write_seed(const void *data, size_t n) {
  static int k;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/seed-%d", seed_folder, k++);
  FILE *f = fopen(path, "wb");
  if (f) {
    fwrite(data, 1, n, f);
    fclose(f);
  }
}

int main(int argc, char **argv) {
  double seconds = 20;
  uint64_t seed = 1;
  int i = 1;
  if (argc > 1 && !strcmp(argv[1], "--child")) return fuzz_h5_child(argc - 2, argv + 2);
  ow_alloc_set_budget((uint64_t)512 << 20);
  signal(SIGALRM, on_alarm);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(save_input);
  if (argc > 3 && !strcmp(argv[1], "--run")) return run_files(find(argv[2]), argv + 3);
  if (argc > 3 && !strcmp(argv[1], "--seeds")) {
    seed_folder = argv[3];
    find(argv[2])->seeds(write_seed);
    return 0;
  }
  for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
    if (argv[i][1] == 's') seconds = atof(argv[i + 1]);
    else if (argv[i][1] == 'r') seed = strtoull(argv[i + 1], NULL, 10);
    else if (argv[i][1] == 'd') folder = argv[i + 1];
  }
  if (i == argc) for (int k = 0; k < NTARGETS; k++) fuzz(targets[k], seconds, seed);
  for (; i < argc; i++) fuzz(find(argv[i]), seconds, seed);
  for (i = 0; i < ncorpus; i++) free(corpus[i].data);
  ncorpus = 0;
  return 0;
}
