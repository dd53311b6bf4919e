"""The four-layer CNN on log-mel spectrograms, and the same with a recurrent layer on top."""

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
    """Four times convolution - batch norm - ReLU - max-pool, then two dense layers (Dohppak's CNN on GTZAN).

    With 64, 128, 256, 512 channels and pools of 2, 2, 4, 4, a log-mel of 128 bands x 128 frames (3 s at 22,050 Hz, hop
    512) becomes 512 x 2 x 2 = 2048 values.

    Parameters
    ----------
    classes, width
        Number of classes, and of channels in the first layer; each layer has twice as many as the one before.
    n_mels, frames
        Size of the input; both at least 64, the product of the pools.
    hidden, dropout
        Sizes of the two dense layers, and the share of their outputs that is dropped in training.
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
        left = (n_mels // prod(POOLS)) * (frames // prod(POOLS))  # of each map
        self.dense = nn.Sequential(nn.Flatten(), *dense_layers(8 * width * left, hidden, dropout, classes))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from log-mels, shape (batch, n_mels, frames)."""
        return self.dense(self.convolutions(as_picture(self.standardised(log_mel))))


class MelCRNN(MelClassifier):
    """The convolutions of :class:`MelCNN` with a last pool of 8, then a bidirectional GRU and dense layers.

    The last pool leaves one band, so 512 values per step, and only one step of 128 frames: at the system's own size the
    GRU receives a sequence of length one, and is just a gated dense layer. With ``frames=1024``, or with
    ``last_pool=(8, 1)``, which does not pool time in the last layer, it receives 8 steps, with as many parameters. The
    final states of both directions, 2 x 512 values, go to the dense layers.

    Parameters
    ----------
    classes, width, n_mels, frames, dropout
        As in :class:`MelCNN`; any number of frames that leaves one step.
    hidden, dense
        Size of the GRU in each direction, and of the two dense layers.
    last_pool
        Bands and frames that the last pool merges into one.
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
        bands_to_one, frames_to_one = (prod(POOLS[:3]) * pool for pool in last_pool)
        if n_mels < bands_to_one:
            raise RunError(f"n_mels must be at least {bands_to_one}, the product of the pools, not {n_mels}")
        super().__init__(classes, sizes, (n_mels, frames), shortest=frames_to_one)
        self.convolutions = _convolutions(width, (*POOLS[:3], tuple(last_pool)))
        self.gru = nn.GRU(8 * width * (n_mels // bands_to_one), hidden, batch_first=True, bidirectional=True)
        self.dense = nn.Sequential(*dense_layers(2 * hidden, dense, dropout, classes))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        maps = self.convolutions(as_picture(self.standardised(log_mel)))
        steps = maps.flatten(1, 2).transpose(1, 2)  # (batch, steps, channels x bands)
        _, last = self.gru(steps)  # (directions, batch, hidden)
        return self.dense(last.transpose(0, 1).flatten(1))


def as_picture(log_mel: torch.Tensor) -> torch.Tensor:
    """Turn log-mels into pictures of one channel, shape (batch, 1, n_mels, frames), channels last in memory.

    Convolutions on a CPU are faster that way, above all in bf16. ``unsqueeze(1).contiguous(memory_format=...)`` does
    not help: with one channel both orders look the same to PyTorch, so it keeps the strides, and all that follows is
    channels first.
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
