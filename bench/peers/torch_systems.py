"""The MNIST denoising autoencoder and the two casting models in PyTorch: peers that Primal is measured and checked against.

Written the way one writes them with nn.Conv2d and autograd; names of parameters are those of Primal's files, whose kernels
have a depth of 1 besides: [O,C,1,kh,kw].
"""

import torch
from torch import nn
from torch.nn import functional


class MnistEncoder(nn.Module):
    def __init__(self, filters, latent, size):
        super().__init__()
        f1, f2 = filters
        self.conv1, self.norm1 = nn.Conv2d(1, f1, 3, padding=1), nn.BatchNorm2d(f1, eps=1e-3, momentum=0.01)
        self.conv2, self.norm2 = nn.Conv2d(f1, f2, 3, padding=1), nn.BatchNorm2d(f2, eps=1e-3, momentum=0.01)
        self.dense = nn.Linear(f2 * (size // 4) ** 2, latent)

    def forward(self, x):
        x = self.norm1(functional.max_pool2d(functional.relu(self.conv1(x)), 2))
        x = self.norm2(functional.max_pool2d(functional.relu(self.conv2(x)), 2))
        return self.dense(x.flatten(1))


class MnistDecoder(nn.Module):
    def __init__(self, filters, latent, size):
        super().__init__()
        f1, f2 = filters
        self.side = size // 4
        self.dense = nn.Linear(latent, f2 * self.side**2)
        self.conv1, self.norm1 = nn.Conv2d(f2, f2, 3, padding=1), nn.BatchNorm2d(f2, eps=1e-3, momentum=0.01)
        self.conv2, self.norm2 = nn.Conv2d(f2, f1, 3, padding=1), nn.BatchNorm2d(f1, eps=1e-3, momentum=0.01)
        self.conv3 = nn.Conv2d(f1, 1, 3, padding=1)

    def forward(self, latent):
        x = self.dense(latent).unflatten(1, (-1, self.side, self.side))
        x = self.norm1(functional.interpolate(functional.relu(self.conv1(x)), scale_factor=2, mode="nearest"))
        x = self.norm2(functional.interpolate(functional.relu(self.conv2(x)), scale_factor=2, mode="nearest"))
        return torch.sigmoid(self.conv3(x))


class MnistAutoencoder(nn.Module):
    """[N,1,S,S] -> latent [N,L] and picture [N,1,S,S]."""

    def __init__(self, filters=(32, 64), latent=128, size=28):
        super().__init__()
        self.encoder = MnistEncoder(filters, latent, size)
        self.decoder = MnistDecoder(filters, latent, size)

    def forward(self, x):
        latent = self.encoder(x)
        return latent, self.decoder(latent)


class CastingClassifier(nn.Module):
    """[N,C,H,W] -> logits [N,K]."""

    def __init__(self, channels, height, width, filters=(16, 32), hidden=128, classes=2, relu=True, dropout=(0.3, 0.5)):
        super().__init__()
        self.conv_layer_1 = nn.Conv2d(channels, filters[0], 3, stride=4, padding=1)
        self.conv_layer_2 = nn.Conv2d(filters[0], filters[1], 3, stride=4)
        h, w = (((n - 1) // 4 + 1 - 3) // 4 + 1 for n in (height, width))
        self.linear_1 = nn.Linear(filters[1] * h * w, hidden)
        self.linear_2 = nn.Linear(hidden, classes)
        self.relu, self.dropout = relu, dropout

    def forward(self, x):
        activation = functional.relu if self.relu else (lambda values: values)
        x = activation(self.conv_layer_2(activation(self.conv_layer_1(x))))
        x = functional.dropout(x, self.dropout[0], self.training).flatten(1)
        x = functional.dropout(activation(self.linear_1(x)), self.dropout[1], self.training)
        return self.linear_2(x)


class CastingAutoencoder(nn.Module):
    """[N,C,H,W] -> the same; sides that 8 does not divide are reflected to the right and below, and cropped back."""

    def __init__(self, channels=1, filters=(64, 128, 256)):
        super().__init__()
        sizes = [channels, *filters]
        self.encoder = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(sizes, sizes[1:]))
        sizes.reverse()
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1) for a, b in zip(sizes, sizes[1:])
        )

    def forward(self, x):
        height, width = x.shape[2:]
        x = functional.pad(x, (0, -width % 8, 0, -height % 8), mode="reflect")
        for layer in self.encoder:
            x = functional.relu(layer(x))
        for layer in self.decoder[:-1]:
            x = functional.relu(layer(x))
        return torch.sigmoid(self.decoder[-1](x))[:, :, :height, :width]
