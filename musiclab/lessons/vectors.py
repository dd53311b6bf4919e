"""Exercises on feature vectors: parameters, artists who meet, a leak by choosing columns, means or deviations."""

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, numbers, right, wrong
from musiclab.lessons.trainings import lower_loss

COLUMNS = 20
"""Of the noise that exercise 3 keeps."""


@exercise("07.1")
def parameters_of_128_inputs(answer) -> Verdict:
    """Parameters of the feature network with 128 inputs in place of 26, for ten classes."""
    from musiclab.models import count_parameters, create

    return number(answer, count_parameters(create("mlp", classes=10, inputs=128)), "parameters")


@exercise("07.2")
def artists_meet(answer) -> Verdict:
    """How probable it is that another track of a tested track's artist trains: 30 tracks, 3 an artist, 5 folds of 6."""
    neither = 5 / 29 * 4 / 28  # both others are in the fold, of whose 6 places the tested track has one
    if number(answer, neither, within=0.02).right:
        return wrong("that is how probable it is that no other track trains")
    return number(answer, 1 - neither, note=f"counted: {_share_met(2000):.3f}")


def _share_met(times: int) -> float:
    """The same, counted: the tracks of a genre are dealt out so many times."""
    rng = np.random.default_rng(0)
    artist, met = np.repeat(np.arange(10), 3), 0
    for _ in range(times):
        fold = rng.permutation(np.repeat(np.arange(5), 6))
        together = (artist[:, None] == artist) & (fold[:, None] == fold)
        met += (together.sum(axis=1) < 3).sum()
    return met / (times * len(artist))


@exercise("07.3")
def columns_without_leak(answer, noise: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Verdict:
    """A pipeline that chooses 20 of the columns of ``noise`` within each fold, and so learns nothing from it.

    Parameters
    ----------
    answer
        A scikit-learn pipeline.
    noise : array, shape (clips, 1000)
    labels, folds : array, shape (clips,)
    """
    from sklearn.base import clone
    from sklearn.feature_selection import SelectKBest
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    if not isinstance(answer, Pipeline):
        return wrong(f"expected a pipeline, found an object of type {type(answer).__name__}")
    if len(answer) < 2 or clone(answer).fit(noise, labels)[:-1].transform(noise).shape[1] != COLUMNS:
        return wrong(f"expected {COLUMNS} of the columns in front of the last step")
    chosen = SelectKBest(k=COLUMNS).fit_transform(noise, labels)  # with the labels of tested clips: the leak
    leaky = _crossvalidated(make_pipeline(StandardScaler(), SVC(C=5)), chosen, labels, folds)
    honest = _crossvalidated(answer, noise, labels, folds)
    said = f"{honest:.1%} of {len(labels)} clips by noise; chosen on all clips {leaky:.1%}"
    return right(said) if honest < leaky - 0.08 else wrong(f"the labels of tested clips still help: {said}")


@exercise("07.4")
def means_or_deviations(answer, store, folds: np.ndarray) -> list[Verdict]:
    """Accuracy of an SVM (C = 5) on the means over time alone, and on the deviations alone.

    Parameters
    ----------
    answer
        Two shares.
    store : musiclab.store.Store
        With a full summary.
    folds : array, shape (clips,)
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    values, truths = store.read_all("summary").astype(float), {}
    for name, end in (("means", "_mean"), ("deviations", "_deviation")):
        half = [column.endswith(end) for column in store.names("summary")]
        svm = make_pipeline(StandardScaler(), SVC(C=5))
        truths[name] = _crossvalidated(svm, values[:, half], store.labels, folds)
    verdicts = numbers(answer, truths, within=0, absolute=0.002)
    turned = numbers(answer, dict(zip(truths, reversed(truths.values()), strict=True)), within=0, absolute=0.002)
    if not all(verdict.right for verdict in verdicts) and all(verdict.right for verdict in turned):
        return [wrong("the two are exchanged: first the means")]
    return verdicts


def _crossvalidated(classifier, values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    return float((cross_val_predict(classifier, values, labels, cv=PredefinedSplit(folds)) == labels).mean())


@exercise("07.5")
def lower_loss_of_vectors(answer, history) -> Verdict:
    """A training with a lower validation loss than the lesson's, by any means."""
    return lower_loss(answer, history)
