"""Augmentation: what may change about a sound without changing what it is called. Training clips only.

=========  =========================================================================================================
tracks     nine changes of one waveform, made before training (noise, stretch, pitch, percussive part ...), by librosa
           and soxr: slow and good, a track gives several
batch      changes of a whole training batch on the device it is on, new ones at every step: fast and simple
pipeline   :class:`Augmentation`: which of those of ``batch``, and by how much, as a run keeps it
=========  =========================================================================================================

Every draw comes from the numpy generator that is given, so that a seed decides everything, on every device.
Nothing here changes what it is given.
"""

from musiclab.training.augment.batch import (
    circular_shift,
    frequency_mask,
    frequency_shift,
    gain,
    mixup,
    noise,
    polarity,
    random_crop,
    random_stretch,
    time_mask,
)
from musiclab.training.augment.pipeline import Augmentation

__all__ = [
    "Augmentation",
    "circular_shift",
    "frequency_mask",
    "frequency_shift",
    "gain",
    "mixup",
    "noise",
    "polarity",
    "random_crop",
    "random_stretch",
    "time_mask",
]
