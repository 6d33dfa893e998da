"""Primal's LPIPS against the lpips package: its heads, random convolutions, grey and coloured pictures of several sizes.

    lpips_test.py PRIMAL

Skipped (77) where PyTorch, torchvision or lpips are not installed.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench/peers"), str(ROOT / "scripts/pytorch")]

try:
    import numpy
    import torch
    import torchvision  # noqa: F401

    import lpips
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

from lpips_weights import state_of  # noqa: E402
from safetensors_file import write_safetensors  # noqa: E402


def write_case(path, model, channels, height, width):
    """A golden case: two pictures, the weights, and the package's distance in double precision."""
    generator = torch.Generator().manual_seed(channels * 1000 + height)
    a = torch.rand(2, channels, height, width, generator=generator)
    b = (a + 0.2 * torch.randn(a.shape, generator=generator)).clamp(0, 1)
    three = [x.double().expand(-1, 3, -1, -1) for x in (a, b)]
    with torch.no_grad():
        distance = model.double()(*three, normalize=True).flatten()
    tensors = {"x": a[:, :, None].numpy(), "target": b[:, :, None].numpy(), **state_of(model)}
    arrays = {f"input.{name}": numpy.ascontiguousarray(value) for name, value in tensors.items()}
    arrays["output.distance"] = distance.float().numpy()
    write_safetensors(path, {"op": "lpips", "attrs": json.dumps({}), "note": ""}, arrays)
    return distance.tolist()


def main():
    warnings.simplefilter("ignore")
    program = sys.argv[1]
    torch.manual_seed(3)
    model = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for channels, height, width in ((1, 31, 31), (1, 300, 300), (3, 64, 97)):
            path = folder / f"{channels}_{height}_{width}.safetensors"
            print(path.stem, write_case(path, model, channels, height, width))
        for options in ([], ["--dtype", "f64"]):
            result = subprocess.run([program, "verify", *options, folder])
            if result.returncode != 0:
                return 1
    return 0


sys.exit(main())
