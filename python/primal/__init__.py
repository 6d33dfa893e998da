"""Primal: total-variation denoising with learnt parameter maps, from Python.

    import primal
    picture = primal.denoise(primal.read("noisy.png"))
    primal.write("clean.png", picture)

``primal.torch`` offers the solver as a PyTorch layer. The manual is docs/python.md in the repository.
"""

from . import _core
from ._denoise import Denoised, Model, denoise, models, tv
from ._iterates import Iterates, tape_bytes
from ._pictures import NoiseEstimate, estimate_noise, psnr, read, ssim, write
from ._training import Trained, train
from .errors import (CheckFailed, ConfigError, DataError, DeviceError, DTypeError, Error, IoError, NumericError,
                     ShapeError)

__version__: str = _core.version

__all__ = [
    "CheckFailed", "ConfigError", "DTypeError", "DataError", "Denoised", "DeviceError", "Error", "IoError", "Iterates", "Model",
    "NoiseEstimate", "NumericError", "ShapeError", "Trained", "denoise", "estimate_noise", "models", "num_threads", "psnr", "read",
    "set_num_threads", "ssim", "tape_bytes", "train", "tv", "write",
]


def num_threads() -> int:
    """The number of threads of a call: PRIMAL_THREADS, else OMP_NUM_THREADS, else the number of processors that this process may use."""
    return _core.num_threads()


def set_num_threads(n: int) -> None:
    """Sets the number of threads for the whole process; results do not depend on it."""
    _core.set_num_threads(n)
