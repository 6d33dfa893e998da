#!/usr/bin/python3
"""How time and memory of a training step grow: with picture size, batch, PDHG iterations, filters and threads.

One of them varies at a time, the others stay at 256x256, batch 1, T = 256, 32 filters and --threads. The runs of a sweep
alternate, --repeats times through the list; a run beside which others kept cores busy is repeated. The fastest repetition
counts: it is the least disturbed one.

    bench/growth.py [--repeats 3] [--sweeps size,batch] [--largest-size 1024]

Writes bench/results/growth.csv and .md, and docs/growth.svg where matplotlib is there (Debian: python3-matplotlib).
"""

import argparse
import csv
import datetime
import math
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/peers"))

from compare import machine, measure, primal_version, wait_for_quiet  # noqa: E402

BASE = {"size": 256, "batch": 1, "iterations": 256, "filters": 32}
SWEEPS = {
    "size": (128, 256, 512, 1024, 2048),
    "batch": (1, 2, 4, 8, 16),
    "iterations": (16, 64, 256, 1024),
    "filters": (8, 16, 32, 64),
    "threads": (1, 2, 4, 8, 16, 32, 64),
}
NAMES = {
    "size": "side of the picture, pixels",
    "batch": "pictures in a batch",
    "iterations": "PDHG iterations T",
    "filters": "filters of the first level",
    "threads": "threads",
}
COLUMNS = ("sweep", "value", "step_ms", "unet_ms", "pdhg_ms", "peak_rss_mib")


def factor(sweep, value, base):
    """The value over that of the base point: of pictures, their pixels."""
    return (value / base[sweep]) ** (2 if sweep == "size" else 1)


def command(args, point):
    work = (point["size"] / 256) ** 2 * point["batch"] * max(point["filters"] / 32, 0.25) ** 2
    rounds = max(1, min(7, round(20 / work)))
    line = [args.primal, "--json", "--rounds", str(rounds), "--warmup", "1" if work > 8 else "2"]
    for name, value in point.items():
        line += [f"--{name}", str(value)]
    for impl in args.impl:
        line += ["--impl", impl]
    return line


def run_point(args, point):
    """The phases of one run, undisturbed if three attempts can have it so."""
    for _ in range(3):
        wait_for_quiet(args.max_foreign)
        run, foreign = measure(command(args, point))
        if foreign <= args.max_foreign:
            break
    return {
        "step_ms": run["step_ms"],
        "unet_ms": run["unet_forward_ms"] + run["unet_backward_ms"],
        "pdhg_ms": run["pdhg_forward_ms"] + run["pdhg_backward_ms"],
        "peak_rss_mib": run["peak_rss_mib"],
    }


def run_sweep(args, sweep, values):
    best = {}
    for repeat in range(args.repeats):
        for value in values:
            run = run_point(args, {**BASE, "threads": args.threads, sweep: value})
            if value not in best or run["step_ms"] < best[value]["step_ms"]:
                best[value] = run
            print(f"{sweep} {value}, repetition {repeat + 1}: {run['step_ms']:.1f} ms", file=sys.stderr, flush=True)
    return [{"sweep": sweep, "value": value, **best[value]} for value in values]


def slope(sweep, base, before, row, key):
    if before is None:
        return ""
    work = factor(sweep, row["value"], base) / factor(sweep, before["value"], base)
    return f"{math.log(row[key] / before[key]) / math.log(work):.2f}"


