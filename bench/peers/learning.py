#!/usr/bin/python3
"""Compare how runs of Primal and of replay.py learn: tables and a figure from their folders.

    learning.py evaluate --data chest_xray -o test.csv NAME=FOLDER...
        mean PSNR and SSIM on the first 20 test pictures at relative noise 0.5, and the spread of Lambda, from
        step_N.safetensors of either program: the same noisy pictures, the same PyTorch code. Rows that the
        file has already are kept.
    learning.py scalar --data chest_xray
        the best that one lambda for all pixels of all those pictures reaches: a run that is better has left
        the plateau on which its map is nearly constant
    learning.py curves -o curves.csv NAME=FOLDER...
        each 200 steps the mean loss since the last row and the PSNR on the validation pictures
    learning.py part -o part.csv FIRST=FOLDER OTHER=FOLDER...
        how far the losses of the other runs are from those of the first one, in windows of 20 steps
    learning.py draws
        do the initial weights, noise, levels and orders that Primal draws have the distribution of PyTorch's?
    learning.py summary test.csv --scalar 30.359
        a table of `evaluate`'s file: when each run passed the best single lambda, and the programs' means
    learning.py figure --curves curves.csv --small small.csv --small-scalar 26.538 --part part.csv -o x.png

It needs what replay.py needs, and scikit-image and matplotlib (Debian: python3-skimage python3-matplotlib).
"""

import argparse
import csv
import pathlib
import statistics
import sys

import numpy
import torch

import philox
import replay
from safetensors_file import read_safetensors

N_TEST, TEST_LEVEL, TEST_SEED = 20, 0.5, 42
WINDOW = 20  # steps


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows):
    replay.replace(path, lambda p: replay.write_rows(p, list(rows[0]), [list(row.values()) for row in rows]))


def named_folder(text):
    name, _, folder = text.rpartition("=")
    return name or pathlib.Path(folder).name, pathlib.Path(folder)


def test_pairs(pictures):
    """The noisy and clean pictures, as `primal denoise --noise 0.5` draws them too."""
    for i in range(len(pictures)):
        yield philox.add_noise(pictures[i], TEST_LEVEL, TEST_SEED, 0, i), pictures[i]


def evaluate(args):
    from skimage.metrics import structural_similarity

    torch.set_num_threads(args.threads)
    pictures = replay.Pictures(args.data, "test", N_TEST, args.size)
    model = replay.PrimalDraw(0).model(**replay.model_options(args))
    rows = read_rows(args.output) if args.output.exists() else []
    known = {(row["run"], int(row["step"])) for row in rows}
    for name, folder in args.runs:
        for step in args.steps:
            path = folder / f"step_{step:06d}.safetensors"
            if (name, step) in known or not path.exists():
                continue
            replay.load(model, read_safetensors(path)[1])
            scores = []
            for noisy, clean in test_pairs(pictures):
                denoised, lam = replay.denoise(model, noisy)
                ssim = structural_similarity(clean, denoised, data_range=1)
                scores.append((replay.psnr(denoised, clean), ssim, *replay.mean_and_spread(lam)))
            means = [float(column.mean()) for column in numpy.array(scores).T]
            keys = ("psnr_db", "ssim", "lambda_mean", "lambda_spread")
            rows.append({"run": name, "step": step, **dict(zip(keys, means))})
            print(
                f"{name} step {step}: {means[0]:.3f} dB, SSIM {means[1]:.4f}, spread {means[3]:.4f}",
                flush=True,
            )
            write_rows(args.output, sorted(rows, key=lambda row: (row["run"], int(row["step"]))))


def scalar(args):
    pictures = replay.Pictures(args.data, "test", N_TEST, args.size)
    pdhg = replay.PrimalDraw(0).model(**replay.model_options(args)).pdhg
    best = (-numpy.inf, None)
    for level in numpy.arange(0.02, 0.1501, 0.005):
        scores = []
        for noisy, clean in test_pairs(pictures):
            z = replay.as_input(noisy)
            denoised = pdhg(z, torch.full_like(z, level))[0, 0].numpy()
            scores.append(replay.psnr(denoised, clean))
        best = max(best, (float(numpy.mean(scores)), float(level)))
    print(f"best single lambda {best[1]:.3f}: {best[0]:.3f} dB")


