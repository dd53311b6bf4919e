"""What came of a run, and the folder that keeps it (:mod:`musiclab.runs.checkpoint` says what is in there)."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from musiclab import models
from musiclab.core.errors import RunError
from musiclab.core.files import replacing, write_json
from musiclab.metrics import Result
from musiclab.runs import checkpoint
from musiclab.runs.checkpoint import Card
from musiclab.training import History, State


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    result : Result
        Of the clips that were tested.
    card : Card
        Of the model (of the last fold's, in a cross-validation).
    parameters : int
        Size of the model.
    seconds : float
        Time for training and testing.
    model, history
        The trained model and its epochs (of the last fold, in a cross-validation).
    folds : list of dict
        ``fold, accuracy, n`` of each, in a cross-validation.
    """

    result: Result
    card: Card
    parameters: int
    seconds: float
    model: torch.nn.Module
    history: History | None = None
    folds: tuple[dict, ...] = ()

    def to_the_end(self) -> "Outcome":
        """Itself, or KeyboardInterrupt where the training was interrupted: that must not count among whole ones."""
        if self.history is not None and self.history.stopped == "interrupted":
            raise KeyboardInterrupt
        return self

    def to_dict(self) -> dict:
        """What ``--json`` prints."""
        summary = self.result.to_dict() | {
            "model": self.card.model,
            "parameters": self.parameters,
            "multiply_adds": models.summary(self.model).multiply_adds,
            "data": self.card.data,
            "split": self.card.split,
            "seed": self.card.training.get("seed"),
            "seconds": round(self.seconds, 1),
            "command": self.card.command,
        }
        if self.folds:
            summary |= {
                "folds": list(self.folds),
                "mean_fold_accuracy": float(np.mean([f["accuracy"] for f in self.folds])),
            }
        return summary

    def __str__(self) -> str:
        note = " (generated data, not a benchmark)" if self.card.data.get("generated") else ""
        return f"{self.card.model} on {self.card.data.get('name')}, {self.card.split}: {self.result}{note}"


def save_run(folder: str | Path, outcome: Outcome) -> None:
    """Write a run folder: model, history, predictions and, as the sign that it is whole, metrics at the end.

    Where a training was to be resumed from (``state.pt``) goes once all its epochs are done.
    """
    folder = Path(folder)
    (folder / "metrics.json").unlink(missing_ok=True)
    checkpoint.save(folder, outcome.model, outcome.card)
    with replacing(folder / "history.csv") as unfinished:
        outcome.history.to_frame().to_csv(unfinished, index=False)
    outcome.result.save(folder / "predictions.csv")
    write_json(folder / "metrics.json", outcome.to_dict())
    if outcome.history.stopped != "interrupted":
        State(folder / "state.pt").remove()


def is_whole(folder: str | Path) -> bool:
    """Whether a run folder holds a run that was trained, tested and written to its end, and no training to go on."""
    files = ("model.safetensors", "model.json", "history.csv", "predictions.csv", "metrics.json")
    return all((Path(folder) / name).is_file() for name in files) and not (Path(folder) / "state.pt").exists()


def check_out(out: str | Path | None) -> None:
    """Raise RunError before the training, not after it, when there can be no run folder."""
    if out is None:
        return
    if Path(out).is_file():
        raise RunError(f"{out}: expected a run folder to make, found a file; name another folder")
    there = next(folder for folder in (Path(out).absolute(), *Path(out).absolute().parents) if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise RunError(f"{out}: expected a run folder to make, found that {there} cannot be written to; name another")
