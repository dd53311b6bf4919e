"""Augmentation: changes of a sound that do not change its label, for training clips only.

``batch`` changes a training batch on its device at every step, fast and simple; :class:`Augmentation` says which
changes a run makes. ``tracks`` changes one waveform before training, by librosa and soxr: slow and good. All draws come
from the numpy generator that is passed, so that a seed decides everything on every device. No function changes its
input.
"""

from musiclab.training.augment.batch import mixup
from musiclab.training.augment.pipeline import Augmentation
