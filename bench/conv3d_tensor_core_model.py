#!/usr/bin/env python3
"""Predicts the times of conv3d's tensor-core kernels on an H200 from the instructions that nvcc made of them. Nothing is measured.

  for f in conv3d_tensor_core conv3d_tensor_core_weights; do
    nvcc -std=c++20 -O3 -DNDEBUG -I. -DPRIMAL_HAS_CUDA=1 -gencode arch=compute_90,code=sm_90 -cubin -o build/$f.cubin nn/conv3d/cuda/$f.cu
  done
  bench/conv3d_tensor_core_model.py build/conv3d_tensor_core.cubin build/conv3d_tensor_core_weights.cubin > bench/results/conv3d_tensor_core_model.md

The convolutions of the thesis network on one picture of 256x256. A block goes through steps: 8 input channels of a patch, or in the gradient of
weights a tile of 64 pixels. The blocks are shared out evenly among 132 multiprocessors of 4 schedulers at 1.98 GHz; a block has one warp on each
scheduler. A step takes the longest of

  issue    one clock for each instruction of a warp: the inner loop (found by its HMMA) as often as it runs, and everything else in the loop over
           steps once. That counts both ways of copying, of which one runs, and copies in a loop only once. For the lower end the inner loop alone.
  product  4 clocks for each HMMA.1688.TF32, the rate behind 495 TFLOP/s; for the upper end 6.5, since mma.sync was measured to reach 62% of
           the rate on Hopper (Luo et al., arXiv 2402.13499)
  shared   one clock of the multiprocessor for each 128 bytes that the inner loop reads, of all four warps
  copies   the step's bytes at 5.5 TB/s of L2 for all multiprocessors

and a launch 1.5 us more at the upper end for its first copies and its results. Splits, and up to eight parts of a weight gradient, are added by clusters:
their bytes at the rate of L2. More parts, which the launch of backward-data adds beside its own work: their bytes at 4 TB/s. The gradient of weights where x has one
channel (e0a) has a kernel of its own that reads the gradient and the mask once: their bytes from L2 at the lower, from memory at the upper end. Not in the model: latencies that warps do not hide, gaps between launches, and what blocks share of L1.

Beside them the fp32 kernels of conv3d_tiled.cu by their own counts: 128 multiply-adds in a clock, of which they use 70%, 67% and 52% at most.
"""

import importlib.util
import math
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


sass = module(HERE / "pdhg_device_model.py")  # reads code and loops
check_kernels = sass.check_kernels

GHZ, MULTIPROCESSORS, WANTED, CLUSTER = 1.98, 132, 2 * 132, 8
L2_BYTES_PER_US, MEMORY_BYTES_PER_US, ADD_BYTES_PER_US = 5.5e6, 4.3e6, 4e6
HMMA_CLOCKS = (4, 6.5)
LAYERS = [("e0a", 1, 32, 256, 3), ("e0b", 32, 32, 256, 3), ("e1a", 32, 64, 128, 3), ("e1b", 64, 64, 128, 3), ("e2a", 64, 128, 64, 3),
          ("e2b", 128, 128, 64, 3), ("e3a", 128, 256, 32, 3), ("e3b", 256, 256, 32, 3), ("u2", 256, 128, 32, 1), ("d2a", 256, 128, 64, 3),
          ("d2b", 128, 128, 64, 3), ("u1", 128, 64, 64, 1), ("d1a", 128, 64, 128, 3), ("d1b", 64, 64, 128, 3), ("u0", 64, 32, 128, 1),
          ("d0a", 64, 32, 256, 3), ("d0b", 32, 32, 256, 3), ("out", 32, 2, 256, 1)]
TILED_SHARE = {"forward": 0.70, "data": 0.67, "weights": 0.52}


class Kernel:
    """Instructions of one step of a block, of one warp."""

    def __init__(self, code, inner_runs):
        hmma = [ops for ops in sass.loops(code) if sass.count(ops, "HMMA")]
        step = next(ops for ops in hmma if sass.count(ops, "BAR"))
        inner = hmma[0]
        runs = 1 if inner is step else inner_runs
        self.inner, self.all = len(inner) * runs, len(step) - len(inner) + len(inner) * runs
        if inner is step:
            self.inner = sass.count(step, "HMMA") + sass.count(step, "LDS")
        self.products = sass.count(inner, "HMMA") * runs
        self.loads = sass.count(inner, "LDS") * runs

    def step_us(self, blocks_each, bytes_of_step, end):
        issue = (self.inner, self.all)[end] * blocks_each
        product = self.products * HMMA_CLOCKS[end] * blocks_each
        shared = 4 * self.loads * blocks_each
        copies = blocks_each * bytes_of_step / (L2_BYTES_PER_US / MULTIPROCESSORS)
        return max(max(issue, product, shared) / GHZ / 1e3, copies)


