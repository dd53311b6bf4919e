"""Check the exercises of lessons 01 to 03: waveforms, spectrograms and mels, MFCC and summary features."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from numbers import Real

import librosa
import numpy as np
from scipy.fft import dct
from scipy.signal import correlate
from sklearn.feature_selection import f_classif

from musiclab import studio
from musiclab.core.errors import did_you_mean
from musiclab.features import MelConfig, delta
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import difference_interval


@exercise("01.1")
def clip_bytes(answer) -> Verdict:
    """Check the size in bytes of 30 s of 16-bit mono sound at 22,050 Hz, without the header."""
    truth = 30 * 22050 * 2
    slips = [(truth + 44, "leave out the 44 bytes of the header")]
    return judge.number(answer, truth, "bytes", note=f"1,000 clips take {1000 * truth / 1e9:.2f} GB", slips=slips)


@exercise("01.2")
def folded_tones(answer) -> list[Verdict]:
    """Check the aliases of 5,000, 10,000 and 20,000 Hz if we keep every fifth sample at 44,100 Hz."""
    sample_rate = 44100 / 5
    # tones that differ by a multiple of the sample rate have the same samples; we hear the one below sample_rate / 2
    truths = {f"{tone:,} Hz": abs(tone - sample_rate * round(tone / sample_rate)) for tone in (5000, 10000, 20000)}
    permuted = "the three frequencies are correct, but not their order. Give them for 5,000, 10,000 and 20,000 Hz."
    slips = [
        ({"5,000 Hz": 5000 - 4410}, "subtract the nearest multiple of the sample rate (8,820 Hz), not of half of it"),
        (dict.fromkeys(truths, 4410), "a tone above the limit folds back. It does not stop at the limit."),
    ]
    verdicts = judge.numbers(answer, truths, absolute=1, permuted=permuted, slips=slips)
    for index, (name, hertz) in enumerate(zip(truths, judge.in_order(answer, truths), strict=True)):
        if isinstance(hertz, Real) and hertz > sample_rate / 2:
            text = f"{name}: {sample_rate:,.0f} samples per second cannot represent a frequency as high as your answer"
            verdicts[index] = judge.reject(text)
        if isinstance(hertz, Real) and hertz < 0:
            verdicts[index] = judge.reject(f"{name}: a frequency is never negative. Take the absolute value.")
    return verdicts


@exercise("01.3")
def fade_rate(answer) -> Verdict:
    """Check the rate c, per second, at which exp(-c t) falls by 60 dB in 1.5 s."""
    truth = np.log(1000) / 1.5
    slips = [
        (3 / 1.5, "exp(-c t) is a power of e, so use the natural logarithm"),
        (np.log(1000), "this is for 1 s. The fade takes 1.5 s."),
        (np.log(1e6) / 1.5, "this is 60 dB for a power. An amplitude falls to a thousandth."),
        (60 / 1.5, "this is the fade in dB per second. By which factor does the amplitude fall in 1.5 s?"),
        (-truth, "the sign is reversed. The minus is already in exp(-c t)."),
    ]
    return judge.number(answer, truth, "per second", slips=slips)


@exercise("01.4")
def without_voice(answer, song: np.ndarray) -> Verdict:
    """Check a waveform, shape (22050,), from which the voice (440 Hz) is removed, but not the instruments."""
    spectrum = np.abs(np.fft.rfft(_check_samples(answer, song.shape[1])))  # of 1 s: bin k is k Hz
    instruments = spectrum[[300, 500]]
    is_removed = instruments < 0.01 * np.abs(np.fft.rfft(song, axis=1))[:, [300, 500]].max()  # -40 dB
    expect(not is_removed.all(), "both instruments are gone. Remove only the voice.")
    expect(not is_removed.any(), "an instrument is gone. Remove only the voice.")
    others = np.delete(spectrum, [300, 440, 500]).max()
    expect(others < 0.03 * instruments.max(), "your waveform has frequencies that the song does not have")
    level = 20 * np.log10(max(spectrum[440] / instruments.max(), 1e-10))
    expect(level <= -1, "the voice is still there, at least as loud as the instruments")
    expect(level < -60, f"the voice is {-level:.0f} dB below the instruments, but still audible")
    return accept("the voice is gone" if level < -190 else f"the voice is {-level:.0f} dB below the instruments")


@exercise("01.5")
def dithered_tone(answer) -> Verdict:
    """Check a tone of 220 Hz, dithered to 2 bits, that keeps its amplitude 0.2 and its mean 0 without new harmonics."""
    sound, steps = _check_samples(answer, 22050), (-1, -0.5, 0, 0.5)
    expect(np.isin(sound, steps).all(), f"only the values {steps} are allowed; round last, after adding the noise")
    tone, *harmonics = np.abs(np.fft.rfft(sound))[220:1101:220] / (len(sound) / 2)  # amplitudes: bin k is k Hz
    harmonic = max(harmonics)
    text = f"the tone has an amplitude of {tone:.3f}, its strongest harmonic {harmonic:.3f}"
    aim = "Aim for 0.2, within 0.02."
    missing = f"{text}, so there is hardly any tone. Is the noise added to `tone`, and no wider than two steps of 0.5?"
    expect(tone > 0.05 or not sound.any(), missing)
    is_cut = min(np.mean(sound == -1), np.mean(sound == 0.5)) > 0.001  # a tone and two steps of noise never reach -1
    cut = f"{text}. The tone is too weak: your noise is wider than two steps of 0.5. {aim}"
    expect(tone > 0.18 or not is_cut, cut)
    offset = sound.mean()
    rising = sound[np.argsort(np.sin(2 * np.pi * 220 * np.arange(len(sound)) / len(sound)))]
    single = "the same number was added to every sample. Draw one for each: rng.uniform(low, high, len(tone))"
    expect(abs(offset) < 0.02 or (np.diff(rising) < 0).any(), single)
    expect(abs(offset) < 0.02, f"your samples have a mean of {offset:.2f}: your noise is not centred on 0")
    expect(tone > 0, "every sample was rounded to 0. Add the noise before you round.")
    expect(
        tone > 0.18,
        f"{text}. The tone is too weak: is your noise too narrow, or wider than one or two steps of 0.5? {aim}",
    )
    expect(tone < 0.22, f"{text}. The tone is too strong: do samples of 0.2 become 0.5 too often? {aim}")
    noisy = "Either the rounding still distorts the tone, or the hiss is too loud"
    expect(harmonic < 0.012, f"{text}. {noisy}; aim for a harmonic below 0.012.")
    return accept(text)


def _check_samples(answer, count: int) -> np.ndarray:
    """Return the answer as float64 if it is a waveform of ``count`` finite samples, otherwise reject it."""
    sound = np.asarray(answer)
    expect(sound.dtype.kind != "c", "your samples are complex. Take the real part.")
    contents = f"an array of samples, but yours contains values of type {sound.dtype}"
    expect(not sound.ndim or sound.dtype.kind in "iuf", f"expected {contents}")
    judge.expect_type(sound.dtype.kind in "iuf", "an array of samples", answer)
    expect(sound.shape == (count,), f"expected a waveform of shape ({count},), but yours has the shape {sound.shape}")
    expect(np.isfinite(sound).all(), f"{(~np.isfinite(sound)).sum():,} samples are not finite")
    return sound.astype(np.float64)


@exercise("02.1")
def settings_read(answer) -> list[Verdict]:
    """Check bin spacing, frame length and number of frames of 30 s at 22,050 Hz, with n_fft 2,048 and hop 512."""
    config = MelConfig(sample_rate=22050, n_fft=2048, hop_length=512)
    truths = {"Hz": 22050 / 2048, "ms": 1000 * 2048 / 22050, "frames": config.frames(30 * 22050)}
    slips = [
        ({"Hz": 11, "ms": 92.0}, "not precise enough; give at least three digits, rounded and not cut off"),
        ({"Hz": 10.7}, "not precise enough; give at least three digits, rounded and not cut off"),
        (
            {"frames": 1 + (30 * 22050 - 2048) // 512},
            "these are the frames without the zeros that are added at both ends",
        ),
    ]
    verdicts = judge.numbers(answer, truths, slips=slips, permuted="these are the three numbers, but in another order")
    frames = judge.in_order(answer, truths)[2]
    if isinstance(frames, Real) and math.isfinite(frames) and frames % 1:
        verdicts[2] = judge.reject("frames: a count is a whole number, and frame 0 counts, too")
    return verdicts


@exercise("02.2")
def quarter_in_decibels(answer) -> list[Verdict]:
    """Check the level change at a quarter of the amplitude, and the one if magnitudes are mistaken for powers."""
    truths = {"true change": 20 * np.log10(1 / 4), "reported change": 10 * np.log10(1 / 4)}
    return judge.numbers(answer, truths, absolute=0.1, permuted="these are the two changes, but swapped")


@exercise("02.3")
def semitone_window(answer) -> Verdict:
    """Check the shortest n_fft, a power of two, that separates 440 and 466.16 Hz whatever their phases."""
    powers = [2**power for power in range(4, 16)]
    truth = next(n_fft for n_fft in powers if least_dip(n_fft) >= 10)  # dB
    n_fft = judge.finite_number(answer)
    expect(n_fft in powers, f"expected a power of two from {powers[0]} to {powers[-1]:,}")
    expect(n_fft <= truth, "this frame separates the tones, but it is longer than necessary")
    dip = max(least_dip(int(n_fft)), 0)
    expect(n_fft == truth, f"this frame is too short: for some phases the dip is only {dip:.1f} dB")
    return accept(f"{truth:,} samples (with half as many, the dip can be as small as {least_dip(truth // 2):.1f} dB)")


@cache
def least_dip(n_fft: int) -> float:
    """Compute the depth of the dip between two tones a semitone apart in dB, at the worst of 16 phases."""
    padding = 16  # factor of zero-padding, which interpolates between the bins
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
    """Check the largest n_mels without empty bands (Slaney's scale, 22,050 Hz, n_fft 512)."""
    truth = next(n_mels for n_mels in range(1, 513) if empty_bands(n_mels + 1))
    note = f"with {truth + 1} bands, {empty_bands(truth + 1)} of them would be empty"
    verdict = judge.number(answer, truth, "bands", note=note)
    n_mels = judge.finite_number(answer)
    if verdict.is_right or not 1 <= n_mels <= 1024:
        return verdict
    htk_truth = next(n_mels for n_mels in range(1, 513) if empty_bands(n_mels + 1, htk=True))
    expect(n_mels != htk_truth, "this is the limit on the htk scale. Use the slaney scale.")
    expect(n_mels > truth, "your answer is too small: no band is empty, so more would fit")
    return judge.reject(f"your answer is too large: {empty_bands(math.ceil(n_mels))} of these bands would be empty")


@cache
def empty_bands(n_mels: int, sample_rate: int = 22050, n_fft: int = 512, htk: bool = False) -> int:
    """Count the mel bands on Slaney's scale (or the HTK scale) that contain no frequency bin."""
    bank = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, htk=htk)
    return int((bank.max(axis=1) == 0).sum())


