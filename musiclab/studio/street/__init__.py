"""Generate ten classes of city sounds, with the labels, folds and table of UrbanSound8K.

``catalogue`` lists the slices, ``render_slices`` renders the slices of one recording, and ``render_recording`` renders
a complete recording with its ground truth. Results on these generated sounds are not a benchmark.
"""

from musiclab.studio.street.scene import CLASSES, SOUNDS, render_recording, render_slices
from musiclab.studio.street.synthesis import SAMPLE_RATE
from musiclab.studio.street.table import COLUMNS, catalogue

VERSION = "3"
"""Part of the name of cached data sets. Increase it with every change that alters the generated audio."""
