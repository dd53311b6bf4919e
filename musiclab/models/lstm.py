"""The LSTM on sequences of features."""

from typing import Literal

import torch
from torch import nn

from musiclab.errors import RunError, did_you_mean
from musiclab.features import SequenceConfig
from musiclab.models.base import Classifier, check_share, check_whole

POOLS = ("last", "mean")


class SequenceLSTM(Classifier):
    """Two LSTM layers over 33 numbers a frame, and a linear layer on the last step (ruohoruotsi's, on GTZAN).

    A step is 13 MFCCs, the spectral centroid, 12 chroma and 7 contrasts; 128 steps are 3 s at 22,050 Hz, hop 512.
    The tutorial does not scale them: the centroid, thousands of Hz, then drowns the chroma, which lie in 0 to 1, and
    drives the gates to where they have no gradient. ``scale=False`` shows that.

    Parameters
    ----------
    classes
        Number of classes.
    inputs
        Numbers a frame.
    hidden
        Size of each LSTM layer.
    layers
        Number of LSTM layers.
    frames
        Length of a segment; others may be shorter or longer.
    pool
        What the linear layer gets: the ``"last"`` step, as in the tutorial, or the ``"mean"`` over all steps, which
        does not forget the beginning.
    scale
        Whether each number is standardised by itself.
    dropout
        Share of the outputs of each LSTM layer that is dropped in training; the tutorial drops none.
    """

    feature = "sequence"
    feature_config = SequenceConfig()
    dimensions = "inputs"
    by_dimension = True

    def __init__(
        self,
        classes: int,
        inputs: int = 33,
        hidden: int = 128,
        layers: int = 2,
        frames: int = 128,
        pool: Literal["last", "mean"] = "last",
        scale: bool = True,
        dropout: float = 0.0,
    ):
        check_whole(inputs=inputs, hidden=hidden, layers=layers, frames=frames)
        check_share(dropout=dropout)
        if pool not in POOLS:
            raise RunError(f"expected pool to be one of {', '.join(POOLS)}, found {pool!r}{did_you_mean(pool, POOLS)}")
        sizes = {
            "inputs": inputs,
            "hidden": hidden,
            "layers": layers,
            "frames": frames,
            "pool": pool,
            "scale": bool(scale),
            "dropout": dropout,
        }
        super().__init__(classes, sizes, (inputs, frames), shortest=1)
        self.lstm = nn.LSTM(inputs, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes), of sequences, shape (batch, inputs, frames)."""
        standardised = self.standardised(sequence)  # checks the shape too
        steps = standardised if self.sizes["scale"] else sequence
        outputs, _ = self.lstm(steps.transpose(1, 2))  # (batch, frames, hidden)
        pooled = outputs[:, -1] if self.sizes["pool"] == "last" else outputs.mean(1)
        return self.output(self.dropout(pooled))
