#!/usr/bin/env python3
"""How well the noise of one picture is estimated, and what a lambda chosen by it loses: the tables of docs/results.md.

    bench/noise_and_lambda.py noise set12 chest_xray/test/NORMAL chest_xray/test/NORMAL:256
    bench/noise_and_lambda.py lambda set12 chest_xray/test/NORMAL:256

FOLDER:SIZE crops and resizes the pictures to SIZE x SIZE pixels. The program is build/release/bin/primal, or PRIMAL.
Noise is relative to the deviation of the picture. Truth: the noise added and the picture's own, as it is estimated without any added, together.
"""
import argparse
import json
import math
import os
import subprocess
import sys


def denoise(folder, options):
    """The report of `primal denoise` on a folder, or on FOLDER:SIZE."""
    path, _, size = folder.partition(":")
    command = [os.environ.get("PRIMAL", "build/release/bin/primal"), "denoise", "--json", "--quiet", path, *options]
    if size:
        command += ["--size", size]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return json.loads(done.stdout)


def noise_of(folder, s):
    report = denoise(folder, ["--lambda", "0", "--iterations", "1", "--noise", str(s)])
    return [row["noise"] for row in report["pictures"]]


def summary(errors):
    within = sum(abs(e) <= 0.05 for e in errors)
    mean = 100 * sum(errors) / len(errors)
    worst = 100 * max(errors, key=abs)
    return f"{mean:+.1f} % | {worst:+.1f} % | {within} of {len(errors)}"


def noise_table(folders, levels):
    print("| pictures | s | mean error | worst | within 5 % | against the noise added alone: mean | worst | within 5 % |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for folder in folders:
        own = noise_of(folder, 0)
        for s in levels:
            against_all, against_added = [], []
            for clean, noisy in zip(own, noise_of(folder, s)):
                added = s * clean["deviation"]
                against_all.append(noisy["sigma"] / math.hypot(added, clean["sigma"]) - 1)
                against_added.append(noisy["sigma"] / added - 1)
            print(f"| {folder} | {s} | {summary(against_all)} | {summary(against_added)} |", flush=True)
        levels_own = sorted(255 * n["sigma"] for n in own)
        median = levels_own[len(levels_own) // 2]
        print(f"{folder}: own noise {levels_own[0]:.2f} to {levels_own[-1]:.2f} of 255 grey levels, median {median:.2f}",
              file=sys.stderr)


def lambda_table(folders, levels):
    print("| pictures | s | noisy dB | best of 81 dB | auto dB | loss dB | largest loss | discrepancy dB | loss dB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for folder in folders:
        for s in levels:
            auto = denoise(folder, ["--lambda", "auto", "--noise", str(s), "--best"])
            other = denoise(folder, ["--lambda", "discrepancy", "--noise", str(s)])
            mean = auto["mean"]
            largest = max(row["best_scalar"]["psnr"] - row["psnr"] for row in auto["pictures"])
            print(f"| {folder} | {s} | {mean['psnr_noisy']:.2f} | {mean['psnr_best']:.3f} | {mean['psnr']:.3f} "
                  f"| {mean['loss']:+.3f} | {largest:+.3f} | {other['mean']['psnr']:.3f} "
                  f"| {mean['psnr_best'] - other['mean']['psnr']:+.3f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["noise", "lambda"])
    parser.add_argument("folders", nargs="+", metavar="FOLDER[:SIZE]")
    parser.add_argument("--noise", type=float, nargs="+", metavar="S", help="relative noise")
    o = parser.parse_args()
    if o.table == "noise":
        noise_table(o.folders, o.noise or [0.02, 0.05, 0.1, 0.25, 0.5])
    else:
        lambda_table(o.folders, o.noise or [0.1, 0.25, 0.5])


if __name__ == "__main__":
    main()
