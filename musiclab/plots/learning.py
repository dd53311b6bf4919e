"""Pictures of learning: histories, mistakes, comparisons, and what a model says along a recording."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from musiclab.plots.style import PALETTE, axes

PARTS = (("train", "training", PALETTE[0], "o"), ("valid", "validation", PALETTE[5], "s"))
"""Parts of the data in learning curves: column, name, colour, marker."""

_APART = tuple(zip(PALETTE[::2], "osD^v", strict=True))  # colours and markers


def history(
    epochs, quantity: str = "loss", best_epoch: int = 0, ax: Axes | None = None, augmented: bool = True
) -> Axes:
    """Draw the learning curves of a training.

    Parameters
    ----------
    epochs : pandas.DataFrame
        From :meth:`musiclab.training.History.to_frame`.
    quantity
        "loss" or "accuracy".
    best_epoch
        Marked, where there was a validation part.
    augmented
        Whether the training clips were: the legend says so, for it explains a training loss above the validation's.
    """
    ax = axes(ax, (5, 3))
    for part, name, colour, marker in PARTS:
        column = f"{part}_{quantity}"
        if column in epochs:
            label = f"{name} (augmented)" if part == "train" and augmented else name
            ax.plot(epochs["epoch"], epochs[column], color=colour, marker=marker, markersize=3, label=label)
    if best_epoch and f"valid_{quantity}" in epochs:
        ax.axvline(best_epoch, color="0.5", linestyle=":", label=f"best epoch ({best_epoch})")
    return _finish_history(ax, quantity)


def fold_histories(histories: Mapping[str, pd.DataFrame], quantity: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw the learning curves of several trainings: one faint line each, and their mean.

    Parameters
    ----------
    histories : mapping of str to pandas.DataFrame
        As for :func:`history`, by name: the folds of a cross-validation, or seeds.
    quantity
        "loss" or "accuracy".
    """
    ax = axes(ax, (5, 3))
    together = pd.concat(histories.values()).groupby("epoch").mean(numeric_only=True)
    for part, name, colour, marker in PARTS:
        column = f"{part}_{quantity}"
        if column not in together:
            continue
        for epochs in histories.values():
            if column in epochs:
                ax.plot(epochs["epoch"], epochs[column], color=colour, alpha=0.3, linewidth=0.8)
        label = f"{name}, mean of {len(histories)}"
        ax.plot(together.index, together[column], color=colour, marker=marker, markersize=3, label=label)
    return _finish_history(ax, quantity)


def confusion(counts: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix: rows are true classes and add up to 100 %, the numbers are clips.

    Parameters
    ----------
    counts : int array, shape (classes, classes)
        From :attr:`musiclab.metrics.Result.confusion`.
    classes
        Names.
    """
    size = 2.2 + 0.42 * len(classes)
    ax = axes(ax, (size + 0.6, size))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ax.text(
                column,
                row,
                count,
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    ticks = range(len(classes))
    ax.set_xticks(ticks, classes, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(ticks, classes)
    ax.set(xlabel="predicted", ylabel="true")
    ax.figure.colorbar(image, ax=ax, label="share of the true class (%)", fraction=0.046, pad=0.03)
    return ax


def comparison(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw accuracies with their 95 % intervals, the best on top.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns ``name``, ``accuracy``, ``low`` and ``high`` (in [0, 1]), and perhaps ``generated``, as
        :attr:`musiclab.runs.comparison.Comparison.table` has them.
    """
    ax = axes(ax, (7, 1 + 0.4 * len(table)))
    table = table[::-1].sort_values("accuracy", kind="stable")  # of equals the first stays on top
    accuracy, low, high = (100 * table[name].to_numpy() for name in ("accuracy", "low", "high"))
    rows = np.arange(len(table))
    spread = np.maximum(0, [accuracy - low, high - accuracy])
    ax.errorbar(accuracy, rows, xerr=spread, fmt="o", color=PALETTE[0], ecolor=PALETTE[4], elinewidth=2, capsize=4)
    for row, value in zip(rows, accuracy, strict=True):
        ax.annotate(f"{value:.1f}", (value, row), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    generated = table["generated"] if "generated" in table else [False] * len(table)
    ax.set_yticks(rows, [f"{n} (generated data)" if g else n for n, g in zip(table["name"], generated, strict=True)])
    ax.set(xlabel="accuracy (%) with its 95 % interval", ylim=(-0.6, len(table) - 0.3))
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    return ax


def differences(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame],
    ax: Axes | None = None,
    label: str = "difference of the accuracies",
) -> Axes:
    """Draw differences with their 95 % intervals, the first on top; where an interval holds 0 its mark is hollow.

    Parameters
    ----------
    tables : pandas.DataFrame, or mapping of a name to one
        Indexed by what is compared, with the columns ``difference``, ``low`` and ``high`` (in [-1, 1]), as
        :func:`musiclab.metrics.difference_interval` gives them. Up to five tables share the rows of the first, each
        with its colour and marker.
    label
        What the difference is, for the axis; it is drawn in points.
    """
    tables = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    names = next(iter(tables.values())).index
    ax = axes(ax, (8, 1 + 0.4 * len(names) * max(1, len(tables) / 3)))
    for number, (name, table) in enumerate(tables.items()):
        colour, marker = _APART[number]
        rows = np.arange(len(names)) + 0.7 * ((number + 0.5) / len(tables) - 0.5)
        found = 100 * table.loc[names, ["difference", "low", "high"]].to_numpy(dtype=float)
        ax.plot([], [], marker, color=colour, label=name)  # for the legend: a filled mark
        for row, (difference, low, high) in zip(rows, found, strict=True):
            inside = "white" if low <= 0 <= high else colour
            spread = [[max(0, difference - low)], [max(0, high - difference)]]
            ax.errorbar(difference, row, xerr=spread, fmt=marker, color=colour, markerfacecolor=inside, capsize=3)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=f"{label} (points), with its 95 % interval", ylim=(len(names) - 0.5, -0.5))
    if len(tables) > 1:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def timeline(edges: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw what a model heard along a recording: time to the right, a row a class, the darker the surer.

    Parameters
    ----------
    edges : array, shape (windows + 1,)
        Where one window ends and the next begins, in s: from :func:`musiclab.runs.prediction.edges`.
    probabilities : array, shape (windows, classes)
        In [0, 1].
    classes
        Names.
    """
    ax = axes(ax, (8, 1.2 + 0.25 * len(classes)))
    rows = np.arange(len(classes) + 1) - 0.5
    image = ax.pcolormesh(
        edges, rows, 100 * np.asarray(probabilities).T, cmap="Blues", vmin=0, vmax=100, rasterized=True
    )
    ax.set_yticks(range(len(classes)), classes)
    ax.invert_yaxis()  # the first class on top, as in a table
    ax.set(xlabel="time (s)")
    ax.figure.colorbar(image, ax=ax, label="probability (%)", pad=0.02)
    return ax


def _finish_history(ax: Axes, quantity: str) -> Axes:
    ax.set(xlabel="epoch", ylabel=quantity if quantity == "accuracy" else "loss (nats)")
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    ax.legend(frameon=False, loc="upper right" if quantity == "loss" else "lower right")
    return ax
