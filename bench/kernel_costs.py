#!/usr/bin/env python3
"""Counts the instructions of a training step's kernels in the code that nvcc generated, for `primal profile --predict`.

  bench/kernel_costs.py BUILD_DIR            writes apps/profile/kernel_costs.h from the objects of a build with CUDA
  bench/kernel_costs.py BUILD_DIR --check    fails if a count in that table is wrong by more than 5%; needs no GPU

Three kinds of kernels:

  step       a convolution's block goes through steps (8 input channels of a patch, or a tile of pixels). `least` is what a warp executes
             in the loops that multiply, and `all` is everything in the loop over steps. Products on tensor cores and reads of shared
             memory are counted too.
  iteration  PDHG in overlapped tiles: `least` is what a warp executes for a row of 32 pixels in one iteration, and `all` is what it
             executes outside of the iterations, between two synchronisations of the grid or of a cluster.
  thread     all other kernels: `all` is the code of the kernel with each loop counted once, without the subroutines that nvcc adds for
             divisions (they run only for large numbers). `loop` is the longest loop that reads or writes global memory, and `accesses` is
             the number of its reads and writes.

The script needs cuobjdump, as scripts/check_kernels.py does. Like that script it ends with exit code 77 on a machine without it.
"""

import argparse
import importlib.util
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TABLE = ROOT / "apps/profile/kernel_costs.h"


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


convolutions = module(HERE / "conv3d_tensor_core_model.py")
sass = convolutions.sass
check_kernels = convolutions.check_kernels

# The names of launches, the files of their kernels, and the kernels. "*": the name of the kernel
# is the name in the table.
THREADS = [
    ("activation_backward", "nn/activation/activation_cuda.cu", "backward_kernel<float, LeakyRelu<float> >"),
    ("activation_forward", "nn/activation/activation_cuda.cu", "forward_kernel<float, LeakyRelu<float> >"),
    ("adam_step", "nn/adam/adam_cuda.cu", "step_now_kernel<float, false>"),
    ("add_noise", "data/noise/drawn_noise_cuda.cu", "add_kernel"),
    ("concat_backward", "nn/concat/concat_cuda.cu", "backward_kernel<float>"),
    ("concat_forward", "nn/concat/concat_cuda.cu", "forward_kernel<float>"),
    ("conv3d_add_parts", "nn/conv3d/cuda/conv3d_partial_sums.cu", "add_parts_kernel"),
    ("conv3d_backward_weights_one_channel", "nn/conv3d/cuda/conv3d_one_channel_weights.cu", "one_channel_kernel"),
    ("conv3d_sum_of_splits", "nn/conv3d/cuda/conv3d_partial_sums.cu", "sum_kernel"),
    ("deviation", "data/noise/drawn_noise_cuda.cu", "partial_kernel"),
    ("gradient_add", "autograd/gradient_cuda.cu", "add_kernel<float>"),
    ("judge_step", "nn/step_state/step_state_cuda.cu", "judge_kernel"),
    ("lambda_map_backward", "nn/lambda_map/lambda_map_cuda.cu", "backward_kernel<float, Softplus<float> >"),
    ("lambda_map_forward", "nn/lambda_map/lambda_map_cuda.cu", "forward_kernel<float, Softplus<float> >"),
    ("learnt_steps_backward", "nn/learnt_steps/learnt_steps_cuda.cu", "backward_kernel<float>"),
    ("learnt_steps_forward", "nn/learnt_steps/learnt_steps_cuda.cu", "forward_kernel<float>"),
    ("upsample3d_backward", "nn/upsample3d/upsample3d_cuda.cu", "resample_kernel<float, true>"),
    ("upsample3d_forward", "nn/upsample3d/upsample3d_cuda.cu", "resample_kernel<float, false>"),
    ("max_pool3d_backward", "nn/max_pool3d/max_pool3d_cuda.cu", "backward_kernel<float>"),
    ("max_pool3d_forward", "nn/max_pool3d/max_pool3d_cuda.cu", "forward_kernel<float, true>"),
    ("mse_loss_backward", "nn/mse_loss/mse_loss_cuda.cu", "backward_kernel<float>"),
    ("mse_loss_forward", "nn/mse_loss/mse_loss_cuda.cu", "forward_kernel<float>"),
    ("pdhg_add_sums", "solvers/pdhg/cuda/pdhg_adjoint.cu", "add_sums_kernel"),
    ("pdhg_start", "solvers/pdhg/cuda/pdhg_start.cu", "start_kernel"),
    ("restore_buffers", "nn/step_state/step_state_cuda.cu", "restore_kernel"),
    ("zero_gradients", "autograd/gradient_cuda.cu", "zero_kernel<float>"),
]
# For each tiled convolution: its source, how often the inner loop runs in a step, and the loops that copy.
# Such a loop is known by its numbers of reads of global memory and writes of shared memory; its value is
# how often it runs. A thread of convolution_kernel<3> copies 22 pixels, 7 at a time, and 6 groups of weights,
# 4 at a time.
TILED = {
    "convolution_kernel<3>": ("nn/conv3d/cuda/conv3d_tiled.cu", 8, {(28, 7): 22 / 7, (16, 4): 6 / 4}),
    "convolution_kernel<1>": ("nn/conv3d/cuda/conv3d_tiled.cu", 8, {(28, 7): 16 / 7, (16, 4): 2 / 4}),
    "gradient_kernel<3>": ("nn/conv3d/cuda/conv3d_tiled_weights.cu", 16, {(2, 2): 23 / 2, (4, 1): 3 / 2, (8, 1): 3 / 2}),
    "gradient_kernel<1>": ("nn/conv3d/cuda/conv3d_tiled_weights.cu", 16, {(2, 2): 32 / 2, (4, 1): 8 / 2, (8, 1): 8 / 2}),
}
TENSOR_CORE = ["nn/conv3d/cuda/conv3d_tensor_core.cu", "nn/conv3d/cuda/conv3d_tensor_core_weights.cu"]
OVERLAPPED = ["solvers/pdhg/cuda/pdhg_overlapped.cu", "solvers/pdhg/cuda/pdhg_overlapped_4.cu", "solvers/pdhg/cuda/pdhg_overlapped_12.cu", "solvers/pdhg/cuda/pdhg_clusters.cu"]
# (name, kind, least, all, loop, accesses, products, loads)
TOLERATED = 0.05  # of a count: another release of nvcc may order the code in another way
ROW = re.compile(r'\{"(?P<name>[^"]+)", KernelKind::(?P<kind>\w+), (?P<numbers>[-\d., ]+)\}')


