"""Plot learning curves, confusion matrices, comparisons of results, and predictions over time."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from musiclab.plots.style import MOST_ROWS, PALETTE, axes, drawable, name_ticks

# column prefix, name, colour and marker of each learning curve
_CURVES = (("train", "training", PALETTE[0], "o"), ("valid", "validation", PALETTE[5], "s"))
_TABLE_STYLES = tuple(zip(PALETTE[::2], "osD^v", strict=True))  # colour and marker of each table of differences


def history(
    epochs: pd.DataFrame, quantity: str = "loss", best_epoch: int = 0, ax: Axes | None = None, augmented: bool = True
) -> Axes:
    """Plot the learning curves of a training run.

    Parameters
    ----------
    epochs : pandas.DataFrame
        Table with one row per epoch, from :meth:`musiclab.training.History.to_frame`. The columns are ``epoch``,
        ``train_loss`` and ``train_accuracy``. With a validation set, there are also ``valid_loss`` and
        ``valid_accuracy``.
    quantity : {"loss", "accuracy"}
        Quantity to plot, by default the loss. Its unit is the nat, the unit of a cross-entropy with natural logarithms.
    best_epoch : int
        Epoch to mark with a vertical line if there is a validation set. The default 0 marks none.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    augmented : bool
        Write in the legend that the training data were augmented, which can raise their loss above the validation loss.
        The default is True.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with one curve for training and one for validation.

    Examples
    --------
    >>> epochs = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.1, 1.6], "valid_loss": [2.2, 1.9]})
    >>> history(epochs, best_epoch=2).get_ylabel()
    'loss (nats)'
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
    """Plot the learning curves of a cross-validation, which trains one model per fold.

    Each fold has a faint line. The bold line is the mean over the folds.

    Parameters
    ----------
    epochs : pandas.DataFrame
        Table with one row per fold and epoch. It has the columns of :func:`history` and a column ``fold``.
    quantity : {"loss", "accuracy"}
        Quantity to plot, by default the loss.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the curves.

    Examples
    --------
    >>> epochs = pd.DataFrame({"fold": [1, 1, 2, 2], "epoch": [1, 2, 1, 2], "train_accuracy": [0.4, 0.6, 0.5, 0.7]})
    >>> fold_histories(epochs, "accuracy").get_ylabel()
    'accuracy'
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


def reliability(bins: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot a reliability diagram, which compares how sure a model is with how often it is correct.

    Parameters
    ----------
    bins : pandas.DataFrame
        Table from :func:`musiclab.metrics.reliability`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with one dot per bin. Its area is proportional to the number of clips, and its bar is the 95 % interval.

    Examples
    --------
    >>> bins = pd.DataFrame({"probability": [0.5, 0.9], "accuracy": [0.5, 0.8], "n": [10, 30]})
    >>> reliability(bins.assign(accuracy_low=[0.2, 0.6], accuracy_high=[0.8, 0.9])).get_xlabel()
    'probability of the predicted class'
    """
    ax = axes(ax, (4, 3.2))
    ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="perfectly calibrated")
    ax.vlines(bins["probability"], bins["accuracy_low"], bins["accuracy_high"], color=PALETTE[0], linewidth=1)
    ax.scatter(bins["probability"], bins["accuracy"], s=15 + 300 * bins["n"] / bins["n"].sum(), color=PALETTE[0])
    ax.set(xlabel="probability of the predicted class", ylabel="accuracy", xlim=(0, 1.03), ylim=(-0.03, 1.06))
    ax.legend(frameon=False, loc="lower right")
    return ax


