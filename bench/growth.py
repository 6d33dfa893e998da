#!/usr/bin/python3
"""How time and memory of a training step grow: with picture size, batch, PDHG iterations, filters and threads.

One of them varies at a time, the others stay at 256x256, batch 1, T = 256, 32 filters and --threads. The runs of a sweep
alternate, --repeats times through the list; a run beside which others kept cores busy is repeated up to twice, and the least
disturbed one counts. The report has the median of the repetitions and their range.

    bench/growth.py [--repeats 3] [--sweeps size,batch] [--largest-size 1024]
    bench/growth.py --resume           # what an interrupted measurement, or one with fewer repetitions, lacks

Writes bench/results/growth.csv, a row as soon as it is measured, from it growth.md, and docs/growth.svg where matplotlib is
there (Debian: python3-matplotlib).
"""

import argparse
import csv
import datetime
import math
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/peers"))

from compare import machine, measure, primal_version, spread, wait_for_quiet  # noqa: E402

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
MEASURED = ("step_ms", "unet_ms", "pdhg_ms", "peak_rss_mib")
COLUMNS = ("sweep", "value", "repetition", *MEASURED, "foreign_cores", "primal", "options")


def factor(sweep, value, base):
    """The value over that of the base point: of pictures, their pixels."""
    return (value / base[sweep]) ** (2 if sweep == "size" else 1)


def options(args, sweep, value):
    """What the program is started with for a point of a sweep."""
    point = {**BASE, "threads": args.threads, sweep: value}
    work = (point["size"] / 256) ** 2 * point["batch"] * max(point["filters"] / 32, 0.25) ** 2
    rounds = max(1, min(7, round(20 / work)))
    line = ["--rounds", str(rounds), "--warmup", "1" if work > 8 else "2"]
    for name, setting in point.items():
        line += [f"--{name}", str(setting)]
    for impl in args.impl:
        line += ["--impl", impl]
    return line


def run_point(args, sweep, value):
    """The phases of one run, the least disturbed of up to three."""
    least = None
    for _ in range(3):
        wait_for_quiet(args.max_foreign)
        run, foreign = measure([args.primal, "--json", *options(args, sweep, value)])
        if least is None or foreign < least[1]:
            least = run, foreign
        if foreign <= args.max_foreign:
            break
    run, foreign = least
    return {
        "step_ms": run["step_ms"],
        "unet_ms": run["unet_forward_ms"] + run["unet_backward_ms"],
        "pdhg_ms": run["pdhg_forward_ms"] + run["pdhg_backward_ms"],
        "peak_rss_mib": run["peak_rss_mib"],
        "foreign_cores": foreign,
    }


def measured_before(path):
    """The rows of growth.csv, also those of a measurement that was interrupted."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or tuple(rows[0]) != COLUMNS:
        sys.exit(f"growth.py: {path} has other columns than {','.join(COLUMNS)}: start anew, without --resume")
    kinds = {"sweep": str, "value": int, "repetition": int, "primal": str, "options": str}
    return [{key: kinds.get(key, float)(text) for key, text in row.items()} for row in rows]


def run_sweeps(args, sweeps, path):
    """The rows of these sweeps with these options, each written to `path` as soon as it is known."""
    known = measured_before(path) if args.resume and path.exists() else []
    known = {(row["sweep"], row["value"], row["repetition"], row["options"]): row for row in known}
    version, rows = primal_version(), []
    with open(path, "a" if known else "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not known:
            writer.writeheader()
        for sweep, values in sweeps.items():
            for repetition in range(1, args.repeats + 1):
                for value in values:
                    where = (sweep, value, repetition, " ".join(options(args, sweep, value)))
                    if where not in known:
                        run = {name: round(number, 2) for name, number in run_point(args, sweep, value).items()}
                        known[where] = dict(zip(("sweep", "value", "repetition", "options"), where)) | run | {"primal": version}
                        writer.writerow(known[where])
                        file.flush()
                        print(f"{sweep} {value}, repetition {repetition}: {run['step_ms']:.1f} ms", file=sys.stderr, flush=True)
                    rows.append(known[where])
    return rows


def points(rows):
    """One point for each value of each sweep: medians, and of the step's times all."""
    result = []
    for sweep, value in dict.fromkeys((row["sweep"], row["value"]) for row in rows):
        mine = [row for row in rows if (row["sweep"], row["value"]) == (sweep, value)]
        medians = {name: statistics.median(row[name] for row in mine) for name in MEASURED}
        result.append({"sweep": sweep, "value": value, **medians, "steps": [row["step_ms"] for row in mine]})
    return result


def slope(sweep, base, before, row, key):
    if before is None:
        return ""
    work = factor(sweep, row["value"], base) / factor(sweep, before["value"], base)
    return f"{math.log(row[key] / before[key]) / math.log(work):.2f}"


def markdown(args, rows, measured, base):
    versions = ", ".join(dict.fromkeys(row["primal"] for row in rows))
    disturbed = sum(row["foreign_cores"] > args.max_foreign for row in rows)
    lines = [
        "# How a training step grows",
        "",
        f"- Machine: {machine()}; {args.threads} threads unless stated otherwise",
        f"- Date: {datetime.date.today()}; Primal {versions}{', ' + ' '.join(args.impl) if args.impl else ''}",
        f"- Command: `bench/growth.py {' '.join(sys.argv[1:])}`",
        f"- {args.repeats} repetition{'s' * (args.repeats > 1)}: medians, and the range of the step's time; beside {disturbed} of "
        f"{len(rows)} runs others kept more than {args.max_foreign} cores busy",
        "- The base point: " + ", ".join(f"{name} {value}" for name, value in base.items()) + ".",
        "- Slopes, from the row above: the exponent with which the step's time, or the memory, grows. 1 is linear (in pixels, for "
        "the picture), 2 quadratic; -1 in threads is a perfect speed-up.",
        "",
    ]
    for sweep in dict.fromkeys(point["sweep"] for point in measured):
        mine = [point for point in measured if point["sweep"] == sweep]
        lines += [
            f"| {NAMES[sweep]} | step ms | U-Net ms | PDHG ms | slope of time | peak MiB | slope of memory |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for before, point in zip([None, *mine], mine):
            time, memory = (slope(sweep, base, before, point, key) for key in ("step_ms", "peak_rss_mib"))
            step = spread(point["steps"], "{:.1f}") if len(point["steps"]) > 1 else f"{point['step_ms']:.1f}"
            lines.append(
                f"| {point['value']} | {step} | {point['unet_ms']:.1f} | {point['pdhg_ms']:.1f} | {time} | "
                f"{point['peak_rss_mib']:.0f} | {memory} |"
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
        time.vlines(values, [min(row["steps"]) for row in mine], [max(row["steps"]) for row in mine], color="#22577a")
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
    parser.add_argument("--resume", action="store_true", help="keep what growth.csv has, and measure what it lacks")
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
    sweeps = {name: [value for value in SWEEPS[name] if value <= limits.get(name, math.inf)] for name in args.sweeps.split(",")}
    args.results.mkdir(parents=True, exist_ok=True)
    rows = run_sweeps(args, sweeps, args.results / "growth.csv")
    measured = points(rows)
    (args.results / "growth.md").write_text(markdown(args, rows, measured, base))
    plot(measured, base, args.plot)


if __name__ == "__main__":
    main()
