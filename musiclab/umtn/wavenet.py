"""WaveNet, UMTN's decoder: it predicts each sample from all samples before it and from the latents.

See section 3 of Mor et al., ICLR 2019, and van den Oord et al. 2016, "WaveNet", arXiv 1609.03499.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from musiclab.core.extras import require
from musiclab.umtn.mulaw import encode_tensor


class WaveNet(nn.Module):
    """WaveNet decoder, an autoregressive network that turns latents back into sound.

    Each layer is a causal convolution of two samples, whose distance (the dilation) doubles from layer to layer. A
    sigmoid gate multiplies a tanh output. The result is added to the layer's input, and through a skip connection to
    the output of the network. The defaults are the sizes in the paper.

    Parameters
    ----------
    latent : int
        Number of channels in a latent vector. Default: 64.
    channels : int
        Number of channels in each layer. Default: 128.
    skip : int
        Number of channels of the skip connections. Default: 128.
    blocks : int
        Number of blocks of layers. Default: 4.
    layers : int
        Number of layers per block. Their dilations are 1, 2, 4 ... ``2**(layers - 1)``. Default: 14.

    Attributes
    ----------
    sizes : dict of str to int
        The parameters above, by name.
    receptive : int
        Receptive field in samples: how many past samples influence one prediction.

    Examples
    --------
    >>> decoder = WaveNet(channels=8, skip=8, blocks=1, layers=4)
    >>> codes, latents = torch.zeros(2, 1600, dtype=torch.uint8), torch.zeros(2, 64, 2)
    >>> decoder(codes, latents).shape  # one score for each of the 256 codes
    torch.Size([2, 256, 1600])
    """

    def __init__(self, latent=64, channels=128, skip=128, blocks=4, layers=14):
        super().__init__()
        self.sizes = dict(latent=latent, channels=channels, skip=skip, blocks=blocks, layers=layers)
        self.receptive = blocks * (2**layers - 1) + 2
        self.first = nn.Conv1d(1, channels, 2)
        self.first_skip = nn.Conv1d(channels, skip, 1)
        dilations = [2**layer for layer in range(layers)] * blocks
        self.layers = nn.ModuleList(_GatedResidual(latent, channels, skip, dilation) for dilation in dilations)
        self.condition = nn.Conv1d(latent, skip, 1)
        self.hidden = nn.Conv1d(skip, skip, 1)
        self.logits = nn.Conv1d(skip, 256, 1)

    def forward(self, codes: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Predict every sample of a known segment from the samples before it (teacher forcing).

        Parameters
        ----------
        codes : tensor of any dtype, shape (batch, samples)
            Mu-law codes of the true sound. The prediction of sample t depends on the codes before t only.
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors. ``samples`` is a multiple of ``frames``.

        Returns
        -------
        float tensor, shape (batch, 256, samples)
            Logits of the codes.
        """
        samples_per_frame = codes.shape[1] // latents.shape[2]
        x = F.pad(codes[:, None, :-1].float() / 255 - 0.5, (2, 0))  # sample t receives the codes t - 2 and t - 1
        x = self.first(x)
        skip = self.first_skip(x)
        for layer in self.layers:
            x, skip = layer(x, skip, latents, samples_per_frame)
        skip = self.hidden(F.relu(skip)) + self.condition(latents).repeat_interleave(samples_per_frame, dim=2)
        return self.logits(F.relu(skip))

    def loss(self, latents: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Compute the cross-entropy of the mu-law codes, in nats.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors.
        samples : int16 tensor, shape (batch, samples)
            Samples of the true sound.

        Returns
        -------
        float tensor, shape (batch,)
            Loss of each segment, averaged over its samples.
        """
        codes = encode_tensor(samples)
        return F.cross_entropy(self(codes, latents), codes.long(), reduction="none").mean(dim=1)


class _GatedResidual(nn.Module):
    def __init__(self, latent: int, channels: int, skip: int, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.causal = nn.Conv1d(channels, 2 * channels, 2, dilation=dilation)
        self.condition = nn.Conv1d(latent, 2 * channels, 1)
        self.residual = nn.Conv1d(channels, channels, 1)
        self.skip = nn.Conv1d(channels, skip, 1)

    def forward(self, x, skip, latents, samples_per_frame):
        condition = self.condition(latents).repeat_interleave(samples_per_frame, dim=2)
        gate, output = (self.causal(F.pad(x, (self.dilation, 0))) + condition).chunk(2, dim=1)
        z = torch.sigmoid(gate) * torch.tanh(output)
        return x + self.residual(z), skip + self.skip(z)


class Generator:
    """Generator that runs a WaveNet one sample at a time on one CPU core, with cached states.

    Each sample is drawn from the predicted probabilities.
    The inputs of each layer are kept for as many samples as its dilation. So a new sample takes two small matrix
    products per layer instead of a pass over the whole receptive field. The loop is compiled with numba, because a loop
    of PyTorch calls would be ten times slower. It gives the same logits as :meth:`WaveNet.forward`.

    Parameters
    ----------
    wavenet : WaveNet
        Trained decoder. Its weights are copied.
    seed : int
        Random seed of the draws. Default: 0.

    Examples
    --------
    >>> generator = Generator(WaveNet(channels=4, skip=4, blocks=1, layers=2))
    >>> first = generator.generate(torch.zeros(64, 2), samples_per_frame=10)  # continues where it stopped
    >>> second = generator.generate(torch.zeros(64, 1), samples_per_frame=10)
    >>> first.shape, second.shape
    ((20,), (10,))
    """

    def __init__(self, wavenet: WaveNet, seed: int = 0):
        self._wavenet = wavenet
        self._random = np.random.default_rng(seed)
        self._dilations = np.array([layer.dilation for layer in wavenet.layers])
        starts = np.concatenate([[0], np.cumsum(self._dilations)])
        self._past = np.zeros((starts[-1], wavenet.sizes["channels"]), np.float32)  # ring buffers of all layers
        self._starts = starts[:-1]
        self._inputs = np.zeros(2, np.float32)  # the last two samples, scaled as in WaveNet.forward
        self._sample = 0
        layers = wavenet.layers
        self._weights = (
            _array(wavenet.first.weight[:, 0].T),
            _array(wavenet.first.bias),
            _transposed(wavenet.first_skip.weight),
            _array(wavenet.first_skip.bias + sum(layer.skip.bias for layer in layers)),
            np.stack([_array(layer.causal.weight.permute(2, 1, 0)) for layer in layers]),
            np.stack([_transposed(layer.residual.weight) for layer in layers]),
            np.stack([_array(layer.residual.bias) for layer in layers]),
            np.stack([_transposed(layer.skip.weight) for layer in layers]),
            _transposed(wavenet.hidden.weight),
            _transposed(wavenet.logits.weight),
            _array(wavenet.logits.bias),
        )

    def generate(self, latents: torch.Tensor, samples_per_frame: int = 800, temperature: float = 1.0) -> np.ndarray:
        """Generate the next samples.

        Parameters
        ----------
        latents : float tensor, shape (latent, frames)
            Latent vectors of the next frames.
        samples_per_frame : int
            Number of samples per latent vector. Default: 800.
        temperature : float
            The logits are divided by this number. Below 1, likely codes become more likely, so that the sound has less
            noise. With 0, the most likely code is always chosen. Default: 1.

        Returns
        -------
        uint8 array, shape (frames * samples_per_frame,)
            Mu-law codes.

        Raises
        ------
        ValueError
            If ``temperature`` is negative.
        """
        if not temperature >= 0:
            raise ValueError(f"expected a temperature of at least 0, found {temperature}")
        codes = np.zeros(latents.shape[1] * samples_per_frame, np.uint8)
        self._run(codes, latents, samples_per_frame, temperature, np.zeros((0, 256), np.float32))
        return codes

    def logits(self, codes: np.ndarray, latents: torch.Tensor) -> np.ndarray:
        """Compute the logits of known samples, as in teacher forcing. The next call continues after them.

        Parameters
        ----------
        codes : uint8 array, shape (samples,)
            Mu-law codes.
        latents : float tensor, shape (latent, frames)
            Latent vectors. ``samples`` is a multiple of ``frames``.

        Returns
        -------
        float32 array, shape (samples, 256)
            Logits of each code, given the codes before it.
        """
        logits = np.zeros((len(codes), 256), np.float32)
        self._run(np.array(codes, np.uint8), latents, len(codes) // latents.shape[1], 1.0, logits)
        return logits

    def _run(self, codes, latents, samples_per_frame, temperature, logits) -> None:
        require("sampling from a WaveNet", "lessons", "numba")
        from musiclab.umtn.sampling import run  # numba takes a second to import

        with torch.no_grad():
            latents = latents.float().cpu()[None]
            layers = self._wavenet.layers
            conditions = [layer.condition(latents) + layer.causal.bias[:, None] for layer in layers]
            conditions = _array(torch.cat(conditions).permute(2, 0, 1))  # (frames, layers, 2 * channels)
            final = _array((self._wavenet.condition(latents)[0] + self._wavenet.hidden.bias[:, None]).T)
        draws = self._random.random(len(codes)).astype(np.float32)
        state = (self._past, self._starts, self._dilations, self._inputs)
        run(self._weights, state, self._sample, conditions, final, samples_per_frame, temperature, draws, codes, logits)
        self._sample += len(codes)


def _transposed(weight: torch.Tensor) -> np.ndarray:
    """Convert the weight of a 1x1 convolution to an array of shape (inputs, outputs)."""
    return _array(weight[:, :, 0].T)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())