@exercise("02.5")
def phases_found(answer, target: np.ndarray) -> Verdict:
    """Check a waveform whose magnitudes (n_fft 1,024, hop 256) match ``target``, shape (513, frames), to -15 dB."""
    sound = np.squeeze(np.asarray(answer))
    shortest = 256 * (target.shape[1] - 1)  # samples; up to 255 more give the same number of frames
    expect(sound.dtype.kind != "c", "expected real samples, but yours are complex numbers")
    is_valid = sound.dtype.kind == "f" and sound.ndim == 1 and shortest <= len(sound) < shortest + 256
    expect(is_valid, f"expected a waveform as long as the music, found {sound.dtype} of shape {sound.shape}")
    expect(np.isfinite(sound).all(), "some of your samples are not finite")
    magnitude = np.abs(librosa.stft(sound.astype(np.float64), n_fft=1024, hop_length=256))
    level = _error_level(magnitude, target)
    # no search comes near -60 dB
    expect(level >= -60 and not _is_copy(sound, target), "this is (almost) the music itself. Start from random phases.")
    gain = (magnitude * target).sum() / max((magnitude**2).sum(), 1e-30)  # the factor with the smallest error
    best = _error_level(gain * magnitude, target)
    expect(level < -15 or best >= -15, f"the volume is off: multiplied by {gain:.2f}, the error would be {best:.1f} dB")
    text = f"the error of the magnitudes is {level:.1f} dB (aim: below -15 dB)"
    text += "; a few more rounds will do" if -15 <= level < -12 else ""
    hint = "; did you repeat the steps 60 times, with phases that are complex numbers of length 1, not angles?"
    text += f"{hint} In step 2, multiply target by them." if level >= -12 else ""
    return accept(text) if level < -15 else judge.reject(f"not good enough yet: {text}")