def curves(args):
    rows = []
    for name, folder in args.runs:
        losses = []
        for row in read_rows(folder / "metrics.csv"):
            losses.append(float(row["loss"]))
            if row["validation_psnr_db"]:
                psnr = float(row["validation_psnr_db"])
                mean_loss = statistics.mean(losses)
                rows.append(
                    {"run": name, "step": row["step"], "mean_loss": mean_loss, "validation_psnr_db": psnr}
                )
                losses = []
    write_rows(args.output, rows)


def part(args):
    runs = {name: [float(r["loss"]) for r in read_rows(folder / "metrics.csv")] for name, folder in args.runs}
    first = args.runs[0][0]
    rows = []
    for name in list(runs)[1:]:
        n = min(len(runs[first]), len(runs[name]))
        differences = [abs(b / a - 1) for a, b in zip(runs[first][:n], runs[name][:n])]
        for begin in range(0, n - WINDOW + 1, WINDOW):
            window = differences[begin : begin + WINDOW]
            means = [statistics.mean(runs[run][begin : begin + WINDOW]) for run in (first, name)]
            row = {"first": first, "other": name, "step": begin + WINDOW}
            row |= {"median": statistics.median(window), "largest": max(window)}
            rows.append({**row, "mean_first": means[0], "mean_other": means[1]})
    write_rows(args.output, rows)


def z_score(values, expected, deviation):
    """How many standard errors the mean of independent values lies from what it should be."""
    return (values.mean() - expected) / (deviation / values.size**0.5)


