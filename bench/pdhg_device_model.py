#!/usr/bin/env python3
"""Predicted times of PDHG on an NVIDIA H200, from the instructions that nvcc made. Nothing here was measured on a device.

  for f in pdhg_overlapped pdhg_overlapped_4 pdhg_overlapped_12 pdhg_clusters pdhg_forward pdhg_adjoint; do
    nvcc -std=c++20 -arch=sm_90 -O3 -DNDEBUG -I. -cubin -o build/$f.cubin solvers/pdhg/cuda/$f.cu
  done
  bench/pdhg_device_model.py build/*.cubin > bench/results/pdhg_device_model.md

The model, for a picture of 256x256 and 256 iterations: a multiprocessor issues one instruction of a warp per scheduler and clock (4 schedulers,
1.98 GHz, 132 multiprocessors), and a block has its multiprocessor to itself. An iteration of an overlapped kernel takes its instructions
times the warps of the busiest scheduler, and 100 clocks in which the block meets. An exchange takes a meeting of the grid, 1.2 us, and the bytes it
moves at 5.5 TB/s of L2 for all multiprocessors. The upper end of a range adds all instructions outside of the iterations once for each exchange;
part of them runs in the first one only. A picture in a cluster of blocks (ClusterTile) takes its multiprocessors for itself: they lie in one
group of 16, the device has 8 such groups, and further pictures wait. Its exchange takes a meeting of the cluster, 0.2 us, and the bytes of its
halo at the speed of L2 (an assumption). The other kernels meet after each iteration. Not in the model: latencies, and that doubles are converted
at a quarter of the rate, which the learnt steps do. Where cuobjdump is looked for: scripts/check_kernels.py.
"""

import importlib.util
import math
import pathlib
import re
import sys

spec = importlib.util.spec_from_file_location("check_kernels", pathlib.Path(__file__).resolve().parent.parent / "scripts" / "check_kernels.py")
check_kernels = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_kernels)

GHZ, MULTIPROCESSORS, SCHEDULERS = 1.98, 132, 4
GRID_MEETS_US, CLUSTER_MEETS_US, BLOCK_MEETS_CLOCKS, L2_BYTES_PER_US = 1.2, 0.2, 100, 5.5e6
GROUP = 16  # multiprocessors that a cluster can have at most
SIDE, T = 256, 256
BATCHES = [1, 2, 3, 4, 8, 81]
INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]{4,})\*/\s+(.*?);\s+/\*")
KEEP = {"0": "no tape", "1": "codes", "2": "codes and x"}


def functions(cuobjdump, path):
    """(mangled name, [(address, text)]) of each kernel."""
    name, found = None, {}
    for line in check_kernels.run(cuobjdump, "-sass", str(path)).splitlines():
        if "Function :" in line:
            name = line.split(":")[1].strip()
            found[name] = []
        elif name and (m := INSTRUCTION.match(line)):
            found[name].append((int(m[1], 16), m[2]))
    return found


def opcode(text):
    return re.sub(r"^@!?U?P[T\d]+ ", "", text).split()[0]


def loops(code, conditional=False):
    """The opcodes between each backward branch and its target, shortest first. Unconditional branches may end a loop, or code that nvcc moved
    behind the rest."""
    found = []
    for address, text in code:
        if conditional and not text.startswith("@"):
            continue
        if (m := re.search(r"\bBRA\b.*?(0x[0-9a-f]+)", text)) and int(m[1], 16) < address:
            found.append([opcode(t) for a, t in code if int(m[1], 16) <= a <= address])
    return sorted(found, key=len)


def count(ops, start):
    return sum(op.startswith(start) for op in ops)


def overlapped(name, code, pictures=1):
    k, halo, warps, rows, *kind = (int(n) if n.isdigit() else n for n in re.findall(r"\d+|true|false", name.split("OverlappedTile<")[1]))
    found = loops(code, conditional=True)
    # An iteration writes two rows to shared memory; the sums at the end of the adjoint write there once.
    inner = next(ops for ops in found if count(ops, "BAR") and count(ops, "STS") >= 2)
    outside = max(len(ops) for ops in found) - len(inner)
    unrolled = count(inner, "STS") // 2
    per_pixel = len(inner) / unrolled / rows
    width, height = 32 - 2 * halo, warps * rows - 2 * halo
    tiles = math.ceil(SIDE / width) * math.ceil(SIDE / height)
    rounds = math.ceil(pictures * tiles / MULTIPROCESSORS)
    busiest = math.ceil(warps / SCHEDULERS)
    iteration = (busiest * rows * per_pixel + BLOCK_MEETS_CLOCKS) / GHZ / 1e3
    moved = 4 * 5 * (32 * warps * rows if rounds == 1 else 2 * 32 * warps * rows)
    exchange = GRID_MEETS_US + rounds * moved / (L2_BYTES_PER_US / MULTIPROCESSORS)
    low = T * rounds * iteration + T / k * exchange
    high = low + T / k * rounds * busiest * outside / GHZ / 1e3
    what = f"forward, {KEEP[str(kind[0])]}" if "forward" in name else f"adjoint, {'one lambda' if kind[0] == 'true' else 'two lambdas'}, {'learnt' if kind[1] == 'true' else 'fixed'} steps"
    redundant = 32 * warps * rows / (width * height)
    return (k, what, f"{width}x{height}", f"{tiles}", f"{redundant:.2f}", f"{per_pixel:.1f}", f"{low:.0f} .. {high:.0f}")