def _error_level(magnitude: np.ndarray, target: np.ndarray) -> float:
    return 10 * np.log10(max(((magnitude - target) ** 2).sum() / (target**2).sum(), 1e-30))


def _is_copy(sound: np.ndarray, target: np.ndarray) -> bool:
    """Return True if ``sound`` is the music of lesson 02, perhaps shifted or noisy, and ``target`` belongs to it."""
    music = studio.render("jazz", seed=16, seconds=3).waveform  # as in the notebook
    magnitude = np.abs(librosa.stft(music, n_fft=1024, hop_length=256))
    if magnitude.shape != target.shape or not np.allclose(magnitude, target, atol=1e-3):
        return False
    correlation = np.abs(correlate(sound, music, method="fft")).max()
    return correlation > 0.7 * np.linalg.norm(sound) * np.linalg.norm(music)  # a search reaches 0.2 to 0.4


@exercise("03.1")
def shape_of_two_tones(answer) -> list[Verdict]:
    """Check centroid, bandwidth and rolloff of two tones: 500 Hz with magnitude 3 and 2,000 Hz with magnitude 1."""
    slips = [
        ({"rolloff": 500.0}, "up to 500 Hz there is 90 % of the power, but only 75 % of the magnitude"),
        (_spectral_shape(9, 1), "you weighted by the power. Weight by the magnitude."),
        (
            {"bandwidth": 750.0},
            "weight each squared distance by its magnitude, and divide by the sum of the magnitudes",
        ),
        (_spectral_shape(1, 1), "weight each frequency by its magnitude"),
        ({"bandwidth": 562.5}, "this is the mean distance. Take the root of the mean squared distance."),
        ({"bandwidth": 421_875.0}, "this is the variance. Take its square root."),
    ]
    permuted = "these are the three numbers, but in another order. Give centroid, bandwidth and rolloff."
    truths = _spectral_shape(3, 1)
    return judge.numbers(answer, truths, within=0.02, slips=slips, permuted=permuted)  # measured: off by up to a bin


