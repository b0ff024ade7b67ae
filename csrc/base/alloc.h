// One allocator for all numeric blocks: 64-byte aligned, cached by size class, counted
// against a budget. Fresh pages cost several times what reused ones do, so freed blocks
// are kept and handed out again; the cache is given back when the budget needs it.
#ifndef OW_BASE_ALLOC_H
#define OW_BASE_ALLOC_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

// Under AddressSanitizer blocks have their exact size and are never cached, so that it sees
// every overrun, use after free and leak.
#if defined(__SANITIZE_ADDRESS__)
#define OW_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OW_ASAN 1
#endif
#endif
#ifndef OW_ASAN
#define OW_ASAN 0
#endif

// Contents are undefined. Zero bytes give a valid block. NULL fills e (OW_EMEM), naming
// what was asked, what is in use and the budget.
void *ow_alloc(size_t bytes, ow_err *e);
void *ow_alloc_zero(size_t bytes, ow_err *e);
// Grows or shrinks, keeping the first min(old, new) bytes; on failure p stays valid.
void *ow_realloc(void *p, size_t bytes, ow_err *e);
void ow_free(void *p);  // NULL is fine
// count * size with an overflow check; NULL and OW_EMEM when it does not fit.
void *ow_alloc_array(size_t count, size_t size, ow_err *e);

typedef struct {
  uint64_t in_use, cached, peak, budget;  // bytes; budget 0 = none
  uint64_t allocations, reuses;           // calls; how many of them the cache served
} ow_alloc_stats_t;
ow_alloc_stats_t ow_alloc_stats(void);
void ow_alloc_set_budget(uint64_t bytes);  // also read from OROWAN_MEMORY (bytes, K, M, G, T)
const char *ow_alloc_complaint(void);      // why OROWAN_MEMORY was not obeyed, or NULL
void ow_alloc_trim(void);                  // gives all cached blocks back to the system

// Called once, outside the lock and on the asking thread, when an allocation would pass
// the budget; the Lua side collects garbage there. May be NULL.
void ow_alloc_set_collector(void (*collect)(void));
void ow_alloc_collect(void);  // calls it, for memory that is not ours to count (devices)
// "4000000000", "500M", "4G" -> bytes; false: no size.
bool ow_parse_bytes(const char *text, uint64_t *bytes);

#endif
