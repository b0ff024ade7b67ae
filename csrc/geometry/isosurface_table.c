// The triangles of every cube, worked out from the rules instead of listed: for each of the 256
// codes and each decision of its ambiguous faces the segments in the faces are followed into
// loops, and each loop is cut into triangles, trying all cuts, so that no inner edge joins two
// crossings of one face (two cubes might draw the same line there, and an edge would have four
// triangles). A loop without such a cut gets a vertex in its middle.
//
// Segments run, in the face as seen from outside, from where a walk around the face leaves the
// region above to where it enters it (triangles turn the other way). Each crossing is left in one of its faces and entered in
// the other, so loops are followed by their heads.
#include <string.h>

#include "base/alloc.h"
#include "geometry/isosurface.h"

static ow_iso_case *table;       // cases of all codes
static int32_t first_case[257];  // of each code; one per decision

static uint8_t face_corner[6][4], face_edge[6][4];  // edge i joins corners i and i + 1
static uint8_t edge_corner[12];
static uint16_t edge_faces[12];  // bits of the two faces

int ow_iso_corner(int edge) { return edge_corner[edge]; }
const uint8_t *ow_iso_face(int face) { return face_corner[face]; }

static void make_cube(void) {
  for (int a = 0; a < 3; a++) {
    int b = a == 0 ? 1 : 0, c = a == 2 ? 1 : 2;  // the other two axes, the lower first
    for (int k = 0; k < 4; k++) edge_corner[4 * a + k] = (uint8_t)((k & 1) << b | (k >> 1) << c);
  }
  memset(edge_faces, 0, sizeof edge_faces);
  for (int a = 0; a < 3; a++)
    for (int s = 0; s < 2; s++) {
      int b = (a + 1) % 3, c = (a + 2) % 3, f = 2 * a + s;  // b x c = a: counter-clockwise from +a
      const int around[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
      for (int i = 0; i < 4; i++) {
        const int *p = around[s ? i : 3 - i];
        face_corner[f][i] = (uint8_t)(s << a | p[0] << b | p[1] << c);
      }
      for (int i = 0; i < 4; i++) {
        int u = face_corner[f][i], v = face_corner[f][(i + 1) % 4], base = u & v, axis = (u ^ v) == 1 ? 0 : (u ^ v) == 2 ? 1 : 2;
        for (int k = 0; k < 4; k++)
          if (edge_corner[4 * axis + k] == base) face_edge[f][i] = (uint8_t)(4 * axis + k);
        edge_faces[face_edge[f][i]] |= (uint16_t)(1 << f);
      }
    }
}

static bool above(int code, int f, int i) { return code >> face_corner[f][i & 3] & 1; }

int ow_iso_ambiguous(int code, uint8_t faces[6]) {
  int n = 0;
  for (int f = 0; f < 6; f++)
    if (above(code, f, 0) == above(code, f, 2) && above(code, f, 1) == above(code, f, 3) && above(code, f, 0) != above(code, f, 1))
      faces[n++] = (uint8_t)f;
  return n;
}

// next[e]: the crossing behind e in its loop.
static void segments(int code, int joined_faces, int8_t next[12]) {
  memset(next, -1, 12);
  for (int f = 0; f < 6; f++) {
    int leave[2], enter[2], nl = 0, ne = 0;
    for (int i = 0; i < 4; i++) {
      if (above(code, f, i) && !above(code, f, i + 1)) leave[nl++] = i;
      if (!above(code, f, i) && above(code, f, i + 1)) enter[ne++] = i;
    }
    if (nl == 1) next[face_edge[f][leave[0]]] = (int8_t)face_edge[f][enter[0]];
    if (nl < 2) continue;
    // joined: cut off the corners below, that is from leaving to the entering just behind it
    int shift = joined_faces >> f & 1 ? 1 : 3;
    for (int j = 0; j < 2; j++) next[face_edge[f][leave[j]]] = (int8_t)face_edge[f][(leave[j] + shift) % 4];
  }
}

static bool in_one_face(int e, int g) { return (edge_faces[e] & edge_faces[g]) != 0; }

// Cuts loop[i..j] (a polygon closed by the edge j-i) into triangles; the fewest bad inner edges.
static int cut(const uint8_t *loop, int i, int j, bool outer, uint8_t (*tri)[3], int *nt) {
  int bad = !outer && in_one_face(loop[i], loop[j]);
  if (j - i < 2) return 0;  // a side of the loop
  int best = 1000, best_n = 0;
  uint8_t best_tri[12][3];
  for (int k = i + 1; k < j; k++) {
    uint8_t t[12][3];
    int n = 0;
    memcpy(t[n++], (uint8_t[3]){loop[i], loop[j], loop[k]}, 3);
    int cost = cut(loop, i, k, false, t + n, &n);
    int more = 0;
    cost += cut(loop, k, j, false, t + n, &more);
    n += more;
    if (cost < best) best = cost, best_n = n, memcpy(best_tri, t, sizeof t);
  }
  memcpy(tri, best_tri, (size_t)best_n * 3);
  *nt += best_n;
  return best + bad;
}

static void make_case(int code, int joined_faces, ow_iso_case *c) {
  int8_t next[12];
  bool done[12] = {false};
  memset(c, 0, sizeof *c);
  segments(code, joined_faces, next);
  for (int e = 0; e < 12; e++) {
    if (next[e] < 0 || done[e]) continue;
    uint8_t loop[12], tri[12][3];
    int n = 0, nt = 0;
    for (int g = e; !done[g]; g = next[g]) {
      done[g] = true;
      loop[n++] = (uint8_t)g;
    }
    if (cut(loop, 0, n - 1, true, tri, &nt) == 0) {
      memcpy(c->tri[c->ntri], tri, (size_t)nt * 3);
      c->ntri += nt;
      continue;
    }
    c->mid[c->nmid][0] = (uint8_t)n;
    memcpy(c->mid[c->nmid] + 1, loop, (size_t)n);
    for (int i = 0; i < n; i++)
      memcpy(c->tri[c->ntri++], (uint8_t[3]){loop[(i + 1) % n], loop[i], (uint8_t)(12 + c->nmid)}, 3);
    c->nmid++;
  }
}

bool ow_iso_prepare(ow_err *e) {
  if (table) return true;
  make_cube();
  int total = 0;
  uint8_t faces[6];
  for (int code = 0; code < 256; code++) {
    first_case[code] = total;
    total += 1 << ow_iso_ambiguous(code, faces);
  }
  ow_iso_case *t = ow_alloc_array((size_t)total, sizeof *t, e);
  if (!t) return false;
  for (int code = 0; code < 256; code++) {
    int n = ow_iso_ambiguous(code, faces);
    for (int joined = 0; joined < 1 << n; joined++) {
      int bits = 0;
      for (int i = 0; i < n; i++) bits |= (joined >> i & 1) << faces[i];
      make_case(code, bits, &t[first_case[code] + joined]);
    }
  }
  table = t;
  return true;
}

const ow_iso_case *ow_iso_find(int code, int joined) { return &table[first_case[code] + joined]; }
