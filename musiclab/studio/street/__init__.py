"""Street: ten sounds of the city that musiclab makes itself, with the labels, folds and table of UrbanSound8K.

`catalogue` lists the slices, `render_slices` plays those of one recording, `render_recording` the whole recording
with what is true of it. A score on these sounds is a score on generated data, not a benchmark.
"""

from musiclab.studio.street.scene import SOUNDS, Recording, adjustable, render_recording, render_slice, render_slices
from musiclab.studio.street.synthesis import SAMPLE_RATE, Sound
from musiclab.studio.street.table import CLASSES, COLUMNS, Plan, catalogue, plan

VERSION = "2"
"""Part of the cache's key: raise it with any change that alters a sample."""

__all__ = [
    "CLASSES",
    "COLUMNS",
    "SAMPLE_RATE",
    "SOUNDS",
    "VERSION",
    "Plan",
    "Recording",
    "Sound",
    "adjustable",
    "catalogue",
    "plan",
    "render_recording",
    "render_slice",
    "render_slices",
]
