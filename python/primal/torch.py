"""Primal's solver as a PyTorch layer, and Primal's model with a PyTorch U-Net.

    layer = primal.torch.PDHG(256)
    x = layer(z, lam)          # [N,1,H,W]; gradients for z, lam and the steps

A solve is one node of PyTorch's graph. It keeps 2 bits per pixel, axis and iteration, whereas autograd keeps every iterate, and its
gradient is the exact derivative of the iterations. Tensors live on the CPU; the memory of z, lam and x is shared, not copied.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from . import _core
from ._arrays import volume_shape
from ._denoise import Model, axes_of, boundary_of, count
from ._pictures import Path
from .errors import ConfigError, DeviceError, DTypeError, ShapeError

__all__ = ["PDHG", "UNet", "UnrolledTV", "pdhg"]



def _disable_compiling(function: Any) -> Any:
    """Excludes the function from torch.compile by a graph break, if this PyTorch supports that."""
    disable = getattr(getattr(torch, "compiler", None), "disable", None)
    return function if disable is None else disable(function)


def _checked(tensor: Any, name: str) -> torch.Tensor:
    if not isinstance(tensor, torch.Tensor):
        raise DTypeError(f"[pdhg] {name} must be a tensor of PyTorch, found {type(tensor).__name__}")
    if tensor.device.type != "cpu":
        raise DeviceError(f"[pdhg] {name} lives on {tensor.device}; the layer computes on the CPU: give {name}.cpu()")
    if tensor.layout != torch.strided:
        raise DTypeError(f"[pdhg] {name} is sparse ({tensor.layout}): give {name}.to_dense()")
    if tensor.dtype not in (torch.float32, torch.float64):
        raise DTypeError(f"[pdhg] {name} has elements of type {tensor.dtype}; taken are float32 and float64: "
                         f"give {name}.float()")
    return tensor


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


class _Solve(torch.autograd.Function):
    """The node of the graph: z [N,1,D,H,W], lam in the form that the solver expects, scalar steps -> x like z."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, lam: torch.Tensor, sigma: torch.Tensor, tau: torch.Tensor, theta: torch.Tensor,
                options: tuple[int, list[int], str, str]) -> torch.Tensor:
        wanted = list(ctx.needs_input_grad[:5])
        x, ctx.tape = _core.pdhg_forward([_array(t) for t in (z, lam, sigma, tau, theta)], wanted, *options)
        ctx.options = options
        ctx.save_for_backward(z, lam, sigma, tau, theta)
        return torch.from_numpy(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[Optional[torch.Tensor], ...]:
        inputs = ctx.saved_tensors  # also raises if they were modified in place since
        tape, ctx.tape = ctx.tape, None
        if tape is None:  # the graph was kept for a second backward pass: the tape is computed again
            _, tape = _core.pdhg_forward([_array(t) for t in inputs], list(ctx.needs_input_grad[:5]), *ctx.options)
        grads = tape.backward(_array(upstream))
        return (*(None if g is None else torch.from_numpy(g) for g in grads), None)


@_disable_compiling
def pdhg(z: torch.Tensor, lam: torch.Tensor, iterations: int = 256, *, sigma: Union[None, float, torch.Tensor] = None,
         tau: Union[None, float, torch.Tensor] = None, theta: Union[float, torch.Tensor] = 1.0, axes: Optional[Sequence[int]] = None,
         start: str = "noisy", boundary: str = "symmetric") -> torch.Tensor:
    """x after the given number of PDHG iterations on min over x of 1/2 ||x - z||^2 + sum of lam |difference of x|.

    ``z``: pictures [N,1,H,W] (or [H,W], [N,H,W]) or volumes [N,1,D,H,W], float32 or float64, solved separately.
    ``lam``: of z's type, at least 0: [], [N], [N,1,H,W], [N,A,H,W] with a map for each of the A axes, [N,A,D,H,W]; every extent may be 1.
    ``sigma``, ``tau``, ``theta``: numbers or scalar tensors; by default 1/L, 1/L and 1, where L = sqrt(1 + 4 A).
    ``axes``: from 2 (D), 3 (H) and 4 (W). ``start``: the initial p, "noisy" (z) or "zero". ``boundary``: "symmetric" or "periodic".

    Differentiable once in z, lam, sigma, tau and theta. A NaN in z gives NaN; a negative or NaN lam raises a NumericError.
    """
    z = _checked(z, "z")
    shape = tuple(z.shape)
    full = volume_shape(shape, "pdhg", "z")
    along = axes_of(axes, full[2], "pdhg")
    n = count(iterations, "pdhg", "iterations")
    if start not in ("noisy", "zero"):
        raise ConfigError(f"[pdhg] start must be 'noisy' or 'zero', found {start!r}")
    lam = _checked(torch.as_tensor(lam, dtype=z.dtype) if isinstance(lam, (int, float)) else lam, "lam")
    if lam.dtype != z.dtype:
        raise DTypeError(f"[pdhg] lam is {lam.dtype}, but z {z.dtype}")
    if lam.dim() == 4:
        lam = lam.unsqueeze(2)
    elif lam.dim() == 3:
        lam = lam[:, None, None]
    elif lam.dim() == 2:
        lam = lam[None, None, None]
    elif lam.dim() > 5:
        raise ShapeError(f"[pdhg] lam has {lam.dim()} axes; at most 5 are taken: {list(lam.shape)}")
    step = 1.0 / _core.norm_bound(along)
    steps = [torch.as_tensor(s, dtype=z.dtype) if not isinstance(s, torch.Tensor) else _checked(s, name).to(z.dtype)
             for name, s in (("sigma", step if sigma is None else sigma), ("tau", step if tau is None else tau), ("theta", theta))]
    for name, s in zip(("sigma", "tau", "theta"), steps):
        if s.numel() != 1:
            raise ShapeError(f"[pdhg] {name} must have one element, found {list(s.shape)}")
    options = (n, along, start, boundary_of(boundary, "pdhg"))
    return _Solve.apply(z.reshape(full), lam, *(s.reshape(()) for s in steps), options).reshape(shape)


class PDHG(nn.Module):
    """The solver as a layer: ``layer(z, lam)`` is ``pdhg(z, lam, iterations, ...)``.

    ``learn_steps``: sigma = sigmoid(s)/L, tau = sigmoid(t)/L and theta = sigmoid(u) with parameters s = t = u = 10 initially. The layer
    names these parameters ``sigma``, ``tau`` and ``theta``, as Primal's checkpoints do.
    """

    def __init__(self, iterations: int = 256, axes: Optional[Sequence[int]] = None, *, start: str = "noisy", boundary: str = "symmetric",
                 learn_steps: bool = False) -> None:
        super().__init__()
        self.iterations = count(iterations, "pdhg", "iterations")
        self.axes = None if axes is None else axes_of(axes, 1, "pdhg")
        self.start, self.boundary, self.learn_steps = start, boundary_of(boundary, "pdhg"), learn_steps
        if learn_steps:
            self.sigma, self.tau, self.theta = (nn.Parameter(torch.tensor(10.0)) for _ in range(3))

    def steps(self, z: torch.Tensor) -> dict[str, torch.Tensor]:
        """sigma, tau and theta if they are learnt, otherwise an empty dict."""
        if not self.learn_steps:
            return {}
        depth = z.shape[2] if z.dim() == 5 else 1
        step = 1.0 / _core.norm_bound(axes_of(self.axes, depth, "pdhg"))
        return {"sigma": torch.sigmoid(self.sigma) * step, "tau": torch.sigmoid(self.tau) * step, "theta": torch.sigmoid(self.theta)}

    def forward(self, z: torch.Tensor, lam: torch.Tensor) -> torch.Tensor:
        return pdhg(z, lam, self.iterations, axes=self.axes, start=self.start, boundary=self.boundary, **self.steps(z))

    def extra_repr(self) -> str:
        return f"{self.iterations}, axes={self.axes}, start={self.start!r}, boundary={self.boundary!r}, learn_steps={self.learn_steps}"


class _DoubleConv(nn.Module):
    """Two 3x3 convolutions, each followed by LeakyReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.LeakyReLU(0.01),
                                        nn.Conv2d(n_out, n_out, 3, padding=1), nn.LeakyReLU(0.01))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_block(x)


class _Encoder(nn.Module):
    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.double_conv = _DoubleConv(n_in, 2 * n_in)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.double_conv(nn.functional.max_pool2d(x, 2))


class _Decoder(nn.Module):
    """The 1x1 convolution comes before the upsampling: the same function with a quarter of the work."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.upsampling = nn.ModuleDict({"1": nn.Conv2d(n_in, n_in // 2, 1)})
        self.double_conv = _DoubleConv(n_in, n_in // 2)

    def forward(self, x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        x = nn.functional.interpolate(self.upsampling["1"](x), scale_factor=2, mode="bilinear", align_corners=True)
        return self.double_conv(torch.cat([features, x], dim=1))


class UNet(nn.Module):
    """Primal's U-Net in PyTorch: [N,1,H,W] -> [N,2,H,W]; H and W must be multiples of 2^blocks."""

    def __init__(self, filters: int = 32, blocks: int = 3) -> None:
        super().__init__()
        self.c0x0 = _DoubleConv(1, filters)
        self.encoder = nn.ModuleList(_Encoder(filters * 2**i) for i in range(blocks))
        self.decoder = nn.ModuleList(_Decoder(filters * 2**i) for i in range(blocks, 0, -1))
        self.c1x1 = nn.Conv2d(filters, 2, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        features = [self.c0x0(z)]
        for encoder in self.encoder:
            features.append(encoder(features[-1]))
        x = features.pop()
        for decoder in self.decoder:
            x = decoder(x, features.pop())
        return self.c1x1(x)


class UnrolledTV(nn.Module):
    """Primal's model as a PyTorch module: the U-Net runs in PyTorch, the solver is Primal's. Its map is the network's own, as with
    ``primal.denoise(z, model, refine=False)``.

    >>> model = primal.torch.UnrolledTV.load("general")
    >>> x = model(z)            # [N,1,H,W], any H and W
    >>> lam = model.map(z)

    Parameters have the names of Primal's checkpoints: ``cnn.c0x0.conv_block.0.weight``, ..., ``pdhg.sigma``.
    """

    def __init__(self, filters: int = 32, blocks: int = 3, iterations: int = 256, *, up_bound: float = 0.0, scale: float = 0.1,
                 start: str = "noisy", boundary: str = "symmetric", learn_steps: bool = True) -> None:
        super().__init__()
        self.blocks, self.up_bound, self.scale = blocks, up_bound, scale
        self.cnn = UNet(filters, blocks)
        self.pdhg = PDHG(iterations, (3, 4), start=start, boundary=boundary, learn_steps=learn_steps)

    @classmethod
    def load(cls, path_or_name: Union[Path, Model] = "general") -> "UnrolledTV":
        """Loads the model and settings of a checkpoint, of a file of weights, or of a model that comes with Primal."""
        model = path_or_name if isinstance(path_or_name, Model) else Model.load(path_or_name)
        s = {key.removeprefix("model."): value for key, value in model.settings.items()}
        module = cls(s["filters"], s["blocks"], s["iterations"], up_bound=s["up_bound"], scale=s["scale"], start=s["start"],
                     boundary=s["boundary"], learn_steps=s["learn_steps"])
        # Kernels (out, in, 1, kh, kw) become (out, in, kh, kw).
        state = {name: torch.from_numpy(a[:, :, 0].copy() if a.ndim == 5 else a.copy()) for name, a in model.state().items()}
        module.load_state_dict(state)
        return module

    def _padding(self, n: int) -> tuple[int, int, str]:
        total = -n % 2**self.blocks
        high = total - total // 2
        return total // 2, high, "reflect" if high < n else "replicate"

    def map(self, z: torch.Tensor) -> torch.Tensor:
        """Lambda [N,1,H,W] of z [N,1,H,W], above 0."""
        if z.dim() != 4 or z.shape[1] != 1:
            raise ShapeError(f"[unrolled_tv] z must be [N,1,H,W], found {list(z.shape)}")
        height, width = z.shape[2:]
        top, bottom, rows = self._padding(height)
        left, right, columns = self._padding(width)
        padded = z
        if left + right:
            padded = nn.functional.pad(padded, (left, right, 0, 0), mode=columns)
        if top + bottom:
            padded = nn.functional.pad(padded, (0, 0, top, bottom), mode=rows)
        head = self.cnn(padded)[:, :1, top:top + height, left:left + width]
        if self.up_bound > 0:
            return self.up_bound * torch.sigmoid(head)
        return self.scale * nn.functional.softplus(head)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.pdhg(z, self.map(z))
