"""Street: ten generated sounds of the city, with the labels, folds and table of UrbanSound8K.

``catalogue`` lists the slices, ``render_slices`` renders those of one recording, ``render_recording`` a whole recording
with its ground truth. A score on these sounds is a score on generated data, not a benchmark.
"""

from musiclab.studio.street.scene import CLASSES, SOUNDS, render_recording, render_slices
from musiclab.studio.street.synthesis import SAMPLE_RATE
from musiclab.studio.street.table import COLUMNS, catalogue

VERSION = "2"
"""Part of the name of a cached data set: raise it whenever a change alters a sample."""
