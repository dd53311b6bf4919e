"""Define UMTN's encoder and its adversary, the domain classifier, with the published sizes as defaults.

See section 3 of Mor et al., ICLR 2019, and their code.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Encoder(nn.Module):
    """UMTN's encoder, a network that turns sound into a sequence of latent vectors.

    A latent vector (a *latent* for short) describes 50 ms of sound with 64 values. The network consists of dilated
    convolutions, each with a residual connection, so that it covers a long context with few layers. The defaults are
    the published sizes.

    Parameters
    ----------
    channels : int
        Number of channels in each layer. Default: 128.
    blocks : int
        Number of blocks of layers. Default: 3.
    layers : int
        Number of layers per block. Their dilations are 1, 2, 4 ... ``2**(layers - 1)``. Default: 10.
    latent : int
        Number of channels in a latent vector. Default: 64.
    pool : int
        Number of samples per latent vector, a multiple of ``stride``. Default: 800, which is 50 ms at 16 kHz.
    stride : int
        Stride of the first layer in samples. Default: 1, as in UMTN. A stride of 8 makes the layers eight times as
        fast. The first kernel is then 32 samples long instead of 3. This is our shortcut for slow machines.

    Attributes
    ----------
    sizes : dict of str to int
        The parameters above, by name.
    receptive : int
        Receptive field in samples: how many input samples influence one output of the last layer.

    Raises
    ------
    ValueError
        If ``pool`` is not a multiple of ``stride``.

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
        """Encode segments as latent vectors.

        Parameters
        ----------
        codes : tensor of any dtype, shape (batch, samples)
            Mu-law codes from 0 to 255.

        Returns
        -------
        float tensor, shape (batch, latent, samples // pool)
            Latent vectors.
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
    """Network that predicts the domain of latent vectors, and so acts as the adversary of the encoder.

    A domain is one kind of music, such as Bach's works for solo cello. The encoder is trained to make this prediction
    fail, so that the latents no longer reveal the domain. The network classifies each latent vector on its own (1x1
    convolutions with ELU), and averages the scores over time.

    Parameters
    ----------
    domains : int
        Number of domains.
    latent : int
        Number of channels in a latent vector. Default: 64.
    channels : int
        Number of channels in a hidden layer. Default: 100.
    layers : int
        Number of hidden layers. Default: 3.
    standardise : bool
        Standardise the latents first (batch normalisation without weights). UMTN doesn't do this. It helps in short
        trainings, because latents start near zero. It also stops the encoder from hiding the domain by merely shrinking
        the latents. Default: False.

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
        """Compute one score per domain for each segment.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors of segments.

        Returns
        -------
        float tensor, shape (batch, domains)
            Logits. The largest one belongs to the predicted domain.
        """
        return self.layers(latents).mean(dim=2)
