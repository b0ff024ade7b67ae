// CPUID alone is not enough: the system must also save the wide registers (XCR0).
// __builtin_cpu_supports checks both.
#include "simd/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ow_simd level;
static char complaint[160];
static int ready;

static ow_simd best(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512cd"))
    return OW_SIMD_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2"))
    return OW_SIMD_AVX2;
  return OW_SIMD_BASE;
#elif defined(__aarch64__)
  return OW_SIMD_NEON;
#else
  return OW_SIMD_BASE;
#endif
}

const char *ow_simd_name(ow_simd l) {
  static const char *const names[] = {"base", "avx2", "avx512", "neon"};
  return names[l];
}

ow_simd ow_simd_level(void) {
  if (ready) return level;
  ow_simd top = best();
  level = top;
  const char *v = getenv("OROWAN_SIMD");
  if (v && *v) {
    int found = -1;
    for (int i = 0; i <= OW_SIMD_NEON; i++)
      if (!strcmp(v, ow_simd_name((ow_simd)i))) found = i;
    int usable = found >= 0 && (top == OW_SIMD_NEON ? found == OW_SIMD_NEON : found <= (int)top);
    if (usable)
      level = (ow_simd)found;
    else
      snprintf(complaint, sizeof complaint, "OROWAN_SIMD=%.20s: %s (levels: base, avx2, avx512, neon; this machine: up to %s)",
               v, found < 0 ? "unknown level" : "this machine does not have it", ow_simd_name(top));
  }
  ready = 1;
  return level;
}

const char *ow_simd_complaint(void) {
  ow_simd_level();
  return complaint[0] ? complaint : NULL;
}