def confusion(counts: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Plot a confusion matrix, which counts how often each true class was predicted as each class.

    Numbers count clips. Colours show percentages of the true class, so each row adds up to 100 %. With more than 40
    classes, the numbers are left out, and so are the class names for which there is no room.

    Parameters
    ----------
    counts : int array, shape (classes, classes)
        Confusion matrix with true classes as rows and predicted classes as columns, such as
        :attr:`musiclab.metrics.Result.confusion`.
    classes : sequence of str, length (classes,)
        Names of the classes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure with the size from :func:`confusion_size` is made.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the matrix and a colour bar beside it.

    Examples
    --------
    >>> confusion(np.array([[8, 2], [1, 9]]), ["blues", "jazz"]).get_xlabel()
    'predicted'
    """
    ax = axes(ax, confusion_size(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    is_large = len(classes) > MOST_ROWS
    for row, column in () if is_large else np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        ax.text(column, row, counts[row, column], ha="center", va="center", fontsize=8, color=colour)
    side = 0.42 * min(len(classes), MOST_ROWS)
    _name_columns(ax, classes, side)
    name_ticks(ax.yaxis, classes, side)
    ax.set(xlabel="predicted", ylabel="true")
    ax.figure.colorbar(image, ax=ax, label="share of the true class (%)", fraction=0.046, pad=0.03)
    return ax


def _name_columns(ax: Axes, names: Sequence[str], width: float) -> None:
    """Write slanted names below a grid that is ``width`` inches wide, or upright ones if there are many."""
    rotation = {"rotation": 90, "va": "center"} if len(names) > MOST_ROWS else {"rotation": 45}
    name_ticks(ax.xaxis, names, width, ha="right", rotation_mode="anchor", **rotation)


def confusion_size(classes: Sequence[str]) -> tuple[float, float]:
    """Compute a figure size for a confusion matrix that leaves room for the names of the classes.

    Parameters
    ----------
    classes : sequence of str
        Names of the classes, at least one.

    Returns
    -------
    width : float
        Width of the figure in inches.
    height : float
        Height of the figure in inches.

    Examples
    --------
    >>> width, height = confusion_size(["blues", "jazz"])
    >>> print(f"{width:.2f} x {height:.2f}")
    3.64 x 3.04
    """
    longest = max(map(len, drawable(classes)))
    size = 2.2 + max(0.42 * min(len(classes), MOST_ROWS), 0.1 * min(longest, 20)) + 0.14 * max(0, longest - 20)
    return size + 0.6, size


def comparison(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot the accuracies of several models with their 95 % confidence intervals, the best on top.

    Parameters
    ----------
    table : pandas.DataFrame
        Table with one row per result. ``name`` is the label of the row. ``accuracy``, ``low`` and ``high`` are the
        accuracy and the ends of its interval, from 0 to 1. An optional boolean column ``generated`` marks results on
        generated data.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with one row per result. The accuracy is in per cent.

    Examples
    --------
    >>> results = pd.DataFrame({"name": ["cnn", "mlp"], "accuracy": [0.7, 0.6], "low": [0.6, 0.5], "high": [0.8, 0.7]})
    >>> [label.get_text() for label in comparison(results).get_yticklabels()]
    ['mlp', 'cnn']
    """
    ax = axes(ax, (7, 1 + 0.4 * len(table)))
    table = table[::-1].sort_values("accuracy", kind="stable")  # in a tie, the first row stays on top
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
    """Plot differences between models with their 95 % confidence intervals.

    A hollow marker means that the interval contains 0, so the models may be equally good.

    Parameters
    ----------
    tables : pandas.DataFrame or mapping from str to pandas.DataFrame
        One table, or up to five tables by name. Each row is a comparison, and the index holds its label. The columns
        ``difference``, ``low`` and ``high`` come from :func:`musiclab.metrics.difference_interval` and range from -1 to
        1. All tables have the same index.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    label : str
        Quantity on the horizontal axis, by default "difference of the accuracies".

    Returns
    -------
    matplotlib.axes.Axes
        Axes with one row per comparison. The differences are in percentage points.

    Examples
    --------
    >>> table = pd.DataFrame({"difference": [0.1], "low": [0.02], "high": [0.18]}, index=["cnn minus mlp"])
    >>> differences(table).get_xlabel()
    'difference of the accuracies (points), with its 95 % interval'
    """
    tables = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    names = next(iter(tables.values())).index
    ax = axes(ax, (8, 1 + 0.4 * len(names) * max(1, len(tables) / 3)))
    for index, (name, table) in enumerate(tables.items()):
        colour, marker = _TABLE_STYLES[index]
        rows = np.arange(len(names)) + 0.7 * ((index + 0.5) / len(tables) - 0.5)
        points = 100 * table.loc[names, ["difference", "low", "high"]].to_numpy(dtype=float)
        ax.plot([], [], marker, color=colour, label=drawable([name])[0])  # a filled marker for the legend
        for row, (difference, low, high) in zip(rows, points, strict=True):
            face = "white" if low <= 0 <= high else colour
            spread = [[max(0, difference - low)], [max(0, high - difference)]]
            ax.errorbar(difference, row, xerr=spread, fmt=marker, color=colour, markerfacecolor=face, capsize=3)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(names)), drawable(names))
    ax.set(xlabel=f"{label} (points), with its 95 % interval", ylim=(len(names) - 0.5, -0.5))
    if len(tables) > 1:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def shifts(table: pd.DataFrame, features: int = 16, ax: Axes | None = None) -> Axes:
    """Plot in which features two data sets differ, for each class.

    Numbers and colours are differences in standard deviations. The colours end at 3. Grey cells have no value.

    Parameters
    ----------
    table : pandas.DataFrame
        Table with the columns ``class``, ``feature`` and ``shift``, such as ``shifts`` of
        :class:`musiclab.runs.Transfer`. The class "all" becomes the first column.
    features : int
        Number of features to show: those with the largest mean absolute shift, where shifts count up to 3. Default: 16.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure with the size from :func:`shifts_size` is made.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with one row per feature and one column per class.

    Examples
    --------
    >>> table = pd.DataFrame({"class": ["all", "all", "jazz", "jazz"], "feature": ["rms", "centroid"] * 2})
    >>> ax = shifts(table.assign(shift=[1.2, -0.3, 2.0, 0.1]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['rms', 'centroid']
    """
    ax = axes(ax, shifts_size(table, features))
    grid = table.pivot(index="feature", columns="class", values="shift")
    grid = grid[sorted(grid, key=lambda name: (name != "all", name))]
    sizes = grid.abs().clip(upper=3).mean(axis=1)  # a huge shift in one class counts less than one in all classes
    grid = grid.loc[sizes.sort_values(ascending=False, kind="stable").index[:features]]
    image = ax.imshow(grid, cmap="PuOr_r", vmin=-3, vmax=3, aspect="auto")
    ax.set_facecolor("0.85")
    is_large = grid.shape[1] > MOST_ROWS
    for row, column in () if is_large else np.argwhere(grid.notna().to_numpy()):
        value = grid.iloc[row, column]
        text = f"{value:+.0f}" if abs(value) >= 10 else f"{round(value, 1) + 0.0:+.1f}"  # never -0.0
        colour = "white" if abs(value) > 2 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    _name_columns(ax, grid.columns, 0.5 * min(grid.shape[1], MOST_ROWS))
    name_ticks(ax.yaxis, grid.index, 0.26 * len(grid))
    ax.figure.colorbar(image, ax=ax, label="shift (standard deviations)", extend="both", fraction=0.046, pad=0.03)
    return ax


