// Atom probe files, one record per ion, read in blocks so that 1e9 ions need no memory:
//   .pos   4 x f32 big-endian: x, y, z (nm), m/q (Da)
//   .epos  9 x f32, 2 x u32 big-endian: .pos, then time of flight (ns), V_DC, V_pulse (kV),
//          detector x, y (mm), pulses since the last event, ions of the pulse
//   .ato   Rouen, little-endian, version at byte 4: 3 (8-byte header, 14 x f32, coordinates in
//          0.1 nm) or 5 (5000-byte header, 40-byte records)
//   .apt   AP Suite 6: "APT\0" header, then sections "SEC\0", each one column block
// Every value is checked against the file's size before it is read. Sources: Larson et al.,
// Local Electrode Atom Probe Tomography (2013) appendix A; Reinhard et al., the APT format.
#ifndef OW_IO_IONS_H
#define OW_IO_IONS_H
#include "base/err.h"
#include "base/tensor.h"

enum { OW_IONS_MAXCOL = 96 };

typedef struct {
  char name[72], unit[40];
  int64_t at;       // byte of the first value
  int64_t step;     // bytes from one ion's value to the next one's
  char type;        // 'f' float, 'u' unsigned, 'i' signed
  int size;         // bytes: 1, 2, 4, 8
  double scale;     // floats: value = stored * scale
} ow_ions_column;

typedef struct {
  int fd;                // -1: closed
  char *path;
  const char *format;    // "pos", "epos", "ato", "apt"
  int version;           // of .ato, .apt; 0 elsewhere
  bool swap;             // values are not in this machine's byte order
  bool foreign_order;    // the file is in the other order than its format says
  bool volts;            // .epos held volts, read as kV
  int64_t bytes, n;      // size of the file, ions
  int64_t trailing;      // bytes after the last whole record, left out on request
  int ncol;
  ow_ions_column col[OW_IONS_MAXCOL];
} ow_ions;

// format: NULL takes the ending of path. partial: leave out a last incomplete record instead
// of failing. f: any memory; on failure nothing is open.
bool ow_ions_open(ow_ions *f, const char *path, const char *format, bool partial, ow_err *e);
void ow_ions_close(ow_ions *f);  // idempotent
int ow_ions_find(const ow_ions *f, const char *name);  // column number or -1
// Values first .. first+count-1 of the columns cols[0..k): floats as f32 (f64 for 8-byte ones)
// into dst[i * k + j]. All must be of the same type class; integers go to i64.
bool ow_ions_read(const ow_ions *f, int k, const int *cols, int64_t first, int64_t count, const ow_tensor *dst, ow_err *e);

// Writes x, y, z, m/q (f32 [n,3], f32 [n]) as .pos, atomically.
bool ow_ions_write_pos(const char *path, const ow_tensor *xyz, const ow_tensor *mass, ow_err *e);

#endif
