"""Numbers of each epoch, and the weights of the best one."""

import copy
import math
from dataclasses import dataclass, field

import pandas as pd
from torch import nn


@dataclass
class History:
    """Numbers of each epoch.

    Attributes
    ----------
    epochs : list of dict
        ``epoch, train_loss, train_accuracy, valid_loss, valid_accuracy, learning_rate, seconds, samples_per_second,
        waiting``; ``valid_...`` only with validation clips. Losses and accuracies are means over examples.
        ``train_loss`` is the loss that training lowers: on augmented examples, with label smoothing and class weights,
        while the weights change. ``valid_loss`` is the negative log-probability of a clip's true class.
        ``learning_rate`` is that of the last step. ``samples_per_second``, and ``waiting`` (the share of time spent on
        reading batches), exclude validation.
    best_epoch : int
        Epoch (from 1) whose weights the model has now; 0 if none was finished.
    stopped : str
        Reason why training ended: "all epochs done", "no lower validation loss for 8 epochs", "interrupted".
    """

    epochs: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    stopped: str = ""

    def is_stale(self, patience: int) -> bool:
        """Return True if the last ``patience`` epochs did not lower the validation loss; 0 is endless patience."""
        return 0 < patience <= len(self.epochs) - self.best_epoch

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per epoch."""
        return pd.DataFrame(self.epochs)

    def state_dict(self) -> dict:
        return {"epochs": self.epochs, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict) -> None:
        self.epochs, self.best_epoch = state["epochs"], state["best_epoch"]


class Best:
    """A copy of the weights of the best epoch; at first, of the initial weights."""

    def __init__(self, model: nn.Module):
        self.loss, self.weights = math.inf, copy.deepcopy(model.state_dict())

    def offer(self, model: nn.Module, loss: float | None) -> bool:
        """Keep the weights, and return True, if the loss is the lowest so far, or None (without validation)."""
        if loss is not None and not loss < self.loss:
            return False
        self.loss, self.weights = math.inf if loss is None else loss, copy.deepcopy(model.state_dict())
        return True

    def restore(self, model: nn.Module) -> None:
        model.load_state_dict(self.weights)

    def state_dict(self) -> dict:
        return {"loss": self.loss, "weights": self.weights}

    def load_state_dict(self, state: dict) -> None:
        self.loss, self.weights = state["loss"], state["weights"]
