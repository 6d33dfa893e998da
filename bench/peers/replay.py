#!/usr/bin/python3
"""Train the thesis model in PyTorch, with Primal's own pictures, noise and weights, or with PyTorch's.

    replay.py train --data chest_xray -o runs/replay_42
        Primal's sequence of pictures, noise levels and noise for seed 42, from Primal's initial weights
    replay.py train --data chest_xray -o runs/torch_1 --draw torch --seed 1 --steps 3200
        initial weights, order, levels and noise drawn by PyTorch
    replay.py segments runs/primal_42 --data chest_xray -o segments.csv
        from each step_N.safetensors of a run of Primal, with its weights and Adam's moments, the next 20
        steps again: loss beside loss
    replay.py check runs/first
        the initial weights, bit for bit, of a run of Primal of one step with learning rate 0

The settings are those of configs/thesis.toml with fixed steps (--set model.learn_steps=false). It needs
PyTorch, NumPy, Pillow and gcc (Debian: python3-torch python3-pil gcc), and none of Primal's code: philox.py
restates its random numbers.

The folder of `train` holds metrics.csv (step, loss, mean of Lambda and its relative deviation inside the
picture, and each 200 steps the PSNR on the validation pictures), step_N.safetensors each 200 steps, which
Primal reads too, and state.pt, written every two minutes and at SIGTERM. The same command goes on from there,
bit for bit with the same --threads; with more --steps it goes further.
"""

import argparse
import csv
import os
import pathlib
import signal
import sys
import time

import numpy
import torch
from PIL import Image

import philox
from safetensors_file import read_safetensors, write_safetensors
from torch_variants import build

N_TRAIN, N_VALIDATION = 200, 8
LOW, HIGH, VALIDATION_LEVEL = 0.1, 0.5, 0.5
LEARNING_RATE = 1e-4
EPOCH = N_TRAIN  # steps: batches of one picture
COLUMNS = ("step", "loss", "lambda_mean", "lambda_spread", "validation_psnr_db")


class Pictures:
    """The first pictures of a split by name, square, grey, float32 in [0,1], decoded when first asked for."""

    def __init__(self, data, split, n, size):
        kinds = (".png", ".jpg", ".jpeg")
        files = sorted(p for p in (data / split).rglob("*") if p.suffix.lower() in kinds)
        if len(files) < n:
            raise SystemExit(f"{data / split} holds {len(files)} pictures, {n} are needed")
        self.files, self.size, self.cache = files[:n], size, {}

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        if i not in self.cache:
            self.cache[i] = preprocessed(Image.open(self.files[i]), self.size)
        return self.cache[i].astype(numpy.float32) / numpy.float32(255)


def preprocessed(image, size):
    width, height = image.size
    s = min(width, height)
    box = tuple(round(edge / 2) for edge in (width - s, height - s, width + s, height + s))  # half to even
    return numpy.asarray(image.crop(box).resize((size, size), Image.BICUBIC).convert("L"))


class PrimalDraw:
    """What Primal draws for a seed; a step needs no state but its number."""

    def __init__(self, seed):
        self.seed = seed

    def model(self, **options):
        model = build("fused", **options)
        shapes = [(name, file_shape(parameter)) for name, parameter in model.named_parameters()]
        load(model, philox.initial_weights(shapes, self.seed))
        return model

    def pair(self, step, pictures):
        epoch, position = divmod(step, len(pictures))
        sample = philox.epoch_order(len(pictures), self.seed, epoch)[position]
        level = philox.noise_level(LOW, HIGH, self.seed, epoch, sample)
        return philox.add_noise(pictures[sample], level, self.seed, epoch, sample), pictures[sample]

    def state(self):
        return None

    def load_state(self, state):
        pass


class TorchDraw:
    """PyTorch's default initialisation, and one generator for order, levels and noise."""

    def __init__(self, seed):
        self.seed, self.generator, self.order = seed, torch.Generator().manual_seed(seed), None

    def model(self, **options):
        torch.manual_seed(self.seed)
        return build("fused", **options)

    def pair(self, step, pictures):
        position = step % len(pictures)
        if position == 0:
            self.order = torch.randperm(len(pictures), generator=self.generator).tolist()
        clean = torch.from_numpy(pictures[self.order[position]])
        level = LOW + (HIGH - LOW) * torch.rand((), generator=self.generator)
        return clean + level * clean.std() * torch.randn(clean.shape, generator=self.generator), clean

    def state(self):
        return {"generator": self.generator.get_state(), "order": self.order}

    def load_state(self, state):
        self.generator.set_state(state["generator"])
        self.order = state["order"]


