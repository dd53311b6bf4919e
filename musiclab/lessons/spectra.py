"""Exercises on spectrograms and mels: bins and frames, decibels, resolution, empty bands, phases."""

import warnings
from functools import cache
from numbers import Real

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, goal, number, numbers, wrong

SEMITONE_DIP = 10.0
"""dB between the two lines of exercise 3 that count as two."""


@exercise("02.1")
def settings_read(answer) -> list[Verdict]:
    """Distance of bins, length of a window and frames of a clip at 22,050 Hz, n_fft 2,048, hop 512, 30 s."""
    from musiclab.features import MelConfig

    config = MelConfig(sample_rate=22050, n_fft=2048, hop_length=512)
    return numbers(answer, {"Hz": 22050 / 2048, "ms": 1000 * 2048 / 22050, "frames": config.frames(30 * 22050)})


@exercise("02.2")
def quarter_in_decibels(answer) -> list[Verdict]:
    """Change of level at a quarter of the amplitude, and what a program says that takes magnitudes for powers."""
    return numbers(answer, {"level": 20 * np.log10(1 / 4), "program": 10 * np.log10(1 / 4)}, absolute=0.1)


@exercise("02.3")
def semitone_window(answer) -> Verdict:
    """The shortest n_fft, a power of two, that shows 440 and 466.16 Hz as two lines whatever their phases."""
    powers = [2**power for power in range(4, 16)]
    truth = next(n_fft for n_fft in powers if least_dip(n_fft) >= SEMITONE_DIP)
    verdict = number(answer, truth, "samples", note=f"with half of that the dip can be {least_dip(truth // 2):.1f} dB")
    if verdict.right:
        return verdict
    if not any(number(answer, n_fft).right for n_fft in powers):
        return wrong(f"expected a power of two from {powers[0]} to {powers[-1]:,}")
    if answer > truth:
        return wrong("two lines, but the window is longer than need be")
    return wrong(f"too short: for some phases the dip is only {max(least_dip(int(answer)), 0):.1f} dB")


@cache
def least_dip(n_fft: int) -> float:
    """How far the spectrum dips between two tones a semitone apart, for the worst of 16 differences of phase.

    Returns
    -------
    float
        dB under the weaker of the two lines.
    """
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
    """The largest n_mels up to which no slaney band is empty, at 22,050 Hz and n_fft 512."""
    truth = next(n_mels for n_mels in range(1, 513) if empty_bands(n_mels + 1))
    verdict = number(answer, truth, "bands", note=f"with one more {empty_bands(truth + 1)} would be empty")
    if verdict.right or not isinstance(answer, Real) or not 1 <= answer <= 1024:
        return verdict
    if answer < truth:
        return wrong("too small: no band is empty, and there is room for more")
    return wrong(f"too large: {empty_bands(int(answer))} of so many bands would be empty")


@cache
def empty_bands(n_mels: int, sample_rate: int = 22050, n_fft: int = 512) -> int:
    """How many of ``n_mels`` slaney bands no bin falls into."""
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of exactly this
        bank = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
    return int((bank.max(axis=1) == 0).sum())


@exercise("02.5")
def phases_found(answer, target: np.ndarray) -> Verdict:
    """A waveform whose magnitudes (n_fft 1,024, hop 256) are those of ``target``, shape (513, frames), to -15 dB."""
    import librosa

    sound = np.asarray(answer)
    samples = 256 * (target.shape[1] - 1)  # and up to 255 more have as many frames
    if sound.dtype.kind != "f" or sound.ndim != 1 or not samples <= len(sound) < samples + 256:
        return wrong(f"expected a row of samples as long as the music, found shape {sound.shape}, {sound.dtype}")
    if not np.isfinite(sound).all():
        return wrong("expected finite samples")
    error = np.abs(librosa.stft(sound.astype(np.float64), n_fft=1024, hop_length=256)) - target
    miss = 10 * np.log10(max((error**2).sum() / (target**2).sum(), 1e-30))
    if miss < -60:  # a search does not come near that
        return wrong("too good to have been found: are these the phases of the music itself?")
    return goal(miss, -15, f"the magnitudes miss by {miss:.1f} dB (aim: below -15 dB)", higher=False)
