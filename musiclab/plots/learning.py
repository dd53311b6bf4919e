"""Plots of learning: histories, confusions, comparisons, and predictions along a recording."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from musiclab.plots.style import MOST_ROWS, PALETTE, axes, drawable, name_ticks

# prefix of the column, name, colour and marker of each curve of a history
_CURVES = (("train", "training", PALETTE[0], "o"), ("valid", "validation", PALETTE[5], "s"))
_TABLES = tuple(zip(PALETTE[::2], "osD^v", strict=True))  # colour and marker of each table of differences


def history(
    epochs: pd.DataFrame, quantity: str = "loss", best_epoch: int = 0, ax: Axes | None = None, augmented: bool = True
) -> Axes:
    """Draw the learning curves of a training.

    Parameters
    ----------
    epochs
        One row per epoch, as :meth:`musiclab.training.History.to_frame` gives it.
    quantity
        "loss" or "accuracy".
    best_epoch
        Epoch to mark, if there was a validation set; 0 marks none.
    augmented
        Note in the legend that training clips were augmented, which can lift their loss above the validation's.
    """
    ax = axes(ax, (5, 3))
    for prefix, name, colour, marker in _CURVES:
        column = f"{prefix}_{quantity}"
        if column in epochs:
            label = f"{name} (augmented)" if prefix == "train" and augmented else name
            ax.plot(epochs["epoch"], epochs[column], color=colour, marker=marker, markersize=3, label=label)
    if best_epoch and f"valid_{quantity}" in epochs:
        ax.axvline(best_epoch, color="0.5", linestyle=":", label=f"best epoch ({best_epoch})")
    return _finish_history(ax, quantity)


def fold_histories(epochs: pd.DataFrame, quantity: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw the learning curves of a cross-validation: a faint line for each fold, and their mean.

    ``epochs`` has one row per fold and epoch: the columns of :func:`history` and ``fold``; ``quantity`` as there.
    """
    ax = axes(ax, (5, 3))
    for prefix, name, colour, marker in _CURVES:
        column = f"{prefix}_{quantity}"
        if column in epochs:
            for _, fold in epochs.dropna(subset=[column]).groupby("fold"):
                ax.plot(fold["epoch"], fold[column], color=colour, alpha=0.3, linewidth=0.8)
            mean, label = epochs.groupby("epoch")[column].mean(), f"{name}, mean of {epochs['fold'].nunique()}"
            ax.plot(mean.index, mean, color=colour, marker=marker, markersize=3, label=label)
    return _finish_history(ax, quantity)


def _finish_history(ax: Axes, quantity: str) -> Axes:
    ax.set(xlabel="epoch", ylabel=quantity if quantity == "accuracy" else "loss (nats)")
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    ax.legend(frameon=False, loc="upper right" if quantity == "loss" else "lower right")
    return ax


