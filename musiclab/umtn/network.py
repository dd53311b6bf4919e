"""Define UMTN's encoder and its adversary, the domain classifier, with the published sizes as defaults.

See section 3 of Mor et al., ICLR 2019, and their code.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from musiclab.umtn.encoded import WAV_FREQ
from musiclab.umtn.mulaw import inv_mu_law


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
    front : str
        First layer. ``"learned"`` is a convolution, as in UMTN. ``"pitches"`` is a bank of fixed filters, three per
        semitone, whose log magnitudes are computed once per stride. Such filters needn't be learnt, which saves hours
        of training. Default: ``"learned"``.

    Attributes
    ----------
    sizes : dict
        The parameters above, by name.
    receptive : int
        Receptive field in samples: how many input samples influence one output of the last layer.

    Raises
    ------
    ValueError
        If ``pool`` is not a multiple of ``stride``, or ``front`` is unknown.

    Examples
    --------
    >>> Encoder(channels=8, blocks=1, layers=4)(torch.zeros(2, 12000)).shape  # (batch, latent, 12000 // pool)
    torch.Size([2, 64, 15])
    """

    def __init__(self, channels=128, blocks=3, layers=10, latent=64, pool=800, stride=1, front="learned"):
        super().__init__()
        if pool % stride:
            raise ValueError(f"expected pool to be a multiple of the stride {stride}, found {pool}")
        if front not in ("learned", "pitches"):
            raise ValueError(f"expected front to be 'learned' or 'pitches', found {front!r}")
        sizes = dict(channels=channels, blocks=blocks, layers=layers, latent=latent, pool=pool, stride=stride)
        self.sizes = sizes | {"front": front}
        if front == "learned":
            kernel = 3 if stride == 1 else 4 * stride
            self.first = nn.Conv1d(1, channels, kernel, stride, padding=(kernel - stride + 1) // 2)
        else:
            kernel = _PitchFilters.length
            self.first = _PitchFilters(stride, channels)
        self.receptive = kernel + stride * blocks * 2 * (2**layers - 1)
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
        x = codes if self.sizes["front"] == "pitches" else codes.float()[:, None] / 255 - 0.5  # (batch, 1, samples)
        x = self.last(self.layers(self.first(x)))
        return F.avg_pool1d(x, self.sizes["pool"] // self.sizes["stride"])


class _PitchFilters(nn.Module):
    """First layer with fixed band-pass filters, three per semitone from 55 Hz to 4 kHz.

    The higher a filter, the shorter it is, as in a constant-Q transform: 34 periods of its frequency, at most 128 ms.
    Once per stride, the log magnitudes of all filters are standardised and mixed by a 1x1 convolution. Each result is
    normalised over its channels (layer norm), which halves the number of training steps.
    """

    length = 2048
    bands = 222

    def __init__(self, stride: int, channels: int):
        super().__init__()
        self.stride = stride
        frequencies = 55 * 2 ** (np.arange(self.bands) / 36)[:, None]
        time = np.arange(self.length) - (self.length - 1) / 2
        lengths = np.minimum(self.length, 34 * WAV_FREQ / frequencies)
        windows = np.where(np.abs(time) < lengths / 2, np.cos(np.pi * time / lengths) ** 2, 0)  # Hann
        filters = windows / windows.sum(axis=1, keepdims=True) * np.exp(2j * np.pi * frequencies / WAV_FREQ * time)
        kernel = np.concatenate([filters.real, filters.imag]).T.astype(np.float32)
        self.register_buffer("kernel", torch.from_numpy(np.ascontiguousarray(kernel)), persistent=False)
        self.register_buffer("waveform", torch.from_numpy(inv_mu_law(np.arange(256))), persistent=False)
        self.standardise = nn.BatchNorm1d(self.bands, affine=False)
        self.mix = nn.Conv1d(self.bands, channels, 1)
        self.norm = nn.LayerNorm(channels)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        return self.norm(self.mix(self.standardise(self.log_magnitudes(codes))).transpose(1, 2)).transpose(1, 2)

    @torch.no_grad()
    def log_magnitudes(self, codes: torch.Tensor) -> torch.Tensor:
        """Filter codes, shape (batch, samples), to log magnitudes, shape (batch, bands, frames)."""
        waveform = self.waveform[codes.int()]
        excess = self.length - self.stride
        frames = F.pad(waveform, (excess // 2, excess - excess // 2)).unfold(1, self.length, self.stride)
        with torch.autocast(codes.device.type, enabled=False):
            real, imaginary = (frames @ self.kernel).chunk(2, dim=2)
        return torch.log10((real.square() + imaginary.square()).sqrt() + 1e-4).transpose(1, 2)


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
