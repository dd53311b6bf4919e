"""Mix stems into a finished recording.

Levels and reverberation are linear, but mastering (equaliser, compressor and limiter) depends on the mix. Its gains are
therefore computed once from the full mix and applied to every selection of stems, so that the stems of a track always
sum to its mix.
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from musiclab.core.random import stream
from musiclab.features.banks import mel_bank
from musiclab.features.settings import MelConfig
from musiclab.studio.artist import Artist
from musiclab.studio.genre import BANDS
from musiclab.studio.synthesis import SAMPLE_RATE

BLOCK = 64  # samples (2.9 ms) per step of the gain curve
CEILING = 10 ** (-1.2 / 20)  # highest peak of a master: -1.2 dBFS, which leaves a margin below -1 dBFS
FADE = 110  # samples (5 ms) of fade-in and fade-out
FRAME, HOP = 2048, 1024  # samples of a frame in which the level of each band is measured, and their distance
WINDOW = np.sin(np.pi * (np.arange(FRAME, dtype=np.float32) + 0.5) / FRAME)  # the squares of two neighbours add up to 1
_MEL_BANK = mel_bank(MelConfig(n_fft=FRAME, n_mels=8 * (BANDS + 1))).T.astype(np.float32)
SENDS = {
    "drums": 0.8,
    "bass": 0.25,
    "chords": 1.0,
    "pad": 1.2,
    "lead": 1.1,
    "vocals": 0.8,
    "noise": 0.0,
}  # reverb send levels


def _interpolation() -> np.ndarray:
    """Compute the weight of each band at each frequency, shape (bands, bins): triangles between the middles."""
    middles = _MEL_BANK.argmax(axis=0).reshape(BANDS + 1, -1).mean(axis=1)  # in bins
    bins = np.arange(FRAME // 2 + 1)
    return np.array([np.interp(bins, middles, row) for row in np.eye(BANDS + 1)], np.float32)


_INTERPOLATION = _interpolation()


def amplifier(waveform: np.ndarray, drive: float) -> np.ndarray:
    """Play a float32 waveform, shape (samples,), through a guitar amplifier and its cabinet.

    ``drive`` is the gain before the overdrive: about 0.3 sounds warm, 20 is fuzz. To keep aliasing inaudible, the
    waveshaper works at twice the sample rate on frequencies below about 5 kHz.
    """
    size = len(waveform)
    n_fft = 2 * scipy.fft.next_fast_len(size // 2 + 128, real=True)
    spectrum = scipy.fft.rfft(waveform, n_fft)
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).astype(np.float32)
    spectrum *= 1 / (1 + (frequencies / 3500) ** 4)
    double = scipy.fft.irfft(np.pad(spectrum, (0, n_fft // 2)), 2 * n_fft)
    double *= np.float32(2 * drive * 4)
    double += np.float32(0.15)  # a slightly asymmetric curve adds even harmonics, like a valve
    shaped = scipy.fft.rfft(np.tanh(double, out=double))[: n_fft // 2 + 1]
    cabinet = frequencies**2 / (frequencies**2 + 80**2) / (1 + (frequencies / 4200) ** 4)  # passes 80 Hz to 4.2 kHz
    cabinet *= 1 + 0.8 * np.exp(-(((frequencies - 2300) / 900) ** 2))  # presence peak of a 12-inch loudspeaker
    return scipy.fft.irfft(shaped * cabinet, n_fft)[:size] * np.float32(0.5)


def balance(waveform: np.ndarray, level: float) -> np.ndarray:
    """Scale a stem so that its passages with sound reach ``level`` dB."""
    power = np.mean(waveform[: len(waveform) // 2048 * 2048].reshape(-1, 2048) ** 2, axis=1)
    playing = power[power > 0.02 * power.max()]
    if not len(playing):
        return waveform
    return waveform * np.float32(10 ** (level / 20) * 0.1 / np.sqrt(playing.mean()))


def make_noise(size: int, artist: Artist, seed: int) -> np.ndarray:
    """Generate the background noise of a recording, shape (size,): coloured hiss, rumble, and mains hum."""
    n_fft = scipy.fft.next_fast_len(size, real=True)
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).astype(np.float32)
    real, imaginary = stream(seed, "hiss").standard_normal((2, len(frequencies)), dtype=np.float32)
    colour = (np.maximum(frequencies, 60) / 1000) ** (artist.slope / 6.02)
    noise = scipy.fft.irfft((real + 1j * imaginary) * colour, n_fft)[:size]
    noise *= np.float32(0.1 * 10 ** (artist.hiss / 20) / (noise.std() + 1e-9))  # relative to a mix of RMS 0.1
    rumble = scipy.fft.irfft((imaginary - 1j * real) * frequencies * np.exp(-frequencies / 15), n_fft)[:size]
    noise += rumble * np.float32(0.1 * 10 ** (artist.rumble / 20) / (rumble.std() + 1e-9))
    time = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi * 50 / SAMPLE_RATE)
    hum = np.sin(time) + 0.5 * np.sin(2 * time) + 0.3 * np.sin(3 * time)
    return noise + np.float32(0.1 * 10 ** (artist.hum / 20)) * hum


@lru_cache(maxsize=12)  # enough for all artists of a genre
def _transfer_functions(low_pass, room_time, room_level, habit, n_fft):
    """Compute the frequency response of an artist's recorder, and of the room, for an FFT of length ``n_fft``."""
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).astype(np.float32)
    recorder = frequencies**2 / (frequencies**2 + 10**2)  # high-pass at 10 Hz, removes DC
    recorder /= 1 + (frequencies / low_pass) ** 48
    recorder /= 1 + (frequencies / 10_950) ** 100  # nothing may sound at the Nyquist frequency
    size = int(room_time * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    tail = stream(habit, "room").standard_normal(size) * np.exp(-6.9 * time / room_time)
    tail[: int(0.008 * SAMPLE_RATE)] = 0  # the first reflection arrives after 8 ms: a wall 1.4 m away
    tail *= 10 ** (room_level / 20) / np.sqrt(np.sum(tail**2))
    echo = scipy.fft.rfft(tail.astype(np.float32), n_fft) / (1 + (frequencies / 5000) ** 2)
    return recorder.astype(np.float32), echo.astype(np.complex64)


def desk(stems: dict[str, np.ndarray], artist: Artist) -> np.ndarray:
    """Mix balanced stems, each of shape (samples,), with the reverberation of an artist's room."""
    dry = sum(stems.values())
    size = len(dry)
    n_fft = scipy.fft.next_fast_len(size + int(artist.room_time * SAMPLE_RATE), real=True)
    recorder, room = _transfer_functions(artist.low_pass, artist.room_time, artist.room_level, artist.habit, n_fft)
    send = sum(np.float32(SENDS[name]) * waveform for name, waveform in stems.items())
    spectrum = scipy.fft.rfft(dry, n_fft) + scipy.fft.rfft(send, n_fft) * room
    return scipy.fft.irfft(spectrum * recorder, n_fft)[:size]


def band_gains(mix: np.ndarray, artist: Artist) -> np.ndarray:
    """Compute the gains in dB of a mastering equaliser and compressor, shape (frames, bands), from a full mix.

    The equaliser brings the average level of each band to the tonal balance of the artist. The compressor reduces how
    much the level (by ``ratio``) and the balance between low and high bands (by ``steady``) change over time.
    """
    power = np.abs(scipy.fft.rfft(_frames(mix), axis=1)) ** 2
    mel = 10 * np.log10(power @ _MEL_BANK + np.float32(1e-7))
    level = mel.reshape(len(mel), BANDS + 1, -1).mean(axis=2)  # the last band has no balance; it follows its neighbour
    mean = level.mean(axis=0)
    equaliser = artist.balance - mean[:-1] if artist.balance else np.zeros(BANDS)
    equaliser = np.clip(equaliser - equaliser.mean(), -24, 24)
    change = uniform_filter1d(level - mean, 3, axis=0)
    overall = change.mean(axis=1, keepdims=True)
    balance_change = uniform_filter1d(change - overall, 10, axis=1, mode="nearest")
    gains = (1 / artist.ratio - 1) * overall + (1 / artist.steady - 1) * balance_change
    return gains + np.append(equaliser, equaliser[-1])


def apply_gains(mix: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Apply gains in dB, shape (frames, bands), to a mix or one of its stems."""
    factors = np.float32(10) ** (gains.astype(np.float32) @ _INTERPOLATION / 20)
    factors[:, 0] = 0  # no constant offset
    frames = scipy.fft.irfft(scipy.fft.rfft(_frames(mix), axis=1) * factors, axis=1) * WINDOW
    halves = frames.reshape(len(frames), 2, HOP)
    return (halves[1:, 0] + halves[:-1, 1]).ravel()[: len(mix)]


def _frames(mix: np.ndarray) -> np.ndarray:
    padded = np.pad(mix, (HOP, HOP + -len(mix) % HOP))
    return np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * WINDOW


def master_gain(mix: np.ndarray, artist: Artist, trim: float = 0.0) -> np.ndarray:
    """Compute the gain curve that masters a full mix: limiter, loudness and fades.

    The curve has shape (samples,). Multiply the mix or any of its stems by it; ``|mix * gain|`` stays below
    ``CEILING``. ``trim`` (dB) is added to the loudness of the artist's masters.
    """
    size = len(mix)
    blocks = np.pad(mix, (0, -size % BLOCK)).reshape(-1, BLOCK)
    peak, power = np.abs(blocks).max(axis=1) + 1e-9, np.mean(blocks.astype(np.float64) ** 2, axis=1)
    target = 10 ** ((artist.loudness + trim) / 20)
    ceiling = min(CEILING, target * 10 ** (artist.crest / 20))
    gain = 1.0
    for _ in range(12):  # limiting lowers the loudness, so approach the target in steps
        gain *= target / np.sqrt(np.mean(power * (gain * _limit(peak * gain, ceiling)) ** 2) + 1e-12)
    curve = gain * _limit(peak * gain, ceiling)
    # Interpolation between block centres can exceed the gain that a peak allows; the check below corrects that.
    centres = (np.arange(len(curve)) + 0.5) * BLOCK
    gains = np.interp(np.arange(size), centres, curve).astype(np.float32)
    excess = np.abs(mix * gains).max() / ceiling
    if excess > 1:
        gains /= np.float32(excess)
    fade = np.sin(np.linspace(0, np.pi / 2, min(FADE, size // 2), dtype=np.float32)) ** 2
    gains[: len(fade)] *= fade
    gains[size - len(fade) :] *= fade[::-1]
    return gains


def _limit(peak, ceiling):
    """Compute a smooth gain per block that keeps peaks below the ceiling and drops before they arrive."""
    allowed = np.minimum(1, ceiling / maximum_filter1d(peak, 3))
    return uniform_filter1d(minimum_filter1d(allowed, 9), 9)
