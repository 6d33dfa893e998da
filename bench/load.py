#!/usr/bin/python3
"""How long a training step takes beside other programs: with 0, 1, 2 and 4 processes that spin, on one thread and on two.

    bench/load.py                                             # the models and loads of docs/performance.md
    bench/load.py --primal before/primal_step_bench --primal build/release/bin/primal_step_bench     # before and after

For each load it starts that many processes, and runs primal_step_bench for each program and number of threads in
turn, --rounds times. The table has the medians of the runs, each the mean over its steps: under load steps differ,
and what counts is how long many of them take together. "cores of others" are those that other programs kept busy, the
spinning processes included: where it exceeds the load, the machine was not quiet otherwise.
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/peers"))

from compare import measure  # noqa: E402

MODELS = {  # options of primal_step_bench: the step of the configuration, and how many steps a run times
    "quick": ["--size", "128", "--filters", "16", "--iterations", "64", "--warmup", "4", "--rounds", "40"],
    "thesis": ["--size", "256", "--filters", "32", "--iterations", "256", "--warmup", "2", "--rounds", "8"],
}


@contextlib.contextmanager
def spinning(n):
    """n processes that never rest, for as long as the context lasts."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    time.sleep(0.5 if n else 0.0)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def step_ms(program, model, threads):
    """The mean step of a run, and how many cores other programs kept busy beside it."""
    run, foreign = measure([program, "--json", "--threads", str(threads), *MODELS[model]])
    return run["step_mean_ms"], foreign


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--primal", action="append", help="primal_step_bench; may be repeated")
    parser.add_argument("--models", default="quick,thesis", help="of " + ", ".join(MODELS))
    parser.add_argument("--loads", default="0,1,2,4", help="numbers of spinning processes")
    parser.add_argument("--threads", default="1,2", help="numbers of threads; the last is compared with the first")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    programs = args.primal or [str(ROOT / "build/release/bin/primal_step_bench")]
    threads = [int(n) for n in args.threads.split(",")]

    many = len(programs) > 1
    for program in programs if many else ():
        print(f"program {programs.index(program) + 1}: {program}")
    columns = [f"{n} thread{'s' if n > 1 else ''}, ms (range)" for n in threads]
    header = ["model", "load", *(["program"] if many else []), *columns, "ratio", "cores of others"]
    print("| " + " | ".join(header) + " |")
    print("| --- |" + " ---: |" * (len(header) - 1))
    for model in args.models.split(","):
        for load in map(int, args.loads.split(",")):
            times = {(p, n): [] for p in programs for n in threads}
            others = []
            with spinning(load):
                for _ in range(args.rounds):
                    for p, n in times:
                        ms, foreign = step_ms(p, model, n)
                        times[p, n].append(ms)
                        others.append(foreign)
            for i, p in enumerate(programs):
                medians = [statistics.median(times[p, n]) for n in threads]
                row = [model, str(load), *([str(i + 1)] if many else [])]
                for m, n in zip(medians, threads):
                    row.append(f"{m:.1f} ({min(times[p, n]):.1f} .. {max(times[p, n]):.1f})")
                row += [f"{medians[-1] / medians[0]:.2f}", f"{statistics.median(others):.1f}"]
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
