"""Test results: accuracy with its interval, metrics of each class, and mistakes. Saved and loaded as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from musiclab.core.errors import RunError, shortened
from musiclab.core.files import write_csv
from musiclab.metrics.intervals import group_interval

_COLUMNS = ["path", "group", "label", "predicted"]  # first columns of a saved result


@dataclass(frozen=True)
class Result:
    """Predictions of a model for n test clips, with the metrics computed from them.

    Attributes
    ----------
    classes : list of str
        Names of the classes.
    labels : int array, shape (n,)
        Index of each clip's true class.
    log_probabilities : float array, shape (n, classes)
        Natural logarithms of each clip's class probabilities. They are averaged over the segments of the clip, and
        normalised so that the probabilities add up to 1.
    groups : str array, shape (n,)
        Group of each clip, such as its artist.
    paths : str array, shape (n,)
        Path of each clip.

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
        """Combine several results, such as the folds of a cross-validation, into one.

        Parameters
        ----------
        results : sequence of Result
            Results with the same classes.

        Returns
        -------
        Result
            Result for the clips of all results, in their order.

        Raises
        ------
        RunError
            The results have different classes, or the same in another order.

        Examples
        --------
        >>> clip = np.array(["1.wav"])
        >>> fold = Result(["jazz", "rock"], np.array([0]), np.log([[0.9, 0.1]]), groups=clip, paths=clip)
        >>> Result.join([fold, fold]).n
        2
        """
        for result in results:
            if result.classes != results[0].classes:
                expected, found = ", ".join(results[0].classes), ", ".join(result.classes)
                raise RunError(f"expected results with the classes {expected} in this order, found {found}")
        names = ("labels", "log_probabilities", "groups", "paths")
        return cls(results[0].classes, *(np.concatenate([getattr(r, name) for r in results]) for name in names))

    @classmethod
    def average(cls, results: Sequence["Result"]) -> "Result":
        """Combine the results of several models on the same clips into one, an ensemble.

        Parameters
        ----------
        results : sequence of Result
            Results with the same classes, for the same clips in any order.

        Returns
        -------
        Result
            Result whose log-probabilities are the normalised means over all models.

        Raises
        ------
        RunError
            The results are for different clips or classes, or a clip has another label in one of them.

        Examples
        --------
        >>> clip = np.array(["1.wav"])
        >>> first = Result(["jazz", "rock"], np.array([0]), np.log([[0.9, 0.1]]), groups=clip, paths=clip)
        >>> second = replace(first, log_probabilities=np.log([[0.4, 0.6]]))
        >>> np.exp(Result.average([first, second]).log_probabilities).round(2)
        array([[0.71, 0.29]])
        """
        first, scores = results[0], []
        for result in results:
            if result.classes != first.classes or sorted(result.paths) != sorted(first.paths):
                raise RunError("expected results for the same clips and classes, such as runs on the same folds")
            rows = pd.Index(result.paths).get_indexer(first.paths)
            if (differ := result.labels[rows] != first.labels).any():
                clip = np.flatnonzero(differ)[0]
                found = [first.classes[label] for label in (first.labels[clip], result.labels[rows][clip])]
                raise RunError(
                    f"{first.paths[clip]}: expected the same label in all results, found {' and '.join(found)}"
                )
            scores.append(result.log_probabilities[rows])
        return replace(first, log_probabilities=log_softmax(np.mean(scores, axis=0), axis=1))

    @property
    def predictions(self) -> np.ndarray:
        """Index of the predicted class of each clip, an int array of shape (n,)."""
        return self.log_probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """True for each correctly classified clip, a bool array of shape (n,)."""
        return self.predictions == self.labels

    @property
    def n(self) -> int:
        """Number of clips."""
        return len(self.labels)

    @property
    def group_count(self) -> int:
        """Number of groups that the clips belong to."""
        return len(np.unique(self.groups))

    @property
    def accuracy(self) -> float:
        """Share of correctly classified clips, in [0, 1]."""
        return float(self.correct.mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of the accuracy, a pair ``(low, high)`` from :func:`group_interval`."""
        return group_interval(self.correct, self.groups)

    @property
    def confusion(self) -> np.ndarray:
        """Confusion matrix, an int array of shape (classes, classes).

        Entry (i, j) is the number of clips of class i that were classified as class j.
        """
        return confusion_matrix(self.labels, self.predictions, labels=range(len(self.classes)))

    @property
    def per_class(self) -> pd.DataFrame:
        """Table with one row per class: ``precision``, ``recall`` and ``f1`` in [0, 1], and number of clips ``n``."""
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
        """Table of misclassified clips, the most confident first.

        The columns are ``path``, true ``label``, ``predicted`` class, and the ``probability`` of the predicted class.
        """
        probability = np.exp(self.log_probabilities.max(axis=1))
        table = self._table().drop(columns="group").assign(probability=probability)[~self.correct]
        return table.sort_values("probability", ascending=False, ignore_index=True)

    @property
    def confusions(self) -> pd.DataFrame:
        """Table of confused pairs of classes, the most frequent first.

        The columns are the true ``label``, the ``predicted`` class, the ``count`` of such clips, their ``share`` in all
        clips with this label, and their ``paths``, the most confident mistake first.
        """
        table = self.mistakes.groupby(["label", "predicted"])["path"].agg(count="size", paths=list).reset_index()
        share = table["count"] / table["label"].map(self._table()["label"].value_counts())
        table.insert(3, "share", share)
        return table.sort_values(["count", "share"], ascending=False, ignore_index=True, kind="stable")

    def save(self, path: str | Path) -> Path:
        """Write the predictions to a CSV file in UTF-8.

        The columns are ``path``, ``group``, ``label``, ``predicted``, and the log-probability of each class.

        Parameters
        ----------
        path : path
            Path of the CSV file.

        Returns
        -------
        pathlib.Path
            Path of the written file.
        """
        values = pd.DataFrame(self.log_probabilities, columns=[f"log p({name})" for name in self.classes])
        return write_csv(path, self._table().join(values))

    @classmethod
    def load(cls, path: str | Path) -> "Result":
        """Read a result from a CSV file that :meth:`save` wrote.

        Parameters
        ----------
        path : path
            Path of the CSV file.

        Returns
        -------
        Result
            The saved result.

        Raises
        ------
        RunError
            The file is missing or invalid.
        """
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
        return (
            f"accuracy {100 * self.accuracy:.1f} %, 95 % interval {100 * low:.1f} to {100 * high:.1f} %, "
            f"n = {self.n} clips in {self.group_count} groups"
        )

    def to_dict(self) -> dict:
        """Return the metrics of the result as a dictionary that can be saved as JSON.

        Returns
        -------
        dict
            ``accuracy``, ``ci95``, number of clips ``n``, number of ``groups``, ``per_class``, ``confusion`` and
            ``classes``.
        """
        return {
            "accuracy": self.accuracy,
            "ci95": list(self.ci95),
            "n": self.n,
            "groups": self.group_count,
            "per_class": self.per_class.to_dict(orient="index"),
            "confusion": self.confusion.tolist(),
            "classes": self.classes,
        }
