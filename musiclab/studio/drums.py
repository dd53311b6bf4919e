"""A drum kit: every piece is a few lines of decaying sines and shaped noise."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from musiclab.core.errors import DatasetError
from musiclab.core.random import stream
from musiclab.studio.synthesis import SAMPLE_RATE

# Frequency ratios of a cymbal's lowest modes; nothing in them is harmonic, which is why cymbals have no
# pitch.
METAL_RATIOS = (1.0, 1.342, 1.716, 2.131, 2.533, 2.983, 3.41, 3.97)


@dataclass(frozen=True)
class Kit:
    """The sound of a set of drums.

    Parameters
    ----------
    kick : float
        Hz at which the bass drum settles.
    kick_ring : float
        Seconds until the bass drum has fallen by 60 dB.
    click : float
        Loudness of the beater.
    snare : float
        Hz of the snare drum's shell.
    snare_ring : float
        Seconds of its wires.
    wires : float
        Share of noise in the snare drum.
    hat : float
        Seconds of a closed hi-hat.
    metal : float
        Share of ringing modes, against noise, in the cymbals.
    """

    kick: float = 52.0
    kick_ring: float = 0.35
    click: float = 0.6
    snare: float = 190.0
    snare_ring: float = 0.22
    wires: float = 0.7
    hat: float = 0.07
    metal: float = 0.35


KITS = {
    "acoustic": Kit(),
    "dry": Kit(kick=58, kick_ring=0.22, snare=230, snare_ring=0.14, hat=0.05, wires=0.55),
    "heavy": Kit(kick=60, kick_ring=0.22, click=0.9, snare=180, snare_ring=0.3, wires=0.8, hat=0.09, metal=0.25),
    "brushes": Kit(kick=55, kick_ring=0.3, click=0.3, snare=210, snare_ring=0.4, wires=0.95, hat=0.06, metal=0.5),
    "drum machine": Kit(kick=46, kick_ring=0.7, click=0.4, snare=175, snare_ring=0.16, wires=0.5, hat=0.045, metal=0.7),
    "orchestral": Kit(kick=48, kick_ring=0.9, click=0.05, snare=160, snare_ring=0.3, hat=0.12, metal=0.2),
}


def hit(piece, kit, tuning=1.0, take=0):
    """One stroke on one piece of the kit.

    Parameters
    ----------
    piece : str
        ``"kick"``, ``"snare"``, ``"rim"``, ``"clap"``, ``"hat"``, ``"open hat"``, ``"ride"``, ``"crash"``,
        ``"shaker"``, ``"high tom"``, ``"mid tom"`` or ``"low tom"``.
    kit : Kit
    tuning : float
        Factor on all frequencies.
    take : int
        No two strokes are alike: another take has other noise.

    Returns
    -------
    numpy.ndarray, shape (samples,), float32
        Peak near 0.8 for the loud pieces, less for cymbals.

    Raises
    ------
    DatasetError
        If there is no such piece.
    """
    rng = stream(take, "drum", piece)
    if piece == "kick":
        sound = _drum(kit.kick * tuning, 4.0, 0.03, kit.kick_ring)
        sound[:220] += kit.click * _noise(rng, 0.01, 0.004)[:220]
        return 0.8 * sound
    if piece == "snare":
        shell = _drum(kit.snare * tuning, 1.5, 0.02, 0.16)
        wires = _band(_noise(rng, 1.3 * kit.snare_ring, kit.snare_ring), 900 * tuning)
        return 1.1 * _mix(shell, wires, kit.wires)
    if piece.endswith(" tom"):
        pitch = {"high tom": 165, "mid tom": 125, "low tom": 88}.get(piece)
        if pitch:
            return 0.8 * _drum(pitch * tuning, 1.4, 0.04, 0.45)
    if piece == "rim":
        return 0.8 * _mix(_drum(820 * tuning, 1.1, 0.01, 0.05), _band(_noise(rng, 0.05, 0.03), 1500), 0.35)
    if piece == "clap":
        burst = _noise(rng, 0.25, 0.16)
        for delay in (0.011, 0.023):  # several hands, 11 ms apart
            early = _noise(rng, 0.02, 0.012)
            start = int(delay * SAMPLE_RATE)
            burst[start : start + len(early)] += early
        return 0.9 * _band(burst, 900 * tuning)
    if piece == "shaker":
        grain = _band(_noise(rng, 0.09, 0.09), 4500)
        return 0.8 * grain * np.minimum(np.arange(len(grain), dtype=np.float32) / 500, 1)
    if piece == "hat":
        return 0.65 * _cymbal(rng, kit, 3900 * tuning, kit.hat, 5200)
    if piece == "open hat":
        return 0.4 * _cymbal(rng, kit, 3900 * tuning, 0.35, 5000)
    if piece == "ride":
        return 0.5 * _cymbal(rng, kit, 2900 * tuning, 0.6, 3500)
    if piece == "crash":
        return 0.6 * _cymbal(rng, kit, 2100 * tuning, 1.5, 2500)
    raise DatasetError(f"no drum is called {piece!r}; the pieces are named in the docstring of hit().")


def _drum(frequency, sweep, fall, ring):
    """A skin: a sine that starts `sweep` times too high and falls within `fall` seconds."""
    time = np.arange(int(1.1 * ring * SAMPLE_RATE)) / SAMPLE_RATE
    phase = frequency * (time + (sweep - 1) * fall * (1 - np.exp(-time / fall)))
    tone = np.sin(2 * np.pi * phase) * np.exp(-6.9 / ring * time)
    return (tone * np.minimum(time / 0.001, 1)).astype(np.float32)


def _noise(rng, seconds, ring):
    """Noise that falls by 60 dB in `ring` seconds, with a peak near 1."""
    size = int(seconds * SAMPLE_RATE)
    fall = np.exp(np.float32(-6.9 / ring / SAMPLE_RATE) * np.arange(size, dtype=np.float32))
    return rng.standard_normal(size, dtype=np.float32) * fall * np.float32(0.4)


def _band(noise, low):
    """Only what lies over `low` Hz and under 9.5 kHz."""
    sos = butter(2, (low, 9500), "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(sos, noise).astype(np.float32)


def _cymbal(rng, kit, frequency, ring, low):
    """Noise and inharmonic modes that ring together."""
    noise = _noise(rng, 1.1 * ring, ring)
    time = np.arange(len(noise), dtype=np.float32) / SAMPLE_RATE
    modes = np.zeros(len(noise), np.float32)
    for ratio in METAL_RATIOS:
        if ratio * frequency < 9000:
            modes += np.sin(np.float32(2 * np.pi * ratio * frequency) * time + np.float32(9 * ratio))
    modes *= 0.3 * np.exp(-6.9 / ring * time)
    return _band((1 - kit.metal) * noise + kit.metal * modes, low)


def _mix(first, second, share):
    """Sum of two sounds of unequal length, `share` of the second."""
    size = max(len(first), len(second))
    total = np.zeros(size, np.float32)
    total[: len(first)] += (1 - share) * first
    total[: len(second)] += share * second
    return total