def _spectral_shape(*weights: float) -> dict[str, float]:
    """Compute centroid, bandwidth and rolloff (85 %) in Hz of two tones at 500 and 2,000 Hz."""
    hertz, share = np.array([500.0, 2000.0]), np.array(weights) / np.sum(weights)
    centroid = share @ hertz
    bandwidth = np.sqrt(share @ (hertz - centroid) ** 2)
    return {"centroid": centroid, "bandwidth": bandwidth, "rolloff": hertz[(np.cumsum(share) >= 0.85).argmax()]}


@exercise("03.2")
def tilted_spectrum(answer) -> list[Verdict]:
    """Check the changes of MFCC 0, 1 and 2 when the levels of 128 bands rise linearly, by 0 to 10 dB."""
    tilt, names = np.linspace(0, 10, 128), ("MFCC 0", "MFCC 1", "MFCC 2")
    # the transform is linear, so the change of the result is the transform of the change; + 0.0 turns -0.0 into 0.0
    truths = np.round(dct(tilt, type=2, norm="ortho")[:3], 9) + 0.0
    unscaled = dct(tilt, type=2)[:3] / 2  # without the factors s_0 and s_k
    text = "the factor in front of the sum is different. See the formula in section 4."
    slips = [({"MFCC 0": 5.0}, "this is the mean of the change. MFCC 0 is √128 times the mean.")]
    slips += [(dict(zip(names, unscaled / divisor, strict=True)), text) for divisor in (0.5, 1, 64, 128)]
    slips.append(({"MFCC 0": np.sqrt(2) * truths[0]}, "s_0 differs from s_1 and s_2. See the formula in section 4."))
    bands = np.arange(128)
    edges = [np.sqrt(2 / 128) * tilt @ np.cos(np.pi * k * bands / 128) for k in (1, 2)]
    slips.append((dict(zip(names[1:], edges, strict=True)), "the cosine has m + 1/2, not m"))
    slips.append(
        ({"MFCC 1": 0.0}, "one falls from the lowest band to the highest and the other rises: do they cancel?")
    )
    return judge.numbers(answer, dict(zip(names, truths, strict=True)), absolute=0.5, slips=slips)


