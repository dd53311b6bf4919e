"""Four-layer CNN on log-mel spectrograms, and a variant with a recurrent layer."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import nn

from musiclab.core.checks import check_share, check_whole, check_widths
from musiclab.core.errors import RunError
from musiclab.models.base import MelClassifier, dense_layers

POOLS = (2, 2, 4, 4)


class MelCNN(MelClassifier):
    """Four convolutional layers with batch norm, ReLU and max-pooling, and two dense layers (Dohppak's CNN on GTZAN).

    The convolutional layers have 64, 128, 256 and 512 channels and pools of 2, 2, 4 and 4. They turn a log-mel
    spectrogram of 128 bands x 128 frames (3 s at 22,050 Hz, hop 512) into 512 x 2 x 2 = 2048 values.

    Parameters
    ----------
    classes : int
        Number of classes.
    width : int, default 64
        Number of channels in the first layer. Each layer has twice as many as the one before.
    n_mels : int, default 128
        Number of mel bands of the input. At least 64, the product of the pools.
    frames : int, default 128
        Number of frames of the input. At least 64, the product of the pools.
    hidden : (int, int), default (1024, 256)
        Sizes of the two dense layers.
    dropout : float, default 0.5
        Dropout of the dense layers, in [0, 1).

    Examples
    --------
    >>> model = MelCNN(classes=10, width=16)
    >>> model(torch.zeros(2, 128, 128)).shape  # logits of two examples
    torch.Size([2, 10])
    """

    def __init__(
        self,
        classes: int,
        width: int = 64,
        n_mels: int = 128,
        frames: int = 128,
        hidden: Sequence[int] = (1024, 256),
        dropout: float = 0.5,
    ):
        sizes = {"width": width, "n_mels": n_mels, "frames": frames, "hidden": hidden, "dropout": dropout}
        check_whole(sizes, "width", "n_mels", "frames")
        check_widths(sizes, "hidden", count=2)
        check_share(sizes, "dropout")
        if min(n_mels, frames) < prod(POOLS):
            raise RunError(f"n_mels and frames must be at least {prod(POOLS)}, not {n_mels} and {frames}")
        super().__init__(classes, sizes, (n_mels, frames))
        self.convolutions = _convolutions(width, POOLS)
        map_size = (n_mels // prod(POOLS)) * (frames // prod(POOLS))
        self.dense = nn.Sequential(nn.Flatten(), *dense_layers(8 * width * map_size, hidden, dropout, classes))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from log-mel spectrograms, shape (batch, n_mels, frames)."""
        return self.dense(self.convolutions(as_image(self.standardised(log_mel))))


class MelCRNN(MelClassifier):
    """The convolutional layers of :class:`MelCNN`, followed by a bidirectional GRU and two dense layers.

    The last pool is 8 instead of 4. It reduces 128 bands to one, so the GRU receives 512 values per step. The dense
    layers receive the last hidden states of both directions, 2 x 512 values.

    In the published system, the last pool also reduces 128 frames to one step. Then the GRU is no more than a gated
    dense layer. With ``frames=1024``, or with ``last_pool=(8, 1)``, the GRU receives 8 steps and the number of
    parameters is the same.

    Parameters
    ----------
    classes : int
        Number of classes.
    width : int, default 64
        Number of channels in the first layer. Each layer has twice as many as the one before.
    n_mels : int, default 128
        Number of mel bands of the input.
    frames : int, default 128
        Number of frames of a training segment. Other clips may be shorter or longer, if at least one step remains after
        the pools.
    hidden : int, default 512
        Size of the hidden state in each direction.
    dense : (int, int), default (1024, 256)
        Sizes of the two dense layers.
    dropout : float, default 0.5
        Dropout of the dense layers, in [0, 1).
    last_pool : (int, int), default (8, 8)
        Number of bands and number of frames that the last pool merges.

    Examples
    --------
    >>> model = MelCRNN(classes=10, width=16, hidden=32, last_pool=(8, 1))
    >>> model(torch.zeros(2, 128, 256)).shape  # logits of two examples
    torch.Size([2, 10])
    """

    def __init__(
        self,
        classes: int,
        width: int = 64,
        n_mels: int = 128,
        frames: int = 128,
        hidden: int = 512,
        dense: Sequence[int] = (1024, 256),
        dropout: float = 0.5,
        last_pool: Sequence[int] = (8, 8),
    ):
        sizes = {"width": width, "n_mels": n_mels, "frames": frames, "hidden": hidden}
        sizes |= {"dense": dense, "dropout": dropout, "last_pool": last_pool}
        check_whole(sizes, "width", "n_mels", "frames", "hidden")
        check_widths(sizes, "dense", "last_pool", count=2)
        check_share(sizes, "dropout")
        band_pool, frame_pool = (prod(POOLS[:3]) * pool for pool in last_pool)
        if n_mels < band_pool:
            raise RunError(f"n_mels must be at least {band_pool}, the product of the pools, not {n_mels}")
        super().__init__(classes, sizes, (n_mels, frames), shortest=frame_pool)
        self.convolutions = _convolutions(width, (*POOLS[:3], tuple(last_pool)))
        self.gru = nn.GRU(8 * width * (n_mels // band_pool), hidden, batch_first=True, bidirectional=True)
        self.dense = nn.Sequential(*dense_layers(2 * hidden, dense, dropout, classes))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from log-mel spectrograms, shape (batch, n_mels, frames)."""
        maps = self.convolutions(as_image(self.standardised(log_mel)))
        steps = maps.flatten(1, 2).transpose(1, 2)  # (batch, steps, channels x bands)
        _, last = self.gru(steps)  # (directions, batch, hidden)
        return self.dense(last.transpose(0, 1).flatten(1))


def as_image(log_mel: torch.Tensor) -> torch.Tensor:
    """Convert log-mel spectrograms to images with one channel, shape (batch, 1, n_mels, frames), channels last.

    Convolutions on a CPU are faster with channels last in memory, especially in bf16. ``unsqueeze(1).contiguous(
    memory_format=...)`` would not work: with one channel both memory formats look alike to PyTorch, so the strides do
    not change, and all later layers use channels first.
    """
    return log_mel.contiguous().unsqueeze(-1).permute(0, 3, 1, 2)


def _convolutions(width: int, pools: Sequence) -> nn.Sequential:
    channels = [1, width, 2 * width, 4 * width, 8 * width]
    return nn.Sequential(*(_block(*pair, pool) for pair, pool in zip(pairwise(channels), pools, strict=True)))


def _block(channels_in: int, channels_out: int, pool: int | tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),  # batch norm has its own bias
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(pool),
    )
