"""Base of the models: a model standardises its input and says which feature it takes."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import nn

from musiclab.core.checks import check_whole
from musiclab.core.errors import RunError
from musiclab.features import MelConfig

MOST_VALUES = 2**24
"""Most values of one example: six minutes at 44,100 Hz, or 50 minutes of log-mel frames."""


class Classifier(nn.Module):
    """Base of the models: takes a batch of a feature and returns logits, shape (batch, classes), without a softmax.

    A subclass names its feature in its class attributes, builds its layers after ``super().__init__``, and begins its
    ``forward`` with :meth:`standardised`.

    Parameters
    ----------
    classes, sizes
        Number of classes, and all other arguments of the subclass, from which the same network can be made again.
    input_shape
        Shape of one example: ``(samples,)`` for audio, otherwise ``(dimensions, frames)``.
    shortest
        Smallest length of an example; by default only the length in ``input_shape`` is accepted.

    Attributes
    ----------
    feature, feature_config
        Name of the feature, a key of ``musiclab.features.FEATURES``, and the settings that the model was made for.
    dimensions : str or None
        Name of the size that equals the feature's dimensions; ``None`` for audio, which has no such axis.
    by_dimension : bool
        Whether each dimension is standardised by itself, as dimensions with different units must be.
    length : int
        Samples or frames of the segments it is trained on.
    mean, deviation : tensor, shape () or (dimensions,)
        Mean and standard deviation of the training set, saved with the weights.
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
            raise RunError(
                f"expected an example of at most {MOST_VALUES:,} values, found {shape}; use shorter segments"
            )
        if shortest is not None and input_shape[-1] < shortest:
            raise RunError(f"expected a length of at least {shortest}, found {input_shape[-1]}; use longer segments")
        self.sizes = {name: list(size) if isinstance(size, tuple) else size for name, size in sizes.items()}
        self.classes, self.input_shape, self.shortest = classes, input_shape, shortest
        self.length = input_shape[-1]
        shape = input_shape[:1] if self.by_dimension else ()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    def standardise_by(self, mean: float | Sequence[float], deviation: float | Sequence[float]) -> None:
        """Store the mean and the standard deviation of the training set.

        A dimension that hardly varies (by less than a millionth of its mean, or of 1) is divided by 1 instead of nearly
        0, as in scikit-learn's StandardScaler. Otherwise a later clip that differs there would drown everything else.

        Parameters
        ----------
        mean, deviation
            One finite value, or one for each dimension; a model that keeps a single one pools them. Others raise
            RunError.
        """
        mean, deviation = (torch.as_tensor(numbers, dtype=torch.float64).cpu() for numbers in (mean, deviation))
        dimensions = self.input_shape[0] if len(self.input_shape) > 1 else 1
        for name, numbers in (("mean", mean), ("deviation", deviation)):
            if numbers.shape not in ((), (dimensions,)):
                raise RunError(f"expected one {name} or {dimensions} of them, found shape {tuple(numbers.shape)}")
            bad = ~numbers.isfinite() | ((numbers < 0) & (name == "deviation"))
            if bad.any():
                first = int(bad.reshape(-1).nonzero()[0])
                raise RunError(
                    f"expected a finite {name}{' of 0 or more' * (name == 'deviation')} of each dimension, found "
                    f"{numbers.reshape(-1)[first].item()} for number {first}; look for broken clips with a scan"
                )
        if not self.by_dimension and max(mean.ndim, deviation.ndim):
            power = (deviation.square() + mean.square()).mean()
            mean = mean.mean()
            deviation = (power - mean.square()).clamp(min=0).sqrt()
        constant = deviation <= 1e-6 * mean.abs().clamp(min=1)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.masked_fill(constant, 1.0))

    def standardised(self, batch: torch.Tensor) -> torch.Tensor:
        """Subtract the mean from a batch, shape (batch, *input_shape), and divide it by the standard deviation.

        Raise RunError if the batch has another shape than the model was made for.
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


class MelClassifier(Classifier):
    """Base of the models on log-mels, shape (batch, n_mels, frames)."""

    feature = "logmel"
    feature_config = MelConfig()
    dimensions = "n_mels"


def dense_layers(inputs: int, hidden: Sequence[int], dropout: float, classes: int) -> list[nn.Module]:
    """Make dense layers of the sizes ``hidden``, each with ReLU and dropout, and a linear layer to the classes."""
    layers = []
    for size_in, size_out in pairwise([inputs, *hidden]):
        layers += [nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout)]
    return [*layers, nn.Linear(hidden[-1], classes)]
