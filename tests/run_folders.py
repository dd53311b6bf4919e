"""Run folders made by hand: known answers, and no training."""

import numpy as np
import pandas as pd
import torch

from musiclab import models
from musiclab.core.files import write_json
from musiclab.metrics import Result
from musiclab.runs import checkpoint
from musiclab.runs.checkpoint import Card

CLASSES = ["high", "low", "middle"]


def make_result(labels, predictions, paths=None, share=0.8):
    """Each clip gets its predicted class with a probability of ``share`` (one number, or one a clip)."""
    share = np.broadcast_to(share, len(labels))
    probabilities = np.repeat((1 - share)[:, None] / 2, 3, axis=1)
    probabilities[np.arange(len(labels)), predictions] = share
    paths = [f"clip{number}.wav" for number in range(len(labels))] if paths is None else paths
    paths = np.array([str(path) for path in paths])
    return Result(CLASSES, np.asarray(labels), np.log(probabilities), paths, paths)


def make_history(epochs=3, validation=True):
    rows = {"epoch": np.arange(1, epochs + 1), "train_loss": 1 / np.arange(1, epochs + 1)}
    rows["train_accuracy"] = np.linspace(0.3, 0.9, epochs)
    if validation:
        rows |= {"valid_loss": np.abs(np.arange(epochs) - 1) + 0.5, "valid_accuracy": np.linspace(0.3, 0.6, epochs)}
    return pd.DataFrame(rows)


def make_model(folder, name="cnn", feature_config=None, **sizes):
    """``model.json`` and ``model.safetensors`` of an untrained model."""
    torch.manual_seed(0)
    model = models.create(name, len(CLASSES), **sizes)
    card = Card(
        model=name,
        sizes=model.sizes,
        classes=CLASSES,
        feature=model.feature,
        feature_config=feature_config or {},
        training={"seed": 0, "augmentation": {"mixup": 0.3}},
    )
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save(folder, model, card)
    return model.eval()


def make_metrics(folder, result, **more):
    summary = {"model": "cnn", "parameters": 1234, "split": "fold 1 tests", "seed": 0, "seconds": 3.25}
    data = {"name": "small", "licence": "CC0", "generated": False}
    write_json(folder / "metrics.json", result.to_dict() | summary | {"data": data} | more)


def make_run(folder, result=None, history=None, **more):
    """A whole run folder; ``more`` goes into ``metrics.json``."""
    result = make_result([0, 1, 2, 2], [0, 1, 2, 1]) if result is None else result
    make_model(folder, width=1, frames=64, hidden=[4, 4])
    result.save(folder / "predictions.csv")
    (make_history() if history is None else history).to_csv(folder / "history.csv", index=False)
    make_metrics(folder, result, **more)
    return folder
