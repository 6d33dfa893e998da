#!/usr/bin/python3
"""Time scikit-image's total-variation denoising, a peer of the solver's forward pass: one scalar lambda, one picture.

denoise_tv_chambolle runs a projection method on the dual of the same problem, as many iterations as asked for; it has no
parameter map and no gradients.

    bench/peers/skimage_tv.py --size 256 --iterations 256 --rounds 5 [--json]
"""

import argparse
import json
import resource
import statistics
import time

import numpy
import skimage
from skimage.restoration import denoise_tv_chambolle


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="side of the square picture")
    parser.add_argument("--iterations", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5, help="timed calls, after one to warm up")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line")
    args = parser.parse_args()

    noisy = numpy.random.default_rng(42).random((args.size, args.size), dtype=numpy.float32)
    times = []
    for _ in range(args.rounds + 1):
        start = time.perf_counter()
        denoise_tv_chambolle(noisy, weight=0.07, eps=0.0, max_num_iter=args.iterations)  # eps 0: all iterations
        times.append(1e3 * (time.perf_counter() - start))
    result = {
        "pdhg_forward_ms": statistics.median(times[1:]),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "version": skimage.__version__,
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(f"scikit-image {result['version']}, {args.iterations} iterations: {result['pdhg_forward_ms']:.1f} ms")


if __name__ == "__main__":
    main()
