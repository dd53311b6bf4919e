"""Street's sounds against facts known beforehand: rates, tones, sweeps, times."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import signal

from musiclab.core.random import stream
from musiclab.studio.street import SAMPLE_RATE, SOUNDS
from musiclab.studio.street.sounds import (
    SPEED_OF_SOUND,
    VOWELS,
    air_conditioner,
    car_horn,
    children_playing,
    dog_bark,
    drilling,
    engine_idling,
    gun_shot,
    jackhammer,
    siren,
    utterance,
)
from musiclab.studio.street.surroundings import _wind, apply_microphone
from musiclab.studio.street.synthesis import (
    HIGHEST,
    drift,
    equalise,
    gate,
    hits,
    n_samples,
    noise,
    reverberate,
    ringing,
    rms,
    stretches,
    wavetable,
)

WHOLE = [(0.0, 6.0)]


def rng(seed=0):
    return np.random.default_rng(seed)


def spectrum(x):
    """Frequencies (Hz) and magnitudes of the whole of `x`."""
    return np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE), np.abs(np.fft.rfft(x * np.hanning(len(x))))


def strongest(x, low, high):
    """Frequency (Hz) of the highest peak of `x` between `low` and `high`."""
    frequencies, magnitudes = spectrum(x)
    inside = (frequencies >= low) & (frequencies <= high)
    return frequencies[inside][np.argmax(magnitudes[inside])]


def repetition_rate(x, slowest, fastest):
    """Repeats a second, by the first high peak of the autocorrelation of the envelope between two rates."""
    envelope = signal.decimate(np.abs(x), 10, ftype="fir", zero_phase=True)
    envelope = envelope - envelope.mean()
    correlation = signal.correlate(envelope, envelope, method="fft")[len(envelope) - 1 :]
    shortest, longest = int(SAMPLE_RATE / 10 / fastest), int(SAMPLE_RATE / 10 / slowest) + 1
    return SAMPLE_RATE / 10 / (shortest + np.argmax(correlation[shortest:longest]))


def pitch_track(x, low, high):
    """Strongest frequency (Hz) between `low` and `high` in frames of 46 ms, one every 23 ms."""
    frequencies, _, frames = signal.stft(x, SAMPLE_RATE, nperseg=1024, noverlap=512, nfft=8192)
    inside = (frequencies >= low) & (frequencies <= high)
    return frequencies[inside][np.argmax(np.abs(frames[inside]), axis=0)]


# Each class


@pytest.mark.parametrize("rate", [10.0, 14.0, 21.0])
def test_a_jackhammer_strikes_as_often_as_asked(rate):
    sound = jackhammer(WHOLE, 6.0, rng(1), rate=rate)
    assert sound.truth["rate"] == rate
    assert repetition_rate(sound.waveform, 0.7 * rate, 1.5 * rate) == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize(("rpm", "cylinders", "expected"), [(900, 4, 30.0), (720, 6, 36.0), (1000, 2, 1000 / 60)])
def test_an_engine_fires_half_its_cylinders_at_every_turn(rpm, cylinders, expected):
    sound = engine_idling(WHOLE, 6.0, rng(2), rpm=rpm, cylinders=cylinders)
    assert sound.truth["firing_rate"] == pytest.approx(expected)
    assert repetition_rate(sound.waveform, 0.75 * expected, 1.4 * expected) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_an_air_conditioner_hums_at_twice_the_mains(mains):
    frequencies, magnitudes = spectrum(air_conditioner([(-1, 7)], 6.0, rng(3), mains=mains).waveform)
    for partial in (2 * mains, 4 * mains):
        peak = magnitudes[np.abs(frequencies - partial) < 1].max()
        beside = np.median(magnitudes[(np.abs(frequencies - partial) > 4) & (np.abs(frequencies - partial) < 12)])
        assert peak > 4 * beside


def test_a_drill_whines_at_its_speed_and_sags_under_load():
    tops = []
    for seed in range(9):
        sound = drilling([(0, 2.0)], 2.0, rng(seed), whine=300.0)
        tops.append(strongest(sound.waveform[n_samples(0.5) : n_samples(1.5)], 200, 400))
    assert 0.86 * 300 <= np.median(tops) < 300  # at full load 14 % slower; a blow may ring louder than the whine


def test_a_horn_sounds_the_tones_asked_for():
    sound = car_horn([(0, 3)], 3.0, rng(4), tones=(400.0, 500.0))
    start, end = max(sound.truth["honks"], key=lambda honk: honk[1] - honk[0])
    honk = sound.waveform[n_samples(start) + 1000 : n_samples(end) - 1200]
    assert strongest(honk, 350, 450) == pytest.approx(400, abs=4)
    assert strongest(honk, 451, 550) == pytest.approx(500, abs=4)


def test_a_wail_sweeps_between_its_two_ends():
    sound = siren(WHOLE, 6.0, rng(5), kind="wail", low=500.0, high=1000.0, period=3.0, speed=0.0)
    track = pitch_track(sound.waveform, 400, 1150)[8:-8]
    assert np.percentile(track, 2) == pytest.approx(500, rel=0.06)
    assert np.percentile(track, 98) == pytest.approx(1000, rel=0.06)
    # Two periods of 3 s: the track repeats after 3 s and is turned over after 1.5 s or so.
    hop = 512 / SAMPLE_RATE
    shift = round(3.0 / hop)
    assert np.corrcoef(track[:-shift], track[shift:])[0, 1] > 0.8


def test_a_hi_lo_has_two_tones_and_no_more():
    sound = siren(WHOLE, 6.0, rng(6), kind="hi-lo", low=440.0, high=585.0, period=1.2, speed=0.0)
    track = pitch_track(sound.waveform, 380, 650)
    near = (np.abs(track - 440) < 8) | (np.abs(track - 585) < 8)
    assert near.mean() > 0.9


def test_a_passing_siren_falls_in_pitch_by_the_doppler_ratio():
    ratios = []
    for seed in range(12):  # passing by is drawn: the pitch falls by (c + v) / (c - v) where it lies well inside
        sound = siren([(0, 10)], 10.0, rng(seed), kind="hi-lo", low=500.0, high=500.0, speed=20.0)
        early, late = (strongest(sound.waveform[part], 420, 600) for part in (slice(0, 22050), slice(-22050, None)))
        ratios.append(early / late)
    assert max(ratios) == pytest.approx((SPEED_OF_SOUND + 20) / (SPEED_OF_SOUND - 20), rel=0.02)
    assert min(ratios) > 0.99  # never rising


def test_an_unknown_kind_of_siren():
    with pytest.raises(ValueError, match="expected a kind of siren among wail, yelp, hi-lo, found 'whoop'"):
        siren(WHOLE, 6.0, rng(), kind="whoop")


def test_shots_are_heard_when_fired():
    shots = (0.5, 1.7, 2.9)
    sound = gun_shot([(0, 4)], 4.0, rng(7), shots=shots)
    for shot in shots:
        around = np.abs(sound.waveform[n_samples(shot) - 2205 : n_samples(shot) + 2205])
        loud = np.argmax(around > 0.3 * around.max())
        assert loud / SAMPLE_RATE == pytest.approx(0.1, abs=0.055)  # a crack may come up to 50 ms before the blast


@pytest.mark.parametrize("pitch", [250.0, 500.0, 900.0])
def test_a_bark_rises_to_the_pitch_asked_for(pitch):
    sound = dog_bark([(0.0, 4.0)], 4.0, rng(8), pitch=pitch)
    tops = []
    for start, end in sound.truth["barks"][:-1]:
        bark = sound.waveform[n_samples(start) : n_samples(end)]
        bark = bark[len(bark) // 4 : 3 * len(bark) // 4]
        correlation = signal.correlate(bark, bark)[len(bark) - 1 :]
        shortest, longest = int(SAMPLE_RATE / pitch / 1.25), int(SAMPLE_RATE / pitch / 0.6)
        tops.append(SAMPLE_RATE / (shortest + np.argmax(correlation[shortest:longest])))
    assert np.median(tops) == pytest.approx(0.9 * pitch, rel=0.12)  # a bark tops out at 0.85 to 1 of it


def test_smaller_dogs_bark_shorter_and_brighter():
    small, large = (dog_bark([(0, 4)], 4.0, rng(9), pitch=pitch) for pitch in (900.0, 250.0))
    length = [np.mean([end - start for start, end in sound.truth["barks"]]) for sound in (small, large)]
    assert length[0] < 0.75 * length[1]
    centroid = [np.average(hz, weights=magnitude) for hz, magnitude in map(spectrum, (small.waveform, large.waveform))]
    assert centroid[0] > 1.2 * centroid[1]


def test_dogs_come_alone_or_in_company_and_differ_in_brightness():
    dogs, brightness = [], []
    for seed in range(40):
        sound = dog_bark([(0, 2)], 2.0, rng(seed))
        hz, magnitude = spectrum(sound.waveform)
        dogs.append(sound.truth["dogs"])
        brightness.append(np.average(hz, weights=magnitude**2))
    assert {1, 2} <= set(dogs) <= {1, 2, 3}
    assert dogs.count(1) > 20
    low, high = np.percentile(brightness, [10, 90])
    assert high > 2 * low


def test_partials_fall_with_the_slope():
    n = SAMPLE_RATE
    flat, steep = (utterance(np.full(n, 500.0), np.ones(n), [9000], rng(), breath=0.0, slope=s) for s in (0.0, 2.0))
    (_, a), (_, b) = spectrum(flat), spectrum(steep)
    assert (b[1000] / b[500]) / (a[1000] / a[500]) == pytest.approx(2**-2.0, rel=0.01)  # bins are 1 Hz apart


def test_an_utterance_has_its_pitch_and_its_formants():
    n = SAMPLE_RATE
    said = utterance(np.full(n, 100.0), np.ones(n), VOWELS["a"], rng(), breath=0.0)
    assert strongest(said, 60, 140) == pytest.approx(100, abs=2)
    assert strongest(said, 500, 900) == pytest.approx(VOWELS["a"][0], abs=60)
    frequencies, magnitudes = spectrum(said)
    first, between = (magnitudes[np.abs(frequencies - hz) < 60].max() for hz in (730, 1700))
    assert first > 5 * between


def test_more_children_are_heard_more_of_the_time():
    def heard(children):
        x = children_playing(WHOLE, 6.0, rng(10), children=children).waveform
        envelope = np.sqrt(np.convolve(x**2, np.ones(2205) / 2205, mode="valid"))
        return np.mean(envelope > 0.2 * envelope.max())

    assert heard(5) > heard(1)


@pytest.mark.parametrize("label", SOUNDS)
def test_a_sound_is_heard_in_its_spans_and_leaves_no_more_than_its_echo_outside(label):
    x = SOUNDS[label]([(1.0, 2.5), (4.0, 4.6)], 6.0, rng(11)).waveform
    assert x.shape == (n_samples(6.0),)
    assert np.isfinite(x).all()
    inside = [rms(x[n_samples(start) : n_samples(end)]) for start, end in ((1.0, 2.5), (4.0, 4.6))]
    assert max(inside) < 8 * min(inside)
    assert rms(x[: n_samples(0.99)]) < 0.02 * min(inside)


@pytest.mark.parametrize("label", ["car_horn", "siren"])
def test_nothing_whistles_by_aliasing(label):
    """Above the highest partial there is next to nothing: what folded back would lie there too."""
    for seed in range(3):
        frequencies, magnitudes = spectrum(SOUNDS[label](WHOLE, 6.0, rng(seed)).waveform)
        power = magnitudes**2
        peaks = power[frequencies > HIGHEST * 1.02].max() / power.max()
        assert peaks < 10 ** (-45 / 10)


# The surroundings


@pytest.mark.parametrize("seed", range(5))
def test_wind_rumbles_and_comes_in_gusts(seed):
    x = _wind(10 * SAMPLE_RATE, rng(seed))
    frequencies, power = signal.welch(x, SAMPLE_RATE, nperseg=4096)
    level = 10 * np.log10(power)
    assert level[np.argmin(np.abs(frequencies - 50))] > level[np.argmin(np.abs(frequencies - 2000))] + 30
    strengths = np.sqrt(np.mean(x.reshape(20, -1) ** 2, axis=1))
    assert strengths.max() > 4 * strengths.min()


def test_microphones_cut_the_treble_suppress_noise_and_differ_in_level():
    x = noise(2 * SAMPLE_RATE, rng(), [(20, 0), (11025, 0)])
    x[SAMPLE_RATE:] *= 10 ** (-50 / 20)
    truths, cut, gated = [], [], []
    for seed in range(80):
        samples, truth = apply_microphone(x, rng(seed))
        truths.append(truth)
        samples = samples / 32768
        frequencies, power = signal.welch(samples[:SAMPLE_RATE], SAMPLE_RATE, nperseg=1024)
        if truth["high_cut"] < 6500 and truth["noise_db"] < -50:
            below, above = (np.argmin(np.abs(frequencies - factor * truth["high_cut"])) for factor in (0.9, 1.55))
            cut.append(10 * np.log10(power[below] / power[above]))
        if truth["automatic"] == 0 and truth["noise_db"] < -55:
            fall = 20 * np.log10(rms(samples[:SAMPLE_RATE]) / rms(samples[SAMPLE_RATE + 2205 :]))
            gated.append((truth["gate_db"] > -100, fall))
    assert len(cut) > 10
    assert min(cut) > 15
    assert min(fall for is_gated, fall in gated if is_gated) > max(fall for is_gated, fall in gated if not is_gated)
    levels = [truth["level_db"] for truth in truths]
    assert min(levels) < -35
    assert max(levels) > -15
    assert 0 < np.mean([truth["clips"] for truth in truths]) < 0.4


# The workbench


def test_streams_differ_by_seed_recording_and_name_only():
    numbers = {
        tuple(stream(*key).integers(2**60, size=2)) for key in [(0, 1, "a"), (1, 1, "a"), (0, 2, "a"), (0, 1, "b")]
    }
    assert len(numbers) == 4
    assert stream(0, 1, "a").random() == stream(0, 1, "a").random()


def test_noise_has_the_spectrum_drawn_for_it():
    x = noise(20 * SAMPLE_RATE, rng(), [(100, 0), (1600, -24)])  # 6 dB an octave
    frequencies, power = signal.welch(x, SAMPLE_RATE, nperseg=4096)
    level = [10 * np.log10(power[np.argmin(np.abs(frequencies - hz))]) for hz in (200, 400, 800)]
    np.testing.assert_allclose(np.diff(level), -6, atol=1.0)
    assert rms(x) == pytest.approx(1)
    assert abs(x.mean()) < 1e-3


def test_equalising_by_a_flat_curve_changes_nothing_but_the_mean():
    x = noise(5000, rng(), [(100, 0), (8000, 0)])
    np.testing.assert_allclose(equalise(x, [(100, 0), (1000, 0)]), x, atol=0.02)
    np.testing.assert_allclose(rms(equalise(x, [(100, -20), (1000, -20)])), rms(x) / 10, rtol=0.01)


def test_a_wavetable_leaves_out_what_would_alias():
    x = wavetable(np.linspace(400, 3000, 2 * SAMPLE_RATE), np.ones(60))
    frequencies, magnitudes = spectrum(x)
    assert magnitudes[frequencies > HIGHEST].max() < 1e-3 * magnitudes.max()
    flat = wavetable(np.full(SAMPLE_RATE, 440.0), [1.0, 0.5])
    assert strongest(flat, 100, 10000) == pytest.approx(440, abs=1)
    assert rms(flat) == pytest.approx(np.sqrt((1 + 0.25) / 2), rel=1e-3)


def test_hits_fall_between_samples():
    train = hits(1000, np.array([100.25, 990.0, 5000.0]) / SAMPLE_RATE, [1.0, 2.0, 3.0], np.array([1.0]))
    np.testing.assert_allclose(train[[100, 101, 990]], [0.75, 0.25, 2.0], atol=1e-9)
    assert train.sum() == pytest.approx(3.0)  # the last lies outside


def test_a_ring_falls_by_60_db_in_its_decay():
    x = ringing([1000.0, 10500.0], [0.5, 0.5], [1.0, 1.0])
    early, late = rms(x[:441]), rms(x[n_samples(0.5) - 441 :])
    assert 20 * np.log10(late / early) == pytest.approx(-58.7, abs=1.5)
    assert strongest(x, 20, 11000) == pytest.approx(1000, abs=3)  # the mode at 10.5 kHz is left out


def test_a_gate_opens_inside_the_span_only():
    g = gate(SAMPLE_RATE, [(0.2, 0.5)], 0.05, 0.1)
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    assert g[(t < 0.2) | (t > 0.5)].max() < 1e-9
    assert g[(t > 0.251) & (t < 0.399)].min() == 1
    assert g[n_samples(0.225)] == pytest.approx(0.5, abs=0.01)


def test_stretches_fill_the_spans_from_their_starts():
    spans = [(0.0, 5.0), (6.0, 6.3)]
    pieces = stretches(spans, rng(), (0.2, 0.5), (0.1, 0.2))
    assert pieces[0][0] == 0.0
    assert any(start == 6.0 for start, _ in pieces)
    assert all(end - start > 0.07 for start, end in pieces)
    assert all(any(a <= start < end <= b for a, b in spans) for start, end in pieces)
    assert all(before[1] < after[0] for before, after in pairwise(pieces))


def test_drift_is_smooth_and_of_unit_deviation():
    x = drift(200 * SAMPLE_RATE // 10, rng(), 20.0)
    assert abs(x.mean()) < 0.2
    assert x.std() == pytest.approx(0.85, abs=0.12)  # a little under 1 between the points
    assert np.abs(np.diff(x)).max() < 0.02


def test_reverberation_keeps_the_direct_sound_and_adds_a_tail():
    click = np.zeros(SAMPLE_RATE)
    click[0] = 1.0
    x = reverberate(click, rng(), 0.5, 0.3)
    assert x[0] == pytest.approx(1.0)
    assert np.sqrt(np.sum(x[1:] ** 2)) == pytest.approx(0.3, rel=1e-6)
    assert rms(x[n_samples(0.45) : n_samples(0.5)]) < 0.01 * rms(x[1 : n_samples(0.05)])
    assert np.abs(x[n_samples(0.51) :]).max() < 1e-9
