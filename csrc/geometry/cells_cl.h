// Searches on a device. Results lie there.
#ifndef OW_GEOMETRY_CELLS_CL_H
#define OW_GEOMETRY_CELLS_CL_H
#include "base/device.h"
#include "geometry/cells.h"

enum { OW_KNN_CL_MOST = 64 };  // neighbours that a work-item holds

// As ow_knn, ids and distances the same bits; id and distance are made on the device, label and
// exclude (0-based) are on it or NULL.
bool ow_knn_cl(const ow_search *s, int64_t k, int device, const ow_tensor *label, const ow_tensor *exclude, ow_tensor *id,
               ow_tensor *distance, ow_err *e);

#endif
