"""Fit a probe: logistic regression on embeddings, with a strength chosen inside the training set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from musiclab.core.errors import RunError
from musiclab.models.base import without_zeros
from musiclab.models.probe import Probe
from musiclab.training.inference import normalise

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Inverse regularisation strengths that are tried. Large values let the weights grow."""

DEFAULT_STRENGTH = 100.0
FOLDS = 5
LARGE = 2000  # examples; a larger training set is validated on one fold instead of five
VARIANCE = 0.9  # share of the variance that the axes for distances cover
_ABSENT = -30.0  # logit of a class without training examples
_FAR = 1e6  # coordinates of its centre


@dataclass(frozen=True)
class ProbeFit:
    """A probe, and how it was fitted.

    Attributes
    ----------
    model : Probe
        The fitted probe.
    parts : tuple of str
        Encoders that the probe uses. The weights of all others are 0.
    strength : float
        Inverse regularisation strength.
    table : pandas.DataFrame
        One row per combination that was tried: ``parts``, ``strength``, and ``valid_loss`` and ``valid_accuracy`` in a
        cross-validation inside the training set. Empty if the training set is too small for one.
    labels : int array, shape (n,)
        Class indices of the training examples that the cross-validation tested.
    log_probabilities : array, shape (n, classes)
        Log-probabilities of these examples, each from a probe that was not trained on it.
    novelties : array, shape (n,)
        Distances of these examples from all classes (:meth:`musiclab.models.Probe.novelty`), from the same probes.
    """

    model: Probe
    parts: tuple[str, ...]
    strength: float
    table: pd.DataFrame
    labels: np.ndarray
    log_probabilities: np.ndarray
    novelties: np.ndarray


def fit_probe(
    classes: int, embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray, parts: dict[str, int], seed: int = 0
) -> ProbeFit:
    """Fit a probe.

    Each value is standardised and divided by the square root of their number, so that strengths are comparable between
    encoders. A cross-validation by group, inside these examples, chooses the strength of the regularisation. If there
    are several encoders, it also chooses between each of them alone and the mean of their logits, and prefers the mean
    if the difference is within one standard error.

    Parameters
    ----------
    classes : int
        Number of classes.
    embeddings : array, shape (n, dimensions)
        Mean embedding of each training clip.
    labels : int array, shape (n,)
        Class index of each clip.
    groups : array, shape (n,)
        Group of each clip. Clips of a group are never on both sides of a split.
    parts : dict of str to int
        Number of values of each encoder, in the order of the embeddings.
    seed : int, default 0
        Random seed of the folds.

    Returns
    -------
    ProbeFit
        Probe, chosen encoders and strength, and the results of the cross-validation.

    Raises
    ------
    RunError
        There are examples of fewer than two classes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(40) % 2
    >>> embeddings = rng.normal(labels[:, None], 1, size=(40, 8))  # two classes that overlap
    >>> fitted = fit_probe(2, embeddings, labels, groups=np.arange(40), parts={"summary": 8})
    >>> fitted.parts, fitted.model(torch.zeros(1, 8, 1)).shape
    (('summary',), torch.Size([1, 2]))
    """
    if len(np.unique(labels)) < 2:
        raise RunError(f"expected examples of at least two classes, found {len(np.unique(labels))}")
    folds = make_folds(labels, groups, seed)
    tested = np.concatenate([np.zeros(0, np.int64), *(test for _, test in folds)])
    tried = _cross_validate(embeddings, labels, folds, parts, classes) if folds else {}
    rows, losses = [], {}
    for (choice, strength), scores in tried.items():
        losses[choice, strength] = -scores[np.arange(len(tested)), labels[tested]]
        row = {"parts": "+".join(choice), "strength": strength, "valid_loss": losses[choice, strength].mean()}
        rows.append(row | {"valid_accuracy": (scores.argmax(1) == labels[tested]).mean()})
    table = pd.DataFrame(rows)
    choice, strength = _choose(losses, tuple(parts)) if tried else (tuple(parts), DEFAULT_STRENGTH)
    best_scores, novelties = tried.get((choice, strength), np.zeros((0, classes))), [np.zeros(0)]
    for train, test in folds:
        fold_model = Regression(embeddings[train], labels[train], parts, choice).fit(strength).to_model(classes)
        novelties.append(fold_model.novelty(torch.from_numpy(embeddings[test]).float()).numpy())
    model = Regression(embeddings, labels, parts, choice).fit(strength).to_model(classes)
    return ProbeFit(model, choice, strength, table, labels[tested], best_scores, np.concatenate(novelties))


def _choose(losses: dict[tuple[tuple[str, ...], float], np.ndarray], everything: tuple[str, ...]) -> tuple:
    """Choose the lowest mean loss, but prefer all encoders if they are within one standard error of it."""

    def mean_loss(key: tuple) -> float:
        return losses[key].mean()

    best, together = min(losses, key=mean_loss), min((key for key in losses if key[0] == everything), key=mean_loss)
    differences = losses[together] - losses[best]
    standard_error = differences.std() / np.sqrt(len(differences))
    return together if differences.mean() <= standard_error else best


