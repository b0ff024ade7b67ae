// One block of AtomNet (lua/orowan/apt/atomnet.lua) for inference: neighbours to features to the
// folded network, a few ions at a time.
#ifndef OW_NN_POINTNET_H
#define OW_NN_POINTNET_H
#include "base/err.h"
#include "base/tensor.h"
#include "simd/isa.h"

enum {
  OW_POINTNET_ROWS = 32,    // neighbours of an ion, itself included
  OW_POINTNET_PANEL = 32,   // columns of a packed panel of weights
  OW_POINTNET_COLUMNS = 8,  // floats of an input row: 4 to 8 columns, then zeros
  OW_POINTNET_LAYERS = 20,
};

// y = x w + bias; w packed into panels [outputs / 32][inputs][32], outputs padded with zeros.
typedef struct {
  int64_t inputs, outputs;
  const float *w, *bias;
} ow_pointnet_layer;

typedef struct {
  // y[m][outputs] (stride ldy) of x[m][inputs] (stride ldx), m a multiple of 8
  void (*rows)(const ow_pointnet_layer *l, const float *x, int64_t ldx, int64_t m, bool relu, float *y, int64_t ldy);
  // y[outputs]: largest relu(x w + bias) of the rows
  void (*rows_max)(const ow_pointnet_layer *l, const float *x, int64_t ldx, int64_t m, float *y);
} ow_pointnet_kernels;
OW_SIMD_TABLE(ow_pointnet_kernels, ow_pointnet_table)

// Weights [inputs][outputs] and biases of the 20 layers in the order of pointnet.c.
typedef struct {
  const float *w[OW_POINTNET_LAYERS], *bias[OW_POINTNET_LAYERS];
  int64_t inputs[OW_POINTNET_LAYERS], outputs[OW_POINTNET_LAYERS];
} ow_pointnet_weights;

// The ions: positions [n][3], species [n], predictions [n] of the block before or NULL; ids [m][32]
// and rows [m] are 1-based rows of them; box {0, 0, 0}: open space.
typedef struct {
  const float *positions, *species, *predictions;
  const int64_t *ids, *rows;
  int64_t n, m;
  double box[3];
  bool own;  // with the own species
} ow_pointnet_ions;

bool ow_pointnet(const ow_pointnet_weights *weights, const ow_pointnet_ions *ions, float *probability, ow_err *e);

#endif
