"""What all pictures share: the colours, and an Axes to draw on where none was given."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

LEVELS = "magma"
"""Colour map for levels: darker is quieter, also in grey."""

PALETTE = (
    "#332288", "#117733", "#882255", "#AA4499", "#4477AA",
    "#CC6677", "#999933", "#44AA99", "#88CCEE", "#DDCC77",
)  # fmt: skip
"""Ten colours for classes, from dark to light; after Paul Tol's "muted" scheme, made for colour-blind readers."""


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The Axes given, or a new one of a size in inches."""
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
