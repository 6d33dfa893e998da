"""Total-variation denoising with one lambda, with a given map, or with the map that a trained model proposes."""

from __future__ import annotations

import os
import pathlib
from typing import Any, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import _core
from ._arrays import as_array, as_floats, contiguous, like, require_finite, volume_shape
from ._pictures import Path, path_text
from .errors import ConfigError, DTypeError, IoError, NumericError, ShapeError

_BOUNDARIES = ("symmetric", "periodic")
_MOST_ITERATIONS = 10000
_COLOURS = ("channels", "opponent")


def _colour_of(value: Optional[str], learnt: str) -> str:
    if value is None:
        return learnt
    if value not in _COLOURS:
        raise ConfigError(f"[model] colour must be one of {', '.join(_COLOURS)}; found {value!r}")
    return value


def _flag(value: Optional[bool], name: str) -> Optional[bool]:
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    raise DTypeError(f"[model] {name} must be True, False or None, found {value!r}")


def _sigma_of(value: Optional[float], refines: bool) -> Optional[float]:
    if value is None:
        return None
    if not refines:
        raise ConfigError("[model] sigma is used only where the map is refined: give refine=True too")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise DTypeError(f"[model] sigma must be a number, found {value!r}")
    if not 0.0 < float(value) <= 100.0:
        raise ConfigError(f"[model] sigma must be above 0 and at most 100, found {value}")
    return float(value)


