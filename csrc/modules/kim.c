// orowan.kim: models of the KIM archive (Tadmor et al., JOM 63 (2011) 17; kim-api 2) on our list of
// pairs. models() -> names; new(name) -> model (userdata) with species, cutoff, compute, close.
//
// KIM knows no periodic box: every image of an atom within a model's influence becomes a particle
// that does not contribute. Energies are those of the contributing particles, forces on images
// are given to the atoms that they are images of, and the strain derivative is the sum over all
// particles of -force (x) position, since a strain moves images like atoms. The library runs one
// thread and cannot be interrupted inside.
#include <KIM_Log.h>
#include <KIM_SimulatorHeaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lua/api.h"

#define KIM "orowan.kim.model"
#define PAIRS "orowan.atoms.pairs"

static const ow_api *api;
#undef OW_FAIL
#define OW_FAIL(e, code, ...) api->fail((e), __FILE__, __LINE__, (code), __VA_ARGS__)

typedef struct {
  KIM_Model *model;
  KIM_ComputeArguments *arguments;
  double influence;
  int lists;
  const double *cutoffs;
  bool images_have_neighbours;  // some list is asked for them too
  bool particle_energy;
} model;

// ---- particles and their neighbours --------------------------------------------------------

typedef struct {
  int lists;
  int64_t *offset;  // [particles + 1]
  int *neighbour;
} near;

typedef struct {
  int64_t n, particles;
  double *x;        // [particles][3]
  int *of;          // [particles] the atom that it is or is an image of
  near near;
} cloud;

static void cloud_free(cloud *c) {
  api->free(c->x);
  api->free(c->of);
  api->free(c->near.offset);
  api->free(c->near.neighbour);
}

// Images that occur in the list, each once. Those of one atom are found by looking through the few
// that it has (chained by `next`).
static bool make_cloud(cloud *c, const ow_pair_list *l, const double cell[9], const double *x, ow_err *e) {
  memset(c, 0, sizeof *c);
  int64_t n = l->n, most = n, cap = n + 64;
  for (int64_t p = 0; p < l->pairs; p++) most += l->end[p].shift[0] || l->end[p].shift[1] || l->end[p].shift[2];
  if (most > INT32_MAX) return OW_FAIL(e, OW_EARG, "too many images");
  cap = most;
  c->n = n;
  int16_t *shift = api->alloc((size_t)cap * 3, sizeof *shift, e);
  int *next = shift ? api->alloc((size_t)cap, sizeof *next, e) : NULL;
  bool ok = next && (c->x = api->alloc((size_t)cap * 3, sizeof *c->x, e)) && (c->of = api->alloc((size_t)cap, sizeof *c->of, e)) &&
            (c->near.offset = api->alloc((size_t)cap + 1, sizeof *c->near.offset, e)) &&
            (c->near.neighbour = api->alloc((size_t)l->pairs, sizeof *c->near.neighbour, e));
  if (ok) {
    memcpy(c->x, x, (size_t)n * 3 * sizeof *x);
    for (int64_t i = 0; i < n; i++) c->of[i] = (int)i, next[i] = -1;
    int64_t count = n;
    for (int64_t i = 0; i < n; i++) {
      c->near.offset[i] = l->offset[i];
      for (int64_t p = l->offset[i]; p < l->offset[i + 1]; p++) {
        const ow_pair_end *q = l->end + p;
        int64_t k = q->other;
        if (q->shift[0] || q->shift[1] || q->shift[2]) {
          int64_t last = k;
          for (k = next[k]; k >= 0 && memcmp(shift + 3 * k, q->shift, sizeof q->shift); k = next[k]) last = k;
          if (k < 0) {
            k = count++;
            next[last] = (int)k, next[k] = -1;
            memcpy(shift + 3 * k, q->shift, sizeof q->shift);
            c->of[k] = q->other;
            for (int d = 0; d < 3; d++)
              c->x[3 * k + d] = x[3 * (int64_t)q->other + d] + q->shift[0] * cell[d] + q->shift[1] * cell[3 + d] + q->shift[2] * cell[6 + d];
          }
        }
        c->near.neighbour[p] = (int)k;
      }
    }
    c->particles = count;
    for (int64_t k = n; k <= count; k++) c->near.offset[k] = l->offset[n];  // images: none
  }
  api->free(shift);
  api->free(next);
  return ok;
}

