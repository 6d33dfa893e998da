#!/usr/bin/env python3
"""Checks what nvcc compiled from each CUDA kernel, read from the objects of a build: no GPU is needed.

  scripts/check_kernels.py [BUILD_DIR] [--arch sm_90] [--output TABLE.md]

For each kernel: registers per thread, shared memory per block, local memory (spilled registers, and arrays with an index that is not
known at compile time), instructions, and how many of them are multiply-adds, use tensor cores, or read or write global and shared memory.
Instructions are counted in the code, not in a run: a loop counts once.

A file of kernels may state bounds, one line for a kernel, or two with the name alone in the first:

  // Bounds: forward_kernel<2> 64 registers, 0 bytes of shared memory, no local memory, no read-only loads

The script fails if a kernel exceeds its bounds, if the kernel of such a line does not exist, or if a kernel without bounds uses local
memory. "no read-only loads" is for kernels whose blocks read what other blocks wrote in the same launch: loads through the read-only cache
(LDG...CONSTANT) may miss these writes.

  // Bounds: product_kernel<3, false, 1>
  //         128 registers, 0 bytes of shared memory, no local memory, 45% of the inner loop on tensor cores

states the least share of tensor-core instructions in the innermost loop that has some.

cuobjdump, and nvdisasm that it calls, come with the CUDA toolkit or from PyPI (pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm);
CUOBJDUMP may name the first. Where one of them is missing the exit code is 77.
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

BOUND = re.compile(
    r"// Bounds: (?P<kernel>\S.*?) (?P<registers>\d+) registers, (?P<shared>\d+) bytes of shared memory, "
    r"(?P<local>no local memory|local memory)(?P<coherent>, no read-only loads)?"
    r"(?:, (?P<tensor>\d+)% of the inner loop on tensor cores)?$"
)
USAGE = re.compile(r"Function (?P<name>\S+):\s+REG:(?P<registers>\d+) STACK:(?P<stack>\d+) SHARED:(?P<shared>\d+) LOCAL:(?P<local>\d+)")
INSTRUCTION = re.compile(r"^\s+/\*(?P<address>[0-9a-f]{4,})\*/\s+(?:@!?U?P[T0-9]+\s+)?(?P<opcode>[A-Z][A-Z0-9_.]*)(?P<operands>.*?);")
TENSOR_CORE = ("HMMA", "IMMA", "DMMA")


# Where the CUDA toolkit and NVIDIA's packages for Python put their programs, after the PATH.
FOLDERS = ["/usr/local/cuda/bin", *(str(pathlib.Path(p) / "nvidia/cu13/bin") for p in [*sys.path, ROOT / "build/python"])]
SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), *FOLDERS])


def find_cuobjdump():
    """The program, or None: CUOBJDUMP, the PATH, the toolkit, packages of this Python and of build/python."""
    return os.environ.get("CUOBJDUMP") or shutil.which("cuobjdump", path=SEARCHED)


def run(*words):
    """What a program prints. If it fails, its message is printed and the exit code is 1, or 77 if nvdisasm is missing."""
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PATH": SEARCHED})
    if done.returncode == 0:
        return done.stdout
    print(f"check_kernels: {' '.join(words)}: {done.stderr.strip()}", file=sys.stderr)
    sys.exit(77 if "nvdisasm" in done.stderr else 1)


def short_names(mangled):
    """forward_kernel<2> for the mangled name of primal::cuda::(anonymous namespace)::forward_kernel<2>(...)."""
    names = subprocess.run(["c++filt"], input="\n".join(mangled), capture_output=True, text=True, check=True).stdout.splitlines()
    short = {}
    for mangled_name, name in zip(mangled, names):
        name = re.sub(r"^void ", "", name.replace("(anonymous namespace)::", ""))
        name = re.sub(r"_GLOBAL__N__\w+::", "", name)
        name = re.sub(r"primal::(cuda::)?", "", name)
        depth, end = 0, len(name)  # up to the parameters
        for i, c in enumerate(name):
            depth += (c == "<") - (c == ">")
            if c == "(" and depth == 0:
                end = i
                break
        short[mangled_name] = re.sub(r"\(\w[\w ]*\)(?=\d|true|false)", "", name[:end])
    return short


class Kernel:
    def __init__(self, source, name, usage):
        self.source, self.name = source, name
        self.registers, self.shared = int(usage["registers"]), int(usage["shared"])
        self.local = int(usage["stack"]) + int(usage["local"])
        self.opcodes = collections.Counter()
        self.code = []  # (address, opcode, where a branch goes or None)

    def add(self, instruction):
        address, opcode = int(instruction["address"], 16), instruction["opcode"]
        target = re.search(r"0x([0-9a-f]+)\s*$", instruction["operands"]) if opcode.startswith("BRA") else None
        self.code.append((address, opcode, int(target[1], 16) if target else None))
        self.opcodes[opcode] += 1

    def inner_tensor_share(self):
        """The share of tensor-core instructions in the shortest loop that has some; None without such a loop."""
        loops = [[o for a, o, _ in self.code if target <= a <= address] for address, _, target in self.code if target is not None and target < address]
        counts = [(len(ops), sum(o.startswith(TENSOR_CORE) for o in ops)) for ops in loops]
        return min(((n, t / n) for n, t in counts if t), default=(0, None))[1]

    def count(self, *starts):
        return sum(n for opcode, n in self.opcodes.items() if opcode.startswith(starts))

    def read_only_loads(self):
        return sum(n for opcode, n in self.opcodes.items() if opcode.startswith("LDG") and "CONSTANT" in opcode)


def kernels_of(cuobjdump, path, source, arch):
    kernels = {}
    usage = [m.groupdict() for m in USAGE.finditer(run(cuobjdump, "-res-usage", "-arch", arch, str(path)))]
    names = short_names([u["name"] for u in usage])
    for u in usage:
        kernels[u["name"]] = Kernel(source, names[u["name"]], u)
    current = None
    for line in run(cuobjdump, "-sass", "-arch", arch, str(path)).splitlines():
        if "Function :" in line:
            current = kernels.get(line.split(":")[1].strip())
        elif current is not None and (m := INSTRUCTION.match(line)):
            current.add(m)
    return list(kernels.values())


def bounds_of(source):
    text = re.sub(r"(?m)^(// Bounds: .*)\n// {2,}", r"\1 ", source.read_text())  # a bound may take two lines
    return [m.groupdict() for line in text.splitlines() if (m := BOUND.match(line))]


def check(kernels, sources):
    """One sentence for each fault."""
    wrong, bounded = [], set()
    for source in sources:
        for bound in bounds_of(source):
            where = source.relative_to(ROOT)
            mine = [k for k in kernels if k.source == source and k.name == bound["kernel"]]
            if not mine:
                there = ", ".join(sorted({k.name for k in kernels if k.source == source})) or "none"
                wrong.append(f"{where}: bounds of {bound['kernel']}, which is not there; there are {there}")
            for k in mine:
                bounded.add(id(k))
                for what, found, most in (
                    ("registers", k.registers, int(bound["registers"])),
                    ("bytes of shared memory", k.shared, int(bound["shared"])),
                ):
                    if found > most:
                        wrong.append(f"{where}: {k.name} takes {found} {what}, at most {most} are stated")
                if k.local and bound["local"] == "no local memory":
                    wrong.append(f"{where}: {k.name} takes {k.local} bytes of local memory, stated are none")
                if bound["tensor"]:
                    share = k.inner_tensor_share()
                    if share is None or share < int(bound["tensor"]) / 100:
                        found = "no such loop" if share is None else f"{share:.1%}"
                        wrong.append(f"{where}: {k.name} has {found} on tensor cores in its inner loop, at least {bound['tensor']}% are stated")
                if bound["coherent"] and k.read_only_loads():
                    wrong.append(f"{where}: {k.name} has {k.read_only_loads()} loads through the read-only cache, stated are none")
    for k in kernels:
        if id(k) not in bounded and k.local:
            wrong.append(f"{k.source.relative_to(ROOT)}: {k.name} takes {k.local} bytes of local memory and states no bounds")
    return wrong


def table(kernels, arch):
    rows = ["| file | kernel | registers | shared | local | instructions | multiply-add | tensor core | global | shared loads, stores | barriers |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for k in sorted(kernels, key=lambda k: (str(k.source), k.name)):
        n = sum(k.opcodes.values()) - k.count("NOP")
        multiply = k.count("FFMA", "DFMA", "HFMA")
        share = k.inner_tensor_share()
        tensor = f"{k.count(*TENSOR_CORE)}" + (f" ({share:.0%} of the inner loop)" if share else "")
        rows.append(
            f"| {k.source.relative_to(ROOT)} | `{k.name}` | {k.registers} | {k.shared} | {k.local} | {n} | {multiply} ({multiply / max(n, 1):.0%}) | "
            f"{tensor} | {k.count('LDG', 'STG', 'LD.', 'ST.')} | {k.count('LDS', 'STS', 'LDSM')} | {k.count('BAR')} |"
        )
    return "\n".join([f"# Kernels for {arch}, as nvcc compiled them", "", "`scripts/check_kernels.py BUILD_DIR --output FILE`; nothing here was run on a device.", "", *rows]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--output", type=pathlib.Path, help="write the table here as Markdown")
    args = parser.parse_args()
    cuobjdump = find_cuobjdump()
    if cuobjdump is None:
        print("check_kernels: no cuobjdump here (pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm)", file=sys.stderr)
        sys.exit(77)
    objects = sorted(args.build.rglob("*.cu.o"))
    if not objects:
        sys.exit(f"check_kernels: {args.build} has no objects of nvcc; configure with -DPRIMAL_CUDA=ON")
    kernels, sources = [], []
    for path in objects:
        inside = path.relative_to(args.build)
        parts = [p for i, p in enumerate(inside.parts) if p != "CMakeFiles" and not p.endswith(".dir")]
        source = ROOT / pathlib.Path(*parts).with_suffix("")  # .../pdhg_forward.cu.o -> pdhg_forward.cu
        if not source.is_file() or "tests" in parts:
            continue
        sources.append(source)
        kernels += kernels_of(cuobjdump, path, source, args.arch)
    sources = sorted(set(sources))
    if args.output:
        args.output.write_text(table(kernels, args.arch))
    wrong = check(kernels, sources)
    for sentence in wrong:
        print(sentence)
    if wrong:
        sys.exit(1)
    print(f"{len(kernels)} kernels in {len(sources)} files for {args.arch} keep to their bounds")


if __name__ == "__main__":
    main()
