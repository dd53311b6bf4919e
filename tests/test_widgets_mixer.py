"""The Studio mixer without a browser: the track that is heard, the truth about it, and what the model says."""

import re

import numpy as np
import pytest
from conftest import TINY
from run_folders import CLASSES, make_untested

from musiclab import studio
from musiclab.audio import save_audio
from musiclab.core.errors import DatasetError, RunError
from musiclab.runs import load
from musiclab.widgets import StudioMixer, mixer
from musiclab.widgets.predictions import percent
from musiclab.widgets.still import LARGEST

SECONDS = 1.5


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of untrained models: what they say is arbitrary, and depends on what they hear."""
    root = tmp_path_factory.mktemp("runs")
    make_untested(root / "cnn", "cnn", **TINY["cnn"])
    make_untested(root / "m5", "m5", {"sample_rate": 8000}, **TINY["m5"])
    make_untested(root / "mlp", "mlp", hidden=[8, 8, 8])
    return root


def chords(record):
    return [name for _, _, name in record["chords"]]


def truth_of(mixed):
    """What stands beside the bars, by name."""
    return dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", mixed._truth.value))


def bars_of(mixed):
    """Percentages in the table of bars, by class: now, and before if they are shown."""
    rows = re.findall(r"<th scope='row'>(\w+).*?</th>.*?</td>(.*?)</tr>", mixed._bars.value)
    return {name: re.findall(r">([<>]?\d+ %)<", cells) for name, cells in rows}


# The track


def test_it_plays_the_track_and_says_what_is_true_of_it():
    mixed = StudioMixer(genre="blues", seed=3, seconds=4)
    track = studio.render("blues", 3, seconds=4)
    np.testing.assert_array_equal(mixed.track.samples, track.samples)
    truth = truth_of(mixed)
    assert truth["key"] == track.record["key"]
    assert truth["tempo"].startswith(f"{track.record['tempo']:g} beats per minute")
    assert set(truth["chords"].split(" – ")) == set(chords(track.record))
    assert truth["artist"] == track.record["artist"]
    assert mixed.player.duration == 4
    beats, segments = mixed.player._scene["lanes"]
    np.testing.assert_allclose(beats["times"], track.record["beats"], atol=1e-4)
    assert segments["texts"] == chords(track.record)


@pytest.mark.parametrize(
    "changed",
    [
        {"tempo": 180.0},
        {"key": "A minor"},
        {"swing": 0.7},
        {"mute": ["drums", "bass"]},
        {"genre": "metal"},
        {"seed": 7},
    ],
)
def test_a_change_is_rendered_as_the_studio_does(changed):
    mixed = StudioMixer(seconds=SECONDS)
    for name, value in changed.items():
        setattr(mixed.desk, name, value)
    wanted = {"genre": "jazz", "seed": 0} | changed
    track = studio.render(**wanted, seconds=SECONDS)
    np.testing.assert_array_equal(mixed.track.samples, track.samples)
    assert mixed.track.record == track.record
    assert mixed.player.duration == SECONDS


def test_what_is_taken_back_is_as_before():
    mixed = StudioMixer(seconds=SECONDS)
    before = mixed.track.samples
    mixed.desk.mute = ["drums"]
    mixed.desk.tempo = 200
    assert not np.array_equal(mixed.track.samples, before)
    mixed.desk.set_state({"tempo": None, "key": None, "swing": None, "mute": []})  # the button
    np.testing.assert_array_equal(mixed.track.samples, before)


def test_several_changes_at_once_are_rendered_once(monkeypatch):
    mixed = StudioMixer(seconds=SECONDS)
    rendered, render = [], studio.render
    monkeypatch.setattr(mixer.studio, "render", lambda **settings: rendered.append(settings) or render(**settings))
    changes = {"tempo": 100, "key": "D", "swing": 0.6, "mute": ["pad"]}
    mixed.desk.set_state(changes)
    assert rendered == [{"genre": "jazz", "seed": 0, "seconds": SECONDS, **changes}]


def test_the_ear_stays_at_its_place_where_the_bars_do():
    mixed = StudioMixer(seconds=SECONDS)
    mixed.player.seek(0.75)
    mixed.player.playing = True
    mixed.desk.mute = ["drums"]
    assert (mixed.player.time, mixed.player.playing) == (0.75, True)
    mixed.desk.tempo = 90
    assert (mixed.player.time, mixed.player.playing) == (0.0, True)


def test_without_any_stem_it_is_silent(runs):
    mixed = StudioMixer(runs / "cnn", seconds=SECONDS)
    mixed.desk.mute = list(studio.STEMS)
    assert not mixed.track.samples.any()
    assert truth_of(mixed)["stems"] == "none (silence)"
    assert mixed.probabilities.sum() == pytest.approx(1)


# The model


@pytest.mark.parametrize("model", ["cnn", "m5", "mlp"])
def test_the_model_says_what_it_says_of_the_file(runs, model, tmp_path):
    mixed = StudioMixer(runs / model, genre="rock", seconds=4)
    mixed.desk.mute = ["lead"]
    save_audio(tmp_path / "track.wav", mixed.track.samples, mixed.track.sample_rate)
    named = load(runs / model).predict(tmp_path / "track.wav")
    np.testing.assert_allclose(mixed.probabilities, named.probabilities[0], rtol=1e-6)
    assert mixed.classes == CLASSES
    assert bars_of(mixed) == shares(mixed.probabilities, mixed.before)


def shares(*states):
    return {name: [percent(state[index]) for state in states] for index, name in enumerate(CLASSES)}


def test_the_state_before_is_kept(runs):
    mixed = StudioMixer(runs / "cnn", seconds=SECONDS)
    first = mixed.probabilities
    assert mixed.before is None
    assert bars_of(mixed) == shares(first)
    mixed.desk.mute = ["drums"]
    assert bars_of(mixed) == shares(mixed.probabilities, first)
    assert not np.allclose(mixed.probabilities, first, rtol=1e-6)
    assert mixed.desk.previous["mute"] == []
    mixed.desk.key = "nonsense"  # changes nothing
    assert mixed.desk.previous["key"] is None
    assert mixed.before is first


def test_without_a_run_there_is_no_answer():
    mixed = StudioMixer(seconds=SECONDS)
    mixed.desk.mute = ["drums"]
    assert (mixed.probabilities, mixed.before, mixed.classes) == (None, None, [])
    assert mixed._bars.value == mixed.desk.status == ""


# What cannot be


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("genre", "jaz", "did you mean jazz"),
        ("seed", -1, "expected seed to be a whole number"),
        ("tempo", 500.0, "a finite number from 40 to 220"),
        ("key", "H major", "expected a key such as"),
        ("swing", 0.9, "a finite number from 0.5 to 0.75"),
        ("mute", ["drum"], "did you mean drums"),
    ],
)
def test_what_cannot_be_is_told_and_the_sound_stays(setting, value, words):
    mixed = StudioMixer(seconds=SECONDS)
    before, track = getattr(mixed.desk, setting), mixed.track
    setattr(mixed.desk, setting, value)
    assert words in mixed.desk.problem
    assert mixed.track is track
    setattr(mixed.desk, setting, before)
    assert mixed.desk.problem == ""
    np.testing.assert_array_equal(mixed.track.samples, track.samples)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"genre": "polka"}, "expected a genre among"),
        ({"seed": -1}, "expected seed to be a whole number"),
        ({"seconds": 0}, "expected seconds from 0 to 60, found 0"),
        ({"seconds": 61}, "found 61; choose a shorter duration"),
        ({"seconds": float("nan")}, "found nan"),
    ],
)
def test_a_start_that_cannot_be_is_an_error(settings, words):
    with pytest.raises(DatasetError, match=words):
        StudioMixer(**settings)


def test_a_run_that_is_none_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"model.json: no such file"):
        StudioMixer(tmp_path / "none", seconds=SECONDS)
    with pytest.raises(RunError, match="found int"):
        StudioMixer(3, seconds=SECONDS)


# The still


def test_the_still_shows_what_the_model_says(runs):
    mixed = StudioMixer(runs / "cnn", seconds=SECONDS)
    mixed.desk.mute = ["drums", "pad"]
    data, _ = mixed._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(data)
    best = CLASSES[mixed.probabilities.argmax()]
    assert f"without drums, pad. The model predicts {best}" in data["text/plain"]
    assert "<audio" in data["text/html"]
    assert len(data["text/html"]) < 150_000
    assert len(mixed.still().png) <= LARGEST


def test_without_a_run_it_shows_the_sound():
    still = StudioMixer(genre="reggae", seconds=SECONDS).still()
    assert still.alt.startswith("reggae, ")
    assert "waveform and log-mel spectrogram of 1.50 s" in still.alt
    assert still.sound[:4] == b"RIFF"