def shifts_size(table: pd.DataFrame, features: int = 16) -> tuple[float, float]:
    """Compute a figure size for :func:`shifts` that leaves room for the names.

    Parameters
    ----------
    table : pandas.DataFrame
        As in :func:`shifts`.
    features : int
        As in :func:`shifts`.

    Returns
    -------
    width : float
        Width of the figure in inches.
    height : float
        Height of the figure in inches.

    Examples
    --------
    >>> width, height = shifts_size(pd.DataFrame({"class": ["all", "jazz"], "feature": ["rms", "rms"]}))
    >>> print(f"{width:.2f} x {height:.2f}")
    4.20 x 2.06
    """
    classes, rows = min(table["class"].nunique(), MOST_ROWS), min(table["feature"].nunique(), features)
    longest = max(map(len, drawable(table["class"].unique())))
    return 3.2 + 0.5 * classes, 1.4 + 0.26 * rows + 0.1 * min(longest, 40)


def timeline(edges: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Plot how the predicted probabilities of all classes change over time.

    Each class has a row, which is darker where the class is more probable.

    Parameters
    ----------
    edges : array, shape (windows + 1,), s
        Times between the windows that the model classified, from :func:`musiclab.runs.prediction.edges`. Window ``i``
        lasts from ``edges[i]`` to ``edges[i + 1]``.
    probabilities : array, shape (windows, classes)
        Probability of each class in each window, from 0 to 1.
    classes : sequence of str, length (classes,)
        Names of the classes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the first class on top.

    Examples
    --------
    >>> timeline([0, 1, 2], [[0.9, 0.1], [0.2, 0.8]], ["speech", "music"]).get_xlabel()
    'time (s)'
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
