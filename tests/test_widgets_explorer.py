"""The feature explorer without a browser: the arrays, the code that makes them, and what the browser is sent."""

import re
import warnings

import librosa
import numpy as np
import pytest
from conftest import SAMPLE_RATE, noisy_sine, sine

from musiclab import features, studio
from musiclab.core.errors import AudioError
from musiclab.features import SCALINGS, MelConfig, MfccConfig
from musiclab.widgets import FeatureExplorer
from musiclab.widgets.analysis import WINDOWS

ARRAYS = ("spectrogram", "bank", "mel", "picture", "mfcc")


@pytest.fixture(scope="module")
def clip():
    """One second of a tone and noise."""
    return noisy_sine(700.0, seed=0, seconds=1.0)


# The arrays and their code


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("window", WINDOWS)
def test_the_steps_are_those_of_librosa(clip, window, scaling):
    shown = FeatureExplorer(clip, SAMPLE_RATE, window=window, scaling=scaling, n_mels=40, fmin=50.5, decibels=60)
    fourier = librosa.stft(clip, n_fft=1024, hop_length=256, window=window, pad_mode="constant")
    np.testing.assert_allclose(shown.steps.spectrogram, np.abs(fourier), atol=1e-3)
    bank = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=1024, n_mels=40, fmin=50.5, fmax=SAMPLE_RATE / 2)
    np.testing.assert_allclose(shown.steps.bank, bank, atol=1e-6)
    mel = bank @ np.abs(fourier)
    unit = {"decibel": 20 / np.log(10), "ln": 1.0}.get(scaling)
    factor = 10 if scaling == "log10(1+10x)" else 10_000
    mel = np.log10(1 + factor * mel) if unit is None else unit * np.log(np.maximum(mel, 1e-5))
    np.testing.assert_allclose(shown.steps.mel, mel, atol=1e-2)
    picture = mel if unit is None else np.maximum(mel, mel.max() - 60 * unit * np.log(10) / 20)
    np.testing.assert_allclose(shown.steps.picture, picture, atol=1e-2)
    power = librosa.power_to_db(bank @ np.abs(fourier) ** 2, top_db=80)
    np.testing.assert_allclose(shown.steps.mfcc, librosa.feature.mfcc(S=power, n_mfcc=20), atol=0.05)


def test_the_code_follows_the_settings(clip):
    shown = FeatureExplorer(clip, SAMPLE_RATE)
    shown.n_fft, shown.hop_length, shown.n_mels, shown.fmax = 512, 128, 20, 8000
    names = {"waveform": clip}
    exec(shown.code, names)
    assert names["config"] == MelConfig(n_fft=512, hop_length=128, n_mels=20, fmax=8000, scaling="decibel")
    for name in ARRAYS:
        np.testing.assert_array_equal(names[name], getattr(shown.steps, name), err_msg=name)
    assert shown.steps.mel.shape == (20, 1 + SAMPLE_RATE // 128)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_with_a_hann_window_it_is_the_library_itself(clip, scaling):
    shown = FeatureExplorer(clip, SAMPLE_RATE, scaling=scaling, n_fft=2048, hop_length=512, n_mels=128)
    config = MelConfig(n_fft=2048, n_mels=128, scaling=scaling)
    np.testing.assert_array_equal(shown.steps.mel, features.log_mel(clip, config))
    np.testing.assert_allclose(shown.steps.mfcc, features.mfcc(clip, MfccConfig()), atol=0.01)


# What the browser is sent


@pytest.mark.parametrize("is_pcm", [True, False])
def test_the_browser_gets_every_sample(clip, is_pcm):
    waveform = np.round(clip * 32768) / np.float32(32768) if is_pcm else clip
    sound = FeatureExplorer(waveform, SAMPLE_RATE).sound
    samples = np.frombuffer(sound["samples"], "<i2") / 32768 if is_pcm else np.frombuffer(sound["samples"], "<f4")
    assert sound["isPcm"] == is_pcm
    np.testing.assert_array_equal(samples, waveform)


# Settings that cannot be, and sounds that are none


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("n_fft", 1001, "expected n_fft to be even"),
        ("n_fft", 32768, "one frame (n_fft=32768 samples), found 22050 samples; choose a smaller n_fft"),
        ("n_fft", 0, "expected n_fft to be a whole number of at least 1"),
        ("hop_length", 0, "expected hop_length to be a whole number"),
        ("n_mels", 0, "expected n_mels to be a whole number"),
        ("fmin", 12000.0, "expected 0 <= fmin < fmax <= 11025 Hz"),
        ("fmax", 20000.0, "half the sample rate"),
        ("window", "hamm", "found 'hamm'; did you mean hamming?"),
        ("scaling", "bel", "expected a scaling among decibel"),
        ("decibels", -3.0, "expected decibels to be a finite number greater than 0"),
    ],
)
def test_what_cannot_be_is_an_error_and_the_setting_stays(clip, setting, value, words):
    shown = FeatureExplorer(clip, SAMPLE_RATE)
    before = getattr(shown, setting)
    with pytest.raises(ValueError, match=re.escape(words)):
        setattr(shown, setting, value)
    assert getattr(shown, setting) == before
    with pytest.raises(ValueError, match=r"expected|must"):
        FeatureExplorer(clip, SAMPLE_RATE, **{setting: value})