class Objects:
    def __init__(self, build, cuobjdump):
        self.cuobjdump, self.read = cuobjdump, {}
        self.paths = {str(p.relative_to(build)): p for p in build.rglob("*.cu.o")}

    def kernels(self, source):
        """{short name: code} of the kernels of a file of the repository."""
        if source not in self.read:
            folder, rest = source.split("/", 1)
            found = [p for name, p in self.paths.items() if name.startswith(folder + "/") and name.endswith(f".dir/{rest}.o")]
            if not found:
                sys.exit(f"kernel_costs: the build has no object of {source}; configure with -DPRIMAL_CUDA=ON")
            functions = of_architecture(self.cuobjdump, found[0])
            names = check_kernels.short_names(list(functions))
            self.read[source] = {names[mangled]: code for mangled, code in functions.items()}
        return self.read[source]

    def kernel(self, source, name):
        kernels = self.kernels(source)
        if name not in kernels:
            sys.exit(f"kernel_costs: {source} has no {name}; there are {', '.join(sorted(kernels))}")
        return kernels[name]


def of_architecture(cuobjdump, path, arch="sm_90"):
    """As sass.functions, of one architecture where the object has several."""
    name, found = None, {}
    for line in check_kernels.run(cuobjdump, "-sass", "-arch", arch, str(path)).splitlines():
        if "Function :" in line:
            name = line.split(":")[1].strip()
            found[name] = []
        elif name and (m := sass.INSTRUCTION.match(line)):
            found[name].append((int(m[1], 16), m[2]))
    return found


def main_code(code):
    """Without the subroutines, which lie behind the rest, and without padding."""
    calls = [int(m[1], 16) for _, text in code if (m := re.search(r"CALL\S*\s.*?(0x[0-9a-f]+)", text))]
    end = min([c for c in calls if c > 0], default=1 << 62)
    return [(a, t) for a, t in code if a < end and sass.opcode(t) != "NOP"]


def accesses(ops):
    return max(sass.count(ops, "LDG"), sass.count(ops, "STG"))


def thread_row(objects, launch, source, kernel):
    code = main_code(objects.kernel(source, kernel))
    loops = [ops for ops in sass.loops(code) if accesses(ops)]
    loop = loops[-1] if loops else []
    return (launch, "thread", 0, len(code), len(loop), accesses(loop), 0, 0)