DRAWS = {"primal": PrimalDraw, "torch": TorchDraw}


def file_shape(parameter):
    """The shape that a parameter of the 2-D model has in files, which hold kernels (out, in, kh, kw, kd)."""
    return [*parameter.shape, 1] if parameter.dim() == 4 else list(parameter.shape)


def load(model, tensors):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(tensors[name]).reshape(parameter.shape))


def load_adam(optimizer, model, tensors):
    """The moments of a checkpoint of Primal."""
    for name, parameter in model.named_parameters():
        moments = (
            torch.from_numpy(tensors[f"adam.{m}.{name}"]).reshape(parameter.shape).clone() for m in "mv"
        )
        step = torch.tensor(float(tensors["adam.step"]))
        optimizer.state[parameter] = dict(zip(("step", "exp_avg", "exp_avg_sq"), (step, *moments)))


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)


def as_input(picture):
    return torch.as_tensor(picture)[None, None]


def train_step(model, optimizer, noisy, clean):
    """One step; returns its loss in double, and the mean and the relative deviation of Lambda before it."""
    optimizer.zero_grad()
    noisy, clean = as_input(noisy), as_input(clean)
    lam = model.lambda_map(noisy)
    denoised = model.pdhg(noisy, lam)
    torch.nn.functional.mse_loss(denoised, clean).backward()
    optimizer.step()
    loss = (denoised.detach().double() - clean.double()).square().mean().item()
    return loss, *mean_and_spread(lam)


def mean_and_spread(lam):
    lam = lam.detach().double()
    return lam.mean().item(), (lam.std() / lam.mean()).item()


def psnr(denoised, clean):
    return -10 * numpy.log10(numpy.mean((denoised.astype(numpy.float64) - clean.astype(numpy.float64)) ** 2))


def denoise(model, noisy):
    with torch.no_grad():
        lam = model.lambda_map(as_input(noisy))
        return model.pdhg(as_input(noisy), lam)[0, 0].numpy(), lam


def validation_psnr(model, pictures, seed):
    """On the noise with which Primal validates for that seed."""
    scores = []
    for i in range(len(pictures)):
        noisy = philox.add_noise(pictures[i], VALIDATION_LEVEL, seed, philox.VALIDATION_EPOCH, i)
        scores.append(psnr(denoise(model, noisy)[0], pictures[i]))
    return sum(scores) / len(scores)


def replace(path, write):
    """A file that is whole at any moment."""
    unfinished = path.with_name(path.name + ".tmp")
    write(unfinished)
    os.replace(unfinished, path)


def write_rows(path, columns, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([f"{v:.9g}" if isinstance(v, float) else v for v in row] for row in rows)


def model_options(args):
    return {"filters": args.filters, "n_iter": args.iterations}


def train(args):
    torch.set_num_threads(args.threads)
    args.output.mkdir(parents=True, exist_ok=True)
    draw = DRAWS[args.draw](args.seed)
    model = draw.model(**model_options(args))
    optimizer, rows = adam(model), []
    settings = {
        key: getattr(args, key) for key in ("draw", "seed", "threads", "size", "filters", "iterations")
    }
    state_file = args.output / "state.pt"
    if state_file.exists():
        state = torch.load(state_file)
        if state["settings"] != settings:
            raise SystemExit(f"{state_file} belongs to a run with {state['settings']}, not {settings}")
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["adam"])
        draw.load_state(state["draw"])
        rows = state["rows"]

    def save():
        state = {
            "settings": settings,
            "model": model.state_dict(),
            "adam": optimizer.state_dict(),
            "draw": draw.state(),
        }
        replace(state_file, lambda path: torch.save({**state, "rows": rows}, path))
        replace(args.output / "metrics.csv", lambda path: write_rows(path, COLUMNS, rows))

    def checkpoint(step):
        tensors = {name: p.detach().numpy().reshape(file_shape(p)) for name, p in model.named_parameters()}
        metadata = {"how": f"bench/peers/replay.py, {settings}", "step": str(step)}
        replace(
            args.output / f"step_{step:06d}.safetensors",
            lambda path: write_safetensors(path, metadata, tensors),
        )

    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    pictures = Pictures(args.data, "train", N_TRAIN, args.size)
    validation = Pictures(args.data, "val", N_VALIDATION, args.size)
    saved = time.monotonic()
    while len(rows) < args.steps and not stopped:
        row = [len(rows) + 1, *train_step(model, optimizer, *draw.pair(len(rows), pictures)), ""]
        rows.append(row)
        if row[0] % EPOCH == 0:
            row[-1] = validation_psnr(model, validation, args.seed)
            checkpoint(row[0])
            print(f"step {row[0]}: validation {row[-1]:.3f} dB, spread of Lambda {row[3]:.4f}", flush=True)
        if row[0] % EPOCH == 0 or time.monotonic() - saved > 120:
            save()
            saved = time.monotonic()
    save()


