"""Log-mel spectrograms and MFCC: known answers, and two engines that agree on real sound."""

import librosa
import numpy as np
import pytest
import torch
from conftest import SAMPLE_RATE, sine
from hypothesis import given
from hypothesis import strategies as st

from musiclab.audio import find_audio, load_audio
from musiclab.features import SCALINGS, MelConfig, MfccConfig, log_mel, mfcc

ENGINES = ("torch", "librosa")
SETTINGS = {
    "magnitude": MelConfig(scaling="decibel", power=1),
    "power": MelConfig(scaling="decibel", power=2),
    "speech": MelConfig(16000, n_fft=400, hop_length=160, n_mels=40, fmin=50, fmax=7600, power=2, scaling="decibel"),
    "odd": MelConfig(24000, n_fft=1536, hop_length=441, n_mels=77, fmin=20, power=1.5, scaling="decibel"),
}


def within_60_db(decibels):
    return decibels > decibels.max() - 60


@pytest.mark.parametrize("config", SETTINGS.values(), ids=SETTINGS.keys())
def test_engines_agree_on_real_recordings(recordings, config):
    files = find_audio(recordings / "librosa-examples")
    assert len(files) >= 10
    for file in files:
        waveform, _ = load_audio(file, config.sample_rate, duration=10)
        ours, reference = (log_mel(waveform, config, engine) for engine in ENGINES)
        assert ours.shape == reference.shape == (config.n_mels, config.frames(len(waveform)))
        heard = within_60_db(reference)
        assert heard.mean() > 0.05
        assert np.abs(ours - reference)[heard].max() < 0.05, file.name


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("power", [1, 2, 0.5])
def test_engines_agree_on_noise_and_silence(scaling, power):
    config = MelConfig(power=power, scaling=scaling)
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32) / 5
    ours, reference = (log_mel(noise, config, engine) for engine in ENGINES)
    assert ours.dtype == reference.dtype == np.float32
    np.testing.assert_allclose(ours, reference, atol=2e-3)
    for engine in ENGINES:
        silent = log_mel(np.zeros(2048, dtype=np.float32), config, engine)
        np.testing.assert_allclose(silent, config.silence, atol=1e-4)


def test_silence_is_minus_100_db_of_power():
    assert MelConfig(scaling="decibel", power=2).silence == pytest.approx(-100)
    assert MelConfig(scaling="decibel", power=1).silence == pytest.approx(-100)
    assert MelConfig(scaling="ln", power=2).silence == pytest.approx(np.log(1e-10))
    assert MelConfig().silence == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("frequency", [440, 1000, 5000])
def test_a_tone_peaks_in_the_band_that_is_nearest_to_it(engine, frequency):
    config = MelConfig(n_fft=4096)
    centres = librosa.mel_frequencies(n_mels=config.n_mels + 2, fmin=0, fmax=config.highest)[1:-1]
    picture = log_mel(sine(frequency), config, engine)
    assert set(picture[:, 5:-5].argmax(axis=0)) == {np.abs(centres - frequency).argmin()}


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_half_the_amplitude_is_6_db_less(engine, power, tone):
    config = MelConfig(power=power, scaling="decibel")
    loud, soft = log_mel(tone, config, engine), log_mel(tone / 2, config, engine)
    heard = within_60_db(loud)
    np.testing.assert_allclose((loud - soft)[heard], 20 * np.log10(2), atol=1e-3)


def test_scalings_are_logarithms_of_one_mel(tone):
    decibel, natural, gentle, steep = (log_mel(tone, MelConfig(scaling=scaling)) for scaling in SCALINGS)
    np.testing.assert_allclose(decibel, 20 * natural / np.log(10), atol=1e-3)
    np.testing.assert_allclose(steep, np.log10(1 + 1000 * (10**gentle - 1)), atol=1e-3)  # 10,000 = 1,000 x 10
    np.testing.assert_allclose(gentle, np.log10(1 + 10 * np.exp(natural)), atol=1e-3)
    decibel, natural = (log_mel(tone, MelConfig(scaling=scaling, power=2)) for scaling in SCALINGS[:2])
    np.testing.assert_allclose(decibel, 10 * natural / np.log(10), atol=1e-3)


