"""Fingerprints: copies are found whatever was done to them, and different sounds are not taken for copies."""

import io

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, noisy_sine, sine
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab import studio
from musiclab.audio import resample
from musiclab.datasets.fingerprints import BITS, THRESHOLD, find_repeats, fingerprint


@pytest.fixture(scope="module")
def tracks():
    """Ten tracks of four seconds, one a genre, float32."""
    return [studio.render(**entry).samples / np.float32(32768) for entry in studio.catalogue(1, 4.0)]


def similarity(first, second):
    pairs = find_repeats([first, second], threshold=0.0)
    return pairs[0][2] if pairs else 0.0  # too little sound in common


def with_noise(seed, seconds=3.0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def vorbis(waveform, sample_rate=SAMPLE_RATE, compression=0.9):
    """The waveform after Ogg Vorbis at a low quality."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", sample_rate, 1, "VORBIS", format="OGG", compression_level=compression
    ) as written:
        for start in range(0, len(waveform), 65536):
            written.write(waveform[start : start + 65536])
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


CHANGES = {
    "louder": (lambda waveform: 2 * waveform, 0.99),
    "much softer": (lambda waveform: 0.01 * waveform, 0.99),
    "Ogg Vorbis": (vorbis, 0.7),
    "8 kHz": (lambda waveform: resample(resample(waveform, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE), 0.9),
    "the start is gone": (lambda waveform: waveform[round(0.51 * SAMPLE_RATE) :], 0.9),
    "the end is gone": (lambda waveform: waveform[: -round(0.5 * SAMPLE_RATE)], 0.9),
    "a pause before it": (lambda waveform: np.pad(waveform, (round(0.3 * SAMPLE_RATE), 0)), 0.7),
    "all at once": (lambda waveform: vorbis(0.3 * waveform[round(0.23 * SAMPLE_RATE) :]), 0.65),
}


@pytest.mark.parametrize(("change", "least"), CHANGES.values(), ids=CHANGES)
def test_a_copy_is_found(tracks, change, least):
    for track in tracks:
        bits, copy = fingerprint(track, SAMPLE_RATE), fingerprint(change(track), SAMPLE_RATE)
        assert similarity(bits, copy) > least > THRESHOLD
        assert similarity(copy, bits) == similarity(bits, copy)


def test_different_tracks_are_not_copies(tracks):
    bits = [fingerprint(track, SAMPLE_RATE) for track in tracks]
    assert find_repeats(bits) == []
    assert max(value for *_, value in find_repeats(bits, threshold=0.01)) < 0.4


def test_pairs_are_numbers_of_clips_in_order():
    bits = [fingerprint(with_noise(seed), SAMPLE_RATE) for seed in (1, 2, 3, 2, 1, 2)]
    assert find_repeats(bits) == [(0, 4, 1.0), (1, 3, 1.0), (1, 5, 1.0), (3, 5, 1.0)]
    assert find_repeats([]) == []


def test_a_frame_has_a_bit_for_each_pair_of_bands():
    bits = fingerprint(with_noise(0), SAMPLE_RATE)
    assert bits.shape == (63, BITS)  # 65 frames of 46 ms, less the two that have no frame 93 ms before them
    assert bits.dtype == np.int8
    assert set(np.unique(bits)) == {-1, 1}


def test_silence_has_no_bits_and_is_like_nothing():
    silence = fingerprint(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    assert not silence.any()
    assert similarity(silence, silence) == 0
    padded = [fingerprint(np.pad(with_noise(seed, 0.5), (0, 4 * SAMPLE_RATE)), SAMPLE_RATE) for seed in (0, 1)]
    assert similarity(*padded) < 0.3  # their long pauses do not count
    assert similarity(padded[0], padded[0]) == 1


@pytest.mark.parametrize("samples", [1, 100, 2048])
def test_what_is_too_short_is_like_nothing(samples):
    bits = fingerprint(sine(440.0)[:samples], SAMPLE_RATE)
    assert bits.shape[1] == BITS
    assert similarity(bits, bits) == 0


def test_a_part_is_not_a_copy(tracks):
    whole, half = fingerprint(tracks[0], SAMPLE_RATE), fingerprint(tracks[0][: 2 * SAMPLE_RATE], SAMPLE_RATE)
    assert similarity(whole, half) == 0


@settings(max_examples=10)
@given(seeds=st.lists(st.integers(0, 4), min_size=2, max_size=6), gain=st.floats(0.01, 10))
def test_the_same_sounds_are_found_and_no_others(seeds, gain):
    bits = [fingerprint(with_noise(seed) * (gain if clip % 2 else 1), SAMPLE_RATE) for clip, seed in enumerate(seeds)]
    found = {(one, other) for one, other, _ in find_repeats(bits)}
    assert found == {(i, j) for i in range(len(seeds)) for j in range(i + 1, len(seeds)) if seeds[i] == seeds[j]}


def test_tones_of_one_pitch_are_not_copies():
    """The hard case: sounds with little in them, and the same."""
    bits = [fingerprint(noisy_sine(800.0, seed, 3.0), SAMPLE_RATE) for seed in range(8)]
    assert find_repeats(bits) == []


@pytest.mark.parametrize("wrong", [0.0, 0.05, 0.12], ids=["equal", "lossy", "very lossy"])
def test_in_large_sets_copies_are_found_by_their_patterns(wrong, monkeypatch):
    rng = np.random.default_rng(0)
    clips = [np.sign(rng.standard_normal((rng.integers(60, 100), BITS))).astype(np.int8) for _ in range(300)]
    expected = []
    for number in range(40):
        copy = clips[number][number % 5 :].copy()  # starts up to 0.2 s later
        copy[rng.random(copy.shape) < wrong] *= -1
        expected.append((number, len(clips)))
        clips.append(copy)
    exhaustive = find_repeats(clips)
    assert [(one, other) for one, other, _ in exhaustive] == expected
    monkeypatch.setattr("musiclab.datasets.fingerprints._MAX_EXHAUSTIVE", 0)
    for many, least in ((1_000_000, 39), (0, 36)):
        monkeypatch.setattr("musiclab.datasets.fingerprints._MANY_FRAMES", many)
        by_patterns = find_repeats(clips)
        assert set(by_patterns) <= set(exhaustive)
        assert len(by_patterns) >= least
    assert find_repeats([]) == find_repeats([np.zeros((0, BITS), np.int8)] * 3) == []
