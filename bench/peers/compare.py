#!/usr/bin/python3
"""Compare Primal's training step with PyTorch's, in alternating rounds on the same machine.

Clocks of shared machines drift by half, so a time says little and a ratio of neighbours says much: each round starts
both programs one after the other, each as its own process, the order swapped from round to round. The table gives
the median time of each phase and the median over the rounds of the ratio PyTorch / Primal. A round in which other
processes kept more than --max-foreign cores busy is measured again.

    bench/peers/compare.py --rounds 9 --threads 2 [--learn-steps] [--output bench/results/cpu_step.md]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEER = [sys.executable, str(ROOT / "bench/peers/torch_step.py")]

# Row of the table -> the phases of a step it adds up.
ROWS = {
    "whole step": ("step_ms",),
    "U-Net forward": ("unet_forward_ms",),
    "U-Net backward": ("unet_backward_ms",),
    "U-Net forward + backward": ("unet_forward_ms", "unet_backward_ms"),
    "PDHG forward": ("pdhg_forward_ms",),
    "PDHG backward": ("pdhg_backward_ms",),
    "PDHG forward + backward": ("pdhg_forward_ms", "pdhg_backward_ms"),
    "Adam": ("adam_ms",),
}


def busy_seconds():
    """CPU time that all processes of this machine have used since it started (user, nice, system, irq, softirq)."""
    fields = [int(word) for word in open("/proc/stat").readline().split()[1:]]
    return sum(fields[i] for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(command):
    """Run one program; returns its JSON and how many cores other processes kept busy meanwhile."""
    start, busy, own = time.monotonic(), busy_seconds(), children_seconds()
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        sys.exit(f"compare.py: {command[0]} is not there: build it first (cmake --build build/release)")
    if run.returncode != 0:
        sys.exit(f"compare.py: exit code {run.returncode} from: {' '.join(command)}")
    foreign = (busy_seconds() - busy) - (children_seconds() - own)
    return json.loads(run.stdout), max(0.0, foreign / (time.monotonic() - start))


def wait_for_quiet(max_foreign, patience_s=60):
    """Return once a second passes with no more than `max_foreign` cores busy, or when patience is over.

    PyTorch's threads wait for each other by spinning: beside a busy neighbour its step can take ten times as long.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        busy = busy_seconds()
        time.sleep(1)
        if busy_seconds() - busy <= max_foreign:
            return


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    simd = next((name for name in ("avx512f", "avx2") if name in flags), "no AVX2")
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {simd}"


def primal_version():
    git = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return git.stdout.strip() if git.returncode == 0 else "unknown"


def ratios(peers, ours, key):
    return [key(peer) / key(our) for peer, our in zip(peers, ours)]


def report(args, peers, ours, foreign, n_discarded):
    """The Markdown text: where, when and how; then one row per phase."""
    import torch

    steps = "learnt" if args.learn_steps else "fixed"
    where = f"{args.threads} threads" if args.device == "cpu" else f"{torch.cuda.get_device_name()}, {args.precision}"
    graph = ", as a CUDA graph" if args.graph else ""
    flags = f"{' --learn-steps' if args.learn_steps else ''}{' --graph' if args.graph else ''}"
    flags += f" --device {args.device} --precision {args.precision}" if args.device != "cpu" else ""
    lines = [
        f"# A training step at {args.size}x{args.size}, T = {args.iterations}, batch 1, {where}",
        "",
        f"- Machine: {machine()}; {platform.system()} {platform.release()}",
        f"- Date: {datetime.date.today()}",
        f"- Primal {primal_version()}; PyTorch {torch.__version__} (nn.Conv3d and autograd{graph}), Python "
        f"{platform.python_version()}",
        f"- {len(peers)} alternating rounds of {args.steps} steps each, step sizes {steps}; other processes kept "
        f"{statistics.median(foreign):.2f} cores busy (median), {max(foreign):.2f} at worst; {n_discarded} busier "
        "rounds discarded",
        f"- Command: `bench/peers/compare.py --rounds {args.rounds} --steps {args.steps} --size {args.size} "
        f"--iterations {args.iterations} --threads {args.threads}{flags}`",
        "",
        "| phase | PyTorch ms | Primal ms | PyTorch / Primal | range over rounds |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row, phases in ROWS.items():
        if args.graph and row != "whole step":
            continue
        lines.append(table_row(row, peers, ours, lambda r: sum(r[phase] for phase in phases), "{:.1f}"))
    memory = "peak_rss_mib" if args.device == "cpu" else "peak_device_mib"
    lines.append(table_row("peak memory, MiB", peers, ours, lambda r: r[memory], "{:.0f}"))
    return "\n".join(lines) + "\n"


def table_row(name, peers, ours, key, form):
    ratio = ratios(peers, ours, key)
    peer, our = (form.format(statistics.median(map(key, runs))) for runs in (peers, ours))
    return f"| {name} | {peer} | {our} | {statistics.median(ratio):.2f} | {min(ratio):.2f} .. {max(ratio):.2f} |"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="side of the square picture")
    parser.add_argument("--iterations", type=int, default=256, help="PDHG iterations T")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9, help="alternations of the two programs")
    parser.add_argument("--steps", type=int, default=3, help="timed steps per process; their medians count")
    parser.add_argument("--max-foreign", type=float, default=0.25, help="cores of other work a round may have beside")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; both programs use it")
    parser.add_argument("--precision", choices=("fp32", "tf32"), default="fp32", help="on a CUDA device")
    parser.add_argument("--graph", action="store_true", help="PyTorch replays its step as a CUDA graph")
    parser.add_argument("--learn-steps", action="store_true", help="train sigma, tau and theta too")
    parser.add_argument("--primal", default=str(ROOT / "build/release/bin/primal_step_bench"), help="our program")
    parser.add_argument("--output", type=pathlib.Path, help="write the table here, too")
    return parser.parse_args()


def main():
    args = parse_arguments()
    options = ["--json", "--size", str(args.size), "--iterations", str(args.iterations)]
    options += ["--threads", str(args.threads), "--rounds", str(args.steps)]
    options += ["--learn-steps"] if args.learn_steps else []
    options += ["--device", args.device, "--precision", args.precision]
    programs = {"peer": PEER + options + (["--graph"] if args.graph else []), "ours": [args.primal] + options}
    peers, ours, foreign, attempts = [], [], [], 0
    while len(peers) < args.rounds and attempts < 3 * args.rounds:
        order = ("peer", "ours") if attempts % 2 == 0 else ("ours", "peer")
        attempts += 1
        wait_for_quiet(args.max_foreign)
        measured = {name: measure(programs[name]) for name in order}
        (peer, peer_foreign), (our, our_foreign) = measured["peer"], measured["ours"]
        busiest = max(peer_foreign, our_foreign)
        kept = busiest <= args.max_foreign
        print(
            f"attempt {attempts}: PyTorch {peer['step_ms']:.0f} ms, Primal {our['step_ms']:.0f} ms, other processes "
            f"{busiest:.2f} cores{'' if kept else ': discarded'}",
            file=sys.stderr,
        )
        if kept:
            peers.append(peer)
            ours.append(our)
            foreign.append(busiest)
    if not peers:
        sys.exit(f"compare.py: all {attempts} rounds had more than {args.max_foreign} cores of other work beside them")
    text = report(args, peers, ours, foreign, attempts - len(peers))
    print(text, end="")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)


if __name__ == "__main__":
    main()
