"""Which changes a training batch goes through, and by how much: one small object that a run keeps."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from musiclab.core.errors import RunError, did_you_mean
from musiclab.training.augment import batch as change

_HIGHEST = {  # the lowest is 0, which is off
    "mixup": math.inf,
    "time_mask": 1,
    "frequency_mask": 1,
    "frequency_shift": math.inf,
    "circular_shift": 1,
    "stretch": 1,
    "gain": 60,
}
_IN_TIME = ("mixup", "time_mask", "circular_shift", "stretch")
_FITTING = {  # any other feature has frames, but no axis of frequency: _IN_TIME
    "audio": (*_IN_TIME, "gain", "noise", "polarity"),
    "logmel": (*_IN_TIME, "frequency_mask", "frequency_shift"),
    "summary": ("mixup",),  # one frame
}


@dataclass(frozen=True)
class Augmentation:
    """Random changes of each training example, of a waveform or of a picture; every one is off unless it is named.

    Attributes
    ----------
    mixup : float
        alpha of :func:`~musiclab.training.augment.mixup`, by which pairs of examples are blended.
    time_mask : float
        Longest stretch of time that is hidden, as a share of the example, in [0, 1].
    frequency_mask : float
        Widest range of mel bands that is hidden, as a share of all, in [0, 1]. Log-mel only.
    frequency_shift : int
        Most mel bands by which a picture is moved up or down. Log-mel only.
    circular_shift : float
        Largest rotation along time, either way, as a share of the example, in [0, 1]; 0.5 reaches every place.
    stretch : float
        Largest change of speed, in [0, 1]; 0.1 is a factor of 1 / 1.1 to 1.1.
    gain : float
        Largest change of level, up or down, in dB, at most 60. Audio only.
    noise : pair of float, or None
        Lowest and highest signal-to-noise ratio of added white noise, in dB. Audio only.
    polarity : bool
        Whether half of the examples are turned upside down. Audio only.

    Raises
    ------
    RunError
        A value is out of its range.

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
    noise: tuple[float, float] | None = None
    polarity: bool = False

    def __post_init__(self):
        for name, highest in _HIGHEST.items():
            value = getattr(self, name)
            kind = "whole number" if name == "frequency_shift" else "number"
            is_kind = isinstance(value, int if kind == "whole number" else (int, float)) and not isinstance(value, bool)
            if not is_kind or not 0 <= value <= highest or value == math.inf:
                limit = "of 0 or more" if highest == math.inf else f"in [0, {highest}]"
                raise RunError(f"{name}: expected a {kind} {limit}, found {value!r}; 0 turns it off")
        if not isinstance(self.polarity, bool):
            raise RunError(f"polarity: expected true or false, found {self.polarity!r}")
        if self.noise is not None:
            object.__setattr__(self, "noise", _decibel_range(self.noise))  # JSON gives a list

    @property
    def active(self) -> dict:
        """The changes that are on, ``{name: value}``.

        Examples
        --------
        >>> Augmentation(gain=6, polarity=True).active
        {'gain': 6, 'polarity': True}
        """
        return {name: value for name, value in vars(self).items() if value not in (0, None)}

    def check(self, feature: str) -> "Augmentation":
        """Make sure that every change that is on makes sense for a feature.

        Parameters
        ----------
        feature
            ``"audio"``, ``"logmel"``, ``"sequence"``, ``"summary"`` ...

        Returns
        -------
        Augmentation
            Itself.

        Raises
        ------
        RunError
            One does not: a waveform has no mel bands to mask, a summary no time.
        """
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
        """Change a batch, on the device it is on.

        Parameters
        ----------
        batch : tensor, shape (batch, samples) for audio, or (batch, dimensions, frames)
        targets : float tensor, shape (batch, classes)
            Probabilities; only mixup changes them.
        rng
            Decides everything.
        silence : float, or array of shape (dimensions,)
            What a masked or freed place is filled with: the feature's silence, on the batch's scale.

        Returns
        -------
        batch, targets
            New tensors of the same shapes; the very ones that were given when nothing is on.

        Raises
        ------
        RunError
            A change does not fit a batch of that shape.
        """
        self.check("audio" if batch.ndim == 2 else "logmel")
        if self.stretch:
            batch = change.random_stretch(batch, self.stretch, silence, rng)
        if self.circular_shift:
            batch = change.circular_shift(batch, self.circular_shift, rng)
        if self.frequency_shift:
            batch = change.frequency_shift(batch, self.frequency_shift, rng)
        if self.polarity:
            batch = change.polarity(batch, rng)
        if self.noise is not None:
            batch = change.noise(batch, self.noise, rng)
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
        """The settings as a dictionary that JSON can hold."""
        return asdict(self) | {"noise": None if self.noise is None else list(self.noise)}

    @classmethod
    def from_dict(cls, settings: Mapping) -> "Augmentation":
        """Undo :meth:`to_dict`; what is left out is off.

        Raises
        ------
        RunError
            A name is unknown, or a value is out of its range.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise RunError(
                    f"expected an augmentation among {', '.join(known)}, found {name!r}{did_you_mean(name, known)}"
                )
        return cls(**settings)


def _decibel_range(value) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in value)
        in_order = -math.inf < low <= high < math.inf
    except (TypeError, ValueError):
        in_order = False
    if not in_order:
        raise RunError(f"noise: expected two finite ratios in dB, low and high, found {value!r}; None turns it off")
    return low, high
