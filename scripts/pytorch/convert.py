#!/usr/bin/python3
"""Converts weights of the unrolled total-variation models from PyTorch's files to safetensors files that Primal reads, and back.

    pip install torch numpy
    scripts/pytorch/convert.py weights.pt weights.safetensors      # then: primal denoise weights.safetensors noisy.png
    scripts/pytorch/convert.py runs/thesis/best.safetensors weights.pt

Names and layout in both are those of the published implementations. Pictures: trung-vt/LearningRegularizationParameterMaps, cnn.c0x0...,
kernels (out, in, kh, kw, kd). Sequences: koflera/LearningRegularizationParameterMaps, cnn.encoder.enc_blocks..., kernels
(out, in, kh, kw, kt); the settings, which these files do not have, are given to `primal import`. A .pt file is read with weights_only=True, which runs no code from the file. It may be a state_dict, or a dict that
contains one under "state_dict", "model_state_dict" or "model". A prefix "module." (DataParallel) is removed, and two-dimensional kernels
(out, in, kh, kw), as in primal.torch.UnrolledTV, get the missing axis. A tensor that is not a weight of the model is an error that names it.
An existing file is only replaced with --overwrite.

--layout primal.torch writes kernels of two dimensions to a .pt file: UnrolledTV(...).load_state_dict(torch.load(FILE)).
"""

import argparse
import os
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/peers"))

from safetensors_file import read_safetensors, write_safetensors  # noqa: E402

PICTURE_KERNEL = r"(c0x0\.conv_block\.[02]|encoder\.\d+\.double_conv\.conv_block\.[02]|decoder\.\d+\.(upsampling\.1|double_conv\.conv_block\.[02])|c1x1)"
SEQUENCE_KERNEL = r"(encoder\.enc_blocks\.\d+\.conv_block\.[02]|decoder\.upconvs\.\d+|decoder\.dec_blocks\.\d+\.conv_block\.[02]|c1x1)"
# By the name that files of Primal have for the model.
NAMES = {
    "unrolled_tv": re.compile(rf"cnn\.{PICTURE_KERNEL}\.(weight|bias)|pdhg\.(sigma|tau|theta)"),
    "dynamic_tv": re.compile(rf"cnn\.{SEQUENCE_KERNEL}\.(weight|bias)|sigma|tau|theta"),
}
STATES = ("state_dict", "model_state_dict", "model")


class Refused(Exception):
    """A file that cannot be converted, and why."""


def checked_names(state, path):
    """The state under its published names; raises Refused if a name does not belong to the model."""
    import numpy

    plain_names = {name: name.removeprefix("module.") for name in state}
    model = "dynamic_tv" if any(name.startswith("cnn.encoder.enc_blocks.") for name in plain_names.values()) else "unrolled_tv"
    result = {}
    for name, array in state.items():
        plain = plain_names[name]
        if not NAMES[model].fullmatch(plain):
            raise Refused(f"{path}: {name!r} is not a weight of the model {model}; weights for pictures are called cnn.* and pdhg.*, those for sequences cnn.*, sigma, tau and theta")
        if not numpy.isfinite(array).all():
            raise Refused(f"{path}: {name!r} has values that are not finite")
        rank = 0 if not plain.startswith("cnn.") else 1 if plain.endswith(".bias") else 5
        if rank == 5 and array.ndim == 4:
            array = array[..., None]
        if rank == 0 and array.size == 1:
            array = array.reshape(())
        if array.ndim != rank:
            raise Refused(f"{path}: {name!r} has the shape {list(array.shape)}, expected {rank} axes")
        result[plain] = numpy.ascontiguousarray(array, dtype="<f4").reshape(array.shape)
    if "cnn.c1x1.weight" not in result:
        raise Refused(f"{path}: there is no cnn.c1x1.weight, so this is no U-Net of the model")
    return result


def read_pt(path):
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of pickle, zip and torch: many kinds
        raise Refused(f"{path}: PyTorch cannot read it as weights: {str(error).splitlines()[0]}") from None
    for key in STATES:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise Refused(f"{path}: it has a {type(content).__name__}, expected weights by name")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or not value.is_floating_point():
            raise Refused(f"{path}: {name!r} is a {type(value).__name__}, expected a tensor of floats")
    return checked_names({name: value.detach().to_dense().float().numpy() for name, value in content.items()}, path)


def read_ours(path):
    try:
        metadata, state = read_safetensors(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{path}: it is no safetensors file: {error}") from None
    task = metadata.get("task", "unrolled_tv")
    if task not in NAMES:
        raise Refused(f"{path}: it has a {task}; only unrolled total-variation models are converted")
    return checked_names({name: array for name, array in state.items() if not name.startswith("adam.")}, path)


def write_whole(path, write):
    """write(temporary) beside the file, which then takes its place: a whole file or none."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        write(pathlib.Path(name))
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def convert(source, target, layout="reference", overwrite=False):
    kinds = (source.suffix.lower() == ".safetensors", target.suffix.lower() == ".safetensors")
    if kinds[0] == kinds[1]:
        raise Refused(f"{source} -> {target}: one of the two must end in .safetensors")
    if not source.exists():
        raise Refused(f"{source}: there is no such file")
    if target.exists() and not overwrite:
        raise Refused(f"{target} exists; give --overwrite to replace it")
    if kinds[1]:
        state = read_pt(source)
        write_whole(target, lambda path: write_safetensors(path, {"origin": "PyTorch state_dict"}, state))
        return state
    import torch

    state = read_ours(source)
    if layout == "primal.torch":
        flat = [name for name, a in state.items() if a.ndim == 5 and a.shape[-1] != 1]
        if flat:
            raise Refused(f"{source}: {flat[0]!r} has a depth of {state[flat[0]].shape[-1]}; primal.torch has pictures alone")
        state = {name: a[..., 0] if a.ndim == 5 else a for name, a in state.items()}
    tensors = {name: torch.from_numpy(a.copy()) for name, a in state.items()}
    write_whole(target, lambda path: torch.save(tensors, path))
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog="\n".join(__doc__.split("\n")[2:]),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--layout", choices=("reference", "primal.torch"), default="reference", help="layout of the kernels in a .pt file")
    parser.add_argument("--overwrite", action="store_true")
    args = parser.parse_args()
    try:
        state = convert(args.source, args.target, args.layout, args.overwrite)
    except Refused as refused:
        sys.exit(f"convert.py: {refused}".encode("unicode_escape").decode())
    print(f"{args.target}: {len(state)} tensors, {sum(a.size for a in state.values())} numbers")


if __name__ == "__main__":
    main()
