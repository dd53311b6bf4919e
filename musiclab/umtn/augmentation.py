"""Shift the pitch of a random stretch of a segment by up to half a semitone, as UMTN's augmentation does.

UMTN uses a phase vocoder (``librosa.effects.pitch_shift``) without a fade, so both ends of the stretch may click. Here
the stretch is read at another speed: its pitch changes exactly, and a whole batch is shifted at once on any device.
Reading r times as fast moves the sound by up to ``|r - 1| * length`` samples, 175 (11 ms) with UMTN's settings. One end
of the stretch stays where it was; at the other a short crossfade leads back.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F

TAPS = 8  # samples under the interpolating kernel
PHASES = 1024  # fractions of a sample for which the kernel is kept; the error of the nearest lies 60 dB down
BETA = 4.5  # of its Kaiser window: less keeps more of the highest frequencies, more leaves weaker images of them
FADE = 160  # samples of crossfade: 10 ms at 16 kHz
HIGHEST = 2.0  # semitones: beyond it a stretch would move by 45 ms and more, and be heard as another rhythm


class WavFrequencyAugmentation:
    """Shift the pitch of a random stretch, a quarter to a half of the segment, by up to ``magnitude`` semitones.

    Parameters
    ----------
    wav_freq
        Sample rate in Hz, kept for UMTN's call; the shift does not depend on it.
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
        """Turn random numbers in [0, 1), shape (3, batch), into UMTN's stretches and their shifts.

        Returns starts, in the first half of the segment, and lengths, a quarter to a half of it (int64), and the shifts
        in semitones (float32); each has the shape (batch,).
        """
        lengths = samples // 4 + (uniform[0] * (samples // 2 - samples // 4 + 1)).long()
        starts = (uniform[1] * (samples // 2 + 1)).long()
        return starts, lengths, ((2 * uniform[2] - 1) * self.magnitude).float()


def shift_pitch(
    batch: torch.Tensor, starts: torch.Tensor, lengths: torch.Tensor, semitones: torch.Tensor
) -> torch.Tensor:
    """Shift the pitch of one stretch of each segment of a batch, float32, shape (batch, samples).

    Parameters
    ----------
    starts, lengths, semitones : tensors, shape (batch,)
        The stretches (int64), each within its segment, and their shifts; up is positive.
    """
    samples, longest = batch.shape[1], int(lengths.max())
    starts, lengths = starts[:, None], lengths[:, None]
    positions = starts.clip(max=samples - longest) + torch.arange(longest, device=batch.device)
    step = positions - starts  # 0 where the stretch starts
    faster = torch.expm1(semitones[:, None] * (np.log(2) / 12)).float()  # r - 1
    # Read slower, the stretch falls behind from its start on. Read faster, it would run ahead, perhaps over the end
    # of the segment: it begins behind and has caught up at its end, unless the segment starts too late for that.
    from_start = (faster <= 0) | (starts < (faster * lengths).abs())
    away = faster * (step - torch.where(from_start, 0, lengths))  # samples from its position at which a sample is read
    edge = torch.minimum(step + 1, lengths - step).clip(0, FADE).float() / (FADE + 1)  # 0 outside the stretch
    weight = torch.sin(edge * (torch.pi / 2)) ** 2
    shifted = torch.lerp(batch.gather(1, positions), interpolate(batch, positions, away), weight)
    return batch.scatter(1, positions, shifted)


def interpolate(batch: torch.Tensor, positions: torch.Tensor, away: torch.Tensor) -> torch.Tensor:
    """Read band-limited signals, shape (batch, samples), between their samples by a windowed sinc.

    Up to 5 kHz at 16 kHz the error lies 49 dB under the signal; the steps of mu-law codes lie 38 dB under it.

    Parameters
    ----------
    positions, away : int64 and float32 tensors, shape (batch, n)
        Where to read: at ``positions + away`` samples. The sum itself would not be exact enough in float32. Signals are
        zero beyond their ends.
    """
    below = away.floor()
    base = (positions + below.long()).clip(0, batch.shape[1] - 1)
    phase = ((away - below) * PHASES).round().long().flatten()
    kernel = _kernel().to(batch.device)
    padded = F.pad(batch, (TAPS // 2 - 1, TAPS // 2))
    values = torch.zeros_like(away)
    for tap in range(TAPS):  # eight gathers of one sample are quicker than one gather of eight
        weights = kernel[tap].index_select(0, phase).view_as(values)
        values.addcmul_(padded.gather(1, base + tap), weights)
    return values


@cache
def _kernel() -> torch.Tensor:
    """Compute the weight of each tap at each fraction of a sample: float32, shape (TAPS, PHASES + 1)."""
    fraction = np.linspace(0, 1, PHASES + 1)
    distance = np.arange(TAPS)[:, None] - (TAPS // 2 - 1) - fraction  # from the position to each tap
    window = np.i0(BETA * np.sqrt(np.maximum(0, 1 - (2 * distance / TAPS) ** 2)))  # Kaiser's
    kernel = np.sinc(distance) * window
    return torch.tensor(kernel / kernel.sum(axis=0), dtype=torch.float32)  # a constant stays one
