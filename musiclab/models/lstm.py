"""LSTM on sequences of features."""

from typing import Literal

import torch
from torch import nn

from musiclab.core.checks import check_known, check_share, check_size, check_whole
from musiclab.features import SequenceConfig
from musiclab.models.base import Classifier

POOLS = ("last", "mean")
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class SequenceLSTM(Classifier):
    """Two LSTM layers on 33 values per frame, and a linear layer on the last time step (ruohoruotsi's LSTM on GTZAN).

    A frame has 13 MFCCs, the spectral centroid, 12 chroma and 7 spectral contrast values. A training segment of 128
    frames is 3 s long (22,050 Hz, hop 512). The tutorial does not scale the values, which ``scale=False`` reproduces.
    Then the centroid, which is thousands of Hz, dominates all other values. It saturates the gates, so their gradients
    vanish.

    Parameters
    ----------
    classes : int
        Number of classes.
    inputs : int, default 33
        Number of values per frame.
    hidden : int, default 128
        Size of the hidden state.
    layers : int, default 2
        Number of recurrent layers, at most 100.
    frames : int, default 128
        Length of a training segment in frames. Other clips may be shorter or longer.
    pool : str, default "last"
        Input of the linear layer: the ``"last"`` time step, as in the tutorial, or the ``"mean"`` over time.
    scale : bool, default True
        Standardise each of the 33 values separately.
    dropout : float, default 0.0
        Dropout of the outputs of each recurrent layer, in [0, 1). 0 in the tutorial.
    cell : str, default "lstm"
        Type of the recurrent layers: ``"lstm"``, as in the tutorial, ``"gru"`` or ``"rnn"``. A GRU has three quarters
        of the parameters of an LSTM. A plain RNN has no gates, and a quarter of the parameters.

    Examples
    --------
    >>> model = SequenceLSTM(classes=10, pool="mean")
    >>> model(torch.zeros(2, 33, 128)).shape  # logits of two examples
    torch.Size([2, 10])
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
        sizes = {"inputs": inputs, "hidden": hidden, "layers": layers, "frames": frames}
        sizes |= {"pool": pool, "scale": bool(scale), "dropout": dropout, "cell": cell}
        check_whole(sizes, "inputs", "hidden", "frames")
        check_size(sizes, "layers", most=100)
        check_share(sizes, "dropout")
        check_known(pool, POOLS, "a pool")
        check_known(cell, CELLS, "a cell")
        super().__init__(classes, sizes, (inputs, frames), shortest=1)
        # called "lstm" for all cells, because saved weights have this name
        self.lstm = CELLS[cell](inputs, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Compute logits, shape (batch, classes), from sequences, shape (batch, inputs, frames)."""
        standardised = self.standardised(sequence)  # also checks the shape
        steps = standardised if self.sizes["scale"] else sequence
        outputs, _ = self.lstm(steps.transpose(1, 2))  # (batch, frames, hidden)
        pooled = outputs[:, -1] if self.sizes["pool"] == "last" else outputs.mean(1)
        return self.output(self.dropout(pooled))
