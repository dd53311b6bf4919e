"""One run: a trained model, its settings and its result, kept in a folder.

===================  ======================================================================================
model.safetensors    weights
model.json           :class:`RunSettings`
history.csv          one row per epoch
predictions.csv      log-probabilities of each tested clip
metrics.json         result of the test, written last
report.html          page of the run, with curves.png and confusion.png
state.pt             state of an unfinished training, to resume it
fold1, fold2 ...     run folder for each fold of a cross-validation, in place of the first three
===================  ======================================================================================
"""

import json
import logging
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from musiclab import models
from musiclab.core.checks import check_number, check_whole
from musiclab.core.errors import Problems, RunError, differing, list_left_out, shortened
from musiclab.core.files import check_can_make, replacing, write_csv, write_json
from musiclab.datasets import Dataset
from musiclab.datasets.fingerprints import mark_file, number_copies
from musiclab.metrics import Result
from musiclab.runs.prediction import Predictions, predict
from musiclab.runs.settings import RunSettings
from musiclab.store import Segments, Store, open_data, open_index
from musiclab.training import State, TrainConfig, evaluate, pick_device

log = logging.getLogger(__name__)

_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, OSError)
"""Exceptions from files that a run did not write."""


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model with its settings and its result, from :func:`train`, :func:`crossval` or :func:`load`.

    Attributes
    ----------
    settings : RunSettings
    model : torch.nn.Module
        Trained model; for a cross-validation, that of its first fold.
    result : Result or None
        Result of the test; for a cross-validation, of the clips of all folds.
    history : pandas.DataFrame
        One row per epoch (:class:`musiclab.training.History` lists the columns), with a column ``fold`` for a
        cross-validation.
    best_epoch : int
        Epoch of the model's weights.
    stopped : str
        Reason why the training ended, such as "all epochs done" or "interrupted".
    seconds : float
        Time for training and testing.
    folds : dict of int to Run
        Runs of a cross-validation by the fold that tested; empty for a single run.
    folder : pathlib.Path or None
        Folder that keeps it.

    Examples
    --------
    >>> run = load("runs/mine")  # doctest: +SKIP
    >>> print(run)  # doctest: +SKIP
    >>> run.predict("song.ogg").files  # doctest: +SKIP
    """

    settings: RunSettings
    model: nn.Module
    result: Result | None = None
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int = 0
    stopped: str = ""
    seconds: float = 0.0
    folds: dict[int, "Run"] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def name(self) -> str:
        """Name of the folder, or of the model if there is no folder."""
        return self.settings.model if self.folder is None else self.folder.resolve().name

    @property
    def title(self) -> str:
        """Model and data in one line."""
        note = " (generated data, not a benchmark)" if self.is_generated else ""
        return f"{self.settings.model} on {self.settings.data.get('name', 'unnamed data')}{note}"

    @property
    def is_generated(self) -> bool:
        """True if the data are generated, so that the result is not a benchmark."""
        return bool(self.settings.data.get("generated"))

    @cached_property
    def summary(self) -> models.Summary:
        """Layers of the model, with their parameters and multiply-adds."""
        return models.summary(self.model)

    def __str__(self) -> str:
        tested = "not tested" if self.result is None else self.result
        note = " (generated data, not a benchmark)" if self.is_generated else ""
        return f"{self.settings.model} on {self.settings.data.get('name')}, {self.settings.split}: {tested}{note}"

    def to_dict(self) -> dict:
        """Return what ``--json`` prints and ``metrics.json`` holds."""
        facts = {
            "model": self.settings.model,
            "parameters": models.count_parameters(self.model),
            "multiply_adds": self.summary.multiply_adds,
            "data": self.settings.data,
            "split": self.settings.split,
            "clips": self.settings.clips,
            "seed": self.settings.training.get("seed"),
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 1),
            "computed": self.settings.computed,
            "command": self.settings.command,
        }
        if self.folds:
            folds = [
                {"fold": fold, "accuracy": run.result.accuracy, "n": run.result.n} for fold, run in self.folds.items()
            ]
            facts |= {"folds": folds, "mean_fold_accuracy": float(np.mean([fold["accuracy"] for fold in folds]))}
        return (self.result.to_dict() if self.result else {}) | facts

    def predict(
        self, sounds, sample_rate: int | None = None, every: float | None = None, device: str = "auto"
    ) -> Predictions:
        """Predict the class of files or of a waveform, and in long ones also along time.

        Parameters
        ----------
        sounds
            Sound file, folder of them, ``"-"`` for a WAV file on standard input, or a list of these; or a waveform in
            [-1, 1], shape (samples,).
        sample_rate
            Sample rate of a waveform in Hz.
        every
            Seconds from one window of time to the next. Default: windows cover a file and overlap by half or more.
        device
            "auto", "cpu", "cuda" or "mps".

        Raises
        ------
        AudioError
            None of the files could be read.
        RunError
            ``every`` is not positive, a waveform has no sample rate, or this is a cross-validation.
        """
        self.check_single()
        return predict(self.model, self.settings, sounds, sample_rate, every, device)

    def evaluate(self, data: str | Path | Dataset | Store, device: str = "auto", precision: str | None = None) -> "Run":
        """Test the model, on its test clips if it was trained on these data, otherwise on all; return a new run.

        Clips that it was trained on or validated with are left out, wherever their files are now, and a warning names
        their number.

        Parameters
        ----------
        data
            As for :func:`train`.
        device
            As for :meth:`predict`.
        precision
            "auto", "fp32", "bf16" or "fp16"; default that of the training.

        Raises
        ------
        StoreError
            The feature settings or the classes are not those of the model.
        RunError
            It was trained on all of these clips; or these are the data it was trained on, but their files have moved,
            so that its test clips are unknown.
        """
        started, settings = time.perf_counter(), self.settings
        self.check_single()
        problems = Problems()
        problems.check(pick_device, device)
        with problems:
            data = open_index(data)
            settings.check_fits(data)
        problems.raise_if_any()  # before any clip is decoded
        store = open_with_warning(data, settings.feature, settings.feature_settings)
        clips, split = _clips_to_test(settings, store)
        settings = replace(settings, split=split, clips={**settings.clips, "test": len(clips)}, data=store.source)
        labels = store.index["label"].map(settings.classes.index).to_numpy()
        values, offsets = store.values(settings.feature), store.offsets(settings.feature)
        cut = {"length": self.model.length, "silence": settings.feature_settings.silence, "places": "covering"}
        segments = Segments(values, offsets, labels, clips, len(settings.classes), **cut)
        config = TrainConfig(device=device, precision=precision or settings.precision)
        tested = evaluate(self.model, store, segments, config)
        result = replace(tested, classes=settings.classes, labels=labels[clips])
        seconds = time.perf_counter() - started
        return replace(self, settings=settings, result=result, seconds=seconds, folder=None)

    def report(self) -> Path:
        """Write ``report.html`` and its pictures into the run folder, and return its path.

        Raises
        ------
        RunError
            The run has no folder or no result.
        """
        from musiclab.runs.report import write  # not at the top, because training needs no pictures

        return write(self)

    def save(self, folder: str | Path) -> "Run":
        """Write the run folder, and return the run with this folder."""
        folder = Path(folder)
        (folder / "metrics.json").unlink(missing_ok=True)
        if self.folds:
            for fold, run in self.folds.items():
                if run.folder != folder / f"fold{fold}":
                    run.save(folder / f"fold{fold}")
        else:
            with replacing(folder / "model.safetensors") as unfinished:
                weights = {name: value.contiguous().cpu() for name, value in self.model.state_dict().items()}
                save_file(weights, unfinished)
            write_json(folder / "model.json", asdict(self.settings))
            write_csv(folder / "history.csv", self.history)
        if self.result is not None:
            self.result.save(folder / "predictions.csv")
            write_json(folder / "metrics.json", self.to_dict())  # last, because it marks a finished run
        if self.stopped != "interrupted":
            State(folder / "state.pt").remove()
        return replace(self, folder=folder)

    def check_single(self) -> None:
        """Raise RunError if this is a cross-validation."""
        if self.folds:
            fold = next(iter(self.folds))
            raise RunError(
                f"{self.name}: a cross-validation has one model per fold; take one of them, such as "
                f"{self.name}/fold{fold} or run.folds[{fold}]"
            )

    def check_tested(self) -> None:
        """Raise RunError if there is no result."""
        if self.result is None:
            where = "the run" if self.folder is None else self.folder / "metrics.json"
            raise RunError(
                f"{where}: expected a run that was tested, found no result; train it with: "
                "musiclab train MODEL DATA --out FOLDER"
            )


def load(folder: str | Path) -> Run:
    """Read a run or a cross-validation from its folder; the model is on the CPU, in evaluation mode.

    A folder that holds only a model gives a run without a result.

    Raises
    ------
    RunError
        A file is missing, damaged, or of another run than the others.

    Examples
    --------
    >>> load("runs/mine").result  # doctest: +SKIP
    """
    folder = Path(folder)
    metrics = _read_metrics(folder / "metrics.json")
    if metrics["folds"]:
        folds = {fold: load(folder / f"fold{fold}") for fold in metrics["folds"]}
        _check_folds(list(folds.values()))
        changes = {"split": metrics["split"], "test_paths": [], "clips": {}, "trained_on": {}}
        settings = replace(folds[metrics["folds"][-1]].settings, **changes)
        run = join_folds(folds, settings)
    else:
        settings, model = _read_model(folder)
        history = _read_history(folder / "history.csv")
        run = Run(settings, model, history=history, best_epoch=metrics["best_epoch"] or _best_epoch(history))
    if metrics["n"] and (not run.folds or (folder / "predictions.csv").is_file()):
        run = replace(run, result=_read_result(folder, metrics, run.settings.classes))
    return replace(run, stopped=metrics["stopped"], seconds=metrics["seconds"], folder=folder)


def _check_folds(runs: list[Run]) -> None:
    """Raise RunError unless all folds were tested, with the same classes."""
    for run in runs:
        run.check_tested()
        if apart := differing({"classes": runs[0].settings.classes}, {"classes": run.settings.classes}):
            raise RunError(f"{run.folder}: expected {apart[0]}, as in the other folds, found {apart[1]}")


def join_folds(folds: dict[int, Run], settings: RunSettings) -> Run:
    """Join the folds of a cross-validation to one run."""
    runs = list(folds.values())
    history = pd.concat([run.history.assign(fold=fold) for fold, run in folds.items()], ignore_index=True)
    result = Result.join([run.result for run in runs])
    seconds = sum(run.seconds for run in runs)
    return Run(settings, runs[0].model, result, history, seconds=seconds, folds=folds)


def open_with_warning(data: str | Path | Dataset | Store, feature: str, feature_config) -> Store:
    """Open data as :func:`musiclab.store.open_data` does, and warn of the files that could not be read."""
    store = open_data(data, feature, feature_config)
    if store.failures:
        log.warning("%s", list_left_out(store.failures))
    return store


def clip_digests(store: Store, feature: str) -> np.ndarray:
    """Return eight digits of each clip's stored values, which stay the same wherever its file is."""
    return np.array([f"{checksum:08x}" for checksum in store.checksums(feature)])


