"""The augmentation of a run: which changes a training batch goes through, and by how much."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from musiclab.core.checks import check_known, check_number, check_whole
from musiclab.core.errors import RunError
from musiclab.training.augment import batch as change

_IN_TIME = ("mixup", "time_mask", "circular_shift", "stretch")
_FITTING = {  # any other feature has frames, but no axis of frequency: _IN_TIME
    "audio": (*_IN_TIME, "gain"),
    "logmel": (*_IN_TIME, "frequency_mask", "frequency_shift"),
    "summary": ("mixup",),  # one frame
}
_DROPPED = ("noise", "polarity")  # earlier versions had these two, and their runs name them


@dataclass(frozen=True)
class Augmentation:
    """Random changes of each training example, a waveform or a spectrogram; each is off (0) unless it is set.

    Attributes
    ----------
    mixup : float
        alpha of :func:`~musiclab.training.augment.mixup`, which blends pairs of examples.
    time_mask, frequency_mask : float
        Longest stretch of time and widest range of mel bands (log-mel only) to hide, as a share of all, in [0, 1].
    frequency_shift : int
        Largest move up or down, in mel bands. Log-mel only.
    circular_shift : float
        Largest rotation along time, either way, as a share of the example, in [0, 1]; 0.5 reaches every position.
    stretch : float
        Largest change of speed, in [0, 1]; 0.1 is a factor of 1 / 1.1 to 1.1.
    gain : float
        Largest change of level, up or down, in dB, at most 60. Audio only.

    Examples
    --------
    >>> augmentation = Augmentation(mixup=0.3, time_mask=0.2, frequency_mask=0.2)
    >>> batch, targets = torch.randn(4, 128, 128), torch.eye(4)
    >>> batch, targets = augmentation.apply(batch, targets, np.random.default_rng(0), silence=0.0)
    >>> batch.shape
    torch.Size([4, 128, 128])
    """

    mixup: float = 0.0
    time_mask: float = 0.0
    frequency_mask: float = 0.0
    frequency_shift: int = 0
    circular_shift: float = 0.0
    stretch: float = 0.0
    gain: float = 0.0

    def __post_init__(self):
        settings = vars(self)
        check_number(settings, "mixup")
        check_number(settings, "time_mask", "frequency_mask", "circular_shift", "stretch", most=1)
        check_number(settings, "gain", most=60)
        check_whole(settings, "frequency_shift", least=0)

    @property
    def active(self) -> dict:
        """Changes that are on, ``{name: value}``."""
        return {name: value for name, value in vars(self).items() if value}

    def check(self, feature: str) -> "Augmentation":
        """Return this augmentation, or raise RunError if a change does not fit ``feature``: audio has no mel bands."""
        fitting = _FITTING.get(feature, _IN_TIME)
        for name, value in self.active.items():
            if name not in fitting:
                raise RunError(
                    f"{name}={value} does not fit the feature {feature!r}, whose augmentations are "
                    f"{', '.join(fitting)}; leave {name} out"
                )
        return self

    def apply(
        self, batch: torch.Tensor, targets: torch.Tensor, rng: np.random.Generator, silence=0.0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Change a batch, shape (batch, samples) or (batch, dimensions, frames), and targets, shape (batch, classes).

        ``rng`` decides all changes. ``silence``, the feature's on the batch's scale, one value or shape (dimensions,),
        fills masks and free frames. Only mixup changes the targets. A change that does not fit the batch raises
        RunError.
        """
        self.check("audio" if batch.ndim == 2 else "logmel")
        if self.stretch:
            batch = change.random_stretch(batch, self.stretch, silence, rng)
        if self.circular_shift:
            batch = change.circular_shift(batch, self.circular_shift, rng)
        if self.frequency_shift:
            batch = change.frequency_shift(batch, self.frequency_shift, rng)
        if self.gain:
            batch = change.gain(batch, self.gain, rng)
        if self.time_mask:  # masks last: what they hide stays hidden, until it is blended
            batch = change.time_mask(batch, self.time_mask, silence, rng)
        if self.frequency_mask:
            batch = change.frequency_mask(batch, self.frequency_mask, silence, rng)
        if self.mixup:
            batch, targets = change.mixup(batch, targets, self.mixup, rng)
        return batch, targets

    def to_dict(self) -> dict:
        """Return the settings as a dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping) -> "Augmentation":
        """Make an augmentation from the dictionary of :meth:`to_dict`, or raise RunError; missing changes are off."""
        known = [field.name for field in fields(cls)]
        settings = {name: value for name, value in settings.items() if value or name not in _DROPPED}
        for name in settings:
            check_known(name, known, "an augmentation")
        return cls(**settings)
