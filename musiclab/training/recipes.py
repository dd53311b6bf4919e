"""The recipe of each model, its sizes and its training settings, and the one way to change them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from musiclab import models
from musiclab.core.errors import RunError, did_you_mean
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
        Recipe("mlp", {"dropout": 0.4}, TrainConfig(epochs=100, batch_size=32), SummaryConfig(kind="full")),
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


def recipe(model: str, **overrides) -> Recipe:
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
    known_sizes = [name for name in inspect.signature(models.find(model)).parameters if name != "classes"]
    usual = RECIPES[model]
    known_settings = [field.name for field in fields(TrainConfig)]
    for name in overrides:
        if name not in known_sizes and name not in known_settings:
            raise RunError(
                f"{name}: model {model} has no such setting{did_you_mean(name, [*known_sizes, *known_settings])}; its "
                f"sizes are {', '.join(known_sizes)}; settings of the training are {', '.join(known_settings)}"
            )
    sizes = {name: value for name, value in overrides.items() if name in known_sizes}
    settings = {name: value for name, value in overrides.items() if name in known_settings}
    if isinstance(changes := settings.get("augmentation"), Mapping):
        augmentation = usual.training.augmentation.to_dict() | dict(changes)
        settings["augmentation"] = Augmentation.from_dict(augmentation)
    return replace(usual, sizes=usual.sizes | sizes, training=replace(usual.training, **settings))
