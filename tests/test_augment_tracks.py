"""Augmentation of a track before training: known amounts on sounds whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from musiclab.core.errors import AudioError, RunError
from musiclab.training.augment import tracks

SAMPLE_RATE = 22050
seeds = st.integers(0, 999)


def rng(seed=0):
    return np.random.default_rng(seed)


def frequency(waveform: np.ndarray) -> float:
    """Strongest frequency of the middle of a sound, in Hz, by a parabola through the peak of its log spectrum."""
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4]
    spectrum = np.log(np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18)) + 1e-12)
    peak = int(spectrum.argmax())
    left, top, right = spectrum[peak - 1 : peak + 2]
    return (peak + 0.5 * (left - right) / (left - 2 * top + right)) * SAMPLE_RATE / (1 << 18)


def cents(found: float, expected: float) -> float:
    return 1200 * abs(np.log2(found / expected))


# One by one


@pytest.mark.parametrize("snr", [0.0, 10.0, 30.0])
def test_noise_has_the_ratio_that_was_asked_for(tone, snr):
    noisy = tracks.noise(0.1 * tone, rng(), snr=snr).astype(float)
    added = noisy - 0.1 * tone
    assert 10 * np.log10(np.sum((0.1 * tone.astype(float)) ** 2) / np.sum(added**2)) == pytest.approx(snr, abs=0.1)


def test_noise_over_full_scale_is_turned_down_as_a_whole(tone):
    loud = 2 * tone  # a peak of 1
    noisy = tracks.noise(loud, rng(), snr=10.0).astype(float)
    assert np.abs(noisy).max() == pytest.approx(1)
    level = noisy @ loud / (loud @ loud)
    assert level < 0.9
    assert 10 * np.log10(np.sum((level * loud) ** 2) / np.sum((noisy - level * loud) ** 2)) == pytest.approx(
        10, abs=0.1
    )


@given(share=st.floats(-1, 1))
def test_a_circular_shift_is_a_rotation(share):
    waveform = np.linspace(-1, 1, 100, dtype=np.float32)
    np.testing.assert_array_equal(
        tracks.circular_shift(waveform, rng(), share=share), np.roll(waveform, round(share * 100))
    )


@given(share=st.floats(-2, 2))
def test_a_shift_leaves_zeros_behind(share):
    waveform = np.linspace(0.1, 1, 100, dtype=np.float32)
    moved = tracks.shift(waveform, rng(), share=share)
    move = round(np.clip(share, -1, 1) * 100)
    assert len(moved) == 100
    assert (moved == 0).sum() == abs(move)
    if move >= 0:
        np.testing.assert_array_equal(moved[move:], waveform[: 100 - move])
    else:
        np.testing.assert_array_equal(moved[:move], waveform[-move:])


@pytest.mark.parametrize("factor", [0.8, 1.1, 1.25])
def test_a_stretch_changes_length_and_not_pitch(tone, factor):
    stretched = tracks.time_stretch(tone, rng(), factor=factor)
    assert len(stretched) == round(len(tone) / factor)
    assert cents(frequency(stretched), 440) < 5


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_keeps_length_and_pitch(tone, factor):
    changed = tracks.speed(tone, rng(), factor=factor)
    assert len(changed) == len(tone)
    assert cents(frequency(changed), 440) < 5
    end = round(len(tone) / factor)
    assert np.any(changed[: min(end, len(tone))][-100:])
    assert not np.any(changed[end:])  # silence after a faster one


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.06, 1.25])
def test_resampling_changes_length_and_pitch(tone, factor):
    changed = tracks.pitch_and_speed(tone, rng(), factor=factor)
    assert len(changed) == pytest.approx(len(tone) / factor, abs=1)
    assert cents(frequency(changed), 440 * factor) < 1


@pytest.mark.parametrize("semitones", [-2, -0.5, 2])
def test_a_pitch_shift_changes_pitch_and_not_length(tone, semitones):
    changed = tracks.pitch_shift(tone, rng(), semitones=semitones)
    assert len(changed) == len(tone)
    assert cents(frequency(changed), 440 * 2 ** (semitones / 12)) < 5


def test_gain_multiplies_and_clips(tone):
    np.testing.assert_allclose(tracks.gain(tone, rng(), factor=1.5), 1.5 * tone, rtol=1e-6)
    np.testing.assert_allclose(tracks.gain(tone, rng(), factor=3.0), np.clip(3 * tone, -1, 1), rtol=1e-6)


@given(seed=seeds)
def test_gain_is_1_5_to_3_unless_told_otherwise(seed):
    waveform = np.full(64, 0.1, dtype=np.float32)
    assert 0.15 <= tracks.gain(waveform, rng(seed))[0] <= 0.3


def test_the_percussive_part_loses_a_steady_tone_and_keeps_clicks(tone):
    clicks = np.zeros_like(tone)
    clicks[2000::5000] = 0.4
    kept = tracks.percussive(tone + clicks, rng())
    middle = slice(4000, -4000)  # a tone that begins or ends is a click too
    struck = [range(place - 5, place + 6) for place in range(2000, len(tone), 5000)]
    between = np.setdiff1d(np.arange(len(tone))[middle], np.concatenate(struck))
    assert np.sqrt(np.mean(kept[between] ** 2)) < 0.1 * np.sqrt(np.mean(tone[between] ** 2))  # 20 dB down
    for place in range(7000, 18000, 5000):
        assert kept[place - 5 : place + 6].max() > 0.3


# All nine


def test_there_are_nine():
    assert list(tracks.AUGMENTATIONS) == [
        "noise", "circular_shift", "time_stretch", "pitch_and_speed", "pitch_shift", "speed", "gain", "percussive",
        "shift",
    ]  # fmt: skip


@pytest.mark.parametrize("name", tracks.AUGMENTATIONS)
def test_the_seed_decides_and_what_was_given_stays(name, tone):
    change = tracks.AUGMENTATIONS[name]
    before = tone.copy()
    first, again, other = (change(tone, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.shares_memory(first, tone)
    np.testing.assert_array_equal(tone, before)
    assert np.array_equal(first, other) == (name == "percussive")  # which draws nothing


@pytest.mark.parametrize("name", tracks.AUGMENTATIONS)
@hypothesis_settings(max_examples=8)
@given(seed=seeds, samples=st.integers(64, 5000), level=st.sampled_from([0.0, 1e-6, 0.5, 1.0]))
def test_any_waveform_gives_a_waveform(name, seed, samples, level):
    waveform = (level * rng(seed).uniform(-1, 1, samples)).astype(np.float32)
    changed = tracks.AUGMENTATIONS[name](waveform, rng(seed))
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert np.abs(changed).max() <= 1
    longest = 1.25 if name in ("time_stretch", "pitch_and_speed") else 1
    assert samples / longest - 1 <= len(changed) <= samples * longest + 1
    if level == 0:
        assert not changed.any()


NO_CHANGE = {
    "circular_shift": {"share": 0}, "pitch_and_speed": {"factor": 1}, "gain": {"factor": 1}, "shift": {"share": 0}
}  # fmt: skip


@pytest.mark.parametrize("name", NO_CHANGE)
def test_nothing_is_changed_by_nothing(name, tone):
    np.testing.assert_array_equal(tracks.AUGMENTATIONS[name](tone, rng(), **NO_CHANGE[name]), tone)


def test_a_stretch_by_one_gives_the_sound_back(tone):
    for unchanged in (tracks.time_stretch(tone, rng(), 1.0), tracks.pitch_shift(tone, rng(), 0.0)):
        np.testing.assert_allclose(unchanged, tone, atol=1e-3)


@pytest.mark.parametrize("name", tracks.AUGMENTATIONS)
@pytest.mark.parametrize(
    ("waveform", "found"),
    [
        (np.zeros((2, 1000)), r"shape \(2, 1000\)"),
        (np.zeros(63), r"shape \(63,\)"),
        (np.full(1000, np.nan), "NaN"),
    ],
)
def test_what_is_no_waveform_is_refused(name, waveform, found):
    with pytest.raises(AudioError, match=found):
        tracks.AUGMENTATIONS[name](waveform, rng())


@pytest.mark.parametrize("factor", [0, -1.0, (1.2, 0.8), float("nan"), (0, 1)])
def test_an_impossible_amount_is_refused(factor, tone):
    with pytest.raises(RunError, match="above 0"):
        tracks.time_stretch(tone, rng(), factor=factor)


def test_music_stays_music(recordings):
    from musiclab.audio import load_audio

    path = sorted((recordings / "librosa-examples").glob("*.ogg"))[0]
    waveform, _ = load_audio(path, SAMPLE_RATE, duration=3.0)
    for name, change in tracks.AUGMENTATIONS.items():
        changed = change(waveform, rng())
        assert np.isfinite(changed).all(), name
        assert 0.01 < np.sqrt(np.mean(changed**2)) / np.sqrt(np.mean(waveform**2)) < 3.1, name
