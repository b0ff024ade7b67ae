// How a tensor shows itself: one line of facts, then its values, cut to the first and last
// few of each axis, with one number format for all that is shown.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/tensor.h"
#include "op/summary.h"

enum { SHOWN = 1024, WIDTH = 64 };

typedef struct {
  ow_dtype dtype;
  int count;                  // values collected
  double re[SHOWN], im[SHOWN];
  int64_t in[SHOWN];
  int style, digits, width;   // 0 integers, 1 fixed, 2 exponent
} shown;

// How many entries of an axis to show at its start and at its end; all when both are 0.
static void edges(const ow_tensor *t, int d, int *head, int *tail) {
  int from_last = t->ndim - 1 - d;
  int64_t limit = from_last == 0 ? 10 : from_last == 1 ? 8 : from_last == 2 ? 3 : 1;
  *head = *tail = 0;
  if (t->shape[d] <= limit) return;
  *head = from_last == 0 ? (t->ndim == 1 ? 5 : 4) : from_last == 1 ? 3 : 1;
  *tail = from_last == 0 ? (t->ndim == 1 ? 4 : 3) : from_last == 1 ? 3 : from_last == 2 ? 1 : 0;
}

static const char *at(const ow_tensor *t, int d, const char *p, int64_t i) {
  return p + i * t->stride[d] * (int64_t)ow_dtype_size(t->dtype);
}

static void collect(shown *s, const ow_tensor *t, int d, const char *p) {
  if (d == t->ndim) {
    if (s->count == SHOWN) return;
    ow_c128 c;
    ow_convert(OW_C128, &c, 0, t->dtype, p, 0, 1, true);
    memcpy(&s->re[s->count], &c, 8);
    memcpy(&s->im[s->count], (char *)&c + 8, 8);
    if (ow_dtype_is_int(t->dtype)) ow_convert(OW_I64, &s->in[s->count], 0, t->dtype, p, 0, 1, true);
    s->count++;
    return;
  }
  int head, tail;
  edges(t, d, &head, &tail);
  int64_t n = t->shape[d];
  for (int64_t i = 0; i < n; i++) {
    if (head && i == head) i = n - tail;
    if (i < n) collect(s, t, d + 1, at(t, d, p, i));
  }
}

