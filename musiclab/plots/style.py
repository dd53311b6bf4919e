"""Colours of all plots, and a default Axes."""

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
    """Return ``ax``, or a new Axes of ``size`` in inches if it is None."""
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