def clusters(name, code, pictures=1):
    k, halo, warps, rows, columns, kind = (int(n) for n in re.findall(r"\d+", name.split("ClusterTile<")[1]))
    found = loops(code, conditional=True)
    inner = next(ops for ops in found if count(ops, "BAR") and count(ops, "STS") >= 2)
    outside = max(len(ops) for ops in found) - len(inner)
    per_pixel = len(inner) / (count(inner, "STS") // (2 * columns)) / (rows * columns)
    width, height, held = 32 * columns - 2 * halo, warps * rows - 2 * halo, 32 * columns * warps * rows
    tiles = math.ceil(SIDE / width) * math.ceil(SIDE / height)
    rounds = math.ceil(pictures / (MULTIPROCESSORS // GROUP * (GROUP // tiles)))
    busiest = math.ceil(warps / SCHEDULERS)
    iteration = (busiest * rows * columns * per_pixel + BLOCK_MEETS_CLOCKS) / GHZ / 1e3
    exchange = CLUSTER_MEETS_US + 4 * 5 * (held - width * height) / (L2_BYTES_PER_US / MULTIPROCESSORS)
    low = rounds * (T * iteration + T / k * exchange)
    high = low + T / k * rounds * busiest * outside / GHZ / 1e3
    return (k, f"forward, {KEEP[str(kind)]}", f"{width}x{height}", f"{tiles}", f"{held / (width * height):.2f}", f"{per_pixel:.1f}", f"{low:.0f} .. {high:.0f}")


def every_iteration(name, code):
    inner = next(ops for ops in loops(code) if count(ops, "STG") >= 6 and count(ops, "LDG") >= 8)
    warps = SIDE * SIDE / 32 / MULTIPROCESSORS / SCHEDULERS
    time = T * (warps * len(inner) / GHZ / 1e3 + GRID_MEETS_US)
    return (1, "forward" if "forward" in name else "adjoint, learnt steps", "32x8", f"{SIDE * SIDE // 256}", "1.00", f"{len(inner)}", f"{time:.0f}")


def main():
    cuobjdump = check_kernels.find_cuobjdump()
    if cuobjdump is None or len(sys.argv) < 2:
        sys.exit(__doc__)
    rows, batches = [], []
    for path in sys.argv[1:]:
        found = functions(cuobjdump, path)
        names = check_kernels.short_names(list(found))
        usage = {m["name"]: m for m in check_kernels.USAGE.finditer(check_kernels.run(cuobjdump, "-res-usage", path))}
        for mangled, name in names.items():
            if "OverlappedTile" in name:
                row = ("overlapped", *overlapped(name, found[mangled]))
                if "forward" in name:
                    batches.append((row[2], row[0], row[1], *(overlapped(name, found[mangled], n)[-1] for n in BATCHES)))
            elif "ClusterTile" in name:
                row = ("clusters", *clusters(name, found[mangled]))
                batches.append((row[2], row[0], row[1], *(clusters(name, found[mangled], n)[-1] for n in BATCHES)))
            elif re.search(r"(forward|adjoint)_kernel<2>", name):
                row = ("persistent", *every_iteration(name, found[mangled]))
            else:
                continue
            used = usage[mangled]
            rows.append((*row[:6], used["registers"], str(int(used["stack"]) + int(used["local"])), used["shared"], *row[6:]))
    heads = ["kernel", "k", "pass", "tile", "tiles", "work / picture", "registers", "local", "shared", "instructions", "predicted us"]
    print("# PDHG on an H200, predicted\n\nMade by `bench/pdhg_device_model.py`, which describes the model in its docstring. **Nothing was measured on a device.** Work / picture: pixels "
          "that a\nblock computes for each of its own. Local and shared: bytes of a thread and of a block. Instructions: of a warp for 32 pixels and one iteration. The\ntime: 256 iterations on one picture of 256x256.\n")
    print("| " + " | ".join(heads) + " |\n| --- | ---: | --- | " + " | ".join(["---:"] * (len(heads) - 3)) + " |")
    for row in sorted(rows, key=lambda r: ("forward" not in r[2], r[0], r[1], r[2])):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print("\nThe same for batches of such pictures, in us. 81 is the search for a weight.\n")
    heads = ["pass", "kernel", "k", *(f"{n} pictures" if n > 1 else "1 picture" for n in BATCHES)]
    print("| " + " | ".join(heads) + " |\n| --- | --- | ---: | " + " | ".join(["---:"] * len(BATCHES)) + " |")
    for row in sorted(batches):
        print("| " + " | ".join(str(cell) for cell in row) + " |")


if __name__ == "__main__":
    main()