def test_empty_bands_are_not_warned_of(clip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps = FeatureExplorer(clip, SAMPLE_RATE, n_fft=512, n_mels=200).steps
    is_empty = steps.bank.max(axis=1) == 0
    with pytest.warns(UserWarning, match=f"{is_empty.sum()} of 200 mel bands"):
        features.mel_bank(MelConfig(n_fft=512, n_mels=200))
    np.testing.assert_allclose(steps.mel[is_empty], -100.0, atol=1e-3)


def test_one_band_leaves_no_coefficient_to_draw(clip):
    shown = FeatureExplorer(clip, SAMPLE_RATE, n_mels=1)
    assert shown.steps.mfcc.shape == (1, 87)
    assert shown.still().png


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (np.zeros(0), "expected at least one sample"),
        (np.zeros((2, 22050)), r"mono .*found shape \(2, 22050\); convert it with waveform.mean\(axis=0\)"),
        (np.full(22050, np.nan), "expected finite samples, found nan"),
        (np.zeros(31 * SAMPLE_RATE, np.float32), r"at most 30 s, found 31.0 s; cut it with waveform\[:661500\]"),
        (np.zeros(22050, int), "expected floats"),
    ],
)
def test_what_is_no_sound_is_an_error(waveform, words):
    with pytest.raises(AudioError, match=f"^FeatureExplorer: .*{words}"):
        FeatureExplorer(waveform, SAMPLE_RATE)


def test_a_sound_shorter_than_a_frame_is_an_error():
    with pytest.raises(ValueError, match=r"one frame \(n_fft=1024 samples\), found 1 samples; choose a smaller n_fft"):
        FeatureExplorer(np.zeros(1), SAMPLE_RATE)


def test_an_unknown_setting_is_an_error(clip):
    with pytest.raises(ValueError, match="found 'n_mel'; did you mean n_mels"):
        FeatureExplorer(clip, SAMPLE_RATE, n_mel=3)


@pytest.mark.parametrize("rate", [8000, 96000])
def test_any_rate_has_its_own_range(rate):
    shown = FeatureExplorer(sine(500.0, sample_rate=rate), rate)
    assert shown.fmax == rate / 2
    assert f"sample_rate={rate}" in shown.code


def test_16_bit_samples_are_taken(clip):
    exact = np.round(clip * 32768).astype(np.int16)
    shown = FeatureExplorer(exact, SAMPLE_RATE)
    np.testing.assert_array_equal(shown.waveform, exact / np.float32(32768))


# Changes, and the still


def test_several_settings_change_at_once(clip):
    shown = FeatureExplorer(clip, SAMPLE_RATE, fmax=4000)
    shown.set_state({"n_fft": 2048, "fmin": 5000, "fmax": 9000})  # from the browser; fmin alone would be above fmax
    assert shown.config == MelConfig(n_fft=2048, hop_length=256, n_mels=64, fmin=5000, fmax=9000, scaling="decibel")


@pytest.mark.parametrize("kind", ["music", "noise"])
def test_the_still_is_small_and_says_its_settings(kind):
    noise = 0.2 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE).astype(np.float32)
    waveform = noise if kind == "noise" else studio.render("rock", 0, seconds=3).waveform
    shown = FeatureExplorer(waveform, SAMPLE_RATE, n_mels=50)
    data, _ = shown._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(data)
    assert "of 3.00 s of sound, with n_fft=1024, hop_length=256, window=hann, n_mels=50" in data["text/plain"]
    assert len(shown.still().png) <= 48_000
