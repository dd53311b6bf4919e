"""The checks of lesson 02: bins and frames, decibels, resolution, empty bands, phases."""

import librosa
import numpy as np
import pytest
from conftest import sine
from exercise_cases import check_right, check_wrong

from musiclab.lessons import spectra


def test_settings_are_those_of_a_spectrogram():
    hertz = librosa.fft_frequencies(sr=22050, n_fft=2048)[1]
    frames = librosa.stft(np.zeros(30 * 22050), n_fft=2048, hop_length=512).shape[1]
    check_right("02.1", (hertz, 1000 / hertz, frames))
    check_wrong("02.1", (hertz, 1 / hertz, frames), "ms: a thousand times too small", hidden=("92.",))
    check_wrong("02.1", (hertz, 1000 / hertz, frames - 1), "frames: off by one", hidden=(1292,))
    check_wrong("02.1", (2 * hertz, 1000 / hertz, 30 * 22050 / 512), "Hz: twice", "frames", hidden=(1292, "10.7"))


def test_decibels_are_those_of_a_measured_tone():
    loud, quiet = (np.abs(np.fft.rfft(level * sine(440.0))).max() for level in (1, 0.25))
    change = 10 * np.log10(quiet**2 / loud**2)
    check_right("02.2", (change, 10 * np.log10(quiet / loud)))
    check_wrong("02.2", (-change, change / 2), "level: the sign", hidden=("12.0",))
    check_wrong("02.2", (change, change), "program: twice", hidden=("6.0",))


def test_the_shortest_window_that_shows_two_lines():
    check_right("02.3", 4096)
    check_right("02.3", np.int64(4096))
    for answer, said in ((2048, "too short"), (16, "too short"), (8192, "longer"), (3000, "power of two")):
        check_wrong("02.3", answer, said, hidden=(4096, "half", "twice"))  # "half" would be the answer
    check_wrong("02.3", 2**40, "power of two")
    check_wrong("02.3", "long", "power of two")


@pytest.mark.parametrize("n_fft", [1024, 4096])
def test_the_dip_is_the_one_between_the_lines(n_fft):
    # the main lobe is four bins wide: the two stand clear of each other when 26.16 Hz are four bins or more
    assert (spectra.least_dip(n_fft) > 10) == (4 * 22050 / n_fft < 26.16)


def test_as_many_bands_as_the_window_carries():
    assert spectra.empty_bands(153) == 0 < spectra.empty_bands(154)
    check_right("02.4", 153)
    check_wrong("02.4", 100, "too small", hidden=(153,))
    check_wrong("02.4", 306, "too large", "empty", hidden=(153, "twice"))
    check_wrong("02.4", 1e9, "far too large", hidden=(153,))
    check_wrong("02.4", "many", "text")


@pytest.fixture(scope="module")
def music():
    rng = np.random.default_rng(1)
    return (sine(440.0) + sine(523.0) * np.linspace(1, 0, 22050) + 0.02 * rng.standard_normal(22050)).astype(np.float32)


def test_phases_are_found_by_going_there_and_back(music):
    target = np.abs(librosa.stft(music, n_fft=1024, hop_length=256))
    found = librosa.griffinlim(target, n_iter=60, hop_length=256, n_fft=1024, length=22050, random_state=0)
    assert "dB" in check_right("02.5", found, target=target)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, target.shape)
    check_wrong("02.5", librosa.istft(target * np.exp(1j * angles), hop_length=256), "aim: below -15", target=target)
    check_wrong("02.5", music, "too good", target=target)
    check_wrong("02.5", music[:-300], "as long as the music", target=target)
    check_wrong("02.5", target, "as long as the music", target=target)
    check_wrong("02.5", music * np.nan, "finite", target=target)
