// Sums over all pairs on a device: the host's side of opencl/pair_sum.cl.
#include <math.h>
#include <stdio.h>

#include "base/device.h"
#include "geometry/pair_sum.h"
#include "opencl/launch.h"

enum { TILE = 128 };

// Runs of sources: few targets alone would leave a GPU idle. A function of the sizes alone.
static int64_t splits_of(int64_t n, int64_t m) {
  int64_t most = (n + 4095) / 4096, want = (65536 + m - 1) / m;
  return most < 1 ? 1 : want < most ? want : most;
}

bool ow_pair_sum_cl(const ow_pair_law *w, const ow_tensor *source, const ow_tensor *charge, const ow_tensor *target,
                    ow_tensor *phi, ow_tensor *gradient, ow_err *e) {
  int device = target->storage->device, values = gradient ? 4 : 1;
  int64_t n = source->shape[0], m = target->shape[0], three[2] = {m, 3};
  char prelude[1200];
  if (!ow_cl_can(device, target->dtype, e) || !ow_tensor_new_on(phi, device, target->dtype, 1, &m, e)) return false;
  if (gradient && !ow_tensor_new_on(gradient, device, target->dtype, 2, three, e)) return false;
  if (m == 0) return true;
  int whole = w->kind == OW_PAIR_POWER && w->a == floor(w->a) && w->a >= 0 && w->a <= 32 ? (int)w->a : -1;
  int used = snprintf(prelude, sizeof prelude, "#define T %s\n#define KIND %d\n#define VALUES %d\n#define WHOLE %d\n", ow_cl_type(target->dtype),
                      (int)w->kind, values, whole);
  if (w->kind == OW_PAIR_EXPRESSION)
    used += snprintf(prelude + used, sizeof prelude - (size_t)used, "#define F(r2) (%s)\n#define G(r2) (%s)\n", w->value, w->slope ? w->slope : "0");
  if ((size_t)used >= sizeof prelude) return OW_FAIL(e, OW_EARG, "expression: longer than 1000 characters");
  int64_t splits = splits_of(n, m), run = ((n + splits - 1) / splits + TILE - 1) / TILE * TILE, size = splits * m * values;
  if (run) splits = (n + run - 1) / run;
  if (splits < 1) splits = 1;
  ow_tensor part = {0};
  ow_cl_launch l;
  bool ok = ow_tensor_new_on(&part, device, target->dtype, 1, &size, e) && ow_cl_begin(&l, device, "pair_sum", "pairs", prelude, e);
  if (ok) {
    l.op = "pair_sum";
    ow_cl_tensor(&l, source), ow_cl_tensor(&l, charge), ow_cl_tensor(&l, target), ow_cl_tensor(&l, &part);
    ow_cl_long(&l, n), ow_cl_long(&l, m), ow_cl_long(&l, run);
    ow_cl_real(&l, target->dtype, w->a), ow_cl_real(&l, target->dtype, w->softening * w->softening);
    size_t groups[2] = {(size_t)((m + TILE - 1) / TILE), (size_t)splits}, local[2] = {TILE, 1};
    ok = ow_cl_run(&l, 2, groups, local) && ow_cl_begin(&l, device, "pair_sum", "join", prelude, e);
  }
  if (ok) {
    l.op = "pair_sum";
    ow_cl_tensor(&l, &part), ow_cl_tensor(&l, phi), ow_cl_tensor(&l, gradient);
    ow_cl_long(&l, m), ow_cl_long(&l, splits);
    ok = ow_cl_run1(&l, m);
  }
  ow_tensor_close(&part);
  return ok;
}
