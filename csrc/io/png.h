// PNG images <-> tensors: H x W (grey) or H x W x C (2 grey+alpha, 3 RGB, 4 RGBA),
// u8 for up to 8 bits, i32 holding 0..65535 for 16 bits.
#ifndef OW_IO_PNG_H
#define OW_IO_PNG_H
#include "base/tensor.h"

// Palettes and 1, 2, 4 bit grey are expanded, transparency becomes an alpha channel.
bool ow_png_read_file(ow_tensor *out, const char *path, ow_err *e);
bool ow_png_read_memory(ow_tensor *out, const void *data, size_t n, const char *name, ow_err *e);
// bits 8 or 16; t: integers within 0..2^bits-1, shape as above. level: 0..9, -1 default.
bool ow_png_write_file(const ow_tensor *t, const char *path, int bits, int level, ow_err *e);

#endif
