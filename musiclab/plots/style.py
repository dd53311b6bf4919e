"""Colours of all plots, and a default Axes."""

from collections.abc import Iterable

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends import BackendFilter, backend_registry
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

LEVELS = "magma"
"""Colour map for levels: darker is quieter, also in grey."""

PALETTE = (
    "#332288", "#117733", "#882255", "#AA4499", "#4477AA",
    "#CC6677", "#999933", "#44AA99", "#88CCEE", "#DDCC77",
)  # fmt: skip
"""Ten colours for classes, from dark to light; after Paul Tol's "muted" scheme, made for colour-blind readers."""


MOST_ROWS = 40
"""Classes that a figure grows with; of more, each has a smaller row, and names and numbers are thinned out."""

_LONGEST_NAME = 40  # characters of a name in a figure
_latest: list[Figure] = []  # the last figure that axes() made where no screen shows it


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return ``ax``, or a new Axes of ``size`` in inches if it is None.

    Without a screen (the backend Agg, for example) pyplot lets go of the figure before it, so that a loop does not fill
    the memory. That one can still be drawn and saved by its ``ax.figure``.
    """
    if ax is not None:
        return ax
    unseen = matplotlib.get_backend().lower() in backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)
    while unseen and _latest:
        plt.close(_latest.pop())
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    if unseen:
        _latest.append(figure)
    return ax


def drawable(names: Iterable) -> list[str]:
    """Return names as a plot can draw them: a box for what its font lacks, no formulas, and not too long.

    Examples
    --------
    >>> drawable(["rooster \N{ROOSTER}", "$5"])
    ['rooster □', '\\\\$5']
    """
    fonts = [get_font(findfont(FontProperties(family=[family]))) for family in matplotlib.rcParams["font.family"]]
    known = set().union(*(font.get_charmap() for font in fonts))
    box = "\N{WHITE SQUARE}" if ord("\N{WHITE SQUARE}") in known else "?"
    texts = []
    for name in map(str, names):
        short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
        drawn = "".join(sign if ord(sign) in known else box for sign in short)
        texts.append(drawn.replace("$", r"\$"))
    return texts


def name_ticks(axis, names: Iterable, inches: float, **style) -> None:
    """Name the positions 0, 1, 2 ... of an axis that is ``inches`` long, or every second, third ... of many."""
    names = drawable(names)
    room = 72 * inches / max(1, len(names))  # points for each
    step = -int(-5 // room)  # 5 points are the least that can be read
    if room * step < matplotlib.rcParams["font.size"]:
        style = {"fontsize": 0.9 * room * step} | style
    ticks = range(0, len(names), step)
    axis.set_ticks(ticks, [names[tick] for tick in ticks], **style)
