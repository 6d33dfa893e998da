"""The quickest training step of PyTorch 1.13 on one thread with AVX2: for long runs, not for the tables.

It differs from `function` of torch_variants.py in three things: Conv2d in plain [N,C,H,W] memory, where
oneDNN computes the gradients of the weights two to four times as fast as in channels-last; 1x1 convolutions
that reach oneDNN with one thread too; PDHG in C (pdhg_fused.c). One step of the thesis model took 0.90 s of
processor time instead of 2.2 s (AMD EPYC with AVX2, 2026-11-29). torch_step.py --check compares it with the
other variants.
"""

import ctypes
import os
import pathlib
import subprocess

import torch
from torch import nn

SOURCE = pathlib.Path(__file__).with_name("pdhg_fused.c")
LIBRARY = SOURCE.parents[2] / "build" / "peers" / "pdhg_fused.so"


def load_library():
    if not LIBRARY.exists() or LIBRARY.stat().st_mtime < SOURCE.stat().st_mtime:
        LIBRARY.parent.mkdir(parents=True, exist_ok=True)
        flags = ["-O3", "-march=native", "-fopenmp-simd", "-shared", "-fPIC"]
        unfinished = LIBRARY.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", *flags, str(SOURCE), "-o", str(unfinished)], check=True)
        os.replace(unfinished, LIBRARY)  # a run that has the old one loaded keeps it
    return ctypes.CDLL(str(LIBRARY))


def call(function, *arguments):
    """A C function on tensors (as pointers), floats and ints."""
    kinds = {torch.Tensor: lambda t: ctypes.c_void_p(t.data_ptr()), float: ctypes.c_float, int: ctypes.c_int}
    function.restype = None
    function(*(kinds[type(a)](a) for a in arguments))


class FusedPdhgFunction(torch.autograd.Function):
    """PdhgFunction of torch_variants.py, one picture [1,1,H,W] in float32, both passes in C."""

    library = None

    @staticmethod
    def forward(ctx, z, lam, n_iter, sigma, tau, theta, p0):
        library = FusedPdhgFunction.library = FusedPdhgFunction.library or load_library()
        if z.dtype != torch.float32 or z.dim() != 4 or z.shape[:2] != (1, 1):
            raise ValueError(
                f"one picture [1,1,H,W] in float32 is expected, found {list(z.shape)} of {z.dtype}"
            )
        h, w = z.shape[2:]
        z, lam = z.detach().reshape(h, w).contiguous(), lam.detach().reshape(h, w).contiguous()
        x, x_bar = z.clone(), z.clone()
        p = z.clone() if p0 == "noisy" else torch.zeros_like(z)
        q, codes = z.new_zeros(2, h, w), torch.empty(n_iter, 2, h, w, dtype=torch.int8)
        ctx.steps = (h, w, n_iter, float(sigma), float(tau), float(theta))
        call(library.pdhg_forward, *ctx.steps, z, lam, x, x_bar, p, q, codes)
        ctx.codes = codes
        return x.reshape(1, 1, h, w)

    @staticmethod
    def backward(ctx, grad):
        h, w = ctx.steps[:2]
        ax = grad.reshape(h, w).clone(memory_format=torch.contiguous_format)
        ab, ap, c, grad_lam = (torch.zeros_like(ax) for _ in range(4))
        aq = ax.new_zeros(2, h, w)
        call(FusedPdhgFunction.library.pdhg_adjoint, *ctx.steps, ctx.codes, ax, ab, ap, aq, c, grad_lam)
        return None, grad_lam.reshape(1, 1, h, w), None, None, None, None, None


class FusedPdhg(nn.Module):
    def __init__(self, pdhg):
        super().__init__()
        if pdhg.learn_steps:
            raise ValueError("the fused PDHG has fixed steps")
        self.pdhg = pdhg

    def forward(self, z, lam):
        step = 1 / self.pdhg.norm
        return FusedPdhgFunction.apply(z, lam, self.pdhg.n_iter, step, step, 1.0, self.pdhg.p0)


def send_to_onednn(module):
    """Dilate 1x1 convolutions by 2: nothing changes, but PyTorch 1.13 then calls oneDNN on one thread too."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1):
            layer.dilation = (2, 2)
    return module
