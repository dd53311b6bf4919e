"""Run settings, which ``model.json`` stores."""

import json
from dataclasses import dataclass, field, fields
from typing import get_origin

from musiclab import features
from musiclab.core.errors import Problems, StoreError, differing, shortened
from musiclab.datasets import Dataset
from musiclab.metrics import Calibration
from musiclab.store import Store
from musiclab.training import TrainConfig


@dataclass(frozen=True)
class RunSettings:
    """All settings needed to use a trained model, or to train it again.

    Attributes
    ----------
    model : str
        Name of the model, one of :data:`musiclab.models.NAMES`.
    sizes : dict
        Sizes of the model, the keyword arguments of :func:`musiclab.models.create`.
    classes : list of str
        Names of the classes, in the order of the model's outputs.
    feature : str
        Name of the input feature, such as "logmel".
    feature_config : dict
        Feature settings, such as the number of mel bands.
    data : dict
        Name, licence, protocol and checksum of the training data.
    split : str
        Description of the split.
    training : dict
        Training settings, the fields of :class:`musiclab.training.TrainConfig`.
    test_paths : list of str
        Paths of the test clips.
    command : str
        Command that trained the model, or "" if there was none.
    clips : dict of str to int
        Number of clips in the "train", "valid" and "test" sets.
    trained_on : dict of str to str
        Eight-digit checksum of each training and validation clip, by its path.
    computed : str
        Device and precision used for training, and the reason for the precision.
    calibration : dict
        Fields of :class:`musiclab.metrics.Calibration`: ``temperature``, ``threshold`` and ``n``.

    Examples
    --------
    >>> settings = RunSettings("cnn", {"width": 32}, ["jazz", "rock"], "logmel", {"n_mels": 64})
    >>> settings.feature_settings.n_mels, settings.precision
    (64, 'auto')
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
    clips: dict = field(default_factory=dict)  # runs of older versions lack this field and those below
    trained_on: dict = field(default_factory=dict)
    computed: str = ""
    calibration: dict = field(default_factory=dict)

    @property
    def feature_settings(self):
        """Feature settings as an object, such as :class:`musiclab.features.MelConfig`."""
        return features.config(self.feature, self.feature_config)

    @property
    def calibrated(self) -> Calibration:
        """Calibration as an object. It changes nothing if the model was not calibrated."""
        return Calibration(**self.calibration)

    @property
    def clips_in_words(self) -> str:
        """Number of clips in each set, such as "train 26, valid 12, test 12"; "" if unknown."""
        return ", ".join(f"{name} {count:,}" for name, count in self.clips.items())

    @property
    def precision(self) -> str:
        """Training precision, or "auto" instead of fp16, which many devices lack."""
        precision = self.training.get("precision", "auto")
        return "auto" if precision == "fp16" else precision

    def check_fits(self, data: Dataset | Store) -> None:
        """Check that the model can be tested on these data.

        Parameters
        ----------
        data : Dataset or Store
            Data with labels. A store must contain the model's input feature.

        Raises
        ------
        MusiclabError
            The data have classes that the model does not know, or other feature settings than the model.
        """
        problems = Problems()
        if isinstance(data, Store):
            with problems:
                data.check_has(self.feature)
                self.check_features(data)
        if unknown := sorted(set(data.classes) - set(self.classes)):
            with problems:
                raise StoreError(
                    f"{data.name if isinstance(data, Dataset) else data.path}: the model does not know the classes "
                    f"{', '.join(unknown)}; its classes are {', '.join(self.classes)}"
                )
        problems.raise_if_any()

    def check_features(self, store: Store) -> None:
        """Raise StoreError if a store has other settings of the model's input feature than the model."""
        stored = store.config.get(self.feature, {})
        changed = {key: value for key, value in self.feature_config.items() if stored.get(key) != value}
        if difference := differing(changed, {key: stored.get(key) for key in changed}):
            options = " ".join(
                f"--set {self.feature}.{key}={json.dumps(value)}" for key, value in sorted(changed.items())
            )
            raise StoreError(
                f"{store.path}: the model was trained on {self.feature} with {difference[0]}, but this store has "
                f"{difference[1]}. Prepare the data again with: musiclab prepare SOURCE OTHER.h5 "
                f"--features {self.feature} {options}"
            )

    def check_types(self) -> None:
        """Raise TypeError or ValueError if a value read from ``model.json`` is invalid."""
        for entry in fields(self):
            value, expected_type = getattr(self, entry.name), get_origin(entry.type) or entry.type
            if not isinstance(value, expected_type):
                raise TypeError(f"{entry.name} is {shortened(value)}")
        for name in ("classes", "test_paths"):
            if not all(isinstance(text, str) for text in getattr(self, name)):
                raise TypeError(f"{name} contains values that are not strings")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"expected unique class names, found {shortened(self.classes)}")
        texts = [self.data.get(name) for name in ("name", "licence", "citation", "protocol")]
        if not all(isinstance(text, str | None) for text in (*texts, *self.trained_on.values())):
            raise TypeError("data or trained_on contains values that are not strings")
        if not all(isinstance(count, int) for count in self.clips.values()):
            raise TypeError(f"clips is {shortened(self.clips)}")
        Calibration(**self.calibration)
        TrainConfig(**self.training)
        features.config(self.feature, self.feature_config)
