"""Picture files, scores and the estimate of noise."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from . import _core
from ._arrays import as_array, as_floats, contiguous, require_finite
from .errors import DTypeError, ShapeError

Path = Union[str, "os.PathLike[str]"]


def path_text(path: Path) -> str:
    """A path as text; names that are no UTF-8 keep their bytes."""
    return os.fspath(path) if isinstance(path, (str, os.PathLike)) else _refuse_path(path)


def _refuse_path(path: Any) -> str:
    raise DTypeError(f"[path] expected text or a path, found {type(path).__name__}")


def read(path: Path, *, unit: bool = False) -> np.ndarray:
    """The picture in a file, in any format that Primal reads (PNG, JPEG, TIFF, NumPy, NIfTI, PGM, PPM, PFM, WebP).

    Returns ``[H,W]``, in colour ``[H,W,3]``; of several pages or slices ``[P,H,W]`` or ``[P,H,W,3]``. The elements are the file's own:
    ``uint8`` and ``uint16`` levels, integers or floats. ``unit=True``: float32, where 0 and 1 are the ends of the file's range (white of
    pictures with levels, the smallest and largest value of others).

    Raises IoError for a file that cannot be read, and DataError for one that is no picture or is damaged.
    """
    raster = _core.read(path_text(path))
    a = raster["samples"].view(raster["type"]).reshape(raster["shape"])
    if raster["slope"] != 1.0 or raster["offset"] != 0.0:
        a = (a * raster["slope"] + raster["offset"]).astype(np.float64 if a.dtype.itemsize > 2 else np.float32)
    if unit:
        require_finite(a, "read", "the picture")
        low, high = (0.0, raster["white"]) if raster["white"] > 0 else (float(a.min()), float(a.max()))
        a = ((a - low) / (high - low if high > low else 1.0)).astype(np.float32)
    if raster["shape"][3] == 1:
        a = a[..., 0]
    return a[0] if raster["shape"][0] == 1 else a


def write(path: Path, picture: Any, *, bit_depth: int = 8, format: Optional[str] = None, overwrite: bool = False) -> None:
    """Writes a picture ``[H,W]`` or ``[H,W,3]``, or pages of them, in the format that the name's ending says.

    Floats become levels of ``bit_depth`` (8 or 16) in PNG, PNM and WebP: 0 black, 1 white, values outside clipped. TIFF, NumPy, NIfTI and
    PFM keep them as they are. The file appears whole or not at all.

    Raises IoError where the file exists (``overwrite=True`` replaces it) or cannot be written, ConfigError for an unknown ending, and
    DataError for what the format cannot hold.
    """
    name = path_text(path)
    a = as_array(picture, "write", "picture")
    if a.dtype.kind not in "iuf":
        raise DTypeError(f"[write] picture has elements of type {a.dtype}; files hold integers and floats")
    if bit_depth not in (8, 16):
        raise ShapeError(f"[write] bit_depth must be 8 or 16, found {bit_depth}")
    if a.ndim == 2:
        shape = (1, *a.shape, 1)
    elif a.ndim == 3 and a.shape[2] == 3:
        shape = (1, *a.shape)
    elif a.ndim == 3:
        shape = (*a.shape, 1)
    elif a.ndim == 4 and a.shape[3] == 3:
        shape = a.shape
    else:
        raise ShapeError(f"[write] picture has the shape {list(a.shape)}; taken are [H,W], [H,W,3], [P,H,W] and [P,H,W,3]")
    if 0 in shape:
        raise ShapeError(f"[write] picture has no elements: {list(a.shape)}")
    ending = ("." + format if format else name).lower()
    if a.dtype.kind == "f" and ending.endswith((".png", ".pgm", ".ppm", ".pnm", ".webp")):
        require_finite(a, "write", "picture")
        white = 255 if bit_depth == 8 else 65535
        a = np.floor(np.clip(a, 0.0, 1.0) * white + 0.5).astype(np.uint8 if bit_depth == 8 else np.uint16)
    samples = contiguous(a).reshape(-1).view(np.uint8)
    _core.write(name, samples, a.dtype.newbyteorder("=").name, list(shape), format, overwrite)


class NoiseEstimate(NamedTuple):
    """The deviation of the noise in one picture, in the picture's own unit (after uint8 and uint16 have become values in [0,1])."""

    sigma: float
    #: of sigma, by the number of blocks alone
    standard_error: float
    n_blocks: int
    #: share of the pixels at an end of the range
    clipped: float
    #: False where nearly all pixels are clipped: then sigma is a guess
    is_reliable: bool


