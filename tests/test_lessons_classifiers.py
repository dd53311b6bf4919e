"""Exercises of lessons 00, 11 and 12: right answers, and what usual slips are told."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from lesson_cases import verdict
from torch import nn

from musiclab import lessons, studio
from musiclab.metrics import Result

# Lesson 00


TEMPO = studio.render("reggae", seed=12, seconds=1).record["tempo"]


@pytest.fixture
def result():
    """Forty tracks of ten classes, twenty-six classified correctly."""
    labels = np.arange(40) % 10
    named = np.where(np.arange(40) < 26, labels, (labels + 1) % 10)
    values = np.log(np.full((40, 10), 0.05) + 0.5 * np.eye(10)[named])
    return Result(list("abcdefghij"), labels, values, np.arange(40).astype(str), np.arange(40).astype(str))


@pytest.fixture
def run():
    """A network that takes one track for metal and any other sound for jazz."""
    full = studio.render("metal", seed=1, seconds=2).waveform

    def predict(waveform, sample_rate):
        assert sample_rate == studio.SAMPLE_RATE
        predicted = "metal" if np.array_equal(waveform, full) else "jazz"
        return SimpleNamespace(files=pd.DataFrame({"predicted": [predicted], "p(metal)": [0.7], "p(jazz)": [0.6]}))

    return SimpleNamespace(predict=predict)


def test_the_tempo_of_the_track_is_right():
    assert verdict("00.1", TEMPO).is_right
    assert verdict("00.1", round(TEMPO)).is_right


@pytest.mark.parametrize(
    ("answer", "hint"), [(TEMPO / 60, "seconds and minutes"), (2 * TEMPO, "twice"), ("fast", "string")]
)
def test_another_tempo_is_told_and_the_true_one_is_not(answer, hint):
    judged = verdict("00.1", answer)
    assert not judged.is_right
    assert hint in judged.text
    assert f"{TEMPO:.4g}" not in judged.text


def test_blind_guessing_names_a_tenth(result):
    judged = verdict("00.2", 4, result=result)
    assert judged.is_right
    assert "classified 26 of 40 correctly" in judged.text


@pytest.mark.parametrize(
    ("answer", "hint"), [(0.1, "the share"), (10, "in percent"), (40, "ten times"), (None, "expected"), ("4", "string")]
)
def test_other_guesses_are_told(result, answer, hint):
    judged = verdict("00.2", answer, result=result)
    assert not judged.is_right
    assert hint in judged.text


def test_a_change_that_the_network_falls_for_is_right(run):
    judged = verdict("00.3", studio.render("metal", seed=1, seconds=2, mute="drums"), run=run)
    assert judged.is_right
    assert "the unchanged track is classified as metal (70%), yours as jazz (60%)" in judged.text


@pytest.mark.parametrize(
    ("track", "hint"),
    [
        (studio.render("metal", seed=1, seconds=2), "is exactly the unchanged one"),
        (studio.render("metal", seed=1, seconds=1, mute="drums"), "use at least 2 s"),
        (studio.render("metal", seed=1, seconds=2, mute=studio.STEMS), "You changed 6: mute drums"),
        (studio.render("metal", seed=1, seconds=2, mute="drums", tempo=90), "You changed 2: tempo, mute drums"),
        (
            studio.render("metal", seed=2, seconds=2, mute="drums"),
            "this metal track is classified as jazz (60%)",
        ),
        (studio.render("jazz", seed=1, seconds=2, mute="drums"), "yours still as jazz"),
        (studio.render("metal", seed=1, seconds=2).waveform, "expected the result of studio.render"),
    ],
)
def test_what_is_no_deception_is_told(run, track, hint):
    judged = verdict("00.3", track, run=run)
    assert not judged.is_right
    assert hint in judged.text


# Lesson 13


def by_hand():
    """Exercise 1 as one does it with a pencil: 15 coins, 3 or fewer on one side, twice."""
    return 2 * sum(math.comb(15, k) for k in range(4)) / 2**15


def test_coins():
    assert verdict("13.1", by_hand()).is_right
    assert verdict("13.1", round(by_hand(), 3)).is_right
    half = verdict("13.1", by_hand() / 2)
    assert not half.is_right
    assert "one-sided" in half.text
    assert not verdict("13.1", 0.05).is_right
    assert "0.035" not in half.text + verdict("13.1", 0.05).text


CORRECTED = [0.06, 0.016, 0.06, 0.036]


def test_holm():
    assert verdict("13.2", CORRECTED).is_right
    assert verdict("13.2", np.array(CORRECTED)).is_right


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([0.16, 0.016, 0.12, 0.048], "Bonferroni"),
        ([0.04, 0.016, 0.06, 0.036], "smaller than that of a smaller p"),
        ([0.016, 0.036, 0.06, 0.06], "order of the tests"),
        ([0.06, 0.016], "shape"),
        (0.06, "shape"),
        ("none", "array of numbers"),
    ],
)
def test_slips_with_holm_are_told(answer, words):
    judged = verdict("13.2", answer)
    assert not judged.is_right
    assert words in judged.text
    assert "0.036" not in judged.text


@pytest.fixture
def results():
    """Three models on 40 clips of three classes; one of them knows much more than the others."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 3
    names = labels.astype(str)
    made = {}
    for name, strength in (("weak", 0.3), ("fair", 1.0), ("strong", 3.0)):
        logits = rng.standard_normal((40, 3))
        logits[np.arange(40), labels] += strength
        values = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        made[name] = Result(["a", "b", "c"], labels, values, names, np.arange(40).astype(str))
    return made