def confusion(counts: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix of ``classes``: colours show the share of each true class, numbers count clips.

    ``counts`` has shape (classes, classes); rows are true classes, as in :attr:`musiclab.metrics.Result.confusion`. Of
    more than 40 classes only the colours are drawn, and only as many names as there is room for.
    """
    ax = axes(ax, confusion_size(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    is_large = len(classes) > MOST_ROWS
    for row, column in () if is_large else np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        ax.text(column, row, counts[row, column], ha="center", va="center", fontsize=8, color=colour)
    side = 0.42 * min(len(classes), MOST_ROWS)
    turned = {"rotation": 90, "va": "center"} if is_large else {"rotation": 45}
    name_ticks(ax.xaxis, classes, side, ha="right", rotation_mode="anchor", **turned)
    name_ticks(ax.yaxis, classes, side)
    ax.set(xlabel="predicted", ylabel="true")
    ax.figure.colorbar(image, ax=ax, label="share of the true class (%)", fraction=0.046, pad=0.03)
    return ax


def confusion_size(classes: Sequence[str]) -> tuple[float, float]:
    """Return width and height in inches of a figure for a confusion matrix, with room for the names of its classes."""
    longest = max(map(len, drawable(classes)))
    size = 2.2 + max(0.42 * min(len(classes), MOST_ROWS), 0.1 * min(longest, 20)) + 0.14 * max(0, longest - 20)
    return size + 0.6, size


def comparison(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw accuracies with their 95 % intervals, the best on top.

    ``table`` has the columns ``name``, ``accuracy``, ``low`` and ``high`` (in [0, 1]), and optionally ``generated``,
    which marks results on generated data.
    """
    ax = axes(ax, (7, 1 + 0.4 * len(table)))
    table = table[::-1].sort_values("accuracy", kind="stable")  # of equals the first stays on top
    accuracy, low, high = (100 * table[name].to_numpy() for name in ("accuracy", "low", "high"))
    rows = np.arange(len(table))
    spread = np.maximum(0, [accuracy - low, high - accuracy])
    ax.errorbar(accuracy, rows, xerr=spread, fmt="o", color=PALETTE[0], ecolor=PALETTE[4], elinewidth=2, capsize=4)
    for row, value in zip(rows, accuracy, strict=True):
        ax.annotate(f"{value:.1f}", (value, row), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    names = table["name"]
    if "generated" in table:
        names = names.mask(table["generated"].astype(bool), names + " (generated data)")
    ax.set_yticks(rows, drawable(names))
    ax.set(xlabel="accuracy (%) with its 95 % interval", ylim=(-0.6, len(table) - 0.3))
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    return ax


def differences(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame],
    ax: Axes | None = None,
    label: str = "difference of the accuracies",
) -> Axes:
    """Draw differences with their 95 % intervals, the first on top; a marker is hollow if its interval contains 0.

    Parameters
    ----------
    tables
        One table, or up to five by name, indexed by what is compared, with the columns ``difference``, ``low`` and
        ``high`` (in [-1, 1]) of :func:`musiclab.metrics.difference_interval`. All have the rows of the first.
    label
        Name of the difference, for the axis, which is in points.
    """
    tables = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    names = next(iter(tables.values())).index
    ax = axes(ax, (8, 1 + 0.4 * len(names) * max(1, len(tables) / 3)))
    for index, (name, table) in enumerate(tables.items()):
        colour, marker = _TABLES[index]
        rows = np.arange(len(names)) + 0.7 * ((index + 0.5) / len(tables) - 0.5)
        points = 100 * table.loc[names, ["difference", "low", "high"]].to_numpy(dtype=float)
        ax.plot([], [], marker, color=colour, label=drawable([name])[0])  # for the legend: a filled mark
        for row, (difference, low, high) in zip(rows, points, strict=True):
            inside = "white" if low <= 0 <= high else colour
            spread = [[max(0, difference - low)], [max(0, high - difference)]]
            ax.errorbar(difference, row, xerr=spread, fmt=marker, color=colour, markerfacecolor=inside, capsize=3)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(names)), drawable(names))
    ax.set(xlabel=f"{label} (points), with its 95 % interval", ylim=(len(names) - 0.5, -0.5))
    if len(tables) > 1:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def timeline(edges: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw the probability of each class along a recording: one row per class, darker where it is higher.

    ``edges`` are the times in s between windows, shape (windows + 1,), from :func:`musiclab.runs.prediction.edges`, and
    ``probabilities`` have shape (windows, classes).
    """
    side = 0.25 * min(len(classes), MOST_ROWS)
    ax = axes(ax, (8, 1.2 + side))
    rows, percent = np.arange(len(classes) + 1) - 0.5, 100 * np.asarray(probabilities).T
    image = ax.pcolormesh(edges, rows, percent, cmap="Blues", vmin=0, vmax=100, rasterized=True)
    name_ticks(ax.yaxis, classes, side)
    ax.invert_yaxis()  # the first class on top, as in a table
    ax.set(xlabel="time (s)")
    ax.figure.colorbar(image, ax=ax, label="probability (%)", pad=0.02)
    return ax