def _clips_to_test(settings: RunSettings, store: Store) -> tuple[np.ndarray, str]:
    """Return the clips of a store that can test a model, because it was not trained on them, and the split in words."""
    paths, digests = store.index["path"], list(clip_digests(store, settings.feature))
    clips, split = np.flatnonzero(paths.isin(settings.test_paths)), settings.split
    if not len(clips):
        if settings.test_paths and data_digest(store, settings.feature) == settings.data.get("digest"):
            raise RunError(
                f"{store.path}: expected clips that were kept from the model, such as {settings.test_paths[0]}, "
                f"found the data it was trained on under other names, such as {paths[0]}; give the "
                "store it was trained from"
            )
        clips, split = np.arange(len(store)), "all clips"
    is_known = paths.isin(settings.trained_on) | pd.Series(digests).isin(settings.trained_on.values())
    if split == "all clips" and not (settings.data.get("generated") or store.source.get("generated")):
        is_known |= _are_copies(paths, settings.trained_on)
    known = clips[is_known.to_numpy()[clips]]
    if len(known) == len(clips):
        raise RunError(
            f"{store.path}: expected clips that the model was not trained on, found that it was trained on or "
            f"validated with all {len(clips)}, such as {paths[clips[0]]}; test it with others"
        )
    if len(known):
        log.warning(
            "%s: %d of %d clips are left out, such as %s, because the model was trained on or validated with them",
            *(store.path, len(known), len(clips), paths[known[0]]),
        )
        clips, split = np.setdiff1d(clips, known), f"{split}, without {len(known)} that it was trained on"
    return clips, split