// For models that ask for the neighbours of images: those among all particles.
static bool widen(cloud *c, double cutoff, ow_err *e) {
  double lo[3], hi[3], box[9] = {0};
  const bool open[3] = {false, false, false};
  for (int d = 0; d < 3; d++) {
    lo[d] = INFINITY, hi[d] = -INFINITY;
    for (int64_t k = 0; k < c->particles; k++) lo[d] = fmin(lo[d], c->x[3 * k + d]), hi[d] = fmax(hi[d], c->x[3 * k + d]);
    box[4 * d] = hi[d] - lo[d] + cutoff;
  }
  ow_pair_list all;
  if (!api->pair_list_build(&all, box, open, c->x, c->particles, cutoff, e)) return false;
  api->free(c->near.neighbour);
  c->near.neighbour = api->alloc((size_t)all.pairs, sizeof *c->near.neighbour, e);
  bool ok = c->near.neighbour != NULL;
  for (int64_t k = 0; ok && k <= c->particles; k++) c->near.offset[k] = all.offset[k];
  for (int64_t p = 0; ok && p < all.pairs; p++) c->near.neighbour[p] = all.end[p].other;
  api->pair_list_free(&all);
  return ok;
}

static int neighbours(void *object, int lists, const double *cutoffs, int list, int particle, int *count, const int **of) {
  const near *b = object;
  (void)cutoffs;
  if (list < 0 || list >= lists || lists > b->lists) return 1;
  *count = (int)(b->offset[particle + 1] - b->offset[particle]);
  *of = b->neighbour + b->offset[particle];
  return 0;
}

// ---- models --------------------------------------------------------------------------------

static model *check(lua_State *L, const char *fn) {
  model *m = luaL_checkudata(L, 1, KIM);
  if (!m->model) api->error(L, fn, OW_EARG, "the model is closed");
  return m;
}

static int m_close(lua_State *L) {
  model *m = luaL_checkudata(L, 1, KIM);
  if (m->arguments) KIM_Model_ComputeArgumentsDestroy(m->model, &m->arguments);
  if (m->model) KIM_Model_Destroy(&m->model);
  m->model = NULL, m->arguments = NULL;
  return 0;
}

static int f_new(lua_State *L) {
  static const char *const fn = "kim";
  const char *name = luaL_checkstring(L, 1);
  model *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  luaL_setmetatable(L, KIM);
  int units = 0;
  if (KIM_Model_Create(KIM_NUMBERING_zeroBased, KIM_LENGTH_UNIT_A, KIM_ENERGY_UNIT_eV, KIM_CHARGE_UNIT_e, KIM_TEMPERATURE_UNIT_K,
                       KIM_TIME_UNIT_ps, name, &units, &m->model)) {
    m->model = NULL;
    return api->error(L, fn, OW_EMISSING, "the KIM API cannot make the model %s", name);
  }
  if (!units) {  // energies and lengths must be ours; the rest we do not use
    KIM_LengthUnit length;
    KIM_EnergyUnit energy;
    KIM_Model_GetUnits(m->model, &length, &energy, NULL, NULL, NULL);
    if (!KIM_LengthUnit_Equal(length, KIM_LENGTH_UNIT_A) || !KIM_EnergyUnit_Equal(energy, KIM_ENERGY_UNIT_eV))
      return api->error(L, fn, OW_EARG, "the model %s does not compute in eV and Angstrom", name);
  }
  if (KIM_Model_ComputeArgumentsCreate(m->model, &m->arguments)) {
    m->arguments = NULL;
    return api->error(L, fn, OW_EARG, "the model %s gives no compute arguments", name);
  }
  const int *no_images;
  KIM_Model_GetInfluenceDistance(m->model, &m->influence);
  KIM_Model_GetNeighborListPointers(m->model, &m->lists, &m->cutoffs, &no_images);
  for (int k = 0; k < m->lists; k++) m->images_have_neighbours = m->images_have_neighbours || !no_images[k];
  KIM_SupportStatus s;
  bool ok = !KIM_ComputeArguments_GetArgumentSupportStatus(m->arguments, KIM_COMPUTE_ARGUMENT_NAME_partialEnergy, &s) &&
            !KIM_SupportStatus_Equal(s, KIM_SUPPORT_STATUS_notSupported) &&
            !KIM_ComputeArguments_GetArgumentSupportStatus(m->arguments, KIM_COMPUTE_ARGUMENT_NAME_partialForces, &s) &&
            !KIM_SupportStatus_Equal(s, KIM_SUPPORT_STATUS_notSupported);
  if (!ok) return api->error(L, fn, OW_EARG, "the model %s does not compute energies and forces", name);
  m->particle_energy = !KIM_ComputeArguments_GetArgumentSupportStatus(m->arguments, KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, &s) &&
                       !KIM_SupportStatus_Equal(s, KIM_SUPPORT_STATUS_notSupported);
  return 1;
}

