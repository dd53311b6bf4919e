"""The genre classifier that comes with musiclab."""

from pathlib import Path

import numpy as np
import pytest

import musiclab as ml
from musiclab import studio
from musiclab.core.errors import RunError
from musiclab.runs.run import PRETRAINED


@pytest.fixture(scope="module")
def genres():
    return ml.load("genres")


def test_it_knows_the_genres_of_the_studio_and_is_small(genres):
    assert genres.settings.classes == list(studio.GENRES)
    assert sum(file.stat().st_size for file in PRETRAINED["genres"].iterdir()) < 3e6
    assert genres.is_generated
    assert genres.result is None


def test_it_recognises_new_tracks_of_the_studio(genres):
    # Measured on 20 tracks of 10 s per genre: see the card. Guessing gets 10 %.
    tracks = [studio.render(genre, seed, seconds=10) for genre in studio.GENRES for seed in (900, 901, 902)]
    predicted = [genres.predict(track.waveform, track.sample_rate).files["predicted"][0] for track in tracks]
    assert np.mean([one == track.record["genre"] for one, track in zip(predicted, tracks, strict=True)]) > 0.4


def test_the_volume_does_not_matter(genres):
    track = studio.render("reggae", 900, seconds=10)
    loud = genres.predict(track.waveform, track.sample_rate).probabilities
    quiet = genres.predict(0.1 * track.waveform, track.sample_rate).probabilities
    np.testing.assert_allclose(quiet, loud, atol=0.02)


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch, genres):
    monkeypatch.chdir(tmp_path)
    Path("genres").mkdir()
    with pytest.raises(RunError, match=r"genres/?model|model\.json"):
        ml.load("genres")


def test_real_music_is_classified(recordings, genres):
    path = next((recordings / "librosa-examples").glob("Kevin_MacLeod_-_P_I*.ogg"))
    assert genres.predict(path).files["predicted"][0] == "classical"
