"""What all models share: they standardise their input themselves, and say which input they were made for."""

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import nn

from musiclab.core.errors import RunError


class Classifier(nn.Module):
    """Base of the models: a batch of what a model hears -> logits, shape (batch, classes), no softmax.

    A subclass names what it hears in its class attributes, builds its layers after ``super().__init__``, and
    begins its ``forward`` with :meth:`standardised`.

    Parameters
    ----------
    classes
        Number of classes.
    sizes
        The arguments, beside ``classes``, that make the same network again; JSON can hold them.
    input_shape
        Shape of one example: ``(samples,)`` of audio, else ``(dimensions, frames)``.
    shortest
        Least length of an example, where other lengths than that of ``input_shape`` will do; ``None`` where not.

    Attributes
    ----------
    feature : str
        Name of what it hears, a key of ``musiclab.features.FEATURES``.
    feature_config : object
        The settings of that feature for which it was made.
    dimensions : str or None
        Name of the size that equals the feature's dimensions; ``None`` for audio, which has no such axis.
    by_dimension : bool
        Whether each dimension is standardised by numbers of its own, as what has units of its own must be.
    length : int
        Samples or frames of the segments it is trained on.
    mean, deviation : tensor, shape () or (dimensions,)
        Of the training set (:meth:`standardise_by`): they are kept with the weights, which are then all one needs
        to use the model.
    """

    feature: str
    feature_config: object
    dimensions: str | None = None
    by_dimension: bool = False

    def __init__(self, classes: int, sizes: dict, input_shape: tuple[int, ...], shortest: int | None = None):
        super().__init__()
        check_whole(classes=classes, length=input_shape[-1])
        if shortest is not None and input_shape[-1] < shortest:
            raise RunError(f"expected a length of at least {shortest}, found {input_shape[-1]}; use longer segments")
        self.classes, self.sizes, self.input_shape, self.shortest = classes, sizes, input_shape, shortest
        self.length = input_shape[-1]
        shape = input_shape[:1] if self.by_dimension else ()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    def standardise_by(self, mean: float | Sequence[float], deviation: float | Sequence[float]) -> None:
        """Keep the mean and the standard deviation of the training set.

        What hardly varies (by less than a millionth of its mean, or of 1) is divided by 1, not by nearly 0, as
        scikit-learn's StandardScaler does: a later clip that differs there must not drown all else.

        Parameters
        ----------
        mean, deviation
            One number, or one for each dimension; a model that keeps one number pools those of the dimensions,
            which gives exactly the mean and the deviation of all values together.

        Raises
        ------
        RunError
            There are not as many numbers as dimensions, one is not finite, or a deviation is negative.
        """
        mean, deviation = (torch.as_tensor(numbers, dtype=torch.float64).cpu() for numbers in (mean, deviation))
        dimensions = self.input_shape[0] if len(self.input_shape) > 1 else 1
        for name, numbers in (("mean", mean), ("deviation", deviation)):
            if numbers.shape not in ((), (dimensions,)):
                raise RunError(f"expected one {name} or {dimensions} of them, found shape {tuple(numbers.shape)}")
            bad = ~numbers.isfinite() | ((numbers < 0) & (name == "deviation"))
            if bad.any():
                place = int(bad.reshape(-1).nonzero()[0])
                raise RunError(
                    f"expected a finite {name}{' of 0 or more' * (name == 'deviation')} of each dimension, found "
                    f"{numbers.reshape(-1)[place].item()} for number {place}; look for broken clips with a scan"
                )
        if not self.by_dimension and max(mean.ndim, deviation.ndim):
            power = (deviation.square() + mean.square()).mean()
            mean = mean.mean()
            deviation = (power - mean.square()).clamp(min=0).sqrt()
        constant = deviation <= 1e-6 * mean.abs().clamp(min=1)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.masked_fill(constant, 1.0))

    def standardised(self, batch: torch.Tensor) -> torch.Tensor:
        """A batch, shape (batch, *input_shape), less the mean, in deviations.

        Raises
        ------
        RunError
            The batch has another shape than the model was made for.
        """
        *fixed, length = self.input_shape
        fits = batch.ndim == 2 + len(fixed) and list(batch.shape[1:-1]) == fixed
        if not fits or (batch.shape[-1] != length if self.shortest is None else batch.shape[-1] < self.shortest):
            last = length if self.shortest is None else f"{self.shortest} or more"
            expected = ", ".join(map(str, ["batch", *fixed, last]))
            raise RunError(f"{type(self).__name__}: expected shape ({expected}), found {tuple(batch.shape)}")
        if self.by_dimension:
            return (batch - self.mean[:, None]) / self.deviation[:, None]
        return (batch - self.mean) / self.deviation


def check_whole(least: int = 1, /, **sizes: int) -> None:
    """Raise RunError, naming the size, unless all are whole numbers of at least ``least``."""
    for name, value in sizes.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise RunError(f"expected {name} to be a whole number of at least {least}, found {value!r}")


def check_share(**sizes: float) -> None:
    """Raise RunError, naming the size, unless all are shares: 0 or more, and less than 1."""
    for name, value in sizes.items():
        if not isinstance(value, int | float) or not 0 <= value < 1:
            raise RunError(f"expected {name} to be a share, from 0 to less than 1, found {value!r}")


def check_widths(count: int, /, **sizes: Sequence[int]) -> None:
    """Raise RunError, naming the size, unless all are ``count`` whole numbers of at least 1."""
    for name, values in sizes.items():
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
            raise RunError(f"expected {name} to be {count} whole numbers, found {values!r}")
        for value in values:
            check_whole(**{name: value})
