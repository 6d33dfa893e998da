#!/usr/bin/env python3
"""models/general on pictures in colour against scikit-image's total variation at its best weight.

    pip install scikit-image
    bench/peers/colour.py build/release/bin/primal PICTURE... [--sigma 15,25,50] [--model general]

`--opponent` adds a row with scikit-image's weights chosen for each of the channels of `--colour opponent`.

Each picture gets white noise of these deviations (of 255 levels, rounded and clipped to 8 bit, seed 1) and is denoised with `primal denoise`
and its modes of colour, with --lambda auto, and with skimage.restoration.denoise_tv_chambolle, whose weight is chosen from 24 with the clean
picture in hand. PSNR is over all channels, SSIM the mean of the three (channel_axis), of results that are not rounded. Prints a table in
Markdown.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
from skimage.io import imread, imsave
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.restoration import denoise_tv_chambolle

WEIGHTS = np.geomspace(0.02, 1.0, 24)


def primal_scores(primal, noisy, clean, *how):
    out = subprocess.run([primal, "denoise", *how, noisy, "--clean", clean, "--json", "--quiet"], check=True, capture_output=True)
    row = json.loads(out.stdout)["pictures"][0]
    return row["psnr"], row["ssim"]


def skimage_scores(noisy, clean):
    def scores(x):
        return (peak_signal_noise_ratio(clean, x, data_range=1), structural_similarity(clean, x, data_range=1, channel_axis=-1))

    return max(scores(denoise_tv_chambolle(noisy, weight=w, channel_axis=-1)) for w in WEIGHTS)


# Rows of length 1; orthogonal, so errors in these channels are those in R, G and B.
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])


def skimage_opponent_scores(noisy, clean):
    z, x = noisy @ OPPONENT.T, clean @ OPPONENT.T
    best = [min((denoise_tv_chambolle(z[..., c], weight=w) for w in WEIGHTS), key=lambda u: np.mean((u - x[..., c]) ** 2))
            for c in range(3)]
    u = np.stack(best, -1) @ OPPONENT
    return peak_signal_noise_ratio(clean, u, data_range=1), structural_similarity(clean, u, data_range=1, channel_axis=-1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("primal")
    parser.add_argument("pictures", nargs="+", type=pathlib.Path)
    parser.add_argument("--sigma", default="15,25,50")
    parser.add_argument("--model", default="general")
    parser.add_argument("--opponent", action="store_true")
    o = parser.parse_args()
    methods = {
        "scikit-image TV, best of 24 weights": skimage_scores,
        **({"the same for each opponent channel": skimage_opponent_scores} if o.opponent else {}),
        "`--lambda auto --colour channels`": ("--lambda", "auto", "--colour", "channels"),
        "`--lambda auto --colour joint`": ("--lambda", "auto", "--colour", "joint"),
        "`--lambda auto`": ("--lambda", "auto"),
        f"`{o.model} --colour channels`": (o.model, "--colour", "channels"),
        f"`{o.model} --colour joint`": (o.model, "--colour", "joint"),
        f"`{o.model}`": (o.model,),
    }
    sums = {}
    sigmas = [float(s) for s in o.sigma.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for picture in o.pictures:
            clean = imread(picture)[..., :3]
            imsave(f"{folder}/clean.png", clean, check_contrast=False)
            for sigma in sigmas:
                noise = np.random.default_rng(1).normal(0, sigma, clean.shape)
                noisy = np.clip(clean + noise, 0, 255).round().astype(np.uint8)
                imsave(f"{folder}/noisy.png", noisy, check_contrast=False)
                for name, how in methods.items():
                    found = (how(noisy / 255.0, clean / 255.0) if callable(how)
                             else primal_scores(o.primal, f"{folder}/noisy.png", f"{folder}/clean.png", *how))
                    sums[name, sigma] = np.add(sums.get((name, sigma), (0, 0)), found)
    print("| mean of", len(o.pictures), "| " + " | ".join(f"sigma {s:g}" for s in sigmas) + " |")
    print("| --- |" + " ---: |" * len(sigmas))
    for name in methods:
        means = [sums[name, s] / len(o.pictures) for s in sigmas]
        print(f"| {name} | " + " | ".join(f"{p:.2f} dB, {s:.3f}" for p, s in means) + " |")


if __name__ == "__main__":
    main()
