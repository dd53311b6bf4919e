"""The checks of lesson 01: bytes, aliasing, decibels, channels, bits."""

import numpy as np
import pytest
from exercise_cases import check_right, check_wrong

from musiclab.audio import save_audio

SECOND = np.arange(22050) / 22050


def test_bytes_are_those_of_a_file(tmp_path):
    written = save_audio(tmp_path / "clip.wav", np.zeros(30 * 22050, np.float32), 22050).stat().st_size
    assert "1.32 GB" in check_right("01.1", written - 44)
    check_wrong("01.1", written, "header", hidden=("1323000",))


@pytest.mark.parametrize(("answer", "said"), [(661_500, "half"), (10_584_000, "bits"), (1.323, "unit"), ("x", "text")])
def test_other_sizes_of_a_clip_are_told(answer, said):
    check_wrong("01.1", answer, said, hidden=("1323000",))


def test_tones_are_heard_where_a_spectrum_shows_them():
    heard = []
    for hertz in (5000, 10000, 20000):
        kept = np.cos(2 * np.pi * hertz * np.arange(44100) / 44100)[::5]
        heard.append(int(np.abs(np.fft.rfft(kept)).argmax()))  # of 1 s: line k is k Hz
    check_right("01.2", heard)
    check_wrong("01.2", [5000 - 8820, *heard[1:]], "5,000 Hz: the sign", hidden=(3820,))
    check_wrong("01.2", [5000, 10000 - 8820, 20000 - 8820], "5,000 Hz", "20,000 Hz", "cannot hold", hidden=(3820, 2360))
    check_wrong("01.2", ["x", *heard[1:]], "5,000 Hz: expected a number")
    check_wrong("01.2", 3820, "expected 3 numbers")


def test_the_envelope_falls_by_60_decibels():
    rate = np.log(1000) / 1.5  # 60 dB are a factor of a thousand
    np.testing.assert_allclose(20 * np.log10(np.exp(-rate * 1.5)), -60)
    check_right("01.3", rate)
    check_wrong("01.3", -rate, "sign", hidden=("4.6",))
    check_wrong("01.3", 2 * rate, "twice", hidden=("4.6",))  # 10 log10 for an amplitude
    check_wrong("01.3", rate * 1.5**2, "too large", hidden=("4.6",))


@pytest.fixture
def song():
    voice, left, right = (0.3 * np.sin(2 * np.pi * hertz * SECOND) for hertz in (440, 300, 500))
    return np.stack([voice + left, voice + right])


def test_the_voice_is_gone_and_the_instruments_are_not(song):
    check_right("01.4", song[0] - song[1], song=song)
    check_right("01.4", (song[1] - song[0]) / 2, song=song)
    check_wrong("01.4", song.mean(axis=0), "as loud", song=song)
    check_wrong("01.4", song[0] - 0.9 * song[1], "20 dB below", song=song)
    check_wrong("01.4", 0 * song[0], "both instruments", song=song)
    check_wrong("01.4", 0.3 * np.sin(2 * np.pi * 300 * SECOND), "an instrument is gone", song=song)
    check_wrong("01.4", song, "(2, 22050)", song=song)
    check_wrong("01.4", song[0] * np.nan, "not finite", song=song)
    check_wrong("01.4", "song", "type str", song=song)


def dithered(width: float, amplitude: float = 0.2) -> np.ndarray:
    """The tone of exercise 5 in 2 bits, with even noise of ``width`` either way before the rounding."""
    tone = amplitude * np.sin(2 * np.pi * 220 * SECOND)
    noise = np.random.default_rng(0).uniform(-width, width, len(tone))
    return np.clip(np.round((tone + noise) * 2), -2, 1) / 2


def test_noise_as_wide_as_a_step_keeps_the_tone():
    check_right("01.5", dithered(0.25))
    check_wrong("01.5", dithered(0.0), "too weak")
    check_wrong("01.5", dithered(0.1), "too weak")
    check_wrong("01.5", dithered(0.25, amplitude=0.4), "too strong")
    check_wrong("01.5", 0.2 * np.sin(2 * np.pi * 220 * SECOND), "round last")
    check_wrong("01.5", dithered(0.25)[:100], "(22050,)")
    check_wrong("01.5", dithered(0.22), "steps of the rounding still show")
