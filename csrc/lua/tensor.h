// What the tensor bindings share: one element to and from Lua, views, assignment.
#ifndef OW_LUA_TENSOR_H
#define OW_LUA_TENSOR_H
#include "lua/owlua.h"

// Pushes one element: integer, number, or {re, im} for a complex dtype.
void owl_pushelement(lua_State *L, ow_dtype dtype, const void *p);
// Stores the number, boolean or {re, im} at idx, checked; raises when it does not fit.
void owl_storeelement(lua_State *L, int idx, const char *fn, ow_dtype dtype, void *p);
// Is the value at idx something owl_storeelement takes for this dtype?
bool owl_iselement(lua_State *L, int idx, ow_dtype dtype);
// A new tensor object on the same storage; change its shape, strides, offset afterwards.
ow_tensor *owl_pushview(lua_State *L, const ow_tensor *src);
// The tensor's first element, also when it is empty.
static inline char *owl_base(const ow_tensor *t) { return ow_tensor_data(t); }
// dst[...] = number, table or tensor at idx: broadcast and checked.
void owl_assign(lua_State *L, const char *fn, const ow_tensor *dst, int idx);
// Refuses tensors whose elements share memory (broadcast views), and devices.
void owl_checkwritable(lua_State *L, const char *fn, const ow_tensor *t);
void owl_checkdistinct(lua_State *L, const char *fn, const ow_tensor *t);  // broadcast views only
void owl_fill(lua_State *L, const char *fn, const ow_tensor *t, const void *value);  // on any device
void owl_checkhost(lua_State *L, const char *fn, const ow_tensor *t);
// A user's index (1-based, negative from the end) of an axis of n -> 0-based; raises naming
// axis, index and size.
int64_t owl_index(lua_State *L, const char *fn, lua_Integer i, int axis, int64_t n);
// Shape as owl_checkshape, but each call may end in a dtype name: zeros(2, 3, "f32").
int owl_shape_dtype(lua_State *L, int idx, const char *fn, int64_t *shape, ow_dtype *dtype, bool *given);

// Changes a view in place (view.c): one index of an axis, a range of it, a new axis of size 1.
void owl_drop_axis(ow_tensor *v, int axis, int64_t index0);
void owl_slice_axis(lua_State *L, const char *fn, ow_tensor *v, int axis, bool has_first, lua_Integer first,
                    bool has_last, lua_Integer last, lua_Integer step);
void owl_insert_axis(ow_tensor *v, int axis);

// __index for integers, tables and tensors (index.c); the key is at 2.
int owl_getindex(lua_State *L);

#endif
