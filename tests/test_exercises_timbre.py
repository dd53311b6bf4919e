"""The checks of lesson 03: the shape of a spectrum, its tilt, its motion, and choosing columns."""

import librosa
import numpy as np
import pytest
from conftest import sine
from exercise_cases import check_right, check_wrong

from musiclab import features


def test_the_shape_of_two_tones_is_the_measured_one():
    sound = sine(500.0, amplitude=0.3) + sine(2000.0, amplitude=0.1)
    measures = (features.spectral_centroid, features.spectral_bandwidth, features.spectral_rolloff)
    check_right("03.1", [float(measure(sound)[0, 20]) for measure in measures])
    check_wrong("03.1", (650, 649.5, 2000), "weigh by the magnitude", hidden=("875",))
    check_wrong("03.1", (0.875, 0.6495, 2), "centroid: a thousand times too small", hidden=("875", "649", "2000"))
    check_wrong("03.1", (875, 649.5, 500), "rolloff", hidden=("2000",))


def test_a_tilt_goes_into_the_mfcc_as_it_does_by_librosa():
    before = np.random.default_rng(0).uniform(-40, 0, (128, 1))  # dB: any sound
    change = librosa.feature.mfcc(S=before + np.linspace(0, 10, 128)[:, None]) - librosa.feature.mfcc(S=before)
    check_right("03.2", change[:3, 0])
    check_wrong("03.2", -change[:3, 0], "MFCC 0: the sign", "MFCC 1: the sign", hidden=("56.", "32."))
    m = np.arange(128)
    bare = [(np.linspace(0, 10, 128) * np.cos(np.pi * k * (m + 0.5) / 128)).sum() for k in range(3)]
    check_wrong("03.2", bare, "factor in front", hidden=("56.", "32."))
    check_wrong("03.2", np.array(bare) / 128, "factor in front", hidden=("56.", "32."))
    check_wrong("03.2", (change[0, 0], change[1, 0], 3.0), "MFCC 2")


def test_deltas_are_the_slopes_of_nine_frames():
    coefficients = np.random.default_rng(0).normal(0, 20, (20, 40)).cumsum(axis=1).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(coefficients, 9, axis=1)
    slopes = windows @ np.arange(-4, 5) / 60
    given = {"coefficients": coefficients}
    check_right("03.3", slopes, **given)
    check_wrong("03.3", -slopes, "sign", **given)
    check_wrong("03.3", 2 * slopes, "twice", **given)
    check_wrong("03.3", slopes.T, "transpose", **given)
    check_wrong("03.3", features.delta(coefficients), "four neighbours", **given)
    check_wrong("03.3", np.gradient(coefficients, axis=1)[:, 4:-4], "elements differ", **given)


def test_flatness_is_that_of_the_power():
    rng = np.random.default_rng(0)
    spectra = {"noise": np.abs(rng.normal(size=(100, 30))), "tone": 10.0 ** rng.uniform(-4, 1, (100, 30))}
    truth = {}
    for name, magnitude in spectra.items():
        power = np.maximum(magnitude**2, 1e-10)
        truth[name] = np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0)
    check_right("03.4", truth, spectra=spectra)
    of_magnitude = {name: librosa.feature.spectral_flatness(S=each, power=1.0)[0] for name, each in spectra.items()}
    check_wrong("03.4", of_magnitude, "noise: that is of the magnitude", spectra=spectra)
    check_wrong("03.4", {"noise": truth["noise"], "tone": 2 * truth["tone"]}, "tone: every element", spectra=spectra)
    check_wrong("03.4", {"noise": truth["noise"]}, "noise, tone", spectra=spectra)
    check_wrong("03.4", truth["noise"], "dictionary", spectra=spectra)
    check_wrong("03.4", {**truth, "tone": truth["tone"][:-1]}, "expected shape (30,)", spectra=spectra)


@pytest.fixture
def table():
    """A table in which F prefers three columns that say the same, while two others separate what they leave alone."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 30)
    group = np.arange(120) // 3
    first, second = label // 2, label % 2
    loud = first + rng.normal(0, 0.25, (3, 120))
    columns = np.stack([*loud, second + rng.normal(0, 0.3, 120), rng.normal(size=120)], axis=1)
    Z = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return {"Z": Z, "names": ["a", "b", "c", "d", "e"], "label": label.astype(str), "group": group}


def test_three_columns_beat_those_with_the_highest_f(table):
    said = check_right("03.5", ("a", "b", "d"), **table)
    assert "of 120 clips (95 % interval" in said
    check_wrong("03.5", ("a", "b", "c"), "not better yet", **table)
    check_wrong("03.5", ("a", "b", "e"), "not better yet", "interval", **table)
    check_wrong("03.5", ("a", "b", "b"), "three different", **table)
    check_wrong("03.5", "abd", "three different", **table)
    check_wrong("03.5", ("a", "b", "dd"), "no column 'dd'", **table)
