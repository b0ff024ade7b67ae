// Size classes: four steps per power of two from 64 bytes up, so at most a quarter of a
// block is waste. Each class has a LIFO list (the most recently freed block is warmest).
// A header of one cache line in front of the block holds its class, which keeps the user
// pointer 64-byte aligned.
#include "base/alloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NCLASS = 4 * 48, HEADER = 64 };

typedef struct block {
  size_t size;  // user bytes of the class
  int cls;
  struct block *next;
} block;

static struct {
  pthread_mutex_t lock;
  block *lists[NCLASS];
  ow_alloc_stats_t s;
  void (*collect)(void);
  bool ready;
} A = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool bad_env;

bool ow_parse_bytes(const char *v, uint64_t *bytes) {
  char *end;
  double x = strtod(v, &end);
  switch (*end) {
    case 'k': case 'K': x *= 0x1p10; end++; break;
    case 'm': case 'M': x *= 0x1p20; end++; break;
    case 'g': case 'G': x *= 0x1p30; end++; break;
    case 't': case 'T': x *= 0x1p40; end++; break;
  }
  if (end > v && *end == 'i') end++;
  if (end > v && (*end == 'B' || *end == 'b')) end++;
  if (end == v || *end || !(x >= 0 && x < 9e18)) return false;
  *bytes = (uint64_t)x;
  return true;
}

static uint64_t budget_from_env(void) {
  const char *v = getenv("OROWAN_MEMORY");
  uint64_t bytes = 0;
  bad_env = v && *v && !ow_parse_bytes(v, &bytes);
  return bad_env ? 0 : bytes;
}

// Called with the lock held.
static void get_ready(void) {
  if (A.ready) return;
  A.ready = true;
  A.s.budget = budget_from_env();
}

static int class_of(size_t bytes, size_t *size) {
  if (OW_ASAN) { *size = bytes; return 0; }
  if (bytes <= 64) { *size = 64; return 0; }
  int p = 63 - __builtin_clzll(bytes - 1);  // 2^p <= bytes-1 < 2^(p+1)
  size_t step = (size_t)1 << (p - 2), base = (size_t)1 << p;
  size_t k = (bytes - base + step - 1) / step;  // 1..4
  *size = base + k * step;
  return (p - 6) * 4 + (int)k;
}

static void release_cache_locked(void) {
  for (int c = 0; c < NCLASS; c++) {
    for (block *b = A.lists[c], *n; b; b = n) { n = b->next; free(b); }
    A.lists[c] = NULL;
  }
  A.s.cached = 0;
}

static block *take_locked(int cls, size_t size) {
  A.s.allocations++;
  block *b = A.lists[cls];
  if (b) {
    A.lists[cls] = b->next;
    A.s.cached -= size;
    A.s.reuses++;
  } else {
    if (A.s.budget && A.s.in_use + A.s.cached + size > A.s.budget) release_cache_locked();
    if (posix_memalign((void **)&b, 64, size + HEADER)) {
      release_cache_locked();
      if (posix_memalign((void **)&b, 64, size + HEADER)) return NULL;
    }
    b->size = size;
    b->cls = cls;
  }
  A.s.in_use += size;
  if (A.s.in_use > A.s.peak) A.s.peak = A.s.in_use;
  return b;
}

void *ow_alloc(size_t bytes, ow_err *e) {
  size_t size;
  if (bytes > (size_t)1 << 46) {
    OW_FAIL(e, OW_EMEM, "asked for %zu bytes: more than this system can address", bytes);
    return NULL;
  }
  int cls = class_of(bytes, &size);
  for (int pass = 0; pass < 2; pass++) {
    pthread_mutex_lock(&A.lock);
    get_ready();
    block *b = NULL;
    bool over = A.s.budget && A.s.in_use + size > A.s.budget;
    if (!over) b = take_locked(cls, size);
    void (*collect)(void) = A.collect;
    pthread_mutex_unlock(&A.lock);
    if (b) return (char *)b + HEADER;
    if (pass == 0 && collect) collect();
  }
  ow_alloc_stats_t s = ow_alloc_stats();
  if (s.budget && s.in_use + size > s.budget) {
    OW_FAIL(e, OW_EMEM, "out of memory: asked for %.1f MiB, %.1f MiB in use, budget %.1f MiB",
            bytes / 1048576.0, s.in_use / 1048576.0, s.budget / 1048576.0);
    ow_hint(e, "raise OROWAN_MEMORY, or work in smaller pieces");
  } else {
    OW_FAIL(e, OW_EMEM, "out of memory: the system refused %.1f MiB, %.1f MiB in use",
            bytes / 1048576.0, s.in_use / 1048576.0);
  }
  return NULL;
}

void *ow_alloc_zero(size_t bytes, ow_err *e) {
  void *p = ow_alloc(bytes, e);
  if (p) memset(p, 0, bytes);
  return p;
}

void *ow_alloc_array(size_t count, size_t size, ow_err *e) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    OW_FAIL(e, OW_EMEM, "asked for %zu items of %zu bytes: too large", count, size);
    return NULL;
  }
  return ow_alloc(bytes, e);
}

void ow_free(void *p) {
  if (!p) return;
  block *b = (block *)((char *)p - HEADER);
  pthread_mutex_lock(&A.lock);
  A.s.in_use -= b->size;
  // Keep no more idle bytes than half the budget, so that the cache cannot starve others.
  if (OW_ASAN || (A.s.budget && A.s.cached + b->size > A.s.budget / 2)) {
    pthread_mutex_unlock(&A.lock);
    free(b);
    return;
  }
  b->next = A.lists[b->cls];
  A.lists[b->cls] = b;
  A.s.cached += b->size;
  pthread_mutex_unlock(&A.lock);
}

void *ow_realloc(void *p, size_t bytes, ow_err *e) {
  if (!p) return ow_alloc(bytes, e);
  block *b = (block *)((char *)p - HEADER);
  size_t size;
  if (!OW_ASAN && bytes <= b->size && class_of(bytes, &size) == b->cls) return p;
  void *q = ow_alloc(bytes, e);
  if (!q) return NULL;
  memcpy(q, p, b->size < bytes ? b->size : bytes);
  ow_free(p);
  return q;
}

const char *ow_alloc_complaint(void) {
  ow_alloc_stats();  // reads the environment
  return bad_env ? "OROWAN_MEMORY: expected a size in bytes such as 4000000000, 500M or 4G" : NULL;
}

ow_alloc_stats_t ow_alloc_stats(void) {
  pthread_mutex_lock(&A.lock);
  get_ready();
  ow_alloc_stats_t s = A.s;
  pthread_mutex_unlock(&A.lock);
  return s;
}

void ow_alloc_set_budget(uint64_t bytes) {
  pthread_mutex_lock(&A.lock);
  get_ready();
  A.s.budget = bytes;
  if (bytes && A.s.in_use + A.s.cached > bytes) release_cache_locked();
  pthread_mutex_unlock(&A.lock);
}

void ow_alloc_trim(void) {
  pthread_mutex_lock(&A.lock);
  release_cache_locked();
  pthread_mutex_unlock(&A.lock);
}

void ow_alloc_collect(void) {
  pthread_mutex_lock(&A.lock);
  void (*collect)(void) = A.collect;
  pthread_mutex_unlock(&A.lock);
  if (collect) collect();
}

void ow_alloc_set_collector(void (*collect)(void)) {
  pthread_mutex_lock(&A.lock);
  A.collect = collect;
  pthread_mutex_unlock(&A.lock);
}
