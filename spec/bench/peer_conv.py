"""PyTorch's side of `orowan bench conv`.

Reads one case a line: n in out stride padding dilation groups threads, then the extents of the
input and of the kernel, comma-separated. Times forward, input gradient and weight gradient
in turn (best of several within the given seconds) and answers one line of three times in seconds.
The first line it writes is its version.
"""
import sys
import time

try:
    import torch
except ImportError:
    print("absent", flush=True)
    sys.exit(0)

torch.manual_seed(1)
print("PyTorch " + torch.__version__.split("+")[0], flush=True)


def best(f, seconds):
    fastest, start, calls = float("inf"), time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - start < seconds:
        t = time.perf_counter()
        f()
        fastest = min(fastest, time.perf_counter() - t)
        calls += 1
    return fastest


last, made = None, None
for line in sys.stdin:
    *case, seconds = line.split()
    n, cin, cout, stride, padding, dilation, groups, threads = map(int, case[:8])
    torch.set_num_threads(threads)
    size, kernel = (tuple(map(int, s.split(","))) for s in case[8:10])
    if case != last:
        last = case
        x, w = torch.randn(n, cin, *size), torch.randn(cout, cin // groups, *kernel)
        conv = getattr(torch.nn.functional, "conv%dd" % len(size))
        with torch.no_grad():
            dy = torch.randn_like(conv(x, w, None, stride, padding, dilation, groups))
    one = [1] * len(size)

    def gradient(mask):
        return torch.ops.aten.convolution_backward(
            dy, x, w, None, [stride * i for i in one], [padding * i for i in one], [dilation * i for i in one],
            False, [0 * i for i in one], groups, mask)

    with torch.no_grad():
        times = [best(lambda: conv(x, w, None, stride, padding, dilation, groups), float(seconds)),
                 best(lambda: gradient([True, False, False]), float(seconds)),
                 best(lambda: gradient([False, True, False]), float(seconds))]
    print(*("%.9g" % t for t in times), flush=True)
