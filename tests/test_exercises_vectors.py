"""The checks of lesson 07: parameters, artists who meet, a leak by choosing columns, means or deviations."""

from types import SimpleNamespace

import numpy as np
import pytest
from exercise_cases import check_right, check_wrong
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def test_parameters_with_more_inputs():
    check_right("07.1", 128 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10)
    check_wrong("07.1", 48_714, "too small", hidden=(74826,))
    check_wrong("07.1", 74_826 - 256, "too small", hidden=(74826,))  # the offsets left out


def test_artists_meet_as_often_as_counted():
    said = check_right("07.2", 1 - 5 / 29 * 4 / 28)
    assert "counted: 0.97" in said
    check_right("07.2", 0.975)
    check_wrong("07.2", 5 / 29 * 4 / 28, "no other track trains", hidden=("0.97",))
    check_wrong("07.2", 97.5, "per cent", hidden=("0.97",))
    check_wrong("07.2", 1 - (1 / 5) ** 2, "too small", hidden=("0.97",))  # as if the folds had no size


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 40)
    return {"noise": rng.standard_normal((200, 1000)), "labels": labels, "folds": np.tile([1, 2, 3, 4, 5], 40)}


def test_columns_are_chosen_within_the_folds(noise):
    assert "of 200 clips by noise" in check_right("07.3", make_pipeline(SelectKBest(k=20), SVC()), **noise)
    check_wrong("07.3", make_pipeline(SelectKBest(k=50), SVC()), "expected 20 of the columns", **noise)
    check_wrong("07.3", make_pipeline(StandardScaler(), SVC()), "expected 20 of the columns", **noise)
    check_wrong("07.3", SVC(), "expected a pipeline", **noise)


class Chosen(SelectKBest):
    """Takes the columns that were best on all clips, whatever it is fitted on."""

    everything = None

    def fit(self, X, y):
        return super().fit(*self.everything)


def test_columns_that_were_chosen_before_are_told(noise):
    Chosen.everything = noise["noise"], noise["labels"]
    check_wrong("07.3", make_pipeline(Chosen(k=20), StandardScaler(), SVC(C=5)), "still help", **noise)


@pytest.fixture
def given():
    """A summary of which the mean says much and the deviation little."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 30)
    values = np.stack([labels + rng.normal(0, 0.3, 120), labels + rng.normal(0, 2, 120)], axis=1)
    names = ("mfcc_0_mean", "mfcc_0_deviation")
    store = SimpleNamespace(labels=labels, read_all=lambda feature: values, names=lambda feature: names)
    return {"store": store, "folds": np.tile([1, 2, 3, 4, 5], 24)}


def test_each_half_of_the_columns_alone(given):
    store, splitter = given["store"], PredefinedSplit(given["folds"])
    svm = make_pipeline(StandardScaler(), SVC(C=5))
    values = store.read_all("summary")
    means, deviations = (
        cross_val_score(svm, values[:, [column]], store.labels, cv=splitter).mean() for column in (0, 1)
    )
    assert means > deviations + 0.2
    hidden = (f"{means:.2f}", f"{deviations:.2f}")
    check_right("07.4", (means, deviations), **given)
    check_wrong("07.4", (deviations, means), "exchanged", hidden=hidden, **given)
    check_wrong("07.4", (100 * means, 100 * deviations), "means: a hundred times", hidden=hidden, **given)
    check_wrong("07.4", (means, deviations + 0.1), "deviations: not yet: too large", hidden=hidden[1:], **given)
    check_wrong("07.4", means, "expected 2 numbers", **given)
