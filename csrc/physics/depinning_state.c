// The whole state of a line as bytes, so that a run stopped and read back makes the same
// picks with the same rounding: also the epoch's base and the flips since, in their order.
// Layout: "OWDPLN01", total length, FNV-1a of what follows, then the items of walk() in
// order, little-endian. Pinning of cells is not stored, it follows from the seed.
//
// The reader trusts nothing: lengths, ranges, the segment list against the cells.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "physics/depinning.h"

static const char magic[8] = "OWDPLN01";
enum { HEADER = 24 };

static uint64_t fnv(const uint8_t *p, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

#define PARAMS(X)                                                                                      \
  X(lx) X(ly) X(y0) X(edge) X(plain) X(drive) X(mu) X(b) X(a) X(nu) X(sigma_pin) X(sigma0) X(rate)     \
  X(spring) X(wait) X(step_max) X(seed) X(replica)
#define STATE(X) X(lo) X(hi) X(pick) X(area) X(area_max) X(last_advance) X(driver) X(stop) X(nseg) X(net)

typedef struct { uint8_t *out; size_t n; } writer;

static void put(writer *w, const void *p, size_t n) {
  if (w->out) memcpy(w->out + w->n, p, n);
  w->n += n;
}

static void walk(const ow_dp *s, writer *w) {
  const ow_dp_params *p = &s->par;
#define X(f) put(w, &p->f, sizeof p->f);
  PARAMS(X)
#undef X
#define X(f) put(w, &s->f, sizeof s->f);
  STATE(X)
#undef X
  size_t lx = (size_t)p->lx;
  uint8_t field = s->field != NULL;
  put(w, &field, 1);
  if (field) put(w, s->field, lx * (size_t)p->ly * sizeof *s->field);
  put(w, s->height, lx * sizeof *s->height);
  for (int32_t i = 0; i < s->nseg; i++) {
    put(w, &s->seg[i].y, sizeof s->seg[i].y);
    put(w, &s->seg[i].xt, sizeof s->seg[i].xt);
  }
  for (int32_t y = s->lo; y <= s->hi; y++) {
    size_t at = ow_dp_cell(s, 0, y);
    put(w, s->site + at, lx);
    if (!p->plain) {
      put(w, s->base + at, lx * sizeof *s->base);
      put(w, s->base + (size_t)s->cap * lx + at, lx * sizeof *s->base);
    }
  }
  for (int b = 0; !p->plain && b < s->nblock; b++) {
    put(w, s->nflip + b, sizeof *s->nflip);
    for (int32_t j = 0; j < s->nflip[b]; j++) {
      const ow_dp_flip_info *f = s->info + (size_t)b * (size_t)s->flipcap + (size_t)j;
      put(w, &f->x, sizeof f->x);
      put(w, &f->y, sizeof f->y);
      put(w, &f->since, sizeof f->since);
    }
  }
}

size_t ow_dp_state_size(const ow_dp *s) {
  writer w = {NULL, HEADER};
  walk(s, &w);
  return w.n;
}

void ow_dp_state_write(const ow_dp *s, uint8_t *out) {
  writer w = {out, HEADER};
  walk(s, &w);
  uint64_t n = w.n, h = fnv(out + HEADER, w.n - HEADER);
  memcpy(out, magic, 8);
  memcpy(out + 8, &n, 8);
  memcpy(out + 16, &h, 8);
}

typedef struct { const uint8_t *in; size_t n, at; bool bad; } reader;

static void get(reader *r, void *p, size_t n) {
  if (r->bad || n > r->n - r->at) { r->bad = true; memset(p, 0, n); return; }
  memcpy(p, r->in + r->at, n);
  r->at += n;
}

static bool all_finite(const double *v, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(v[i])) return false;
  return true;
}

// The list must hold each pair of unlike cells once and nothing else.
static bool check_segments(ow_dp *s) {
  int32_t lx = s->par.lx, unlike = 0;
  for (int32_t i = 0; i < s->nseg; i++) {
    ow_dp_seg g = s->seg[i];
    int32_t x = (int32_t)(g.xt >> 1);
    int vert = (int)(g.xt & 1);
    if (x < 0 || x >= lx || g.y < s->lo + 1 || g.y > s->hi - 2) return false;
    int32_t *pos = s->pos + 2 * ow_dp_cell(s, x, g.y) + vert;
    uint8_t other = vert ? s->site[ow_dp_cell(s, x + 1 < lx ? x + 1 : 0, g.y)] : s->site[ow_dp_cell(s, x, g.y + 1)];
    if (*pos >= 0 || s->site[ow_dp_cell(s, x, g.y)] == other) return false;
    *pos = i;
    s->rowcount[g.y & (s->cap - 1)]++;
  }
  for (int32_t y = s->lo; y <= s->hi; y++)
    for (int32_t x = 0; x < lx; x++) {
      uint8_t c = s->site[ow_dp_cell(s, x, y)], up = y < s->hi ? s->site[ow_dp_cell(s, x, y + 1)] : 0;
      if (c > 1 || (y == s->lo && c != 1) || (y == s->hi && c != 0)) return false;
      unlike += (c != up) + (c != s->site[ow_dp_cell(s, x + 1 < lx ? x + 1 : 0, y)]);
    }
  return unlike == s->nseg;
}

