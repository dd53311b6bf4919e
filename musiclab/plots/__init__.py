"""Pictures: each draws on one Axes, labels it with units, and returns it.

Colours: one map for everything that has a level (``magma``) and one palette of ten for classes, both readable in grey.
"""

from musiclab.plots.learning import comparison, confusion, differences, fold_histories, history, timeline
from musiclab.plots.sound import chroma, log_mel, spectrogram, spectrum, waveform
from musiclab.plots.style import LEVELS, PALETTE

__all__ = [
    "LEVELS",
    "PALETTE",
    "chroma",
    "comparison",
    "confusion",
    "differences",
    "fold_histories",
    "history",
    "log_mel",
    "spectrogram",
    "spectrum",
    "timeline",
    "waveform",
]
