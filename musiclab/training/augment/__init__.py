"""Augment training clips: change the sound without changing its label.

``batch`` changes training batches on their device at every step, which is fast. :class:`Augmentation` selects these
changes for a run. ``tracks`` changes single waveforms before training with librosa and soxr, which is slow but sounds
better. Random numbers come from the numpy generator that is passed, so results depend on the seed but not on the
device. No function modifies its input.
"""

from musiclab.training.augment.batch import mixup
from musiclab.training.augment.pipeline import Augmentation
