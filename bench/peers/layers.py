#!/usr/bin/python3
"""Compare the layers of the two smaller systems with PyTorch's, forward and backward, in alternating runs.

    bench/peers/layers.py [--rounds 5] [--threads 2] [--cpu-time] [--only NAME,...] [--python PYTHON]

The layers are those of the MNIST autoencoder (batch of 32) and of the casting classifier and encoder-decoder (batch of 5,
300 x 300 padded to 304). Each round runs PyTorch and Primal's primal_op_bench one right after the other, each as a process
of its own, and takes the ratio of the pair; the table has medians. On a machine that other programs use, --cpu-time
--threads 1 compares the processor time of one thread instead of the clock: others do not lengthen it much.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def conv(x, n_out, stride=1, padding=1, picture=False):
    inputs = {"x": x, "weight": [n_out, x[1], 1, 3, 3], "bias": [n_out]}
    attrs = {"stride": [1, stride, stride], "padding": [0, padding, padding]}
    return "conv3d", inputs, attrs, not picture


def transposed(x, n_out):
    inputs = {"x": x, "weight": [x[1], n_out, 1, 3, 3], "bias": [n_out]}
    return "conv_transpose3d", inputs, {"stride": [1, 2, 2], "padding": [0, 1, 1], "output_padding": [0, 1, 1]}, True


def linear(n, n_in, n_out):
    return "linear", {"x": [n, n_in], "weight": [n_out, n_in], "bias": [n_out]}, {}, True


def norm(x):
    return "batch_norm", {"x": x, "weight": [x[1]], "bias": [x[1]]}, {"training": True, "eps": 1e-3}, True


def plain(op, x, **attrs):
    return op, {"x": x}, attrs, True


DOUBLE = {"scale": [1, 2, 2], "mode": "nearest"}
# name: op, inputs, attributes, whether x gets a gradient
LAYERS = {
    "mnist encoder conv1": conv([32, 1, 1, 28, 28], 32, picture=True),
    "mnist encoder pool1": plain("max_pool3d", [32, 32, 1, 28, 28]),
    "mnist encoder norm1": norm([32, 32, 1, 14, 14]),
    "mnist encoder conv2": conv([32, 32, 1, 14, 14], 64),
    "mnist encoder dense": linear(32, 3136, 128),
    "mnist decoder dense": linear(32, 128, 3136),
    "mnist decoder conv1": conv([32, 64, 1, 7, 7], 64),
    "mnist decoder up1": plain("upsample3d", [32, 64, 1, 7, 7], **DOUBLE),
    "mnist decoder norm1": norm([32, 64, 1, 14, 14]),
    "mnist decoder conv2": conv([32, 64, 1, 14, 14], 32),
    "mnist decoder up2": plain("upsample3d", [32, 32, 1, 14, 14], **DOUBLE),
    "mnist decoder norm2": norm([32, 32, 1, 28, 28]),
    "mnist decoder conv3": conv([32, 32, 1, 28, 28], 1),
    "casting classifier conv1": conv([5, 1, 1, 300, 300], 16, 4, 1, picture=True),
    "casting classifier conv2": conv([5, 16, 1, 75, 75], 32, 4, 0),
    "casting classifier dropout": plain("dropout", [5, 32, 1, 19, 19], p=0.3),
    "casting classifier dense": linear(5, 11552, 128),
    "casting encoder 0": conv([5, 1, 1, 304, 304], 64, 2, 1, picture=True),
    "casting encoder 1": conv([5, 64, 1, 152, 152], 128, 2),
    "casting encoder 2": conv([5, 128, 1, 76, 76], 256, 2),
    "casting decoder 0": transposed([5, 256, 1, 38, 38], 128),
    "casting decoder 1": transposed([5, 128, 1, 76, 76], 64),
    "casting decoder 2": transposed([5, 64, 1, 152, 152], 1),
}


def measure_torch(layer, rounds, threads, warmup=3):
    """Medians of the clock and of the processor time, ms, of forward and backward in this process."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    op, inputs, attrs, wants_x = layer
    flat = {name: [n for i, n in enumerate(shape) if i != 2 or len(shape) != 5] for name, shape in inputs.items()}
    t = {name: torch.randn(shape).requires_grad_(name != "x" or wants_x) for name, shape in flat.items()}
    x, weight, bias = t["x"], t.get("weight"), t.get("bias")
    pair = {name: values[1:] for name, values in attrs.items() if isinstance(values, list)}
    forward = {
        "conv3d": lambda: functional.conv2d(x, weight, bias, pair["stride"], pair["padding"]),
        "conv_transpose3d": lambda: functional.conv_transpose2d(
            x, weight, bias, pair["stride"], pair["padding"], pair["output_padding"]
        ),
        "linear": lambda: functional.linear(x, weight, bias),
        "batch_norm": lambda: functional.batch_norm(
            x, torch.zeros(x.shape[1]), torch.ones(x.shape[1]), weight, bias, True, 0.1, attrs["eps"]
        ),
        "max_pool3d": lambda: functional.max_pool2d(x, 2),
        "upsample3d": lambda: functional.interpolate(x, scale_factor=2.0, mode="nearest"),
        "dropout": lambda: functional.dropout(x, attrs["p"]),
    }[op]
    upstream = torch.randn_like(forward())
    clock, processor = [], []
    for round_ in range(-warmup, rounds):
        for leaf in t.values():
            leaf.grad = None
        start, cpu_start = time.perf_counter(), time.process_time()
        forward().backward(upstream)
        if round_ >= 0:
            clock.append(1e3 * (time.perf_counter() - start))
            processor.append(1e3 * (time.process_time() - cpu_start))
    return {"ms": statistics.median(clock), "cpu_ms": statistics.median(processor)}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="pairs")
    parser.add_argument("--calls", type=int, default=7, help="timed calls of each process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--only", help="parts of names, separated by commas")
    parser.add_argument("--python", default="/usr/bin/python3", help="one that has PyTorch")
    parser.add_argument("--bench", default=str(ROOT / "build/release/bin/primal_op_bench"))
    parser.add_argument("--torch-layer", help=argparse.SUPPRESS)  # the child process
    args = parser.parse_args()
    if args.torch_layer:
        print(json.dumps(measure_torch(LAYERS[args.torch_layer], args.calls, args.threads)))
        return
    field = "cpu_ms" if args.cpu_time else "ms"
    print("| layer | PyTorch, ms | Primal, ms | ratio | implementations |\n| --- | ---: | ---: | ---: | --- |", flush=True)
    for name, (op, inputs, attrs, wants_x) in LAYERS.items():
        if args.only and not any(part in name for part in args.only.split(",")):
            continue
        theirs = [args.python, __file__, "--torch-layer", name, "--calls", str(args.calls), "--threads", str(args.threads)]
        ours = [args.bench, op, "--inputs", json.dumps(inputs), "--attrs", json.dumps(attrs)]
        ours += ["--rounds", str(args.calls), "--threads", str(args.threads)] + ([] if wants_x else ["--constants", "x"])
        pairs = []
        for round_ in range(args.rounds):
            order = (theirs, ours) if round_ % 2 == 0 else (ours, theirs)
            results = [run(command) for command in order]
            pairs.append(results if round_ % 2 == 0 else results[::-1])
        torch_ms, primal_ms = (statistics.median(pair[i][field] for pair in pairs) for i in (0, 1))
        ratio = statistics.median(torch[field] / primal[field] for torch, primal in pairs)
        chosen = ", ".join(sorted({c.split(": ")[1] for c in pairs[0][1]["chosen"]}))
        print(f"| {name} | {torch_ms:.2f} | {primal_ms:.2f} | {ratio:.1f} | {chosen} |", flush=True)


if __name__ == "__main__":
    main()
