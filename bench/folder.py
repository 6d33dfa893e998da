#!/usr/bin/env python3
"""Compares the pictures per second of `primal denoise` on a folder: several pictures at once, and one after the other.

usage: bench/folder.py PROGRAM FOLDER [--limit N] [--rounds R] [--threads T] [--against PROGRAM] [--how ARGS ...]

Each round runs both modes, one directly after the other, on the same pictures; --against names another program, for example an older
one, for the second mode. On a busy machine single times say little: the table has the median ratio of the pairs, and the fastest time
of each mode, which other programs disturbed least. Both modes must write the same files; otherwise nothing is printed.
"""
import argparse
import filecmp
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

HOWS = ["--lambda 0.07", "--lambda auto", "general", "chest_xray"]


def run(program, how, options, output):
    command = [program, "denoise", *shlex.split(how), *options, "-o", str(output), "--quiet"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def check_same(one, other):
    names = sorted(p.name for p in one.iterdir())
    if names != sorted(p.name for p in other.iterdir()):
        sys.exit("the two wrote different files")
    _, different, failed = filecmp.cmpfiles(one, other, names, shallow=False)
    if different or failed:
        sys.exit(f"the two wrote different pictures: {(different + failed)[0]}")
    return len(names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--against", default="")
    parser.add_argument("--how", nargs="+", default=HOWS)
    o = parser.parse_args()
    shared = [o.folder, "--threads", str(o.threads)] + (["--limit", str(o.limit)] if o.limit else [])
    before = o.against or o.program
    alone = shared if o.against else shared + ["--jobs", "1"]
    print("| how | pictures | one by one, /s | side by side, /s | ratio of these | median ratio of the pairs |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for how in o.how:
        pairs = []
        for _ in range(o.rounds):
            with tempfile.TemporaryDirectory() as folder:
                one, many = pathlib.Path(folder, "one"), pathlib.Path(folder, "many")
                pairs.append((run(before, how, alone, one), run(o.program, how, shared, many)))
                n = check_same(one, many) if not o.against else len(list(many.iterdir()))
        fastest = [n / min(times) for times in zip(*pairs)]
        median = statistics.median(a / b for a, b in pairs)
        print(f"| `{how}` | {n} | {fastest[0]:.2f} | {fastest[1]:.2f} | {fastest[1] / fastest[0]:.2f} | {median:.2f} |",
              flush=True)


if __name__ == "__main__":
    main()
