"""The unrolled total-variation model in PyTorch: the peer that Primal is measured and checked against.

    z -> U-Net -> Lambda -> T iterations of PDHG on  min_x 1/2 |x - z|^2 + |Lambda o grad x|_1  -> x_T

It is written the way one writes it with nn.Conv3d and autograd, without tricks. Layout and parameter names are those
of the reference implementation (trung-vt/LearningRegularizationParameterMaps): pictures are [N,C,H,W,D] with D = 1,
kernels (out, in, kh, kw, kd). The layout matters to the clock: for a batch of one, PyTorch hands a 3x3 convolution to
oneDNN only where N*C times the next two extents exceeds 20480, so with D placed before H and W (Primal's order) most
layers fall back to a loop that takes many times as long.
"""

import torch
from torch import nn


def conv3x3(n_in, n_out):
    return nn.Conv3d(n_in, n_out, kernel_size=(3, 3, 1), padding=(1, 1, 0))


class DoubleConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv_block = nn.Sequential(
            conv3x3(n_in, n_out), nn.LeakyReLU(0.01), conv3x3(n_out, n_out), nn.LeakyReLU(0.01)
        )

    def forward(self, x):
        return self.conv_block(x)


class Encoder(nn.Module):
    """Halve the picture, double the channels: [N,C,H,W,D] -> [N,2C,H/2,W/2,D]."""

    def __init__(self, n_in):
        super().__init__()
        self.pool = nn.MaxPool3d((2, 2, 1))
        self.double_conv = DoubleConv(n_in, 2 * n_in)

    def forward(self, x):
        return self.double_conv(self.pool(x))


class Decoder(nn.Module):
    """Double the picture, halve the channels, with the encoder's features of that size: [N,C,..] -> [N,C/2,..]."""

    def __init__(self, n_in):
        super().__init__()
        upsample = nn.Upsample(scale_factor=(2, 2, 1), mode="trilinear", align_corners=True)
        self.upsampling = nn.Sequential(upsample, nn.Conv3d(n_in, n_in // 2, kernel_size=1))
        self.double_conv = DoubleConv(n_in, n_in // 2)

    def forward(self, x, features):
        return self.double_conv(torch.cat([features, self.upsampling(x)], dim=1))


class UNet(nn.Module):
    def __init__(self, filters=32, blocks=3):
        super().__init__()
        self.c0x0 = DoubleConv(1, filters)
        self.encoder = nn.ModuleList(Encoder(filters * 2**i) for i in range(blocks))
        self.decoder = nn.ModuleList(Decoder(filters * 2**i) for i in range(blocks, 0, -1))
        self.c1x1 = nn.Conv3d(filters, 2, kernel_size=1)  # channel 1 is the time axis: without effect on pictures

    def forward(self, z):
        features = [self.c0x0(z)]
        for encoder in self.encoder:
            features.append(encoder(features[-1]))
        x = features.pop()
        for decoder in self.decoder:
            x = decoder(x, features.pop())
        return self.c1x1(x)


def difference(x, axis):
    """Forward difference along one axis with periodic boundary."""
    return torch.roll(x, -1, axis) - x


def difference_adjoint(q, axis):
    return torch.roll(q, 1, axis) - q


def pdhg(z, lambdas, n_iter, sigma, tau, theta, p0="noisy", axes=(2, 3), clip=torch.clamp):
    """x_T after n_iter iterations from x = x_bar = z, q = 0, p = z (or 0); `lambdas` holds one map per axis."""
    x = x_bar = z
    p = z if p0 == "noisy" else torch.zeros_like(z)
    q = [torch.zeros_like(z) for _ in axes]
    bounds = [(-lam, lam) for lam in lambdas]
    for _ in range(n_iter):
        p = (p + sigma * (x_bar - z)) / (1 + sigma)
        q = [
            clip(q_a + sigma * difference(x_bar, a), low, high)
            for q_a, a, (low, high) in zip(q, axes, bounds)
        ]
        x_next = x - tau * p - tau * sum(difference_adjoint(q_a, a) for q_a, a in zip(q, axes))
        x_bar = x_next + theta * (x_next - x)
        x = x_next
    return x


class Pdhg(nn.Module):
    """The solver layer: steps 1/L, 1/L, 1, or learnt as sigmoid(s)/L, sigmoid(t)/L, sigmoid(h) from s = t = h = 10."""

    def __init__(self, n_iter, p0, learn_steps, norm):
        super().__init__()
        self.n_iter, self.p0, self.learn_steps, self.norm = n_iter, p0, learn_steps, norm
        if learn_steps:
            self.sigma, self.tau, self.theta = (nn.Parameter(torch.tensor(10.0)) for _ in range(3))

    def forward(self, z, lam):
        sigma = tau = 1 / self.norm
        theta = 1.0
        if self.learn_steps:
            sigma, tau = torch.sigmoid(self.sigma) / self.norm, torch.sigmoid(self.tau) / self.norm
            theta = torch.sigmoid(self.theta)
        return pdhg(z, (lam, lam), self.n_iter, sigma, tau, theta, self.p0)


class UnrolledTv(nn.Module):
    def __init__(
        self, filters=32, blocks=3, n_iter=256, p0="noisy", learn_steps=False, up_bound=0.0, scale=0.1, norm=3.0
    ):
        super().__init__()
        self.up_bound, self.scale = up_bound, scale
        self.cnn = UNet(filters, blocks)
        self.pdhg = Pdhg(n_iter, p0, learn_steps, norm)

    def lambda_map(self, z):
        """[N,1,H,W,D], positive; one map serves both image axes."""
        head = self.cnn(z)[:, :1]
        if self.up_bound:
            return self.up_bound * torch.sigmoid(head)
        return self.scale * nn.functional.softplus(head)

    def forward(self, z):
        return self.pdhg(z, self.lambda_map(z))
