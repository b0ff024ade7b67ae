// Yardsticks of the benchmarks: the processor's own multiply-add rate, and FFTW called
// directly on prepared memory. Not public.
#include <complex.h>
#include <fftw3.h>
#include <time.h>

#include "lua/owlua.h"
#include "simd/peak.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// peak.mul_add(dtype): operations per second over ow_threads() threads, best of twenty.
static int f_mul_add(lua_State *L) {
  ow_dtype t = owl_checkdtype(L, 1, "mul_add");
  double best = 0;
  int threads = ow_threads();
  for (int r = 0; r < 20; r++) {
    double flops = 0, start = now();
#pragma omp parallel for num_threads(threads) reduction(+ : flops)
    for (int k = 0; k < threads; k++) {
      double d;
      float f;
      flops += t == OW_F32 ? ow_peak()->mul_add_f32(1000000, &f) : ow_peak()->mul_add_f64(1000000, &d);
    }
    double rate = flops / (now() - start);
    if (rate > best) best = rate;
  }
  lua_pushnumber(L, best);
  return 1;
}

// peak.fftw(rows, n, repeats): seconds for one pass over rows of n complex numbers, one
// thread, plan made before, best of `repeats`. n2 > 0: rows transforms of n x n2.
static int f_fftw(lua_State *L) {
  int64_t rows = owl_checkint(L, 1, "fftw", "rows", 1, 1 << 24), n = owl_checkint(L, 2, "fftw", "n", 1, 1 << 26);
  int repeats = (int)owl_checkint(L, 3, "fftw", "repeats", 1, 1000000);
  int64_t n2 = lua_isnoneornil(L, 4) ? 0 : owl_checkint(L, 4, "fftw", "n2", 1, 1 << 26);
  int dims[2] = {(int)n, (int)n2}, size = (int)(n2 ? n * n2 : n);
  int64_t shape[2] = {rows, size};
  ow_tensor *a = owl_pushnew(L, "fftw", OW_C128, 2, shape), *b = owl_pushnew(L, "fftw", OW_C128, 2, shape);
  fftw_complex *in = ow_tensor_data(a), *out = ow_tensor_data(b);
  fftw_plan p = fftw_plan_many_dft(n2 ? 2 : 1, dims, (int)rows, in, NULL, 1, size, out, NULL, 1, size, FFTW_FORWARD, FFTW_ESTIMATE);
  if (!p) return owl_error(L, "fftw", OW_ENUMERIC, "no plan");
  for (int64_t i = 0; i < rows * size; i++) in[i] = CMPLX((double)(i % 17) - 8, (double)(i % 5) - 2);
  double best = 1e300;
  for (int r = 0; r < repeats; r++) {
    double start = now();
    fftw_execute(p);
    double t = now() - start;
    if (t < best) best = t;
  }
  fftw_destroy_plan(p);
  lua_pushnumber(L, best);
  return 1;
}

int ow_open_peak(lua_State *L) {
  static const luaL_Reg funcs[] = {{"mul_add", f_mul_add}, {"fftw", f_fftw}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
