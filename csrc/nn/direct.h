// Between the drivers of the direct convolution (plain C) and its kernels (one body per ISA).
#ifndef OW_NN_DIRECT_H
#define OW_NN_DIRECT_H
#include <stdbool.h>
#include <stdint.h>

#include "simd/isa.h"

// y[o][lane of v] (+)= sum_{c,k} w[c][k][o] x[c * x_step + base[v] + tap[k] + lane], then bias and
// activation. All counts and steps in elements.
#define OW_TILE(T, NAME)                                        \
  typedef struct {                                              \
    const T *x, *w, *bias;    /* bias: OB of them, or NULL */   \
    T *y;                                                       \
    const int64_t *tap, *base, *out;                            \
    int64_t channels, taps, x_step, y_step;                     \
    bool add;                 /* to what y holds */             \
    int activation;                                             \
    T alpha;                                                    \
  } NAME;
OW_TILE(float, ow_tile_f32)
OW_TILE(double, ow_tile_f64)
#undef OW_TILE

typedef struct {
  int bytes;                    // of a vector
  int channels;                 // most output channels of a tile
  const unsigned char *widest;  // most vectors of a tile of so many channels
  void (*tile_f32)(int ob, int lv, const ow_tile_f32 *t);
  void (*tile_f64)(int ob, int lv, const ow_tile_f64 *t);
} ow_direct_table;
OW_SIMD_TABLE(ow_direct_table, ow_direct)

enum { OW_TILE_MAXV = 8 };

// Weight gradient: sum[r * sum_r + v * sum_v + lane] += sum over positions i of
//   s[s_at[r] + i . s_step] v[v_at[v] + i . v_step + lane]
// or, dot: sum[r * sum_r + v * sum_v] += sum over i and lanes of
//   s[s_at[r] + i . s_step + lane] v[v_at[v] + i . v_step + lane]
#define OW_SUM(T, NAME)                                          \
  typedef struct {                                               \
    const T *s, *v;                                              \
    T *sum;                                                      \
    const int64_t *s_at, *v_at;                                  \
    int64_t count[3], s_step[3], v_step[3], sum_r, sum_v;        \
  } NAME;
OW_SUM(float, ow_sum_f32)
OW_SUM(double, ow_sum_f64)
#undef OW_SUM

typedef struct {
  int bytes;                    // of a vector
  int vectors;                  // most of a tile
  const unsigned char *rows;    // most rows of a tile of so many vectors
  void (*sum_f32)(int rows, int vectors, bool dot, const ow_sum_f32 *t);
  void (*sum_f64)(int rows, int vectors, bool dot, const ow_sum_f64 *t);
} ow_direct_weight_table;
OW_SIMD_TABLE(ow_direct_weight_table, ow_direct_weight)

#endif
