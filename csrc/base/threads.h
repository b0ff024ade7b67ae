// One OpenMP pool, shared with OpenBLAS's OpenMP build. Kernels write
//   #pragma omp parallel for num_threads(ow_threads()) if (n > OW_GRAIN)
// and must give bitwise the same result at any thread count: cut work by a fixed chunk
// size, never by the number of threads, and combine partial results in index order.
#ifndef OW_BASE_THREADS_H
#define OW_BASE_THREADS_H
#include <omp.h>
#include <signal.h>
#include <stdbool.h>

#define OW_GRAIN 32768  // elements below which a parallel region costs more than it brings

int ow_threads(void);            // OROWAN_THREADS, else the cores this process may use
void ow_set_threads(int n);      // 1 or more; also sets OpenBLAS's count
int ow_blas_threads(void);

// Interrupt: SIGINT sets a flag, kernels poll it about every 10 ms of work, leave their
// OpenMP loops by themselves (no break out of a parallel for: skip the rest) and return
// OW_EINTR. The flag stays set until the top level clears it, so pcall cannot hide it.
extern volatile sig_atomic_t ow_interrupt_flag;
static inline bool ow_interrupted(void) { return ow_interrupt_flag != 0; }
void ow_interrupt_install(void);  // SIGINT handler
void ow_interrupt_clear(void);
void ow_interrupt_raise(void);           // as SIGINT would
// While held an interrupt waits: for updates in place that must not stop half-way and for
// saving afterwards. Keep it short. Holds nest.
void ow_interrupt_hold(void);
void ow_interrupt_release(void);
// A session that holds interrupts throughout lets them in while user code runs: expose takes
// all holds off and tells how many there were, cover puts them back.
int ow_interrupt_expose(void);
void ow_interrupt_cover(int holds);
void ow_interrupt_forget(void);  // also one that waits

#endif