def draws(args):
    """Statistics in standard errors from their expectation: for a right source most lie within -2 .. 2."""
    print(f"initial weights, {args.seeds} seeds, in units of 1/sqrt(fan in): uniform in -1 .. 1")
    for label, draw in (("Primal", replay.PrimalDraw), ("PyTorch", replay.TorchDraw)):
        weights, biases = [], []
        for seed in range(args.seeds):
            for name, p in draw(seed).model().named_parameters():
                is_weight = name.endswith("weight")
                fan_in = p[0].numel() if is_weight else fan_in  # a bias comes after its weight
                (weights if is_weight else biases).append(
                    (p.detach().double().flatten() * fan_in**0.5).numpy()
                )
        for kind, tensors in (("weights", weights), ("biases", biases)):
            every = numpy.concatenate(tensors)
            mean, square = z_score(every, 0, 3**-0.5), z_score(every**2, 1 / 3, (4 / 45) ** 0.5)
            layers = numpy.std([z_score(t**2, 1 / 3, (4 / 45) ** 0.5) for t in tensors])
            text = f"n {every.size:8}  range {every.min():+.5f} .. {every.max():+.5f}  mean {mean:+.2f}"
            print(f"  {label:8}{kind:8} {text}  square {square:+.2f}  deviation over tensors {layers:.2f}")
    print(f"noise of {args.pictures} pictures: normal, mean 0 and deviation 1")
    generator, n = torch.Generator().manual_seed(42), 256 * 256
    sources = {
        "Primal": lambda i: philox.normal(n, 42, "noise", epoch=i // 200, sample=i % 200),
        "PyTorch": lambda i: torch.randn(n, generator=generator).double().numpy(),
    }
    for label, source in sources.items():
        sums, before, largest = [], numpy.zeros(n), 0.0
        for i in range(args.pictures):
            noise = source(i)
            products = (
                (noise[1:] * noise[:-1]).mean(),
                (noise[256:] * noise[:-256]).mean(),
                (noise * before).mean(),
            )
            sums.append((noise.mean(), (noise**2).mean() - 1, (noise**4).mean() - 3, *products))
            before, largest = noise, max(largest, float(abs(noise).max()))
        deviations = numpy.array([1, 2, 96, 1, 1, 1]) ** 0.5 / (n * args.pictures) ** 0.5
        scores = numpy.mean(sums, axis=0) / deviations
        names = ("mean", "square", "4th power", "times right", "times below", "times last picture")
        text = "  ".join(f"{name} {score:+.2f}" for name, score in zip(names, scores))
        print(f"  {label:8}{text}  largest {largest:.2f}")
    levels = numpy.array([philox.noise_level(0, 1, 42, e, s) for e in range(20) for s in range(200)])
    distance = numpy.abs(numpy.sort(levels) - (numpy.arange(levels.size) + 0.5) / levels.size).max()
    print(
        f"levels of 20 epochs: Kolmogorov's statistic {distance * levels.size**0.5:.2f}; 95 % lie below 1.36"
    )
    orders = numpy.array([philox.epoch_order(200, 42, e) for e in range(400)])
    counts = numpy.stack([numpy.bincount(orders[:, i], minlength=200) for i in range(200)])
    chi2, freedom = ((counts - 2.0) ** 2 / 2.0).sum(), 199**2
    score = (chi2 - freedom) / (2 * freedom) ** 0.5
    print(f"orders of 400 epochs: picture by position, chi squared {score:+.2f}")


KINDS = {  # a word in the name of a run: colour, label
    "primal": ("#22577a", "Primal"),
    "replay": ("#38a3a5", "PyTorch, Primal's weights, order and noise"),
    "torch": ("#e07a5f", "PyTorch, its own"),
}


def kind_of(run):
    return next(word for word in KINDS if word in run)


def seed_of(run):
    return run.split(kind_of(run) + "_")[1].split("_")[0]


def summary(args):
    """Each run's PSNR and when it passed the best single lambda; then the means of both programs."""
    runs = {}
    for row in read_rows(args.tests):
        runs.setdefault(row["run"], {})[int(row["step"])] = float(row["psnr_db"])
    print("| run | " + " | ".join(str(step) for step in args.steps) + " | above one lambda from step |")
    print("| --- |" + " ---: |" * (len(args.steps) + 1))
    for run, psnr in sorted(runs.items()):
        passed = next((str(step) for step in sorted(psnr) if psnr[step] > args.scalar), "-")
        print(
            f"| {run} | "
            + " | ".join(f"{psnr[s]:.2f}" if s in psnr else "" for s in args.steps)
            + f" | {passed} |"
        )
    for step in args.steps:
        groups = [
            [p[step] for run, p in runs.items() if kind_of(run) == kind and step in p]
            for kind in ("primal", "torch")
        ]
        if min(map(len, groups)) < 2:
            continue
        means, deviations = zip(*((statistics.mean(g), statistics.stdev(g)) for g in groups))
        error = sum(d**2 / len(g) for d, g in zip(deviations, groups)) ** 0.5
        text = " and ".join(
            f"{m:.3f} (deviation {d:.3f}, {len(g)} runs)" for m, d, g in zip(means, deviations, groups)
        )
        print(
            f"step {step}: Primal and PyTorch {text}, difference {means[0] - means[1]:+.3f} +- {error:.3f} dB"
        )


def draw_runs(axis, rows, column, title, label):
    """One thin line for each run, in the colour of its kind."""
    labelled = set()
    for run in dict.fromkeys(row["run"] for row in rows):
        kind = kind_of(run)
        mine = [row for row in rows if row["run"] == run]
        x, y = [int(row["step"]) for row in mine], [float(row[column]) for row in mine]
        colour, name = KINDS[kind]
        style = {"color": colour, "label": None if kind in labelled else name}
        axis.plot(x, y, "o-", markersize=2.5, linewidth=1, alpha=0.8, **style)
        labelled.add(kind)
    axis.set_title(title, loc="left")
    axis.set_ylabel(label)


def draw_parting(axis, rows):
    for i, pair in enumerate(dict.fromkeys((row["first"], row["other"]) for row in rows)):
        mine = [row for row in rows if (row["first"], row["other"]) == pair]
        x, y = [int(row["step"]) for row in mine], [float(row["median"]) for row in mine]
        colour = ("#22577a", "#38a3a5", "#e07a5f", "#7a5c99")[i % 4]
        axis.plot(x, y, color=colour, linewidth=1, label=f"{pair[0]} and {pair[1]}".replace("_", " "))
    axis.set_yscale("log")
    axis.set_title("The same weights, pictures and noise: rounding parts the runs", loc="left")
    axis.set_ylabel("relative difference of the losses")


def figure(args):
    import matplotlib

    matplotlib.use("agg")
    style = {"font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False}
    matplotlib.rcParams.update({**style})
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(2, 2, figsize=(11, 7.4))
    thesis, curve = "Thesis settings, fixed steps", "PSNR on 8 validation pictures, dB"
    draw_runs(axes[0][0], read_rows(args.curves), "validation_psnr_db", thesis, curve)
    draw_parting(axes[0][1], read_rows(args.part))
    tests, label = read_rows(args.small), "PSNR on 20 test pictures, dB"
    own = [row for row in tests if kind_of(row["run"]) != "replay"]
    draw_runs(axes[1][0], own, "psnr_db", "64 x 64 pixels, 16 filters, T = 128: one line a seed", label)
    seeds = {seed_of(row["run"]) for row in tests if kind_of(row["run"]) == "replay"}
    pairs = [row for row in tests if kind_of(row["run"]) != "torch" and seed_of(row["run"]) in seeds]
    draw_runs(axes[1][1], pairs, "psnr_db", "The same, PyTorch with Primal's draws", label)
    for axis in axes[1]:
        axis.axhline(args.small_scalar, color="0.5", linestyle="--", linewidth=1, label="best single lambda")
    for axis in axes.flat:
        axis.grid(alpha=0.25)
        axis.set_xlabel("step")
        axis.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=2)
    drawing.tight_layout()
    drawing.savefig(args.output, dpi=90)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(dest="mode", required=True)
    runs = argparse.ArgumentParser(add_help=False)
    runs.add_argument("runs", nargs="+", type=named_folder, metavar="NAME=FOLDER")
    runs.add_argument("-o", "--output", type=pathlib.Path, required=True)
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--data", type=pathlib.Path, required=True)
    model.add_argument("--threads", type=int, default=1)
    model.add_argument("--size", type=int, default=256)
    model.add_argument("--filters", type=int, default=32)
    model.add_argument("--iterations", type=int, default=256)
    mode = modes.add_parser("evaluate", parents=[runs, model])
    mode.add_argument(
        "--steps", type=lambda text: [int(s) for s in text.split(",")], default=[1600, 2400, 3200]
    )
    mode.set_defaults(do=evaluate)
    modes.add_parser("scalar", parents=[model]).set_defaults(do=scalar)
    modes.add_parser("curves", parents=[runs]).set_defaults(do=curves)
    modes.add_parser("part", parents=[runs]).set_defaults(do=part)
    mode = modes.add_parser("draws")
    mode.add_argument("--seeds", type=int, default=3)
    mode.add_argument("--pictures", type=int, default=200)
    mode.set_defaults(do=draws)
    mode = modes.add_parser("summary")
    mode.add_argument("tests", type=pathlib.Path, help="CSV of `evaluate`")
    mode.add_argument("--scalar", type=float, required=True, help="dB, from `scalar`")
    mode.add_argument(
        "--steps", type=lambda text: [int(s) for s in text.split(",")], default=[800, 1600, 2400, 3200]
    )
    mode.set_defaults(do=summary)
    mode = modes.add_parser("figure")
    for name in ("curves", "small", "part"):
        mode.add_argument(f"--{name}", type=pathlib.Path, required=True)
    mode.add_argument(
        "--small-scalar", type=float, required=True, help="dB: `learning.py scalar` at that size"
    )
    mode.add_argument("-o", "--output", type=pathlib.Path, required=True)
    mode.set_defaults(do=figure)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    sys.exit(arguments.do(arguments))
