"""Recipes: sizes and training settings for each model, and functions to change them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import nn

from musiclab import encoders, models
from musiclab.core.errors import Problems, RunError, did_you_mean, differing
from musiclab.features import SummaryConfig
from musiclab.training.augment import Augmentation
from musiclab.training.config import TrainConfig


@dataclass(frozen=True)
class Recipe:
    """Everything needed to create and train a model: its name, sizes, training settings and feature settings.

    Attributes
    ----------
    model : str
        Name of the model, one of :data:`musiclab.models.NAMES`.
    sizes : dict
        Sizes of the model, such as ``{"width": 32}``. All other sizes are those of the published system.
    training : TrainConfig
        Training settings.
    feature_config : feature settings
        Feature settings, such as a :class:`musiclab.features.MelConfig`. Default: the feature settings of the model
        class.

    Examples
    --------
    >>> Recipe("cnn", {"width": 8}, TrainConfig(epochs=5)).make(classes=10).input_shape
    (128, 128)
    """

    model: str
    sizes: dict
    training: TrainConfig
    feature_config: object = None

    def __post_init__(self):
        if self.feature_config is None:
            object.__setattr__(self, "feature_config", models.find(self.model).feature_config)

    def make(self, classes: int, feature_settings=None) -> nn.Module:
        """Create the model with the sizes of the recipe. Its weights are random.

        Parameters
        ----------
        classes : int
            Number of classes.
        feature_settings : feature settings, optional
            Feature settings of the data, which determine the number of input dimensions. Default: those of the recipe.

        Returns
        -------
        musiclab.models.Classifier
            The untrained model.

        Raises
        ------
        RunError
            A size is invalid or does not fit the feature.
        """
        model_class, feature_settings = models.find(self.model), feature_settings or self.feature_config
        input_size = {model_class.dimensions: len(feature_settings.names)} if model_class.dimensions else {}
        model = models.create(self.model, classes, **input_size | self.sizes)
        for size, dimensions in input_size.items():
            if model.sizes[size] != dimensions:
                raise RunError(
                    f"model {self.model}: {size}={model.sizes[size]} does not fit the {dimensions} dimensions of "
                    f"{model_class.feature}. Leave {size} out."
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
    entry.model: entry
    for entry in (
        Recipe("m3", {"width": 64}, _WAVEFORM),
        Recipe("m5", {"width": 32}, _WAVEFORM),
        Recipe("m11", {"width": 32}, _WAVEFORM),
        Recipe("m18", {"width": 32}, _WAVEFORM),
        Recipe("m34res", {"width": 24}, _WAVEFORM),
        # a summary of 128 values, because the tutorial's 26 values ignore how a sound changes over time
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
            TrainConfig(
                epochs=80, batch_size=16, learning_rate=2e-3, augmentation=Augmentation(mixup=0.2, circular_shift=0.5)
            ),
        ),
        Recipe(
            "resnet",
            {"width": 24},
            TrainConfig(epochs=60, batch_size=16, learning_rate=2e-3, augmentation=replace(_MASKS, circular_shift=0.5)),
        ),
        Recipe("musicnn", {}, replace(_PICTURE, epochs=40)),
        Recipe("probe", {}, TrainConfig(), encoders.settings()),  # only the seed and the device are used
    )
}
"""Recipes for a laptop, by model name. See ``benchmarks/recipes.md`` for the experiments behind them."""


def recipe(model: str, /, **overrides) -> Recipe:
    """Return the recipe of a model, with some of its settings changed.

    A recipe contains the sizes, training settings and feature settings of a model, chosen for training on a laptop.
    :func:`musiclab.train`, the lessons and the command line all use this function.

    Parameters
    ----------
    model : str
        Name of the model, one of :data:`musiclab.models.NAMES`.
    **overrides
        Sizes, training settings and feature settings by name, such as ``width=16, epochs=5, hop_length=256``. A
        dictionary for ``augmentation`` changes only the entries it contains. An :class:`Augmentation` replaces the
        whole augmentation.

    Returns
    -------
    Recipe
        The changed recipe.

    Raises
    ------
    RunError
        The model or a setting is unknown, or a value is invalid.

    Examples
    --------
    >>> changed = recipe("cnn", epochs=5, width=16, augmentation={"mixup": 0.0})
    >>> changed.sizes, changed.training.epochs, changed.training.batch_size
    ({'width': 16, 'dropout': 0.2}, 5, 16)
    >>> changed.training.augmentation.mixup, changed.training.augmentation.time_mask
    (0.0, 0.2)
    """
    size_names, setting_names, problems = list_sizes(model), list_settings(), Problems()
    default = RECIPES[model]
    feature_names = list_feature_settings(model)
    names = [*size_names, *setting_names, *feature_names]
    if unknown := [name for name in overrides if name not in names]:
        with problems:
            raise RunError(
                *(f"{name}: model {model} has no such setting{did_you_mean(name, names)}" for name in unknown[:-1]),
                f"{unknown[-1]}: model {model} has no such setting{did_you_mean(unknown[-1], names)}; its sizes are "
                f"{', '.join(size_names)}; training settings are {', '.join(setting_names)}; feature settings are "
                f"{', '.join(feature_names) or 'fixed'}",
            )
    sizes = {name: value for name, value in overrides.items() if name in size_names}
    settings = {name: value for name, value in overrides.items() if name in setting_names}
    if isinstance(changes := settings.get("augmentation"), Mapping):
        settings["augmentation"] = default.training.augmentation.to_dict() | dict(changes)
    training = problems.check(replace, default.training, **settings)
    changes = {name: value for name, value in overrides.items() if name in feature_names}
    feature_config = problems.check(_change_features, default.feature_config, changes)
    start_sizes = problems.check(_sizes_of_encoder, model, settings.get("start", ""))
    problems.raise_if_any()
    return Recipe(model, default.sizes | start_sizes | sizes, training, feature_config)


def _change_features(feature_config, changes: Mapping):
    if "encoder" not in changes:
        return replace(feature_config, **changes)
    sample_rate = changes.get("sample_rate", feature_config.sample_rate)
    return encoders.settings(changes["encoder"], sample_rate)


def _sizes_of_encoder(model: str, start: str) -> dict:
    """Return the sizes that a model needs to start from the weights of an encoder."""
    if not start:
        return {}
    encoder_model, sizes = encoders.architecture(start)
    if encoder_model != model:
        raise RunError(
            f"start={start}: this encoder is a {encoder_model}, so a {model} cannot start from it. "
            f"Use the model {encoder_model}."
        )
    return {name: value for name, value in sizes.items() if name != "frames"}


def features_for(*names: str) -> dict:
    """Return the input features of models with the feature settings of their recipes, to prepare a store for them.

    Parameters
    ----------
    *names : str
        Names of the models.

    Returns
    -------
    dict
        Feature settings by the name of the feature, such as ``{"logmel": MelConfig(...)}``.

    Raises
    ------
    RunError
        A model is unknown, or two models need the same feature with different settings.

    Examples
    --------
    >>> {name: settings.sample_rate for name, settings in features_for("mlp", "cnn", "m5").items()}
    {'summary': 22050, 'logmel': 22050, 'audio': 8000}
    """
    settings_by_feature: dict = {}
    for name in names:
        feature, feature_settings = models.find(name).feature, RECIPES[name].feature_config
        first_settings = settings_by_feature.setdefault(feature, feature_settings)
        if difference := differing(first_settings.to_dict(), feature_settings.to_dict()):
            raise RunError(
                f"{name}: needs {feature} with {difference[1]}, but another of {', '.join(names)} needs "
                f"{difference[0]}. Prepare one store for each of them."
            )
    return settings_by_feature


def list_sizes(model: str) -> list[str]:
    """List the names of a model's sizes."""
    return [name for name in inspect.signature(models.find(model)).parameters if name != "classes"]


