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

    Invalid values raise RunError.

    Attributes
    ----------
    mixup : float, default 0.0
        Strength ``alpha`` of :func:`~musiclab.training.augment.mixup`, which mixes pairs of examples. Common values are
        0.1 to 0.4.
    time_mask : float, default 0.0
        Longest time mask as a share of the example, in [0, 1]. A mask replaces a part of the example by silence.
    frequency_mask : float, default 0.0
        Widest frequency mask as a share of the mel bands, in [0, 1]. Only for log-mel spectrograms.
    frequency_shift : int, default 0
        Largest shift up or down in mel bands. Only for log-mel spectrograms.
    circular_shift : float, default 0.0
        Largest rotation along time as a share of the example, in [0, 1]. What leaves the example at one end enters at
        the other. 0.5 makes every position possible.
    stretch : float, default 0.0
        Largest change of speed, in [0, 1]. 0.1 means factors from 1 / 1.1 to 1.1.
    gain : float, default 0.0, dB
        Largest change of level, up or down, at most 60. Only for audio.

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
        """Changes that are switched on, as a dictionary of their values by name."""
        return {name: value for name, value in vars(self).items() if value}

    def check(self, feature: str) -> "Augmentation":
        """Check that all changes are available for a feature.

        Parameters
        ----------
        feature : str
            Name of the input feature, such as "logmel".

        Returns
        -------
        Augmentation
            This augmentation.

        Raises
        ------
        RunError
            A change is not available for the feature.

        Examples
        --------
        >>> Augmentation(gain=6.0).check("audio").active
        {'gain': 6.0}
        """
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
            Training examples. They are not modified.
        targets : float tensor, shape (batch, classes)
            Class probabilities of the examples. Only mixup changes them.
        rng : numpy.random.Generator
            Random generator.
        silence : float or array of shape (dimensions,), default 0.0
            Value of masks and padding, in the units of the batch.

        Returns
        -------
        batch : tensor
            Changed examples, with the shape of the input.
        targets : tensor, shape (batch, classes)
            Class probabilities of the changed examples.

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
        """Create an augmentation from a dictionary, such as the one from :meth:`to_dict`.

        Parameters
        ----------
        settings : dict
            Values by the name of the change. Changes that are missing are off.

        Returns
        -------
        Augmentation
            The augmentation.

        Raises
        ------
        RunError
            A name is unknown, or a value is invalid.
        """
        names = [field.name for field in fields(cls)]
        settings = {name: value for name, value in settings.items() if value or name not in _REMOVED}
        for name in settings:
            check_known(name, names, "an augmentation")
        return cls(**settings)
