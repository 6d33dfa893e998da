#!/usr/bin/python3
"""Compare a training step of the network for image sequences (nn/dynamic_tv) with the same step in PyTorch.

A step is the 3D U-Net on the padded sequence, T iterations of PDHG along x, y and t with learnt step sizes, mean squared
error, backward pass and Adam, on one sequence [1,1,size,size,frames] in float32. The PyTorch model is ordinary code with nn.Conv3d
and autograd. It has the layers and parameter names of the published network (koflera/LearningRegularizationParameterMaps), so
it can load a checkpoint of Primal.

    bench/peers/dynamic.py --rounds 5 [--threads 2] [--output bench/results/dynamic_cpu.md]     pairs with Primal
    bench/peers/dynamic.py --time [--json]                                                       PyTorch alone

Each round runs both programs one right after the other, each as a separate process, in an order that alternates between rounds.
Ratios are taken within these pairs, because the speed of shared machines drifts. If other programs keep the cores busy, the
processor time of a step on one thread (--threads 1) is more reliable than wall-clock time.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHASES = ("step_ms", "unet_forward_ms", "pdhg_forward_ms", "pdhg_backward_ms", "unet_backward_ms", "adam_ms")


def torch_model(filters, stages, n_iter):
    import torch
    from torch import nn
    from torch.nn import functional
    from torch_model import pdhg

    class DoubleConv(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.conv_block = nn.Sequential(
                nn.Conv3d(n_in, n_out, 3, padding=1), nn.LeakyReLU(), nn.Conv3d(n_out, n_out, 3, padding=1), nn.LeakyReLU()
            )

        def forward(self, x):
            return self.conv_block(x)

    class Encoder(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.enc_blocks = nn.ModuleList(DoubleConv(a, b) for a, b in zip(channels, channels[1:]))
            self.pool = nn.MaxPool3d(2)

        def forward(self, x):
            features = []
            for i, block in enumerate(self.enc_blocks):
                x = block(x if i == 0 else self.pool(x))
                features.append(x)
            return features

    class Decoder(nn.Module):
        def __init__(self, channels):
            super().__init__()
            pairs = list(zip(channels, channels[1:]))
            self.upconvs = nn.ModuleList(nn.Conv3d(a, b, 3, padding=1) for a, b in pairs)
            self.dec_blocks = nn.ModuleList(DoubleConv(2 * b, b) for _, b in pairs)

        def forward(self, x, features):
            for upconv, block in zip(self.upconvs, self.dec_blocks):
                skip = features.pop()
                x = functional.interpolate(x, size=skip.shape[2:], mode="trilinear", align_corners=False)
                x = block(torch.cat([upconv(x), skip], dim=1))
            return x

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [filters * 2**i for i in range(stages)]
            self.encoder, self.decoder = Encoder([1, *widths]), Decoder(widths[::-1])
            self.c1x1 = nn.Conv3d(filters, 2, kernel_size=1)

        def forward(self, x):
            features = self.encoder(x)
            return self.c1x1(self.decoder(features.pop(), features))

    class DynamicTv(nn.Module):
        def __init__(self, pad_xy=4, pad_t=8, up_bound=0.5):
            super().__init__()
            self.cnn, self.up_bound = UNet(), up_bound
            self.border = (pad_t, pad_t, pad_xy, pad_xy, pad_xy, pad_xy)
            self.sigma, self.tau, self.theta = (nn.Parameter(torch.tensor(10.0)) for _ in range(3))

        def lambda_map(self, z):
            """[N,2,X,Y,T]: one map for x and y, one for t."""
            head = self.cnn(functional.pad(z, self.border, mode="reflect"))
            t, _, xy, _, _, _ = self.border
            return self.up_bound * torch.sigmoid(head[:, :, xy:-xy, xy:-xy, t:-t])

        def pdhg(self, z, lam):
            xy, t = lam[:, :1], lam[:, 1:]
            sigma, tau = (torch.sigmoid(s) / 13**0.5 for s in (self.sigma, self.tau))
            return pdhg(z, (xy, xy, t), n_iter, sigma, tau, torch.sigmoid(self.theta), axes=(2, 3, 4))

    return DynamicTv()


def time_torch(args):
    import torch
    from torch_step import timed_step

    torch.set_num_threads(args.threads)
    torch.manual_seed(42)
    model = torch_model(args.filters, args.stages, args.iterations)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    clean = torch.nn.functional.interpolate(torch.rand(1, 1, 9, 9, 5), size=(args.size, args.size, args.frames), mode="trilinear")
    noisy = clean + 0.3 * clean.std() * torch.randn_like(clean)
    for _ in range(args.warmup):
        timed_step(model, optimizer, noisy, clean)
    rounds = []
    for _ in range(args.steps):
        before = time.process_time()
        rounds.append(timed_step(model, optimizer, noisy, clean))
        rounds[-1]["processor_ms"] = 1e3 * (time.process_time() - before)
    result = {phase: statistics.median(r[phase] for r in rounds) for phase in (*PHASES, "processor_ms")}
    result["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["torch"] = torch.__version__
    if args.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:20} {value if isinstance(value, str) else format(value, '.1f')}")


def run_pairs(args, theirs, ours):
    from compare import measure, wait_for_quiet

    pairs, foreign = [], []
    for number in range(args.rounds):
        wait_for_quiet(args.max_foreign)
        order = [theirs, ours] if number % 2 == 0 else [ours, theirs]
        (one, one_foreign), (two, two_foreign) = measure(order[0]), measure(order[1])
        pair = (one, two) if order[0] is theirs else (two, one)
        pairs.append(pair)
        foreign.append(max(one_foreign, two_foreign))
        print(
            f"round {number + 1}: PyTorch {pair[0]['step_ms']:.0f} ms, Primal {pair[1]['step_ms']:.0f} ms, "
            f"ratio {pair[0]['step_ms'] / pair[1]['step_ms']:.2f}, others {foreign[-1]:.2f} cores",
            file=sys.stderr,
            flush=True,
        )
    return pairs, foreign


def report(args, pairs, foreign):
    from compare import machine, primal_version, spread, table

    rows = []
    names = ("step", "U-Net forward", "PDHG forward", "PDHG backward", "U-Net backward", "Adam")
    for name, key in (*zip(names, PHASES), ("processor time, step", "processor_ms"), ("peak memory, MiB", "peak_rss_mib")):
        columns = [[run[key] for run in side] for side in zip(*pairs)]
        ratios = [theirs[key] / our[key] for theirs, our in pairs]
        rows.append((name, *(f"{statistics.median(column):.1f}" for column in columns), spread(ratios)))
    lines = [
        f"# A training step on {args.frames} frames of {args.size}x{args.size}, T = {args.iterations}, {args.threads} threads",
        "",
        f"- Machine: {machine()}; {platform.system()} {platform.release()}",
        f"- Date: {datetime.date.today()}",
        f"- Primal {primal_version()}; PyTorch {pairs[0][0]['torch']}; network for sequences with {args.filters} filters and "
        f"{args.stages} levels, step sizes learnt",
        f"- {len(pairs)} pairs of processes, {args.steps} steps of PyTorch after {args.warmup} to warm up and three times as "
        f"many of ours after at least one, their medians; others kept "
        f"{statistics.median(foreign):.2f} cores busy (median), {max(foreign):.2f} at worst",
        f"- Command: `bench/peers/dynamic.py {' '.join(sys.argv[1:])}`",
        "",
        "Milliseconds, medians of the runs; the ratio is that of the pairs: median (range). PyTorch's PDHG backward includes the loss.",
        "",
        *table(("phase", "PyTorch", "Primal", "PyTorch / Primal"), rows),
    ]
    return "\n".join(lines).rstrip() + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--time", action="store_true", help="time PyTorch's step alone")
    parser.add_argument("--json", action="store_true", help="with --time: one JSON object")
    parser.add_argument("--size", type=int, default=128, help="side of the frames")
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=128, help="PDHG iterations T")
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--stages", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="number of pairs")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a process")
    parser.add_argument("--warmup", type=int, default=1, help="untimed steps before them")
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has PyTorch")
    parser.add_argument("--impl", action="append", default=[], help="OP=NAME, forces an implementation of Primal; may be repeated")
    parser.add_argument("--max-foreign", type=float, default=0.25, help="cores of other work for which a pair waits a minute")
    parser.add_argument("--primal", default=str(ROOT / "build/release/bin/primal_dynamic_bench"), help="the program primal_dynamic_bench")
    parser.add_argument("--output", type=pathlib.Path, help="write the report here, too")
    return parser.parse_args()


def main():
    args = parse_arguments()
    if args.time:
        return time_torch(args)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])  # for both programs
    shared = ["--json"]
    for name in ("size", "frames", "iterations", "filters", "stages", "threads"):
        shared += [f"--{name}", str(getattr(args, name))]
    theirs = [args.python, __file__, "--time", "--steps", str(args.steps), "--warmup", str(args.warmup), *shared]
    # Our first step asks the system for the memory that all later ones use again: it warms up in any case.
    ours = [args.primal, "--rounds", str(3 * args.steps), "--warmup", str(max(args.warmup, 1)), *shared]
    for impl in args.impl:
        ours += ["--impl", impl]
    text = report(args, *run_pairs(args, theirs, ours))
    print(text, end="")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)


if __name__ == "__main__":
    main()
