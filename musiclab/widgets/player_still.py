"""Draw the static picture of a :class:`~musiclab.widgets.Player`."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.widgets.lanes import Lane
from musiclab.widgets.sound import FLOOR, LOUDEST, QUIETEST, STEP, Picture, block_maxima

_STILL_CELLS = (300, 48)  # most columns and rows of the spectrogram in a still, which keeps it below 15 kB
_TICKS = (100, 500, 1000, 2000, 4000, 8000, 16000)  # Hz


def figure_of(
    lanes: Sequence[Lane], pictures: Sequence[Picture], outlines: np.ndarray, reach: float, duration: float
) -> Figure:
    """Draw lanes, and waveform and spectrogram of each track, with outlines of shape (tracks, columns, 2)."""
    heights = [lane.height for lane in lanes] + ([40, 110] if len(pictures) == 1 else [30, 50] * len(pictures))
    total = sum(heights) + 60
    figure = Figure(figsize=(7, total / 100))  # at 100 pixels per inch
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights, hspace=0.12)
    # faster than a computed layout, because a notebook may have many players
    grid.update(left=0.1, right=0.98, top=1 - 8 / total, bottom=40 / total)
    axes = grid.subplots(sharex=True, squeeze=False)[:, 0]
    for lane, ax in zip(lanes, axes, strict=False):
        lane.draw(ax)
    rows = axes[len(lanes) :].reshape(-1, 2)
    for (wave, levels), picture, outline in zip(rows, pictures, outlines, strict=True):
        _draw_wave(wave, outline, reach, duration)
        _draw_levels(levels, picture)
    levels.set_xlim(0, duration)
    levels.set_xlabel("time (s)", fontsize=8)
    return figure


def _draw_wave(ax, outline: np.ndarray, reach: float, duration: float) -> None:
    time = np.linspace(0, duration, len(outline), endpoint=False)
    ax.fill_between(time, *(outline.T / 127 * reach), color=plots.PALETTE[0], linewidth=0.6)
    ax.set(ylim=(-reach, reach), yticks=[-reach, 0, reach])
    ax.tick_params(labelsize=7, bottom=False, labelbottom=False)


def _draw_levels(ax, picture: Picture) -> None:
    bands, columns = picture.levels.shape
    half = picture.column_seconds / 2  # a column is centred on its time
    coarse, _, _ = block_maxima(picture.levels, *_STILL_CELLS)  # coarse, in steps of 4 dB, to save bytes
    ax.imshow(
        coarse // 10 * 10, origin="lower", aspect="auto", cmap=plots.LEVELS, interpolation="nearest",
        extent=(-half, columns * picture.column_seconds - half, 0, bands),
        vmin=(QUIETEST - FLOOR) / STEP, vmax=(LOUDEST - FLOOR) / STEP,
    )  # fmt: skip
    ticks = [hertz for hertz in _TICKS if hertz <= picture.edges[-1]]
    rows = np.interp(ticks, picture.edges, np.arange(bands + 2) - 0.5)
    ax.set_yticks(rows, [f"{hertz:,}" for hertz in ticks])
    ax.tick_params(labelsize=7)
    ax.set_ylabel("Hz (mel scale)", fontsize=8)
