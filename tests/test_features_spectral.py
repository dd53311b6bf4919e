"""Features of sounds whose answer is known, and what is refused."""

import numpy as np
import pytest
import torch
from conftest import SAMPLE_RATE, sine
from hypothesis import given
from hypothesis import strategies as st

from musiclab import features
from musiclab.features import ChromaConfig, ContrastConfig, FrameConfig, MelConfig, MfccConfig, TempoConfig, mel_bank
from musiclab.features.banks import chroma_bank
from musiclab.features.kernels.batch import ClipBatch

ENGINES = ("torch", "librosa")
ROWS = {  # one row, or some, a frame
    "mfcc": features.mfcc,
    "chroma": features.chroma,
    "spectral_contrast": features.spectral_contrast,
    "spectral_centroid": features.spectral_centroid,
    "spectral_bandwidth": features.spectral_bandwidth,
    "spectral_rolloff": features.spectral_rolloff,
    "rms": features.rms,
    "zero_crossing_rate": features.zero_crossing_rate,
    "sequence": features.sequence,
}
NUMBERS = {"tempo": features.tempo, "tuning": features.tuning, "summary": features.summary}
ALL = {"log_mel": features.log_mel, **ROWS, **NUMBERS}
INNER = slice(4, -4)  # frames that see no silence before or after


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("frequency", [441.0, 2000.0, 7000.0])
def test_a_tone_is_where_it_is(engine, frequency):
    tone = sine(frequency, amplitude=0.5)
    bin_width = SAMPLE_RATE / 2048
    np.testing.assert_allclose(features.spectral_centroid(tone, engine=engine)[:, INNER], frequency, rtol=0.01)
    assert np.abs(features.spectral_rolloff(tone, engine=engine)[:, INNER] - frequency).max() < 2 * bin_width
    assert features.spectral_bandwidth(tone, engine=engine)[:, INNER].max() < 200
    np.testing.assert_allclose(features.rms(tone, engine=engine)[:, INNER], 0.5 / np.sqrt(2), rtol=0.01)
    crossings = features.zero_crossing_rate(tone, engine=engine)[:, INNER]
    assert np.abs(crossings - 2 * frequency / SAMPLE_RATE).max() <= 2 / 2048  # one more or less at either end


def test_noise_has_its_middle_in_the_middle():
    noise = np.random.default_rng(0).standard_normal(10 * SAMPLE_RATE).astype(np.float32) / 5
    nyquist = SAMPLE_RATE / 2
    assert features.spectral_centroid(noise).mean() == pytest.approx(nyquist / 2, rel=0.01)
    assert features.spectral_bandwidth(noise).mean() == pytest.approx(nyquist / np.sqrt(12), rel=0.01)
    assert features.spectral_rolloff(noise).mean() == pytest.approx(0.85 * nyquist, rel=0.01)
    assert features.zero_crossing_rate(noise)[:, INNER].mean() == pytest.approx(0.5, rel=0.01)
    assert features.rms(noise)[:, INNER].mean() == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize("engine", ENGINES)