def tiled_row(objects, name):
    source, runs, copies = TILED[name]
    loops = sass.loops(main_code(objects.kernel(source, name)))
    inner = next(ops for ops in loops if sass.count(ops, "FFMA") >= 64)
    step = loops[-1]
    total = len(step) - len(inner) + runs * len(inner)
    leaves = [ops for ops in loops if sass.count(ops, "STS") and not sass.count(ops, "FFMA")]
    total -= sum(len(ops) for ops in leaves)
    for (n_reads, n_writes), times in copies.items():
        found = [ops for ops in leaves if (sass.count(ops, "LDG"), sass.count(ops, "STS")) == (n_reads, n_writes)]
        if not found:
            there = [(sass.count(ops, "LDG"), sass.count(ops, "STS")) for ops in leaves]
            sys.exit(f"kernel_costs: {name} has no loop with {n_reads} reads and {n_writes} writes; there are {there}")
        total += times * len(found[0])
    return (f"{name} tiled", "step", runs * len(inner), round(total), 0, 0, 0, runs * sass.count(inner, "LDS"))


def tensor_core_rows(objects):
    for source in TENSOR_CORE:
        for name, code in sorted(objects.kernels(source).items()):
            side = int(re.search(r"<(\d)", name)[1])
            kernel = convolutions.Kernel(code, 4 if "gradient" in name else side)
            yield (name, "step", kernel.inner, kernel.all, 0, 0, kernel.products, kernel.loads)


def overlapped_rows(objects):
    for source in OVERLAPPED:
        for name, code in sorted(objects.kernels(source).items()):
            tile = [int(n) for n in re.search(r"(?:Overlapped|Cluster)Tile<([\d, ]+)>", name)[1].split(",")]
            rows, columns = tile[3], tile[4] if len(tile) > 4 else 1  # of a thread
            found = sass.loops(code, conditional=True)
            # An iteration writes two rows to shared memory; the sums at the end of the adjoint write there
            # once.
            inner = next(ops for ops in found if sass.count(ops, "BAR") and sass.count(ops, "STS") >= 2)
            outside = max(len(ops) for ops in found) - len(inner)
            per_row = len(inner) / (sass.count(inner, "STS") // (2 * columns)) / (rows * columns)
            yield (name, "iteration", round(per_row, 1), outside, 0, 0, 0, 0)


def rows_of(objects):
    rows = [thread_row(objects, *row) for row in THREADS]
    rows += [tiled_row(objects, name) for name in TILED]
    rows += list(tensor_core_rows(objects))
    rows += list(overlapped_rows(objects))
    return rows


def text_of(rows):
    lines = "\n".join(f'    {{"{name}", KernelKind::{kind}, {", ".join(str(n) for n in numbers)}}},' for name, kind, *numbers in rows)
    return f"""// Instructions of kernels, counted in the code that nvcc 13.0 made of them for sm_90. Made by bench/kernel_costs.py, which says how;
// with --check it fails where the table is no longer true.
#pragma once

namespace primal {{

enum class KernelKind {{ thread, step, iteration }};

struct KernelCost {{
  const char* name;  // of a launch, or of a kernel where several kernels have launches of one name
  KernelKind kind;
  double least, all;             // instructions of a warp
  double loop, accesses;         // of a thread kernel: its longest loop
  double products, shared_loads; // of a step kernel
}};

// clang-format off
inline constexpr KernelCost kKernelCosts[] = {{
{lines}
}};
// clang-format on

}}  // namespace primal
"""


def read_table():
    return {m["name"]: (m["kind"], *(float(n) for n in m["numbers"].split(","))) for m in ROW.finditer(TABLE.read_text())}


def differences(rows, table):
    """One sentence for each row that is not true."""
    found = {name: (kind, *(float(n) for n in numbers)) for name, kind, *numbers in rows}
    wrong = [f"{name} is in the table and not in the build" for name in table if name not in found]
    for name, numbers in found.items():
        if name not in table:
            wrong.append(f"{name} is in the build and not in the table")
        elif table[name][0] != numbers[0] or any(abs(a - b) > TOLERATED * max(a, b) for a, b in zip(table[name][1:], numbers[1:])):
            wrong.append(f"{name}: the table has {table[name]}, the build {numbers}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    cuobjdump = check_kernels.find_cuobjdump()
    if cuobjdump is None:
        print("kernel_costs: no cuobjdump here (pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm)", file=sys.stderr)
        sys.exit(77)
    rows = rows_of(Objects(args.build.resolve(), cuobjdump))
    if not args.check:
        TABLE.write_text(text_of(rows))
        subprocess.run(["clang-format", "-i", str(TABLE)], check=False)
        return
    wrong = differences(rows, read_table())
    for sentence in wrong:
        print(sentence)
    if wrong:
        sys.exit("kernel_costs: run bench/kernel_costs.py BUILD_DIR, and then bench/results/predicted_h200.md again")
    print(f"the instructions of {len(rows)} kernels are those of the build")


if __name__ == "__main__":
    main()