def count(value: Any, where: str, name: str) -> int:
    """A number of iterations or pixels."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise DTypeError(f"[{where}] {name} must be a whole number, found {value!r}")
    if not 0 <= value < 2**31:
        raise ConfigError(f"[{where}] {name} must be at least 0 and below 2^31, found {value}")
    return int(value)


def gap_of(value: Optional[float], where: str) -> float:
    """The requested relative gap; 0 for none."""
    if value is None:
        return 0.0
    gap = float(value)
    if not 0.0 < gap < float("inf"):
        raise ConfigError(f"[{where}] gap must be above 0, found {value}")
    return gap


def boundary_of(value: str, where: str) -> str:
    if value not in _BOUNDARIES:
        raise ConfigError(f"[{where}] boundary must be 'symmetric' or 'periodic', found {value!r}")
    return value


def axes_of(axes: Optional[Sequence[int]], depth: int, where: str) -> list[int]:
    """The axes of [N,1,D,H,W] along which differences are taken; by default H and W for pictures, and all three for volumes."""
    if axes is None:
        return [2, 3, 4] if depth > 1 else [3, 4]
    chosen = [a + 5 if a < 0 else a for a in (int(a) for a in axes)]
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= {2, 3, 4}:
        raise ConfigError(f"[{where}] axes must be one or more of 2 (D), 3 (H), 4 (W), each once, found {tuple(axes)}")
    return chosen


def lambda_array(lam: Any, z: np.ndarray, n_axes: int, where: str) -> np.ndarray:
    """lambda in the form that the solver expects, in the type of z [N,1,D,H,W]."""
    a = as_array(lam, where, "lam")
    if a.dtype.kind not in "iuf" or a.dtype.itemsize > 8:
        raise DTypeError(f"[{where}] lam has elements of type {a.dtype}; taken are numbers")
    a = contiguous(a.astype(z.dtype, copy=False))
    bad = ~((a >= 0) & np.isfinite(a))
    if bad.any():
        place = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), a.shape))
        raise NumericError(f"[{where}] lam must be finite and not below zero, found {a[place]} at {place}")
    if a.ndim in (0, 1):
        return a
    if a.ndim == 2:
        return a.reshape(1, 1, 1, *a.shape)
    if a.ndim == 3:
        return a.reshape(a.shape[0], 1, 1, *a.shape[1:])
    if a.ndim == 4:
        return a.reshape(*a.shape[:2], 1, *a.shape[2:])
    if a.ndim == 5:
        return a
    raise ShapeError(f"[{where}] lam has the shape {list(a.shape)}; taken are [], [N], [H,W], [N,H,W], [N,A,H,W] and [N,A,D,H,W] "
                     f"with A = 1 or {n_axes}")


def tv(x: Any, lam: Any, *, iterations: Optional[int] = None, gap: Optional[float] = None, boundary: str = "symmetric",
       axes: Optional[Sequence[int]] = None) -> Any:
    """Denoises by total variation: the u that minimises 1/2 ||u - x||^2 + sum of lam |difference of u|, by PDHG.

    ``x``: a picture ``[H,W]``; pictures ``[N,H,W]`` or ``[N,1,H,W]``, denoised separately; or volumes ``[N,1,D,H,W]``. float32 and
    float64 are used as they are; uint8 and uint16 are converted to float32 values in [0,1].

    ``lam``: how strongly to smooth, in the unit of x, at least 0: a number, one number per picture ``[N]``, a map ``[H,W]`` or ``[N,H,W]``,
    or one map for each axis ``[N,A,D,H,W]``.

    ``iterations``: 256 by default. ``gap``: iterate until (P - D) <= gap P instead, with at most 10000 iterations by default; P - D bounds
    1/2 ||u - u*||^2. ``boundary``: "symmetric", as if the picture were mirrored at its edges, or "periodic". ``axes``: those along which
    differences are taken, from 2 (D), 3 (H) and 4 (W).

    Returns an array of x's shape, or a PyTorch tensor if x is one.
    """
    z = as_floats(x, "tv", "x")
    full = volume_shape(z.shape, "tv", "x")
    require_finite(z, "tv", "x")
    along = axes_of(axes, full[2], "tv")
    weights = lambda_array(lam, z, len(along), "tv")
    relative = gap_of(gap, "tv")
    n = count(iterations, "tv", "iterations") if iterations is not None else (_MOST_ITERATIONS if relative else 256)
    u, _, _ = _core.tv(z.reshape(full), weights, n, relative, boundary_of(boundary, "tv"), along)
    return like(u.reshape(z.shape), x)


class Denoised(NamedTuple):
    """The result of a model for a picture."""

    #: the denoised picture, of the shape of the noisy one
    picture: Any
    #: Lambda, how strongly each pixel is smoothed: the shape of the picture, preceded by an axis for the
    #: maps if there are several
    map: Any
    iterations: int
    #: the relative gap (P - D) / P of the result
    gap: float


def models() -> list[str]:
    """The names of the models that come with Primal."""
    folder = _models_folder()
    return sorted(p.stem for p in folder.glob("*.safetensors")) if folder.is_dir() else []


def _models_folder() -> pathlib.Path:
    named = os.environ.get("PRIMAL_MODELS")
    return pathlib.Path(named) if named else pathlib.Path(_core.__file__).parent / "models"


def model_path(path_or_name: Path) -> str:
    """The file of a model: a given file, best or last.safetensors in a training folder, or a model that comes with Primal, by name."""
    text = path_text(path_or_name)
    if os.path.isdir(text):
        for name in ("best.safetensors", "last.safetensors"):
            if os.path.exists(os.path.join(text, name)):
                return os.path.join(text, name)
        raise IoError(f"[model] the folder {text!r} has neither best.safetensors nor last.safetensors")
    if os.path.exists(text):
        return text
    shipped = _models_folder() / (text + ".safetensors")
    if os.sep not in text and shipped.exists():
        return str(shipped)
    raise IoError(f"[model] there is no file {text!r}, and no model of that name; those that come with Primal: "
                  f"{', '.join(models()) or 'none'}")


class Model:
    """A trained model: a U-Net that proposes Lambda, and T iterations of PDHG with it. It never changes, so threads may share it.

    >>> model = primal.Model.load("general")
    >>> picture, map, iterations, gap = model(noisy)
    """

    def __init__(self, path_or_name: Path = "general") -> None:
        self._path = model_path(path_or_name)
        self._core = _core.Model(self._path)
        self._settings = self._core.settings()
        self._colour = "opponent" if self._core.colour() == "opponent" else "channels"

    @classmethod
    def load(cls, path_or_name: Path = "general") -> "Model":
        """Loads the model in a file of weights or in a training folder, or one that comes with Primal, by its name.

        Raises IoError if there is none, and DataError if the file is damaged or contains a model for another task.
        """
        return cls(path_or_name)

    @property
    def path(self) -> str:
        """The file from which the model was loaded."""
        return self._path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the model: {"model.filters": 32, "model.iterations": 256, ...}."""
        return dict(self._settings)

    @property
    def steps(self) -> tuple[float, float, float]:
        """The learnt sigma, tau and theta."""
        return self._core.steps()

    def state(self) -> dict[str, np.ndarray]:
        """The weights by name; kernels are (out, in, kd, kh, kw)."""
        return self._core.state()

    def map(self, x: Any) -> Any:
        """Computes the network's Lambda, without refining or solving: ``[H,W]`` -> ``[n_maps,H,W]``, ``[N,1,D,H,W]`` -> ``[N,n_maps,D,H,W]``; float32."""
        z = as_floats(x, "model", "x", np.float32)
        full = volume_shape(z.shape, "model", "x")
        require_finite(z, "model", "x")
        lam = self._core.map(z.reshape(full))
        return like(lam[0, :, 0] if z.ndim == 2 else lam if z.ndim == 5 else lam[:, :, 0], x)

    def __call__(self, x: Any, *, iterations: Optional[int] = None, gap: Optional[float] = None, boundary: Optional[str] = None,
                 tile: Optional[int] = None, colour: Optional[str] = None, refine: Optional[bool] = None,
                 sigma: Optional[float] = None) -> Denoised:
        """Denoises a picture ``[H,W]``, or several of one size, ``[N,H,W]`` or ``[N,1,H,W]``, separately; in colour ``[H,W,3]``,
        by its three channels. Values lie in [0,1]; uint8 and uint16 are scaled to that, float64 is converted to float32.

        ``iterations``, ``boundary``: used instead of those of the training. ``gap``: iterate until (P - D) <= gap P.
        ``tile``: the side in pixels of the network's tiles; 0: the whole picture; by default tiles that need at most 512 MiB.
        ``colour``: which channels of a picture in colour are denoised separately, ``"channels"`` (R, G and B) or ``"opponent"``
        (luminance and two chroma channels; the three maps are theirs); by default those that the model has learnt.
        ``refine``: whether the map is corrected in each neighbourhood, by an estimate of the error from the noise alone; by default
        as the model says (`general` does). ``sigma``: the deviation of the noise for that, where 0 is black and 1 is
        white, in colour that of R, G and B; by default it is estimated from each picture, in colour from each channel.
        """
        how = _colour_of(colour, self._colour)
        z = as_floats(x, "model", "x", np.float32)
        in_colour = z.ndim == 3 and z.shape[2] == 3
        rgb = None
        if in_colour:
            require_finite(z, "model", "x")
            z = contiguous(np.moveaxis(z, 2, 0))
            if how == "opponent":
                rgb = z[:, None, None]
                z = _core.to_opponent(rgb).reshape(z.shape)
        full = volume_shape(z.shape, "model", "x")
        if full[2] != 1:
            raise ShapeError(f"[model] x is a volume of depth {full[2]}; models denoise pictures: give its slices")
        require_finite(z, "model", "x")
        n = 0 if iterations is None else count(iterations, "model", "iterations")
        relative = gap_of(gap, "model")
        edges = None if boundary is None else boundary_of(boundary, "model")
        pixels = None if tile is None else count(tile, "model", "tile")
        wanted = _flag(refine, "refine")
        noise = _sigma_of(sigma, bool(self._settings["model.refine"]) if wanted is None else wanted)
        pictures = z.reshape(full)
        done = [self._core.denoise(pictures[i:i + 1], n, relative, edges, pixels, wanted, noise, rgb) for i in range(full[0])]
        u = np.concatenate([d[0] for d in done]) if len(done) > 1 else done[0][0]
        lam = np.concatenate([d[1] for d in done]) if len(done) > 1 else done[0][1]
        u = u.reshape(z.shape)
        lam = lam.reshape(z.shape) if lam.shape[1] == 1 else lam[0, :, 0] if z.ndim == 2 else lam[:, :, 0]
        if in_colour:
            if how == "opponent":
                u = _core.from_opponent(contiguous(u[:, None, None])).reshape(u.shape)
            u = np.moveaxis(u, 0, -1)
            lam = np.moveaxis(lam, 0, -1) if lam.ndim == 3 else lam
        return Denoised(like(u, x), like(lam, x), max(d[2] for d in done), max(d[3] for d in done))

    def __repr__(self) -> str:
        s = self._settings
        return (f"primal.Model({self._path!r}: {s.get('model.filters')} filters, {s.get('model.blocks')} blocks, "
                f"T = {s.get('model.iterations')})")


