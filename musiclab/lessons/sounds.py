"""Exercises of lessons 01 to 03: waveforms, spectrograms and mels, MFCC and summary features."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from numbers import Real

import librosa
import numpy as np
from scipy.fft import dct
from sklearn.feature_selection import f_classif

from musiclab.core.errors import did_you_mean
from musiclab.features import MelConfig, delta
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import group_interval


@exercise("01.1")
def clip_bytes(answer) -> Verdict:
    """Check the bytes of 30 s, mono, 16 bits, at 22,050 Hz, without the header."""
    truth = 30 * 22050 * 2
    slips = [(truth + 44, "leave out the header of 44 bytes")]
    return judge.number(answer, truth, "bytes", note=f"1,000 clips are {1000 * truth / 1e9:.2f} GB", slips=slips)


@exercise("01.2")
def folded_tones(answer) -> list[Verdict]:
    """Check where 5,000, 10,000 and 20,000 Hz come back when every fifth sample of 44,100 Hz is kept."""
    rate = 44100 / 5
    # sampled, a tone cannot be told from one that is any number of whole rates away; the one below rate / 2 is heard
    truths = {f"{tone:,} Hz": abs(tone - rate * round(tone / rate)) for tone in (5000, 10000, 20000)}
    verdicts = judge.numbers(answer, truths, absolute=1)
    for index, (name, hertz) in enumerate(zip(truths, judge.in_order(answer, truths), strict=True)):
        if isinstance(hertz, Real) and hertz > rate / 2:
            text = f"{name}: {rate:,.0f} samples a second cannot hold a frequency as high as yours"
            verdicts[index] = judge.reject(text)
    return verdicts


@exercise("01.3")
def fade_rate(answer) -> Verdict:
    """Check the c, per second, with which exp(-c t) falls by 60 dB in 1.5 s."""
    return judge.number(answer, 60 / (1.5 * 20 * np.log10(np.e)), "per second")


@exercise("01.4")
def without_voice(answer, song: np.ndarray) -> Verdict:
    """Check one row of samples, shape (22050,), in which the voice (440 Hz) is gone and the instruments are not."""
    spectrum = np.abs(np.fft.rfft(_samples(answer, song.shape[1])))  # of 1 s: line k is k Hz
    instruments = spectrum[[300, 500]]
    is_gone = instruments < 0.01 * np.abs(np.fft.rfft(song, axis=1))[:, [300, 500]].max()  # -40 dB
    expect(not is_gone.all(), "both instruments are gone; only the voice is to go")
    expect(not is_gone.any(), "an instrument is gone; only the voice is to go")
    level = 20 * np.log10(max(spectrum[440] / instruments.max(), 1e-10))
    expect(level <= -1, "the voice is as loud as the instruments, or louder")
    expect(level < -60, f"the voice is {-level:.0f} dB below the instruments, and can still be heard")
    return accept(f"the voice is {-level:.0f} dB below the instruments")


@exercise("01.5")
def dithered_tone(answer) -> Verdict:
    """Check a tone of 220 Hz in values of 2 bits: it keeps its amplitude of 0.2 and has no third partial."""
    sound, steps = _samples(answer, 22050), (-1, -0.5, 0, 0.5)
    expect(np.isin(sound, steps).all(), f"expected no values but {steps}; round last, after the noise is added")
    tone, partial = np.abs(np.fft.rfft(sound))[[220, 660]] / (len(sound) / 2)  # amplitudes: line k is k Hz
    reached = f"the tone has amplitude {tone:.3f}, its third partial {partial:.3f}"
    fault = "weak" if tone < 0.2 else "strong"
    expect(abs(tone - 0.2) < 0.02, f"{reached}; aim at 0.2 within 0.02: it is too {fault}")
    expect(partial < 0.01, f"{reached}; aim at less than 0.01 for the partial: the steps of the rounding still show")
    return accept(reached)


def _samples(answer, count: int) -> np.ndarray:
    """Return a row of ``count`` finite samples, or reject the answer."""
    sound = np.asarray(answer)
    judge.expect_type(sound.dtype.kind in "iuf", "an array of samples", answer)
    expect(sound.shape == (count,), f"expected one row of samples, shape ({count},), found {sound.shape}")
    expect(np.isfinite(sound).all(), f"{(~np.isfinite(sound)).sum():,} samples are not finite numbers")
    return sound.astype(np.float64)


@exercise("02.1")
def settings_read(answer) -> list[Verdict]:
    """Check the spacing of bins, window length and frames of a 30 s clip at 22,050 Hz, n_fft 2,048, hop 512."""
    config = MelConfig(sample_rate=22050, n_fft=2048, hop_length=512)
    return judge.numbers(answer, {"Hz": 22050 / 2048, "ms": 1000 * 2048 / 22050, "frames": config.frames(30 * 22050)})


@exercise("02.2")
def quarter_in_decibels(answer) -> list[Verdict]:
    """Check the change of level at a quarter of the amplitude, and what taking magnitudes for powers gives."""
    return judge.numbers(answer, {"level": 20 * np.log10(1 / 4), "program": 10 * np.log10(1 / 4)}, absolute=0.1)


@exercise("02.3")
def semitone_window(answer) -> Verdict:
    """Check the shortest n_fft, a power of two, that shows 440 and 466.16 Hz as two lines whatever their phases."""
    powers = [2**power for power in range(4, 16)]
    truth = next(n_fft for n_fft in powers if least_dip(n_fft) >= 10)  # dB
    n_fft = judge.finite_number(answer)
    expect(n_fft in powers, f"expected a power of two from {powers[0]} to {powers[-1]:,}")
    expect(n_fft <= truth, "two lines, but the window is longer than it needs to be")
    dip = max(least_dip(int(n_fft)), 0)
    expect(n_fft == truth, f"too short: for some phases the dip is only {dip:.1f} dB")
    return accept(f"{truth:,} samples; with half of that the dip can be {least_dip(truth // 2):.1f} dB")


@cache
def least_dip(n_fft: int) -> float:
    """Compute how far the spectrum dips between two tones a semitone apart, in dB, at the worst of 16 phases."""
    padding = 16  # zeros behind the frame show what lies between the bins
    time, window = np.arange(n_fft) / 22050, np.hanning(n_fft + 1)[:-1]
    first, second = (round(hertz * padding * n_fft / 22050) for hertz in (440, 466.16))
    dips = []
    for phase in np.linspace(0, 2 * np.pi, 16, endpoint=False):
        sound = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 466.16 * time + phase)
        level = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(sound * window, padding * n_fft)), 1e-12))
        dips.append(min(level[first], level[second]) - level[first : second + 1].min())
    return float(min(dips))


@exercise("02.4")
def bands_of_window(answer) -> Verdict:
    """Check the largest n_mels up to which no slaney band is empty, at 22,050 Hz and n_fft 512."""
    truth = next(n_mels for n_mels in range(1, 513) if empty_bands(n_mels + 1))
    verdict = judge.number(answer, truth, "bands", note=f"with one more {empty_bands(truth + 1)} would be empty")
    n_mels = judge.finite_number(answer)
    if verdict.is_right or not 1 <= n_mels <= 1024:
        return verdict
    expect(n_mels > truth, "too small: no band is empty, and there is room for more")
    return judge.reject(f"too large: {empty_bands(math.ceil(n_mels))} of these bands would be empty")


@cache
def empty_bands(n_mels: int, sample_rate: int = 22050, n_fft: int = 512) -> int:
    """Count the bands, of ``n_mels`` slaney bands, into which no bin falls."""
    bank = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
    return int((bank.max(axis=1) == 0).sum())


@exercise("02.5")
def phases_found(answer, target: np.ndarray) -> Verdict:
    """Check a waveform whose magnitudes (n_fft 1,024, hop 256) equal ``target``, shape (513, frames), to -15 dB."""
    sound = np.asarray(answer)
    least = 256 * (target.shape[1] - 1)  # samples; up to 255 more have as many frames
    fits = sound.dtype.kind == "f" and sound.ndim == 1 and least <= len(sound) < least + 256
    expect(fits, f"expected a row of samples as long as the music, found shape {sound.shape}, {sound.dtype}")
    expect(np.isfinite(sound).all(), "expected finite samples")
    error = np.abs(librosa.stft(sound.astype(np.float64), n_fft=1024, hop_length=256)) - target
    miss = 10 * np.log10(max((error**2).sum() / (target**2).sum(), 1e-30))
    # a search does not come near -60 dB
    expect(miss >= -60, "too good to have been found: are these the phases of the music itself?")
    return judge.better(miss, -15, f"the magnitudes miss by {miss:.1f} dB (aim: below -15 dB)", higher=False)


@exercise("03.1")
def shape_of_two_tones(answer) -> list[Verdict]:
    """Check centroid, bandwidth and rolloff of 500 Hz with magnitude 3 and 2,000 Hz with magnitude 1."""
    slip = {"centroid": _shape(9, 1)["centroid"]}, "that is weighted by the power; weigh by the magnitude"
    return judge.numbers(answer, _shape(3, 1), within=0.02, slips=[slip])  # measured ones differ by a bin or so


def _shape(*weights: float) -> dict[str, float]:
    """Compute centroid, bandwidth and rolloff (85 %) of two lines at 500 and 2,000 Hz, in Hz."""
    hertz, share = np.array([500.0, 2000.0]), np.array(weights) / np.sum(weights)
    centroid = share @ hertz
    bandwidth = np.sqrt(share @ (hertz - centroid) ** 2)
    return {"centroid": centroid, "bandwidth": bandwidth, "rolloff": hertz[(np.cumsum(share) >= 0.85).argmax()]}


@exercise("03.2")
def tilted_spectrum(answer) -> list[Verdict]:
    """Check how MFCC 0, 1 and 2 change when the levels of 128 bands rise by 0 to 10 dB, in a straight line."""
    knob, names = np.linspace(0, 10, 128), ("MFCC 0", "MFCC 1", "MFCC 2")
    # the transform is a sum of products, so its change is the transform of the change; 0.0 for the rounding errors
    truths = np.round(dct(knob, type=2, norm="ortho")[:3], 9) + 0.0
    bare = dct(knob, type=2)[:3] / 2  # without the factors s_0 and s_k
    text = "the factor in front of the sum is another: see the formula of section 4"
    slips = [(dict(zip(names, bare / divisor, strict=True)), text) for divisor in (1, 128)]
    return judge.numbers(answer, dict(zip(names, truths, strict=True)), absolute=0.5, slips=slips)


@exercise("03.3")
def deltas(answer, coefficients: np.ndarray) -> Verdict:
    """Check the slopes over 9 frames of ``coefficients``, shape (20, frames), in frames with four neighbours."""
    text = "expected only the frames with four neighbours on both sides, found all"
    expect(np.shape(answer) != np.shape(coefficients), text)
    return judge.array(answer, delta(coefficients)[:, 4:-4], 0.01, "deltas", "dB per frame")


@exercise("03.4")
def flatness(answer, spectra: Mapping[str, np.ndarray]) -> list[Verdict]:
    """Check the spectral flatness of each frame, for ``spectra``: name to magnitudes, shape (bins, frames)."""
    is_complete = isinstance(answer, Mapping) and set(spectra) <= set(answer)
    expect(is_complete, f"expected a dictionary with the keys {', '.join(spectra)}")
    verdicts = []
    for name, magnitude in spectra.items():
        truth, of_magnitude = (librosa.feature.spectral_flatness(S=magnitude, power=power)[0] for power in (2.0, 1.0))
        slips = [(of_magnitude, "that is of the magnitude; take the power")]
        context = {"truth": truth, "tolerance": 0.01 * truth, "slips": slips}  # flatness spans several powers of ten
        what = f"{truth.mean():.5f} on average, an array"
        verdicts.append(judge.part(name, judge.array, answer[name], what=what, **context))
    return verdicts


@exercise("03.5")
def three_columns(answer, Z: np.ndarray, names: Sequence[str], label: np.ndarray, group: np.ndarray) -> Verdict:
    """Check three columns by which the nearest clip of another artist has the same genre more often than by high F."""
    names = list(names)
    has_three = not isinstance(answer, str) and len(answer) == len(set(answer)) == 3
    expect(has_three, "expected three different names of columns")
    for name in answer:
        expect(name in names, f"no column {name!r}{did_you_mean(str(name), names)}")
    by_F = [names[column] for column in np.argsort(-f_classif(Z, label)[0])[:3]]
    correct, to_beat = (
        _neighbours_agree(Z[:, [names.index(name) for name in columns]], label, group) for columns in (answer, by_F)
    )
    text = f"{_accuracy(correct, group)}; by F ({', '.join(by_F)}) {_accuracy(to_beat, group)}"
    return judge.better(correct.mean(), to_beat.mean(), text)


def _neighbours_agree(columns: np.ndarray, label: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return True for each clip whose nearest neighbour in another group has its label, shape (clips,)."""
    distance = np.linalg.norm(columns[:, None] - columns[None], axis=2)  # (clips, clips)
    distance[group[:, None] == group] = np.inf
    return label[distance.argmin(axis=1)] == label


def _accuracy(correct: np.ndarray, group: np.ndarray) -> str:
    low, high = group_interval(correct, group)
    return f"{correct.mean():.1%} of {len(correct)} clips (95 % interval {low:.1%} to {high:.1%})"
