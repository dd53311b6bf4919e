"""The four-layer CNN on log-mel spectrograms, and the same with a recurrent layer on top."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import nn

from musiclab.core.errors import RunError
from musiclab.features import MelConfig
from musiclab.models.base import Classifier, check_share, check_whole, check_widths

POOLS = (2, 2, 4, 4)


class MelCNN(Classifier):
    """Four times convolution - batch norm - ReLU - max-pool, then two dense layers (Dohppak's CNN on GTZAN).

    Channels are 64, 128, 256, 512 and pools 2, 2, 4, 4, so that a log-mel of 128 bands x 128 frames (3 s at
    22,050 Hz, hop 512) becomes 512 x 2 x 2 = 2048 numbers.

    Parameters
    ----------
    classes
        Number of classes.
    width
        Channels of the first layer; each layer has twice those of the one before.
    n_mels, frames
        Size of the input; both at least 64, the product of the pools.
    hidden
        Sizes of the two dense layers.
    dropout
        Share of their outputs that is dropped in training.
    """

    feature = "logmel"
    feature_config = MelConfig()
    dimensions = "n_mels"

    def __init__(
        self,
        classes: int,
        width: int = 64,
        n_mels: int = 128,
        frames: int = 128,
        hidden: Sequence[int] = (1024, 256),
        dropout: float = 0.5,
    ):
        check_whole(width=width, n_mels=n_mels, frames=frames)
        check_widths(2, hidden=hidden)
        check_share(dropout=dropout)
        if min(n_mels, frames) < prod(POOLS):
            raise RunError(f"n_mels and frames must be at least {prod(POOLS)}, not {n_mels} and {frames}")
        sizes = {"width": width, "n_mels": n_mels, "frames": frames, "hidden": list(hidden), "dropout": dropout}
        super().__init__(classes, sizes, (n_mels, frames))
        self.convolutions = _convolutions(width, POOLS)
        left = (n_mels // prod(POOLS)) * (frames // prod(POOLS))  # of each map
        self.dense = nn.Sequential(nn.Flatten(), *_dense(8 * width * left, hidden, dropout, classes))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes), of log-mels, shape (batch, n_mels, frames)."""
        return self.dense(self.convolutions(as_picture(self.standardised(log_mel))))


class MelCRNN(Classifier):
    """The convolutions of :class:`MelCNN` with a last pool of 8, a bidirectional GRU, and its dense layers.

    How the text is read: the pools of the CNN work on both axes (512 x 2 x 2 = 2048 says so), and so does the pool
    of 8 that takes the place of the last. It leaves one band, hence 512 numbers a step, and one step in 128 frames:
    at the system's own size the GRU hears a sequence of one, and is a gated dense layer. It has something to
    remember with longer segments (``frames=1024`` has 8 steps) or with ``last_pool=(8, 1)``, which does not pool
    time in the last layer (8 steps of 0.37 s in 128 frames); the number of parameters is the same. The final states
    of both directions, 2 x 512 numbers, go to the dense layers of the CNN.

    Parameters
    ----------
    classes
        Number of classes.
    width
        Channels of the first layer; each layer has twice those of the one before.
    n_mels, frames
        Size of the input; any number of frames will do that leaves one step.
    hidden
        Size of the GRU, in each direction.
    dense
        Sizes of the two dense layers.
    dropout
        Share of their outputs that is dropped in training.
    last_pool
        Bands and frames that the last pool makes one.
    """

    feature = "logmel"
    feature_config = MelConfig()
    dimensions = "n_mels"

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
        check_whole(width=width, n_mels=n_mels, frames=frames, hidden=hidden)
        check_widths(2, dense=dense, last_pool=last_pool)
        check_share(dropout=dropout)
        bands_to_one, frames_to_one = (prod(POOLS[:3]) * pool for pool in last_pool)
        if n_mels < bands_to_one:
            raise RunError(f"n_mels must be at least {bands_to_one}, the product of the pools, not {n_mels}")
        sizes = {
            "width": width,
            "n_mels": n_mels,
            "frames": frames,
            "hidden": hidden,
            "dense": list(dense),
            "dropout": dropout,
            "last_pool": list(last_pool),
        }
        super().__init__(classes, sizes, (n_mels, frames), shortest=frames_to_one)
        self.convolutions = _convolutions(width, (*POOLS[:3], tuple(last_pool)))
        self.gru = nn.GRU(8 * width * (n_mels // bands_to_one), hidden, batch_first=True, bidirectional=True)
        self.dense = nn.Sequential(*_dense(2 * hidden, dense, dropout, classes))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes), of log-mels, shape (batch, n_mels, frames)."""
        maps = self.convolutions(as_picture(self.standardised(log_mel)))
        steps = maps.flatten(1, 2).transpose(1, 2)  # (batch, steps, channels x bands)
        _, last = self.gru(steps)  # (directions, batch, hidden)
        return self.dense(last.transpose(0, 1).flatten(1))


def as_picture(log_mel: torch.Tensor) -> torch.Tensor:
    """Log-mels as pictures of one channel, shape (batch, 1, n_mels, frames), channels last in memory.

    Convolutions on a CPU run faster so, above all in bf16. ``unsqueeze(1)`` with
    ``contiguous(memory_format=torch.channels_last)`` would not do: with one channel both orders are the same numbers
    in a row, PyTorch leaves the strides alone, and all that follows is channels first.
    """
    return log_mel.contiguous().unsqueeze(-1).permute(0, 3, 1, 2)


def _convolutions(width: int, pools: Sequence) -> nn.Sequential:
    channels = [1, width, 2 * width, 4 * width, 8 * width]
    return nn.Sequential(*(_block(*pair, pool) for pair, pool in zip(pairwise(channels), pools, strict=True)))


def _block(channels_in: int, channels_out: int, pool: int | tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),  # batch norm has its own offset
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(pool),
    )


def _dense(inputs: int, hidden: Sequence[int], dropout: float, classes: int) -> list[nn.Module]:
    layers = []
    for size_in, size_out in pairwise([inputs, *hidden]):
        layers += [nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout)]
    return [*layers, nn.Linear(hidden[-1], classes)]
