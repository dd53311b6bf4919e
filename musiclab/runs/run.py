"""Save and load a run: a folder with a trained model, its settings and its test result.

===================  ======================================================================================
model.safetensors    weights
model.json           :class:`RunSettings`
history.csv          one row per epoch
predictions.csv      log-probabilities for each test clip
metrics.json         test result, written last
report.html          report, with curves.png and confusion.png
transfer.html        page of a transfer, with the predictions for its test set in away.csv
state.pt             state of an unfinished training, used to resume it
fold1, fold2, ...    run folders of a cross-validation, instead of the first three files
===================  ======================================================================================
"""

import json
import logging
import time
import zlib
from collections.abc import Iterable, Mapping
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
from musiclab.core.errors import (
    Problems,
    RunError,
    StoreError,
    counted,
    did_you_mean,
    differing,
    list_left_out,
    shortened,
)
from musiclab.core.extras import require
from musiclab.core.files import check_can_make, replacing, write_csv, write_json
from musiclab.datasets import Dataset
from musiclab.datasets.fingerprints import mark_file, number_copies
from musiclab.metrics import Result
from musiclab.runs.export import Export, export_run
from musiclab.runs.prediction import Predictions, predict
from musiclab.runs.settings import RunSettings
from musiclab.store import Segments, Store, open_data, open_index
from musiclab.store.reading import find_damage
from musiclab.training import State, TrainConfig, evaluate, pick_device

log = logging.getLogger(__name__)

PRETRAINED = {"genres": Path(__file__).with_name("pretrained") / "genres"}
"""Run folders of the models that come with musiclab, by name."""

