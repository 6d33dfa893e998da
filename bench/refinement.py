#!/usr/bin/env python3
"""What `primal denoise --refine on` gains: a table of docs/results.md.

    pip install numpy pillow
    bench/refinement.py build/release/bin/primal set12 --size 256 --noise white counted
    bench/refinement.py build/release/bin/primal china.jpg coffee.png motorcycle_left.png --sigma 5 15 25 50 --each

Each picture (files, or all PNG and JPEG files of folders) gets noise of these deviations, in levels of 255, seed 1: `white`, rounded and
clipped as in an 8-bit file, or `counted`: Poisson noise with that deviation where the picture has its mean value, in grey, as float32.
It is denoised with and without the refinement, and, for `counted`, also with one deviation for all pixels. PSNR in dB, means over the pictures.
"""
import argparse
import json
import pathlib
import shlex
import subprocess
import tempfile

import numpy as np
from PIL import Image

ENDINGS = {".png", ".jpg", ".jpeg"}


def pictures_in(paths):
    for path in map(pathlib.Path, paths):
        yield from sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS) if path.is_dir() else [path]


def clean_array(path, size, grey):
    image = Image.open(path)
    image = image.convert("L" if grey or image.mode in ("L", "1", "I;16") else "RGB")
    if size:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.LANCZOS)
    return np.asarray(image, np.float64) / 255


def write(folder, name, array, counted):
    if counted:
        np.save(folder / f"{name}.npy", array.astype(np.float32))
    else:
        Image.fromarray(np.round(255 * np.clip(array, 0, 1)).astype(np.uint8)).save(folder / f"{name}.png")


def scores(primal, how, noisy, clean, *options):
    command = [primal, "denoise", *how, noisy, "--clean", clean, "--range", "0:1" if any(noisy.glob("*.npy")) else "full", "--json", "--quiet"]
    done = subprocess.run([*command, *options], check=True, capture_output=True)
    return json.loads(done.stdout)["pictures"]


def psnrs(rows, key="psnr"):
    return np.array([row[key] for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("primal")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--how", type=shlex.split, default=["general"], help='a model, or --how="--lambda auto"')
    parser.add_argument("--noise", nargs="+", choices=["white", "counted"], default=["white"])
    parser.add_argument("--sigma", type=float, nargs="+", default=[15, 25, 50])
    parser.add_argument("--size", type=int, default=0, help="crop to a square and resize to so many pixels a side")
    parser.add_argument("--each", action="store_true", help="a row for each picture")
    o = parser.parse_args()
    files = list(pictures_in(o.pictures))
    print("| pictures | noise | sigma | noisy | as proposed | refined | gain (smallest .. largest) | refined for one deviation |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")

    def row(name, kind, sigma, noisy, off, on, one):
        gains = on - off
        last = f"{one.mean():.2f}" if one is not None else ""
        print(f"| {name} | {kind} | {sigma:g} | {noisy.mean():.2f} | {off.mean():.2f} | {on.mean():.2f} "
              f"| {gains.mean():+.2f} ({gains.min():+.2f} .. {gains.max():+.2f}) | {last} |", flush=True)

    for kind in o.noise:
        for sigma in o.sigma:
            rng = np.random.default_rng(1)
            with tempfile.TemporaryDirectory() as temporary:
                noisy, clean = pathlib.Path(temporary, "noisy"), pathlib.Path(temporary, "clean")
                noisy.mkdir()
                clean.mkdir()
                for file in files:
                    x = clean_array(file, o.size, kind == "counted")
                    per_unit = x.mean() / (sigma / 255) ** 2
                    z = rng.poisson(x * per_unit) / per_unit if kind == "counted" else x + sigma / 255 * rng.standard_normal(x.shape)
                    write(clean, file.stem, x, kind == "counted")
                    write(noisy, file.stem, z, kind == "counted")
                off = scores(o.primal, o.how, noisy, clean, "--refine", "off")
                on = scores(o.primal, o.how, noisy, clean, "--refine", "on")
                one = psnrs(scores(o.primal, o.how, noisy, clean, "--refine", "on", "--sigma", str(sigma / 255))) if kind == "counted" else None
                before, off, on = psnrs(on, "psnr_noisy"), psnrs(off), psnrs(on)
                if o.each:
                    for i, file in enumerate(sorted(files, key=lambda f: f.stem)):
                        row(file.name, kind, sigma, before[i:i + 1], off[i:i + 1], on[i:i + 1], None if one is None else one[i:i + 1])
                else:
                    row(f"{len(files)} of {', '.join(pathlib.Path(p).name for p in o.pictures)}", kind, sigma, before, off, on, one)


if __name__ == "__main__":
    main()
