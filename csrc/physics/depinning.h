// A dislocation line driven through random pinning on a lattice of slipped (1) and
// unslipped (0) cells, periodic in x. One pick = one segment (edge between unlike cells)
// drawn uniformly; both its cells become 1 if its stress is >= 0, else 0.
//
// Parts: kernel (exact periodic stress sums), line (cells, segment list, moving window),
// engine (picks: plain O(N) and fast), dds (the published simulator, byte for byte),
// events (avalanches in a recorded series).
#ifndef OW_PHYSICS_DEPINNING_H
#define OW_PHYSICS_DEPINNING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"
#include "simd/isa.h"

// ---- kernel ----------------------------------------------------------------------------------
double ow_bessel_k0(double x);  // x > 0
double ow_bessel_k1(double x);
double ow_trigamma(double x);   // x > 0

// Sums over all images X = dx + m L, m = -inf..inf, of dy / r^3 and X / r^3, with
// r^2 = X^2 + dy^2; the singular term at X = dy = 0 counts as 0.
double ow_dp_row_h(double dx, double dy, double L);
double ow_dp_row_v(double dx, double dy, double L);

// Tables for dx in -L..L (index dx + L) and rows of dy. `ii` at integer distances, `hh` at
// half-odd ones (row j is dy = j + 1/2, column dx is dx + 1/2). hp, vp: plain sums;
// cell: stress at a horizontal (ch) or vertical (cv) edge from flipping one cell 0 -> 1.
typedef struct ow_dp_kernel {
  int refs;                        // atomic
  int lx, rows;                    // |dy| < rows
  double fh, fv, scale;            // scale = mu b a / 4 pi
  size_t stride;                   // 2 lx + 1 rounded up
  double *h_ii, *h_hh, *v_ii, *v_hh;  // rows x stride, dy >= 0
  double *ch, *cv;                 // (2 rows - 1) x stride, row dy + rows - 1
  double *gmax;                    // lx/2 + 1: largest |cell kernel| at column distance >= d
} ow_dp_kernel;
ow_dp_kernel *ow_dp_kernel_new(int lx, int rows, double fh, double fv, double scale, ow_err *e);
ow_dp_kernel *ow_dp_kernel_ref(ow_dp_kernel *k);
void ow_dp_kernel_free(ow_dp_kernel *k);  // drops a reference; NULL is fine

// ---- line and engine -------------------------------------------------------------------------
typedef enum { OW_DP_SPRING = 0, OW_DP_QUASISTATIC = 1 } ow_dp_drive;
typedef enum { OW_DP_RUNNING = 0, OW_DP_TOP = 1, OW_DP_BOTTOM = 2, OW_DP_STARVED = 3 } ow_dp_stop;

typedef struct {
  int32_t lx;            // columns
  int32_t ly;            // rows of a finite lattice (stops at top and bottom); 0: unlimited
  int32_t y0;            // rows 0 .. y0-1 are slipped at the start
  int32_t edge;          // 1: Burgers vector along y, 0: along x
  int32_t plain;         // 1: the O(N) evaluation of every stress
  int32_t drive;         // ow_dp_drive
  double mu, b, a, nu;
  double sigma_pin;      // standard deviation of the pinning
  double sigma0, rate, spring;
  double wait;           // quasi-static: picks without advance, in units of the segment count
  double step_max;       // quasi-static: largest single raise of the drive
  uint64_t seed;         // picks: stream 2 r, pinning: stream 2 r + 1 of this seed
  uint64_t replica;
} ow_dp_params;

typedef struct { int32_t y; uint32_t xt; } ow_dp_seg;   // xt = 2 x + (1: vertical edge)
typedef struct { int64_t at; double sign; } ow_dp_flip;  // at = y * stride + x in the kernel's tables
typedef struct { int32_t x, y; int64_t since; } ow_dp_flip_info;

typedef struct ow_dp {
  ow_dp_params par;
  ow_dp_kernel *k;
  int cap;                      // rows of the ring, a power of two
  int32_t lo, hi;               // rows in the window, inclusive
  uint8_t *site;                // cap x lx
  double *pin;                  // cap x lx
  double *base;                 // 2 x cap x lx: pinning and stress at the epoch's start
  int32_t *pos;                 // cap x lx x 2: place in the segment list, or -1
  int32_t *rowcount;            // cap: segments in a row
  ow_dp_seg *seg;
  int32_t nseg, segcap;
  int32_t *height;              // lx: slipped cells above y0
  const double *field;          // lx x ly pinning given by the user, or NULL
  double *field_own;
  // cells flipped since the epoch's start (a flip and its return cancel), by blocks of columns
  int nblock;
  ow_dp_flip *flip;             // nblock x flipcap
  ow_dp_flip_info *info;
  int32_t *nflip, flipcap;
  int32_t *slot;                // cap x lx: place in its block's list, or -1
  // per block: bound (in far_unit) on the stress of all flips beyond 1 and beyond 3 blocks; what one
  // flip adds at block distance d is weight[nblock + d], d = -nblock+1 .. nblock-1
  uint32_t *far1, *far3, *weight1, *weight3;
  double far_unit;
  int32_t net, netcap;
  // state
  int64_t pick, area, area_max, last_advance;
  double driver;                // quasi-static drive
  int32_t stop;
  uint64_t *word;               // OW_DP_WORDS random words from word_first on
  int64_t word_first;           // -1: none yet
  int64_t wide, full, lookups, folded, rebuilt;  // counters for tuning, not state
} ow_dp;

