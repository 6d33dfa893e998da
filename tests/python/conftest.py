"""What the tests of the Python module share."""
import pathlib

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def disc(size, dtype=np.float64):
    """A bright disc on a dark ground with a ramp, values in [0,1]."""
    y, x = np.mgrid[:size, :size] / (size - 1.0)
    return (0.2 + 0.2 * x + 0.5 * ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1)).astype(dtype)


@pytest.fixture
def clean():
    return disc(48)


@pytest.fixture
def noisy(clean, rng):
    return clean + 0.1 * rng.standard_normal(clean.shape)


def reference_tv(z, lam, n_iter, boundary, start="zero", steps=None):
    """PDHG as solvers/pdhg/pdhg.h writes it, in NumPy: z [H,W], lam a number or [2,H,W] -> the iterates x^1 .. x^n."""
    length = 3.0
    sigma, tau, theta = steps or (1 / length, 1 / length, 1.0)
    lam = np.broadcast_to(np.asarray(lam, z.dtype), (2, *z.shape)).copy()
    if boundary == "symmetric":
        lam[0, -1, :] = 0
        lam[1, :, -1] = 0
    x = x_bar = z.copy()
    p = z.copy() if start == "noisy" else np.zeros_like(z)
    q = np.zeros((2, *z.shape), z.dtype)
    iterates = []
    for _ in range(n_iter):
        p = (p + sigma * (x_bar - z)) / (1 + sigma)
        q = np.clip(q + sigma * np.stack([np.roll(x_bar, -1, a) - x_bar for a in (0, 1)]), -lam, lam)
        new = x - tau * p - tau * sum(np.roll(q[a], 1, a) - q[a] for a in (0, 1))
        x_bar = new + theta * (new - x)
        x = new
        iterates.append(x)
    return iterates
