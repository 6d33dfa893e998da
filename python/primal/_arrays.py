"""Converts NumPy arrays, tensors of other libraries and lists to the arrays that the engine takes, and back."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .errors import DeviceError, DTypeError, NumericError, ShapeError

#: DLPack's device types for host memory: ordinary and pinned.
_CPU_DEVICES = (1, 3)
_DEVICE_NAMES = {2: "a CUDA device", 4: "an OpenCL device", 8: "Metal", 10: "a ROCm device"}
_LEVELS = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


def is_torch(x: Any) -> bool:
    """Whether x is a tensor of PyTorch, without importing it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def as_array(x: Any, where: str, name: str) -> np.ndarray:
    """x as a NumPy array that shares the memory of x if possible (NumPy, DLPack, buffers), otherwise a copy (lists)."""
    if isinstance(x, np.ma.MaskedArray):
        raise DTypeError(f"[{where}] {name} is a masked array, whose mask would be lost: give {name}.filled(value)")
    if isinstance(x, np.ndarray):
        return np.asarray(x)
    if x is None or isinstance(x, (str, bytes, dict, set)):
        raise DTypeError(f"[{where}] {name} must be an array, found {type(x).__name__}")
    if is_torch(x):
        if x.device.type != "cpu":
            raise DeviceError(f"[{where}] {name} lives on {x.device}; the module computes on the CPU: give {name}.cpu()")
        if x.layout != sys.modules["torch"].strided:
            raise DTypeError(f"[{where}] {name} is sparse ({x.layout}): give {name}.to_dense()")
        try:
            return x.detach().resolve_conj().resolve_neg().numpy()
        except (TypeError, RuntimeError) as error:
            raise DTypeError(f"[{where}] {name} of {x.dtype} is no array: {error}") from None
    if hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__"):
        kind = int(x.__dlpack_device__()[0])
        if kind not in _CPU_DEVICES:
            raise DeviceError(f"[{where}] {name} lives on {_DEVICE_NAMES.get(kind, f'device kind {kind} of DLPack')}; "
                              "the module computes on the CPU")
        try:
            return np.from_dlpack(x)
        except (BufferError, RuntimeError, TypeError) as error:
            raise DTypeError(f"[{where}] {name} ({type(x).__name__}) cannot be shared by DLPack: {error}") from None
    try:
        return np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"[{where}] {name} ({type(x).__name__}) is no array: {error}") from None


def contiguous(a: np.ndarray) -> np.ndarray:
    """a itself if it is C-contiguous, aligned and in this machine's byte order, otherwise a copy that is."""
    if not a.dtype.isnative:
        a = a.astype(a.dtype.newbyteorder("="))
    return np.require(a, requirements=["C", "A"])


def as_floats(x: Any, where: str, name: str, dtype: Any = None) -> np.ndarray:
    """x as contiguous float32 or float64; levels of 8 and 16 bits become float32 values in [0,1]. ``dtype``: convert floats to it."""
    a = as_array(x, where, name)
    if a.dtype in _LEVELS:
        a = np.multiply(a, np.float32(1.0 / _LEVELS[a.dtype]), dtype=np.float32)
    elif a.dtype.kind != "f" or a.dtype.itemsize not in (4, 8):
        raise DTypeError(f"[{where}] {name} has elements of type {a.dtype}; taken are float32, float64, and the levels uint8 and "
                         f"uint16, which become values in [0,1]: convert it with {name}.astype(numpy.float32)")
    if dtype is not None and a.dtype != dtype:
        a = a.astype(dtype)
    return contiguous(a)


def require_finite(a: np.ndarray, where: str, name: str) -> None:
    """Raises a NumericError that names the first element that is not finite."""
    finite = np.isfinite(a)
    if finite.all():
        return
    place = tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), a.shape))
    raise NumericError(f"[{where}] {name} has a value that is not finite: {a[place]} at {place}, and {int(a.size - finite.sum()) - 1} "
                       "more")


def like(result: np.ndarray, x: Any) -> Any:
    """The result in the form of x: a PyTorch tensor that shares the memory if x is a tensor, otherwise the array."""
    if is_torch(x):
        return sys.modules["torch"].from_numpy(result)
    return result


def volume_shape(shape: tuple[int, ...], where: str, name: str) -> tuple[int, int, int, int, int]:
    """The shape [N,1,D,H,W] of pictures or volumes: [H,W], [N,H,W], [N,1,H,W] or [N,1,D,H,W]."""
    if len(shape) == 2:
        full = (1, 1, 1, *shape)
    elif len(shape) == 3:
        full = (shape[0], 1, 1, *shape[1:])
    elif len(shape) == 4 and shape[1] == 1:
        full = (shape[0], 1, 1, *shape[2:])
    elif len(shape) == 5 and shape[1] == 1:
        full = shape
    else:
        raise ShapeError(f"[{where}] {name} has the shape {list(shape)}; taken are [H,W], [N,H,W], [N,1,H,W] and [N,1,D,H,W]")
    if 0 in full:
        raise ShapeError(f"[{where}] {name} has no elements: {list(shape)}")
    return full  # type: ignore[return-value]
