"""Peers of spec/bench/apt.lua on random points of a density in a cube: one rate a line, points or
pairs a second. Usage: peer_apt.py N DENSITY RADIUS"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
import sys
import time

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

n, density, radius = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
x = np.random.default_rng(1).random((n, 3)) * (n / density) ** (1 / 3)


def rate(what, amount, f, repeats=2):
    best = 1e30
    for _ in range(repeats):
        t = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - t)
    print(what, amount / best, flush=True)


def friends():
    ab = cKDTree(x).query_pairs(radius, output_type="ndarray")
    g = coo_matrix((np.ones(len(ab), dtype=np.int8), (ab[:, 0], ab[:, 1])), shape=(n, n))
    return connected_components(g, directed=False)


rate("friends", n, friends)
tree = cKDTree(x)
r = np.arange(1, 41) * 0.05
total = tree.count_neighbors(tree, 2.0) - n
rate("pairs", total, lambda: tree.count_neighbors(tree, r), 1)
y = x[:20000]
u = np.random.default_rng(2).normal(size=(3, 3))
q = 1.5 + 0.05 * np.arange(100)
rate("planes", 20000 * 3 * 100, lambda: [np.abs(np.exp(2j * np.pi * np.outer(q, y @ (v / np.linalg.norm(v)))).sum(1)) for v in u])
try:
    from sklearn.cluster import DBSCAN, HDBSCAN

    rate("dbscan", n, lambda: DBSCAN(eps=0.8, min_samples=10, n_jobs=1).fit(x), 1)
    rate("hdbscan", n, lambda: HDBSCAN(min_cluster_size=20, min_samples=10, n_jobs=1, copy=True).fit(x), 1)
except ImportError:
    pass
