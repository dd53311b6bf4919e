"""The recipe of each model, its sizes and its training settings, and the one way to change them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import nn

from musiclab import models
from musiclab.core.errors import Problems, RunError, did_you_mean, differing
from musiclab.features import SummaryConfig
from musiclab.training.augment import Augmentation
from musiclab.training.config import TrainConfig


@dataclass(frozen=True)
class Recipe:
    """Name and sizes of a model, its training settings, and the feature settings that a data set is prepared with.

    Missing sizes are those of the system that the model comes from; the default feature settings are those that the
    model was made for.
    """

    model: str
    sizes: dict
    training: TrainConfig
    feature_config: object = None

    def __post_init__(self):
        if self.feature_config is None:
            object.__setattr__(self, "feature_config", models.find(self.model).feature_config)

    def make(self, classes: int, feature_settings=None) -> nn.Module:
        """Make the model for so many classes and a feature with these settings, by default those of the recipe.

        Raises
        ------
        RunError
            A size is impossible, or does not fit the feature.
        """
        model_class, settings = models.find(self.model), feature_settings or self.feature_config
        fitting = {model_class.dimensions: len(settings.names)} if model_class.dimensions else {}
        model = models.create(self.model, classes, **fitting | self.sizes)
        for size, wanted in fitting.items():
            if model.sizes[size] != wanted:
                raise RunError(
                    f"model {self.model}: expected {size}={model.sizes[size]}, found {model_class.feature} of {wanted} "
                    f"dimensions; leave {size} out"
                )
        return model


_MASKS = Augmentation(mixup=0.3, time_mask=0.2, frequency_mask=0.2, frequency_shift=4)
_PICTURE = TrainConfig(epochs=80, batch_size=16, augmentation=_MASKS)
_WAVEFORM = TrainConfig(
    epochs=80,
    batch_size=16,
    learning_rate=3e-3,
    augmentation=Augmentation(mixup=0.2, gain=6.0, circular_shift=0.5),
)

RECIPES = {
    each.model: each
    for each in (
        Recipe("m3", {"width": 64}, _WAVEFORM),
        Recipe("m5", {"width": 32}, _WAVEFORM),
        Recipe("m11", {"width": 32}, _WAVEFORM),
        Recipe("m18", {"width": 32}, _WAVEFORM),
        Recipe("m34res", {"width": 24}, _WAVEFORM),
        # the summary of 128 numbers: the article's 26 leave out how a sound changes
        Recipe(
            "mlp",
            {"dropout": 0.4},
            TrainConfig(epochs=150, batch_size=32, weight_decay=1.0, augmentation=Augmentation(mixup=0.3)),
            SummaryConfig(kind="full"),
        ),
        # width 32 trains three times as fast as the original's 64, and was as good on a validation fold of ESC-10
        Recipe("cnn", {"width": 32, "dropout": 0.2}, _PICTURE),
        Recipe("crnn", {"width": 32, "hidden": 128, "dropout": 0.2, "last_pool": [8, 1]}, _PICTURE),
        Recipe(
            "lstm",
            {"frames": 216, "pool": "mean", "dropout": 0.3},
            TrainConfig(epochs=60, batch_size=16, learning_rate=2e-3, augmentation=Augmentation(circular_shift=0.5)),
        ),
        Recipe(
            "resnet",
            {"width": 24},
            TrainConfig(epochs=60, batch_size=16, learning_rate=2e-3, augmentation=replace(_MASKS, circular_shift=0.5)),
        ),
    )
}
"""Recipes for a laptop by the name of the model; ``benchmarks/recipes.md`` says what was tried."""


def recipe(model: str, /, **overrides) -> Recipe:
    """Return the recipe of a model with some of its settings changed.

    Every way to train a model merges its settings here: :func:`musiclab.train`, the lessons and the command line.

    Parameters
    ----------
    model
        Name of the model.
    **overrides
        Sizes of the model and training settings by name, such as ``width=16, epochs=5``. A dictionary for
        ``augmentation`` changes only the entries it has; an :class:`Augmentation` replaces the recipe's.

    Raises
    ------
    RunError
        The model or a setting is unknown, or a setting cannot have that value.

    Examples
    --------
    >>> changed = recipe("cnn", epochs=5, width=16, augmentation={"mixup": 0.0})
    >>> changed.sizes, changed.training.epochs, changed.training.batch_size
    ({'width': 16, 'dropout': 0.2}, 5, 16)
    >>> changed.training.augmentation.mixup, changed.training.augmentation.time_mask
    (0.0, 0.2)
    """
    known_sizes, known_settings, problems = list_sizes(model), list_settings(), Problems()
    usual = RECIPES[model]
    known = [*known_sizes, *known_settings]
    if unknown := [name for name in overrides if name not in known]:
        with problems:
            raise RunError(
                *(f"{name}: model {model} has no such setting{did_you_mean(name, known)}" for name in unknown[:-1]),
                f"{unknown[-1]}: model {model} has no such setting{did_you_mean(unknown[-1], known)}; its sizes are "
                f"{', '.join(known_sizes)}; settings of the training are {', '.join(known_settings)}",
            )
    sizes = {name: value for name, value in overrides.items() if name in known_sizes}
    settings = {name: value for name, value in overrides.items() if name in known_settings}
    if isinstance(changes := settings.get("augmentation"), Mapping):
        settings["augmentation"] = usual.training.augmentation.to_dict() | dict(changes)
    training = problems.check(replace, usual.training, **settings)
    problems.raise_if_any()
    return replace(usual, sizes=usual.sizes | sizes, training=training)


def features_for(*names: str) -> dict:
    """Return the features that models take as input, with the settings of their recipes, for a store.

    Raises
    ------
    RunError
        A model is unknown, or two of them take the same feature with other settings.

    Examples
    --------
    >>> {name: settings.sample_rate for name, settings in features_for("mlp", "cnn", "m5").items()}
    {'summary': 22050, 'logmel': 22050, 'audio': 8000}
    """
    chosen: dict = {}
    for name in names:
        feature, settings = models.find(name).feature, RECIPES[name].feature_config
        if apart := differing(chosen.setdefault(feature, settings).to_dict(), settings.to_dict()):
            raise RunError(
                f"{name}: takes {feature} with {apart[1]}, but another of {', '.join(names)} with {apart[0]}; prepare "
                "a store for each"
            )
    return chosen


def list_sizes(model: str) -> list[str]:
    """List the names of the sizes of a model."""
    return [name for name in inspect.signature(models.find(model)).parameters if name != "classes"]


def list_settings() -> list[str]:
    """List the names of the training settings."""
    return [field.name for field in fields(TrainConfig)]


def describe(model: str, classes: int = 10) -> dict:
    """Describe a model as its recipe makes it: what it takes, its parameters, its sizes and its training settings.

    Returns
    -------
    dict
        ``model``; ``feature``, ``feature_settings`` and ``input_shape`` (``(samples,)`` or ``(dimensions, frames)``);
        ``parameters`` for so many ``classes``; ``sizes`` and ``training``, all settings by name.

    Examples
    --------
    >>> describe("cnn")["input_shape"], describe("cnn")["parameters"]
    ((128, 128), 1702890)
    """
    chosen = RECIPES[model]
    with torch.device("meta"):  # takes no memory
        network = chosen.make(classes)
    return {
        "model": model,
        "feature": network.feature,
        "feature_settings": chosen.feature_config.to_dict(),
        "input_shape": network.input_shape,
        "parameters": models.count_parameters(network),
        "sizes": network.sizes,
        "training": chosen.training.to_dict(),
    }
