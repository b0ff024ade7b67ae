// Iso-surfaces of a field on a grid (marching cubes), what a triangle mesh measures, and the
// signed distance of points from it.
//
// Surface. A vertex lies on every grid edge whose ends are on different sides of the level
// (>= is above), at the linearly interpolated place, and is shared by all triangles there
// (Lorensen and Cline, SIGGRAPH 1987). In each face of a cube the crossings are joined by
// segments; a face with four of them is decided by the saddle value of the bilinear
// interpolation (Nielson and Hamann, IEEE Visualization 1991), which both cubes of the face see
// alike. The segments of a cube make closed loops; each loop is filled by triangles of which no
// inner edge lies in a face of the cube. So the surface is closed wherever the field goes on:
// every edge has exactly two triangles, but for the border of the grid and of NaN. Two loops of
// a cube are two sheets, never joined by a tunnel within that cube.
//
// Triangles turn counter-clockwise as seen from below the level: normals point to lower values,
// and the volume of what is above is positive.
#ifndef OW_GEOMETRY_ISOSURFACE_H
#define OW_GEOMETRY_ISOSURFACE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

// ---- the table (isosurface_table.c) --------------------------------------------------------------
// Corner c of a cube: x + 2 y + 4 z. Edge 4 a + k runs along axis a from the corner whose other
// two coordinates are the bits of k (the lower axis first). Face 2 a + s: coordinate a equals s.
typedef struct {
  int ntri, nmid;
  uint8_t tri[16][3];     // 0..11: edges; 12 + j: middle of loop j of `mid`
  uint8_t mid[4][13];     // number of edges, edges
} ow_iso_case;
int ow_iso_corner(int edge);                      // the corner from which the edge runs
const uint8_t *ow_iso_face(int face);             // its four corners, counter-clockwise from outside
bool ow_iso_prepare(ow_err *e);                   // makes the table, once
int ow_iso_ambiguous(int code, uint8_t faces[6]); // faces of the cube that need a decision
// The triangles for that code; bit i of `joined`: the corners above are joined across face faces[i].
const ow_iso_case *ow_iso_find(int code, int joined);

// ---- surface -----------------------------------------------------------------------------------
typedef struct {
  float *vertex;       // [nv][3]
  int64_t *triangle;   // [nt][3], 1-based
  int64_t nv, nt;
} ow_iso_mesh;
// f [n2][n1][n0]: n0 (x) varies fastest; origin: place of f[0]; spacing along x, y, z. NaN:
// cubes that touch it are left out.
bool ow_isosurface(ow_iso_mesh *m, const float *f, const int64_t n[3], const double origin[3], const double spacing[3],
                   double level, ow_err *e);
void ow_iso_free(ow_iso_mesh *m);

// ---- measures ------------------------------------------------------------------------------------
typedef struct {
  const float *vertex;      // [nv][3]
  const int64_t *triangle;  // [nt][3], 1-based
  int64_t nv, nt;
} ow_mesh;
typedef struct {
  int64_t edges, border, crowded;  // border: edges with one triangle; crowded: with more than two
  int64_t used;                    // vertices of some triangle
  int64_t parts;                   // connected pieces
  double area, volume;             // volume: enclosed, signed
} ow_mesh_info;
bool ow_mesh_check(const ow_mesh *m, ow_err *e);  // indices in range, finite vertices
// across: triangle (0-based) on the other side of edge j (corner j to j + 1), -1: none. May be NULL.
// part: 1-based piece of each triangle, in the order of their first triangles; may be NULL.
bool ow_mesh_measure(const ow_mesh *m, ow_mesh_info *info, int64_t *across, int64_t *part, ow_err *e);
// d: distance of the nearest point of the mesh, positive behind the triangles (above the level),
// negative before them; further than `reach`: NaN. near: 1-based triangle, 0: beyond reach, or
// minus the triangle where the nearest point lies on a border of the mesh. Sign by the
// pseudo-normal of face, edge or vertex (Baerentzen and Aanaes, IEEE TVCG 11, 243, 2005).
bool ow_mesh_distance(const ow_mesh *m, const float *xyz, int64_t n, double reach, float *d, int64_t *near, ow_err *e);
bool ow_mesh_distance_reference(const ow_mesh *m, const float *xyz, int64_t n, double reach, float *d, int64_t *near, ow_err *e);

// ---- regions ---------------------------------------------------------------------------------------
// Connected regions of mask != 0 (neighbours across faces): label 1.. in the order of their
// first voxels, 0 elsewhere.
bool ow_label_regions(const uint8_t *mask, const int64_t n[3], int64_t *label, int64_t *count, ow_err *e);

#endif
