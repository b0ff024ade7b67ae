// Where the values of an atom probe file lie. Each fills format, version, swap, n, columns.
#ifndef OW_IO_IONS_LAYOUT_H
#define OW_IO_IONS_LAYOUT_H
#include "io/ions.h"
bool ow_ions_layout_pos(ow_ions *f, bool partial, ow_err *e);
bool ow_ions_layout_epos(ow_ions *f, bool partial, ow_err *e);
bool ow_ions_layout_ato(ow_ions *f, bool partial, ow_err *e);
bool ow_ions_layout_apt(ow_ions *f, ow_err *e);
#endif
