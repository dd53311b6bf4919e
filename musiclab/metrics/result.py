"""Results of a test: accuracy with n and an interval, the table of the classes, the mistakes; saved and loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from musiclab.core.errors import RunError
from musiclab.core.files import replacing
from musiclab.metrics.intervals import group_interval


@dataclass(frozen=True)
class Result:
    """What a model said of clips it had not seen.

    Attributes
    ----------
    classes : list of str
    labels : int array, shape (n,)
        True class numbers.
    log_probabilities : float array, shape (n, classes)
        Mean over a clip's segments, then normalised.
    groups, paths : str array, shape (n,)
    """

    classes: list[str]
    labels: np.ndarray
    log_probabilities: np.ndarray
    groups: np.ndarray
    paths: np.ndarray

    @classmethod
    def join(cls, results: Sequence["Result"]) -> "Result":
        """The clips of several results as one, for cross-validation."""
        names = ("labels", "log_probabilities", "groups", "paths")
        return cls(results[0].classes, *(np.concatenate([getattr(r, name) for r in results]) for name in names))

    @property
    def predictions(self) -> np.ndarray:
        """Class number that each clip was given, shape (n,)."""
        return self.log_probabilities.argmax(axis=1)

    @property
    def n(self) -> int:
        """Number of clips."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of the clips that were named rightly, in [0, 1]."""
        return float((self.predictions == self.labels).mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of the accuracy, by bootstrap over groups."""
        return group_interval(self.predictions == self.labels, self.groups)

    @property
    def confusion(self) -> np.ndarray:
        """Counts, shape (classes, classes): rows are true classes, columns are predicted ones."""
        return confusion_matrix(self.labels, self.predictions, labels=range(len(self.classes)))

    @property
    def per_class(self) -> pd.DataFrame:
        """Precision, recall, F1 and number of clips of each class."""
        columns = precision_recall_fscore_support(
            self.labels, self.predictions, labels=range(len(self.classes)), zero_division=0
        )
        return pd.DataFrame(dict(zip(("precision", "recall", "f1", "n"), columns, strict=True)), index=self.classes)

    @property
    def mistakes(self) -> pd.DataFrame:
        """Clips that were named wrongly, the surest first: path, label, predicted, probability of that."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        names = np.asarray(self.classes)
        table = pd.DataFrame(
            {
                "path": self.paths[wrong],
                "label": names[self.labels[wrong]],
                "predicted": names[self.predictions[wrong]],
                "probability": np.exp(self.log_probabilities[wrong].max(axis=1)),
            }
        )
        return table.sort_values("probability", ascending=False, ignore_index=True)

    @property
    def confusions(self) -> pd.DataFrame:
        """What is mistaken for what, the most frequent first: label, predicted, count, share, paths.

        ``share`` is that of the label's clips; ``paths`` lists the clips to listen to, the surest mistake first.
        """
        size = np.bincount(self.labels, minlength=len(self.classes))
        rows = [
            {
                "label": label,
                "predicted": predicted,
                "count": len(clips),
                "share": len(clips) / size[self.classes.index(label)],
                "paths": clips["path"].tolist(),
            }
            for (label, predicted), clips in self.mistakes.groupby(["label", "predicted"])
        ]
        table = pd.DataFrame(rows, columns=["label", "predicted", "count", "share", "paths"])
        return table.sort_values(["count", "share"], ascending=False, ignore_index=True, kind="stable")

    def save(self, path: str | Path) -> Path:
        """Write a CSV file in UTF-8: path, group, label, predicted, then the log-probability of each class."""
        names = np.asarray(self.classes)
        table = pd.DataFrame(
            {
                "path": self.paths,
                "group": self.groups,
                "label": names[self.labels],
                "predicted": names[self.predictions],
            }
        )
        values = pd.DataFrame(self.log_probabilities, columns=[f"log p({name})" for name in self.classes])
        with replacing(path) as unfinished:
            table.join(values).to_csv(unfinished, index=False, encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> "Result":
        """Read what :meth:`save` has written, to the last bit.

        Raises
        ------
        RunError
            The file is missing or something else.
        """
        columns = ("path", "group", "label", "predicted")
        try:  # all as text, since "NA" and "007" are names too, and numpy reads numbers to the last bit
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            values = table.iloc[:, 4:].to_numpy(dtype=np.float64)
        except FileNotFoundError as error:
            raise RunError(f"{path}: no such file; expected predictions of a run, as its test writes them") from error
        except ValueError as error:
            raise RunError(f"{path}: expected a table of predictions, found something else ({error})") from error
        if tuple(table.columns[:4]) != columns:
            raise RunError(f"{path}: expected the columns {', '.join(columns)} first, found {list(table.columns[:4])}")
        classes = [name.removeprefix("log p(").removesuffix(")") for name in table.columns[4:]]
        labels = pd.Index(classes).get_indexer(table["label"])
        if (labels < 0).any():
            raise RunError(
                f"{path}: expected labels among {', '.join(classes)}, found {table['label'][labels < 0].iloc[0]!r}"
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
        """Accuracy, interval, n, table and confusion matrix, as JSON can hold them."""
        return {
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "n": self.n,
            "groups": len(np.unique(self.groups)),
            "per_class": self.per_class.to_dict(orient="index"),
            "confusion": self.confusion.tolist(),
            "classes": self.classes,
        }