def losses(results, normalised=True):
    labels, found = results["weak"].labels, {}
    for out in results:
        mean = np.mean([each.log_probabilities for name, each in results.items() if name != out], axis=0)
        if normalised:
            mean = mean - np.log(np.exp(mean).sum(axis=1, keepdims=True))
        found[out] = -mean[np.arange(40), labels].mean()
    return found


def test_the_model_that_is_missed_most(results):
    truth = losses(results)
    assert max(truth, key=truth.get) == "strong"
    assert all(each.is_right for each in lessons.verdicts("13.3", truth, results=results))


def test_means_that_are_not_normalised_are_told(results):
    judged = lessons.verdicts("13.3", losses(results, normalised=False), results=results)
    assert not any(each.is_right for each in judged)
    assert all("Normalise" in each.text for each in judged)


def test_losses_of_the_wrong_kind_are_told(results):
    missing = verdict("13.3", {"weak": 1.0}, results=results)
    assert "is missing" in missing.text
    bits = {name: value / math.log(2) for name, value in losses(results).items()}
    judged = lessons.verdicts("13.3", bits, results=results)
    assert not any(each.is_right for each in judged)
    assert not any(f"{value:.2f}" in each.text for value in losses(results).values() for each in judged)
    assert not any(each.is_right for each in lessons.verdicts("13.3", "strong", results=results))


class Bass(nn.Module):
    """Two classes; the louder the lowest ten bands, the surer of the first."""

    feature, classes, length = "logmel", 2, 40

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, batch):
        level = 2 * batch[:, :10].mean(dim=(1, 2)) - 1 + self.nothing
        return torch.stack([level, 0 * level], dim=1)


@pytest.fixture(scope="module")
def bass_run():
    from musiclab.features import MelConfig
    from musiclab.runs import hear

    entries = studio.catalogue(2, seconds=1.0, genres=["disco", "hiphop"])
    labels = np.zeros(4, dtype=int)

    def answers(**change):
        sounds = [studio.render(**entry, **change).waveform for entry in entries]
        return hear(Bass(), sounds, studio.SAMPLE_RATE, MelConfig())

    result = SimpleNamespace(labels=labels, log_probabilities=answers())
    run = SimpleNamespace(model=Bass(), settings=SimpleNamespace(feature_settings=MelConfig()), result=result)
    points = 100 * (np.exp(answers(mute="bass")) - np.exp(answers()))[:, 0].mean()
    return run, entries, points


def test_muting_the_bass(bass_run):
    run, entries, points = bass_run
    assert points < -1
    assert verdict("13.4", points, run=run, entries=entries).is_right
    for slip, words in ((-points, "sign"), (points / 100, "hundred times too small")):
        judged = verdict("13.4", slip, run=run, entries=entries)
        assert not judged.is_right
        assert words in judged.text
        assert f"{points:.1f}" not in judged.text


def test_without_the_studio_nothing_can_be_muted(bass_run):
    assert "cannot be checked" in verdict("13.4", -3.0, run=bass_run[0], entries=[]).text


class Corner(nn.Module):
    """Two classes; the sum of the first tenth of the bands decides."""

    def forward(self, batch):
        level = batch[:, :2].mean(dim=(1, 2))
        return torch.stack([5 * level, 0 * level], dim=1)


PICTURES = torch.ones(4, 20, 30)
CORNER = {"model": Corner(), "pictures": PICTURES, "said": np.zeros(4, int)}


def cover(rows):
    mask = torch.zeros_like(PICTURES)
    mask[:, rows] = 1
    return mask


