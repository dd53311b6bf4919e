"""Exercises on sound as samples: bytes, aliasing, decibels, channels, bits."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, numbers, right, wrong

SAMPLE_RATE = 22050
"""Hz, of the sounds that exercises 3 to 5 make; they last 1 s, so line k of their spectrum is k Hz."""

INAUDIBLE = -60.0
"""dB against the instruments: where the voice of exercise 4 counts as gone."""


@exercise("01.1")
def clip_bytes(answer) -> Verdict:
    """Bytes of 30 s, mono, 16 bits, at 22,050 Hz, without the header."""
    truth = 30 * 22050 * 2
    if number(answer, truth + 44).right:
        return wrong("the header of 44 bytes is to be left out")
    return number(answer, truth, "bytes", note=f"1,000 clips are {1000 * truth / 1e9:.2f} GB")


@exercise("01.2")
def folded_tones(answer) -> list[Verdict]:
    """Where 5,000, 10,000 and 20,000 Hz come back when every fifth sample of 44,100 Hz is kept."""
    rate, tones = 44100 / 5, (5000, 10000, 20000)
    # sampled, a tone cannot be told from one that is any number of whole rates away; the one below rate / 2 is heard
    truths = {f"{tone:,} Hz": abs(tone - rate * round(tone / rate)) for tone in tones}
    verdicts = numbers(answer, truths, absolute=1)
    if len(verdicts) < len(tones):
        return verdicts
    found = [answer[name] for name in truths] if isinstance(answer, Mapping) else list(answer)
    return [
        wrong(f"{name}: {rate:,.0f} samples a second cannot hold a frequency as high as yours")
        if isinstance(mine, Real) and mine > rate / 2
        else verdict
        for name, mine, verdict in zip(truths, found, verdicts, strict=True)
    ]


@exercise("01.3")
def fade_rate(answer) -> Verdict:
    """The c, per second, with which exp(-c t) falls by 60 dB in 1.5 s."""
    return number(answer, 60 / (1.5 * 20 * np.log10(np.e)), "per second")


@exercise("01.4")
def without_voice(answer, song: np.ndarray) -> Verdict:
    """One row of samples, shape (22050,), in which the voice (440 Hz) is gone and the instruments are not."""
    sound = _sound(answer, song.shape[1])
    if isinstance(sound, Verdict):
        return sound
    voice, *instruments = (np.abs(np.fft.rfft(sound))[hertz] for hertz in (440, 300, 500))
    before = np.abs(np.fft.rfft(song, axis=1))[:, [300, 500]].max()
    if min(instruments) < 0.01 * before:  # -40 dB
        missing = "both instruments are" if max(instruments) < 0.01 * before else "an instrument is"
        return wrong(f"{missing} gone; only the voice is to go")
    level = 20 * np.log10(max(voice / max(instruments), 1e-10))
    if level < INAUDIBLE:
        return right(f"the voice is {-level:.0f} dB below the instruments")
    if level > -1:
        return wrong("the voice is as loud as the instruments, or louder")
    return wrong(f"the voice is {-level:.0f} dB below the instruments, and can still be heard")


@exercise("01.5")
def dithered_tone(answer) -> Verdict:
    """A tone of 220 Hz and amplitude 0.2 in values of 2 bits, its amplitude kept and without a third partial."""
    sound = _sound(answer, SAMPLE_RATE)
    if isinstance(sound, Verdict):
        return sound
    values = (-1, -0.5, 0, 0.5)
    if not np.isin(sound, values).all():
        return wrong(f"expected no values but {values}; round last, after the noise is added")
    level = np.abs(np.fft.rfft(sound)) / (len(sound) / 2)  # amplitude of each hertz
    reached = f"the tone has amplitude {level[220]:.3f}, its third partial {level[660]:.3f}"
    if abs(level[220] - 0.2) >= 0.02:
        return wrong(f"{reached}; aim at 0.2 within 0.02: it is too {'weak' if level[220] < 0.2 else 'strong'}")
    if level[660] >= 0.01:
        return wrong(f"{reached}; aim at less than 0.01 for the partial: the steps of the rounding still show")
    return right(reached)


def _sound(answer, samples: int) -> np.ndarray | Verdict:
    """A row of finite samples, or what is wrong with it."""
    sound = np.asarray(answer)
    if sound.dtype.kind not in "iuf":
        return wrong(f"expected an array of samples, found an object of type {type(answer).__name__}")
    if sound.shape != (samples,):
        return wrong(f"expected one row of samples, shape ({samples},), found {sound.shape}")
    if not np.isfinite(sound).all():
        return wrong(f"{(~np.isfinite(sound)).sum():,} samples are not finite numbers")
    return sound.astype(np.float64)
