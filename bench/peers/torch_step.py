#!/usr/bin/python3
"""Time one training step of the unrolled TV model in PyTorch, phase by phase.

A step is U-Net, PDHG, mean squared error, backward and Adam on one picture. The step runs undivided; a clock is
read between the calls of the forward pass and, in the backward pass, when the gradient of Lambda is complete: that
is where autograd leaves the PDHG iterations (and the loss) and enters the U-Net.

    bench/peers/torch_step.py --size 256 --iterations 256 --threads 2 --rounds 5 [--variant function] [--json]
    bench/peers/torch_step.py --check
    bench/peers/torch_step.py --device cuda [--precision tf32] [--graph]

--check compares the variants' losses and gradients with those of the first one.

On a CUDA device each clock is read after the device has finished. With --graph the forward pass, backward and Adam are
captured once and replayed, and only the whole step has a time.
"""

import argparse
import json
import resource
import statistics
import sys
import time

import torch

from torch_variants import VARIANTS, build, picture

PHASES = ("step_ms", "unet_forward_ms", "pdhg_forward_ms", "pdhg_backward_ms", "unet_backward_ms", "adam_ms")


def timed_step(model, optimizer, noisy, clean):
    """One training step; returns its phase times in ms, under the names of PHASES."""
    clock = []

    def stamp(*_):
        if noisy.is_cuda:
            torch.cuda.synchronize()
        clock.append(time.perf_counter())

    stamp()

    optimizer.zero_grad()
    lam = model.lambda_map(noisy)
    lam.register_hook(stamp)  # runs once its whole gradient, the sum over all iterations, is there
    stamp()
    denoised = model.pdhg(noisy, lam)
    stamp()
    torch.nn.functional.mse_loss(denoised, clean).backward()
    stamp()
    optimizer.step()
    stamp()
    durations = [clock[-1] - clock[0]] + [end - start for start, end in zip(clock, clock[1:])]
    return {phase: 1e3 * seconds for phase, seconds in zip(PHASES, durations)}


def captured_step(model, optimizer, noisy, clean):
    """The whole step as one CUDA graph: a function that replays it and returns its time, the phases unknown."""

    def step():
        optimizer.zero_grad(set_to_none=False)
        torch.nn.functional.mse_loss(model.pdhg(noisy, model.lambda_map(noisy)), clean).backward()
        optimizer.step()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def replay():
        torch.cuda.synchronize()
        start = time.perf_counter()
        graph.replay()
        torch.cuda.synchronize()
        return {phase: 1e3 * (time.perf_counter() - start) if phase == "step_ms" else 0.0 for phase in PHASES}

    return replay


def synthetic_pair(size, seed=42):
    """A smooth clean picture in [0, 1] and its noisy version, both [1,1,size,size,1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 9, 9, 1, generator=generator)
    clean = torch.nn.functional.interpolate(coarse, size=(size, size, 1), mode="trilinear", align_corners=True)
    return clean + 0.3 * clean.std() * torch.randn(clean.shape, generator=generator), clean


def loss_and_gradients(variant, dtype, args):
    """The loss of one step and all its gradients, those of the weights shaped as in the first variant."""
    torch.manual_seed(42)
    model = build(variant, filters=args.filters, blocks=args.blocks, n_iter=args.iterations).to(dtype)
    noisy, clean = (picture(variant, x.to(dtype)) for x in synthetic_pair(args.size))
    lam = model.lambda_map(noisy)
    lam.retain_grad()
    loss = torch.nn.functional.mse_loss(model.pdhg(noisy, lam), clean)
    loss.backward()
    gradients = {name: parameter.grad.flatten().double() for name, parameter in model.named_parameters()}
    return loss.item(), {"Lambda": lam.grad.flatten().double(), **gradients}


def check(args):
    """Each variant against the first one. In float32 a few components of q fall on the other side of the clip, which
    moves gradients by up to 1e-3; float64 tells whether the mathematics is the same. Returns whether all agree."""
    agree = True
    for dtype, loss_limit, gradient_limit in ((torch.float64, 1e-10, 1e-8), (torch.float32, 1e-6, 2e-3)):
        expected_loss, expected = loss_and_gradients(VARIANTS[0], dtype, args)
        for variant in VARIANTS[1:]:
            if variant == "fused" and dtype == torch.float64:
                continue  # it has float32 only
            loss, gradients = loss_and_gradients(variant, dtype, args)
            loss_error = abs(loss - expected_loss) / expected_loss
            errors = {name: ((gradients[name] - e).norm() / e.norm().clamp_min(1e-30)).item() for name, e in expected.items()}
            worst = max(errors, key=errors.get)
            good = loss_error <= loss_limit and errors[worst] <= gradient_limit
            agree = agree and good
            print(
                f"{variant:14}{str(dtype):15} loss {loss_error:.1e} (allowed {loss_limit:.0e}), gradients {errors[worst]:.1e} "
                f"at {worst} (allowed {gradient_limit:.0e}): {'ok' if good else 'DIFFERENT'}"
            )
    return agree


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--variant", choices=VARIANTS, default=VARIANTS[0], help="torch_variants.py explains them")
    parser.add_argument("--check", action="store_true", help="compare the variants; exit code 1 where they differ")
    parser.add_argument("--size", type=int, default=256, help="side of the square picture")
    parser.add_argument("--iterations", type=int, default=256, help="PDHG iterations T")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="timed steps, after one step to warm up")
    parser.add_argument("--filters", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--learn-steps", action="store_true", help="train sigma, tau and theta too")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", choices=("fp32", "tf32"), default="fp32", help="of products on a CUDA device")
    parser.add_argument("--graph", action="store_true", help="replay the step as a CUDA graph")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(42)
    if args.check:
        sys.exit(0 if check(args) else 1)
    torch.backends.cudnn.benchmark = True  # shapes do not change, so its users would ask for the fastest algorithms
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.precision == "tf32"
    options = {"filters": args.filters, "blocks": args.blocks, "n_iter": args.iterations, "learn_steps": args.learn_steps}
    model = build(args.variant, **options).to(args.device)
    capturable = {"capturable": True} if args.graph else {}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, **capturable)
    noisy, clean = (picture(args.variant, x).to(args.device) for x in synthetic_pair(args.size))

    if args.graph:
        one_step = captured_step(model, optimizer, noisy, clean)
    else:
        one_step = lambda: timed_step(model, optimizer, noisy, clean)  # noqa: E731
    one_step()
    rounds = [one_step() for _ in range(args.rounds)]
    medians = {phase: statistics.median(r[phase] for r in rounds) for phase in PHASES}
    minima = {phase: min(r[phase] for r in rounds) for phase in PHASES}
    peak_rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    peak_device_mib = torch.cuda.max_memory_allocated() / 2**20 if args.device != "cpu" else 0.0

    if args.json:
        settings = {key: getattr(args, key) for key in ("rounds", "threads", "size", "iterations", "learn_steps", "device")}
        print(json.dumps({**medians, **settings, "peak_rss_mib": peak_rss_mib, "peak_device_mib": peak_device_mib, "min": minima}))
        return
    print(f"PyTorch {torch.__version__}, {args.variant}, {args.threads} threads, {args.size}x{args.size}, T = {args.iterations}")
    print(f"{'':18}{'median ms':>10}{'min ms':>10}")
    for phase in PHASES:
        print(f"{phase[:-3].replace('_', ' '):18}{medians[phase]:10.1f}{minima[phase]:10.1f}")
    print(f"{'peak RSS':18}{peak_rss_mib:10.0f} MiB")


if __name__ == "__main__":
    main()