@given(
    samples=st.integers(2048, 9000),
    n_fft=st.sampled_from([400, 512, 1000, 2048]),
    hop_length=st.integers(80, 700),
)
def test_number_of_frames_is_foretold(samples, n_fft, hop_length):
    config = MelConfig(n_fft=n_fft, hop_length=hop_length, n_mels=16)
    for engine in ENGINES:
        assert log_mel(np.zeros(samples), config, engine).shape == (16, config.frames(samples))


@pytest.mark.parametrize("function", [log_mel, mfcc])
def test_a_batch_is_its_clips(function):
    batch = np.random.default_rng(0).standard_normal((2, 3, 4000)).astype(np.float32)
    together = function(batch)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(together[place], function(batch[place]), atol=1e-4)


@pytest.mark.parametrize("function", [log_mel, mfcc])
def test_a_tensor_gives_a_tensor_that_gradients_pass(function, tone):
    waveform = torch.from_numpy(tone).requires_grad_()
    picture = function(waveform)
    np.testing.assert_allclose(picture.detach().numpy(), function(tone), atol=1e-5)
    picture.sum().backward()
    assert waveform.grad.abs().sum() > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_mfcc", [1, 13, 20])
def test_mfcc_is_what_librosa_calls_mfcc(recordings, engine, n_mfcc):
    waveform, _ = load_audio(next(file for file in find_audio(recordings) if "trumpet" in file.name), duration=5)
    expected = librosa.feature.mfcc(y=waveform, sr=SAMPLE_RATE, n_mfcc=n_mfcc, n_fft=1024, hop_length=512, n_mels=128)
    ours = mfcc(waveform, MfccConfig(n_fft=1024, n_mfcc=n_mfcc), engine)
    assert ours.shape == expected.shape == (n_mfcc, MelConfig().frames(len(waveform)))
    np.testing.assert_allclose(ours, expected, atol=0.05)


@pytest.mark.parametrize("engine", ENGINES)
def test_mfcc_of_a_tone_is_what_librosa_calls_mfcc(engine, tone):
    expected = librosa.feature.mfcc(y=tone, sr=SAMPLE_RATE, n_fft=1024, hop_length=512, n_mels=64)
    np.testing.assert_allclose(mfcc(tone, MfccConfig(n_fft=1024, n_mels=64), engine), expected, atol=0.05)


@pytest.mark.parametrize(("function", "samples", "ms"), [(log_mel, 1024, 46), (mfcc, 2048, 93)])
@pytest.mark.parametrize("engine", ENGINES)
def test_less_than_a_frame_is_an_error(function, samples, ms, engine):
    expected = rf"at least one frame of {samples} samples \({ms} ms at 22050 Hz\), found {samples - 1}"
    with pytest.raises(ValueError, match=expected):
        function(np.zeros(samples - 1), engine=engine)


def test_settings_that_cannot_be_are_errors(tone):
    with pytest.raises(ValueError, match=r"expected a scaling among decibel, ln, .*, found 'log'"):
        MelConfig(scaling="log")
    with pytest.raises(ValueError, match="expected hop_length to be a whole number of at least 1, found 0"):
        MelConfig(hop_length=0)
    for name, most in (("hop_length", 65536), ("n_fft", 65536), ("n_mels", 2048), ("sample_rate", 1_000_000)):
        with pytest.raises(ValueError, match=f"expected {name} to be a whole number from 1 to {most}, found 1000001"):
            MelConfig(**{name: 1_000_001})  # a bank of n_mels x bins would take gigabytes
    with pytest.raises(ValueError, match="expected fmin to be a finite number of at least 0, found 'low'"):
        MelConfig(fmin="low")
    with pytest.raises(ValueError, match=r"expected n_fft to be even.*found 1023"):
        MelConfig(n_fft=1023)
    with pytest.raises(ValueError, match=r"half the sample rate.*fmax=9000"):
        MelConfig(sample_rate=16000, fmax=9000)
    with pytest.raises(ValueError, match="fmin=500, fmax=400"):
        MelConfig(fmin=500, fmax=400)
    with pytest.raises(ValueError, match="expected n_mfcc to be a whole number from 1 to 40, found 41"):
        MfccConfig(n_mels=40, n_mfcc=41)
    with pytest.raises(ValueError, match='engine must be "torch" or "librosa", not \'tf\''):
        log_mel(tone, engine="tf")


def test_the_settings_survive_json():
    config = MelConfig(fmax=8000, power=2)
    assert MelConfig(**config.to_dict()) == config
