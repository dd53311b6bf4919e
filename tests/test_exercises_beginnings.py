"""Checks of lesson 00: right answers are right, usual slips are named, and no answer is given away."""

import numpy as np
import pandas as pd
import pytest

from musiclab import studio
from musiclab.lessons import find, judge
from musiclab.metrics import Result
from musiclab.runs import prediction
from musiclab.runs.prediction import Predictions

TEMPO = studio.render("reggae", seed=12, seconds=1).record["tempo"]


def said(name, answer, **given):
    (verdict,) = judge(find(name), answer, **given)
    return verdict


@pytest.fixture
def result():
    """Forty tracks of ten classes, twenty-six named rightly."""
    labels = np.arange(40) % 10
    named = np.where(np.arange(40) < 26, labels, (labels + 1) % 10)
    values = np.log(np.full((40, 10), 0.05) + 0.5 * np.eye(10)[named])
    return Result(list("abcdefghij"), labels, values, np.arange(40).astype(str), np.arange(40).astype(str))


@pytest.fixture
def network(monkeypatch):
    """A network that names one track metal and any other sound jazz."""
    full = studio.render("metal", seed=1, seconds=2).samples

    def predict(run, files):
        rows = []
        for file in files:
            from musiclab.audio import load_audio, to_int16

            is_full = np.array_equal(to_int16(load_audio(file, None)[0]), full)
            rows.append({"path": str(file), "predicted": "metal" if is_full else "jazz", "metal": 0.7, "jazz": 0.6})
        return Predictions(["jazz", "metal"], pd.DataFrame(rows), pd.DataFrame(), [])

    monkeypatch.setattr(prediction, "predict", predict)


def test_the_tempo_of_the_track_is_right():
    assert said("00.1", TEMPO).right
    assert said("00.1", round(TEMPO)).right


@pytest.mark.parametrize(
    ("answer", "hint"), [(TEMPO / 60, "seconds, or minutes"), (2 * TEMPO, "twice"), ("fast", "text")]
)
def test_another_tempo_is_told_and_the_true_one_is_not(answer, hint):
    verdict = said("00.1", answer)
    assert not verdict.right
    assert hint in verdict.text
    assert f"{TEMPO:.4g}" not in verdict.text


def test_blind_guessing_names_a_tenth(result):
    verdict = said("00.2", 4, result=result)
    assert verdict.right
    assert "named 26 of 40 rightly" in verdict.text


@pytest.mark.parametrize(("answer", "hint"), [(0.1, "the share"), (40, "ten times"), (None, "expected"), ("4", "text")])
def test_other_guesses_are_told(result, answer, hint):
    verdict = said("00.2", answer, result=result)
    assert not verdict.right
    assert hint in verdict.text


def test_a_change_that_the_network_falls_for_is_right(network):
    verdict = said("00.3", studio.render("metal", seed=1, seconds=2, mute="drums"), run="run")
    assert verdict.right
    assert "unchanged it is named metal (70%), with your change jazz (60%)" in verdict.text


@pytest.mark.parametrize(
    ("track", "hint"),
    [
        (studio.render("metal", seed=1, seconds=2), "nothing is changed"),
        (studio.render("metal", seed=1, seconds=1, mute="drums"), "expected 2 s or more"),
        (studio.render("metal", seed=1, seconds=2, mute=studio.STEMS), "nothing left to hear"),
        (studio.render("metal", seed=2, seconds=2, mute="drums"), "taken for jazz (60%) even unchanged"),
        (studio.render("jazz", seed=1, seconds=2, mute="drums"), "still named jazz"),
        (studio.render("metal", seed=1, seconds=2).waveform, "expected what studio.render returns"),
    ],
)
def test_what_is_no_deception_is_told(network, track, hint):
    verdict = said("00.3", track, run="run")
    assert not verdict.right
    assert hint in verdict.text