@exercise("03.3")
def deltas(answer, coefficients: np.ndarray) -> Verdict:
    """Check the deltas (width 9) of ``coefficients``, shape (20, frames), in frames with four neighbours per side."""
    text = "leave out the frames that have fewer than four neighbours on either side"
    expect(np.shape(answer) != np.shape(coefficients), text)
    values, truth = np.asarray(coefficients, dtype=np.float64), delta(coefficients)[:, 4:-4]
    windows = np.lib.stride_tricks.sliding_window_view(values, 9, axis=1)  # (20, frames - 8, 9)
    from_0, positive, eight = np.arange(9), np.abs(np.arange(-4, 5)), np.append(np.arange(-4, 4), 0)
    two_frames = "this uses only two of the nine frames. Fit a line to all nine."
    slips = [
        *((60 * truth / divisor, "divide by the sum of t**2") for divisor in (1, 8, 9)),
        ((values[:, 8:] - values[:, :-8]) / 8, two_frames),
        (np.diff(values)[:, 3:-4], two_frames),
        (np.diff(values)[:, 4:-3], two_frames),
        (np.gradient(values, axis=1)[:, 4:-4], "this is the slope over three frames. Fit a line to nine."),
        *((windows @ eight / divisor, "range(-4, 4) stops at 3. Use range(-4, 5).") for divisor in (44, 60)),
        *((windows @ from_0 / divisor, "t runs from -4 to 4, not from 0 to 8") for divisor in (60, 204)),
        (windows @ positive / 60, "t is negative for the frames before the middle"),
        (truth * 22050 / 512, "this is the slope per second. t counts frames, so give the slope per frame."),
    ]
    return judge.array(answer, truth, 0.01, "deltas", "dB per frame", slips=slips)


@exercise("03.4")
def flatness(answer, spectra: Mapping[str, np.ndarray]) -> list[Verdict]:
    """Check the spectral flatness of each frame for ``spectra``, names and magnitudes of shape (bins, frames)."""
    is_complete = isinstance(answer, Mapping) and set(spectra) <= set(answer)
    expect(is_complete, f"expected a dictionary with the keys {', '.join(spectra)}")
    truths = {name: librosa.feature.spectral_flatness(S=magnitude)[0] for name, magnitude in spectra.items()}
    verdicts = []
    for name, magnitude in spectra.items():
        swapped = [truth for other, truth in truths.items() if other != name and truth.shape == truths[name].shape]
        verdicts.append(judge.part(name, _one_flatness, answer[name], magnitude=magnitude, swapped=swapped))
    return verdicts


