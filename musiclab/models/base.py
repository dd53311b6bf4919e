"""Base class of the models, which declares the input feature and standardises the input."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import nn

from musiclab.core.checks import check_whole
from musiclab.core.errors import RunError
from musiclab.features import MelConfig

MOST_VALUES = 2**24
"""Largest number of values per example: six minutes at 44,100 Hz, or 50 minutes of log-mel frames."""


class Classifier(nn.Module):
    """Base class of the models, which compute logits (one score per class) from a batch of input features.

    A subclass sets the class attributes, creates its layers after ``super().__init__``, and starts ``forward`` with
    :meth:`standardised`.

    Parameters
    ----------
    classes : int
        Number of classes.
    sizes : dict
        All other arguments of the subclass, so that the same network can be created again.
    input_shape : tuple of int
        Shape of one example: ``(samples,)`` for audio, otherwise ``(dimensions, frames)``.
    shortest : int, optional
        Length of the shortest example that the model accepts, in samples or frames. By default, examples must have the
        length in ``input_shape``.

    Attributes
    ----------
    feature : str
        Name of the input feature, a key of ``musiclab.features.FEATURES``.
    feature_config : feature settings
        Default feature settings of the model, such as a :class:`musiclab.features.MelConfig`.
    dimensions : str or None
        Name of the size that equals the number of dimensions of the feature, such as ``"n_mels"``. None for audio.
    by_dimension : bool
        True if each dimension is standardised separately, because dimensions have different units.
    length : int
        Length of a training segment in samples or frames.
    mean : tensor, shape () or (dimensions,)
        Mean of the training set, saved with the weights.
    deviation : tensor, shape () or (dimensions,)
        Standard deviation of the training set, saved with the weights.

    Raises
    ------
    RunError
        A size is invalid, or an example would be too short or too large.
    """

    feature: str
    feature_config: object
    dimensions: str | None = None
    by_dimension: bool = False

    def __init__(self, classes: int, sizes: dict, input_shape: tuple[int, ...], shortest: int | None = None):
        super().__init__()
        check_whole({"classes": classes, "length": input_shape[-1]}, "classes", "length")
        if prod(input_shape) > MOST_VALUES:
            shape = " x ".join(f"{size:,}" for size in input_shape)
            raise RunError(f"expected at most {MOST_VALUES:,} values per example, found {shape}. Use shorter segments.")
        if shortest is not None and input_shape[-1] < shortest:
            raise RunError(f"expected a length of at least {shortest}, found {input_shape[-1]}. Use longer segments.")
        self.sizes = {name: list(size) if isinstance(size, tuple) else size for name, size in sizes.items()}
        self.classes, self.input_shape, self.shortest = classes, input_shape, shortest
        self.length = input_shape[-1]
        shape = input_shape[:1] if self.by_dimension else ()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    def standardise_by(self, mean: float | Sequence[float], deviation: float | Sequence[float]) -> None:
        """Store the mean and standard deviation of the training set.

        A dimension that is almost constant gets a standard deviation of 1, as in scikit-learn's StandardScaler.
        Otherwise a clip that differs in this dimension would produce huge values. Almost constant means that the
        standard deviation is at most a millionth of the mean, or of 1 if the mean is smaller.

        Parameters
        ----------
        mean : float or sequence of float, shape (dimensions,)
            Mean of all values, or of each dimension. If the model does not standardise by dimension, the values of all
            dimensions are combined into one.
        deviation : float or sequence of float, shape (dimensions,)
            Standard deviation of all values, or of each dimension. At least 0.

        Raises
        ------
        RunError
            A value is NaN, infinite or negative where it must not be, or the number of values is wrong.

        Examples
        --------
        >>> from musiclab.models import create
        >>> model = create("mlp", classes=10)
        >>> model.standardise_by(mean=[2.0] * 26, deviation=[4.0] * 26)
        >>> model.standardised(torch.full((1, 26, 1), 10.0))[0, 0]
        tensor([2.])
        """
        mean, deviation = (torch.as_tensor(values, dtype=torch.float64).cpu() for values in (mean, deviation))
        dimensions = self.input_shape[0] if len(self.input_shape) > 1 else 1
        for name, values in (("mean", mean), ("deviation", deviation)):
            if values.shape not in ((), (dimensions,)):
                raise RunError(f"{name}: expected one value or {dimensions} values, found shape {tuple(values.shape)}")
            is_invalid = ~values.isfinite() | ((values < 0) & (name == "deviation"))
            if is_invalid.any():
                index = int(is_invalid.reshape(-1).nonzero()[0])
                raise RunError(
                    f"{name}: expected finite values{' of at least 0' * (name == 'deviation')}, found "
                    f"{values.reshape(-1)[index].item()} in dimension {index}. Look for broken clips with a scan."
                )
        if not self.by_dimension and max(mean.ndim, deviation.ndim):
            power = (deviation.square() + mean.square()).mean()
            mean = mean.mean()
            deviation = (power - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean)
        self.deviation.copy_(without_zeros(deviation, mean))

    def standardised(self, batch: torch.Tensor) -> torch.Tensor:
        """Subtract the stored mean from a batch, and divide it by the stored standard deviation.

        Parameters
        ----------
        batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
            Input features.

        Returns
        -------
        tensor, shape of ``batch``
            Standardised features.

        Raises
        ------
        RunError
            The batch does not have the shape that the model expects.
        """
        *dimensions, length = self.input_shape
        fits = batch.ndim == 2 + len(dimensions) and list(batch.shape[1:-1]) == dimensions
        if not fits or (batch.shape[-1] != length if self.shortest is None else batch.shape[-1] < self.shortest):
            lengths = length if self.shortest is None else f"{self.shortest} or more"
            expected = ", ".join(map(str, ["batch", *dimensions, lengths]))
            raise RunError(f"{type(self).__name__}: expected shape ({expected}), found {tuple(batch.shape)}")
        if self.by_dimension:
            return (batch - self.mean[:, None]) / self.deviation[:, None]
        return (batch - self.mean) / self.deviation


def without_zeros(deviation: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Replace the standard deviation of almost constant dimensions by 1 (see :meth:`Classifier.standardise_by`)."""
    return deviation.masked_fill(deviation <= 1e-6 * mean.abs().clamp(min=1), 1.0)


class MelClassifier(Classifier):
    """Base class of models that take log-mel spectrograms, shape (batch, n_mels, frames)."""

    feature = "logmel"
    feature_config = MelConfig()
    dimensions = "n_mels"


def dense_layers(inputs: int, hidden: Sequence[int], dropout: float, classes: int) -> list[nn.Module]:
    """Create dense layers with the sizes ``hidden``, each with ReLU and dropout, and a linear output layer."""
    layers = []
    for size_in, size_out in pairwise([inputs, *hidden]):
        layers += [nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout)]
    return [*layers, nn.Linear(hidden[-1], classes)]