def _are_copies(paths: pd.Series, trained_on: Iterable[str]) -> np.ndarray:
    """Return True for each file that is a copy of one that a model was trained on, in whatever format."""
    learnt = [path for path in trained_on if Path(path).is_file()]
    numbers = number_copies([mark_file(path) for path in (*learnt, *paths)])
    return np.isin(numbers[len(learnt) :], np.setdiff1d(numbers[: len(learnt)], [0]))


def data_digest(store: Store, feature: str) -> str:
    """Compute eight digits from the data that a feature's models are trained on, wherever their files are."""
    crc = zlib.crc32(store.index[["label", "group", "fold", "split"]].to_csv(index=False).encode())
    for part in (store.offsets(feature), store.checksums(feature)):
        crc = zlib.crc32(np.ascontiguousarray(part), crc)
    return f"{crc:08x}"


def is_finished(folder: str | Path) -> bool:
    """Return True if a folder holds a complete run."""
    files = ("model.safetensors", "model.json", "history.csv", "predictions.csv", "metrics.json")
    return all((Path(folder) / name).is_file() for name in files) and not (Path(folder) / "state.pt").exists()


def check_out(out: str | Path | None, overwrite: bool = True) -> None:
    """Raise RunError if a run folder cannot be made, or holds a finished run and ``overwrite`` is False."""
    if out is None:
        return
    check_can_make(out)
    is_tested = (Path(out) / "metrics.json").is_file() and not (Path(out) / "state.pt").exists()
    if is_tested and not overwrite:
        raise RunError(
            f"{out}: a finished run is in this folder. Name another one, or replace the run with --overwrite "
            "(in Python: overwrite=True)"
        )