def _one_flatness(answer, magnitude: np.ndarray, swapped: Sequence[np.ndarray]) -> Verdict:
    """Check the flatness of each frame of one sound; ``swapped`` are those of the other sounds."""
    expect(answer is not None, "no answer yet")
    truth, of_magnitude = (librosa.feature.spectral_flatness(S=magnitude, power=power)[0] for power in (2.0, 1.0))
    if getattr(answer, "shape", ()) == (1, len(truth)):  # as librosa returns it
        answer = answer[0]
    power = np.maximum(magnitude.astype(np.float64) ** 2, 1e-10)
    mixed = "np.exp undoes np.log, and 10 ** undoes np.log10. Don't mix them."
    slips = [
        (of_magnitude, "this is the flatness of the magnitude. Use the power."),
        (
            np.exp(np.log(power).mean(axis=0) / 2) / power.mean(axis=0),
            "use the logarithm of the power, not the magnitude",
        ),
        (1 / truth, "this is upside down. Divide the geometric mean by the arithmetic one."),
        (10 * np.log10(truth), "expected a ratio from 0 to 1, not decibels"),
        (np.exp(np.log10(power).mean(axis=0)) / power.mean(axis=0), mixed),
        (10 ** np.log(power).mean(axis=0) / power.mean(axis=0), mixed),
        (np.ones_like(truth), "your powers are almost equal. Replace only those below 1e-10, and leave the others."),
        *((other, "this is the flatness of another sound. Did you swap them?") for other in swapped),
    ]
    what = f"{truth.mean():.5f} on average, an array"
    verdict = judge.array(answer, truth, 0.0, what, slips=slips, within=0.01)  # flatness spans several powers of ten
    if verdict.is_right:
        return verdict
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        return verdict
    expect(values.shape != magnitude.shape[:1], f"{verdict.text}; average over the bins of each frame (axis 0)")
    if values.shape == truth.shape:
        text = "the logarithm of a negative number doesn't exist. Take that of the power, not of decibels."
        expect(not np.isnan(values).any(), text)
        text = "a product of so many powers is too small or too large for a float. Use the mean logarithm."
        expect((np.isfinite(values) & (values != 0)).all(), text)
    return verdict


@exercise("03.5")
def three_features(answer, Z: np.ndarray, names: Sequence[str], label: np.ndarray, group: np.ndarray) -> Verdict:
    """Check three features with a better nearest-neighbour accuracy, across artists, than those with the highest F."""
    columns = {_plain(name): column for column, name in enumerate(names)}
    expect(not isinstance(answer, Real), "expected three names of features, but your answer is a number")
    judge.expect_type(np.iterable(answer) and not isinstance(answer, str), "three names of features", answer)
    chosen = list(dict.fromkeys(map(_plain, answer)))
    expect(len(chosen) == 3, f"expected three different names of features, found {len(chosen)}")
    for name in chosen:
        expect(name in columns, f"there is no feature named {name!r}{did_you_mean(name, columns)}")
    by_F = np.argsort(-f_classif(Z, label)[0])[:3]
    chosen = [columns[name] for name in chosen]
    expect(set(chosen) != set(by_F), "these are the three with the highest F. Find three that are better.")
    correct, to_beat = (_neighbours_agree(Z[:, features], label, group) for features in (chosen, by_F))
    listed = ", ".join(names[column] for column in by_F)
    text = f"{correct.mean():.1%} of {len(correct)} clips; by F ({listed}) {to_beat.mean():.1%}"
    difference = correct.mean() - to_beat.mean()
    if difference > 0:
        low, high = difference_interval(correct, to_beat, group)
        text += f". You are {100 * difference:.1f} points better (95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
        text += ", which may be chance" if low <= 0 else ""
        text += ". If you searched, this is too good to be true, because you chose with the same tracks."
    return judge.better(correct.mean(), to_beat.mean(), text)


def _plain(name) -> str:
    """Write the name of a feature in lower case with underscores: ``mfcc_2`` for ``MFCC 2``."""
    return str(name).strip().lower().replace(" ", "_").replace("-", "_")


def _neighbours_agree(columns: np.ndarray, label: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Find the clips whose nearest neighbour in another group has the same label, bool, shape (clips,)."""
    distance = np.linalg.norm(columns[:, None] - columns[None], axis=2)  # (clips, clips)
    distance[group[:, None] == group] = np.inf
    return label[distance.argmin(axis=1)] == label
