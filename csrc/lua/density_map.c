// orowan.core.density_map.maps(cell, positions, types, vacancies [b], atoms [b], rolls [b] or nil,
// {reach, half, delta, elements, reference}) -> f32 [b, elements, v, v, v]. The public face is
// lua/orowan/barrier/density_map.lua.
#include "physics/density_map.h"

#include <math.h>

#include "geometry/pair_list.h"
#include "lua/owlua.h"

static const char *const fn = "density_map.maps";
enum { MOST = 4096 };

static int f_maps(lua_State *L) {
  lua_settop(L, 7);
  ow_density_map m = {.reach = owl_optfield_num(L, 7, fn, "reach", 7.6), .half = owl_optfield_num(L, 7, fn, "half", 8),
                      .delta = owl_optfield_num(L, 7, fn, "delta", 0.5), .elements = (int)owl_optfield_int(L, 7, fn, "elements", 0)};
  bool reference = owl_optfield_bool(L, 7, fn, "reference", false);
  if (!(m.reach > 0) || !(m.half > 0) || !(m.delta > 0)) return owl_error(L, fn, OW_EARG, "reach, half and delta: expected positive numbers (Angstrom)");
  double voxels = 2 * m.half / m.delta;
  m.voxels = (int)lrint(fmin(voxels, 1e6));
  if (fabs(voxels - m.voxels) > 1e-6 || m.voxels < 16 || m.voxels > 256)
    return owl_error(L, fn, OW_EARG, "2 half / delta: expected a whole number of voxels, 16 to 256, got %g", voxels);
  ow_tensor *cell = owl_pusharray(L, 1, fn, "cell", OW_F64, 2), *x = owl_pusharray(L, 2, fn, "positions", OW_F64, 2),
            *t = owl_pusharray(L, 3, fn, "types", OW_I32, 1), *v = owl_pusharray(L, 4, fn, "vacancies", OW_I64, 1),
            *a = owl_pusharray(L, 5, fn, "atoms", OW_I64, 1), *roll = lua_isnil(L, 6) ? NULL : owl_pusharray(L, 6, fn, "rolls", OW_F64, 1);
  int64_t n = x->shape[0], b = v->shape[0];
  if (cell->shape[0] != 3 || cell->shape[1] != 3 || x->shape[1] != 3 || t->shape[0] != n)
    return owl_error(L, fn, OW_ESHAPE, "expected cell 3 x 3, positions n x 3 and n types");
  if (a->shape[0] != b || (roll && roll->shape[0] != b)) return owl_error(L, fn, OW_ESHAPE, "expected as many atoms (and rolls) as vacancies");
  const int64_t *vacancy = ow_tensor_data(v), *atom = ow_tensor_data(a);
  const int32_t *given = ow_tensor_data(t);
  int32_t *type = ow_tensor_data(owl_pushnew(L, fn, OW_I32, 1, &n));
  for (int64_t i = 0; i < n; i++) {
    if (given[i] < 1 || given[i] > m.elements) return owl_error(L, fn, OW_EARG, "types: site %d has type %d of %d elements", (int)i + 1, (int)given[i], m.elements);
    type[i] = given[i] - 1;
  }
  for (int64_t k = 0; k < b; k++)
    if (vacancy[k] < 1 || vacancy[k] > n || atom[k] < 1 || atom[k] > n || atom[k] == vacancy[k])
      return owl_error(L, fn, OW_EARG, "jump %d: expected two different sites of %d, got %d and %d", (int)k + 1, (int)n, (int)vacancy[k], (int)atom[k]);
  ow_jump_frame f = {.sites = n, .cell = ow_tensor_data(cell), .x = ow_tensor_data(x), .type = type};
  double inverse[9], volume = ow_cell_inverse(f.cell, inverse);
  if (!(volume > 0)) return owl_error(L, fn, OW_EARG, "cell: the three box vectors lie in a plane");
  for (int d = 0; d < 3; d++) {
    double height = 1 / sqrt(inverse[d] * inverse[d] + inverse[3 + d] * inverse[3 + d] + inverse[6 + d] * inverse[6 + d]);
    if (height < 2 * m.reach) return owl_error(L, fn, OW_EARG, "the box is %g A high along axis %d: expected at least twice the reach %g A, so that no atom is seen twice", height, d + 1, m.reach);
  }
  f.inverse = inverse;
  const double *rolls = roll ? ow_tensor_data(roll) : NULL;
  float *out = ow_tensor_data(owl_pushnew(L, fn, OW_F32, 5, (int64_t[]){b, m.elements, m.voxels, m.voxels, m.voxels}));
  int64_t each = (int64_t)m.elements * m.voxels * m.voxels * m.voxels;
  int nt = ow_threads();
  ow_err e;
  double *mem = ow_alloc((size_t)nt * MOST * (3 * sizeof(double) + sizeof(int32_t)), &e);
  if (!mem) return owl_raise(L, fn, &e);
  bool stop = false, full = false;
#pragma omp parallel for schedule(dynamic, 4) num_threads(nt) reduction(| : stop, full)
  for (int64_t k = 0; k < b; k++) {
    stop = stop || ow_interrupted();
    if (stop) continue;
    double *r = mem + (size_t)omp_get_thread_num() * 3 * MOST;
    int32_t *kind = (int32_t *)(mem + (size_t)nt * 3 * MOST) + (size_t)omp_get_thread_num() * MOST;
    int64_t count = ow_jump_atoms(&f, vacancy[k] - 1, atom[k] - 1, rolls ? rolls[k] : 0, m.reach, MOST, r, kind);
    if (count < 0) full = true;
    else if (reference) ow_density_map_reference(&m, count, r, kind, out + k * each);
    else ow_density_map_kernels()->add(&m, count, r, kind, out + k * each);
  }
  ow_free(mem);
  if (full) return owl_error(L, fn, OW_EARG, "reach: more than %d atoms within %g A", MOST, m.reach);
  if (stop) {
    OW_FAIL(&e, OW_EINTR, "interrupted");
    return owl_raise(L, "", &e);
  }
  return 1;
}

int ow_open_density_map(lua_State *L) {
  static const luaL_Reg funcs[] = {{"maps", f_maps}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