_loaded: dict[tuple[str, int, int], Model] = {}


def _model_of(model: Union[None, Path, Model]) -> Model:
    if isinstance(model, Model):
        return model
    path = model_path("general" if model is None else model)
    status = os.stat(path)
    key = (os.path.abspath(path), status.st_mtime_ns, status.st_size)
    if key not in _loaded:
        _loaded.clear()  # one is kept: a loop over pictures loads its model once
        _loaded[key] = Model(path)
    return _loaded[key]


def denoise(x: Any, model: Union[None, Path, Model] = None, *, iterations: Optional[int] = None, gap: Optional[float] = None,
            boundary: Optional[str] = None, tile: Optional[int] = None, colour: Optional[str] = None,
            refine: Optional[bool] = None, sigma: Optional[float] = None) -> Any:
    """Denoises pictures with a trained model: ``primal.denoise(primal.read("noisy.png"))``.

    ``model``: a Model, a file of weights, a training folder, or the name of a model that comes with Primal; "general" by
    default. The other arguments and the shapes are those of :meth:`Model.__call__`.

    Returns a float32 array of x's shape, or a PyTorch tensor if x is one.
    """
    return _model_of(model)(x, iterations=iterations, gap=gap, boundary=boundary, tile=tile, colour=colour, refine=refine,
                            sigma=sigma).picture
