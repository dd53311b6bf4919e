"""Choose which random changes are applied to training batches, and how strong they are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from musiclab.core.checks import check_known, check_number, check_whole
from musiclab.core.errors import RunError
from musiclab.training.augment import batch as change

_IN_TIME = ("mixup", "time_mask", "circular_shift", "stretch")
_AVAILABLE = {  # other features have frames but no frequency axis, so _IN_TIME applies
    "audio": (*_IN_TIME, "gain"),
    "logmel": (*_IN_TIME, "frequency_mask", "frequency_shift"),
    "summary": ("mixup",),  # one frame
}
_REMOVED = ("noise", "polarity")  # still in the settings of runs from older versions


@dataclass(frozen=True)
class Augmentation:
    """Random changes to training examples. All are off (0) by default.

    Attributes
    ----------
    mixup : float
        alpha of :func:`~musiclab.training.augment.mixup`, which mixes pairs of examples.
    time_mask : float
        Longest time mask as a share of the example, in [0, 1].
    frequency_mask : float
        Widest frequency mask as a share of the mel bands, in [0, 1]. Log-mel only.
    frequency_shift : int
        Largest shift up or down in mel bands. Log-mel only.
    circular_shift : float
        Largest rotation along time as a share of the example, in [0, 1]. 0.5 makes every position possible.
    stretch : float
        Largest change of speed, in [0, 1]. 0.1 means factors from 1 / 1.1 to 1.1.
    gain : float
        Largest change of level in dB, up or down, at most 60. Audio only.

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
        """Changes that are switched on, with their values."""
        return {name: value for name, value in vars(self).items() if value}

    def check(self, feature: str) -> "Augmentation":
        """Return this augmentation, or raise RunError if a change is not available for ``feature``."""
        available = _AVAILABLE.get(feature, _IN_TIME)
        for name, value in self.active.items():
            if name not in available:
                raise RunError(
                    f"{name}={value} is not available for the feature {feature!r}, only {', '.join(available)}. "
                    f"Leave {name} out."
                )
        return self

    def apply(
        self, batch: torch.Tensor, targets: torch.Tensor, rng: np.random.Generator, silence=0.0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Apply the changes to a batch and its targets.

        Parameters
        ----------
        batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
        targets : float tensor, shape (batch, classes)
            Class probabilities, which only mixup changes.
        rng
            Random generator.
        silence : float or array, shape (dimensions,)
            Value of masks and padding, in the units of the batch.

        Raises
        ------
        RunError
            A change is not available for this shape.
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
        if self.time_mask:  # masks come late, so that no other change except mixup fills them again
            batch = change.time_mask(batch, self.time_mask, silence, rng)
        if self.frequency_mask:
            batch = change.frequency_mask(batch, self.frequency_mask, silence, rng)
        if self.mixup:
            batch, targets = change.mixup(batch, targets, self.mixup, rng)
        return batch, targets

    def to_dict(self) -> dict:
        """Return the settings as a dictionary that can be saved as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping) -> "Augmentation":
        """Create an augmentation from a dictionary of :meth:`to_dict`. Missing changes are off."""
        names = [field.name for field in fields(cls)]
        settings = {name: value for name, value in settings.items() if value or name not in _REMOVED}
        for name in settings:
            check_known(name, names, "an augmentation")
        return cls(**settings)
