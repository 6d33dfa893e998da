"""PDHG step by step, for inspecting its iterates."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

from . import _core
from ._arrays import as_floats, require_finite, volume_shape
from ._denoise import axes_of, boundary_of, count, lambda_array
from .errors import ConfigError


class Iterates:
    """The state of PDHG for ``tv(x, lam)``, which can be advanced and inspected.

    >>> state = primal.Iterates(x, 0.07)
    >>> state.run(10).x         # the tenth iterate, of x's shape
    >>> state.q                 # its dual field [N,A,D,H,W], a channel for each axis; |q| <= lam
    >>> state.gap() / state.objective()

    ``steps``: sigma, tau and theta; by default 1/L, 1/L and 1. ``start``: the initial p, "zero" or "noisy" (z).
    """

    def __init__(self, x: Any, lam: Any, *, boundary: str = "symmetric", axes: Optional[Sequence[int]] = None, start: str = "zero",
                 steps: Optional[tuple[float, float, float]] = None) -> None:
        z = as_floats(x, "iterates", "x")
        self._shape = z.shape
        full = volume_shape(z.shape, "iterates", "x")
        require_finite(z, "iterates", "x")
        along = axes_of(axes, full[2], "iterates")
        if steps is not None and len(steps) != 3:
            raise ConfigError(f"[iterates] steps are sigma, tau and theta, found {len(steps)} numbers")
        self._core = _core.Iterates(z.reshape(full), lambda_array(lam, z, len(along), "iterates"), along, start,
                                    boundary_of(boundary, "iterates"), None if steps is None else [float(s) for s in steps])

    def run(self, iterations: int = 1) -> "Iterates":
        """Runs more iterations; returns self."""
        self._core.run(count(iterations, "iterates", "iterations"))
        return self

    @property
    def done(self) -> int:
        """Iterations since the start."""
        return self._core.done

    @property
    def x(self) -> np.ndarray:
        """The current picture, in the shape of the input."""
        return self._core.x.reshape(self._shape)

    @property
    def q(self) -> np.ndarray:
        """The dual field [N,A,D,H,W]."""
        return self._core.q

    @property
    def active(self) -> np.ndarray:
        """-1, 0 or 1 in the shape of q: q is at its lower bound, inside, or at its upper bound. The adjoint stores this in 2 bits."""
        q, lam = self._core.q, self._core.weights
        lam = lam.reshape(-1, 1, 1, 1, 1) if lam.ndim < 2 else lam
        return (np.sign(q) * (np.abs(q) >= lam)).astype(np.int8)

    def objective(self) -> np.ndarray:
        """P(x) of each picture [N]."""
        return np.array(self._core.objective())

    def gap(self) -> np.ndarray:
        """P(x) - D(q) of each picture [N], which is at least 1/2 ||x - x*||^2."""
        return np.array(self._core.gap())


def tape_bytes(shape: Sequence[int], iterations: int, *, dtype: Any = np.float32, axes: Optional[Sequence[int]] = None,
               learn_steps: bool = False) -> int:
    """The number of bytes that a gradient through these iterations keeps for pictures of this shape."""
    full = volume_shape(tuple(int(n) for n in shape), "tape_bytes", "shape")
    return _core.tape_bytes(list(full), np.dtype(dtype) == np.float64, count(iterations, "tape_bytes", "iterations"),
                            axes_of(axes, full[2], "tape_bytes"), learn_steps)
