#!/usr/bin/python3
"""Compare Primal's training step with its peers, in alternating rounds on the same cores.

Clocks of shared machines drift by half, so a time says little and a ratio of neighbours says much: in each round every
peer runs beside a run of ours, each as its own process, the order changing from round to round, and ratios are taken
within these pairs. A pair during which other processes (or other guests of the host) kept more than --max-foreign cores
busy is measured again. Each run of ours tests the FMA units before and after its steps, to show how fast the machine was, and
how long a cache line needs from one core to the other and back: cores of a virtual machine may lie near each other or far.

    bench/peers/compare.py --rounds 9 --threads 2 [--peers channels_last,function] [--output bench/results/cpu_bench.md]

Peers: conv3d, channels_last, function (torch_variants.py) in each Python that has PyTorch (--python; default: Debian's
and the one that setup.sh makes); skimage and numpy, of the solver alone; onednn, our own program with the convolutions of that
library, where the build has it. Where a peer exists in several versions, the faster one counts.
"""

import argparse
import dataclasses
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
HERE = pathlib.Path(__file__).resolve().parent
PYTHONS = ("/usr/bin/python3", str(ROOT / "build/peers/venv/bin/python"))
VARIANTS = {
    "conv3d": "nn.Conv3d as written",
    "channels_last": "Conv2d, channels-last",
    "function": "channels-last, PDHG by hand",
}
PEERS = (*VARIANTS, "skimage", "numpy", "onednn")

# Columns of the tables: the phases that they add up.
STEP, UNET, PDHG = ("step_ms",), ("unet_forward_ms", "unet_backward_ms"), ("pdhg_forward_ms", "pdhg_backward_ms")
PHASES = {
    "step": STEP,
    "U-Net fwd": UNET[:1],
    "U-Net bwd": UNET[1:],
    "PDHG fwd": PDHG[:1],
    "PDHG bwd": PDHG[1:],
    "Adam": ("adam_ms",),
}
RATIOS = {"step": STEP, "U-Net fwd + bwd": UNET, "PDHG fwd + bwd": PDHG, "PDHG fwd": PDHG[:1]}

# Times of the peer over ours: what, the peer, the phases, required, aim ("" where none is set).
GOALS = (
    ("step against PyTorch channels-last", "channels_last", STEP, "6", "8"),
    ("step against PyTorch nn.Conv3d as written", "conv3d", STEP, "9", "12"),
    ("step against channels-last with a custom autograd.Function", "function", STEP, "3", "4.5"),
    ("U-Net forward and backward against channels-last", "channels_last", UNET, "2", "3"),
    ("PDHG forward and adjoint against PyTorch autograd", "channels_last", PDHG, "40", "80"),
    ("PDHG forward and adjoint against the custom Function", "function", PDHG, "12", "25"),
    ("PDHG forward against scikit-image's denoise_tv_chambolle", "skimage", PDHG[:1], "", ""),
    ("PDHG forward against NumPy", "numpy", PDHG[:1], "", ""),
    ("step against our own with oneDNN's convolutions", "onednn", STEP, "", ""),
    ("U-Net forward and backward against the same", "onednn", UNET, "", ""),
)
FAR_NS = 150  # a round trip between cores that share no cache takes longer
UNET_GFLOP = 55.06  # of one step at 256 x 256: every tap of every convolution, forward and both gradients


@dataclasses.dataclass
class Peer:
    variant: str
    label: str
    command: list
    pairs: list = dataclasses.field(default_factory=list)  # (peer's JSON, ours)

    def median(self, phases):
        return statistics.median(total(peer, phases) for peer, _ in self.pairs)


def total(run, phases):
    return sum(run[phase] for phase in phases)


def has(run, phases):
    return all(run.get(phase, 0) > 0 for phase in phases)


