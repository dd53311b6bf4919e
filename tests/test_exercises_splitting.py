"""The checks of lesson 05: how many clips, which p, folds, the interval of a difference, a smaller leak."""

import numpy as np
import pandas as pd
import pytest
from exercise_cases import check_right, check_wrong
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from musiclab.metrics import Result
from musiclab.runs.leakage import Leak


def test_clips_that_an_interval_needs():
    fewest = next(n for n in range(1, 10_000) if 1.96 * np.sqrt(0.85 * 0.15 / n) <= 0.03)
    check_right("05.1", (fewest, 10 * fewest))
    check_right("05.1", (544.2, 5442))
    check_wrong("05.1", (4 * fewest, 40 * fewest), "independent: four times", hidden=(545,))  # 3 points in all
    check_wrong("05.1", (fewest, fewest), "ten an artist: ten times too small", hidden=(5450,))
    check_wrong("05.1", fewest, "expected 2 numbers")


def test_p_counts_both_sides():
    check_right("05.2", (20 / 512, 2 / 512))
    check_wrong("05.2", (10 / 512, 1 / 512), "8 of nine: one-sided", "9 of nine: one-sided", hidden=("0.039",))
    check_wrong("05.2", (18 / 512, 2 / 512), "8 of nine: not yet", hidden=("0.039",))


@pytest.fixture
def index():
    """Two classes of twenty slices, by recordings of three, two and one."""
    sizes = [3, 1, 3, 1, 3, 1, 3, 1, 2, 2]
    groups = np.repeat(np.arange(20), sizes * 2)
    return pd.DataFrame({"label": np.repeat(["dog", "siren"], 20), "group": groups.astype(str)})


def test_folds_keep_recordings_whole_and_classes_even(index):
    by_recording = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5] * 2
    folds = np.array(by_recording)[index["group"].astype(int)]
    assert "0 recordings in two folds, 4 to 4" in check_right("05.3", folds, index=index)
    check_right("05.3", folds.tolist(), index=index.set_index(np.arange(40) + 7))
    check_wrong("05.3", np.tile([1, 2, 3, 4, 5], 8), "recordings in two folds, 4 to 4", index=index)
    uneven = np.where(folds == 1, 2, np.where(folds == 2, 1, folds))
    uneven[index["group"] == "1"] = 1
    check_wrong("05.3", uneven, "0 recordings in two folds, 3 to 5", index=index)
    check_wrong("05.3", folds - 1, "numbers from 1 to 5", index=index)
    check_wrong("05.3", folds[:30], "40 numbers", index=index)


def result(correct: np.ndarray, groups: np.ndarray) -> Result:
    """Of clips of class 0, some of them taken for class 1."""
    shares = np.where(np.asarray(correct)[:, None], [0.9, 0.1], [0.1, 0.9])
    names = np.array([f"{number:03d}.wav" for number in range(len(correct))])
    return Result(["a", "b"], np.zeros(len(correct), int), np.log(shares), groups.astype(str), names)


@pytest.fixture
def two_results():
    """Of 200 clips of 40 artists who are hard or easy; the first is better at some artists' clips."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    gain = np.repeat(rng.choice([-1, 0, 0, 1, 1], 40), 5)
    agree = rng.random(200) < 0.3
    second = rng.random(200) < 0.5
    first = np.where(agree | (gain == 0), second, gain > 0)
    return {"first": result(first, groups), "second": result(np.where(agree | (gain == 0), second, gain < 0), groups)}


def interval(first: Result, second: Result, units) -> np.ndarray:
    """By bootstrap over ``units``, 4,000 draws of another seed than the check's."""
    ahead = (first.predictions == first.labels).astype(int) - (second.predictions == second.labels)
    rows = [np.flatnonzero(units == unit) for unit in np.unique(units)]
    rng = np.random.default_rng(5)
    drawn = (np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))]) for _ in range(4000))
    return np.percentile([ahead[each].mean() for each in drawn], [2.5, 97.5])


def test_the_interval_of_a_difference_is_drawn_by_artists(two_results):
    first, second = two_results.values()
    low, high = interval(first, second, first.groups)
    check_right("05.4", (low, high), first=first, second=second)
    turned = Result(
        second.classes, second.labels[::-1], second.log_probabilities[::-1], second.groups[::-1], second.paths[::-1]
    )
    check_right("05.4", (low, high), first=first, second=turned)
    hidden = (f"{low:.2f}", f"{high:.2f}")
    check_wrong("05.4", (100 * low, 100 * high), "those are points", hidden=hidden, **two_results)
    check_wrong("05.4", (high, low), "lower end first", **two_results)
    check_wrong("05.4", interval(first, second, first.paths), hidden=hidden, **two_results)
    check_wrong("05.4", low, "expected 2 numbers", **two_results)


def test_an_interval_by_clips_that_is_nearly_the_same_is_told_too():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(100), 3)
    ease = np.repeat(rng.normal(0, 0.12, 100), 3)
    one, other = (result(rng.random(300) < 0.7 + sign * ease, groups) for sign in (1, -1))
    given = {"first": one, "second": other}
    by_artist, by_clip = interval(one, other, one.groups), interval(one, other, one.paths)
    assert np.abs(by_artist - by_clip).max() < 0.02
    check_right("05.4", by_artist, **given)
    check_wrong("05.4", by_clip, **given)


@pytest.fixture
def leaky():
    """A leak of 30 points, and an honest accuracy of a half."""
    groups = np.arange(20)
    return Leak("SVC", "small", "clip", result(groups < 16, groups), result(groups < 10, groups))


def test_a_classifier_may_leak_less(small_store, leaky):
    said = check_right("05.5", SVC(C=5), store=small_store, to_beat=leaky)
    assert "SVC: 50.0 % of 20 clips of whole groups, +30.0 points" in said.replace("50.0%", "50.0 %")
    none = Leak("SVC", "small", "clip", leaky.honest, leaky.honest)
    check_wrong("05.5", SVC(C=5), "leaks no less", store=small_store, to_beat=none)
    check_wrong("05.5", KNeighborsClassifier(16), "worse with new artists", store=small_store, to_beat=perfect())
    check_wrong("05.5", SVC, "such as SVC(C=1)", store=small_store, to_beat=leaky)
    check_wrong("05.5", "SVC", "expected a scikit-learn classifier", store=small_store, to_beat=leaky)


def perfect() -> Leak:
    """Nothing wrong by new artists, and 200 points by a leak that cannot be: anything leaks less."""
    groups = np.arange(20)
    leak = Leak("SVC", "small", "clip", result(groups < 20, groups), result(groups < 20, groups))
    object.__setattr__(leak, "leaky", type("Best", (), {"accuracy": 3.0})())
    return leak