_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, OSError)
"""Exceptions that damaged or foreign files can raise."""


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model with its settings and its test result.

    :func:`train`, :func:`crossval` and :func:`load` return runs.

    Attributes
    ----------
    settings : RunSettings
        All settings needed to use the model, or to train it again.
    model : torch.nn.Module
        Trained model. For a cross-validation, this is the model of the first fold.
    result : Result or None
        Test result, or None if the model was not tested. For a cross-validation, it covers the clips of all folds.
    history : pandas.DataFrame
        One row per epoch, with the columns of :class:`musiclab.training.History`. A cross-validation adds the column
        ``fold``.
    best_epoch : int
        Epoch that the weights come from, counted from 1.
    stopped : str
        Reason why training ended, such as "all epochs done" or "interrupted".
    seconds : float
        Duration of training and testing in seconds.
    folds : dict of int to Run
        Runs of a cross-validation, by test fold. Empty for a single run.
    folder : pathlib.Path or None
        Run folder, or None if the run was not saved.

    Examples
    --------
    >>> model = models.create("m3", classes=2, width=4, length=2000)
    >>> run = Run(RunSettings("m3", model.sizes, ["low", "high"], "audio", {"sample_rate": 8000}), model)
    >>> run.predict(np.zeros(8000), sample_rate=8000).probabilities.shape
    (1, 2)
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
        """Name of the run folder, or of the model if the run was not saved."""
        return self.settings.model if self.folder is None else self.folder.resolve().name

    @property
    def title(self) -> str:
        """Names of the model and the data set, in one line."""
        note = " (generated data, not a benchmark)" if self.is_generated else ""
        return f"{self.settings.model} on {self.settings.data.get('name', 'unnamed data')}{note}"

    @property
    def is_generated(self) -> bool:
        """True if the data were generated, so that the result is not a benchmark."""
        return bool(self.settings.data.get("generated"))

    @cached_property
    def summary(self) -> models.Summary:
        """Layers of the model with their parameters and multiply-adds (pairs of a multiplication and an addition)."""
        return models.summary(self.model)

    def __str__(self) -> str:
        tested = "not tested" if self.result is None else self.result
        note = " (generated data, not a benchmark)" if self.is_generated else ""
        return f"{self.settings.model} on {self.settings.data.get('name')}, {self.settings.split}: {tested}{note}"

    def to_dict(self) -> dict:
        """Return the result and the main settings as a dictionary that can be saved as JSON.

        Returns
        -------
        dict
            The same content as in ``metrics.json``, and as the output of ``--json`` on the command line.
        """
        details = {
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
            details |= {"folds": folds, "mean_fold_accuracy": float(np.mean([fold["accuracy"] for fold in folds]))}
        return (self.result.to_dict() if self.result else {}) | details

    def predict(
        self,
        sounds,
        sample_rate: int | None = None,
        every: float | None = None,
        device: str = "auto",
        unknown: bool = False,
    ) -> Predictions:
        """Classify sound files or a waveform. Long files also get a timeline of predictions.

        Parameters
        ----------
        sounds : path, list of paths, or array of shape (samples,)
            Sound file, folder, ``"-"`` for a WAV file on standard input, or a list of these. Alternatively a waveform
            with values in [-1, 1].
        sample_rate : int, Hz, optional
            Sample rate of the waveform. Required for a waveform, and not used for files.
        every : float, seconds, optional
            Time from the start of one window to the start of the next. By default, windows overlap by at least half.
        device : str, default "auto"
            Device to compute on: "auto" (a GPU if available), "cpu", "cuda" or "mps" (GPU of a Mac).
        unknown : bool, default False
            Predict "unknown" if a file is stranger to the model than 95 % of the clips that it was calibrated on (see
            :class:`musiclab.metrics.Calibration`).

        Returns
        -------
        Predictions
            Predicted class and class probabilities of each file and of each window.

        Raises
        ------
        AudioError
            None of the files could be read.
        RunError
            ``every`` is below 0.01 s, the sample rate of the waveform is missing, or the run is a cross-validation.

        Examples
        --------
        >>> model = models.create("m3", classes=2, width=4, length=2000)
        >>> run = Run(RunSettings("m3", model.sizes, ["low", "high"], "audio", {"sample_rate": 8000}), model)
        >>> run.predict(np.zeros(8000), sample_rate=8000).files.columns.to_list()
        ['path', 'predicted', 'p(low)', 'p(high)']
        """
        self.check_single()
        return predict(self.model, self.settings, sounds, sample_rate, every, device, unknown)

    def evaluate(self, data: str | Path | Dataset | Store, device: str = "auto", precision: str | None = None) -> "Run":
        """Test the model on a data set, and return a new run with the result.

        On the data set that the model was trained on, only the test clips are used, and a warning tells of clips that
        were added. On other data, which lack some of the test clips, all clips are used. Clips from the training and
        validation sets are skipped with a warning, even if their files have been moved.

        Parameters
        ----------
        data : Store, Dataset, path or str
            As in :func:`train`.
        device : str, default "auto"
            As in :meth:`predict`.
        precision : str, optional
            Number format of the computation: "auto", "fp32", "bf16" or "fp16". Default: the training precision.

        Returns
        -------
        Run
            Copy of this run with the new test result. It is not saved.

        Raises
        ------
        StoreError
            The feature settings or the classes of the data do not match the model.
        RunError
            All clips were used for training or validation, or the run is a cross-validation. Also raised if the files
            of the training data have been moved, so that the test clips cannot be identified.

        Examples
        --------
        >>> run = load("runs/cnn")  # doctest: +SKIP
        >>> print(run.evaluate("folder:new_recordings").result)  # doctest: +SKIP
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
        note_copies(store)
        clips, split = _select_test_clips(settings, store)
        settings = replace(settings, split=split, clips={**settings.clips, "test": len(clips)}, data=store.source)
        labels = store.index["label"].map(settings.classes.index).to_numpy()
        values, offsets = store.values(settings.feature), store.offsets(settings.feature)
        options = {"length": self.model.length, "silence": settings.feature_settings.silence, "places": "covering"}
        segments = Segments(values, offsets, labels, clips, len(settings.classes), **options)
        training = TrainConfig(device=device, precision=precision or settings.precision)
        result = evaluate(self.model, store, segments, training)
        scores = settings.calibrated.apply(result.log_probabilities)
        result = replace(result, classes=settings.classes, labels=labels[clips], log_probabilities=scores)
        seconds = time.perf_counter() - started
        return replace(self, settings=settings, result=result, seconds=seconds, folder=None)

    def report(self) -> Path:
        """Write a report of the run, ``report.html``, and its figures into the run folder.

        Returns
        -------
        pathlib.Path
            Path of the report.

        Raises
        ------
        RunError
            The run was not saved or not tested.
        MissingExtraError
            The extra ``lessons`` is not installed.
        """
        require("report", "lessons", "matplotlib")
        from musiclab.runs.report import write  # imported late, because training works without matplotlib

        return write(self)

    def export(self, path: str | Path, int8: bool = False, overwrite: bool = False) -> Export:
        """Write the model to one file that classifies sounds without musiclab.

        A file that ends in ``.onnx`` is for programs. It contains everything that :meth:`predict` does after decoding
        and resampling: features, standardisation, segments, their average, and the temperature. Its input ``waveform``
        has shape (batch, samples), float32 in [-1, 1], at the sample rate that its metadata state. Its output
        ``probabilities`` has shape (batch, classes). All waveforms of a batch have the same length.

        A file that ends in ``.html`` is for people. It is a page that opens in a browser, from disk and without a
        network. You drop a sound file or use the microphone, and see a player with the predictions over time.

        Before the file is kept, onnxruntime runs it on test clips of this run, if their files are still there, and on
        generated clips of several lengths. Its probabilities must equal those of :meth:`predict` in fp32 up to 1e-4.

        Parameters
        ----------
        path : path
            File to write, which ends in ``.onnx`` or ``.html``.
        int8 : bool, default False
            Store the weights of the network as 8-bit integers. The file is up to four times smaller and less accurate.
            The cost in accuracy is measured on the test clips of the run. Not for pages.
        overwrite : bool, default False
            Replace an existing file.

        Returns
        -------
        Export
            Path, size, sample rate, and the largest difference that was found. ``print`` shows them.

        Raises
        ------
        RunError
            The file exists, the run is a cross-validation, onnxruntime is missing, the model uses an encoder from a
            file, the file differs from the run, or a browser would be too slow for the model.

        Notes
        -----
        The metadata contain ``classes`` (JSON), ``sample_rate`` in Hz, ``shortest`` (fewest samples), ``model``,
        ``sizes`` and ``feature_settings`` (JSON), ``feature``, ``data``, ``licence``, ``musiclab``, ``opset`` and
        ``precision``. Unknown sounds are not detected. :meth:`predict` reads files of more than a minute in blocks, and
        estimates tuning and peak level in each. For ``lstm``, the file does so once, so cut long recordings first. A
        page cuts recordings of more than a minute into equal parts, and classifies the first ten minutes.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> model = models.create("m3", classes=2, width=4, length=2000)
        >>> run = Run(RunSettings("m3", model.sizes, ["low", "high"], "audio", {"sample_rate": 8000}), model)
        >>> with TemporaryDirectory() as folder:
        ...     exported = run.export(f"{folder}/model.onnx")
        >>> exported.sample_rate, exported.difference < 1e-4
        (8000, True)
        """
        return export_run(self, path, int8, overwrite)

    def save(self, folder: str | Path) -> "Run":
        """Write the model, its settings, its history and its result to a folder.

        Parameters
        ----------
        folder : path
            Run folder, which is created if necessary. Files of an earlier run in it are replaced.

        Returns
        -------
        Run
            Copy of the run with its ``folder`` set. :func:`load` reads the folder again.

        Examples
        --------
        >>> run = load("runs/cnn")  # doctest: +SKIP
        >>> run.save("runs/copy").folder  # doctest: +SKIP
        """
        folder = Path(folder)
        (folder / "metrics.json").unlink(missing_ok=True)
        if self.folds:
            for fold, run in self.folds.items():
                if run.folder != folder / f"fold{fold}":
                    run.save(folder / f"fold{fold}")
        else:
            with replacing(folder / "model.safetensors") as unfinished:
                weights = {name: tensor.contiguous().cpu() for name, tensor in self.model.state_dict().items()}
                save_file(weights, unfinished)
            write_json(folder / "model.json", asdict(self.settings))
            write_csv(folder / "history.csv", self.history)
        if self.result is not None:
            self.result.save(folder / "predictions.csv")
            write_json(folder / "metrics.json", self.to_dict())  # last, because it marks the run as finished
        if self.stopped != "interrupted":
            State(folder / "state.pt").remove()
        return replace(self, folder=folder)

    def check_single(self) -> None:
        """Raise RunError if the run is a cross-validation."""
        if self.folds:
            fold = next(iter(self.folds))
            raise RunError(
                f"{self.name}: a cross-validation has one model per fold. Choose one of them, such as "
                f"{self.name}/fold{fold} or run.folds[{fold}]."
            )

    def check_tested(self) -> None:
        """Raise RunError if the run has no test result."""
        if self.result is None:
            source = "the run" if self.folder is None else self.folder / "metrics.json"
            raise RunError(
                f"{source}: the run has no test result. Train and test the model with: "
                "musiclab train MODEL DATA --out FOLDER"
            )


def load(folder: str | Path) -> Run:
    """Load a run or a cross-validation from its folder.

    Parameters
    ----------
    folder : path
        Run folder, written by :func:`train`, :func:`crossval` or :meth:`Run.save`. ``"genres"`` is a classifier of
        music genres that comes with musiclab, unless there is a folder with this name.

    Returns
    -------
    Run
        Run whose model is on the CPU and in evaluation mode. If the folder contains only a model, the run has no
        result.

    Raises
    ------
    RunError
        A file is missing or damaged, or the files belong to different runs.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> model = models.create("m3", classes=2, width=4)
    >>> run = Run(RunSettings("m3", model.sizes, ["low", "high"], "audio", {"sample_rate": 8000}), model)
    >>> with TemporaryDirectory() as folder:
    ...     saved = run.save(folder)
    ...     print(load(folder).settings.classes)
    ['low', 'high']
    """
    folder = Path(folder) if Path(folder).exists() else PRETRAINED.get(str(folder), Path(folder))
    metrics = _read_metrics(folder / "metrics.json")
    if metrics["folds"]:
        folds = {fold: load(folder / f"fold{fold}") for fold in metrics["folds"]}
        _check_folds(list(folds.values()))
        settings = folds[metrics["folds"][-1]].settings
        settings = replace(settings, split=metrics["split"], test_paths=[], clips={}, trained_on={})
        run = join_folds(folds, settings)
    else:
        settings, model = _read_model(folder)
        history = _read_history(folder / "history.csv")
        run = Run(settings, model, history=history, best_epoch=metrics["best_epoch"] or _best_epoch(history))
    if metrics["n"] and (not run.folds or (folder / "predictions.csv").is_file()):
        run = replace(run, result=_read_result(folder, metrics, run.settings.classes))
    return replace(run, stopped=metrics["stopped"], seconds=metrics["seconds"], folder=folder)


def _check_folds(runs: list[Run]) -> None:
    for run in runs:
        run.check_tested()
        if difference := differing({"classes": runs[0].settings.classes}, {"classes": run.settings.classes}):
            raise RunError(f"{run.folder}: expected {difference[0]}, as in the other folds, found {difference[1]}")


def join_folds(folds: dict[int, Run], settings: RunSettings) -> Run:
    """Combine the folds of a cross-validation."""
    runs = list(folds.values())
    history = pd.concat([run.history.assign(fold=fold) for fold, run in folds.items()], ignore_index=True)
    result = Result.join([run.result for run in runs])
    seconds = sum(run.seconds for run in runs)
    return Run(settings, runs[0].model, result, history, seconds=seconds, folds=folds)


def open_with_warning(data: str | Path | Dataset | Store, feature: str, feature_settings) -> Store:
    """Open data as a store, check the values of a feature for damage, and log a warning about unreadable files."""
    store = open_data(data, feature, feature_settings)
    if damage := find_damage(store, [feature]):
        raise StoreError(
            f"{store.path}: {counted(len(damage), 'clip')} of the store {'is' if len(damage) == 1 else 'are'} damaged, "
            f"such as {damage[0]}. Delete the store and prepare it again. All faults: musiclab verify {store.path}"
        )
    if store.failures:
        log.warning("%s", list_left_out(store.failures))
    return store


def note_copies(store: Store) -> None:
    """Log a message if copies in a store were not looked for."""
    if store.source.get("ignore_copies"):
        log.info(
            "%s: copies of the same recording were not looked for, so they count as different clips. To find them, "
            "prepare the store again without --ignore-copies.",
            store.source.get("name", store.path),
        )


def clip_digests(store: Store, feature: str) -> np.ndarray:
    """Return an eight-digit checksum of each clip's stored values, independent of its path."""
    return np.array([f"{checksum:08x}" for checksum in store.checksums(feature)])


def _select_test_clips(settings: RunSettings, store: Store) -> tuple[np.ndarray, str]:
    """Select the clips that the model was not trained on, and describe the split."""
    paths = store.index["path"]
    is_test, split = paths.isin(settings.test_paths).to_numpy(), settings.split
    clips, is_whole = np.flatnonzero(is_test), is_test.sum() == len(settings.test_paths)
    is_own = is_test.any() and (is_whole or not settings.trained_on)  # old runs only know their test clips
    if not is_own:
        if settings.test_paths and data_digest(store, settings.feature) == settings.data.get("digest"):
            raise RunError(
                f"{store.path}: this is the data set that the model was trained on, but its files have other paths "
                f"now ({paths[0]} instead of, for example, {settings.test_paths[0]}), so the test clips cannot be "
                "identified. Use the store that the model was trained from."
            )
        clips, split = np.arange(len(store)), "all clips"
    is_real = not (settings.data.get("generated") or store.source.get("generated"))
    was_used = are_among(store, settings.feature, settings.trained_on, listen=not is_own and is_real)
    used = clips[was_used[clips]]
    if len(used) == len(clips):
        raise RunError(
            f"{store.path}: all {len(clips)} clips, such as {paths[clips[0]]}, were used to train or validate the "
            "model. Test it with other clips."
        )
    if len(used):
        log.warning(
            "%s: skipping %d of %d clips, such as %s, because they were used to train or validate the model",
            *(store.path, len(used), len(clips), paths[used[0]]),
        )
        clips, split = np.setdiff1d(clips, used), f"{split}, without {len(used)} that it was trained on"
    added = paths[~(is_test | was_used)]
    has_grown = settings.trained_on and data_digest(store, settings.feature) != settings.data.get("digest")
    if is_own and has_grown and len(added):
        log.warning(
            "%s: left out %s, such as %s, that %s added after the training. Test %s in a data set of %s own.",
            *(store.path, counted(len(added), "clip"), added.iloc[0]),
            *(("was", "it", "its") if len(added) == 1 else ("were", "them", "their")),
        )
    return clips, split


def are_among(store: Store, feature: str, digests: Mapping[str, str], listen: bool = True) -> np.ndarray:
    """Return True for each clip of a store that is one of the given clips, even if its file was moved.

    ``digests`` holds their checksums (see :func:`clip_digests`) by path. With ``listen``, the sound of the files is
    compared as well, which finds copies in another format.
    """
    paths = store.index["path"]
    are_used = paths.isin(digests) | pd.Series(clip_digests(store, feature)).isin(digests.values())
    return (are_used | _are_copies(paths, digests) if listen else are_used).to_numpy()


def _are_copies(paths: pd.Series, others: Iterable[str]) -> np.ndarray:
    """Return True for each file with the same sound as one of the others, even in another format."""
    files = [path for path in others if Path(path).is_file()]
    if missing := sorted(set(others) - set(files)):
        log.warning(
            "%s, such as %s, %s no longer there, so copies of %s in other formats can't be found. Put %s back to find "
            "them.",
            *(counted(len(missing), "training file"), missing[0]),
            *(("is", "it", "it") if len(missing) == 1 else ("are", "them", "them")),
        )
    recordings = number_copies([mark_file(path) for path in (*files, *paths)])
    return np.isin(recordings[len(files) :], np.setdiff1d(recordings[: len(files)], [0]))


def data_digest(store: Store, feature: str) -> str:
    """Compute an eight-digit checksum of a feature and its labels, independent of paths."""
    crc = zlib.crc32(store.index[["label", "group", "fold", "split"]].to_csv(index=False).encode())
    for array in (store.offsets(feature), store.checksums(feature)):
        crc = zlib.crc32(np.ascontiguousarray(array), crc)
    return f"{crc:08x}"


def is_finished(folder: str | Path) -> bool:
    """Return True if the run in ``folder`` finished."""
    files = ("model.safetensors", "model.json", "history.csv", "predictions.csv", "metrics.json")
    return all((Path(folder) / name).is_file() for name in files) and not (Path(folder) / "state.pt").exists()


def check_out(out: str | Path | None, overwrite: bool = True, can_resume: bool = False) -> None:
    """Raise RunError if a run folder cannot be created, or if it has a run and ``overwrite`` is False."""
    if out is None:
        return
    check_can_make(out)
    if overwrite:
        return
    if (Path(out) / "state.pt").exists():
        resume = "Continue it with --resume (resume=True in Python), or replace" if can_resume else "Replace"
        raise RunError(
            f"{out}: this folder contains a training that was stopped. {resume} it with --overwrite (overwrite=True in "
            "Python)."
        )
    if (Path(out) / "metrics.json").is_file():
        raise RunError(
            f"{out}: this folder contains a finished run. Choose another folder, or replace the run with --overwrite "
            "(overwrite=True in Python)."
        )


def _read_model(folder: Path) -> tuple[RunSettings, nn.Module]:
    settings_file, weights_file = folder / "model.json", folder / "model.safetensors"
    for path in (settings_file, weights_file):
        if not path.exists():
            raise RunError(
                f"{path}: no such file{did_you_mean(str(folder), PRETRAINED) or '.'} Create the run folder "
                f"with: musiclab train MODEL DATA --out {folder}"
            )
    try:
        settings = RunSettings(**json.loads(settings_file.read_text(encoding="utf-8")))
        settings.check_types()
    except _DAMAGE as error:
        raise RunError(f"{settings_file}: expected the settings of a run, found something else ({error})") from error
    try:
        shapes = _shapes(models.plan(settings.model, len(settings.classes), **settings.sizes).state_dict())
    except (RunError, TypeError) as error:
        raise RunError(f"{settings_file}: {error}") from error
    try:
        weights = load_file(weights_file)  # takes no more memory than the file
    except (SafetensorError, *_DAMAGE) as error:
        raise RunError(f"{weights_file}: this is not a safetensors file ({error})") from error
    if difference := differing(shapes, _shapes(weights)):  # checked before the model allocates memory
        expected, actual = (text.partition(", ")[0] for text in difference)
        raise RunError(
            f"{weights_file}: the weights do not fit {settings.model} with {settings.sizes} and "
            f"{len(settings.classes)} classes: expected {expected}, found {actual}"
        )
    for name, tensor in weights.items():
        if not tensor.float().isfinite().all():
            raise RunError(f"{weights_file}: {name} contains NaN or infinite values. Train the model again.")
    model = models.create(settings.model, len(settings.classes), **settings.sizes)
    model.load_state_dict(weights)
    return settings, model.eval()


def _shapes(weights: dict) -> dict[str, str]:
    """Describe the data type and shape of each tensor, for example "float 64 x 3 x 3"."""
    return {
        name: f"{'float' if tensor.is_floating_point() else tensor.dtype} {' x '.join(map(str, tensor.shape))}"
        for name, tensor in weights.items()
    }


def _read_metrics(path: Path) -> dict:
    content: dict = {}
    try:
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError(f"a {type(content).__name__}")
        metrics = {"n": 0, "accuracy": 0.0, "split": "", "folds": [], "best_epoch": 0, "stopped": "", "seconds": 0.0}
        metrics |= {name: content[name] for name in metrics if name in content}
        metrics["folds"] = [fold["fold"] for fold in metrics["folds"]]
        check_whole(metrics, "n", "best_epoch", least=0, most=10**9)
        check_number(metrics, "accuracy", most=1)
        check_number(metrics, "seconds")
        for fold in metrics["folds"]:
            check_whole({"fold": fold}, "fold", most=10**9)
        for name in ("split", "stopped"):
            if not isinstance(metrics[name], str):
                raise TypeError(f"{name} is {shortened(metrics[name])}")
        return metrics
    except _DAMAGE as error:
        raise RunError(f"{path}: this is not a valid test result ({error}). Train the model again.") from error


def _read_result(folder: Path, metrics: dict, classes: list[str]) -> Result:
    result = Result.load(folder / "predictions.csv")
    if difference := differing({"classes": result.classes}, {"classes": classes}):
        raise RunError(
            f"{folder}: predictions.csv ({difference[0]}) and model.json ({difference[1]}) belong to different runs. "
            "Train the model again."
        )
    if metrics["n"] != result.n or abs(metrics["accuracy"] - result.accuracy) > 1e-6:
        raise RunError(
            f"{folder}: predictions.csv (accuracy {result.accuracy:.4f}, n = {result.n}) and metrics.json (accuracy "
            f"{metrics['accuracy']:.4f}, n = {metrics['n']}) belong to different runs. Train the model again."
        )
    return result


def _best_epoch(history: pd.DataFrame) -> int:
    """Find the best epoch of a run from an older version, whose ``metrics.json`` lacks it."""
    if "valid_loss" not in history or history["valid_loss"].isna().all():
        return len(history)
    return int(history["epoch"][history["valid_loss"].idxmin()])


def _read_history(path: Path) -> pd.DataFrame:
    if not path.is_file() or path.stat().st_size <= 2:  # no epochs
        return pd.DataFrame()
    try:
        table = pd.read_csv(path)
    except _DAMAGE as error:
        raise RunError(f"{path}: this is not a table of epochs ({error}). Train the model again.") from error
    if "epoch" not in table:
        columns = shortened(list(table.columns))
        raise RunError(f"{path}: expected a column named epoch, found {columns}. Train the model again.")
    for name, values in table.items():
        if values.dtype.kind not in "iuf" or np.isinf(values).any() or (name == "epoch" and not values.ge(1).all()):
            raise RunError(f"{path}: the column {shortened(name)} has invalid values. Train the model again.")
    return table
