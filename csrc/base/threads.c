#include "base/threads.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

volatile sig_atomic_t ow_interrupt_flag = 0;

extern void openblas_set_num_threads(int);
extern int openblas_get_num_threads(void);

static int threads_now = 0;

int ow_threads(void) {
  if (!threads_now) {
    const char *v = getenv("OROWAN_THREADS");
    int n = v ? atoi(v) : 0;
    ow_set_threads(n > 0 ? n : omp_get_num_procs());
  }
  return threads_now;
}

void ow_set_threads(int n) {
  if (n < 1) n = 1;
  if (n > 1024) n = 1024;
  threads_now = n;
  openblas_set_num_threads(n);
}

int ow_blas_threads(void) { return openblas_get_num_threads(); }

static volatile sig_atomic_t held, waiting;

void ow_interrupt_raise(void) {
  if (held) waiting = 1;
  else ow_interrupt_flag = 1;
}

static void on_sigint(int sig) {
  (void)sig;
  ow_interrupt_raise();
}

void ow_interrupt_hold(void) {
  held++;
  if (ow_interrupt_flag) waiting = 1, ow_interrupt_flag = 0;
}

void ow_interrupt_release(void) {
  if (held && --held) return;
  if (waiting) waiting = 0, ow_interrupt_flag = 1;
}

int ow_interrupt_expose(void) {
  int holds = held;
  held = 0;
  if (waiting) waiting = 0, ow_interrupt_flag = 1;
  return holds;
}

void ow_interrupt_cover(int holds) {
  held = holds;
  if (held && ow_interrupt_flag) waiting = 1, ow_interrupt_flag = 0;
}

void ow_interrupt_forget(void) { waiting = 0, ow_interrupt_flag = 0; }

void ow_interrupt_install(void) {
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = on_sigint;  // no SA_RESTART: a blocking read returns EINTR and is re-examined
  sigaction(SIGINT, &sa, NULL);
}

void ow_interrupt_clear(void) { ow_interrupt_flag = 0; }