// field: lx rows of ly values (a finite lattice's own pinning), or NULL: Gaussian by
// Philox, keyed by cell. kernel: shared, or NULL to make one.
ow_dp *ow_dp_new(const ow_dp_params *p, const double *field, ow_dp_kernel *kernel, ow_err *e);
void ow_dp_free(ow_dp *s);
double ow_dp_stress_ext(const ow_dp *s);
// Stress on segment i by the plain sum over all segments (without the external stress).
double ow_dp_stress_plain(const ow_dp *s, int32_t i);
// The same from the epoch's base and the flips since.
double ow_dp_stress_fast(const ow_dp *s, int32_t i);

typedef struct {                // every `every` picks one record; arrays may be NULL
  int64_t every, max, count;
  int64_t *pick, *area;
  double *stress;
  int32_t *height;              // max x lx
} ow_dp_record;
// Runs up to `picks` picks; stops early at the lattice's end (s->stop). On OW_EINTR the
// state is whole and the run can go on.
bool ow_dp_run(ow_dp *s, int64_t picks, ow_dp_record *rec, ow_err *e);

// Exact state as bytes, and back.
size_t ow_dp_state_size(const ow_dp *s);
void ow_dp_state_write(const ow_dp *s, uint8_t *out);
ow_dp *ow_dp_state_read(const uint8_t *in, size_t n, ow_dp_kernel *kernel, ow_err *e);

// ---- inner parts shared by the files above ---------------------------------------------------
static inline size_t ow_dp_cell(const ow_dp *s, int32_t x, int32_t y) {
  return (size_t)(y & (s->cap - 1)) * (size_t)s->par.lx + (size_t)x;
}
bool ow_dp_line_init(ow_dp *s, ow_err *e);
bool ow_dp_line_grow(ow_dp *s, int cap, ow_err *e);
// Makes rows around y part of the window (and drops rows the line has left).
bool ow_dp_line_reach(ow_dp *s, int32_t y, ow_err *e);
void ow_dp_line_flip(ow_dp *s, int32_t x, int32_t y, uint8_t v);  // cells, segments, heights
void ow_dp_base_rows(ow_dp *s, int32_t first, int32_t last);       // from scratch
void ow_dp_line_clear(ow_dp *s, int32_t first, int32_t last, uint8_t v);  // fresh rows
ow_dp *ow_dp_make(const ow_dp_params *p, const double *field, ow_dp_kernel *kernel, ow_err *e);  // no line yet
void ow_dp_far_weights(ow_dp *s);
void ow_dp_note_flip(ow_dp *s, int32_t x, int32_t y, int up, int64_t since);
void ow_dp_fold(ow_dp *s, int64_t older_than);  // puts flips with since <= older_than into base

enum { OW_DP_WORDS = 512, OW_DP_COLUMNS = 8 };  // words drawn at once (even); columns of a block

typedef struct {
  void (*add_row)(double *d, const double *a, double f, int n);  // d += f a, f = +-1 exactly or any
  // d[i] += sum_j sign[j] src[j][i], j in order
  void (*fold)(double *d, int n, const double *const *src, const double *sign, int nsrc);
  void (*add_u32)(uint32_t *d, const uint32_t *a, int n);
  void (*sub_u32)(uint32_t *d, const uint32_t *a, int n);
  void (*words)(uint64_t seed, uint64_t stream, uint64_t first, uint64_t *out);  // OW_DP_WORDS, first even
} ow_dp_kernels;
OW_SIMD_TABLE(ow_dp_kernels, ow_dp_simd)

// ---- the published simulator -----------------------------------------------------------------
typedef struct {
  double burgers, mu, poisson, cellsize, spring, stress_init, stress_rate;
  int32_t lx, ly, y0, seed;
  bool vertical_burgers;
} ow_dds_params;
void ow_dds_defaults(ow_dds_params *p);
// pinning: lx rows of ly values. Calls line() after each pick; stops when it returns false,
// at a stop state (returned) or after max_picks (0: no limit).
typedef struct { int64_t pick; int64_t area; double stress; } ow_dds_line;
bool ow_dds_run(const ow_dds_params *p, const double *pinning, int64_t max_picks,
                bool (*line)(void *ctx, const ow_dds_line *l), void *ctx, ow_dp_stop *stop, ow_err *e);

// ---- events in a recorded series -------------------------------------------------------------
// Records i with area[i] - area[i - window] > threshold are active; a maximal run i1..i2 of
// them is an event from record i1 - window (or the last event's end) to i2. Events still
// running at either end of the series are left out. first, last: room for n of them each.
int64_t ow_dp_events(const int64_t *area, int64_t n, int64_t window, double threshold, int64_t *first, int64_t *last);

typedef struct { double width, height, size; } ow_dp_shape;
// What the line swept from record a to b: profiles averaged over `mean` records before a and
// after b and over `columns` (odd) neighbours; the run of columns above `cut` round the one
// that moved most.
bool ow_dp_event_shape(const int32_t *h, int64_t n, int32_t lx, int64_t a, int64_t b, int64_t mean, int columns, double cut,
                       ow_dp_shape *out, ow_err *e);
// The same at records a + lag[j], each averaged over `mean` records round it.
bool ow_dp_event_growth(const int32_t *h, int64_t n, int32_t lx, int64_t a, int64_t mean, int columns, double cut,
                        const int64_t *lag, int nlag, ow_dp_shape *out, ow_err *e);
// power[k-1], k = 1 .. lx/2: mean over records of |sum_x h e^(-2 pi i k x / lx)|^2 / lx;
// diff[d-1], d = 1 .. lx/2: mean of |h(x + d) - h(x)|. Every `stride`-th of n records.
bool ow_dp_roughness(const int32_t *h, int64_t n, int32_t lx, int64_t stride, double *power, double *diff, ow_err *e);

#endif
