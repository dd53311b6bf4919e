"""Plots: each function draws on one Axes (``ax``, by default a new one), labels it with units, and returns it.

Levels have one colour map (``magma``) and classes one palette of ten, both readable in grey.
"""

from musiclab.plots.learning import (
    comparison,
    confusion,
    confusion_size,
    differences,
    fold_histories,
    history,
    timeline,
)
from musiclab.plots.sound import chroma, log_mel, spectrogram, spectrum, waveform
from musiclab.plots.style import LEVELS, MOST_ROWS, PALETTE, drawable, name_ticks