def list_feature_settings(model: str) -> list[str]:
    """List the names of the settings of a model's feature that are not sizes of the model."""
    model_class = models.find(model)
    fixed = [*list_sizes(model), "dimensions", "checksum"]  # the last two follow from the encoder
    names = [field.name for field in fields(model_class.feature_config) if field.name not in fixed]
    return [] if model_class.feature == "audio" else names


def list_settings() -> list[str]:
    """List the names of the training settings."""
    return [field.name for field in fields(TrainConfig)]


def describe(model: str, classes: int = 10) -> dict:
    """Describe a model with the sizes and settings of its recipe.

    Returns
    -------
    dict
        ``model``, ``feature``, ``feature_settings``, ``input_shape`` (``(samples,)`` or ``(dimensions, frames)``),
        number of ``parameters`` for this number of classes, ``sizes`` and ``training`` settings.

    Examples
    --------
    >>> describe("cnn")["input_shape"], describe("cnn")["parameters"]
    ((128, 128), 1702890)
    """
    model_recipe = RECIPES[model]
    with torch.device("meta"):  # allocates no memory
        network = model_recipe.make(classes)
    return {
        "model": model,
        "feature": network.feature,
        "feature_settings": model_recipe.feature_config.to_dict(),
        "input_shape": network.input_shape,
        "parameters": models.count_parameters(network),
        "sizes": network.sizes,
        "training": model_recipe.training.to_dict(),
    }
