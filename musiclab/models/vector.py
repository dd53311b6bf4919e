"""The dense network on one vector of numbers a clip."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from musiclab.features import SummaryConfig
from musiclab.models.base import Classifier, check_share, check_whole, check_widths


class SummaryMLP(Classifier):
    """Dense layers on a summary of a clip ("Music Genre Classification with Python", on GTZAN).

    The 26 numbers, the means over time of chroma, RMS, centroid, bandwidth, rolloff, zero crossings and 20 MFCCs,
    have units of their own, so that each is standardised by itself: the tutorial's StandardScaler, here within the
    model. Then dense layers of 256, 128, 64 with ReLU, and one to the classes.

    Parameters
    ----------
    classes
        Number of classes.
    inputs
        Numbers of a summary: 26 of the tutorial's.
    hidden
        Sizes of the three dense layers.
    dropout
        Share of their outputs that is dropped in training; the tutorial drops none.
    """

    feature = "summary"
    feature_config = SummaryConfig()
    dimensions = "inputs"
    by_dimension = True

    def __init__(self, classes: int, inputs: int = 26, hidden: Sequence[int] = (256, 128, 64), dropout: float = 0.0):
        check_whole(inputs=inputs)
        check_widths(3, hidden=hidden)
        check_share(dropout=dropout)
        super().__init__(classes, {"inputs": inputs, "hidden": list(hidden), "dropout": dropout}, (inputs, 1))
        layers = []
        for size_in, size_out in pairwise([inputs, *hidden]):
            layers += [nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(nn.Flatten(), *layers, nn.Linear(hidden[-1], classes))

    def forward(self, summary: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes), of summaries, shape (batch, inputs, 1)."""
        return self.layers(self.standardised(summary))
