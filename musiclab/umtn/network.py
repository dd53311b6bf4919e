"""Define UMTN's encoder and its adversary, the domain classifier, with the published sizes as defaults.

See section 3 of Mor et al., ICLR 2019, and their code.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Encoder(nn.Module):
    """Encode mu-law codes as a sequence of latent vectors, with dilated residual convolutions.

    Parameters
    ----------
    channels, latent
        Number of channels in each layer, and in a latent vector.
    blocks, layers
        Number of blocks, and of layers per block, with dilations 1, 2, 4 ... ``2**(layers - 1)``.
    pool
        Number of samples per latent vector; 800 samples are 50 ms at 16 kHz.
    stride
        Stride of the first layer in samples, 1 in UMTN. A stride of 8 makes the layers eight times as fast, and the
        first kernel 32 samples long instead of 3. It is our shortcut for slow machines.

    Attributes
    ----------
    receptive : int
        Receptive field of the last layer in samples.

    Examples
    --------
    >>> Encoder(channels=8, blocks=1, layers=4)(torch.zeros(2, 12000)).shape  # (batch, latent, 12000 // pool)
    torch.Size([2, 64, 15])
    """

    def __init__(self, channels=128, blocks=3, layers=10, latent=64, pool=800, stride=1):
        super().__init__()
        if pool % stride:
            raise ValueError(f"expected pool to be a multiple of the stride {stride}, found {pool}")
        self.sizes = dict(channels=channels, blocks=blocks, layers=layers, latent=latent, pool=pool, stride=stride)
        kernel = 3 if stride == 1 else 4 * stride
        self.receptive = kernel + stride * blocks * 2 * (2**layers - 1)
        self.first = nn.Conv1d(1, channels, kernel, stride, padding=(kernel - stride + 1) // 2)
        dilations = [2**layer for layer in range(layers)] * blocks
        self.layers = nn.Sequential(*(_DilatedResidual(channels, dilation) for dilation in dilations))
        self.last = nn.Conv1d(channels, latent, 1)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Encode codes of any dtype, shape (batch, samples), as (batch, latent, samples // pool)."""
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
    """Predict the domain of latent vectors, as the adversary of the encoder.

    It classifies each latent vector on its own (1x1 convolutions with ELU) and averages the logits over time.

    Parameters
    ----------
    domains
        Number of domains.
    latent
        Number of channels in a latent vector.
    channels
        Number of channels in a hidden layer.
    layers
        Number of hidden layers.
    standardise
        Standardise the latents first (batch normalisation without weights), which UMTN doesn't do. It helps in short
        trainings, because latents start near zero, and it stops the encoder from hiding the domain by shrinking the
        latents.

    Examples
    --------
    >>> DomainClassifier(domains=4)(torch.zeros(2, 64, 15)).shape
    torch.Size([2, 4])
    """

    def __init__(self, domains, latent=64, channels=100, layers=3, standardise=False):
        super().__init__()
        hidden: list[nn.Module] = [nn.BatchNorm1d(latent, affine=False)] if standardise else []
        for layer in range(layers):
            hidden += [nn.Conv1d(channels if layer else latent, channels, 1), nn.ELU()]
        self.layers = nn.Sequential(*hidden, nn.Conv1d(channels, domains, 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, domains), from latents, shape (batch, latent, frames)."""
        return self.layers(latents).mean(dim=2)
