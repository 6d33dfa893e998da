#!/usr/bin/python3
"""Make the golden cases of tests/golden, or check cases made elsewhere, with PyTorch in double precision.

    scripts/make_golden.py [--output tests/golden]     write all cases
    scripts/make_golden.py --check FILE_OR_FOLDER...   recompute the cases found there and print the errors

A case is one safetensors file: metadata `op`, `attrs` (JSON) and `note`; tensors `input.*`, `output.*`, `upstream.*`
(the gradient of a scalar with respect to an output) and `grad.*`. Inputs are float32 numbers; the rest is computed from
them in float64 and rounded once, when it is stored. Random numbers depend on the case's name alone, so adding a case
leaves the others as they are.

Before it is written, a case is also computed in float32: one that misses its own tolerance there (a value too close
to a kink, a sum that cancels) would test the rounding rather than the code, and is refused.
"""

import argparse
import json
import pathlib
import sys
import zlib

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/peers"))

from golden_cases import CASES  # noqa: E402
from golden_ops import OPS  # noqa: E402
from safetensors_file import read_safetensors, write_safetensors  # noqa: E402

# Allowed relative L2 error in float32, as `primal verify` has it: outputs, gradients.
TOLERANCES = {
    **dict.fromkeys(("conv3d", "conv_transpose3d", "linear", "batch_norm"), (2e-6, 5e-6)),
    **dict.fromkeys(("max_pool3d", "upsample3d", "concat", "relu", "leaky_relu"), (1e-6, 1e-6)),
    **dict.fromkeys(("reshape", "flatten", "dropout"), (1e-6, 1e-6)),
    **dict.fromkeys(("gradient", "gradient_adjoint"), (1e-6, 1e-6)),
    **dict.fromkeys(("sigmoid", "softplus", "softmax", "cross_entropy", "mse_loss", "sure_loss"), (2e-6, 2e-6)),
    "adam": (2e-6, None),
    "pdhg": (2e-6, 1e-3),
    "thesis_model": (5e-6, 2e-3),
    "thesis_training": (1e-4, None),
    **dict.fromkeys(("mnist_autoencoder", "casting_classifier", "casting_autoencoder"), (5e-6, 1e-4)),
    **dict.fromkeys(
        ("mnist_autoencoder_training", "casting_classifier_training", "casting_autoencoder_training"), (1e-4, None)
    ),
    "grid_search": (5e-4, None),  # there in dB and SSIM, here relative
    "metrics": (1e-5, None),
    "lpips": (5e-6, None),
}


def compute(op, attrs, inputs, upstream, dtype):
    """Run one case; returns {"output.*": tensor, "grad.*": tensor}.

    `inputs` and `upstream` map names without prefix to tensors. Gradients are taken of sum <upstream, output>, or of
    the output `loss` where there is no upstream; with neither the case has no gradients.
    """
    leaves = {k: v.to(dtype, copy=True) if v.is_floating_point() else v for k, v in inputs.items()}
    for leaf in leaves.values():
        leaf.requires_grad_(leaf.is_floating_point())
    outputs = OPS[op](leaves, attrs)
    results = {f"output.{name}": value.detach() for name, value in outputs.items()}
    if upstream:
        objective = sum((value.to(dtype) * outputs[name]).sum() for name, value in upstream.items())
    elif "loss" in outputs:
        objective = outputs["loss"]
    else:
        return results
    objective.backward()
    for name, leaf in leaves.items():
        if leaf.grad is not None:
            results[f"grad.{name.removeprefix('parameter.')}"] = leaf.grad
    return results


def relative_error(a, b):
    a, b = a.double(), b.double()
    return ((a - b).norm() / max(b.norm().item(), 1e-30)).item()


def worst_errors(results, expected):
    """Worst relative error among the outputs and among the gradients that `expected` holds."""
    worst = {"output": 0.0, "grad": 0.0}
    for name, value in expected.items():
        kind = name.split(".")[0]
        if name.startswith("grad.norm."):
            result = results["grad." + name.removeprefix("grad.norm.")].norm()
        else:
            result = results[name]
        worst[kind] = max(worst[kind], relative_error(result, value))
    return worst["output"], worst["grad"]


def single_precision_errors(case, inputs, upstream, expected):
    """Errors of the same computation in float32, without the step sizes' gradients where those nearly cancel."""
    op, name = case["op"], case["name"]
    if op == "pdhg" and not ("short" in name or "seventeen" in name):
        expected = {k: v for k, v in expected.items() if k not in ("grad.sigma", "grad.tau", "grad.theta")}
    if op == "thesis_model":
        expected = {k: v for k, v in expected.items() if not k.startswith("grad.pdhg.")}
    return worst_errors(compute(op, case["attrs"], inputs, upstream, torch.float32), expected)


def make(case, folder):
    generator = torch.Generator().manual_seed(zlib.crc32(case["name"].encode()))
    inputs = case["inputs"](generator)
    upstream = {}
    if case["upstream"]:
        shape = OPS[case["op"]](inputs, case["attrs"])["y"].shape
        upstream = {"y": torch.randn(shape, generator=generator)}
    expected = compute(case["op"], case["attrs"], inputs, upstream, torch.float64)

    errors = single_precision_errors(case, inputs, upstream, expected)
    allowed = TOLERANCES[case["op"]]
    print(f"{case['name']:44} float32 outputs {errors[0]:.1e}, gradients {errors[1]:.1e}")
    if errors[0] > allowed[0] or (allowed[1] and errors[1] > allowed[1]):
        sys.exit(f"make_golden.py: {case['name']} misses {allowed} in float32: choose other inputs")

    tensors = {f"input.{name}": value for name, value in inputs.items()}
    tensors.update({f"upstream.{name}": value for name, value in upstream.items()})
    tensors.update(expected)
    arrays = {k: (v.float() if v.is_floating_point() else v).contiguous().numpy() for k, v in tensors.items()}
    metadata = {"op": case["op"], "attrs": json.dumps(case["attrs"]), "note": case["note"]}
    write_safetensors(folder / f"{case['name']}.safetensors", metadata, arrays)


def check(path):
    """Recompute a stored case in float64; prints its errors and returns whether they are those of float32 storage."""
    metadata, arrays = read_safetensors(path)
    op, attrs = metadata["op"], json.loads(metadata["attrs"])
    if op not in OPS:
        print(f"{path.name:52} {op} is not computed here")
        return True
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def part(prefix):
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    expected = {k: v for k, v in tensors.items() if k.startswith(("output.", "grad."))}
    errors = worst_errors(compute(op, attrs, part("input."), part("upstream."), torch.float64), expected)
    print(f"{path.name:52} outputs {errors[0]:.1e}, gradients {errors[1]:.1e}")
    return max(errors) < 1e-6


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "tests/golden")
    parser.add_argument("--check", type=pathlib.Path, nargs="+", metavar="PATH")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.check:
        files = [f for path in args.check for f in (sorted(path.glob("*.safetensors")) if path.is_dir() else [path])]
        failed = [path.name for path in files if not check(path)]
        sys.exit(f"make_golden.py: beyond 1e-6: {', '.join(failed)}" if failed else 0)
    args.output.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        make(case, args.output)


if __name__ == "__main__":
    main()
