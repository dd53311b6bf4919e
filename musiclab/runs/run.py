"""One run: a model trained on one part of a store and tested on another."""

import json
import time
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from musiclab import features, models
from musiclab.core.errors import RunError, StoreError, apart
from musiclab.datasets.splits import Split
from musiclab.metrics import Result
from musiclab.runs import checkpoint
from musiclab.runs.checkpoint import Card
from musiclab.runs.outcome import Outcome
from musiclab.store import Store
from musiclab.store.segments import Segments
from musiclab.store.values import open_values
from musiclab.training import History, State, TrainConfig, evaluate, fit, pick_device


class Run:
    """A model, the part of a store that trains it, and the part that tests it.

    Parameters
    ----------
    name
        Of the model.
    store
        The data.
    split
        Of them.
    config
        The settings.
    sizes
        Of the model.
    command
        That asked for the run, to be kept with it.

    Attributes
    ----------
    model : torch.nn.Module
        With its initial weights, and the mean and the deviation of the training clips.
    card : Card
        All that decides the result, before anything is trained.

    Raises
    ------
    RunError
        There is no such model, or it does not fit the data.
    StoreError
        The store does not hold what the model hears.
    """

    def __init__(self, name: str, store: Store, split: Split, config: TrainConfig, sizes: dict, command: str = ""):
        self.store, self.split, self.config = store, split, config
        kind = models.find(name)
        feature = kind.feature
        store.check_has(feature)
        self.feature = _settings(store, feature)
        _check_data(kind, store, self.feature, split)
        config.augmentation.check(feature)
        torch.manual_seed(config.seed)  # initial weights
        fitting = {kind.dimensions: len(self.feature.names)} if kind.dimensions else {}
        self.model = models.create(name, len(store.classes), **fitting | sizes)
        for size, wanted in fitting.items():
            if self.model.sizes[size] != wanted:
                raise RunError(
                    f"{store.path}: expected {size}={self.model.sizes[size]}, found {feature} of {wanted} dimensions; "
                    f"leave {size} out"
                )
        self.model.standardise_by(*_mean_and_deviation(store, feature, split.train))
        self.card = Card(
            model=name,
            sizes=self.model.sizes,
            classes=store.classes,
            feature=feature,
            feature_config=self.feature.to_dict(),
            data={**store.source, "digest": digest(store, feature)},
            split=split.name,
            training=config.to_dict(),
            test_paths=store.index["path"].iloc[split.test].tolist(),
            command=command,
        )

    def train_and_test(
        self, show_progress: bool = True, folder: str | Path | None = None, resume: bool = False
    ) -> Outcome:
        """Train on the one part, choose the epoch by the validation part if there is one, test once on the other.

        Parameters
        ----------
        show_progress
            Draw a progress bar.
        folder
            Keeps, after each epoch, where the training is (``state.pt``).
        resume
            Go on from there.

        Raises
        ------
        KeyboardInterrupt
            It was stopped in its first epoch. One that is stopped later is tested with what it has learnt.
        """
        started = time.perf_counter()
        values = open_values(self.store, self.card.feature, _place(self.store, self.card.feature, self.config.device))
        valid = self._segments(values, self.split.valid, "covering") if len(self.split.valid) else None
        train = self._segments(values, self.split.train, "random")
        state = None if folder is None else State(Path(folder) / "state.pt", _identity(self.card), resume)
        history = fit(self.model, train, valid, self.config, show_progress, state)
        if not history.epochs:  # a model that has learnt nothing must not be tested and kept
            raise KeyboardInterrupt("stopped before an epoch was finished: nothing is kept")
        test = self._segments(values, self.split.test, "covering")
        result = evaluate(self.model, self.store, test, self.config)
        parameters, seconds = models.count_parameters(self.model), time.perf_counter() - started
        return Outcome(result, self.card, parameters, seconds, self.model, history)

    def take_over(self, folder: str | Path) -> Outcome:
        """What this run has come to already, as its folder says; nothing is trained.

        Raises
        ------
        RunError
            The run in the folder was made in another way: with other data, clips, sizes or settings.
        """
        folder = Path(folder)
        model, card = checkpoint.load(folder)
        wanted, found = _identity(self.card), _identity(card)
        if differing := apart(wanted, found):
            here, there = differing
            raise RunError(
                f"{folder}: expected a run made with {here}, found one made with {there}; "
                "name another folder, or remove this one to train it again"
            )
        try:
            history = History(
                pd.read_csv(folder / "history.csv").to_dict("records"), stopped=f"taken over from {folder}"
            )
            losses = [row.get("valid_loss", -row["epoch"]) for row in history.epochs]  # without validation: the last
            history.best_epoch = 1 + int(np.argmin(losses))
            seconds = float(json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RunError(
                f"{folder}: expected history.csv and metrics.json of a whole run, found others ({error}); "
                "remove the folder to train it again"
            ) from error
        result = Result.load(folder / "predictions.csv")
        return Outcome(result, card, models.count_parameters(model), seconds, model, history)

    def _segments(self, values, clips: np.ndarray, places: str) -> Segments:
        return Segments(
            values,
            self.store.offsets(self.card.feature),
            self.store.labels,
            clips,
            len(self.store.classes),
            length=self.model.length,
            silence=self.feature.silence,
            places=places,
            seed=self.config.seed,
            paths=self.store.index["path"].to_numpy(),
        )


def digest(store: Store, feature: str) -> str:
    """Eight digits of what a model is trained on and tested with; where the files lie does not count."""
    crc = zlib.crc32(store.index[["label", "group", "fold", "split"]].to_csv(index=False).encode())
    for part in (store.offsets(feature), store.checksums(feature)):
        crc = zlib.crc32(np.ascontiguousarray(part), crc)
    return f"{crc:08x}"


def _settings(store: Store, feature: str):
    try:
        return features.config(feature, store.config[feature])
    except (ValueError, TypeError) as error:
        mends = f"make it again with: musiclab prepare SOURCE {store.path} --replace"
        raise StoreError(f"{store.path}: {error}; {mends}") from error


def _check_data(kind, store: Store, found, split: Split) -> None:
    """Raise before the training what would make it senseless."""
    if kind.feature == "audio" and found.sample_rate != kind.feature_config.sample_rate:
        wanted = kind.feature_config.sample_rate  # the length of its kernels is meant in ms
        raise StoreError(
            f"{store.path}: expected audio at {wanted} Hz, found {found.sample_rate} Hz; "
            f"make it with: musiclab prepare SOURCE OTHER.h5 --features audio --set audio.sample_rate={wanted}"
        )
    if (known := len(np.unique(store.labels[split.train]))) < 2:
        raise RunError(f"{store.path}: expected training clips of two classes or more, found {known}")


def _place(store: Store, feature: str, device: str):
    """Where to read from: on the GPU what takes up less than a quarter of its free memory."""
    chosen = pick_device(device)
    if chosen.type == "cuda":
        values = open_values(store, feature, "disk")
        if np.prod(values.shape) * values.dtype.itemsize < torch.cuda.mem_get_info(chosen)[0] / 4:
            return chosen
    return "auto"


def _identity(card: Card) -> dict:
    """All of a card that decides the result, one level deep; where it was computed does not count."""
    facts = {}
    for key, value in asdict(card).items():
        if isinstance(value, dict):
            facts |= {f"{key}.{name}": entry for name, entry in value.items()}
        else:
            facts[key] = value
    ignored = {"training.device", "training.workers", "training.compile", "command"}
    ignored |= {key for key in facts if key.startswith("data.")} - {"data.digest"}
    return json.loads(json.dumps({key: facts[key] for key in facts if key not in ignored}))  # lists for tuples


def _mean_and_deviation(store: Store, feature: str, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each dimension over some clips, each shape (dimensions,), a clip at a time: no copy of all is made."""
    count, total, squares = 0, 0.0, 0.0
    for clip in clips:
        part = np.atleast_2d(store.read(feature, clip)).astype(np.float64)  # (dimensions, frames)
        if feature == "audio":
            part /= 32768
        count += part.shape[1]
        total, squares = total + part.sum(axis=1), squares + np.square(part).sum(axis=1)
    mean = total / count
    return mean, np.sqrt(np.maximum(0.0, squares / count - mean**2))
