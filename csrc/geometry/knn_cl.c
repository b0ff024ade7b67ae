// Nearest neighbours on a device: the trees are built on the host (cells.c), copied once to a
// device and kept there with the cells; opencl/knn.cl searches them.
//
// In a periodic box the 27 nearest images are searched. A ball that reaches farther (a box with
// few points) is told of when the result is read; the CPU has no such limit.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "geometry/cells.h"
#include "geometry/cells_cl.h"
#include "opencl/launch.h"

struct ow_cells_there {
  int device;
  ow_tensor leaf, node;
};

void ow_cells_there_free(ow_cells *c) {
  if (!c->there) return;
  ow_tensor_close(&c->there->leaf);
  ow_tensor_close(&c->there->node);
  ow_free(c->there);
  c->there = NULL;
}

static bool send(ow_tensor *t, int device, void *data, size_t bytes, ow_err *e) {
  int64_t n = (int64_t)bytes;
  ow_tensor host;
  if (!ow_tensor_new(&host, OW_U8, 1, &n, e)) return false;
  if (n) memcpy(ow_tensor_data(&host), data, bytes);
  bool ok = ow_tensor_to(t, &host, device, e);
  ow_tensor_close(&host);
  return ok;
}

static bool there(ow_cells *c, int device, ow_err *e) {
  if (c->there && c->there->device == device) return true;
  ow_cells_there_free(c);
  c->there = ow_alloc_zero(sizeof *c->there, e);
  if (!c->there) return false;
  bool f32 = c->dtype == OW_F32;
  size_t leaves = (size_t)c->leaves, nodes = leaves ? 2 * leaves - 1 : 0;
  c->there->device = device;
  if (send(&c->there->leaf, device, c->leaf, leaves * (f32 ? sizeof(ow_leaf_f32) : sizeof(ow_leaf_f64)), e) &&
      send(&c->there->node, device, c->node, nodes * (f32 ? sizeof(ow_node_f32) : sizeof(ow_node_f64)), e))
    return true;
  ow_cells_there_free(c);
  return false;
}

// Translations of the images, the own cell first; the distance (squared) that they cover.
static int images_of(const ow_box *b, double s[27][3], double *limit) {
  int n = 0, reach[3] = {b->periodic[0], b->periodic[1], b->periodic[2]};
  *limit = INFINITY;
  for (int a = 0; a < 3; a++)
    if (b->periodic[a]) *limit = fmin(*limit, pow((1 - 1e-4) / b->gnorm[a], 2));
  for (int pass = 0; pass < 2; pass++)
    for (int i = -reach[0]; i <= reach[0]; i++)
      for (int j = -reach[1]; j <= reach[1]; j++)
        for (int k = -reach[2]; k <= reach[2]; k++) {
          if (((i || j || k) ? 1 : 0) != pass) continue;
          for (int a = 0; a < 3; a++) s[n][a] = b->any ? i * b->m[0][a] + j * b->m[1][a] + k * b->m[2][a] : 0;
          n++;
        }
  return n;
}

bool ow_knn_cl(const ow_search *s, int64_t k, int device, const ow_tensor *label, const ow_tensor *exclude, ow_tensor *id,
               ow_tensor *distance, ow_err *e) {
  ow_cells *points = (ow_cells *)(uintptr_t)s->points, *queries = (ow_cells *)(uintptr_t)s->queries;
  int64_t shape[2] = {queries->n, k};
  ow_cl_launch l;
  if (!ow_cl_can(device, points->dtype, e) || !ow_search_check(s, k, 0, e)) return false;
  if (k > OW_KNN_CL_MOST) {
    OW_FAIL(e, OW_EARG, "k: at most %d on %s, got %lld", OW_KNN_CL_MOST, ow_device_name(device), (long long)k);
    return ow_hint(e, "leave out device to search on the CPU");
  }
  if (!there(points, device, e) || !there(queries, device, e) || !ow_tensor_new_on(id, device, OW_I64, 2, shape, e)) return false;
  if (!ow_tensor_new_on(distance, device, points->dtype, 2, shape, e)) return false;
  if (queries->n == 0) return true;
  double t[27][3], limit;
  struct { float s[27][3], limit; int32_t images, leaves; } f;
  struct { double s[27][3], limit; int32_t images, leaves; } d;
  int n = images_of(&points->box, t, &limit);
  for (int i = 0; i < 27; i++)
    for (int a = 0; a < 3; a++) d.s[i][a] = i < n ? t[i][a] : 0, f.s[i][a] = (float)d.s[i][a];
  d.limit = limit, f.limit = (float)limit;
  f.images = d.images = n, f.leaves = d.leaves = points->leaves;
  char prelude[80];
  bool cpu = ow_cl_processor(device);  // has no registers for a list, and compiles an unrolled one slowly
  int list = cpu || k > 32 ? 64 : k > 16 ? 32 : k > 8 ? 16 : 8;
  snprintf(prelude, sizeof prelude, "#define T %s\n#define K %d\n%s", ow_cl_type(points->dtype), list, cpu ? "" : "#define UNROLL 1\n");
  if (!ow_cl_begin(&l, device, "knn", "nearest", prelude, e)) return false;
  l.op = "knn";
  ow_cl_tensor(&l, &queries->there->leaf);
  ow_cl_tensor(&l, &points->there->leaf);
  ow_cl_tensor(&l, &points->there->node);
  ow_cl_tensor(&l, label);
  ow_cl_tensor(&l, s->leave_self ? NULL : exclude);
  ow_cl_tensor(&l, id);
  ow_cl_tensor(&l, distance);
  if (points->dtype == OW_F32) ow_cl_bytes(&l, &f, sizeof f);
  else ow_cl_bytes(&l, &d, sizeof d);
  ow_cl_int(&l, (int32_t)queries->n);
  ow_cl_int(&l, (int32_t)k);
  ow_cl_int(&l, s->leave_self);
  ow_cl_checks(&l, "the k neighbours reach beyond the next images of the box; search on the CPU");
  return ow_cl_run1(&l, queries->n);
}