def test_a_better_mask_is_one_that_covers_what_counts():
    best, worse = cover(slice(0, 2)), cover(slice(1, 3))
    assert verdict("13.5", best, **CORNER, to_beat=worse).is_right
    assert verdict("13.5", best.numpy().astype(bool), **CORNER, to_beat=worse).is_right
    for same in (best, worse):
        judged = verdict("13.5", worse, **CORNER, to_beat=same)
        assert not judged.is_right
        assert "not better yet" in judged.text


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (cover(slice(0, 3)), "at most 10% of each picture. One of your masks covers 15.0%"),
        (cover(slice(0, 2))[:2], r"expected masks of shape (4, 20, 30), found (2, 20, 30)"),
        (0.5 * cover(slice(0, 2)), "zeros and ones"),
        ("corner", "type str"),
    ],
)
def test_masks_that_do_not_fit_are_told(mask, words):
    judged = verdict("13.5", mask, **CORNER, to_beat=cover(slice(1, 3)))
    assert not judged.is_right
    assert words in judged.text


def test_the_lesson_has_five_exercises_and_no_answer_is_no_mistake(capsys):
    assert [name for name in lessons.names() if name.startswith("13.")] == [f"13.{number}" for number in range(1, 6)]
    lessons.check("13.1", None)
    assert capsys.readouterr().out == "Exercise 1: no answer yet\n"


# Lesson 14


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


def test_room_is_right_to_half_a_per_cent():
    assert all(each.is_right for each in lessons.verdicts("14.1", (1036.8, 158.8, 39.7)))


@pytest.mark.parametrize(
    ("answer", "hints"),
    [
        ((518.4, 158.8, 39.7), ["half", "correct", "correct"]),  # one channel
        ((1036.8 * 8, 158.8, 79.4), ["bits and bytes", "correct", "twice"]),
        ((1.0368, 0.1588, 0.0397), ["Check the unit"] * 3),
        ((1036.8, 158.8), ["expected 3 numbers"]),
        (1036.8, ["expected 3 numbers"]),
    ],
)
def test_slips_in_the_room_are_named(answer, hints):
    verdicts = lessons.verdicts("14.1", answer)
    assert len(verdicts) == len(hints)
    for each, hint in zip(verdicts, hints, strict=True):
        assert hint in each.text
        assert each.is_right == (hint == "correct")


@pytest.mark.parametrize("answer", [words(0), [ord(home[0]) for home in words(0)], np.array(words(0))])
def test_a_group_a_home_is_right_whatever_it_is_called(answer):
    judged = verdict("14.2", answer, names=NAMES)
    assert judged.is_right


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
    judged = verdict("14.2", answer, names=NAMES)
    assert not judged.is_right
    assert hint in judged.text


def test_each_moment_of_a_sound_counts_once():
    assert verdict("14.3", 5.0, windows=WINDOWS, label="siren").is_right
    assert verdict("14.3", 1.0, windows=WINDOWS, label="dog").is_right


@pytest.mark.parametrize(("answer", "hint"), [(9.0, "overlap"), (2.5, "half"), (3, "too small"), ("5 s", "string")])
def test_other_lengths_are_told_and_the_true_one_is_not(answer, hint):
    judged = verdict("14.3", answer, windows=WINDOWS, label="siren")
    assert not judged.is_right
    assert hint in judged.text
    assert "5" not in judged.text


@pytest.fixture
def heard():
    """Forty clips of two classes, the most confident first; the eleventh and the last twenty are misclassified."""
    sure = np.linspace(0.99, 0.6, 40)
    labels = np.zeros(40, dtype=int)
    labels[[10, *range(20, 40)]] = 1
    values = np.log(np.stack([sure, 1 - sure], axis=1))
    return Result(["a", "b"], labels, values, np.arange(40).astype(str), np.arange(40).astype(str))


@pytest.mark.parametrize("answer", [0.791, 0.799])  # names twenty, of which nineteen are right: 95 %
def test_a_threshold_that_names_enough_and_is_right_enough_is_right(heard, answer):
    judged = verdict("14.4", answer, heard=heard)
    assert judged.is_right
    assert "clips" in judged.text


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.5, "40 of 40 clips are classified, 19 of them correctly, which is less than 95%"),
        (0.78, "less than 95%"),
        (0.95, "would classify more clips"),
        (1.0, "no clip is classified"),
        (80, "from 0 to 1"),
        ("high", "expected a number"),
        (float("nan"), "finite"),
    ],
)
def test_other_thresholds_are_told_what_they_do(heard, answer, hint):
    judged = verdict("14.4", answer, heard=heard)
    assert not judged.is_right
    assert hint in judged.text