def segments(args):
    """Each segment starts from Primal's weights and moments, so differences grow no longer than a segment."""
    torch.set_num_threads(args.threads)
    metrics = list(csv.DictReader(open(args.run / "metrics.csv")))
    losses = {int(row["step"]): float(row["loss"]) for row in metrics}
    pictures, draw, rows = Pictures(args.data, "train", N_TRAIN, args.size), PrimalDraw(args.seed), []
    for path in sorted(args.run.glob("step_*.safetensors")):
        tensors = read_safetensors(path)[1]
        first = int(tensors["adam.step"])
        model = draw.model(**model_options(args))
        load(model, tensors)
        optimizer = adam(model)
        load_adam(optimizer, model, tensors)
        for step in range(first + 1, first + 1 + args.steps):
            if step not in losses:
                break
            loss, _, spread = train_step(model, optimizer, *draw.pair(step - 1, pictures))
            rows.append((first, step, losses[step], loss, loss / losses[step] - 1, spread))
        worst = max((abs(row[4]) for row in rows if row[0] == first), default=None)
        if worst is not None:
            print(f"from step {first}: largest relative difference of a loss {worst:.1e}", flush=True)
        replace(
            args.output,
            lambda p: write_rows(p, ("from", "step", "primal", "torch", "difference", "lambda_spread"), rows),
        )


def check(args):
    expected = PrimalDraw(args.seed).model(**model_options(args))
    tensors = read_safetensors(args.run / "last.safetensors")[1]
    n_different = 0
    for name, parameter in expected.named_parameters():
        n_different += int((parameter.detach().numpy().ravel() != tensors[name].ravel()).sum())
    print(f"{sum(p.numel() for p in expected.parameters())} initial weights, {n_different} differ")
    return 1 if n_different else 0


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(dest="mode", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--seed", type=int, default=42)
    common.add_argument("--threads", type=int, default=1)
    common.add_argument("--size", type=int, default=256, help="side of the pictures (data.size)")
    common.add_argument("--filters", type=int, default=32, help="model.filters")
    common.add_argument("--iterations", type=int, default=256, help="model.iterations")
    common.add_argument("--data", type=pathlib.Path, help="folder with train and val")
    mode = modes.add_parser("train", parents=[common], help="a whole run")
    mode.add_argument("-o", "--output", type=pathlib.Path, required=True)
    mode.add_argument("--steps", type=int, default=1600)
    mode.add_argument("--draw", choices=DRAWS, default="primal", help="whose weights, order and noise")
    mode.set_defaults(do=train)
    mode = modes.add_parser(
        "segments", parents=[common], help="short pieces of a run of Primal, each from its own state"
    )
    mode.add_argument(
        "run", type=pathlib.Path, help="output folder of primal train --keep 100, batch 1, fixed steps"
    )
    mode.add_argument("-o", "--output", type=pathlib.Path, required=True, help="CSV")
    mode.add_argument("--steps", type=int, default=20, help="of a segment")
    mode.set_defaults(do=segments)
    mode = modes.add_parser("check", parents=[common], help="compare the initial weights")
    mode.add_argument("run", type=pathlib.Path)
    mode.set_defaults(do=check)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    sys.exit(arguments.do(arguments))