def ceil(a, b):
    return -(-a // b)


def even(blocks):
    return max(blocks / MULTIPROCESSORS, 1)


def convolution(kernel, n_in, n_out, side, k, masked):
    """(low, high) us; n_in is summed over."""
    tiles = ceil(side, 8) * ceil(side, 32)
    blocks, chunks = tiles * ceil(n_out, 32), ceil(n_in, 8)
    splits = max(1, min(WANTED // blocks, chunks, CLUSTER))
    per_split = ceil(chunks, splits)
    splits = ceil(chunks, per_split)
    bytes_of_step = 4 * 8 * ((10 * 40 if k == 3 else 8 * 32) * (2 if masked else 1) + 32 * k * k)
    added = 4 * splits * blocks * 32 * 256 / L2_BYTES_PER_US if splits > 1 else 0
    times = []
    for end in (0, 1):
        us = per_split * kernel.step_us(even(blocks * splits), bytes_of_step, end) + 1.5 * end
        times.append(us + added)
    return times


def gradient(kernel, n_in, n_out, side, k):
    if n_in == 1:
        read = 2 * 4 * side * side * n_out
        return [read / L2_BYTES_PER_US, read / MEMORY_BYTES_PER_US + 2.5]
    n = ceil(side, 2) * ceil(side, 32)
    pairs = ceil(n_out, 32) * ceil(n_in, 32)
    each = min(ceil(n, max(WANTED // pairs, 1)), 2048 // 64)
    parts = ceil(n, each)
    bytes_of_step = 4 * 32 * (2 * 64 + (4 * 40 if k == 3 else 64))
    if parts <= CLUSTER:
        added = 4 * parts * pairs * k * k * 32 * 32 / L2_BYTES_PER_US
    else:
        added = 4 * parts * (k * k * n_in * n_out + n_out) * 2 / ADD_BYTES_PER_US
    return [each * kernel.step_us(even(parts * pairs), bytes_of_step, end) + 2.5 * end + added for end in (0, 1)]


def tiled(n_in, n_out, side, k, phase):
    padded = n_in if phase != "weights" else 32 * ceil(n_in, 32)
    return side * side * padded * 32 * ceil(n_out, 32) * k * k / (MULTIPROCESSORS * 128 * TILED_SHARE[phase]) / GHZ / 1e3


def read(paths):
    kernels, rows = {}, []
    cuobjdump = check_kernels.find_cuobjdump()
    if cuobjdump is None:
        sys.exit("conv3d_tensor_core_model: no cuobjdump here (pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm)")
    for path in paths:
        found = sass.functions(cuobjdump, path)
        usage = {m["name"]: m for m in check_kernels.USAGE.finditer(check_kernels.run(cuobjdump, "-res-usage", path))}
        for mangled, name in check_kernels.short_names(list(found)).items():
            side = int(re.search(r"<(\d)", name)[1])
            # A gradient's inner loop runs for each of four groups of 8 columns, a product's for each column
            # of taps.
            kernels[name] = kernel = Kernel(found[mangled], 4 if "gradient" in name else side)
            spilled = int(usage[mangled]["stack"]) + int(usage[mangled]["local"])
            rows.append((name, usage[mangled]["registers"], spilled, kernel.products, kernel.loads, kernel.inner, kernel.all, f"{kernel.products / kernel.inner:.0%}",
                         f"{kernel.products / kernel.all:.0%}"))
    return kernels, sorted(rows)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    kernels, rows = read(sys.argv[1:])
    print("# Convolutions on tensor cores on an H200, predicted\n\nMade by `bench/conv3d_tensor_core_model.py`, which describes the model in its docstring. **Nothing was measured on a "
          "device.**\n\n## Instructions of a warp in one step\n\nprod"
          "uct_kernel<side of the kernel, backward, products>: 8 input channels of 256 pixels x 32 output channels. gradient_kernel<side,\nproducts>: 64 pixels of 32 x 32 channels. Local: bytes of local memory per thread. "
          "A 1x1 kernel has no inner loop\nof its own: its products and loads are counted. All: the whole step, with both ways of copying counted once.\n")
    print("| kernel | registers | local | HMMA | their loads | inner loop | all | HMMA of inner | HMMA of all |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        print("| `" + "` | ".join([row[0], " | ".join(str(c) for c in row[1:])]) + " |")
    print("\n## Times of the thesis network's convolutions, us\n\nOne picture of 256x256, batch 1, with the mask of LeakyReLU in the backward passes of 3x3 kernels. fp32: lower bounds for the tiled kernels.\n")
    phases = ("forward", "data", "weights")
    print("| layer | " + " | ".join(f"{p} {h}" for h in ("TF32", "3xTF32", "fp32") for p in phases) + " |\n| --- |" + " ---: |" * 9)
    sums = {}
    for name, n_in, n_out, side, k in LAYERS:
        cells = []
        for products in (1, 3):
            data = convolution(kernels[f"product_kernel<{k}, true, {products}>"], n_out, n_in, side, k, k == 3) if n_in > 1 else None
            times = [convolution(kernels[f"product_kernel<{k}, false, {products}>"], n_in, n_out, side, k, False), data,
                     gradient(kernels[f"gradient_kernel<{k}, {products}>"], n_in, n_out, side, k)]
            for phase, time in zip(phases, times):
                cells.append(f"{time[0]:.1f} .. {time[1]:.1f}" if time else "")
                for end in (0, 1):
                    sums[products, phase, end] = sums.get((products, phase, end), 0) + (time[end] if time else 0)
        for phase in phases:
            time = tiled(*((n_out, n_in) if phase == "data" else (n_in, n_out)), side, k, phase) if n_in > 1 or phase != "data" else 0
            cells.append(f"{time:.1f}" if time else "")
            sums["fp32", phase] = sums.get(("fp32", phase), 0) + time
        print(f"| {name} | " + " | ".join(cells) + " |")
    total = [f"{sums[p, phase, 0]:.0f} .. {sums[p, phase, 1]:.0f}" for p in (1, 3) for phase in phases] + [f"{sums['fp32', phase]:.0f}" for phase in phases]
    print("| **sum** | " + " | ".join(total) + " |")
    ranges = {p: [sum(sums[p, phase, end] for phase in phases) for end in (0, 1)] for p in (1, 3)}
    fp32 = sum(sums["fp32", phase] for phase in phases)
    print(f"\nAll three passes: TF32 {ranges[1][0]:.0f} .. {ranges[1][1]:.0f} us, 3xTF32 {ranges[3][0]:.0f} .. {ranges[3][1]:.0f} us, fp32 at least {fp32:.0f} us.")


if __name__ == "__main__":
    main()
