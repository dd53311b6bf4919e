"""What happened in each epoch, and which one was best."""

import copy
import math
from dataclasses import dataclass, field

import pandas as pd
from torch import nn


@dataclass
class History:
    """What happened in each epoch.

    Attributes
    ----------
    epochs : list of dict
        ``epoch, train_loss, train_accuracy, valid_loss, valid_accuracy, learning_rate, seconds, samples_per_second,
        waiting``; the two of validation only where there is a validation part. Losses and accuracies are means over
        examples. ``train_loss`` is what training lowers: on augmented examples, with label smoothing and class
        weights, while the weights change; ``valid_loss`` is the negative log-probability of the right class of a
        clip. ``learning_rate`` is that of the epoch's last step. ``seconds`` is the whole epoch,
        ``samples_per_second`` is of its training part, ``waiting`` the share of that spent on reading batches.
    best_epoch : int
        The epoch (from 1) whose weights the model has now; 0 when none was finished.
    stopped : str
        Why training ended: "all epochs done", "no lower validation loss for 8 epochs", "interrupted".
    """

    epochs: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    stopped: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row an epoch, for a table, a plot or a CSV."""
        return pd.DataFrame(self.epochs)

    def state_dict(self) -> dict:
        """Numbers and texts that :meth:`load_state_dict` takes back."""
        return {"epochs": self.epochs, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict) -> None:
        """Go on from a history that was kept."""
        self.epochs, self.best_epoch = state["epochs"], state["best_epoch"]


class Best:
    """The weights of the epoch with the lowest loss, as a copy; at first those that the model begins with."""

    def __init__(self, model: nn.Module):
        self.loss, self.weights = math.inf, copy.deepcopy(model.state_dict())

    def offer(self, model: nn.Module, loss: float | None) -> bool:
        """Keep the model's weights if the loss is the lowest so far, or None: without validation the last is best."""
        if loss is not None and not loss < self.loss:
            return False
        self.loss, self.weights = math.inf if loss is None else loss, copy.deepcopy(model.state_dict())
        return True

    def restore(self, model: nn.Module) -> None:
        """Give the model the weights that were kept."""
        model.load_state_dict(self.weights)

    def state_dict(self) -> dict:
        """Tensors and numbers that :meth:`load_state_dict` takes back."""
        return {"loss": self.loss, "weights": self.weights}

    def load_state_dict(self, state: dict) -> None:
        """Go on from what was kept."""
        self.loss, self.weights = state["loss"], state["weights"]
