#!/usr/bin/python3
"""Write the weights of LPIPS (AlexNet) as a safetensors file that Primal reads.

    pip install torch torchvision lpips
    scripts/pytorch/lpips_weights.py lpips.safetensors
    primal evaluate MODEL --data FOLDER --lpips lpips.safetensors

The convolutions are torchvision's AlexNet, which it downloads; the linear heads come with the lpips package (version 0.1
of the heads). --random SEED leaves the convolutions random: then nothing is downloaded, and the numbers mean nothing, but
the arithmetic can be compared.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/peers"))

from safetensors_file import write_safetensors  # noqa: E402

LAYERS = {0: "slice1.0", 3: "slice2.3", 6: "slice3.6", 8: "slice4.8", 10: "slice5.10"}


def state_of(model):
    """The parameters of lpips.LPIPS(net="alex") as NumPy arrays under Primal's names: kernels have a depth of 1."""
    theirs = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
    state = {}
    for number, layer in LAYERS.items():
        state[f"features.{number}.weight"] = theirs[f"net.{layer}.weight"][:, :, None].copy()
        state[f"features.{number}.bias"] = theirs[f"net.{layer}.bias"]
    for layer in range(5):
        state[f"lin{layer}.weight"] = theirs[f"lin{layer}.model.1.weight"].reshape(-1)
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--random", type=int, metavar="SEED", help="random convolutions: for comparisons only")
    args = parser.parse_args()
    import lpips
    import torch

    if args.random is not None:
        torch.manual_seed(args.random)
    model = lpips.LPIPS(net="alex", version="0.1", pnet_rand=args.random is not None, verbose=False)
    origin = "random convolutions" if args.random is not None else "torchvision's AlexNet, heads of lpips 0.1"
    write_safetensors(args.output, {"model": "lpips_alex", "origin": origin}, state_of(model))


if __name__ == "__main__":
    main()
