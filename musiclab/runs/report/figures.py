"""Pictures of a run, as PNG files in memory."""

import io

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.runs.runfolder import RunFolder


def curves(run: RunFolder) -> bytes | None:
    """Loss and accuracy, epoch by epoch; ``None`` where there are none."""
    quantities = [name for name in ("loss", "accuracy") if any(f"train_{name}" in h for h in run.histories.values())]
    if not quantities:
        return None
    figure = Figure(figsize=(5 * len(quantities), 3.2), layout="constrained")
    for quantity, ax in zip(quantities, figure.subplots(1, len(quantities), squeeze=False)[0], strict=True):
        if len(run.histories) > 1:
            plots.fold_histories(run.histories, quantity, ax)
        else:
            (epochs,) = run.histories.values()
            augmented = any(run.card.get("training", {}).get("augmentation", {}).values())
            plots.history(epochs, quantity, best_epoch(epochs), ax, augmented)
    return as_png(figure)


def confusion(run: RunFolder) -> bytes:
    """The confusion matrix."""
    size = 2.2 + 0.42 * len(run.result.classes)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    plots.confusion(run.result.confusion, run.result.classes, figure.subplots())
    return as_png(figure)


def best_epoch(epochs: pd.DataFrame) -> int:
    """The epoch of the lowest validation loss, whose weights the model has; 0 without validation."""
    if "valid_loss" not in epochs or epochs["valid_loss"].isna().all():
        return 0
    return int(epochs["epoch"][np.nanargmin(epochs["valid_loss"])])


def as_png(figure: Figure, dpi: int = 130, colours: int = 256) -> bytes:
    """A figure as a PNG with a palette: a third of the size of one without."""
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.08)
    Image.open(drawn).convert("RGB").quantize(colours).save(packed, format="png", optimize=True)
    return packed.getvalue()