def make_folds(labels: np.ndarray, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split examples into folds by group, as pairs of training and test rows.

    Returns an empty list if a class has fewer than two groups.
    """
    groups_per_class = [len(np.unique(groups[labels == label])) for label in np.unique(labels)]
    count = min(FOLDS, *groups_per_class)
    if count < 2:
        return []
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    folds = list(splitter.split(labels, labels, groups))
    complete = [fold for fold in folds if len(np.unique(labels[fold[0]])) == len(groups_per_class) and len(fold[1])]
    return complete[:1] if len(labels) > LARGE else complete


def _cross_validate(
    embeddings: np.ndarray, labels: np.ndarray, folds, parts: dict[str, int], classes: int
) -> dict[tuple[tuple[str, ...], float], np.ndarray]:
    """Return the log-probabilities of the test rows of all folds, for each encoder and for all, and each strength."""
    scores = {}
    for part in parts:
        regressions = [Regression(embeddings[train], labels[train], parts, (part,)) for train, _ in folds]
        for strength in STRENGTHS:
            tests = zip(regressions, folds, strict=True)
            fold_scores = [regression.fit(strength).score(embeddings[test], classes) for regression, (_, test) in tests]
            scores[(part,), strength] = np.concatenate(fold_scores)
    if len(parts) > 1:
        for strength in STRENGTHS:
            scores[tuple(parts), strength] = normalise(np.mean([scores[(part,), strength] for part in parts], axis=0))
    return scores


class Regression:
    """Logistic regression on standardised embeddings.

    It works in the space that the examples span, which has the same optimum and fewer dimensions. With several
    encoders, there is one regression for each, and their logits are averaged. The result is still linear, and on real
    recordings it was better than one regression on all values.

    Parameters
    ----------
    embeddings, labels, parts
        As in :func:`fit_probe`.
    choice : sequence of str, optional
        Encoders to use. By default, all.
    """

    def __init__(
        self,
        embeddings: np.ndarray,
        labels: np.ndarray,
        parts: dict[str, int],
        choice: Sequence[str] | None = None,
    ):
        embeddings, self._targets = embeddings.astype(np.float64), labels
        self.mean = embeddings.mean(axis=0)
        self.deviation = without_zeros(torch.from_numpy(embeddings.std(axis=0)), torch.from_numpy(self.mean)).numpy()
        standardised, self._spans, start = self._standardise(embeddings), [], 0
        for name, size in parts.items():
            if choice is None or name in choice:
                columns = slice(start, start + size)
                _, sizes, axes = np.linalg.svd(standardised[:, columns] / np.sqrt(size), full_matrices=False)
                axes = axes[sizes > 1e-9 * max(sizes[0], 1e-9)] if sizes[0] else axes[:1]
                self._spans.append((columns, axes.T / np.sqrt(size)))  # from standardised values to coordinates
            start += size
        self._coordinates = [standardised[:, columns] @ to_span for columns, to_span in self._spans]

    def _standardise(self, embeddings: np.ndarray) -> np.ndarray:
        return (embeddings - self.mean) / self.deviation

    def fit(self, strength: float = DEFAULT_STRENGTH) -> "Regression":
        """Fit the weights and biases with an inverse regularisation strength, and return the regression."""
        self.labels = np.unique(self._targets)
        self.weights, self.biases = np.zeros((len(self.labels), len(self.mean))), np.zeros(len(self.labels))
        for (columns, to_span), coordinates in zip(self._spans, self._coordinates, strict=True):
            regression = LogisticRegression(C=strength, max_iter=2000).fit(coordinates, self._targets)
            weights, biases = regression.coef_, regression.intercept_
            if len(self.labels) == 2:  # scikit-learn has one row of weights for two classes
                weights, biases = np.concatenate([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2
            self.weights[:, columns] = weights @ to_span.T / len(self._spans)
            self.biases += biases / len(self._spans)
        return self

    def score(self, embeddings: np.ndarray, classes: int) -> np.ndarray:
        """Compute log-probabilities, shape (n, classes)."""
        logits = np.full((len(embeddings), classes), _ABSENT)
        logits[:, self.labels] = self._standardise(embeddings) @ self.weights.T + self.biases
        return normalise(logits)

    def to_model(self, classes: int) -> Probe:
        """Create a probe with these weights, and with the distances that its method ``novelty`` measures."""
        joined = np.hstack(self._coordinates)
        _, sizes, axes = np.linalg.svd(joined, full_matrices=False)
        shares = np.cumsum(sizes**2) / max((sizes**2).sum(), 1e-12)
        axes = axes[: 1 + np.searchsorted(shares, VARIANCE)]
        points, start, to_axes = joined @ axes.T, 0, np.zeros((len(self.mean), len(axes)))
        for columns, to_span in self._spans:
            to_axes[columns] = to_span @ axes[:, start : start + to_span.shape[1]].T
            start += to_span.shape[1]
        centres = np.full((classes, len(axes)), _FAR)
        for label in self.labels:
            centres[label] = points[self._targets == label].mean(axis=0)
        model = Probe(classes, len(self.mean), len(axes))
        model.standardise_by(self.mean, self.deviation)
        with torch.no_grad():
            model.output.weight.zero_()
            model.output.bias.fill_(_ABSENT)
            model.output.weight[self.labels] = torch.from_numpy(self.weights).float()
            model.output.bias[self.labels] = torch.from_numpy(self.biases).float()
            model.axes.copy_(torch.from_numpy(to_axes.T))
            model.centres.copy_(torch.from_numpy(centres))
            model.within.copy_(torch.from_numpy(_whitening(points - centres[self._targets])))
            model.overall.copy_(torch.from_numpy(_whitening(points)))
        return model.eval()


def _whitening(points: np.ndarray) -> np.ndarray:
    """Return the matrix that gives points, shape (n, axes) with a mean of 0, a spread of 1 in all directions."""
    covariance, _ = ledoit_wolf(points, assume_centered=True)
    return np.linalg.cholesky(np.linalg.inv(covariance + 1e-12 * np.eye(len(covariance))))
