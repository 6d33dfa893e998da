"""Picture files, scores and noise estimates."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from . import _core
from ._arrays import as_array, as_floats, contiguous, require_finite
from .errors import DTypeError, ShapeError

Path = Union[str, "os.PathLike[str]"]


def path_text(path: Path) -> str:
    """A path as text; names that are not valid UTF-8 keep their bytes."""
    return os.fspath(path) if isinstance(path, (str, os.PathLike)) else _refuse_path(path)


def _refuse_path(path: Any) -> str:
    raise DTypeError(f"[path] expected text or a path, found {type(path).__name__}")


def read(path: Path, *, unit: bool = False) -> np.ndarray:
    """The picture in a file, in any format that Primal reads (PNG, JPEG, TIFF, NumPy, NIfTI, PGM, PPM, PFM, WebP, DICOM).

    Returns ``[H,W]``, or ``[H,W,3]`` in colour; for several pages or slices ``[P,H,W]`` or ``[P,H,W,3]``. The elements have the file's own
    type: ``uint8`` or ``uint16`` levels, other integers, or floats. ``unit=True``: float32, where 0 and 1 are the ends of the file's range
    (black and white for grey levels, otherwise the smallest and the largest value).

    Raises IoError for a file that cannot be read, and DataError for one that is damaged or not a picture.
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
    """Writes a picture ``[H,W]`` or ``[H,W,3]``, or several pages, in the format given by the file name's extension or by ``format``.

    Floats become levels of ``bit_depth`` (8 or 16) in PNG, PNM and WebP: 0 black, 1 white, values outside are clipped. TIFF, NumPy, NIfTI
    and PFM store them unchanged. The file is written completely or not at all.

    Raises IoError if the file exists (``overwrite=True`` replaces it) or cannot be written, ConfigError for an unknown extension, and
    DataError for a picture that the format cannot hold.
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
    """The standard deviation of the noise in one picture, in the picture's own unit (uint8 and uint16 are first converted to [0,1])."""

    sigma: float
    #: standard error of sigma that follows from the number of blocks alone
    standard_error: float
    n_blocks: int
    #: share of the pixels at an end of the range
    clipped: float
    #: False if nearly all pixels are clipped, so that sigma is only a guess
    is_reliable: bool


def estimate_noise(x: Any) -> Union[NoiseEstimate, list[NoiseEstimate]]:
    """Estimates the noise in a picture ``[H,W]`` without a clean one; for ``[H,W,3]`` or ``[N,H,W]`` it returns a list.

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
    """Both pictures in double, unscaled: scores are computed from the given numbers."""
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
    """Peak signal-to-noise ratio in dB, 10 log10(R^2 / mse), as in scikit-image; infinity for equal pictures.

    ``data_range``: R; by default 255 for uint8, 65535 for uint16 and 1 for floats.
    """
    return _core.psnr(*_pair("psnr", a, b, data_range))


def ssim(a: Any, b: Any, *, data_range: Optional[float] = None, gaussian_weights: bool = False, win_size: int = 7,
         sigma: float = 1.5, truncate: float = 3.5, channel_axis: Optional[int] = None) -> float:
    """Structural similarity of two pictures ``[..., H, W]``, the mean over the leading axes, as in scikit-image.

    ``gaussian_weights=False``: windows of ``win_size`` x ``win_size`` pixels with the sample covariance, scikit-image's default. True:
    Gaussian weights of standard deviation ``sigma``, truncated at ``truncate`` deviations, with the uncorrected covariance
    (``use_sample_covariance=False``). ``channel_axis``: the axis of the colour channels, over which the mean is taken.
    """
    first, second, data_range = _pair("ssim", a, b, data_range)
    if channel_axis is not None:
        first, second = (contiguous(np.moveaxis(one, channel_axis, 0)) for one in (first, second))
    if first.ndim < 2:
        raise ShapeError(f"[ssim] expected pictures [...,H,W], found {list(first.shape)}")
    return _core.ssim(first, second, gaussian_weights, win_size, sigma, truncate, data_range)