static int put_real(char *b, const shown *s, double x) {
  if (!isfinite(x)) return snprintf(b, WIDTH, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
  if (s->style == 2) return snprintf(b, WIDTH, "%.*e", s->digits, x);
  return snprintf(b, WIDTH, "%.*f", s->digits, x);
}

static int put_value(char *b, const shown *s, int k) {
  if (ow_dtype_is_int(s->dtype)) return snprintf(b, WIDTH, "%lld", (long long)s->in[k]);
  int n = put_real(b, s, s->re[k]);
  if (!ow_dtype_is_complex(s->dtype)) return n;
  n += snprintf(b + n, (size_t)(WIDTH - n), "%s", signbit(s->im[k]) ? "-" : "+");
  n += put_real(b + n, s, fabs(s->im[k]));
  return n + snprintf(b + n, (size_t)(WIDTH - n), "i");
}

// The fewest digits (at most 4 after the point, 5 significant) that tell all values.
static void choose_format(shown *s) {
  double big = 0, small = INFINITY;
  bool whole = true, cx = ow_dtype_is_complex(s->dtype);
  for (int k = 0; k < s->count; k++)
    for (int c = 0; c <= cx; c++) {
      double a = fabs(c ? s->im[k] : s->re[k]);
      if (!isfinite(a)) continue;
      if (a > big) big = a;
      if (a > 0 && a < small) small = a;
      if (a != floor(a)) whole = false;
    }
  s->style = 1;
  if (whole && big < 1e8) s->digits = 0;
  else if (big >= 1e6 || (small < 1e-4 && small < INFINITY) || (big > 0 && big / small > 1e7)) s->style = 2, s->digits = 4;
  else {
    s->digits = big < 10 ? 4 : big < 100 ? 3 : big < 10000 ? 2 : 1;
    if (small < 1e-2) s->digits = 5;
  }
  for (; s->digits > 0; s->digits--) {  // drop zeros that all values end in
    bool zeros = true;
    char b[WIDTH];
    for (int k = 0; k < s->count && zeros; k++)
      for (int c = 0; c <= cx && zeros; c++) {
        double x = c ? s->im[k] : s->re[k];
        if (!isfinite(x)) continue;
        int n = put_real(b, s, x);
        char *e = s->style == 2 ? strchr(b, 'e') : b + n;
        zeros = e && e[-1] == '0';
      }
    if (!zeros) break;
  }
  for (int k = 0; k < s->count; k++) {
    char b[WIDTH];
    int n = put_value(b, s, k);
    if (n > s->width) s->width = n;
  }
}

static void print(luaL_Buffer *out, const shown *s, const ow_tensor *t, int d, int *k) {
  if (d == t->ndim) {
    char b[WIDTH], line[2 * WIDTH];
    if (*k < s->count) put_value(b, s, (*k)++);
    else strcpy(b, "?");
    snprintf(line, sizeof line, "%*s", s->width, b);
    luaL_addstring(out, line);
    return;
  }
  int head, tail;
  edges(t, d, &head, &tail);
  bool last = d == t->ndim - 1;
  int64_t n = t->shape[d];
  luaL_addchar(out, '[');
  for (int64_t i = 0; i < n; i++) {
    if (i > 0) {
      luaL_addstring(out, last ? ", " : ",");
      if (!last) {
        for (int j = d; j < t->ndim - 1 && j < d + 2; j++) luaL_addchar(out, '\n');
        for (int j = 0; j <= d; j++) luaL_addchar(out, ' ');
      }
    }
    if (head && i == head) {
      luaL_addstring(out, "...");
      i = n - tail;
      if (i >= n) break;
      if (last) luaL_addstring(out, ", ");
      else {
        luaL_addchar(out, '\n');
        for (int j = 0; j <= d; j++) luaL_addchar(out, ' ');
      }
    }
    print(out, s, t, d + 1, k);
  }
  luaL_addchar(out, ']');
}

static void prepare(lua_State *L, const ow_tensor *t, shown *s) {
  (void)L;
  s->count = s->width = 0;
  s->dtype = t->dtype;
  if (ow_tensor_numel(t)) collect(s, t, 0, ow_tensor_data(t));
  choose_format(s);
}

// "tensor f64 2x3  min 1  mean 3.5  max 6"
static void head_line(lua_State *L, const ow_tensor *t, char *b, size_t size) {
  char shape[160];
  ow_err e;
  ow_summary_t m;
  int n = snprintf(b, size, "tensor %s %s", ow_dtype_name(t->dtype), ow_shape_string(shape, t->ndim, t->shape));
  if (t->ndim == 0) return;
  if (ow_tensor_numel(t) == 0) { snprintf(b + n, size - (size_t)n, "  empty"); return; }
  if (!ow_summary(t, &m, &e)) { owl_raise(L, "tostring", &e); return; }
  const char *abs = ow_dtype_is_complex(t->dtype) ? "|z| " : "";
  if (isnan(m.mean)) m.mean = NAN;  // without its sign
  if (m.used)
    n += snprintf(b + n, size - (size_t)n, "  %smin %.5g  mean %.5g  max %.5g", abs, m.min, m.mean, m.max);
  if (m.nan) snprintf(b + n, size - (size_t)n, "  nan %lld", (long long)m.nan);
}

static int t_tostring(lua_State *L) {
  ow_tensor *t = luaL_checkudata(L, 1, OWL_TENSOR);
  char head[400];
  if (!t->storage) { lua_pushliteral(L, "tensor (closed)"); return 1; }
  int device = t->storage->device;
  t = owl_tohost(L, "tostring", t);
  shown *s = lua_newuserdatauv(L, sizeof *s, 0);
  prepare(L, t, s);
  head_line(L, t, head, sizeof head);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  luaL_addstring(&out, head);
  if (device > OW_CPU) {
    luaL_addstring(&out, "  on ");
    luaL_addstring(&out, ow_device_name(device));
  }
  if (ow_tensor_numel(t)) {
    int k = 0;
    luaL_addchar(&out, t->ndim == 0 ? ' ' : '\n');
    print(&out, s, t, 0, &k);
  }
  luaL_pushresult(&out);
  return 1;
}

// A table for one or two axes, the plain text otherwise.
static void push_html(lua_State *L, const ow_tensor *t, int plain) {
  if (!t->storage || t->storage->device > OW_CPU || t->ndim < 1 || t->ndim > 2 || ow_tensor_numel(t) == 0) {
    lua_pushfstring(L, "<pre>%s</pre>", lua_tostring(L, plain));  // holds no markup
    return;
  }
  char head[400], cell[WIDTH];
  shown *s = lua_newuserdatauv(L, sizeof *s, 0);
  prepare(L, t, s);
  head_line(L, t, head, sizeof head);
  ow_tensor m = *t;
  if (t->ndim == 1) {
    m.ndim = 2;
    m.shape[1] = t->shape[0], m.stride[1] = t->stride[0];
    m.shape[0] = 1, m.stride[0] = 0;
  }
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  luaL_addstring(&out, "<table class=\"orowan-tensor\" style=\"text-align:right;font-family:monospace\"><caption style=\"text-align:left;white-space:nowrap\">");
  luaL_addstring(&out, head);
  luaL_addstring(&out, "</caption>\n");
  int rh, rt, ch, ct, k = 0;
  edges(&m, 0, &rh, &rt);
  edges(t, t->ndim - 1, &ch, &ct);
  for (int64_t i = 0; i < m.shape[0]; i++) {
    luaL_addstring(&out, "<tr>");
    if (rh && i == rh) {
      luaL_addstring(&out, "<td>&#8942;</td></tr>\n<tr>");
      i = m.shape[0] - rt;
    }
    for (int64_t j = 0; j < m.shape[1]; j++) {
      if (ch && j == ch) {
        luaL_addstring(&out, "<td>&#8230;</td>");
        j = m.shape[1] - ct;
      }
      put_value(cell, s, k++);
      luaL_addstring(&out, "<td>");
      luaL_addstring(&out, cell);
      luaL_addstring(&out, "</td>");
    }
    luaL_addstring(&out, "</tr>\n");
  }
  luaL_addstring(&out, "</table>");
  luaL_pushresult(&out);
}

static int t_mime(lua_State *L) {
  ow_tensor *t = luaL_checkudata(L, 1, OWL_TENSOR);
  lua_settop(L, 1);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, t_tostring);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);  // at 3
  push_html(L, t, 3);
  lua_setfield(L, 2, "text/html");
  lua_pushvalue(L, 3);
  lua_setfield(L, 2, "text/plain");
  lua_settop(L, 2);
  return 1;
}

int ow_open_show(lua_State *L) {
  static const luaL_Reg meta[] = {{"__tostring", t_tostring}, {"__mime", t_mime}, {NULL, NULL}};
  owl_metamethods(L, meta);
  lua_newtable(L);
  return 1;
}
