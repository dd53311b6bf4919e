"""The default recipe of each model: what a training does when nothing else is asked for."""

from dataclasses import dataclass

from musiclab import models
from musiclab.core.errors import RunError, did_you_mean
from musiclab.features import SummaryConfig
from musiclab.training import TrainConfig
from musiclab.training.augment import Augmentation


@dataclass(frozen=True)
class Recipe:
    """How a model is trained unless told otherwise.

    Attributes
    ----------
    sizes : dict
        Sizes of the model, for a laptop; what is not named has the size of the system that the model is from.
    training : TrainConfig
        Settings of the training.
    feature : object or None
        Settings of the feature that a data set is prepared with, where they are not the ones that the model was
        made for.
    """

    sizes: dict
    training: TrainConfig
    feature: object | None = None


_PICTURE = Augmentation(mixup=0.3, time_mask=0.2, frequency_mask=0.2, frequency_shift=4)
_WAVEFORM = TrainConfig(
    epochs=80,
    batch_size=16,
    learning_rate=3e-3,
    augmentation=Augmentation(mixup=0.2, gain=6.0, circular_shift=0.5),
)

RECIPES = {
    **{name: Recipe({"width": width}, _WAVEFORM) for name, width in (("m3", 64), ("m5", 32), ("m11", 32))},
    "m18": Recipe({"width": 32}, _WAVEFORM),
    "m34res": Recipe({"width": 24}, _WAVEFORM),
    "mlp": Recipe(
        {"dropout": 0.4},
        TrainConfig(epochs=100, batch_size=32),
        SummaryConfig(kind="full"),  # 128 numbers; the article's 26 leave out how a sound changes
    ),
    # Width 32 trains three times as fast as the original's 64 and did as well on a validation fold of ESC-10.
    "cnn": Recipe(
        {"width": 32, "dropout": 0.2},
        TrainConfig(epochs=80, batch_size=16, augmentation=_PICTURE),
    ),
    "crnn": Recipe(
        {"width": 32, "hidden": 128, "dropout": 0.2, "last_pool": [8, 1]},
        TrainConfig(epochs=80, batch_size=16, augmentation=_PICTURE),
    ),
    "lstm": Recipe(
        {"frames": 216, "pool": "mean", "dropout": 0.3},
        TrainConfig(epochs=60, batch_size=16, learning_rate=2e-3, augmentation=Augmentation(circular_shift=0.5)),
    ),
    "resnet": Recipe(
        {"width": 24},
        TrainConfig(
            epochs=60,
            batch_size=16,
            learning_rate=2e-3,
            augmentation=Augmentation(
                mixup=0.3, time_mask=0.2, frequency_mask=0.2, frequency_shift=4, circular_shift=0.5
            ),
        ),
    ),
}
"""Recipes by the name of the model; ``benchmarks/recipes.md`` says what was tried."""


def recipe(model: str) -> Recipe:
    """The recipe of a model.

    Raises
    ------
    RunError
        There is no such model.
    """
    if model not in RECIPES:
        raise RunError(f"expected a model among {', '.join(RECIPES)}, found {model!r}{did_you_mean(model, RECIPES)}")
    return RECIPES[model]


def planned(model: str, config: TrainConfig | None, sizes: dict) -> tuple[TrainConfig, dict]:
    """Settings and sizes of a run: the model's recipe where no settings are given, otherwise just what is given."""
    if config is not None:
        return config, sizes
    return recipe(model).training, {**recipe(model).sizes, **sizes}


def feature_config(model: str):
    """Settings that a data set is prepared with for a model: its recipe's, or those that it was made for."""
    return recipe(model).feature or models.find(model).feature_config
