"""scipy's cKDTree on the same kind of points as spec/bench/knn.lua: one figure a line.
Usage: peer_knn.py N K QUERIES RADIUS"""
import sys
import time

import numpy as np
import scipy
from scipy.spatial import cKDTree

n, k, m, radius = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
x = np.random.default_rng(1).random((n, 3))
t = time.perf_counter()
tree = cKDTree(x)
print("build", time.perf_counter() - t)
for workers in (1, 2):
    best = 1e30
    for _ in range(2):
        t = time.perf_counter()
        tree.query(x[:m], k + 1, workers=workers)  # the point itself comes first
        best = min(best, time.perf_counter() - t)
    print("knn%d" % workers, m / best)
t = time.perf_counter()
pairs = sum(len(r) for r in tree.query_ball_point(x[:m // 10], radius, workers=1)) - m // 10
print("within1", pairs / (time.perf_counter() - t))
print("version", scipy.__version__)