def _read_model(folder: Path) -> tuple[RunSettings, nn.Module]:
    settings_file, weights_file = folder / "model.json", folder / "model.safetensors"
    for file in (settings_file, weights_file):
        if not file.exists():
            raise RunError(
                f"{file}: no such file; expected the folder that musiclab train MODEL DATA --out {folder} has made"
            )
    try:
        settings = RunSettings(**json.loads(settings_file.read_text(encoding="utf-8")))
        settings.check_types()
    except _DAMAGE as error:
        raise RunError(
            f"{settings_file}: expected the description of a model, found something else ({error})"
        ) from error
    try:
        shapes = _shapes(models.plan(settings.model, len(settings.classes), **settings.sizes).state_dict())
    except (RunError, TypeError) as error:
        raise RunError(f"{settings_file}: {error}") from error
    try:
        weights = load_file(weights_file)  # not larger than the file
    except (SafetensorError, *_DAMAGE) as error:
        raise RunError(f"{weights_file}: expected weights in safetensors, found something else ({error})") from error
    if apart := differing(shapes, _shapes(weights)):  # compared before a model of that size takes its memory
        wanted, present = (text.partition(", ")[0] for text in apart)
        raise RunError(
            f"{weights_file}: expected the weights of {settings.model} with {settings.sizes} and "
            f"{len(settings.classes)} classes, found others ({wanted} against {present})"
        )
    for name, value in weights.items():
        if not value.float().isfinite().all():
            raise RunError(f"{weights_file}: expected finite weights, found NaN or infinity in {name}; train it again")
    model = models.create(settings.model, len(settings.classes), **settings.sizes)
    model.load_state_dict(weights)
    return settings, model.eval()


