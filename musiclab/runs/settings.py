"""The settings of a run, which ``model.json`` holds."""

import json
from dataclasses import dataclass, field, fields
from typing import get_origin

from musiclab import features
from musiclab.core.errors import StoreError, differing
from musiclab.store import Store


@dataclass(frozen=True)
class RunSettings:
    """All settings that it takes to use a trained model, and to train it again.

    Attributes
    ----------
    model, sizes : str, dict
        Name and sizes, as in :func:`musiclab.models.create`.
    classes : list of str
    feature, feature_config : str, dict
        Name of its input, such as "logmel", and feature settings.
    data : dict
        Name, licence, protocol and digest of the data set it was trained on.
    split, test_paths : str, list of str
        The split in words, and the clips that tested it.
    training : dict
        Training settings, the fields of :class:`musiclab.training.TrainConfig`.
    command : str
        Command that made it, if there was one.
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
    def feature_settings(self):
        """The feature settings as an object, such as :class:`musiclab.features.MelConfig`."""
        return features.config(self.feature, self.feature_config)

    @property
    def precision(self) -> str:
        """Precision of the training, but "auto" for fp16, which some devices lack."""
        trained_with = self.training.get("precision", "auto")
        return "auto" if trained_with == "fp16" else trained_with

    def check_fits(self, store: Store) -> None:
        """Raise StoreError if a store has other feature settings than the model's, or unknown classes."""
        stored = store.config.get(self.feature, {})
        changed = {key: value for key, value in self.feature_config.items() if stored.get(key) != value}
        if apart := differing(changed, {key: stored.get(key) for key in changed}):
            options = " ".join(
                f"--set {self.feature}.{key}={json.dumps(value)}" for key, value in sorted(changed.items())
            )
            raise StoreError(
                f"{store.path}: expected {self.feature} made with {apart[0]}, as the model was trained on, found "
                f"{apart[1]}; make another store with: musiclab prepare SOURCE OTHER.h5 --features {self.feature} "
                f"{options}"
            )
        if unknown := sorted(set(store.classes) - set(self.classes)):
            raise StoreError(
                f"{store.path}: expected the model's classes ({', '.join(self.classes)}), "
                f"found also {', '.join(unknown)}"
            )

    def check_types(self) -> None:
        """Raise TypeError or ValueError if these cannot be the settings of a run; they may come from any file."""
        for entry in fields(self):
            value, wanted = getattr(self, entry.name), get_origin(entry.type) or entry.type
            if not isinstance(value, wanted):
                raise TypeError(f"{entry.name} is {value!r}")
        for name in ("classes", "test_paths"):
            if not all(isinstance(text, str) for text in getattr(self, name)):
                raise TypeError(f"{name} are not all texts")
        features.config(self.feature, self.feature_config)
