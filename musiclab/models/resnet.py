"""A residual network on log-mels of whole clips: the strong baseline."""

from collections.abc import Sequence

import torch
from torch import nn

from musiclab.core.errors import RunError
from musiclab.features import MelConfig
from musiclab.models.base import Classifier, check_share, check_whole


class MelResNet(Classifier):
    """A small pre-activation residual network (He et al. 2016) that hears a whole clip at once: the strong baseline.

    Why this one, for some hundred clips, from scratch, on a CPU:

    - *Whole clips.* A 5 s recording of a dog may hold half a second of dog. Segments of it teach silence the name of
      the dog; here one label stands for all that was recorded. The mean over the frames finds what goes on (rain),
      the maximum what happens once (a sneeze), and the clip may have any length.
    - *Half the sums of the four-layer CNN.* The first convolution halves both axes, so that 128 x 216 numbers cost
      0.44 G multiply-adds with 1.2 M parameters (:class:`musiclab.models.cnn.MelCNN`: 0.69 G for 128 x 128, 3.9 M).
    - *Residual, norm first.* The input of a block reaches its output unchanged, and with it the gradient, so that it
      learns fast; a shortcut that halves the axes averages, for a stride would drop three numbers of four (He et
      al. 2019, "Bag of tricks for image classification").
    - *Height counts.* To a convolution a low hum is a high whistle moved down. A second channel holds each band's
      height, from -1 to 1 (Liu et al. 2018, "CoordConv"; for sound: Koutini et al. 2019), and each band has a batch
      norm of its own, so that the loud low ones do not decide alone.

    Parameters
    ----------
    classes
        Number of classes.
    width
        Channels of the first stage; each stage has twice those of the one before.
    depth
        Residual blocks of each stage; all but the first halve bands and frames.
    n_mels, frames
        Size of the input: 216 frames are 5 s at 22,050 Hz, hop 512. Other clips may be shorter or longer.
    dropout
        Share of the pooled numbers that is dropped in training.
    drop_path
        Share of the examples for which the last block is left out in training; less for those before it.
    """

    feature = "logmel"
    feature_config = MelConfig()
    dimensions = "n_mels"

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
        check_whole(width=width, n_mels=n_mels, frames=frames)
        check_share(dropout=dropout, drop_path=drop_path)
        if not isinstance(depth, Sequence) or isinstance(depth, str) or not depth:
            raise RunError(f"expected depth to be the blocks of each stage, such as (1, 1, 1, 1), found {depth!r}")
        for blocks in depth:
            check_whole(depth=blocks)
        shrink = 2 ** len(depth)  # the stem halves, and every stage but the first
        if n_mels < shrink:
            raise RunError(f"n_mels must be at least {shrink} with {len(depth)} stages, not {n_mels}")
        sizes = {
            "width": width,
            "depth": list(depth),
            "n_mels": n_mels,
            "frames": frames,
            "dropout": dropout,
            "drop_path": drop_path,
        }
        super().__init__(classes, sizes, (n_mels, frames), shortest=shrink)
        self.bands = nn.BatchNorm1d(n_mels)
        self.register_buffer("height", torch.linspace(-1, 1, n_mels)[:, None], persistent=False)
        self.stem = nn.Conv2d(2, width, 5, stride=2, padding=2, bias=False)
        blocks, channels = [], width
        for stage, repeats in enumerate(depth):
            for place in range(repeats):
                skipped = drop_path * (len(blocks) + 1) / sum(depth)
                stride = 2 if stage and not place else 1
                blocks.append(_Block(channels, width * 2**stage, stride, skipped))
                channels = width * 2**stage
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.pool = MeanMaxPool()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, classes)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes), of log-mels, shape (batch, n_mels, frames)."""
        bands = self.bands(self.standardised(log_mel))
        picture = torch.stack([bands, self.height.to(bands).expand_as(bands)], -1)
        maps = self.stem(picture.permute(0, 3, 1, 2))  # (batch, 2, n_mels, frames), channels last in memory
        return self.output(self.dropout(self.pool(self.norm(self.blocks(maps)))))


class MeanMaxPool(nn.Module):
    """The mean over bands; of that, the mean over frames plus the maximum over them."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Shape (batch, channels, bands, frames) -> (batch, channels)."""
        steps = maps.mean(2)
        return steps.mean(2) + steps.amax(2)


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, skipped: float):
        super().__init__()
        self.skipped = skipped
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
        ready = self.norm(maps)
        change = self.layers(ready)
        if self.training and self.skipped:
            kept = torch.rand(len(maps), 1, 1, 1, device=maps.device) >= self.skipped
            change = change * (kept / (1 - self.skipped)).to(change.dtype)
        return self.shortcut(maps) + change