static bool read_body(ow_dp *s, reader *r, const ow_dp *st, ow_err *e) {
  size_t lx = (size_t)s->par.lx;
  int64_t rows = (int64_t)st->hi - st->lo + 1;
  if (rows < 4 || rows > 1 << 20 || st->lo < -(1 << 30) - 64 || st->hi > (1 << 30) + 64 || st->nseg < 1 || (size_t)st->nseg > 2 * (size_t)rows * lx ||
      (size_t)rows * lx > r->n || st->pick < 0 || st->pick > INT64_MAX / 2 ||
      st->last_advance < 0 || st->last_advance > st->pick || !isfinite(st->driver) || st->stop < 0 || st->stop > OW_DP_STARVED)
    return OW_FAIL(e, OW_EFORMAT, "depinning state: a number is out of its range");
  int cap = 64;  // the ring's size changes no number
  while (cap < rows) cap *= 2;
  if (!(s->height = ow_alloc_array(lx, sizeof *s->height, e)) || !ow_dp_line_grow(s, cap, e)) return false;
#define X(f) s->f = st->f;
  STATE(X)
#undef X
  s->net = 0;
  ow_dp_line_clear(s, s->lo, s->hi, 0);
  get(r, s->height, lx * sizeof *s->height);
  int64_t sum = 0;
  for (size_t x = 0; x < lx; x++) sum += s->height[x];
  for (int32_t i = 0; i < s->nseg; i++) {
    get(r, &s->seg[i].y, sizeof s->seg[i].y);
    get(r, &s->seg[i].xt, sizeof s->seg[i].xt);
  }
  bool ok = true;
  for (int32_t y = s->lo; y <= s->hi && !r->bad; y++) {
    size_t at = ow_dp_cell(s, 0, y), plane = (size_t)s->cap * lx;
    get(r, s->site + at, lx);
    if (s->par.plain) continue;
    get(r, s->base + at, lx * sizeof *s->base);
    get(r, s->base + plane + at, lx * sizeof *s->base);
    ok = ok && all_finite(s->base + at, lx) && all_finite(s->base + plane + at, lx);
  }
  if (r->bad || !ok || sum != s->area || !check_segments(s))
    return OW_FAIL(e, OW_EFORMAT, "depinning state: cells, heights and segments do not agree");
  if (!s->par.plain) ow_dp_far_weights(s);
  for (int b = 0; !s->par.plain && b < s->nblock; b++) {
    int32_t n;
    get(r, &n, sizeof n);
    if (r->bad || n < 0 || n > s->flipcap) return OW_FAIL(e, OW_EFORMAT, "depinning state: a list of flips is broken");
    for (int32_t j = 0; j < n; j++) {
      ow_dp_flip_info f;
      get(r, &f.x, sizeof f.x);
      get(r, &f.y, sizeof f.y);
      get(r, &f.since, sizeof f.since);
      if (r->bad || f.x < b * OW_DP_COLUMNS || f.x >= (b + 1) * OW_DP_COLUMNS || f.x >= s->par.lx || f.y < s->lo ||
          f.y > s->hi || s->slot[ow_dp_cell(s, f.x, f.y)] >= 0 || s->net >= s->netcap)
        return OW_FAIL(e, OW_EFORMAT, "depinning state: a list of flips is broken");
      ow_dp_note_flip(s, f.x, f.y, s->site[ow_dp_cell(s, f.x, f.y)], f.since);
    }
  }
  if (r->bad || r->at != r->n || s->net != st->net) return OW_FAIL(e, OW_EFORMAT, "depinning state: its length is wrong");
  return true;
}

ow_dp *ow_dp_state_read(const uint8_t *in, size_t n, ow_dp_kernel *kernel, ow_err *e) {
  uint64_t len, sum;
  if (n < HEADER || memcmp(in, magic, 6)) { OW_FAIL(e, OW_EFORMAT, "not the state of a depinning line"); return NULL; }
  if (memcmp(in, magic, 8)) { OW_FAIL(e, OW_EFORMAT, "depinning state: version %.2s is not known here", (const char *)in + 6); return NULL; }
  memcpy(&len, in + 8, 8);
  memcpy(&sum, in + 16, 8);
  if (len != n || sum != fnv(in + HEADER, n - HEADER)) {
    OW_FAIL(e, OW_EFORMAT, "depinning state: truncated or damaged (%zu bytes)", n);
    return NULL;
  }
  reader r = {in, n, HEADER, false};
  ow_dp_params p = {0};
  ow_dp st = {0};
#define X(f) get(&r, &p.f, sizeof p.f);
  PARAMS(X)
#undef X
#define X(f) get(&r, &st.f, sizeof st.f);
  STATE(X)
#undef X
  uint8_t has_field;
  get(&r, &has_field, 1);
  double *field = NULL;
  if (!r.bad && has_field) {
    if (p.lx < 1 || p.ly < 1 || (size_t)p.lx * (size_t)p.ly > n / 8) r.bad = true;
    else if (!(field = ow_alloc_array((size_t)p.lx * (size_t)p.ly, sizeof *field, e))) return NULL;
    else get(&r, field, (size_t)p.lx * (size_t)p.ly * sizeof *field);
  }
  ow_dp *s = NULL;
  if (r.bad) OW_FAIL(e, OW_EFORMAT, "depinning state: truncated");
  else s = ow_dp_make(&p, field, kernel, e);
  ow_free(field);
  if (s && !read_body(s, &r, &st, e)) {
    ow_dp_free(s);
    s = NULL;
  }
  return s;
}
