"""Define UMTN's encoder and the domain classifier that it is to confuse, with the published sizes as defaults.

See Mor et al., ICLR 2019, section 3, and its code.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Encoder(nn.Module):
    """Turn mu-law codes into a sequence of latent vectors, by dilated residual convolutions.

    Parameters
    ----------
    channels, latent
        Channels of every layer, and of a latent vector.
    blocks, layers
        Number of blocks, and of layers in each, with dilations 1, 2, 4 ... ``2**(layers - 1)``.
    pool
        Samples that share a latent vector: 800 is 50 ms at 16 kHz.
    stride
        Stride of the first layer in samples, 1 in UMTN. More is our shortcut for a slow machine: a stride of 8 makes
        every layer eight times as fast, and the first kernel 32 samples long instead of 3.

    Attributes
    ----------
    receptive : int
        Samples that an output of the last layer depends on.
    """

    def __init__(self, channels=128, blocks=3, layers=10, latent=64, pool=800, stride=1):
        super().__init__()
        if pool % stride:
            raise ValueError(f"expected a pool that is a multiple of the stride {stride}, found {pool}")
        self.sizes = dict(channels=channels, blocks=blocks, layers=layers, latent=latent, pool=pool, stride=stride)
        kernel = 3 if stride == 1 else 4 * stride
        self.receptive = kernel + stride * blocks * 2 * (2**layers - 1)
        self.first = nn.Conv1d(1, channels, kernel, stride, padding=(kernel - stride + 1) // 2)
        dilations = [2**layer for layer in range(layers)] * blocks
        self.layers = nn.Sequential(*(_DilatedResidual(channels, dilation) for dilation in dilations))
        self.last = nn.Conv1d(channels, latent, 1)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Encode codes (of any number type), shape (batch, samples), as (batch, latent, samples // pool)."""
        x = codes.float()[:, None] / 255 - 0.5  # (batch, 1, samples)
        x = self.last(self.layers(self.first(x)))
        return F.avg_pool1d(x, self.sizes["pool"] // self.sizes["stride"])


class _DilatedResidual(nn.Module):
    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.dilated = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mix(F.relu(self.dilated(x)))


class DomainClassifier(nn.Module):
    """Predict the domain that latent vectors come from: the classifier that the encoder is to confuse.

    It classifies every latent vector by itself (1x1 convolutions with ELU) and averages the logits over time.

    Parameters
    ----------
    domains, latent, channels, layers
        Number of domains, channels of a latent vector, and channels and number of the hidden layers.
    standardise
        Bring the latents to zero mean and unit variance first (batch normalisation without weights). UMTN does not.
        In a short training it lets the classifier keep pace with an encoder whose latents begin near zero, and the
        encoder can't hide a domain by making its latents small.
    """

    def __init__(self, domains, latent=64, channels=100, layers=3, standardise=False):
        super().__init__()
        hidden: list[nn.Module] = [nn.BatchNorm1d(latent, affine=False)] if standardise else []
        for layer in range(layers):
            hidden += [nn.Conv1d(channels if layer else latent, channels, 1), nn.ELU()]
        self.layers = nn.Sequential(*hidden, nn.Conv1d(channels, domains, 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, domains), of latents, shape (batch, latent, frames)."""
        return self.layers(latents).mean(dim=2)
