"""Networks on the raw waveform, M3 to M34-res (Dai et al. 2016, arXiv 1610.00087)."""

import torch
from torch import nn
from torch.nn import functional as F

from musiclab.core.checks import check_whole
from musiclab.features import AudioConfig
from musiclab.models.base import Classifier

KERNEL, STRIDE = 80, 4  # first layer, 10 ms and 0.5 ms at 8 kHz
POOL = 4


class WaveformCNN(Classifier):
    """Convolutional network on the raw waveform, with long kernels in the first layer and short kernels in all others.

    Every layer consists of a convolution, batch norm and ReLU. The first layer has a kernel of 80 samples (10 ms at 8
    kHz) and a stride of 4. All other kernels have 3 values. These layers form stages. Each stage starts with a max-pool
    of 4 and has twice as many channels as the one before. The output is averaged over time before the last, linear
    layer, so clips may have any length. Subclasses define the layers (parameters are for 10 classes):

    ===========  =============  ======================  ======================  =================  ==========
    name         class          channels of the stages  layers of the stages    after the last     parameters
    ===========  =============  ======================  ======================  =================  ==========
    ``m3``       M3             256                     1                       pool               220,682
    ``m5``       M5             128, 256, 512           1, 1, 1                 pool               558,090
    ``m11``      M11            64, 128, 256, 512       2, 2, 3, 2                                 1,784,202
    ``m18``      M18            64, 128, 256, 512       4, 4, 4, 4                                 3,679,882
    ``m34res``   M34Res         48, 96, 192, 384        3, 4, 6, 3 blocks of 2                     3,972,778
    ===========  =============  ======================  ======================  =================  ==========

    With zero padding, the first layer turns 32,000 samples into 8,000 steps, and four pools leave 31. Weights are
    initialised as in the paper (Glorot and Bengio).

    Parameters
    ----------
    classes : int
        Number of classes.
    width : int, optional
        Number of channels in the first layer and the first stage. Default: as in the paper.
    length : int, default 32000
        Samples of a training segment. 32,000 samples are 4 s at 8 kHz. Other clips may be shorter or longer.

    Examples
    --------
    >>> model = M5(classes=10)
    >>> model(torch.zeros(2, 32000)).shape  # logits of two examples
    torch.Size([2, 10])
    """

    feature = "audio"
    feature_config = AudioConfig(sample_rate=8000)
    paper_width: int
    repeats: tuple[int, ...]
    pool_last: bool = False
    residual: bool = False

    def __init__(self, classes: int, width: int | None = None, length: int = 32_000):
        width = self.paper_width if width is None else width
        sizes = {"width": width, "length": length}
        check_whole(sizes, "width", "length")
        pools = len(self.repeats) + self.pool_last
        super().__init__(classes, sizes, (length,), shortest=STRIDE * POOL**pools)
        layers = [_Layer(1, width, KERNEL, STRIDE)]
        channels = width
        for stage, repeats in enumerate(self.repeats):
            layers.append(nn.MaxPool1d(POOL))
            for _ in range(repeats):
                layers.append((_Residual if self.residual else _Layer)(channels, width * 2**stage))
                channels = width * 2**stage
        if self.pool_last:
            layers.append(nn.MaxPool1d(POOL))
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool1d(1)  # mean over all steps
        self.output = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from waveforms, shape (batch, samples)."""
        maps = self.layers(self.standardised(waveform).unsqueeze(1))  # (batch, channels, steps)
        return self.output(self.pool(maps).flatten(1))


class M3(WaveformCNN):
    """Network with three layers on the raw waveform.

    Two layers are convolutional, with 256 channels. :class:`WaveformCNN` describes the parameters.
    """

    paper_width, repeats, pool_last = 256, (1,), True


class M5(WaveformCNN):
    """Network with five layers on the raw waveform, also used in PyTorch's audio classification tutorial.

    :class:`WaveformCNN` describes the layers and the parameters.
    """

    paper_width, repeats, pool_last = 128, (1, 1, 1), True


class M11(WaveformCNN):
    """Network with eleven layers on the raw waveform.

    :class:`WaveformCNN` describes the layers and the parameters.
    """

    paper_width, repeats = 64, (2, 2, 3, 2)


class M18(WaveformCNN):
    """Network with eighteen layers on the raw waveform, the paper's best network on UrbanSound8K.

    :class:`WaveformCNN` describes the layers and the parameters.
    """

    paper_width, repeats = 64, (4, 4, 4, 4)


class M34Res(WaveformCNN):
    """Network with thirty-four layers on the raw waveform, in residual blocks of two layers.

    Each block adds its input to its output. If the block has more channels than its input, the input is first padded
    with channels of zeros (He et al. 2015, option A). :class:`WaveformCNN` describes the parameters.
    """

    paper_width, repeats, residual = 48, (3, 4, 6, 3), True


class _Layer(nn.Sequential):
    """Convolution, batch norm and ReLU. The length is divided by the stride."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1):
        super().__init__(
            nn.Conv1d(channels_in, channels_out, kernel, stride, (kernel - stride + 1) // 2, bias=False),
            nn.BatchNorm1d(channels_out),
            nn.ReLU(inplace=True),
        )


class _Residual(nn.Module):
    """Two layers of 3 taps with a shortcut, and a ReLU after the sum."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.new_channels = channels_out - channels_in
        self.layers = nn.Sequential(
            *_Layer(channels_in, channels_out),
            nn.Conv1d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm1d(channels_out),
        )
        self.last = nn.ReLU(inplace=True)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.last(self.layers(maps) + F.pad(maps, (0, 0, 0, self.new_channels)))
