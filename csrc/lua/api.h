// What the core lends to optional modules, which are shared objects of their own and must not carry
// a second copy of it. A module asks orowan.core.api for this table and refuses a version that it
// was not built for.
#ifndef OW_LUA_API_H
#define OW_LUA_API_H
#include "geometry/pair_list.h"
#include "lua/owlua.h"

enum { OW_API_VERSION = 1 };

typedef struct {
  int version;
  int (*error)(lua_State *L, const char *fn, ow_code code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
  int (*raise)(lua_State *L, const char *fn, const ow_err *e);
  bool (*fail)(ow_err *e, const char *file, int line, ow_code code, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
  ow_tensor *(*pusharray)(lua_State *L, int idx, const char *fn, const char *name, ow_dtype dtype, int ndim);
  ow_tensor *(*pushnew)(lua_State *L, const char *fn, ow_dtype dtype, int ndim, const int64_t *shape);
  void *(*data)(const ow_tensor *t);
  void *(*alloc)(size_t count, size_t size, ow_err *e);
  void (*free)(void *p);
  bool (*pair_list_build)(ow_pair_list *l, const double cell[9], const bool periodic[3], const double *x, int64_t n, double cutoff, ow_err *e);
  void (*pair_list_free)(ow_pair_list *l);
  bool (*interrupted)(void);
} ow_api;

#endif
