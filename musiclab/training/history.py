"""Record the epochs of the training loop, and keep the weights of the best one."""

import copy
import math
from dataclasses import dataclass, field

import pandas as pd
from torch import nn


@dataclass
class History:
    """Losses, accuracies and timings of each training epoch.

    Attributes
    ----------
    epochs : list of dict
        One dictionary per epoch. Losses and accuracies are means over examples.

        - ``epoch``: number of the epoch, from 1.
        - ``train_loss``, ``train_accuracy``: computed while the weights change, on augmented examples, with label
          smoothing and class weights.
        - ``valid_loss``, ``valid_accuracy``: only with validation clips. The loss is the negative log-probability of a
          clip's true class.
        - ``learning_rate``: learning rate of the last step.
        - ``seconds``: duration of the epoch.
        - ``samples_per_second``: number of training examples per second, without validation.
        - ``waiting``: share of the training time spent waiting for batches, in [0, 1].
    best_epoch : int
        Epoch that the model's weights come from. 0 if no epoch was finished.
    stopped : str
        Reason why training ended: "all epochs done", "no lower validation loss for 8 epochs" or "interrupted".

    Examples
    --------
    >>> History([{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 1.9}], best_epoch=2).to_frame()
       epoch  train_loss
    0      1         2.3
    1      2         1.9
    """

    epochs: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    stopped: str = ""

    def is_stale(self, patience: int) -> bool:
        """Return True if the last ``patience`` epochs did not lower the validation loss.

        Parameters
        ----------
        patience : int
            Number of epochs. With 0, the result is always False.

        Returns
        -------
        bool
            True if training should stop.
        """
        return 0 < patience <= len(self.epochs) - self.best_epoch

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per epoch. Its columns are the keys of the dictionaries in ``epochs``."""
        return pd.DataFrame(self.epochs)

    def state_dict(self) -> dict:
        """Return the epochs and the best epoch as a dictionary, to save them with the training state."""
        return {"epochs": self.epochs, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict) -> None:
        """Restore the epochs and the best epoch from a dictionary that :meth:`state_dict` returned."""
        self.epochs, self.best_epoch = state["epochs"], state["best_epoch"]


class Best:
    """Keep a copy of the best weights so far, starting with the initial weights."""

    def __init__(self, model: nn.Module):
        self.loss, self.weights = math.inf, copy.deepcopy(model.state_dict())

    def update(self, model: nn.Module, loss: float | None) -> bool:
        """Copy the weights and return True if the loss is the lowest so far, or if it is None (no validation)."""
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
