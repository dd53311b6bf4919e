"""Define the style of all plots: colours, default Axes and readable names."""

from collections.abc import Iterable

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends import BackendFilter, backend_registry
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

LEVELS = "magma"
"""Colour map for levels. Darker is quieter, also in greyscale."""

PALETTE = (
    "#332288", "#117733", "#882255", "#AA4499", "#4477AA",
    "#CC6677", "#999933", "#44AA99", "#88CCEE", "#DDCC77",
)  # fmt: skip
"""Ten colours for classes, from dark to light, based on Paul Tol's colour-blind safe "muted" scheme."""


MOST_ROWS = 40
"""Largest number of classes with rows of full height. More classes get smaller rows, and some labels are left out."""

_LONGEST_NAME = 40  # characters of a name in a figure
_latest: list[Figure] = []  # the last figure that axes() made with a non-interactive backend


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return ``ax``. If it is None, return the Axes of a new figure of ``size`` inches.

    With a non-interactive backend such as Agg, pyplot closes the previous figure, so that a loop of plots doesn't fill
    the memory. You can still save that figure through its ``ax.figure``.
    """
    if ax is not None:
        return ax
    is_hidden = matplotlib.get_backend().lower() in backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)
    while is_hidden and _latest:
        plt.close(_latest.pop())
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    if is_hidden:
        _latest.append(figure)
    return ax


def drawable(names: Iterable) -> list[str]:
    """Prepare names for a figure, so that matplotlib can draw them.

    Characters that the font lacks become boxes. Dollar signs are escaped, because they would start a formula. Names of
    more than 40 characters are shortened.

    Parameters
    ----------
    names : iterable
        Names to prepare. Other objects are converted to strings.

    Returns
    -------
    list of str
        One text per name.

    Examples
    --------
    >>> drawable(["rooster \N{ROOSTER}", "$5"])
    ['rooster □', '\\\\$5']
    """
    fonts = [get_font(findfont(FontProperties(family=[family]))) for family in matplotlib.rcParams["font.family"]]
    charset = set().union(*(font.get_charmap() for font in fonts))
    box = "\N{WHITE SQUARE}" if ord("\N{WHITE SQUARE}") in charset else "?"
    texts = []
    for name in map(str, names):
        short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
        text = "".join(character if ord(character) in charset else box for character in short)
        texts.append(text.replace("$", r"\$"))
    return texts


def name_ticks(axis, names: Iterable, inches: float, **style) -> None:
    """Write names at the positions 0, 1, 2 ... of an axis.

    If there is little room, the text is smaller. If it would be smaller than 5 points, some names are skipped.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        Axis to label: ``ax.xaxis`` or ``ax.yaxis``.
    names : iterable
        Names in the order of the positions. They are prepared by :func:`drawable`.
    inches : float, inches
        Length of the axis, which decides how much room each name has.
    **style
        Options for the text, such as ``rotation``.

    Examples
    --------
    >>> figure, ax = plt.subplots()
    >>> name_ticks(ax.yaxis, ["intro", "verse", "chorus"], inches=4)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['intro', 'verse', 'chorus']
    >>> plt.close(figure)
    """
    names = drawable(names)
    room = 72 * inches / max(1, len(names))  # points per name
    step = -int(-5 // room)  # text smaller than 5 points is not readable
    if room * step < matplotlib.rcParams["font.size"]:
        style = {"fontsize": 0.9 * room * step} | style
    ticks = range(0, len(names), step)
    axis.set_ticks(ticks, [names[tick] for tick in ticks], **style)
