// Bindings of csrc/linalg: products, systems, factorisations, eigenvalues. Annotations and
// formulas: lua/orowan/meta/linalg.lua.
#include <math.h>

#include "linalg/linalg.h"
#include "linalg/matmul.h"
#include "lua/owlua.h"
#include "lua/tensor.h"

// The operand at idx as a tensor on host memory; stays on the stack at `idx`.
static ow_tensor *operand(lua_State *L, int idx, const char *fn, const char *name) {
  ow_tensor *t = owl_pushfromlua(L, idx, fn, name, -1);
  lua_replace(L, idx);
  return t;
}

// A real 0-d tensor on top becomes a plain number; anything else stays a tensor.
static void scalar_to_number(lua_State *L) {
  ow_tensor *t = owl_totensor(L, -1);
  if (t->ndim || ow_dtype_is_complex(t->dtype)) return;
  if (t->dtype == OW_I64) lua_pushinteger(L, *(int64_t *)ow_tensor_data(t));
  else lua_pushnumber(L, t->dtype == OW_F32 ? *(float *)ow_tensor_data(t) : *(double *)ow_tensor_data(t));
  ow_tensor_close(t);
  lua_replace(L, -2);
}

// `out` as a tensor at idx or as a field of the options table there; pushes it, or nothing.
static ow_tensor *opt_out(lua_State *L, int idx, const char *fn) {
  ow_tensor *out;
  if (owl_totensor(L, idx)) {
    lua_pushvalue(L, idx);
    out = owl_checktensor(L, -1, fn, "out");
  } else {
    if (!lua_isnoneornil(L, idx) && !lua_istable(L, idx)) owl_badarg(L, fn, "options", "a table or the output tensor", idx);
    out = owl_optfield_tensor(L, idx, fn, "out");
  }
  if (out) owl_checkwritable(L, fn, out);
  return out;
}

static void check_options(lua_State *L, int idx, const char *fn) {
  if (!lua_isnoneornil(L, idx) && !lua_istable(L, idx)) owl_badarg(L, fn, "options", "a table", idx);
}

static int product(lua_State *L, const char *fn, const ow_tensor *a, const ow_tensor *b) {
  ow_err e;
  ow_tensor *out = opt_out(L, 3, fn);
  if (!out) {
    int ndim;
    int64_t shape[OW_MAXDIM];
    if (!ow_matmul_shape(a, b, &ndim, shape, &e)) return owl_raise(L, fn, &e);
    out = owl_pushnew(L, fn, ow_matmul_dtype(a->dtype, b->dtype), ndim, shape);
  }
  if (!ow_matmul(out, a, b, &e)) return owl_raise(L, fn, &e);
  return 1;
}

static int f_matmul(lua_State *L) {
  ow_tensor *a = operand(L, 1, "matmul", "a"), *b = operand(L, 2, "matmul", "b");
  return product(L, "matmul", a, b);
}

static int f_dot(lua_State *L) {
  ow_tensor *a = operand(L, 1, "dot", "a"), *b = operand(L, 2, "dot", "b");
  char sa[160], sb[160];
  if (a->ndim != 1 || b->ndim != 1 || a->shape[0] != b->shape[0])
    owl_error(L, "dot", OW_ESHAPE, "a is %s, b is %s: expected two vectors of one length",
              ow_shape_string(sa, a->ndim, a->shape), ow_shape_string(sb, b->ndim, b->shape));
  lua_settop(L, 2);
  product(L, "dot", a, b);
  scalar_to_number(L);
  return 1;
}

static int f_outer(lua_State *L) {
  ow_tensor a = *operand(L, 1, "outer", "a"), b = *operand(L, 2, "outer", "b");
  char sa[160], sb[160];
  if (a.ndim != 1 || b.ndim != 1)
    owl_error(L, "outer", OW_ESHAPE, "a is %s, b is %s: expected two vectors", ow_shape_string(sa, a.ndim, a.shape),
              ow_shape_string(sb, b.ndim, b.shape));
  a.ndim = b.ndim = 2;
  a.shape[1] = 1; a.stride[1] = 1;
  b.shape[1] = b.shape[0]; b.stride[1] = b.stride[0];
  b.shape[0] = 1; b.stride[0] = b.shape[1];
  return product(L, "outer", &a, &b);
}

static int f_solve(lua_State *L) {
  check_options(L, 3, "solve");
  ow_tensor *a = operand(L, 1, "solve", "a"), *b = operand(L, 2, "solve", "b");
  bool check = owl_optfield_bool(L, 3, "solve", "check", true);
  ow_tensor *x = owl_newtensor(L);
  ow_err e;
  if (!ow_la_solve(x, a, b, check, &e)) return owl_raise(L, "solve", &e);
  owl_account(L, x);
  return 1;
}

