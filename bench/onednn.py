#!/usr/bin/python3
"""Our convolutions beside oneDNN's, pass by pass over the thesis network.

    bench/onednn.py [--threads 1] [--rounds 7]

Runs `primal profile conv3d`, which measures all implementations in turns, and writes bench/results/conv3d_onednn.md. The build
must have found oneDNN (Debian: libdnnl-dev); its layouts are its own, and the time to reorder into them and back counts.
"""

import argparse
import datetime
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/peers"))

from compare import machine, measure, primal_version, table  # noqa: E402

PHASES = ("forward", "backward_data", "backward_weights")


def onednn_version():
    """The version of the headers that the build was made with."""
    for folder in ("/usr/include", "/usr/local/include"):
        header = pathlib.Path(folder, "oneapi/dnnl/dnnl_version.h")
        if header.exists():
            return ".".join(re.findall(r"DNNL_VERSION_(?:MAJOR|MINOR|PATCH) +(\d+)", header.read_text()))
    return ""


def passes(rows):
    """For each pass of each layer: the row of what the rule chooses, of our register tiles, and of oneDNN."""
    named = {}
    for row in rows:
        named.setdefault((row["case"], row["phase"]), {})[row["implementation"]] = row
    for (case, phase), by_name in named.items():
        rule = next(row for row in by_name.values() if row["chosen"])
        yield case, phase, rule, by_name["blocked"], by_name["onednn"]


def markdown(args, report, foreign):
    rows, totals = [], {phase: [0.0, 0.0, 0.0] for phase in PHASES}
    for case, phase, rule, blocked, onednn in passes(report["rows"]):
        times = [row["ms"] for row in (rule, blocked, onednn)]
        totals[phase] = [total + ms for total, ms in zip(totals[phase], times)]
        rows.append((case, phase, rule["implementation"], *times, onednn["error"]))

    def cells(name, phase, implementation, rule, blocked, onednn, error):
        ratios = (f"{onednn / ours:.2f}" for ours in (rule, blocked))
        return (name, phase, implementation, *(f"{ms:.2f}" for ms in (rule, blocked, onednn)), *ratios, error)

    lines = [
        f"# Convolutions of the thesis network, ours and oneDNN's, {args.threads} thread{'s' * (args.threads > 1)}",
        "",
        f"- Machine: {machine()}",
        f"- Date: {datetime.date.today()}; Primal {primal_version()}; oneDNN {onednn_version()}",
        f"- Command: `{' '.join(['bench/onednn.py', *sys.argv[1:]])}`",
        f"- FMA test before: {report['roofs']['fma_all_threads_gflop_s']['best']:.0f} GFLOP/s; others kept {foreign:.1f} cores busy "
        "meanwhile",
        "- 256x256 pixels, batch 1, float32, medians; in a call oneDNN's reorders count. It chooses its algorithm itself: beside direct "
        "kernels that is Winograd for some gradients of weights.",
        "- `blocked` are our register tiles, which do the work that oneDNN's direct kernels do; the rule prefers Winograd where it can.",
        "",
    ]
    header = ("layer", "pass", "by rule", "rule ms", "blocked ms", "oneDNN ms", "oneDNN / rule", "oneDNN / blocked", "oneDNN's error")
    all_times = [sum(total) for total in zip(*totals.values())]
    sums = [cells("all", phase, "", *totals[phase], "") for phase in PHASES] + [cells("**all**", "", "", *all_times, "")]
    lines += table(header, sums)
    lines += table(header, [cells(*row[:-1], f"{row[-1]:.1e}") for row in rows])
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7, help="rounds at least")
    parser.add_argument("--primal", default=str(ROOT / "build/release/bin/primal"), help="the program")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench/results/conv3d_onednn.md")
    args = parser.parse_args()
    command = [args.primal, "profile", "conv3d", "--threads", str(args.threads), "--rounds", str(args.rounds), "--json", "-q"]
    report, foreign = measure(command)
    if all(row["implementation"] != "onednn" for row in report["rows"]):
        sys.exit("onednn.py: this build has no oneDNN (Debian: libdnnl-dev; then configure again)")
    text = markdown(args, report, foreign)
    print(text, end="")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(text)


if __name__ == "__main__":
    main()
