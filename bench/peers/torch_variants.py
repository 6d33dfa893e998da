"""Faster PyTorch forms of the same model: what a patient user gets from PyTorch on a CPU.

    conv3d          torch_model.py as it stands
    channels_last   Conv2d in channels-last memory, which oneDNN likes best; LeakyReLU in place; the same PDHG
    function        channels_last, and PDHG as one autograd.Function: in-place updates, the exact adjoint by hand
    fused           Conv2d in plain memory and PDHG in C (torch_fused.py): float32, one picture, for long runs

All start from the same weights and compute the same numbers up to rounding (torch_step.py --check).
"""

import torch
from torch import nn

from torch_fused import FusedPdhg, send_to_onednn
from torch_model import UnrolledTv

VARIANTS = ("conv3d", "channels_last", "function", "fused")


def build(variant, **options):
    model = UnrolledTv(**options)
    if variant == "fused":
        model.cnn = send_to_onednn(in_2d(model.cnn, torch.contiguous_format))
        model.pdhg = FusedPdhg(model.pdhg)
    elif variant != "conv3d":
        model.cnn = in_2d(model.cnn, torch.channels_last)
    if variant == "function":
        model.pdhg = PdhgByHand(model.pdhg)
    return model


def picture(variant, x):
    """A picture [N,C,H,W,1] as the variant takes it."""
    if variant == "conv3d":
        return x
    memory_format = torch.contiguous_format if variant == "fused" else torch.channels_last
    return x.squeeze(-1).contiguous(memory_format=memory_format)


def in_2d(module, memory_format):
    """The module with every 3-D layer replaced by its 2-D one, weights kept, in that memory format."""
    if isinstance(module, nn.Conv3d):
        conv = nn.Conv2d(module.in_channels, module.out_channels, module.kernel_size[:2], padding=module.padding[:2])
        conv.weight.data = module.weight.data.squeeze(-1).contiguous(memory_format=memory_format)
        conv.bias.data = module.bias.data
        return conv
    if isinstance(module, nn.MaxPool3d):
        return nn.MaxPool2d(module.kernel_size[:2])
    if isinstance(module, nn.Upsample):
        return nn.Upsample(scale_factor=module.scale_factor[:2], mode="bilinear", align_corners=True)
    if isinstance(module, nn.LeakyReLU):
        return nn.LeakyReLU(module.negative_slope, inplace=True)
    for name, child in module.named_children():
        setattr(module, name, in_2d(child, memory_format))
    return module


def gradient(x, out):
    """Periodic forward differences of x [..,H,W] along both axes into out [2,..,H,W]."""
    torch.sub(x[..., 1:, :], x[..., :-1, :], out=out[0][..., :-1, :])
    torch.sub(x[..., 0, :], x[..., -1, :], out=out[0][..., -1, :])
    torch.sub(x[..., :, 1:], x[..., :, :-1], out=out[1][..., :, :-1])
    torch.sub(x[..., :, 0], x[..., :, -1], out=out[1][..., :, -1])


def add_adjoint(q, to):
    """to += G' q, the adjoint of `gradient`."""
    to.sub_(q[0]).sub_(q[1])
    to[..., 1:, :].add_(q[0][..., :-1, :])
    to[..., 0, :].add_(q[0][..., -1, :])
    to[..., :, 1:].add_(q[1][..., :, :-1])
    to[..., :, 0].add_(q[1][..., :, -1])


class PdhgFunction(torch.autograd.Function):
    """x_T of PDHG with fixed steps, one map for both axes, no gradient for the picture z: z is data.

    The tape holds, for each iteration and component of q, whether the clip acted and at which bound: -1, 0 or 1.
    """

    @staticmethod
    def forward(ctx, z, lam, n_iter, sigma, tau, theta, p0):
        z = z.contiguous()
        low, high = -lam.contiguous(), lam.contiguous()
        x, x_bar = z.clone(), z.clone()
        p = z.clone() if p0 == "noisy" else torch.zeros_like(z)
        q, v = z.new_zeros((2, *z.shape)), z.new_empty((2, *z.shape))
        d, g = torch.empty_like(z), torch.empty_like(v)
        codes = torch.empty((n_iter, *q.shape), dtype=torch.int8, device=z.device)
        for code in codes:
            torch.sub(x_bar, z, out=d)
            p.lerp_(d, sigma / (1 + sigma))  # (p + sigma (x_bar - z)) / (1 + sigma)
            gradient(x_bar, g)
            torch.add(q, g, alpha=sigma, out=v)
            torch.clamp(v, low, high, out=q)
            code.copy_(v.sub_(q).sign_())
            d.copy_(p)
            add_adjoint(q, d)
            x.sub_(d, alpha=tau)
            torch.sub(x, d, alpha=theta * tau, out=x_bar)  # x + theta (x - old x)
        ctx.codes, ctx.steps = codes, (sigma, tau, theta)
        return x

    @staticmethod
    def backward(ctx, grad):
        sigma, tau, theta = ctx.steps
        ax, c = grad.clone(memory_format=torch.contiguous_format), torch.empty_like(grad).contiguous()
        ab, ap = torch.zeros_like(ax), torch.zeros_like(ax)
        aq, g, s = (ax.new_zeros((2, *ax.shape)) for _ in range(3))
        grad_lam = torch.zeros_like(aq)
        for code in ctx.codes.flip(0):
            torch.add(ax, ab, alpha=1 + theta, out=c)  # gradient at the new x
            gradient(c, g)
            aq.sub_(g, alpha=tau)  # at the new q
            s.copy_(code)
            torch.mul(s, aq, out=g)
            grad_lam.add_(g)
            aq.addcmul_(s, g, value=-1)  # nothing passes where the clip acted
            ap.sub_(c, alpha=tau).mul_(1 / (1 + sigma))  # at the old p
            torch.sub(c, ab, alpha=theta, out=ax)
            ab.zero_()
            add_adjoint(aq, ab)
            ab.add_(ap).mul_(sigma)
        return None, grad_lam.sum(0), None, None, None, None, None


class PdhgByHand(nn.Module):
    def __init__(self, pdhg):
        super().__init__()
        if pdhg.learn_steps:
            raise ValueError("the hand-written Function has fixed steps")
        self.pdhg = pdhg

    def forward(self, z, lam):
        return PdhgFunction.apply(z, lam, self.pdhg.n_iter, 1 / self.pdhg.norm, 1 / self.pdhg.norm, 1.0, self.pdhg.p0)