def test_contrast_tells_a_tone_from_noise(engine):
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32) / 50
    tone = sine(1100.0) + noise
    band = 3  # 800 to 1600 Hz
    with_tone, without = (features.spectral_contrast(sound, engine=engine)[:, INNER] for sound in (tone, noise))
    assert (with_tone - without).mean(axis=1).argmax() == band
    assert (with_tone - without)[band].mean() > 10


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("note", "frequency"), [("C", 261.63), ("E", 329.63), ("A", 440.0), ("B", 493.88)])
def test_chroma_names_the_note(engine, note, frequency):
    tone = sum(sine(frequency * octave, amplitude=0.3) for octave in (1, 2))
    values = features.chroma(tone, engine=engine)
    assert {ChromaConfig().names[row] for row in values[:, INNER].argmax(axis=0)} == {f"chroma_{note}"}
    assert values.min() >= 0
    assert values.max() == pytest.approx(1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cents", [-30, -8, 0, 25])
def test_tuning_is_found(engine, cents):
    notes = 440 * 2 ** ((np.arange(12) + cents / 100) / 12)
    scale = np.concatenate([sine(note, seconds=0.4) for note in notes])
    assert 100 * features.tuning(scale, engine=engine) == pytest.approx(
        cents, abs=5
    )  # steps of 1, and bins are 11 Hz wide


def test_a_tuning_that_is_given_is_used(tone):
    sharp = features.chroma(tone, ChromaConfig(tuning=0.5))
    np.testing.assert_allclose(sharp, features.chroma(tone, ChromaConfig(tuning=0.5), "librosa"), atol=1e-4)
    assert np.abs(sharp - features.chroma(tone)).max() > 0.1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bpm", [80, 120, 150])
def test_tempo_of_clicks(engine, bpm):
    waveform = np.zeros(15 * SAMPLE_RATE, dtype=np.float32)
    click = sine(1500.0, seconds=0.02)
    for start in np.arange(0, len(waveform) - len(click), 60 * SAMPLE_RATE / bpm).astype(int):
        waveform[start : start + len(click)] += click
    assert features.tempo(waveform, engine=engine) == pytest.approx(bpm, rel=0.04)  # a lag is a whole number of frames


def test_delta_is_the_slope():
    line = 3 * np.arange(20, dtype=np.float32)
    np.testing.assert_allclose(features.delta(line), 3, rtol=1e-5)
    np.testing.assert_allclose(features.delta(line**2 / 9, order=2), 2, rtol=1e-4)  # x^2 has a curvature of 2


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_its_clips(name):
    batch = np.random.default_rng(0).standard_normal((2, 2, 5000)).astype(np.float32) / 5
    batch[1, 0] = sine(1000, seconds=1)[:5000]
    batch[1, 1] = 0
    together = ALL[name](batch)
    alone = np.stack([np.stack([ALL[name](clip) for clip in row]) for row in batch])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", [0.0, 0.5, -0.25], ids=["silence", "constant", "negative"])
@pytest.mark.filterwarnings("ignore:Trying to estimate tuning")
def test_what_does_not_sound_gives_finite_numbers(engine, value):
    waveform = np.full(8192, value, dtype=np.float32)
    for name, function in ALL.items():
        assert np.isfinite(function(waveform, engine=engine)).all(), name
    assert features.zero_crossing_rate(waveform, engine=engine).max() == 0


@pytest.mark.filterwarnings("ignore:Trying to estimate tuning")
def test_silence_is_what_the_docstrings_say():
    silence = np.zeros(22050, dtype=np.float32)
    for name in set(ROWS) - {"mfcc", "sequence"}:
        assert not ROWS[name](silence).any(), name
    assert features.tuning(silence) == 0
    assert features.tempo(silence) == pytest.approx(117.45, abs=0.01)
    assert features.tempo(silence) == features.tempo(silence, engine="librosa")
    config = MfccConfig()
    np.testing.assert_allclose(features.mfcc(silence, config).T, [config.silence] * 44, atol=1e-2)


@pytest.mark.parametrize("name", ALL)
def test_what_is_no_waveform_is_an_error(name):
    needed = 1024 if name == "log_mel" else 2048
    for samples in (0, 1, needed - 1):
        with pytest.raises(ValueError, match=rf"one frame of {needed} samples .*found {samples}; use a longer"):
            ALL[name](np.zeros(samples))
    for bad in (np.nan, np.inf):
        waveform = np.zeros(4096)
        waveform[100] = bad
        for either in (waveform, torch.from_numpy(waveform)):
            with pytest.raises(ValueError, match="expected finite samples"):
                ALL[name](either)
    with pytest.raises(ValueError, match=r"floats in .-1, 1., found int16; convert int16 with audio.from_int16"):
        ALL[name](np.zeros(4096, dtype=np.int16))
    with pytest.raises(ValueError, match='engine must be "torch" or "librosa"'):
        ALL[name](np.zeros(4096), engine="jax")


def test_one_frame_is_enough():
    waveform = sine(1000, seconds=1)[:2048]
    for name, function in ROWS.items():
        frames = 5 if name != "mfcc" else MelConfig().frames(2048)
        assert function(waveform).shape[-1] == frames, name
        np.testing.assert_allclose(
            function(waveform), function(waveform, engine="librosa"), rtol=1e-4, atol=0.01, err_msg=name
        )


@pytest.mark.parametrize(
    "name", ["mfcc", "chroma", "spectral_contrast", "spectral_centroid", "spectral_bandwidth", "rms", "sequence"]
)
def test_gradients_pass_and_silence_does_not_spoil_them(name):
    waveform = torch.from_numpy(np.concatenate([np.zeros(6000, dtype=np.float32), sine(800.0)[:4000]]))
    waveform.requires_grad_()
    values = ROWS[name](waveform)
    np.testing.assert_allclose(values.detach().numpy(), ROWS[name](waveform.detach().numpy()), rtol=1e-4, atol=1e-4)
    values.sum().backward()
    assert waveform.grad.isfinite().all()
    assert waveform.grad.abs().sum() > 0


def test_the_input_is_left_as_it_is(tone):
    kept = tone.copy()
    for function in ALL.values():
        function(tone)
        function(torch.from_numpy(tone))
    np.testing.assert_array_equal(tone, kept)


@given(samples=st.integers(2048, 30000), hop_length=st.integers(100, 3000), rate=st.sampled_from([16000, 44100]))
def test_blocks_do_not_show(samples, hop_length, rate):
    config = FrameConfig(rate, 2048, hop_length)
    waveform = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    batch = ClipBatch(torch.from_numpy(waveform)[None], ContrastConfig(**config.framing))
    power = torch.cat(batch.power(config), dim=1)[0].numpy()
    assert power.shape == (config.frames(samples), 1025)
    padded = np.pad(waveform, 1024)
    for frame in {0, len(power) // 2, len(power) - 1}:
        start = frame * hop_length
        windowed = padded[start : start + 2048] * np.hanning(2049)[:-1]
        np.testing.assert_allclose(power[frame], np.abs(np.fft.rfft(windowed)) ** 2, rtol=1e-4, atol=1e-6)


def test_filter_banks_are_those_of_librosa():
    import librosa

    for settings in ({}, {"n_fft": 2048}, {"sample_rate": 16000, "n_fft": 400, "n_mels": 40, "fmin": 50, "fmax": 7600}):
        config = MelConfig(**settings)
        reference = librosa.filters.mel(
            sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels, fmin=config.fmin, fmax=config.highest
        )
        np.testing.assert_allclose(mel_bank(config), reference, atol=1e-7)
    for tuning in (-0.31, 0.0, 0.2):
        for n_chroma in (12, 24):
            bank = chroma_bank(ChromaConfig(n_chroma=n_chroma, tuning=tuning))
            reference = librosa.filters.chroma(sr=22050, n_fft=2048, tuning=tuning, n_chroma=n_chroma)
            np.testing.assert_allclose(bank, reference, atol=1e-6)


def test_bands_without_a_bin_are_told():
    with pytest.warns(UserWarning, match="of 200 mel bands are narrower than a frequency bin.*n_fft above 512"):
        mel_bank(MelConfig(n_fft=512, n_mels=200))


def test_settings_that_cannot_be_are_errors():
    with pytest.raises(ValueError, match=r"starts at 6400 Hz, which is not below 4000 Hz.*sample rate of 8000 Hz"):
        ContrastConfig(sample_rate=8000)
    with pytest.raises(ValueError, match="n_fft=64 leaves a band without a bin"):
        ContrastConfig(n_fft=64)
    with pytest.raises(ValueError, match="expected quantile to be a share, from 0 to less than 1, found 1"):
        ContrastConfig(quantile=1)
    with pytest.raises(ValueError, match="expected n_mfcc to be a whole number from 1 to 10, found 13"):
        MfccConfig(n_mels=10, n_mfcc=13)
    with pytest.raises(ValueError, match="expected start_bpm to be a finite number greater than 0, found 0"):
        TempoConfig(start_bpm=0)
    with pytest.raises(ValueError, match=r"odd width of at least 3 .* found width=4, order=1"):
        features.delta(np.zeros(20), width=4)
    with pytest.raises(ValueError, match="at least 9 frames, found 8"):
        features.delta(np.zeros(8))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ALL)
def test_a_gpu_gives_what_the_cpu_gives_and_keeps_it_there(name):
    batch = np.random.default_rng(0).standard_normal((3, 22050)).astype(np.float32) / 5
    batch[0] += sine(440.0)
    values = ALL[name](torch.from_numpy(batch).to("cuda"))
    assert values.device.type == "cuda"
    expected = ALL[name](torch.from_numpy(batch))
    tolerance = SAMPLE_RATE / 2048 if name in ("spectral_rolloff", "summary") else 0.05  # a rolloff: one bin
    torch.testing.assert_close(values.cpu(), expected, rtol=1e-3, atol=tolerance)
