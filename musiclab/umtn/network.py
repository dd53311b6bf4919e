"""UMTN's two parts that are classifiers: the shared encoder, and what is to be confused by it.

The sizes by default are the published ones (Mor et al., ICLR 2019, section 3 and its code). The third part, one
WaveNet decoder a domain (4 blocks of 14 layers), has its place beside these two and is yet to come.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Encoder(nn.Module):
    """mu-law codes to a sequence of latent vectors, by dilated residual convolutions.

    Parameters
    ----------
    channels
        Of every layer.
    blocks, layers
        Layers of a block have dilations 1, 2, 4 ... ``2**(layers - 1)``.
    latent
        Channels of a latent vector.
    pool
        Samples that share a latent vector: 800 is 50 ms at 16 kHz.
    stride
        Samples that the first layer moves at a time. UMTN: 1. More is our shortcut for a slow machine: a stride of
        8 makes every layer eight times as fast, with a first kernel of 32 samples in place of 3.

    Attributes
    ----------
    sizes : dict
        The arguments.
    receptive : int
        Samples that a layer's last output depends on.
    """

    def __init__(self, channels=128, blocks=3, layers=10, latent=64, pool=800, stride=1):
        super().__init__()
        if pool % stride:
            raise ValueError(f"expected a pool that is a multiple of the stride {stride}, found {pool}")
        self.sizes = dict(channels=channels, blocks=blocks, layers=layers, latent=latent, pool=pool, stride=stride)
        kernel = 3 if stride == 1 else 4 * stride
        self.receptive = kernel + stride * blocks * 2 * (2**layers - 1)
        self.first = nn.Conv1d(1, channels, kernel, stride, padding=(kernel - stride + 1) // 2)
        self.layers = nn.Sequential(
            *(_DilatedResidual(channels, 2**layer) for _ in range(blocks) for layer in range(layers))
        )
        self.last = nn.Conv1d(channels, latent, 1)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Latents.

        Parameters
        ----------
        codes : tensor of any kind of number, shape (batch, samples)
            mu-law codes, 0 to 255.

        Returns
        -------
        float tensor, shape (batch, latent, samples // pool)
        """
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
    """Latents to the domain they come from: the classifier that the encoder is to confuse.

    Every latent vector is judged by itself (1x1 convolutions with ELU), and the logits are averaged over time.

    Parameters
    ----------
    domains
        How many.
    latent
        Channels of a latent vector.
    channels, layers
        Of the hidden layers.
    standardise
        Bring the latents to zero mean and unit variance first (batch normalisation without weights). UMTN does not;
        in a short training it lets the classifier keep pace with an encoder whose latents begin near zero, and
        leaves the encoder no way to hide a domain by making its latents small.

    Attributes
    ----------
    sizes : dict
        The arguments.
    """

    def __init__(self, domains, latent=64, channels=100, layers=3, standardise=False):
        super().__init__()
        self.sizes = dict(domains=domains, latent=latent, channels=channels, layers=layers, standardise=standardise)
        hidden: list[nn.Module] = [nn.BatchNorm1d(latent, affine=False)] if standardise else []
        for layer in range(layers):
            hidden += [nn.Conv1d(channels if layer else latent, channels, 1), nn.ELU()]
        self.layers = nn.Sequential(*hidden, nn.Conv1d(channels, domains, 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, domains), of latents, shape (batch, latent, frames)."""
        return self.layers(latents).mean(dim=2)
