"""Run folders: a trained model, all that is needed to use it, and what it scored.

===================  ==============================================================================
model.safetensors    the weights: plain numbers, nothing in it can run
model.json           name and sizes of the model, classes, feature settings, data, split, seed
history.csv          one row an epoch
predictions.csv      what the model said of each tested clip
metrics.json         the result of the test
state.pt             only while it trains: where the training is, to go on from
===================  ==============================================================================
"""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_origin

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from musiclab import features
from musiclab.core.errors import RunError, StoreError
from musiclab.core.files import replacing, write_json
from musiclab.models import create
from musiclab.store import Store


@dataclass(frozen=True)
class Card:
    """What one must know of a trained model to use it.

    Attributes
    ----------
    model : str
        Its name, as in :func:`musiclab.models.create`.
    sizes : dict
        Its sizes, likewise.
    classes : list of str
        Names of its outputs.
    feature : str
        What it hears: "logmel", "audio", "summary", "sequence".
    feature_config : dict
        The settings of that.
    data : dict
        Name, licence and protocol of the data set it was trained on.
    split : str
        Which part tested it, in words.
    training : dict
        Fields of :class:`musiclab.training.TrainConfig`.
    test_paths : list of str
        The clips that were kept from it.
    command : str
        That made it.
    """

    model: str
    sizes: dict
    classes: list[str]
    feature: str
    feature_config: dict
    data: dict = field(default_factory=dict)
    split: str = ""
    training: dict = field(default_factory=dict)
    test_paths: list[str] = field(default_factory=list)
    command: str = ""

    @property
    def config(self):
        """The settings of the feature as an object, such as :class:`musiclab.features.MelConfig`."""
        return features.config(self.feature, self.feature_config)

    @property
    def precision(self) -> str:
        """What it was trained with, for testing it likewise; "auto" for fp16, which not every device has."""
        given = self.training.get("precision", "auto")
        return "auto" if given == "fp16" else given

    def check_fits(self, store: Store) -> None:
        """Raise StoreError when a store cannot be what a model hears."""
        found = store.config.get(self.feature, {})
        differing = [key for key in self.feature_config if found.get(key) != self.feature_config[key]]
        if differing:
            there = ", ".join(f"{key}={found.get(key)}" for key in differing)
            here = ", ".join(f"{key}={self.feature_config[key]}" for key in differing)
            asked = " ".join(f"--set {self.feature}.{key}={json.dumps(self.feature_config[key])}" for key in differing)
            raise StoreError(
                f"{store.path}: expected {self.feature} made with {here}, as the model was trained on, found {there}; "
                f"make another store with: musiclab prepare SOURCE OTHER.h5 --features {self.feature} {asked}"
            )
        strange = sorted(set(store.classes) - set(self.classes))
        if strange:
            raise StoreError(
                f"{store.path}: expected the model's classes ({', '.join(self.classes)}), "
                f"found also {', '.join(strange)}"
            )


def save(folder: str | Path, model: nn.Module, card: Card) -> Path:
    """Write ``model.safetensors`` and ``model.json`` into ``folder``, each whole or not at all."""
    folder = Path(folder)
    with replacing(folder / "model.safetensors") as unfinished:
        save_file({name: value.contiguous().cpu() for name, value in model.state_dict().items()}, unfinished)
    write_json(folder / "model.json", card.__dict__)
    return folder


def load(folder: str | Path) -> tuple[nn.Module, Card]:
    """Read a model that :func:`save` has written: the same logits, in evaluation mode, on the CPU.

    Raises
    ------
    RunError
        The folder is missing or is not a run, its files do not fit each other, or the weights cannot be read.
    """
    folder = Path(folder)
    card_file, weights_file = folder / "model.json", folder / "model.safetensors"
    for file in (card_file, weights_file):
        if not file.exists():
            raise RunError(
                f"{file}: no such file; expected the folder that musiclab train MODEL DATA --out {folder} has made"
            )
    try:
        card = Card(**json.loads(card_file.read_text(encoding="utf-8")))
        _check_types(card)
    except (ValueError, TypeError) as error:
        raise RunError(f"{card_file}: expected the description of a model, found something else ({error})") from error
    try:
        model = create(card.model, len(card.classes), **card.sizes)
    except RunError as error:
        raise RunError(f"{card_file}: {error}") from error
    try:
        weights = load_file(weights_file)
    except (SafetensorError, OSError) as error:
        raise RunError(f"{weights_file}: expected weights in safetensors, found something else ({error})") from error
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise RunError(
            f"{weights_file}: expected the weights of {card.model} with {card.sizes} and {len(card.classes)} "
            f"classes, found others ({first})"
        ) from error
    return model.eval(), card


def _check_types(card: Card) -> None:
    """Raise TypeError or ValueError where a card, which may come from anywhere, is not what :func:`save` writes."""
    for entry in fields(card):
        value, kind = getattr(card, entry.name), get_origin(entry.type) or entry.type
        if not isinstance(value, kind):
            raise TypeError(f"{entry.name} is {value!r}")
    for name in ("classes", "test_paths"):
        if not all(isinstance(text, str) for text in getattr(card, name)):
            raise TypeError(f"{name} are not all texts")
    features.config(card.feature, card.feature_config)
