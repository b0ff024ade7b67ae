// The body of the plain convolutions; conv_reference.c includes it once a float type, with
//   T the type, FN(name) the function's name, EPILOGUE the type of the epilogue.
// One output at a time, sums in f64. The outputs are independent, so the threads change no bit.

static void FN(at)(const ow_conv *p, int64_t i, int64_t *o) {  // output position i as 3 indices
  o[2] = i % p->osize[2];
  o[1] = i / p->osize[2] % p->osize[1];
  o[0] = i / p->osize[2] / p->osize[1];
}

bool FN(forward)(const ow_conv *p, const T *x, const T *w, const EPILOGUE *ep, T *y, ow_err *e) {
  int64_t cg = p->in / p->groups, og = p->out / p->groups, in = volume(p->size), out = volume(p->osize), k = volume(p->kernel);
  int stop = 0;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic) if (p->n * p->out * out * cg * k > OW_GRAIN)
  for (int64_t r = 0; r < p->n * p->out; r++) {
    if (ow_interrupted()) { __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); continue; }
    int64_t n = r / p->out, o = r % p->out, c0 = o / og * cg;
    for (int64_t i = 0; i < out; i++) {
      int64_t d[3];
      FN(at)(p, i, d);
      double s = ep && ep->bias ? (double)ep->bias[o] : 0;
      for (int64_t c = 0; c < cg; c++)
        for (int64_t q = 0; q < k; q++) {
          int64_t from = source(p, d, q);
          if (from >= 0) s += (double)w[(o * cg + c) * k + q] * (double)x[(n * p->in + c0 + c) * in + from];
        }
      if (ep && ep->activation != OW_ACT_NONE && s <= 0) s = ep->activation == OW_ACT_RELU ? 0 : s * (double)ep->alpha;
      y[r * out + i] = (T)s;
    }
  }
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool FN(grad_input)(const ow_conv *p, const T *dy, const T *w, T *dx, ow_err *e) {
  int64_t cg = p->in / p->groups, og = p->out / p->groups, in = volume(p->size), out = volume(p->osize), k = volume(p->kernel);
  int stop = 0;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic) if (p->n * p->out * out * cg * k > OW_GRAIN)
  for (int64_t r = 0; r < p->n * p->in; r++) {
    if (ow_interrupted()) { __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); continue; }
    int64_t n = r / p->in, c = r % p->in, o0 = c / cg * og;
    for (int64_t i = 0; i < in; i++) {
      double s = 0;
      for (int64_t q = 0; q < k; q++) {
        int64_t to = target(p, i, q);
        if (to < 0) continue;
        for (int64_t o = 0; o < og; o++)
          s += (double)w[((o0 + o) * cg + c % cg) * k + q] * (double)dy[(n * p->out + o0 + o) * out + to];
      }
      dx[r * in + i] = (T)s;
    }
  }
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool FN(grad_weight)(const ow_conv *p, const T *x, const T *dy, T *dw, ow_err *e) {
  int64_t cg = p->in / p->groups, og = p->out / p->groups, in = volume(p->size), out = volume(p->osize), k = volume(p->kernel);
  int stop = 0;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic) if (p->n * p->out * out * cg * k > OW_GRAIN)
  for (int64_t r = 0; r < p->out * cg; r++) {
    if (ow_interrupted()) { __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); continue; }
    int64_t o = r / cg, c = o / og * cg + r % cg;
    for (int64_t q = 0; q < k; q++) {
      double s = 0;
      for (int64_t n = 0; n < p->n; n++)
        for (int64_t i = 0; i < out; i++) {
          int64_t d[3];
          FN(at)(p, i, d);
          int64_t from = source(p, d, q);
          if (from >= 0) s += (double)x[(n * p->in + c) * in + from] * (double)dy[(n * p->out + o) * out + i];
        }
      dw[r * k + q] = (T)s;
    }
  }
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
