"""The errors of Primal: one class per kind, each also a subclass of the exception that Python code expects.

The text of an error says where it happened, what is wrong, and which values are needed to correct it:
``[pdhg] z must be f32 or f64 of shape [N,1,D,H,W]: f32[3,3]``. ``exit_code`` is the exit code of the program ``primal`` for it.
"""

__all__ = ["Error", "ShapeError", "DTypeError", "ConfigError", "DataError", "IoError", "DeviceError", "NumericError", "CheckFailed"]


class Error(Exception):
    """The base class of all errors of Primal."""

    exit_code: int = 1


class ShapeError(Error, ValueError):
    """A wrong call: shapes that do not match."""


class DTypeError(Error, TypeError):
    """A wrong call: an element type that is not supported."""


class ConfigError(Error, ValueError):
    """An invalid setting or argument."""

    exit_code = 2


class DataError(Error, ValueError):
    """Invalid contents of a file."""

    exit_code = 3


class IoError(Error, OSError):
    """A file that cannot be read or written."""

    exit_code = 3


class DeviceError(Error, RuntimeError):
    """A missing device, a failed allocation, or a tensor on a device other than the CPU."""

    exit_code = 4


class NumericError(Error, ArithmeticError):
    """A number that is not finite, or outside its range."""

    exit_code = 5


class CheckFailed(Error, RuntimeError):
    """A check that failed."""

    exit_code = 6
