"""UMTN's augmentation: a random stretch of a segment, a little higher or lower.

UMTN hands the stretch to ``librosa.effects.pitch_shift`` (a phase vocoder) and sets the result back without a
fade, so that a stretch may click at both ends. Half a semitone on a third of a second needs less: the stretch is
read at another speed, which alters its pitch exactly and its sound not at all. Reading r times as fast moves what
is read away from its place by ``|r - 1| * length`` samples, 175 (11 ms) at most with UMTN's numbers. One end of the
stretch is where it was; at the other a short crossfade leads back. A whole batch is done at once, on any device.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

TAPS = 8  # samples under the interpolating kernel
PHASES = 1024  # places between two samples at which it is kept; the error of the nearest lies 60 dB down
BETA = 4.5  # of its Kaiser window: less keeps more of the highest frequencies, more leaves weaker images of them
FADE = 160  # samples of crossfade: 10 ms at 16 kHz
HIGHEST = 2.0  # semitones: beyond it a stretch would move by 45 ms and more, and be heard as another rhythm


class WavFrequencyAugmentation:
    """Shift the pitch of a random stretch, a quarter to a half of the segment, by up to ``magnitude`` semitones.

    Parameters
    ----------
    wav_freq
        Sample rate, Hz. Kept for UMTN's call; the shift does not depend on it.
    magnitude
        Largest shift in semitones, up and down; at most 2.

    Examples
    --------
    >>> WavFrequencyAugmentation(16000, magnitude=0.5)(np.zeros(12000, np.float32)).shape
    (12000,)
    """

    def __init__(self, wav_freq: int, magnitude: float = 0.5):
        if not 0 <= magnitude <= HIGHEST:
            raise ValueError(f"expected a magnitude of 0 to {HIGHEST:g} semitones, found {magnitude}")
        self.wav_freq, self.magnitude = wav_freq, magnitude

    def __call__(self, wav: np.ndarray) -> np.ndarray:
        """Augment one segment: float32, shape (samples,), on any scale; draws come from torch's generator."""
        batch = torch.as_tensor(np.asarray(wav, dtype=np.float32))[None]
        return shift_pitch(batch, *self.place(torch.rand(3, 1), len(wav)))[0].numpy()

    def place(self, uniform: torch.Tensor, samples: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Where and by how much, as UMTN draws it.

        Parameters
        ----------
        uniform : float tensor, shape (3, batch)
            Random numbers in [0, 1).
        samples
            Length of the segments.

        Returns
        -------
        starts, lengths : int64 tensors, shape (batch,)
            Start up to the middle of the segment; length a quarter to a half of it.
        semitones : float tensor, shape (batch,)
        """
        lengths = samples // 4 + (uniform[0] * (samples // 2 - samples // 4 + 1)).long()
        starts = (uniform[1] * (samples // 2 + 1)).long()
        return starts, lengths, (2 * uniform[2] - 1) * self.magnitude


def shift_pitch(
    batch: torch.Tensor, starts: torch.Tensor, lengths: torch.Tensor, semitones: torch.Tensor
) -> torch.Tensor:
    """Shift the pitch of a stretch of each segment; what lies outside it is left as it is.

    Parameters
    ----------
    batch : float32 tensor, shape (batch, samples)
    starts, lengths : int64 tensors, shape (batch,)
        The stretches; each within its segment.
    semitones : float tensor, shape (batch,)
        Up is positive.

    Returns
    -------
    float32 tensor, shape (batch, samples)
    """
    places, inside, shifted = shifted_stretch(batch, starts, lengths, semitones)
    return batch.clone().scatter_(1, places, torch.where(inside, shifted, batch.gather(1, places)))


def shifted_stretch(batch, starts, lengths, semitones) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The stretches alone, which is all that :func:`shift_pitch` alters.

    Returns
    -------
    places : int64 tensor, shape (batch, longest)
        Where in the segment: ``longest`` samples (the longest of ``lengths``) that hold the stretch.
    inside : bool tensor, shape (batch, longest)
        Which of them belong to the stretch.
    shifted : float32 tensor, shape (batch, longest)
        The stretch faded into what is around it.
    """
    samples, longest = batch.shape[1], int(lengths.max())
    first = starts.clip(max=samples - longest)
    places = first[:, None] + torch.arange(longest, device=batch.device)
    step = places - starts[:, None]  # 0 where the stretch starts
    inside = (step >= 0) & (step < lengths[:, None])
    faster = torch.expm1(semitones * (np.log(2) / 12))[:, None].float()  # r - 1
    drift = (faster * lengths[:, None]).abs()
    # Read slower, the stretch falls behind from its start on. Read faster, it would run ahead, perhaps over the end
    # of the segment: it begins behind and has caught up at its end, unless the segment starts too late for that.
    from_start = (faster <= 0) | (starts[:, None] < drift)
    anchor = torch.where(from_start, 0, lengths[:, None])
    away = faster * (step - anchor)  # samples from its place at which a sample is read
    edge = torch.minimum(step + 1, lengths[:, None] - step).clip(0, FADE).float() / (FADE + 1)
    weight = torch.sin(edge * (torch.pi / 2)) ** 2
    original = batch.gather(1, places)
    return places, inside, torch.lerp(original, interpolate(batch, places, away), weight)


def interpolate(batch: torch.Tensor, places: torch.Tensor, away: torch.Tensor) -> torch.Tensor:
    """Values of band-limited signals between their samples, by a windowed sinc.

    Up to 5 kHz at 16 kHz the error lies 49 dB under the signal; the steps of mu-law codes lie 38 dB under it.

    Parameters
    ----------
    batch : float32 tensor, shape (batch, samples)
        Zero beyond the ends.
    places : int64 tensor, shape (batch, n)
    away : float32 tensor, shape (batch, n)
        ``places + away`` is where to read, in samples: apart, because a float32 alone does not hold both well.

    Returns
    -------
    float32 tensor, shape (batch, n)
    """
    whole = away.floor()
    base = (places + whole.long()).clip(0, batch.shape[1] - 1)
    phase = ((away - whole) * PHASES).round().long().flatten()
    kernel = _kernel().to(batch.device)
    padded = F.pad(batch, (TAPS // 2 - 1, TAPS // 2))
    values = torch.zeros_like(away)
    for tap in range(TAPS):  # eight gathers of one sample are quicker than one gather of eight
        weights = kernel[tap].index_select(0, phase).view_as(values)
        values.addcmul_(padded.gather(1, base + tap), weights)
    return values


@lru_cache(maxsize=1)
def _kernel() -> torch.Tensor:
    """Weight of each tap at each fraction of a sample: float32, shape (TAPS, PHASES + 1)."""
    fraction = np.linspace(0, 1, PHASES + 1)
    distance = np.arange(TAPS)[:, None] - (TAPS // 2 - 1) - fraction  # from the position to each tap
    window = np.i0(BETA * np.sqrt(np.maximum(0, 1 - (2 * distance / TAPS) ** 2)))  # Kaiser's
    kernel = np.sinc(distance) * window
    return torch.tensor(kernel / kernel.sum(axis=0), dtype=torch.float32)  # a constant stays one
