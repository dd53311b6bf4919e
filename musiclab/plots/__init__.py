"""Plot sounds, features and results.

Each function draws on one Axes (``ax``, by default a new one), labels it with units and returns it. Levels are drawn
with the colour map ``magma`` and classes with a palette of ten colours. Both are readable in greyscale.

Examples
--------
>>> import matplotlib.pyplot as plt
>>> import numpy as np
>>> from musiclab import features, plots
>>> waveform = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
>>> figure, (left, right) = plt.subplots(1, 2)
>>> ax = plots.waveform(waveform[:500], 22050, ax=left)
>>> ax.get_xlabel(), ax.get_ylabel()
('time (s)', 'amplitude')
>>> ax = plots.log_mel(features.log_mel(waveform), ax=right)
>>> ax.get_ylabel()
'frequency (Hz, mel scale)'
"""

from musiclab.core.extras import require

require("plots", "lessons", "matplotlib")  # before the modules import it

from musiclab.plots.learning import (
    comparison,
    confusion,
    confusion_size,
    differences,
    fold_histories,
    history,
    reliability,
    shifts,
    shifts_size,
    timeline,
)
from musiclab.plots.sound import chroma, log_mel, spectrogram, spectrum, waveform
from musiclab.plots.style import LEVELS, MOST_ROWS, PALETTE, drawable, name_ticks