def markdown(args, rows, base):
    lines = [
        "# How a training step grows",
        "",
        f"- Machine: {machine()}; {args.threads} threads where nothing else is said",
        f"- Date: {datetime.date.today()}; Primal {primal_version()}{', ' + ' '.join(args.impl) if args.impl else ''}",
        f"- Command: `bench/growth.py {' '.join(sys.argv[1:])}`",
        "- The base point: " + ", ".join(f"{name} {value}" for name, value in base.items()) + ".",
        "- Slopes, from the row above: the exponent with which the step's time, or the memory, grows. 1 is linear (in pixels, for "
        "the picture), 2 quadratic; -1 in threads is a perfect speed-up.",
        "",
    ]
    for sweep in dict.fromkeys(row["sweep"] for row in rows):
        mine = [row for row in rows if row["sweep"] == sweep]
        lines += [
            f"| {NAMES[sweep]} | step ms | U-Net ms | PDHG ms | slope of time | peak MiB | slope of memory |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for before, row in zip([None, *mine], mine):
            time, memory = (slope(sweep, base, before, row, key) for key in ("step_ms", "peak_rss_mib"))
            lines.append(
                f"| {row['value']} | {row['step_ms']:.1f} | {row['unet_ms']:.1f} | {row['pdhg_ms']:.1f} | {time} | "
                f"{row['peak_rss_mib']:.0f} | {memory} |"
            )
        lines.append("")
    return "\n".join(lines)


def plot(rows, base, path):
    try:
        import matplotlib
    except ImportError:
        print(f"growth.py: no matplotlib here, {path} is not drawn", file=sys.stderr)
        return
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "growth", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot

    sweeps = [sweep for sweep in dict.fromkeys(row["sweep"] for row in rows) if sweep != "threads"]
    figure, axes = pyplot.subplots(2, len(sweeps), figsize=(2.9 * len(sweeps), 5.2), squeeze=False)
    for column, sweep in enumerate(sweeps):
        mine = [row for row in rows if row["sweep"] == sweep]
        values = [row["value"] for row in mine]
        origin = next((row for row in mine if row["value"] == base[sweep]), mine[0])
        over = {**base, sweep: origin["value"]}
        time, memory = axes[0][column], axes[1][column]
        linear = [factor(sweep, value, over) for value in values]
        time.plot(values, [origin["step_ms"] * f for f in linear], "--", color="0.6", linewidth=1, label="linear")
        memory.plot(values, [origin["peak_rss_mib"] * f for f in linear], "--", color="0.6", linewidth=1)
        for key, label, colour in (("step_ms", "step", "#22577a"), ("unet_ms", "U-Net", "#38a3a5"), ("pdhg_ms", "PDHG", "#e07a5f")):
            time.plot(values, [row[key] for row in mine], "o-", markersize=3.5, color=colour, label=label)
        memory.plot(values, [row["peak_rss_mib"] for row in mine], "o-", markersize=3.5, color="#22577a")
        for axis in (time, memory):
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_xticks(values, [str(value) for value in values])
            axis.minorticks_off()
            axis.grid(alpha=0.25)
        memory.set_xlabel(NAMES[sweep])
    axes[0][0].set_ylabel("milliseconds a step")
    axes[1][0].set_ylabel("peak memory, MiB")
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sweeps", default=",".join(SWEEPS), help="which, separated by commas (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="times through each sweep")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--largest-size", type=int, default=2048, help="2048 needs 7 GiB")
    parser.add_argument("--largest-batch", type=int, default=16)
    parser.add_argument("--impl", action="append", default=[], help="OP=NAME, forces an implementation; may be repeated")
    parser.add_argument("--max-foreign", type=float, default=0.25, help="cores of other work a run may have beside")
    parser.add_argument("--primal", default=str(ROOT / "build/release/bin/primal_step_bench"), help="the program")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "bench/results", help="folder of growth.csv and .md")
    parser.add_argument("--plot", type=pathlib.Path, default=ROOT / "docs/growth.svg")
    return parser.parse_args()


def main():
    args = parse_arguments()
    base = {**BASE, "threads": args.threads}
    limits = {"size": args.largest_size, "batch": args.largest_batch, "threads": args.threads}
    rows = []
    for sweep in args.sweeps.split(","):
        values = [value for value in SWEEPS[sweep] if value <= limits.get(sweep, math.inf)]
        rows += run_sweep(args, sweep, values)
    args.results.mkdir(parents=True, exist_ok=True)
    with open(args.results / "growth.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()})
    (args.results / "growth.md").write_text(markdown(args, rows, base))
    plot(rows, base, args.plot)


if __name__ == "__main__":
    main()
