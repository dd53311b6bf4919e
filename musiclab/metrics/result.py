"""Results of a test: accuracy with its interval, the classes and the mistakes; saved and loaded as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from musiclab.core.errors import RunError, shortened
from musiclab.core.files import write_csv
from musiclab.metrics.intervals import group_interval

_COLUMNS = ["path", "group", "label", "predicted"]  # of a saved result; the log-probability of each class follows


@dataclass(frozen=True)
class Result:
    """Predictions of a model for n clips that it was not trained on.

    Attributes
    ----------
    classes : list of str
    labels : int array, shape (n,)
        Index of each clip's true class.
    log_probabilities : float array, shape (n, classes)
        Averaged over the segments of a clip, then normalised.
    groups, paths : str array, shape (n,)
    """

    classes: list[str]
    labels: np.ndarray
    log_probabilities: np.ndarray
    groups: np.ndarray
    paths: np.ndarray

    @classmethod
    def join(cls, results: Sequence["Result"]) -> "Result":
        """Concatenate the clips of several results, such as the folds of a cross-validation."""
        names = ("labels", "log_probabilities", "groups", "paths")
        return cls(results[0].classes, *(np.concatenate([getattr(r, name) for r in results]) for name in names))

    @property
    def predictions(self) -> np.ndarray:
        """Index of the predicted class of each clip, shape (n,)."""
        return self.log_probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """True for each clip that was classified correctly, shape (n,)."""
        return self.predictions == self.labels

    @property
    def n(self) -> int:
        """Number of clips."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of the clips that were classified correctly, in [0, 1]."""
        return float(self.correct.mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of the accuracy, over groups."""
        return group_interval(self.correct, self.groups)

    @property
    def confusion(self) -> np.ndarray:
        """Number of clips of each true class (row) and predicted class (column), shape (classes, classes)."""
        return confusion_matrix(self.labels, self.predictions, labels=range(len(self.classes)))

    @property
    def per_class(self) -> pd.DataFrame:
        """Precision, recall, F1 and number of clips of each class."""
        columns = precision_recall_fscore_support(
            self.labels, self.predictions, labels=range(len(self.classes)), zero_division=0
        )
        return pd.DataFrame(dict(zip(("precision", "recall", "f1", "n"), columns, strict=True)), index=self.classes)

    def _table(self) -> pd.DataFrame:
        names = np.asarray(self.classes)
        values = (self.paths, self.groups, names[self.labels], names[self.predictions])
        return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))

    @property
    def mistakes(self) -> pd.DataFrame:
        """Misclassified clips, most confident first: path, label, predicted, probability of the predicted class."""
        probability = np.exp(self.log_probabilities.max(axis=1))
        table = self._table().drop(columns="group").assign(probability=probability)[~self.correct]
        return table.sort_values("probability", ascending=False, ignore_index=True)

    @property
    def confusions(self) -> pd.DataFrame:
        """Confused pairs of classes, most frequent first: label, predicted, count, share of the label's clips, paths.

        ``paths`` lists the clips to listen to, the most confident mistake first.
        """
        table = self.mistakes.groupby(["label", "predicted"])["path"].agg(count="size", paths=list).reset_index()
        share = table["count"] / table["label"].map(self._table()["label"].value_counts())
        table.insert(3, "share", share)
        return table.sort_values(["count", "share"], ascending=False, ignore_index=True, kind="stable")

    def save(self, path: str | Path) -> Path:
        """Write a CSV file in UTF-8: path, group, label, predicted, then the log-probability of each class."""
        values = pd.DataFrame(self.log_probabilities, columns=[f"log p({name})" for name in self.classes])
        return write_csv(path, self._table().join(values))

    @classmethod
    def load(cls, path: str | Path) -> "Result":
        """Read exactly what :meth:`save` wrote; raise RunError if the file is missing or not a table of predictions."""
        try:  # all as text, since "NA" and "007" are names too, and numpy reads numbers to the last bit
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            values = table.iloc[:, 4:].to_numpy(dtype=np.float64)
        except FileNotFoundError as error:
            raise RunError(f"{path}: no such file; expected predictions of a run, as its test writes them") from error
        except (ValueError, OSError) as error:
            raise RunError(
                f"{path}: expected a table of predictions, found something else ({str(error)[:200]})"
            ) from error
        if list(table.columns[:4]) != _COLUMNS:
            raise RunError(
                f"{path}: expected the columns {', '.join(_COLUMNS)} first, found {shortened(list(table.columns[:4]))}"
            )
        classes = [name.removeprefix("log p(").removesuffix(")") for name in table.columns[4:]]
        labels = pd.Index(classes).get_indexer(table["label"])
        if (labels < 0).any():
            unknown = table["label"][labels < 0].iloc[0]
            raise RunError(f"{path}: expected labels among {', '.join(classes)}, found {shortened(unknown)}")
        sums = np.exp(values).sum(axis=1)
        if not (len(table) and np.allclose(sums, 1, atol=1e-3)):
            raise RunError(
                f"{path}: expected log-probabilities of at least one clip, whose exponentials sum to 1, found "
                f"{sums[~np.isclose(sums, 1, atol=1e-3)][0] if len(table) else 'none'}"
            )
        return cls(classes, labels, values, table["group"].to_numpy(str), table["path"].to_numpy(str))

    def __str__(self) -> str:
        low, high = self.ci95
        groups = len(np.unique(self.groups))
        return (
            f"accuracy {100 * self.accuracy:.1f} %, 95 % interval {100 * low:.1f} to {100 * high:.1f} %, "
            f"n = {self.n} clips in {groups} groups"
        )

    def to_dict(self) -> dict:
        """Return accuracy, interval, n, table of the classes and confusion matrix for a JSON file."""
        return {
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "n": self.n,
            "groups": len(np.unique(self.groups)),
            "per_class": self.per_class.to_dict(orient="index"),
            "confusion": self.confusion.tolist(),
            "classes": self.classes,
        }
