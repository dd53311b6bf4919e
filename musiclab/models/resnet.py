"""Residual network on log-mel spectrograms of whole clips, our strong baseline."""

from collections.abc import Sequence

import torch
from torch import nn

from musiclab.core.checks import check_share, check_size, check_whole, check_widths
from musiclab.core.errors import RunError
from musiclab.models.base import MelClassifier


class MelResNet(MelClassifier):
    """Small pre-activation residual network (He et al. 2016), trained from scratch on a few hundred whole clips.

    - *Whole clips.* A 5 s recording of a dog may contain only half a second of barking. So most of its segments would
      have an incorrect label. The mean over time detects steady sounds (rain), the maximum detects short events (a
      sneeze).
    - *Half the multiply-adds of the four-layer CNN.* The first convolution halves both axes. An input of 128 x 216
      values needs 0.44 G multiply-adds and 1.2 M parameters. :class:`musiclab.models.cnn.MelCNN` needs 0.69 G for 128 x
      128 values and 3.9 M parameters.
    - *Pre-activation residual blocks.* Each block passes its input and its gradient on unchanged. Shortcuts that halve
      the axes use average pooling, because a stride would drop three of four values (He et al. 2019, "Bag of tricks").
    - *Position in frequency.* To a convolution, a low hum looks like a high whistle moved down. So a second channel
      contains the position of each band, from -1 to 1 (Liu et al. 2018, "CoordConv"; for sound: Koutini et al. 2019).
      Each band has its own batch norm, so that the loud low bands do not dominate.

    Parameters
    ----------
    classes : int
        Number of classes.
    width : int, default 32
        Number of channels in the first stage. Each stage has twice as many as the one before.
    depth : sequence of int, default (1, 1, 1, 1)
        Number of residual blocks in each stage. All stages except the first halve the bands and frames.
    n_mels : int, default 128
        Number of mel bands of the input.
    frames : int, default 216
        Number of frames of a training segment. 216 frames are 5 s at 22,050 Hz, hop 512. Other clips may be shorter or
        longer.
    dropout : float, default 0.2
        Dropout of the pooled values, in [0, 1).
    drop_path : float, default 0.0
        Share of the examples for which the last block is skipped in training, in [0, 1). It decreases linearly towards
        the first block.

    Examples
    --------
    >>> model = MelResNet(classes=10, width=8)
    >>> model(torch.zeros(2, 128, 216)).shape  # logits of two examples
    torch.Size([2, 10])
    """

    def __init__(
        self,
        classes: int,
        width: int = 32,
        depth: Sequence[int] = (1, 1, 1, 1),
        n_mels: int = 128,
        frames: int = 216,
        dropout: float = 0.2,
        drop_path: float = 0.0,
    ):
        sizes = {"width": width, "depth": depth, "n_mels": n_mels, "frames": frames}
        sizes |= {"dropout": dropout, "drop_path": drop_path}
        check_whole(sizes, "width", "n_mels", "frames")
        check_widths(sizes, "depth")
        check_size({"depth": max(depth)}, "depth", most=100)
        check_share(sizes, "dropout", "drop_path")
        reduction = 2 ** len(depth)  # by the stem and by all stages except the first
        if n_mels < reduction:
            raise RunError(f"n_mels must be at least {reduction} with {len(depth)} stages, not {n_mels}")
        super().__init__(classes, sizes, (n_mels, frames), shortest=reduction)
        self.bands = nn.BatchNorm1d(n_mels)
        self.register_buffer("height", torch.linspace(-1, 1, n_mels)[:, None], persistent=False)
        self.stem = nn.Conv2d(2, width, 5, stride=2, padding=2, bias=False)
        blocks, channels = [], width
        for stage, repeats in enumerate(depth):
            for block in range(repeats):
                block_drop_path = drop_path * (len(blocks) + 1) / sum(depth)
                stride = 2 if stage and not block else 1
                blocks.append(_Block(channels, width * 2**stage, stride, block_drop_path))
                channels = width * 2**stage
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.pool = MeanMaxPool()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, classes)

    def embed(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute the pooled values that the output layer receives, shape (batch, 8 x width with four stages)."""
        bands = self.bands(self.standardised(log_mel))
        image = torch.stack([bands, self.height.to(bands).expand_as(bands)], -1)
        maps = self.stem(image.permute(0, 3, 1, 2))  # (batch, 2, n_mels, frames), channels last in memory
        return self.pool(self.norm(self.blocks(maps)))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from log-mel spectrograms, shape (batch, n_mels, frames)."""
        return self.output(self.dropout(self.embed(log_mel)))


class MeanMaxPool(nn.Module):
    """Average over bands, then add the mean and the maximum over frames, shape (batch, channels)."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        steps = maps.mean(2)
        return steps.mean(2) + steps.amax(2)


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, drop_path: float):
        super().__init__()
        self.drop_path = drop_path
        self.norm = nn.Sequential(nn.BatchNorm2d(channels_in), nn.ReLU(inplace=True))
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
        )
        shortcut = []
        if stride > 1:
            shortcut.append(nn.AvgPool2d(stride, ceil_mode=True))
        if channels_in != channels_out:
            shortcut.append(nn.Conv2d(channels_in, channels_out, 1, bias=False))
        self.shortcut = nn.Sequential(*shortcut) if shortcut else nn.Identity()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        residual = self.layers(self.norm(maps))
        if self.training and self.drop_path:
            is_kept = torch.rand(len(maps), 1, 1, 1, device=maps.device) >= self.drop_path
            residual = residual * (is_kept / (1 - self.drop_path)).to(residual.dtype)
        return self.shortcut(maps) + residual