def busy_seconds():
    """CPU time used on this machine since it started (user, nice, system, irq, softirq), or taken by the host (steal)."""
    fields = [int(word) for word in open("/proc/stat").readline().split()[1:]]
    return sum(fields[i] for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def json_of(command):
    """What one program prints."""
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        sys.exit(f"compare.py: {command[0]} is not there: build it first (scripts/bench.sh does)")
    if run.returncode != 0:
        sys.exit(f"compare.py: exit code {run.returncode} from: {' '.join(command)}")
    return json.loads(run.stdout)


def measure(command):
    """Run one program; returns its JSON and how many cores others kept busy meanwhile."""
    start, busy, own = time.monotonic(), busy_seconds(), children_seconds()
    result = json_of(command)
    foreign = (busy_seconds() - busy) - (children_seconds() - own)
    return result, max(0.0, foreign / (time.monotonic() - start))


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


def version_in(python, module):
    """The module's version in that Python, None where either is not there."""
    try:
        run = subprocess.run([python, "-c", f"import {module}; print({module}.__version__)"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def has_onednn(args):
    """Does our program know oneDNN? A step of the smallest size tells."""
    command = [args.primal, "--json", "--size", "8", "--iterations", "1", "--rounds", "1", "--impl", "conv3d=onednn"]
    return subprocess.run(command, capture_output=True).returncode == 0


def find_peers(args):
    """The peers asked for, in every Python that has what they need."""
    options = ["--json", "--size", str(args.size), "--iterations", str(args.iterations), "--rounds", str(args.steps)]
    torch_options = options + ["--threads", str(args.threads), "--device", args.device, "--precision", args.precision]
    torch_options += (["--learn-steps"] if args.learn_steps else []) + (["--graph"] if args.graph else [])
    peers = []
    for python in args.python or PYTHONS:
        torch, skimage, numpy = (version_in(python, module) for module in ("torch", "skimage", "numpy"))
        for name in args.peers:
            if name in VARIANTS and torch and not (name == "function" and args.learn_steps):
                command = [python, str(HERE / "torch_step.py"), "--variant", name, *torch_options]
                peers.append(Peer(name, f"PyTorch {torch.split('+')[0]}, {VARIANTS[name]}", command))
            if name == "skimage" and skimage and all(peer.variant != "skimage" for peer in peers):
                peers.append(Peer(name, f"scikit-image {skimage}", [python, str(HERE / "skimage_tv.py"), *options]))
            if name == "numpy" and numpy:
                peers.append(Peer(name, f"NumPy {numpy}", [python, str(HERE / "numpy_tv.py"), *options]))
    if "onednn" in args.peers and args.device == "cpu" and has_onednn(args):
        peers.append(Peer("onednn", "Primal, convolutions by oneDNN", [*our_command(args), "--impl", "conv3d=onednn"]))
    for name in args.peers:
        if all(peer.variant != name for peer in peers):
            print(f"compare.py: nothing here runs the peer {name}; bench/peers/setup.sh sets them up", file=sys.stderr)
    return peers


def our_command(args):
    command = [args.primal, "--json", "--size", str(args.size), "--iterations", str(args.iterations)]
    command += ["--threads", str(args.threads), "--device", args.device, "--precision", args.precision]
    command += ["--rounds", str(3 * args.steps)]  # our steps are several times shorter
    command += ["--learn-steps"] if args.learn_steps else []
    command += ["--fma"] if args.device == "cpu" else []
    for impl in args.impl:
        command += ["--impl", impl]
    return command


def run_rounds(args, peers):
    """Fills the peers' pairs; returns the cores that others kept busy during each pair, and how many pairs were discarded."""
    ours, foreign, n_discarded = our_command(args), [], 0
    for number in range(args.rounds):
        first = number % len(peers)
        for peer in peers[first:] + peers[:first]:
            for attempt in range(3):
                wait_for_quiet(args.max_foreign)
                order = [peer.command, ours] if (number + attempt) % 2 == 0 else [ours, peer.command]
                (one, one_foreign), (two, two_foreign) = measure(order[0]), measure(order[1])
                theirs, our = (one, two) if order[0] is peer.command else (two, one)
                busiest = max(one_foreign, two_foreign)
                kept = busiest <= args.max_foreign
                print_pair(number, peer, theirs, our, busiest, kept)
                if kept:
                    peer.pairs.append((theirs, our))
                    foreign.append(busiest)
                    break
                n_discarded += 1
    return foreign, n_discarded


def print_pair(number, peer, theirs, our, busiest, kept):
    phases = STEP if has(theirs, STEP) else PDHG[:1]
    fma, trip = (" -> ".join(f"{value:.0f}" for value in our.get(key, ())) for key in ("fma_gflop_s", "core_round_trip_ns"))
    print(
        f"round {number + 1}: {peer.label} {total(theirs, phases):.1f} ms, Primal {total(our, phases):.1f} ms, "
        f"ratio {total(theirs, phases) / total(our, phases):.2f}{f', FMA {fma} GFLOP/s, core to core {trip} ns' if fma else ''}, "
        f"others {busiest:.2f} cores{'' if kept else ': discarded'}",
        file=sys.stderr,
        flush=True,
    )


def spread(values, form="{:.2f}"):
    """Median and range: "6.31 (6.02 .. 6.70)"."""
    low, middle, high = (form.format(v) for v in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} .. {high})"


def ratios(peer, phases):
    return [total(theirs, phases) / total(our, phases) for theirs, our in peer.pairs]


def is_near(run):
    return max(run["core_round_trip_ns"]) <= FAR_NS


def is_far(run):
    return min(run["core_round_trip_ns"]) > FAR_NS


def near_and_far(peer, phases):
    """The ratios of pairs in which our cores lay near each other, and far apart, before and after the steps."""
    for where, name in ((is_near, "near"), (is_far, "far")):
        known = [total(theirs, phases) / total(our, phases) for theirs, our in peer.pairs if where(our)]
        if known:
            yield f"{name} {statistics.median(known):.2f} ({len(known)})"


def fastest(peers, variant, phases):
    """The version of the peer that needs the least time for these phases, None where none ran."""
    candidates = [peer for peer in peers if peer.variant == variant and has(peer.pairs[0][0], phases)]
    return min(candidates, key=lambda peer: peer.median(phases), default=None)


def goal_rows(args, peers, ours):
    rows = []
    for goal, variant, phases, required, aim in GOALS:
        peer = fastest(peers, variant, phases)
        if peer:
            ratio = spread(ratios(peer, phases))
            cores = ", ".join(near_and_far(peer, phases)) if args.threads > 1 else ""
            against = f"{peer.label}, {len(peer.pairs)} pairs{'; cores ' + cores if cores else ''}"
            rows.append((goal, required and required + "x", aim and aim + "x", ratio, against))
    gflop = UNET_GFLOP * (args.size / 256) ** 2
    shares = [gflop / total(run, UNET) * 1e3 / statistics.mean(run["fma_gflop_s"]) for run in ours]
    rows.append((f"U-Net step: {gflop:.2f} GFLOP / time, over the FMA test", "1.0x", "1.3x", spread(shares), f"{len(ours)} runs"))
    theirs = {peer.label: statistics.median(run["peak_rss_mib"] for run, _ in peer.pairs) for peer in peers if peer.variant in VARIANTS}
    own = spread([run["peak_rss_mib"] for run in ours], "{:.0f}")
    least = min(theirs, key=theirs.get, default=None)
    note = f"the peer with the least, {least}: {theirs[least]:.0f} MiB" if least else ""
    rows.append(("peak resident memory, MiB", "200", "150", own, note))
    program = pathlib.Path(args.primal).parent / "primal_conv3d_error"
    if program.exists():
        errors = json_of([str(program), "--json"]).get("winograd", {})
        worst = max(errors, key=errors.get, default=None)
        if worst:
            note = f"the worst of y, grad x, grad weight over the network's shapes: {worst}; `primal_conv3d_error`"
            rows.append(("Winograd's own error (rms, relative to float64)", "1e-5", "2e-6", f"{errors[worst]:.1e}", note))
    return rows


def table(header, rows):
    align = ["---"] + ["---:"] * (len(header) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (header, align, *rows)] + [""]


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    simd = next((name for name in ("avx512f", "avx2") if name in flags), "no AVX2")
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {simd}"


def primal_version():
    """The commit, "-dirty" where something else than results has changed since."""

    def git(*words):
        try:
            run = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
        except FileNotFoundError:
            return None  # no git on this machine
        return run.stdout.strip() if run.returncode == 0 else None

    commit = git("describe", "--always")
    changes = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results", ":!docs/growth.svg")
    return "unknown" if commit is None else commit + ("-dirty" if changes else "")


def report(args, peers, foreign, n_discarded):
    """The Markdown text: where, when and how; on a CPU the goals; times of everyone; ratios of pairs."""
    ours = [our for peer in peers for _, our in peer.pairs]
    cpu = args.device == "cpu"
    where = f"{args.threads} threads" if cpu else f"{args.device}, {args.precision}"
    lines = [
        f"# A training step at {args.size}x{args.size}, T = {args.iterations}, batch 1, {where}",
        "",
        f"- Machine: {machine()}; {platform.system()} {platform.release()}",
        f"- Date: {datetime.date.today()}",
        f"- Primal {primal_version()}{', ' + ' '.join(args.impl) if args.impl else ''}; {'; '.join(peer.label for peer in peers)}",
        f"- {args.rounds} rounds, each peer beside a run of ours; {args.steps} steps of a peer, {3 * args.steps} of ours, their "
        f"medians; step sizes {'learnt' if args.learn_steps else 'fixed'}{', PyTorch as a CUDA graph' if args.graph else ''}",
        f"- Others kept {statistics.median(foreign):.2f} cores busy (median), {max(foreign):.2f} at worst; {n_discarded} busier "
        "pairs discarded",
    ]
    if cpu:
        fma = [rate for run in ours for rate in run["fma_gflop_s"]]
        lines.append(f"- FMA test beside the rounds, {args.threads} threads: {spread(fma, '{:.0f}')} GFLOP/s")
        if args.threads > 1:
            trips = [trip for run in ours for trip in run["core_round_trip_ns"]]
            lines.append(
                f"- A cache line from core to core and back: {spread(trips, '{:.0f}')} ns; the cores lay near each other in "
                f"{sum(is_near(run) for run in ours)} runs of ours, far apart (beyond {FAR_NS} ns) in {sum(is_far(run) for run in ours)}"
            )
    lines += [f"- Command: `bench/peers/compare.py {' '.join(sys.argv[1:])}`", ""]
    if cpu and not args.learn_steps:
        lines += ["Peer's time over ours, median of the pairs (range); of several PyTorch versions the faster one counts.", ""]
        lines += table(("goal", "required", "aim", "measured", "against"), goal_rows(args, peers, ours))
    memory = "peak_rss_mib" if cpu else "peak_device_mib"

    def time_cells(runs):
        for phases in PHASES.values():
            known = [total(run, phases) for run in runs if has(run, phases)]
            yield f"{statistics.median(known):.1f}" if known else ""
        known = [run[memory] for run in runs if memory in run]
        yield f"{statistics.median(known):.0f}" if known else ""

    lines += ["Medians, milliseconds. The PDHG backward of PyTorch includes the loss.", ""]
    rows = [(peer.label, *time_cells([theirs for theirs, _ in peer.pairs])) for peer in peers]
    lines += table(("program", *PHASES, "peak MiB"), [("**Primal**", *time_cells(ours)), *rows])
    lines += ["Peer / Primal, pair by pair: median (range).", ""]
    rows = []
    for peer in peers:
        known = [spread(ratios(peer, p)) if has(peer.pairs[0][0], p) else "" for p in RATIOS.values()]
        sizes = [theirs[memory] / our[memory] for theirs, our in peer.pairs if our.get(memory) and memory in theirs]
        rows.append((peer.label, *known, spread(sizes) if sizes else ""))
    lines += table(("peer", *RATIOS, "peak memory"), rows)
    return "\n".join(lines).rstrip() + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="side of the square picture")
    parser.add_argument("--iterations", type=int, default=256, help="PDHG iterations T")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9, help="pairs with each peer")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a peer's process; ours takes three times as many")
    parser.add_argument("--peers", help=f"some of {','.join(PEERS)} (default: all; on CUDA conv3d)")
    parser.add_argument("--python", action="append", help=f"a Python to look for peers in, may be repeated (default: {PYTHONS})")
    parser.add_argument("--impl", action="append", default=[], help="OP=NAME, forces an implementation of ours; may be repeated")
    parser.add_argument("--max-foreign", type=float, default=0.25, help="cores of other work a pair may have beside")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; both programs use it")
    parser.add_argument("--precision", choices=("fp32", "tf32"), default="fp32", help="on a CUDA device")
    parser.add_argument("--graph", action="store_true", help="PyTorch replays its step as a CUDA graph")
    parser.add_argument("--learn-steps", action="store_true", help="train sigma, tau and theta too")
    parser.add_argument("--primal", default=str(ROOT / "build/release/bin/primal_step_bench"), help="our program")
    parser.add_argument("--output", type=pathlib.Path, help="write the report here, too")
    args = parser.parse_args()
    args.peers = (args.peers or (",".join(PEERS) if args.device == "cpu" else "conv3d")).split(",")
    unknown = set(args.peers) - set(PEERS)
    if unknown:
        parser.error(f"unknown peer {' '.join(unknown)}; there are {' '.join(PEERS)}")
    if args.python is None and args.device != "cpu":
        args.python = [sys.executable]
    return args


def main():
    args = parse_arguments()
    cores = sorted(os.sched_getaffinity(0))
    if args.device == "cpu":
        os.sched_setaffinity(0, cores[: args.threads])  # for all programs started here
    peers = find_peers(args)
    if not peers:
        sys.exit("compare.py: no peers")
    foreign, n_discarded = run_rounds(args, peers)
    peers = [peer for peer in peers if peer.pairs]
    if not peers:
        sys.exit(f"compare.py: during every pair others kept more than {args.max_foreign} cores busy")
    text = report(args, peers, foreign, n_discarded)
    print(text, end="")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)


if __name__ == "__main__":
    main()
