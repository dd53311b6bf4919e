"""What a run folder holds, read without its model: what a report and a comparison are made of."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from musiclab.core.errors import RunError
from musiclab.metrics import Result


@dataclass(frozen=True)
class RunFolder:
    """The files of one run, or of a cross-validation with a run folder ``fold1``, ``fold2`` ... a fold.

    Attributes
    ----------
    path : pathlib.Path
    metrics : dict
        ``metrics.json``: accuracy, parameters, seconds, data, split ...
    card : dict
        ``model.json``: sizes, feature and settings; of the first fold, in a cross-validation.
    result : Result
        Of all clips that were tested.
    histories : dict of str to pandas.DataFrame
        ``history.csv`` of each training, by the name of its folder; none where nothing was trained in epochs.
    folds : tuple of pathlib.Path
        Run folders of the folds; none in a single run.
    """

    path: Path
    metrics: dict
    card: dict
    result: Result
    histories: dict[str, pd.DataFrame]
    folds: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.resolve().name

    @property
    def model_folder(self) -> Path:
        """The folder that holds a model: this one, or the first fold's."""
        return self.folds[0] if self.folds else self.path

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.metrics.get("model", self.card.get("model", "a model")))

    @property
    def data(self) -> str:
        """Name of the data set."""
        return str(self.metrics.get("data", {}).get("name", "unnamed data"))

    @property
    def generated(self) -> bool:
        """Whether the data are generated, and the result no benchmark."""
        return bool(self.metrics.get("data", {}).get("generated"))

    @property
    def title(self) -> str:
        """What was done, in one line; it says where the data are generated."""
        note = " (generated data, not a benchmark)" if self.generated else ""
        return f"{self.model} on {self.data}{note}"


def read(folder: str | Path) -> RunFolder:
    """Read a run folder.

    Raises
    ------
    RunError
        There is no finished run in it, a file of it cannot be read, or its files are not of one run.
    """
    folder = Path(folder)
    metrics = _read_json(folder / "metrics.json", folder)
    named = [folder / f"fold{fold['fold']}" for fold in metrics.get("folds", ())]  # others there may be of another time
    folds = tuple(fold for fold in named if fold.is_dir())
    if folds and not (folder / "predictions.csv").is_file():
        result = Result.join([Result.load(fold / "predictions.csv") for fold in folds])
    else:
        result = Result.load(folder / "predictions.csv")
    if metrics.get("n") != result.n or abs(metrics.get("accuracy", -1) - result.accuracy) > 1e-6:
        raise RunError(
            f"{folder}: expected predictions and metrics.json of one run, found {result.accuracy:.4f} of {result.n} "
            f"clips and {metrics.get('accuracy')} of {metrics.get('n')}; test or train it again"
        )
    card = _read_json((folds[0] if folds else folder) / "model.json", folder)
    histories = {
        file.parent.name: _read_table(file)
        for file in (part / "history.csv" for part in folds or (folder,))
        if file.is_file() and file.stat().st_size > 2
    }
    return RunFolder(folder, metrics, card, result, histories, folds)


def _read_json(file: Path, folder: Path) -> dict:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(
            f"{file}: no such file; expected the folder of a finished run, as musiclab train MODEL DATA --out {folder} "
            "makes it"
        ) from error
    except ValueError as error:
        raise RunError(f"{file}: expected JSON, found something else ({error}); train it again") from error
    if not isinstance(value, dict):
        raise RunError(f"{file}: expected a JSON object, found {type(value).__name__}; train it again")
    return value


def _read_table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file)
    except ValueError as error:
        raise RunError(f"{file}: expected one row an epoch, found something else ({error}); train it again") from error
    if "epoch" not in table:
        raise RunError(f"{file}: expected a column named epoch, found {list(table.columns)}; train it again")
    return table