def estimate_noise(x: Any) -> Union[NoiseEstimate, list[NoiseEstimate]]:
    """The deviation of the noise in a picture ``[H,W]``, found without a clean one; of ``[H,W,3]`` or ``[N,H,W]`` a list.

    Each side must be at least 16 pixels.
    """
    a = as_floats(x, "estimate_noise", "x")
    if a.ndim == 3 and a.shape[2] == 3:
        a = contiguous(np.moveaxis(a, 2, 0))
    if a.ndim not in (2, 3):
        raise ShapeError(f"[estimate_noise] x has the shape {list(a.shape)}; taken are [H,W], [H,W,3] and [N,H,W]")
    estimates = [NoiseEstimate(*e) for e in _core.estimate_noise(a)]
    return estimates[0] if a.ndim == 2 else estimates


def _pair(where: str, a: Any, b: Any, data_range: Optional[float]) -> tuple[np.ndarray, np.ndarray, float]:
    """Both in double, as they are: scores are of the numbers given, so levels are not scaled."""
    first, second = as_array(a, where, "a"), as_array(b, where, "b")
    for name, one in (("a", first), ("b", second)):
        if one.dtype.kind not in "iuf" or one.dtype.itemsize > 8:
            raise DTypeError(f"[{where}] {name} has elements of type {one.dtype}; taken are integers and floats")
    if data_range is None:
        whole = [one for one in (first, second) if one.dtype.kind in "iu"]
        if whole and whole[0].dtype not in (np.uint8, np.uint16):
            raise DTypeError(f"[{where}] data_range must be given for elements of type {whole[0].dtype}")
        if len(whole) == 1 or (whole and first.dtype != second.dtype):
            raise DTypeError(f"[{where}] a is {first.dtype} and b {second.dtype}: convert one of them, or give data_range")
        data_range = float(np.iinfo(whole[0].dtype).max) if whole else 1.0
    first, second = (contiguous(one.astype(np.float64, copy=False)) for one in (first, second))
    if first.shape != second.shape:
        raise ShapeError(f"[{where}] a and b differ in shape: a={list(first.shape)} b={list(second.shape)}")
    return first, second, float(data_range)


def psnr(a: Any, b: Any, *, data_range: Optional[float] = None) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(R^2 / mse), as scikit-image has it; infinity for equal pictures.

    ``data_range``: R; without it 255 for uint8, 65535 for uint16 and 1 for floats.
    """
    return _core.psnr(*_pair("psnr", a, b, data_range))


def ssim(a: Any, b: Any, *, data_range: Optional[float] = None, gaussian_weights: bool = False, win_size: int = 7,
         sigma: float = 1.5, truncate: float = 3.5, channel_axis: Optional[int] = None) -> float:
    """Structural similarity of two pictures ``[..., H, W]``, the mean over the leading axes, as scikit-image has it.

    ``gaussian_weights=False``: windows of ``win_size`` x ``win_size`` pixels with the sample covariance, scikit-image's default. True:
    Gaussian weights of deviation ``sigma``, cut at ``truncate`` deviations, with the covariance that is not corrected
    (``use_sample_covariance=False``). ``channel_axis``: the axis of the colours, whose mean is taken.
    """
    first, second, data_range = _pair("ssim", a, b, data_range)
    if channel_axis is not None:
        first, second = (contiguous(np.moveaxis(one, channel_axis, 0)) for one in (first, second))
    if first.ndim < 2:
        raise ShapeError(f"[ssim] expected pictures [...,H,W], found {list(first.shape)}")
    return _core.ssim(first, second, gaussian_weights, win_size, sigma, truncate, data_range)