static int f_inv(lua_State *L) {
  check_options(L, 2, "inv");
  ow_tensor *a = operand(L, 1, "inv", "a");
  bool check = owl_optfield_bool(L, 2, "inv", "check", true);
  ow_tensor *x = owl_newtensor(L);
  ow_err e;
  if (!ow_la_inv(x, a, check, &e)) return owl_raise(L, "inv", &e);
  owl_account(L, x);
  return 1;
}

static void determinants(lua_State *L, const char *fn, ow_tensor **sign, ow_tensor **logdet, ow_tensor **det) {
  ow_tensor *a = operand(L, 1, fn, "a");
  *sign = owl_newtensor(L);
  *logdet = owl_newtensor(L);
  *det = owl_newtensor(L);
  ow_err e;
  if (!ow_la_slogdet(*sign, *logdet, *det, a, &e)) owl_raise(L, fn, &e);
}

static int f_det(lua_State *L) {
  ow_tensor *s, *l, *d;
  determinants(L, "det", &s, &l, &d);
  ow_tensor_close(s);
  ow_tensor_close(l);
  scalar_to_number(L);
  return 1;
}

static int f_slogdet(lua_State *L) {
  ow_tensor *s, *l, *d;
  determinants(L, "slogdet", &s, &l, &d);
  ow_tensor_close(d);
  lua_pop(L, 1);
  scalar_to_number(L);
  lua_insert(L, -2);
  scalar_to_number(L);
  lua_insert(L, -2);
  return 2;
}

static int f_lu(lua_State *L) {
  ow_tensor *a = operand(L, 1, "lu", "a"), *p = owl_newtensor(L), *l = owl_newtensor(L), *u = owl_newtensor(L);
  ow_err e;
  if (!ow_la_lu(p, l, u, a, &e)) return owl_raise(L, "lu", &e);
  int64_t *q = ow_tensor_data(p), n = ow_tensor_numel(p);
  for (int64_t i = 0; i < n; i++) q[i]++;  // 1-based for the user
  owl_account(L, l);
  owl_account(L, u);
  return 3;
}

static int f_cholesky(lua_State *L) {
  ow_tensor *a = operand(L, 1, "cholesky", "a"), *l = owl_newtensor(L);
  ow_err e;
  if (!ow_la_cholesky(l, a, &e)) return owl_raise(L, "cholesky", &e);
  owl_account(L, l);
  return 1;
}

static int f_qr(lua_State *L) {
  check_options(L, 2, "qr");
  ow_tensor *a = operand(L, 1, "qr", "a");
  bool full = owl_optfield_bool(L, 2, "qr", "full_matrices", false);
  ow_tensor *q = owl_newtensor(L), *r = owl_newtensor(L);
  ow_err e;
  if (!ow_la_qr(q, r, a, full, &e)) return owl_raise(L, "qr", &e);
  owl_account(L, q);
  owl_account(L, r);
  return 2;
}

static int f_svd(lua_State *L) {
  check_options(L, 2, "svd");
  ow_tensor *a = operand(L, 1, "svd", "a");
  bool full = owl_optfield_bool(L, 2, "svd", "full_matrices", false);
  ow_tensor *u = owl_newtensor(L), *s = owl_newtensor(L), *v = owl_newtensor(L);
  ow_err e;
  if (!ow_la_svd(u, s, v, a, full, &e)) return owl_raise(L, "svd", &e);
  owl_account(L, u);
  owl_account(L, v);
  return 3;
}

static int f_svdvals(lua_State *L) {
  ow_tensor *a = operand(L, 1, "svdvals", "a"), *s = owl_newtensor(L);
  ow_err e;
  if (!ow_la_svd(NULL, s, NULL, a, false, &e)) return owl_raise(L, "svdvals", &e);
  return 1;
}

static double element(const ow_tensor *t, int64_t i) {
  return t->dtype == OW_F32 ? (double)((float *)ow_tensor_data(t))[i] : ((double *)ow_tensor_data(t))[i];
}

