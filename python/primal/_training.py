"""Training, as the program ``primal train`` does it."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, NamedTuple, Optional, Union

import numpy as np

from . import _core
from ._denoise import Model
from ._pictures import Path, path_text
from .errors import ConfigError


class Trained(NamedTuple):
    """The result of a training."""

    #: contains last.safetensors, best.safetensors, metrics.csv, ... (docs/using.md)
    folder: str
    step: int
    #: mean over the last 200 steps
    mean_loss: float
    seconds: float
    #: whether on_step or Ctrl-C stopped it; ``train(..., resume=True)`` continues
    stopped: bool
    out_of_patience: bool
    #: step of the best validation; 0: none yet
    best_step: int
    #: the first metric of the best validation
    best: Optional[float]

    def model(self) -> Model:
        """The best model so far, or the last one if there was no validation."""
        return Model.load(self.folder)


def _assignments(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    """{"training": {"steps": 600}} and {"training.steps": 600} as "training.steps=600"."""
    out: list[str] = []
    for key, value in settings.items():
        if not isinstance(key, str):
            raise ConfigError(f"[train] keys are texts, found {key!r}")
        name = prefix + key
        if isinstance(value, Mapping):
            out += _assignments(value, name + ".")
        elif isinstance(value, (bool, np.bool_)):
            out.append(f"{name}={'true' if value else 'false'}")
        elif isinstance(value, (int, np.integer)):
            out.append(f"{name}={int(value)}")
        elif isinstance(value, (float, np.floating)):
            out.append(f"{name}={float(value)!r}")
        elif isinstance(value, (str, os.PathLike)):
            out.append(f"{name}={os.fspath(value)}")
        else:
            raise ConfigError(f"[train] {name} is a number, a truth value or a text, found {value!r}")
    return out


def train(config: Union[None, Path, Mapping[str, Any]] = None, *, output: Optional[Path] = None, data: Optional[Path] = None,
          settings: Optional[Mapping[str, Any]] = None, resume: bool = False, overwrite: bool = False,
          on_step: Optional[Callable[[dict[str, Any]], Any]] = None,
          on_remark: Optional[Callable[[str], Any]] = None) -> Trained:
    """Trains a model with the same settings, data, loop and files as ``primal train``, except report.html, which ``primal report FOLDER``
    makes.

    ``config``: a TOML file (configs/quick.toml), or settings: ``{"training": {"steps": 600}}`` or ``{"training.steps": 600}``.
    ``output``, ``data``, ``settings``: take precedence over the file. Without data, pictures are generated.

    ``on_step`` is called after each step with a dict: step, n_steps, epoch, loss, mean_loss, learning_rate, step_ms, seconds_left, and
    validation, which has the metrics if one was due. If it returns False, the step is saved and the training ends. If it raises, the
    step is saved as well, and the exception is passed on. ``on_remark`` is called with messages for the user.

    Ctrl-C: the current step is finished and saved, then KeyboardInterrupt is raised; a second Ctrl-C does not wait for that.
    ``resume=True`` continues in the same output folder.
    """
    file = None
    given: list[str] = []
    if isinstance(config, Mapping):
        given = _assignments(config)
    elif config is not None:
        file = path_text(config)
    given += _assignments(settings or {})
    if data is not None:
        given.append(f"data.folder={path_text(data)}")
    if output is not None:
        given.append(f"output={path_text(output)}")
    for name, function in (("on_step", on_step), ("on_remark", on_remark)):
        if function is not None and not callable(function):
            raise ConfigError(f"[train] {name} must be a function, found {type(function).__name__}")
    return Trained(**_core.train(file, given, resume, overwrite, on_step, on_remark))
