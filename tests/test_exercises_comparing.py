"""The checks of lesson 11: right answers are right, usual slips are told, and no truth is given away."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from musiclab import lessons, studio
from musiclab.lessons import comparing
from musiclab.metrics import Result


def verdicts(name, answer, **given):
    return lessons.judge(lessons.find(name), answer, **given)


def verdict(name, answer, **given):
    (only,) = verdicts(name, answer, **given)
    return only


def by_hand():
    """Exercise 1 as one does it with a pencil: 15 coins, 3 or fewer on one side, twice."""
    return 2 * sum(math.comb(15, k) for k in range(4)) / 2**15


def test_coins():
    assert verdict("11.1", by_hand()).right
    assert verdict("11.1", round(by_hand(), 3)).right
    half = verdict("11.1", by_hand() / 2)
    assert not half.right
    assert "one side" in half.text
    assert not verdict("11.1", 0.05).right
    assert "0.035" not in half.text + verdict("11.1", 0.05).text


CORRECTED = [0.06, 0.016, 0.06, 0.036]


def test_holm():
    assert verdict("11.2", CORRECTED).right
    assert verdict("11.2", np.array(CORRECTED)).right


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([0.16, 0.016, 0.12, 0.048], "Bonferroni"),
        ([0.04, 0.016, 0.06, 0.036], "smaller than that of a smaller p"),
        ([0.016, 0.036, 0.06, 0.06], "order of the tests"),
        ([0.06, 0.016], "shape"),
        (0.06, "shape"),
        ("none", "array of numbers"),
    ],
)
def test_slips_with_holm_are_told(answer, said):
    judged = verdict("11.2", answer)
    assert not judged.right
    assert said in judged.text
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
    assert all(each.right for each in verdicts("11.3", truth, results=results))


def test_means_that_are_not_normalised_are_told(results):
    judged = verdict("11.3", losses(results, normalised=False), results=results)
    assert not judged.right
    assert "normalise" in judged.text


def test_losses_of_the_wrong_kind_are_told(results):
    missing = verdict("11.3", {"weak": 1.0}, results=results)
    assert "is missing" in missing.text
    bits = {name: value / math.log(2) for name, value in losses(results).items()}
    judged = verdicts("11.3", bits, results=results)
    assert not any(each.right for each in judged)
    assert not any(f"{value:.2f}" in each.text for value in losses(results).values() for each in judged)
    assert not any(each.right for each in verdicts("11.3", "strong", results=results))


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
    from musiclab.runs.attribution import hear

    entries = studio.catalogue(2, seconds=1.0, genres=["disco", "hiphop"])
    labels = np.zeros(4, dtype=int)

    def answers(**change):
        sounds = [studio.render(**entry, **change).waveform for entry in entries]
        return hear(Bass(), sounds, studio.SAMPLE_RATE, MelConfig())

    result = SimpleNamespace(labels=labels, log_probabilities=answers())
    run = SimpleNamespace(model=Bass(), card=SimpleNamespace(config=MelConfig()), result=result)
    points = 100 * (np.exp(answers(mute="bass")) - np.exp(answers()))[:, 0].mean()
    return run, entries, points


def test_muting_the_bass(bass_run):
    run, entries, points = bass_run
    assert points < -1
    assert verdict("11.4", points, run=run, entries=entries).right
    for slip, said in ((-points, "sign"), (points / 100, "hundred times too small")):
        judged = verdict("11.4", slip, run=run, entries=entries)
        assert not judged.right
        assert said in judged.text
        assert f"{points:.1f}" not in judged.text


def test_without_the_studio_nothing_can_be_muted(bass_run):
    assert "cannot be checked" in verdict("11.4", -3.0, run=bass_run[0], entries=[]).text


class Corner(nn.Module):
    """Two classes; the sum of the first tenth of the bands decides."""

    def forward(self, batch):
        level = batch[:, :2].mean(dim=(1, 2))
        return torch.stack([5 * level, 0 * level], dim=1)


PICTURES = torch.ones(4, 20, 30)
GIVEN = {"model": Corner(), "pictures": PICTURES, "said": np.zeros(4, int)}


def cover(rows):
    mask = torch.zeros_like(PICTURES)
    mask[:, rows] = 1
    return mask


def test_a_better_mask_is_one_that_covers_what_counts():
    best, worse = cover(slice(0, 2)), cover(slice(1, 3))
    assert verdict("11.5", best, **GIVEN, to_beat=worse).right
    assert verdict("11.5", best.numpy().astype(bool), **GIVEN, to_beat=worse).right
    for same in (best, worse):
        judged = verdict("11.5", worse, **GIVEN, to_beat=same)
        assert not judged.right
        assert "not better yet" in judged.text


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (cover(slice(0, 3)), "at most 10% of each picture, found one with 15.0%"),
        (cover(slice(0, 2))[:2], r"expected masks of shape (4, 20, 30), found (2, 20, 30)"),
        (0.5 * cover(slice(0, 2)), "zeros and ones"),
        ("corner", "found str"),
    ],
)
def test_masks_that_do_not_fit_are_told(mask, said):
    judged = verdict("11.5", mask, **GIVEN, to_beat=cover(slice(1, 3)))
    assert not judged.right
    assert said in judged.text


def test_the_lesson_has_five_exercises_and_no_answer_is_no_mistake(capsys):
    assert [name for name in lessons.names() if name.startswith("11.")] == [f"11.{number}" for number in range(1, 6)]
    lessons.check("11.1", None)
    assert capsys.readouterr().out == "Exercise 1: no answer yet\n"
    assert sum(comparing.COINS) == 15