static int m_species(lua_State *L) {
  model *m = check(L, "kim:species");
  int count, supported, code;
  lua_newtable(L);
  KIM_SPECIES_NAME_GetNumberOfSpeciesNames(&count);
  for (int k = 0, at = 0; k < count; k++) {
    KIM_SpeciesName name;
    if (!KIM_SPECIES_NAME_GetSpeciesName(k, &name) && !KIM_Model_GetSpeciesSupportAndCode(m->model, name, &supported, &code) && supported) {
      lua_pushstring(L, KIM_SpeciesName_ToString(name));
      lua_rawseti(L, -2, ++at);
    }
  }
  return 1;
}

static int m_cutoff(lua_State *L) {
  lua_pushnumber(L, check(L, "kim:cutoff")->influence);
  return 1;
}

static bool set_pointers(model *m, cloud *c, const int *count, const int *codes, const int *contributing, double *energy, double *each, double *force) {
  KIM_ComputeArguments *a = m->arguments;
  return !KIM_ComputeArguments_SetArgumentPointerInteger(a, KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles, count) &&
         !KIM_ComputeArguments_SetArgumentPointerInteger(a, KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes, codes) &&
         !KIM_ComputeArguments_SetArgumentPointerInteger(a, KIM_COMPUTE_ARGUMENT_NAME_particleContributing, contributing) &&
         !KIM_ComputeArguments_SetArgumentPointerDouble(a, KIM_COMPUTE_ARGUMENT_NAME_coordinates, c->x) &&
         !KIM_ComputeArguments_SetArgumentPointerDouble(a, KIM_COMPUTE_ARGUMENT_NAME_partialEnergy, energy) &&
         !KIM_ComputeArguments_SetArgumentPointerDouble(a, KIM_COMPUTE_ARGUMENT_NAME_partialForces, force) &&
         (!m->particle_energy || !KIM_ComputeArguments_SetArgumentPointerDouble(a, KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, each)) &&
         !KIM_ComputeArguments_SetCallbackPointer(a, KIM_COMPUTE_CALLBACK_NAME_GetNeighborList, KIM_LANGUAGE_NAME_c, (KIM_Function *)neighbours,
                                                  &c->near);
}

// each [n] or unused, force [n x 3], strain [9] or NULL. codes: of the atoms.
static bool compute(model *m, const ow_pair_list *l, const double cell[9], const double *x, const int *code, double *energy, double *each,
                    double *force, double *strain, ow_err *e) {
  cloud c;
  bool ok = make_cloud(&c, l, cell, x, e);
  if (ok && m->images_have_neighbours) {
    double most = 0;
    for (int k = 0; k < m->lists; k++) most = fmax(most, m->cutoffs[k]);
    ok = widen(&c, most, e);
  }
  c.near.lists = m->lists;
  size_t n = ok ? (size_t)c.particles : 0;
  int *whole = ok ? api->alloc(2 * n, sizeof *whole, e) : NULL;
  double *f = whole ? api->alloc(4 * n, sizeof *f, e) : NULL;
  ok = f != NULL;
  if (ok) {
    int count = (int)n, present = 0;
    memset(f, 0, 4 * n * sizeof *f);
    for (size_t k = 0; k < n; k++) whole[k] = code[c.of[k]], whole[n + k] = (int64_t)k < c.n;
    if (!set_pointers(m, &c, &count, whole, whole + n, energy, f + 3 * n, f)) ok = OW_FAIL(e, OW_EARG, "the model refuses its arguments");
    if (ok) KIM_ComputeArguments_AreAllRequiredArgumentsAndCallbacksPresent(m->arguments, &present);
    if (ok && !present) ok = OW_FAIL(e, OW_EARG, "the model wants arguments that are not known here");
    if (ok && KIM_Model_Compute(m->model, m->arguments)) ok = OW_FAIL(e, OW_ENUMERIC, "the model failed to compute (atoms too close?)");
  }
  if (ok) {
    memset(force, 0, (size_t)c.n * 3 * sizeof *force);
    if (strain) memset(strain, 0, 9 * sizeof *strain);
    for (size_t k = 0; k < n; k++)
      for (int d = 0; d < 3; d++) {
        force[3 * c.of[k] + d] += f[3 * k + (size_t)d];
        for (int q = 0; strain && q < 3; q++) strain[3 * d + q] -= f[3 * k + (size_t)d] * c.x[3 * k + (size_t)q];
      }
    if (m->particle_energy) memcpy(each, f + 3 * n, (size_t)c.n * sizeof *each);
  }
  api->free(f);
  api->free(whole);
  cloud_free(&c);
  return ok;
}

