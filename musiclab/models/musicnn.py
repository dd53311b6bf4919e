"""MusiCNN, a convolutional network whose filters are shaped like timbres and rhythms (Pons and Serra, 2019)."""

import torch
from torch import nn
from torch.nn import functional as F

from musiclab.core.checks import check_share, check_whole
from musiclab.core.errors import RunError
from musiclab.features import MelConfig
from musiclab.models.base import MelClassifier

TIMBRES = (38, 67)  # mel bands that a timbral filter covers: 0.4 and 0.7 of 96
RHYTHMS = (128, 64, 32)  # frames that a temporal filter covers: 2.0, 1.0 and 0.5 s


class MusiCNN(MelClassifier):
    """Network that tags music, with filters designed for it (Pons and Serra, "musicnn", arXiv 1909.06654).

    - *Timbral filters* are tall and short: most of the bands, 7 frames. Each responds to one timbre, at any pitch,
      because the maximum over all bands is taken.
    - *Temporal filters* are flat and long: one band, up to 2 s. They respond to rhythms and slow changes.
    - *Three residual layers* combine both over time. All four stages are pooled: their maximum and their mean over time
      are the 1,506 values of :meth:`embed`.

    Parameters
    ----------
    classes : int
        Number of classes.
    width : int, default 64
        Number of channels of the three middle layers.
    hidden : int, default 200
        Number of units of the dense layer.
    n_mels : int, default 96
        Number of mel bands of the input. At least 67, the height of the tallest filters.
    frames : int, default 187
        Number of frames of a training segment. 187 frames are 3 s at 16,000 Hz, hop 256. Other clips may be shorter or
        longer.
    dropout : float, default 0.5
        Dropout before both dense layers, in [0, 1).

    Examples
    --------
    >>> model = MusiCNN(classes=50)
    >>> model(torch.zeros(2, 96, 187)).shape  # logits of two examples
    torch.Size([2, 50])
    """

    feature_config = MelConfig(
        sample_rate=16000, n_fft=512, hop_length=256, n_mels=96, power=2.0, scaling="log10(1+10000x)"
    )

    def __init__(
        self,
        classes: int,
        width: int = 64,
        hidden: int = 200,
        n_mels: int = 96,
        frames: int = 187,
        dropout: float = 0.5,
    ):
        sizes = {"width": width, "hidden": hidden, "n_mels": n_mels, "frames": frames, "dropout": dropout}
        check_whole(sizes, "width", "hidden", "n_mels", "frames")
        check_share(sizes, "dropout")
        if n_mels < max(TIMBRES):
            raise RunError(f"n_mels must be at least {max(TIMBRES)}, the height of the tallest filters, not {n_mels}")
        super().__init__(classes, sizes, (n_mels, frames), shortest=1)
        self.input_norm = nn.BatchNorm2d(1, eps=1e-3)
        self.timbral = nn.ModuleList(_layer((204, 1, bands, 7), padding=(0, 3)) for bands in TIMBRES)
        self.temporal = nn.ModuleList(_layer((51, 1, 1, frames), padding=0) for frames in RHYTHMS)
        front = 204 * len(TIMBRES) + 51 * len(RHYTHMS)
        self.middle = nn.ModuleList(_layer((width, channels, 7), padding=3) for channels in (front, width, width))
        pooled = 2 * (front + 3 * width)
        self.pooled_norm = nn.BatchNorm1d(pooled, eps=1e-3)
        self.hidden = nn.Linear(pooled, hidden)
        self.hidden_norm = nn.BatchNorm1d(hidden, eps=1e-3)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def embed(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute the maximum and the mean over time of all stages, shape (batch, 1506)."""
        image = self.input_norm(self.standardised(log_mel)[:, None])  # (batch, 1, n_mels, frames)
        maps = [layer(image).amax(2) for layer in self.timbral]
        for layer, frames in zip(self.temporal, RHYTHMS, strict=True):
            maps.append(layer(F.pad(image, ((frames - 1) // 2, frames // 2))).amax(2))
        maps = torch.cat(maps, dim=1)  # (batch, channels, frames)
        first, second, third = self.middle
        stages = [maps, first(maps)]
        for layer in (second, third):
            stages.append(layer(stages[-1]) + stages[-1])
        joined = torch.cat(stages, dim=1)
        return torch.cat([joined.amax(2), joined.mean(2)], dim=1)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from log-mel spectrograms, shape (batch, n_mels, frames)."""
        pooled = self.dropout(self.pooled_norm(self.embed(log_mel)))
        return self.output(self.dropout(self.hidden_norm(F.relu(self.hidden(pooled)))))


def _layer(shape: tuple[int, ...], padding) -> nn.Sequential:
    """Convolution with a kernel of ``shape`` (channels out, channels in, ...), ReLU and batch norm."""
    out, channels, *kernel = shape
    convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if len(kernel) == 2 else (nn.Conv1d, nn.BatchNorm1d)
    return nn.Sequential(convolution(channels, out, kernel, padding=padding), nn.ReLU(), norm(out, eps=1e-3))
