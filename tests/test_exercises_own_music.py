"""Checks of lesson 12: right answers are right, usual slips are named, and no answer is given away."""

import numpy as np
import pandas as pd
import pytest

from musiclab.lessons import find, judge
from musiclab.metrics import Result

NAMES = [
    f"{home}_{day}_{sound}_{take}.wav"
    for home in ("anna", "ben", "carla")
    for day in ("monday", "friday")
    for sound in ("kettle", "tap", "fridge")
    for take in (1, 2)
]
WINDOWS = pd.DataFrame(
    {
        "start": [0.0, 1.0, 2.0, 3.0],
        "end": [3.0, 4.0, 5.0, 6.0],
        "class": ["siren", "siren", "dog", "siren"],
        "probability": [0.9, 0.8, 0.7, 0.6],
    }
)
"""Limits at 2, 3 and 4 s: a siren for 3 s, a dog for 1 s, a siren for 2 s."""


def words(place):
    return [name.split("_")[place] for name in NAMES]


def said(name, answer, **given):
    return judge(find(name), answer, **given)


def test_room_is_right_to_half_a_per_cent():
    assert all(verdict.right for verdict in said("12.1", (1036.8, 158.8, 39.7)))


@pytest.mark.parametrize(
    ("answer", "hints"),
    [
        ((518.4, 158.8, 39.7), ["half", "right", "right"]),  # one channel
        ((1036.8 * 8, 158.8, 79.4), ["bits, or bytes", "right", "twice"]),
        ((1.0368, 0.1588, 0.0397), ["look at the unit"] * 3),
        ((1036.8, 158.8), ["expected 3 numbers"]),
        (1036.8, ["expected 3 numbers"]),
    ],
)
def test_slips_in_the_room_are_named(answer, hints):
    verdicts = said("12.1", answer)
    assert len(verdicts) == len(hints)
    for verdict, hint in zip(verdicts, hints, strict=True):
        assert hint in verdict.text
        assert verdict.right == (hint == "right")


@pytest.mark.parametrize("answer", [words(0), [ord(home[0]) for home in words(0)], np.array(words(0))])
def test_a_group_a_home_is_right_whatever_it_is_called(answer):
    (verdict,) = said("12.2", answer, names=NAMES)
    assert verdict.right


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (NAMES, "a group of its own"),
        (words(2), "the labels"),
        ([home + day for home, day in zip(words(0), words(1), strict=True)], "the clips of anna are in 2 groups"),
        (["anna" if home == "ben" else home for home in words(0)], "several homes"),
        (words(0)[:-1], "expected a list of 36 groups"),
        ("anna", "expected a list of 36 groups"),
        (3, "expected a list of 36 groups"),
    ],
)
def test_other_groups_are_told_why_not(answer, hint):
    (verdict,) = said("12.2", answer, names=NAMES)
    assert not verdict.right
    assert hint in verdict.text


def test_each_moment_of_a_sound_counts_once():
    assert said("12.3", 5.0, windows=WINDOWS, label="siren")[0].right
    assert said("12.3", 1.0, windows=WINDOWS, label="dog")[0].right


@pytest.mark.parametrize(("answer", "hint"), [(9.0, "overlap"), (2.5, "half"), (3, "too small"), ("5 s", "text")])
def test_other_lengths_are_told_and_the_true_one_is_not(answer, hint):
    (verdict,) = said("12.3", answer, windows=WINDOWS, label="siren")
    assert not verdict.right
    assert hint in verdict.text
    assert "5" not in verdict.text


@pytest.fixture
def heard():
    """Forty clips of two classes, the surest first; the eleventh and the last twenty are named wrongly."""
    sure = np.linspace(0.99, 0.6, 40)
    labels = np.zeros(40, dtype=int)
    labels[[10, *range(20, 40)]] = 1
    values = np.log(np.stack([sure, 1 - sure], axis=1))
    return Result(["a", "b"], labels, values, np.arange(40).astype(str), np.arange(40).astype(str))


@pytest.mark.parametrize("answer", [0.791, 0.799])  # names twenty, of which nineteen are right: 95 %
def test_a_threshold_that_names_enough_and_is_right_enough_is_right(heard, answer):
    (verdict,) = said("12.4", answer, heard=heard)
    assert verdict.right
    assert "clips" in verdict.text


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.5, "it names 40 of 40 clips, 19 of them rightly: less than 95%"),
        (0.78, "less than 95%"),
        (0.95, "more could be named"),
        (1.0, "names nothing"),
        (80, "from 0 to 1"),
        ("high", "expected a number"),
        (float("nan"), "finite"),
    ],
)
def test_other_thresholds_are_told_what_they_do(heard, answer, hint):
    (verdict,) = said("12.4", answer, heard=heard)
    assert not verdict.right
    assert hint in verdict.text
