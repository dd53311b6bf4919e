"""The LSTM on sequences of features."""

from typing import Literal

import torch
from torch import nn

from musiclab.core.errors import RunError, did_you_mean
from musiclab.features import SequenceConfig
from musiclab.models.base import Classifier, check_share, check_whole

POOLS = ("last", "mean")
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


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
        Size of each recurrent layer.
    layers
        Number of recurrent layers.
    frames
        Length of a segment; others may be shorter or longer.
    pool
        What the linear layer gets: the ``"last"`` step, as in the tutorial, or the ``"mean"`` over all steps, which
        does not forget the beginning.
    scale
        Whether each number is standardised by itself.
    dropout
        Share of the outputs of each recurrent layer that is dropped in training; the tutorial drops none.
    cell
        What the layers are made of: ``"lstm"``, as in the tutorial; ``"gru"``, with three gates for four and so three
        quarters of the parameters; or ``"rnn"``, the plain recurrent layer without gates, to compare with.
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
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
    ):
        check_whole(inputs=inputs, hidden=hidden, layers=layers, frames=frames)
        check_share(dropout=dropout)
        for name, value, known in (("pool", pool, POOLS), ("cell", cell, CELLS)):
            if value not in known:
                raise RunError(
                    f"expected {name} to be one of {', '.join(known)}, found {value!r}{did_you_mean(str(value), known)}"
                )
        sizes = {
            "inputs": inputs,
            "hidden": hidden,
            "layers": layers,
            "frames": frames,
            "pool": pool,
            "scale": bool(scale),
            "dropout": dropout,
            "cell": cell,
        }
        super().__init__(classes, sizes, (inputs, frames), shortest=1)
        # "lstm" whatever the cell is: the weights that runs have kept are found by this name
        self.lstm = CELLS[cell](inputs, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes), of sequences, shape (batch, inputs, frames)."""
        standardised = self.standardised(sequence)  # checks the shape too
        steps = standardised if self.sizes["scale"] else sequence
        outputs, _ = self.lstm(steps.transpose(1, 2))  # (batch, frames, hidden)
        pooled = outputs[:, -1] if self.sizes["pool"] == "last" else outputs.mean(1)
        return self.output(self.dropout(pooled))
