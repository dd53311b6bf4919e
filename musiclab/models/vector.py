"""Dense network on one feature vector per clip."""

from collections.abc import Sequence

import torch
from torch import nn

from musiclab.core.checks import check_share, check_whole, check_widths
from musiclab.features import SummaryConfig
from musiclab.models.base import Classifier, dense_layers


class SummaryMLP(Classifier):
    """Dense layers on the summary of a clip ("Music Genre Classification with Python", on GTZAN).

    A summary is one feature vector per clip. The model standardises each of its 26 values separately, because they have
    different units. This replaces the tutorial's StandardScaler.

    Parameters
    ----------
    classes : int
        Number of classes.
    inputs : int, default 26
        Number of values in the summary.
    hidden : (int, int, int), default (256, 128, 64)
        Sizes of the three dense layers.
    dropout : float, default 0.0
        Dropout of the dense layers, in [0, 1). 0 in the tutorial.

    Examples
    --------
    >>> model = SummaryMLP(classes=10)
    >>> model(torch.zeros(2, 26, 1)).shape  # logits of two examples
    torch.Size([2, 10])
    """

    feature = "summary"
    feature_config = SummaryConfig()
    dimensions = "inputs"
    by_dimension = True

    def __init__(self, classes: int, inputs: int = 26, hidden: Sequence[int] = (256, 128, 64), dropout: float = 0.0):
        sizes = {"inputs": inputs, "hidden": hidden, "dropout": dropout}
        check_whole(sizes, "inputs")
        check_widths(sizes, "hidden", count=3)
        check_share(sizes, "dropout")
        super().__init__(classes, sizes, (inputs, 1))
        self.layers = nn.Sequential(nn.Flatten(), *dense_layers(inputs, hidden, dropout, classes))

    def forward(self, summary: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from summaries, shape (batch, inputs, 1)."""
        return self.layers(self.standardised(summary))