// One number for each matrix, from its singular values: cond, matrix_rank.
static int from_singular_values(lua_State *L, const char *fn, bool rank) {
  ow_tensor *a = operand(L, 1, fn, "a");
  double rcond = rank ? owl_optfield_num(L, 2, fn, "rcond", -1) : 0;
  ow_tensor *s = owl_newtensor(L);
  ow_err e;
  if (!ow_la_svd(NULL, s, NULL, a, false, &e)) return owl_raise(L, fn, &e);
  int64_t k = s->shape[s->ndim - 1], m = a->shape[a->ndim - 2], n = a->shape[a->ndim - 1];
  if (rcond < 0) rcond = (s->dtype == OW_F32 ? 0x1p-23 : 0x1p-52) * (double)(m > n ? m : n);
  ow_tensor *out = owl_pushnew(L, fn, rank ? OW_I64 : OW_F64, s->ndim - 1, s->shape);
  for (int64_t i = 0, items = ow_tensor_numel(out); i < items; i++) {
    double top = element(s, i * k), low = element(s, i * k + k - 1);
    int64_t r = 0;
    while (r < k && element(s, i * k + r) > rcond * top) r++;
    if (rank) ((int64_t *)ow_tensor_data(out))[i] = r;
    else ((double *)ow_tensor_data(out))[i] = low > 0 ? top / low : INFINITY;
  }
  scalar_to_number(L);
  return 1;
}

static int f_cond(lua_State *L) { return from_singular_values(L, "cond", false); }
static int f_matrix_rank(lua_State *L) { return from_singular_values(L, "matrix_rank", true); }

static int f_pinv(lua_State *L) {
  check_options(L, 2, "pinv");
  ow_tensor *a = operand(L, 1, "pinv", "a");
  double rcond = owl_optfield_num(L, 2, "pinv", "rcond", -1);
  ow_tensor *x = owl_newtensor(L);
  ow_err e;
  if (!ow_la_pinv(x, a, rcond, &e)) return owl_raise(L, "pinv", &e);
  owl_account(L, x);
  return 1;
}

static int f_lstsq(lua_State *L) {
  check_options(L, 3, "lstsq");
  ow_tensor *a = operand(L, 1, "lstsq", "a"), *b = operand(L, 2, "lstsq", "b");
  double rcond = owl_optfield_num(L, 3, "lstsq", "rcond", -1);
  ow_tensor *x = owl_newtensor(L);
  lua_createtable(L, 0, 3);
  ow_tensor *res = owl_newtensor(L), *rank = owl_newtensor(L), *s = owl_newtensor(L);
  ow_err e;
  if (!ow_la_lstsq(x, res, rank, s, a, b, rcond, &e)) return owl_raise(L, "lstsq", &e);
  owl_account(L, x);
  lua_setfield(L, -4, "singular_values");
  scalar_to_number(L);
  lua_setfield(L, -3, "rank");
  scalar_to_number(L);
  lua_setfield(L, -2, "residuals");
  return 2;
}

static int eigen(lua_State *L, const char *fn, bool vectors,
                 bool (*f)(ow_tensor *, ow_tensor *, const ow_tensor *, ow_err *)) {
  ow_tensor *a = operand(L, 1, fn, "a"), *w = owl_newtensor(L), *v = vectors ? owl_newtensor(L) : NULL;
  ow_err e;
  if (!f(w, v, a, &e)) return owl_raise(L, fn, &e);
  if (v) owl_account(L, v);
  return vectors ? 2 : 1;
}

static int f_eigh(lua_State *L) { return eigen(L, "eigh", true, ow_la_eigh); }
static int f_eigvalsh(lua_State *L) { return eigen(L, "eigvalsh", false, ow_la_eigh); }
static int f_eig(lua_State *L) { return eigen(L, "eig", true, ow_la_eig); }
static int f_eigvals(lua_State *L) { return eigen(L, "eigvals", false, ow_la_eig); }

int ow_open_linalg(lua_State *L) {
  static const luaL_Reg methods[] = {{"matmul", f_matmul}, {"dot", f_dot}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"matmul", f_matmul},   {"dot", f_dot},           {"outer", f_outer},
                                   {"solve", f_solve},     {"inv", f_inv},           {"det", f_det},
                                   {"slogdet", f_slogdet}, {"lu", f_lu},             {"cholesky", f_cholesky},
                                   {"qr", f_qr},           {"svd", f_svd},           {"svdvals", f_svdvals},
                                   {"cond", f_cond},       {"matrix_rank", f_matrix_rank}, {"pinv", f_pinv},
                                   {"lstsq", f_lstsq},     {"eigh", f_eigh},         {"eigvalsh", f_eigvalsh},
                                   {"eig", f_eig},         {"eigvals", f_eigvals},   {NULL, NULL}};
  owl_methods(L, methods);
  luaL_newlib(L, funcs);
  return 1;
}
