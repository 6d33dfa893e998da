#!/usr/bin/python3
"""Compares primal.torch.PDHG with plain autograd over the same iterations, pair by pair: time and peak memory of forward and backward.

    PYTHONPATH=build/release/python bench/peers/python_layer.py --rounds 5 [--size 256] [--iterations 256] [--batches 1,16] [--threads 2]
    PYTHONPATH=build/release/python bench/peers/python_layer.py --peers autograd,deepinv,mrpro

Each run is a separate process. The ratio of times is taken within a pair of consecutive runs, and the median over the rounds is reported
with its range. Memory is the peak of the process beyond its memory before the pass (VmHWM of /proc/self/status, reset before), so it
includes everything: PyTorch's tensors, Primal's pools and the graph.

Peers:
  autograd   torch_model.pdhg, the iterations in operations of PyTorch, gradients by autograd
  compiled   the same with torch.compile, if this PyTorch has it and a C++ compiler is found
  deepinv    forward only: deepinv's TVDenoiser, a primal-dual method for isotropic total variation, with the same number of iterations
  mrpro      forward only: MRpro's pdhg for the same problem with the same steps, so the same iterations
"""

import argparse
import gc
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
FORWARD_ONLY = ("deepinv", "mrpro")


def memory(name):
    """Of this process, in bytes: VmHWM its peak, VmRSS now."""
    for line in open("/proc/self/status"):
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def available():
    """Bytes that the machine could still give."""
    return next(1024 * int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable:"))


def solver_of(which, args):
    """solve(z, lam) -> x after the iterations: start p = z, steps 1/3, 1/3, 1, periodic differences of rows and columns."""
    import torch

    if which == "ours":
        from primal.torch import PDHG

        return PDHG(args.iterations, (3, 4), start="noisy", boundary="periodic")
    if which in ("autograd", "compiled"):
        sys.path.insert(0, str(HERE))
        from torch_model import pdhg

        def solve(z, lam):
            return pdhg(z, (lam, lam), args.iterations, 1 / 3, 1 / 3, 1.0, "noisy", axes=(2, 3))

        return torch.compile(solve) if which == "compiled" else solve
    if which == "deepinv":
        from deepinv.models import TVDenoiser

        denoiser = TVDenoiser(n_it_max=args.iterations, crit=0.0)
        return lambda z, lam: denoiser(z, ths=float(lam.mean()))
    if which == "mrpro":
        from mrpro.algorithms.optimizers import pdhg
        from mrpro.operators import FiniteDifferenceOp, IdentityOp, LinearOperatorMatrix
        from mrpro.operators.functionals import L1Norm, L2NormSquared, ZeroFunctional

        def solve(z, lam):
            gradient = FiniteDifferenceOp(dim=(-2, -1), mode="forward", pad_mode="circular")
            f = 0.5 * L2NormSquared(target=z) | float(lam.mean()) * L1Norm()
            operator = LinearOperatorMatrix(((IdentityOp(),), (gradient,)))
            (x,) = pdhg(f=f, g=ZeroFunctional(), operator=operator, initial_values=(z,), max_iterations=args.iterations,
                        primal_stepsize=1 / 3, dual_stepsize=1 / 3)
            return x

        return solve
    raise ValueError(which)


def one_run(args):
    """What a process of its own prints: the time of a pass and the memory that it takes."""
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    z = torch.rand(args.batch, 1, args.size, args.size)
    lam = torch.full_like(z, 0.05)
    solve = solver_of(args.one, args)
    learns = args.direction == "both"

    def a_pass():
        leaf = lam.clone().requires_grad_(learns)
        with torch.set_grad_enabled(learns):
            x = solve(z, leaf)
        if learns:
            x.square().mean().backward()
        return x.detach()

    few, args.iterations = args.iterations, 2  # what is made once, without much memory
    small = solver_of(args.one, args) if args.one != "compiled" else None
    if small is not None:
        leaf = lam[:1].clone().requires_grad_(learns)
        y = small(z[:1], leaf)
        if learns:
            y.sum().backward()
        del y, leaf
    args.iterations = few
    gc.collect()
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    before = memory("VmRSS")
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    times = []
    for i in range(args.passes):
        start = clock()
        x = a_pass()
        times.append(clock() - start)
        if i == 0:
            peak = memory("VmHWM") - before
    print(json.dumps({"ms": 1e3 * min(times), "bytes": peak, "mean": float(x.mean()), "torch": torch.__version__}))


def run(which, batch, direction, args):
    command = [sys.executable, __file__, "--one", which, "--batch", str(batch), "--direction", direction, "--size", str(args.size),
               "--iterations", str(args.iterations), "--threads", str(args.threads), "--passes", str(args.passes), "--clock", args.clock]
    environment = {**os.environ, "PRIMAL_THREADS": str(args.threads), "OMP_NUM_THREADS": str(args.threads)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        return None, (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
    return json.loads(result.stdout.splitlines()[-1]), ""


def compare(peer, batch, args):
    direction = "forward" if peer in FORWARD_ONLY else "both"
    # What autograd keeps: about twelve fields of float32 an iteration, as measured with one picture.
    needed = 0 if direction == "forward" else 12 * 4 * batch * args.size**2 * args.iterations
    if needed > 0.7 * available():
        print(f"| {peer}, {direction} | {batch} | not measured: needs about {needed / 1e9:.0f} GB, {available() / 1e9:.0f} are free "
              "| | | |", flush=True)
        return
    pairs = []
    for round_ in range(args.rounds):
        order = ("ours", peer) if round_ % 2 == 0 else (peer, "ours")
        results = {}
        for which in order:
            results[which], why = run(which, batch, direction, args)
            if results[which] is None:
                print(f"| {peer} | {batch} | not measured: {which}: {why} | | | | |", flush=True)
                return
        pairs.append((results[peer], results["ours"]))
    # A forward pass alone takes little, which disappears in what the process has had before.
    floor = 1e6
    times = sorted(theirs["ms"] / ours["ms"] for theirs, ours in pairs)
    bytes_ = sorted(theirs["bytes"] / ours["bytes"] for theirs, ours in pairs if ours["bytes"] > floor)
    less = f"{statistics.median(bytes_):.0f} ({bytes_[0]:.0f} .. {bytes_[-1]:.0f})" if bytes_ else ""

    def median(which, key):
        return statistics.median(pair[which][key] for pair in pairs)

    print(f"| {peer}, {direction} | {batch} | {median(0, 'ms'):.0f} ms, {median(0, 'bytes') / 1e6:.0f} MB | {median(1, 'ms'):.1f} ms, "
          f"{median(1, 'bytes') / 1e6:.1f} MB | {statistics.median(times):.1f} ({times[0]:.1f} .. {times[-1]:.1f}) | "
          f"{less} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=256)
    parser.add_argument("--batches", default="1,16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=3, help="passes per process, at least 1; the fastest gives the time, the first gives the memory")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="cpu: seconds of the processor, for a machine that others use; with --threads 1")
    parser.add_argument("--peers", default="autograd")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--direction", default="both", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return one_run(args)
    print(f"{args.size} x {args.size}, T = {args.iterations}, float32, threads: {args.threads}, {args.rounds} rounds, "
          f"{'seconds of the processor' if args.clock == 'cpu' else 'by the clock'}\n")
    print("| peer | pictures | peer | primal.torch.PDHG | times as fast | times less memory |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for peer in args.peers.split(","):
        for batch in args.batches.split(","):
            compare(peer, int(batch), args)


if __name__ == "__main__":
    main()
