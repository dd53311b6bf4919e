"""The settings of a run, which ``model.json`` holds."""

import json
from dataclasses import dataclass, field, fields
from typing import get_origin

from musiclab import features
from musiclab.core.errors import Problems, StoreError, differing, shortened
from musiclab.datasets import Dataset
from musiclab.store import Store
from musiclab.training import TrainConfig


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
    split, clips : str, dict of str to int
        The split in words, and the number of clips in each of its parts: "train", "valid" and "test".
    test_paths : list of str
        The clips that tested it.
    trained_on : dict of str to str
        The clips that it was trained on or validated with: their paths, and eight digits of their contents each.
    training : dict
        Training settings, the fields of :class:`musiclab.training.TrainConfig`.
    command : str
        Command that made it, if there was one.
    computed : str
        Device and precision of the training, and why this precision.
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
    clips: dict = field(default_factory=dict)  # runs of earlier versions lack this and what follows
    trained_on: dict = field(default_factory=dict)
    computed: str = ""

    @property
    def feature_settings(self):
        """The feature settings as an object, such as :class:`musiclab.features.MelConfig`."""
        return features.config(self.feature, self.feature_config)

    @property
    def clips_in_words(self) -> str:
        """The number of clips in each part of the split: "train 26, valid 12, test 12"; "" if it is not known."""
        return ", ".join(f"{part} {count:,}" for part, count in self.clips.items())

    @property
    def precision(self) -> str:
        """Precision of the training, but "auto" for fp16, which some devices lack."""
        trained_with = self.training.get("precision", "auto")
        return "auto" if trained_with == "fp16" else trained_with

    def check_fits(self, data: Dataset | Store) -> None:
        """Raise an error if the model cannot be tested on data: for other features than its own, or unknown classes."""
        problems = Problems()
        if isinstance(data, Store):
            with problems:
                data.check_has(self.feature)
                self._check_features(data)
        if unknown := sorted(set(data.classes) - set(self.classes)):
            with problems:
                raise StoreError(
                    f"{data.name if isinstance(data, Dataset) else data.path}: expected the model's classes "
                    f"({', '.join(self.classes)}), found also {', '.join(unknown)}"
                )
        problems.raise_if_any()

    def _check_features(self, store: Store) -> None:
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

    def check_types(self) -> None:
        """Raise TypeError or ValueError if these cannot be the settings of a run; they may come from any file."""
        for entry in fields(self):
            value, wanted = getattr(self, entry.name), get_origin(entry.type) or entry.type
            if not isinstance(value, wanted):
                raise TypeError(f"{entry.name} is {shortened(value)}")
        for name in ("classes", "test_paths"):
            if not all(isinstance(text, str) for text in getattr(self, name)):
                raise TypeError(f"{name} are not all texts")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"expected classes with different names, found {shortened(self.classes)}")
        texts = [self.data.get(name) for name in ("name", "licence", "citation", "protocol")]
        if not all(isinstance(text, str | None) for text in (*texts, *self.trained_on.values())):
            raise TypeError("data and trained_on are not all texts")
        if not all(isinstance(count, int) for count in self.clips.values()):
            raise TypeError(f"clips are {shortened(self.clips)}")
        TrainConfig(**self.training)
        features.config(self.feature, self.feature_config)
