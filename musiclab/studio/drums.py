"""Synthesise drums from decaying sines and shaped noise."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, sosfilt

from musiclab.core.random import stream
from musiclab.studio.synthesis import SAMPLE_RATE


@dataclass(frozen=True)
class Kit:
    """Settings that give a drum kit its sound; decay times are seconds to -60 dB."""

    kick: float = 52.0  # final frequency of the bass drum in Hz
    kick_ring: float = 0.35  # decay time of the bass drum
    sweep: float = 1.7  # how much higher a drum starts than it ends, as a ratio of frequencies; 4 sounds electronic
    click: float = 0.6  # loudness of the beater
    snare: float = 190.0  # frequency of the snare drum's shell in Hz
    snare_ring: float = 0.22  # decay time of the snare wires
    wires: float = 0.7  # share of noise in the snare drum
    hat: float = 0.07  # decay time of a closed hi-hat
    metal: float = 0.15  # share of ringing modes in the cymbals; the remainder is noise


KITS = {
    "acoustic": Kit(),
    "dry": Kit(kick=58, kick_ring=0.22, snare=230, snare_ring=0.14, hat=0.05, wires=0.55),
    "heavy": Kit(kick=60, kick_ring=0.22, click=0.9, snare=180, snare_ring=0.3, wires=0.8, hat=0.09),
    "brushes": Kit(kick=55, kick_ring=0.3, click=0.3, snare=210, snare_ring=0.4, wires=0.95, hat=0.06, metal=0.3),
    "drum machine": Kit(
        sweep=4.0, kick=46, kick_ring=0.7, click=0.4, snare=175, snare_ring=0.16, wires=0.5, hat=0.045, metal=0.7
    ),
    "orchestral": Kit(kick=48, kick_ring=0.9, click=0.05, snare=160, snare_ring=0.3, hat=0.12),
}

TOMS = {"high tom": 165, "mid tom": 125, "low tom": 88}  # Hz

# Level, lowest mode in Hz, decay time in seconds (None: as set by the kit), high-pass cutoff in Hz.
CYMBALS = {
    "hat": (0.65, 3900, None, 5200),
    "open hat": (0.4, 3900, 0.6, 5000),
    "ride": (0.5, 2900, 1.4, 3500),
    "crash": (0.6, 2100, 2.5, 2000),
}

# Frequency ratios of a cymbal's lowest modes. They are inharmonic, so cymbals have no pitch.
METAL_RATIOS = (1.0, 1.342, 1.716, 2.131, 2.533, 2.983, 3.41, 3.97)


def ring_longer(kit: Kit, factor: float) -> Kit:
    """Multiply the decay times of a kit."""
    rings = {name: factor * getattr(kit, name) for name in ("kick_ring", "snare_ring", "hat")}
    return replace(kit, **rings)


def hit(piece: str, kit: Kit, tuning: float = 1.0, take: int = 0) -> np.ndarray:
    """Synthesise one stroke on a drum or cymbal, as a float32 waveform of shape (samples,).

    The peak is near 0.8, lower for cymbals. ``piece`` is ``"kick"``, ``"snare"``, ``"rim"``, ``"clap"``, ``"shaker"``,
    or a name in ``TOMS`` or ``CYMBALS``. ``tuning`` is a factor on all frequencies, ``take`` the seed of the noise.
    """
    rng = stream(take, "drum", piece)
    if piece == "kick":
        sound = _drum(kit.kick * tuning, kit.sweep, 0.03, kit.kick_ring)
        sound[:220] += kit.click * _noise(rng, 0.01, 0.004)[:220]
        return 0.8 * sound
    if piece == "snare":
        shell = _drum(kit.snare * tuning, kit.sweep**0.4, 0.02, 0.16)
        wires = _band(_noise(rng, 1.3 * kit.snare_ring, kit.snare_ring), 900 * tuning)
        return 1.1 * _mix(shell, wires, kit.wires)
    if piece == "rim":
        return 0.8 * _mix(_drum(820 * tuning, 1.1, 0.01, 0.05), _band(_noise(rng, 0.05, 0.03), 1500), 0.35)
    if piece == "clap":
        burst = _noise(rng, 0.25, 0.16)
        for delay in (0.011, 0.023):  # several hands, about 11 ms apart
            early = _noise(rng, 0.02, 0.012)
            start = int(delay * SAMPLE_RATE)
            burst[start : start + len(early)] += early
        return 0.9 * _band(burst, 900 * tuning)
    if piece == "shaker":
        grain = _band(_noise(rng, 0.09, 0.09), 4500)
        return 0.8 * grain * np.minimum(np.arange(len(grain), dtype=np.float32) / 500, 1)
    if piece in TOMS:
        return 0.8 * _drum(TOMS[piece] * tuning, kit.sweep**0.4, 0.04, 0.45)
    level, frequency, ring, low = CYMBALS[piece]
    return level * _cymbal(rng, kit.metal, frequency * tuning, ring or kit.hat, low)


def _drum(frequency: float, sweep: float, fall: float, ring: float) -> np.ndarray:
    """Generate the tone of a drumhead: a sine that starts at ``sweep`` times its frequency and drops in ``fall`` s."""
    time = np.arange(int(1.1 * ring * SAMPLE_RATE)) / SAMPLE_RATE
    phase = frequency * (time + (sweep - 1) * fall * (1 - np.exp(-time / fall)))
    tone = np.sin(2 * np.pi * phase) * np.exp(-6.9 / ring * time)
    return (tone * np.minimum(time / 0.001, 1)).astype(np.float32)


def _noise(rng: np.random.Generator, seconds: float, ring: float) -> np.ndarray:
    """Generate noise that decays by 60 dB in ``ring`` seconds, with a peak near 1."""
    size = int(seconds * SAMPLE_RATE)
    fall = np.exp(np.float32(-6.9 / ring / SAMPLE_RATE) * np.arange(size, dtype=np.float32))
    return rng.standard_normal(size, dtype=np.float32) * fall * np.float32(0.4)


def _band(noise: np.ndarray, low: float) -> np.ndarray:
    sos = butter(2, (low, 9500), "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(sos, noise).astype(np.float32)


def _cymbal(rng: np.random.Generator, metal: float, frequency: float, ring: float, low: float) -> np.ndarray:
    """Generate decaying noise and inharmonic modes, high-passed at ``low`` Hz."""
    noise = _noise(rng, 1.1 * ring, ring)
    time = np.arange(len(noise), dtype=np.float32) / SAMPLE_RATE
    modes = np.zeros(len(noise), np.float32)
    for ratio in METAL_RATIOS:
        if ratio * frequency < 9000:
            modes += np.sin(np.float32(2 * np.pi * ratio * frequency) * time + np.float32(9 * ratio))
    modes *= 0.3 * np.exp(-6.9 / ring * time)
    return _band((1 - metal) * noise + metal * modes, low)


def _mix(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """Mix two sounds of unequal length; ``share`` is the weight of the second."""
    total = np.zeros(max(len(first), len(second)), np.float32)
    total[: len(first)] += (1 - share) * first
    total[: len(second)] += share * second
    return total
