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
"""Largest number of classes with rows of full height. With more classes, rows are smaller, and some labels left out."""

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
    """Make names drawable: replace characters that the font lacks by boxes, escape formulas and shorten long names.

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
    """Label the positions 0, 1, 2 ... of an axis that is ``inches`` long; skip labels if there are too many."""
    names = drawable(names)
    room = 72 * inches / max(1, len(names))  # points per name
    step = -int(-5 // room)  # text smaller than 5 points is not readable
    if room * step < matplotlib.rcParams["font.size"]:
        style = {"fontsize": 0.9 * room * step} | style
    ticks = range(0, len(names), step)
    axis.set_ticks(ticks, [names[tick] for tick in ticks], **style)
