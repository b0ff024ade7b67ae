// What benchmarks compare with: memcpy on all threads, and glibc's vector library.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lua/owlua.h"
#include "op/peer.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// copy_time(dst, src): seconds of one memcpy of src's bytes, shared by the threads.
static int f_copy_time(lua_State *L) {
  ow_tensor *d = owl_checktensor(L, 1, "copy_time", "dst"), *s = owl_checktensor(L, 2, "copy_time", "src");
  size_t bytes = (size_t)ow_tensor_numel(s) * ow_dtype_size(s->dtype), part = 1u << 20;
  if (!ow_tensor_is_contiguous(d) || !ow_tensor_is_contiguous(s) ||
      (size_t)ow_tensor_numel(d) * ow_dtype_size(d->dtype) != bytes)
    return owl_error(L, "copy_time", OW_ESHAPE, "needs two contiguous tensors of one size");
  char *to = ow_tensor_data(d);
  const char *from = ow_tensor_data(s);
  int n = ow_threads();
  if (bytes / (size_t)n < part) part = bytes / (size_t)n + 1;
  double t0 = now();
#pragma omp parallel for num_threads(n) schedule(static)
  for (int k = 0; k < n; k++) {  // one stretch a thread
    size_t a = bytes / (size_t)n * (size_t)k, b = k == n - 1 ? bytes : bytes / (size_t)n * (size_t)(k + 1);
    memcpy(to + a, from + a, b - a);
  }
  lua_pushnumber(L, now() - t0);
  return 1;
}

// libmvec_time(name, out, a [, b]): seconds of one call over f64 or f32 tensors on one
// thread, or nil where the library or the function is missing.
static int f_libmvec_time(lua_State *L) {
  static void *lib;
  const char *fn = "libmvec_time", *name = owl_checkstr(L, 1, fn, "name");
  bool two = !lua_isnoneornil(L, 4);
  ow_tensor *t[3] = {0};
  for (int i = 0; i < 2 + two; i++) {
    t[i] = owl_checktensor(L, i + 2, fn, "tensor");
    if (!ow_dtype_is_float(t[0]->dtype) || t[i]->dtype != t[0]->dtype || !ow_tensor_is_contiguous(t[i]) ||
        ow_tensor_numel(t[i]) != ow_tensor_numel(t[0]))
      return owl_error(L, fn, OW_ESHAPE, "needs contiguous f64 or f32 tensors of one size");
  }
  bool single = t[0]->dtype == OW_F32;
  const ow_peer_type *k = single ? &ow_peer()->f32 : &ow_peer()->f64;
  char symbol[80];
  if (!lib) lib = dlopen("libmvec.so.1", RTLD_NOW);
  if (!lib || !k->one) return 0;
  snprintf(symbol, sizeof symbol, "%s_%.40s%s", two ? k->two : k->one, name, single ? "f" : "");
  void *f = dlsym(lib, symbol);
  if (!f) return 0;
  int64_t n = ow_tensor_numel(t[0]);
  double t0 = now();
  if (two) k->run2(f, ow_tensor_data(t[0]), ow_tensor_data(t[1]), ow_tensor_data(t[2]), n);
  else k->run1(f, ow_tensor_data(t[0]), ow_tensor_data(t[1]), n);
  lua_pushnumber(L, now() - t0);
  return 1;
}

static int f_clock(lua_State *L) {
  lua_pushnumber(L, now());
  return 1;
}

int ow_open_bench(lua_State *L) {
  static const luaL_Reg funcs[] = {{"copy_time", f_copy_time}, {"libmvec_time", f_libmvec_time}, {"clock", f_clock}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
