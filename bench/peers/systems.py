#!/usr/bin/python3
"""Compare a training step of the two smaller systems with PyTorch's, in alternating runs.

    bench/peers/systems.py [--rounds 5] [--threads 2] [--steps 60] [--only mnist_autoencoder,...] [--python PYTHON]

Both train on generated pictures of the published sizes with the published batch (32 digits; 5 castings of 300 x 300), draw
their noise anew for each batch, and step with Adam. Primal's step is that of `primal train`, with all that it does between
two steps: step_ms of its metrics.csv. Each round runs PyTorch (twice: as usual, and with channels-last memory; the
faster one counts) and Primal one right after the other, each as a process of its own; a run counts with the median of its
steps but the first ten, and the table has the medians of the rounds' ratios.
"""

import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARM_UP = 10

# name: configuration, and settings that make a data set of it that is quick to generate
SYSTEMS = {
    "mnist_autoencoder": ("mnist_autoencoder", ["data.n_train=1920", "data.n_validation=32"]),
    "casting_classifier": ("casting_defect", ["data.n_train=50", "data.n_validation=10"]),
    "casting_autoencoder": ("casting_denoiser", ["data.n_train=50", "data.n_validation=10"]),
}


def torch_step(name, channels_last):
    """A function that does one training step, on pictures that are there already."""
    import torch
    import torch_systems
    from torch.nn import functional

    torch.manual_seed(1)
    if name == "mnist_autoencoder":
        model, clean, options = torch_systems.MnistAutoencoder(), torch.rand(32, 1, 28, 28), {"amsgrad": True, "eps": 1e-7}
    elif name == "casting_classifier":
        model, clean, options = torch_systems.CastingClassifier(1, 300, 300), torch.rand(5, 1, 300, 300), {}
    else:
        model, clean, options = torch_systems.CastingAutoencoder(), torch.rand(5, 1, 300, 300), {}
    labels = torch.arange(5) % 2
    memory = torch.channels_last if channels_last else torch.contiguous_format
    model, clean = model.to(memory_format=memory), clean.contiguous(memory_format=memory)
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, **options)

    def step():
        adam.zero_grad()
        if name == "casting_classifier":
            loss = functional.cross_entropy(model(clean), labels)
        else:
            noisy = (clean + 0.5 * torch.randn_like(clean)).clamp(0, 1)
            y = model(noisy)
            loss = functional.mse_loss(y[1] if isinstance(y, tuple) else y, clean)
        loss.backward()
        adam.step()
        return loss.item()

    return step


def run_torch(args):
    import torch

    torch.set_num_threads(args.threads)
    step, times = torch_step(args.torch, args.channels_last), []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    print(statistics.median(times[WARM_UP:]))


def torch_ms(args, name, channels_last):
    command = [args.python, __file__, "--torch", name, "--threads", str(args.threads), "--steps", str(args.steps)]
    command += ["--channels-last"] if channels_last else []
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def primal_ms(args, name):
    config, settings = SYSTEMS[name]
    with tempfile.TemporaryDirectory() as folder:
        command = [args.primal, "train", ROOT / f"configs/{config}.toml", "--data", "", "--steps", str(args.steps)]
        command += ["--threads", str(args.threads), "-q", "-o", folder + "/run"]
        for setting in settings:
            command += ["--set", setting]
        subprocess.run(command, check=True, capture_output=True)
        with open(folder + "/run/metrics.csv", newline="") as file:
            times = [float(row["step_ms"]) for row in csv.DictReader(file) if row["step_ms"]]
    return statistics.median(times[WARM_UP:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, default=60, help=f"of each run, the first {WARM_UP} not counted")
    parser.add_argument("--only", default=",".join(SYSTEMS), help="systems, separated by commas")
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch")
    parser.add_argument("--primal", default=str(ROOT / "build/release/bin/primal"))
    parser.add_argument("--torch", help=argparse.SUPPRESS)
    parser.add_argument("--channels-last", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.steps <= WARM_UP:
        parser.error(f"--steps must be above {WARM_UP}, which warm up")
    if args.torch:
        return run_torch(args)

    print(f"{'system':20} {'torch ms':>10} {'primal ms':>10} {'torch / primal':>15}   pairs")
    for name in args.only.split(","):
        theirs, ours = [], []
        for _ in range(args.rounds):
            theirs.append(min(torch_ms(args, name, False), torch_ms(args, name, True)))
            ours.append(primal_ms(args, name))
        ratios = [a / b for a, b in zip(theirs, ours)]
        pairs = " ".join(f"{ratio:.2f}" for ratio in ratios)
        median = statistics.median
        print(f"{name:20} {median(theirs):10.2f} {median(ours):10.2f} {median(ratios):15.2f}   {pairs}", flush=True)


if __name__ == "__main__":
    main()
