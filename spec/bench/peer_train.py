# Times PyTorch on the networks of train.lua: python3 peer_train.py BATCH THREADS SECONDS LAYERS...
# Prints a line per network: layers, forward s, step s, peak memory bytes so far (0: unknown).
import resource
import sys
import time

import torch
from torch import nn


def network(layers):
    list_, c = [], 3
    for group in range(4):
        for _ in range(layers // 4):
            list_ += [nn.Conv3d(c, 60, 3, padding=1), nn.BatchNorm3d(60), nn.ReLU()]
            c = 60
        if group < 3:
            list_.append(nn.MaxPool3d(2))
    return nn.Sequential(*list_, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(60, 1))


def best(f, seconds):
    f()
    fastest, start, calls = float("inf"), time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - start < seconds:
        t = time.perf_counter()
        f()
        fastest = min(fastest, time.perf_counter() - t)
        calls += 1
    return fastest


batch, threads, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
x, y = torch.randn(batch, 3, 32, 32, 32), torch.randn(batch, 1)
print(torch.__version__, flush=True)
for layers in map(int, sys.argv[4:]):
    model = network(layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()

    train = best(step, seconds)
    model.eval()
    with torch.no_grad():
        forward = best(lambda: model(x), seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(layers, forward, train, peak, flush=True)
