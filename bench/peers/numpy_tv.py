#!/usr/bin/python3
"""Time PDHG in NumPy, a peer of the solver's forward pass: the same problem with a map, the same iterations, float32.

    min_x 1/2 |x - z|^2 + |Lambda o grad x|_1,  periodic forward differences, sigma = tau = 1/3, theta = 1

Whole-array expressions, and no array is made inside the loop. NumPy computes on one thread.

    bench/peers/numpy_tv.py --size 256 --iterations 256 --rounds 5 [--json]
    bench/peers/numpy_tv.py --check                      # against torch_model.py, in a Python that has PyTorch
"""

import argparse
import json
import resource
import statistics
import sys
import time

import numpy


def gradient(x, out):
    """Periodic forward differences of x [H,W] into out [2,H,W]."""
    numpy.subtract(x[1:], x[:-1], out=out[0, :-1])
    numpy.subtract(x[0], x[-1], out=out[0, -1])
    numpy.subtract(x[:, 1:], x[:, :-1], out=out[1, :, :-1])
    numpy.subtract(x[:, 0], x[:, -1], out=out[1, :, -1])


def add_adjoint(q, to):
    """to += G' q, the adjoint of `gradient`."""
    to -= q[0]
    to -= q[1]
    to[1:] += q[0, :-1]
    to[0] += q[0, -1]
    to[:, 1:] += q[1, :, :-1]
    to[:, 0] += q[1, :, -1]


def pdhg(z, lam, n_iter, sigma=1 / 3, tau=1 / 3, theta=1.0):
    """x_T from x = x_bar = p = z and q = 0."""
    sigma, tau, theta = (z.dtype.type(step) for step in (sigma, tau, theta))
    shrink = 1 / (1 + sigma)
    x, x_bar, p = z.copy(), z.copy(), z.copy()
    q, g = (numpy.zeros((2, *z.shape), z.dtype) for _ in range(2))
    d, low = numpy.empty_like(z), -lam
    for _ in range(n_iter):
        numpy.subtract(x_bar, z, out=d)
        d *= sigma
        p += d
        p *= shrink
        gradient(x_bar, g)
        g *= sigma
        q += g
        numpy.minimum(q, lam, out=q)  # as numpy.clip, which takes longer
        numpy.maximum(q, low, out=q)
        numpy.copyto(d, p)
        add_adjoint(q, d)
        d *= tau
        x -= d
        d *= theta
        numpy.subtract(x, d, out=x_bar)  # x + theta (x - old x)
    return x


def problem(size, dtype=numpy.float32):
    random = numpy.random.default_rng(42)
    return random.random((size, size), dtype), 0.1 * random.random((size, size), dtype)


def check():
    """Largest difference from PyTorch's loop, in float64."""
    import torch
    import torch_model

    z, lam = problem(64, numpy.float64)
    as_torch = [torch.from_numpy(field)[None, None, :, :, None] for field in (z, lam)]
    expected = torch_model.pdhg(as_torch[0], (as_torch[1],) * 2, 64, 1 / 3, 1 / 3, 1.0)[0, 0, :, :, 0].numpy()
    error = abs(pdhg(z, lam, 64) - expected).max()
    print(f"NumPy {numpy.__version__}: differs from torch_model.pdhg by {error:.1e} in float64")
    sys.exit(0 if error < 1e-12 else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="side of the square picture")
    parser.add_argument("--iterations", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5, help="timed calls, after one to warm up")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line")
    parser.add_argument("--check", action="store_true", help="compare with PyTorch's loop, and time nothing")
    args = parser.parse_args()
    if args.check:
        check()

    z, lam = problem(args.size)
    times = []
    for _ in range(args.rounds + 1):
        start = time.perf_counter()
        pdhg(z, lam, args.iterations)
        times.append(1e3 * (time.perf_counter() - start))
    result = {
        "pdhg_forward_ms": statistics.median(times[1:]),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "version": numpy.__version__,
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(f"NumPy {result['version']}, {args.iterations} iterations: {result['pdhg_forward_ms']:.1f} ms")


if __name__ == "__main__":
    main()