// compute(pairs, cell, positions, types [n] 1-based, symbols of the types, strain?) -> energy,
// energies [n] or nil, forces [n, 3], strain [3, 3] or nil
static int m_compute(lua_State *L) {
  static const char *const fn = "kim:compute";
  model *m = check(L, fn);
  const ow_pair_list *l = luaL_checkudata(L, 2, PAIRS);
  if (!l->offset) return api->error(L, fn, OW_EARG, "the list of pairs is closed");
  luaL_checktype(L, 6, LUA_TTABLE);
  lua_settop(L, 7);
  bool want = lua_toboolean(L, 7);
  const ow_tensor *cell = api->pusharray(L, 3, fn, "cell", OW_F64, 2), *x = api->pusharray(L, 4, fn, "positions", OW_F64, 2),
                  *t = api->pusharray(L, 5, fn, "types", OW_I32, 1);
  int64_t n = x->shape[0];
  if (cell->shape[0] != 3 || cell->shape[1] != 3 || x->shape[1] != 3 || t->shape[0] != n || l->n != n)
    return api->error(L, fn, OW_ESHAPE, "cell, positions, types and pairs do not fit together");
  int32_t *code = api->data(api->pushnew(L, fn, OW_I32, 1, &n));
  const int32_t *type = api->data(t);
  for (int64_t i = 0; i < n; i++) {
    int supported = 0;
    lua_rawgeti(L, 6, type[i]);
    const char *symbol = lua_tostring(L, -1);
    if (!symbol || KIM_Model_GetSpeciesSupportAndCode(m->model, KIM_SpeciesName_FromString(symbol), &supported, &code[i]) || !supported)
      return api->error(L, fn, OW_EARG, "the model has no %s", symbol ? symbol : "such type");
    lua_pop(L, 1);
  }
  double *each = api->data(api->pushnew(L, fn, OW_F64, 1, &n)), *force = api->data(api->pushnew(L, fn, OW_F64, 2, (int64_t[]){n, 3}));
  double *strain = api->data(api->pushnew(L, fn, OW_F64, 2, (int64_t[]){3, 3})), energy = 0;
  int at = lua_gettop(L);
  ow_err e;
  if (!compute(m, l, api->data(cell), api->data(x), code, &energy, each, force, want ? strain : NULL, &e)) return api->raise(L, fn, &e);
  lua_pushnumber(L, energy);
  if (m->particle_energy) lua_pushvalue(L, at - 2);
  else lua_pushnil(L);
  lua_pushvalue(L, at - 1);
  if (want) lua_pushvalue(L, at);
  else lua_pushnil(L);
  return 4;
}

// ---- the archive ---------------------------------------------------------------------------

static int f_models(lua_State *L) {
  KIM_Collections *all = NULL;
  int count = 0;
  lua_newtable(L);
  if (KIM_Collections_Create(&all)) return api->error(L, "kim.models", OW_EIO, "the KIM API cannot read its collections");
  if (!KIM_Collections_CacheListOfItemNamesByType(all, KIM_COLLECTION_ITEM_TYPE_portableModel, &count))
    for (int k = 0; k < count; k++) {
      const char *name;
      if (KIM_Collections_GetItemNameByType(all, k, &name)) continue;
      lua_pushstring(L, name);
      lua_rawseti(L, -2, k + 1);
    }
  const char *project = "", *version = "";
  KIM_Collections_GetProjectNameAndSemVer(all, &project, &version);
  lua_pushstring(L, version);
  KIM_Collections_Destroy(&all);
  return 2;
}

int luaopen_orowan_kim(lua_State *L);
int luaopen_orowan_kim(lua_State *L) {
  static const luaL_Reg methods[] = {{"species", m_species}, {"cutoff", m_cutoff}, {"compute", m_compute}, {"close", m_close}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"models", f_models}, {"new", f_new}, {NULL, NULL}};
  lua_getglobal(L, "require");
  lua_pushliteral(L, "orowan.core");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "api");
  if (!lua_istable(L, -1)) return luaL_error(L, "orowan.kim: this core lends nothing to modules");
  lua_getfield(L, -1, "version");
  if (lua_tointeger(L, -1) != OW_API_VERSION) return luaL_error(L, "orowan.kim: built for another version of Orowan: run make again");
  lua_getfield(L, -2, "table");
  api = lua_touserdata(L, -1);
  KIM_Log_PushDefaultVerbosity(KIM_LOG_VERBOSITY_silent);  // else it writes kim.log where we stand
  if (luaL_newmetatable(L, KIM)) {
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, m_close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
  }
  luaL_newlib(L, funcs);
  return 1;
}
