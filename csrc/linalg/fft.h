// Discrete Fourier transforms on FFTW 3, double and single precision.
#ifndef OW_LINALG_FFT_H
#define OW_LINALG_FFT_H
#include "base/err.h"
#include "base/tensor.h"

typedef enum { OW_FFT_C2C, OW_FFT_R2C, OW_FFT_C2R } ow_fft_kind;

typedef struct {
  ow_fft_kind kind;
  int sign;                // -1 forward, +1 backward; R2C is forward, C2R backward
  int naxes;
  int axis[OW_MAXDIM];     // 0-based, distinct; of a real transform the last one is halved
  int64_t n[OW_MAXDIM];    // transform length along each; the input is cropped or zero-padded
  double scale;            // multiplies the result
  bool measure;            // FFTW_MEASURE instead of FFTW_ESTIMATE
} ow_fft_spec;

// Type and shape of the result. f16 bf16 f32 c64 are transformed in single precision.
bool ow_fft_result(const ow_tensor *in, const ow_fft_spec *s, ow_dtype *dtype, int64_t *shape, ow_err *e);
// out: dense, of that type and shape. It may be `in` itself (C2C), otherwise must not overlap.
bool ow_fft(const ow_tensor *out, const ow_tensor *in, const ow_fft_spec *s, ow_err *e);

typedef struct { int64_t cached, planned, hits; } ow_fft_stats_t;
ow_fft_stats_t ow_fft_stats(void);
void ow_fft_forget(void);  // drops the cached plans that nobody is using

// Cyclic shift by shift[d] along each axis, into a new tensor.
bool ow_fft_roll(ow_tensor *out, const ow_tensor *in, const int64_t *shift, ow_err *e);

#endif
