"""Test results: accuracy with its interval, metrics of each class, and mistakes. Saved and loaded as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from musiclab.core.errors import RunError, shortened
from musiclab.core.files import write_csv
from musiclab.metrics.intervals import group_interval

_COLUMNS = ["path", "group", "label", "predicted"]  # first columns of a saved result


@dataclass(frozen=True)
class Result:
    """A model's predictions for n test clips.

    Attributes
    ----------
    classes : list of str
    labels : int array, shape (n,)
        Index of each clip's true class.
    log_probabilities : float array, shape (n, classes)
        Class log-probabilities of each clip, averaged over its segments and normalised.
    groups, paths : str array, shape (n,)
        Group and path of each clip.

    Examples
    --------
    >>> scores, names = np.log([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]]), np.array(["1.wav", "2.wav", "3.wav"])
    >>> result = Result(["jazz", "rock"], np.array([0, 1, 1]), scores, groups=names, paths=names)
    >>> round(result.accuracy, 3)
    0.667
    >>> result.mistakes
        path label predicted  probability
    0  2.wav  rock      jazz          0.7
    """

    classes: list[str]
    labels: np.ndarray
    log_probabilities: np.ndarray
    groups: np.ndarray
    paths: np.ndarray

    @classmethod
    def join(cls, results: Sequence["Result"]) -> "Result":
        """Combine several results, such as the folds of a cross-validation, into one."""
        names = ("labels", "log_probabilities", "groups", "paths")
        return cls(results[0].classes, *(np.concatenate([getattr(r, name) for r in results]) for name in names))

    @property
    def predictions(self) -> np.ndarray:
        """Index of the predicted class of each clip, shape (n,)."""
        return self.log_probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """True for each correctly classified clip, shape (n,)."""
        return self.predictions == self.labels

    @property
    def n(self) -> int:
        """Number of clips."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of correctly classified clips, in [0, 1]."""
        return float(self.correct.mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of the accuracy (:func:`group_interval`)."""
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
        """Misclassified clips, the most confident first: path, label, predicted class and its probability."""
        probability = np.exp(self.log_probabilities.max(axis=1))
        table = self._table().drop(columns="group").assign(probability=probability)[~self.correct]
        return table.sort_values("probability", ascending=False, ignore_index=True)

    @property
    def confusions(self) -> pd.DataFrame:
        """Confused pairs of classes, the most frequent first.

        Columns are label, predicted class, count, share of the label's clips, and the paths of the clips, the most
        confident mistake first.
        """
        table = self.mistakes.groupby(["label", "predicted"])["path"].agg(count="size", paths=list).reset_index()
        share = table["count"] / table["label"].map(self._table()["label"].value_counts())
        table.insert(3, "share", share)
        return table.sort_values(["count", "share"], ascending=False, ignore_index=True, kind="stable")

    def save(self, path: str | Path) -> Path:
        """Write a CSV file in UTF-8 with path, group, label, predicted class and the class log-probabilities."""
        values = pd.DataFrame(self.log_probabilities, columns=[f"log p({name})" for name in self.classes])
        return write_csv(path, self._table().join(values))

    @classmethod
    def load(cls, path: str | Path) -> "Result":
        """Read a file that :meth:`save` wrote. A missing or invalid file raises RunError."""
        try:  # read everything as text, because names can be "NA" or "007", and numpy parses numbers exactly
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            values = table.iloc[:, 4:].to_numpy(dtype=np.float64)
        except FileNotFoundError as error:
            raise RunError(f"{path}: no such file. Train and test the model again to write it.") from error
        except (ValueError, OSError) as error:
            raise RunError(f"{path}: this is not a table of predictions ({str(error)[:200]})") from error
        if list(table.columns[:4]) != _COLUMNS:
            columns = shortened(list(table.columns[:4]))
            raise RunError(f"{path}: expected the first columns {', '.join(_COLUMNS)}, found {columns}")
        classes = [name.removeprefix("log p(").removesuffix(")") for name in table.columns[4:]]
        labels = pd.Index(classes).get_indexer(table["label"])
        if (labels < 0).any():
            unknown = table["label"][labels < 0].iloc[0]
            raise RunError(f"{path}: expected labels among {', '.join(classes)}, found {shortened(unknown)}")
        sums = np.exp(values).sum(axis=1)
        if not (len(table) and np.allclose(sums, 1, atol=1e-3)):
            raise RunError(
                f"{path}: expected the probabilities of each clip to add up to 1, found "
                f"{sums[~np.isclose(sums, 1, atol=1e-3)][0] if len(table) else 'no clips'}"
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
        """Return the metrics of the result as a dictionary that can be saved as JSON."""
        return {
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "n": self.n,
            "groups": len(np.unique(self.groups)),
            "per_class": self.per_class.to_dict(orient="index"),
            "confusion": self.confusion.tolist(),
            "classes": self.classes,
        }