def _shapes(weights: dict) -> dict[str, str]:
    """Describe the type and the shape of each tensor: "float 64 x 3 x 3"."""
    return {
        name: f"{'float' if value.is_floating_point() else value.dtype} {' x '.join(map(str, value.shape))}"
        for name, value in weights.items()
    }


def _read_metrics(file: Path) -> dict:
    metrics: dict = {}  # if there is no such file
    try:
        if file.exists():
            metrics = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(metrics, dict):
            raise TypeError(f"a {type(metrics).__name__}")
        read = {"n": 0, "accuracy": 0.0, "split": "", "folds": [], "best_epoch": 0, "stopped": "", "seconds": 0.0}
        read |= {name: metrics[name] for name in read if name in metrics}
        read["folds"] = [fold["fold"] for fold in read["folds"]]
        check_whole(read, "n", "best_epoch", least=0, most=10**9)
        check_number(read, "accuracy", most=1)
        check_number(read, "seconds")
        for fold in read["folds"]:
            check_whole({"fold": fold}, "fold", most=10**9)
        for name in ("split", "stopped"):
            if not isinstance(read[name], str):
                raise TypeError(f"{name} is {shortened(read[name])}")
        return read
    except _DAMAGE as error:
        raise RunError(
            f"{file}: expected the result of a test, found something else ({error}); train the model again"
        ) from error


def _read_result(folder: Path, metrics: dict, classes: list[str]) -> Result:
    result = Result.load(folder / "predictions.csv")
    if apart := differing({"classes": result.classes}, {"classes": classes}):
        raise RunError(
            f"{folder}: expected predictions and model.json of one run, found {apart[0]} and {apart[1]}; "
            "test or train it again"
        )
    if metrics["n"] != result.n or abs(metrics["accuracy"] - result.accuracy) > 1e-6:
        raise RunError(
            f"{folder}: expected predictions and metrics.json of one run, found {result.accuracy:.4f} of {result.n} "
            f"clips and {metrics['accuracy']:.4f} of {metrics['n']}; test or train it again"
        )
    return result


def _best_epoch(history: pd.DataFrame) -> int:
    """Find the best epoch of a run that was written before ``metrics.json`` named it."""
    if "valid_loss" not in history or history["valid_loss"].isna().all():
        return len(history)
    return int(history["epoch"][history["valid_loss"].idxmin()])


def _read_history(file: Path) -> pd.DataFrame:
    if not file.is_file() or file.stat().st_size <= 2:  # no epochs
        return pd.DataFrame()
    try:
        table = pd.read_csv(file)
    except _DAMAGE as error:
        raise RunError(f"{file}: expected one row per epoch, found something else ({error}); train it again") from error
    if "epoch" not in table:
        raise RunError(f"{file}: expected a column named epoch, found {shortened(list(table.columns))}; train it again")
    for name, values in table.items():
        if values.dtype.kind not in "iuf" or np.isinf(values).any() or (name == "epoch" and not values.ge(1).all()):
            raise RunError(f"{file}: expected numbers in the column {shortened(name)}, found others; train it again")
    return table
