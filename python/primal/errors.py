"""The errors of Primal: one class per kind, each also of the kind that Python code expects.

The text of an error says where it happened, what is wrong, and which values are needed to correct it:
``[pdhg] z must be f32 or f64 of shape [N,1,D,H,W]: f32[3,3]``. ``exit_code`` is what the program ``primal`` would have returned.
"""

__all__ = ["Error", "ShapeError", "DTypeError", "ConfigError", "DataError", "IoError", "DeviceError", "NumericError", "CheckFailed"]


class Error(Exception):
    """Every error of Primal."""

    exit_code: int = 1


class ShapeError(Error, ValueError):
    """A wrong call: a shape that does not fit."""


class DTypeError(Error, TypeError):
    """A wrong call: elements of a type that is not taken."""


class ConfigError(Error, ValueError):
    """A setting or an argument that cannot be."""

    exit_code = 2


class DataError(Error, ValueError):
    """What a file contains."""

    exit_code = 3


class IoError(Error, OSError):
    """A file that cannot be read or written."""

    exit_code = 3


class DeviceError(Error, RuntimeError):
    """A device that is not there, memory that is refused, and a tensor that lives on another device than the CPU."""

    exit_code = 4


class NumericError(Error, ArithmeticError):
    """A number that is not finite, or out of its range."""

    exit_code = 5


class CheckFailed(Error, RuntimeError):
    """Something that was checked does not hold."""

    exit_code = 6
