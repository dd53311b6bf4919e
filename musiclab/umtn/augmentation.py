"""Shift the pitch of a random stretch of a segment by up to half a semitone, as UMTN's augmentation does.

UMTN uses a phase vocoder (``librosa.effects.pitch_shift``) without a fade, so both ends of the stretch may click. We
resample the stretch instead, which shifts its pitch exactly, and works for whole batches on any device. Reading r times
as fast moves the sound by up to ``|r - 1| * length`` samples, or 175 (11 ms) with UMTN's settings. One end of the
stretch stays in place. At the other end, a short crossfade leads back to the original.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F

TAPS = 8  # length of the interpolation kernel in samples
PHASES = 1024  # steps per sample at which the kernel is tabulated; rounding to them gives an error of -60 dB
BETA = 4.5  # of the Kaiser window; smaller keeps more high frequencies, larger suppresses their images better
FADE = 160  # length of the crossfade in samples: 10 ms at 16 kHz
HIGHEST = 2.0  # semitones; more would move a stretch by over 45 ms, which changes the rhythm


class WavFrequencyAugmentation:
    """Augmentation that shifts the pitch of a random stretch of a segment.

    The stretch covers a quarter to a half of the segment. The shift is random, too, up or down.

    Parameters
    ----------
    wav_freq : int
        Sample rate in Hz. It has no effect on the result, but UMTN's code passes it.
    magnitude : float
        Largest shift in semitones, from 0 to 2. Default: 0.5.

    Raises
    ------
    ValueError
        If ``magnitude`` is out of range.

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
        """Augment one segment, with random numbers from torch's generator.

        Parameters
        ----------
        wav : array of floats, shape (samples,)
            Segment, on any scale.

        Returns
        -------
        float32 array, shape (samples,)
            Augmented segment.
        """
        batch = torch.as_tensor(np.asarray(wav, dtype=np.float32))[None]
        return shift_pitch(batch, *self.place(torch.rand(3, 1), len(wav)))[0].numpy()

    def place(self, uniform: torch.Tensor, samples: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Convert uniform random numbers to stretches and pitch shifts, with the same distribution as in UMTN.

        Parameters
        ----------
        uniform : float tensor, shape (3, batch)
            Random numbers from 0 to less than 1. The rows determine lengths, starts and shifts.
        samples : int
            Length of a segment in samples.

        Returns
        -------
        starts : int64 tensor, shape (batch,)
            Starts of the stretches in samples, all in the first half of the segment.
        lengths : int64 tensor, shape (batch,)
            Lengths of the stretches in samples, from a quarter to a half of the segment.
        semitones : float32 tensor, shape (batch,)
            Pitch shifts in semitones.
        """
        lengths = samples // 4 + (uniform[0] * (samples // 2 - samples // 4 + 1)).long()
        starts = (uniform[1] * (samples // 2 + 1)).long()
        return starts, lengths, ((2 * uniform[2] - 1) * self.magnitude).float()


def shift_pitch(
    batch: torch.Tensor, starts: torch.Tensor, lengths: torch.Tensor, semitones: torch.Tensor
) -> torch.Tensor:
    """Shift the pitch of one stretch in each segment of a batch.

    Parameters
    ----------
    batch : float32 tensor, shape (batch, samples)
        Segments.
    starts : int64 tensor, shape (batch,)
        First sample of the stretch in each segment.
    lengths : int64 tensor, shape (batch,)
        Length of the stretch in each segment, in samples.
    semitones : float tensor, shape (batch,)
        Pitch shift of each stretch in semitones. Positive is up.

    Returns
    -------
    float32 tensor, shape (batch, samples)
        Segments with shifted stretches. Outside the stretches, the samples are unchanged.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(12000) / 8)[None]
    >>> shift_pitch(tone, torch.tensor([3000]), torch.tensor([4000]), torch.tensor([0.5])).shape
    torch.Size([1, 12000])
    """
    samples, longest = batch.shape[1], int(lengths.max())
    starts, lengths = starts[:, None], lengths[:, None]
    positions = starts.clip(max=samples - longest) + torch.arange(longest, device=batch.device)
    step = positions - starts  # 0 at the start of the stretch
    speedup = torch.expm1(semitones[:, None] * (np.log(2) / 12)).float()  # r - 1
    # A slower stretch keeps its start and falls behind. A faster one would read ahead, perhaps past the end of the
    # segment, so it starts behind and keeps its end, unless there are not enough samples before it.
    keeps_start = (speedup <= 0) | (starts < (speedup * lengths).abs())
    offsets = speedup * (step - torch.where(keeps_start, 0, lengths))  # from each position to where it is read
    edge = torch.minimum(step + 1, lengths - step).clip(0, FADE).float() / (FADE + 1)  # 0 outside the stretch
    weight = torch.sin(edge * (torch.pi / 2)) ** 2
    shifted = torch.lerp(batch.gather(1, positions), interpolate(batch, positions, offsets), weight)
    return batch.scatter(1, positions, shifted)


def interpolate(batch: torch.Tensor, positions: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Interpolate band-limited signals, shape (batch, samples), with a windowed sinc.

    At 16 kHz, the error is below -49 dB for frequencies up to 5 kHz. The quantisation noise of mu-law codes is -38 dB.

    Parameters
    ----------
    batch : float32 tensor, shape (batch, samples)
        Signals, which are taken as zero outside.
    positions, offsets : int64 and float32 tensors, shape (batch, n)
        The signals are read at ``positions + offsets``, in samples. Their sum would lose precision in float32.
    """
    whole_offsets = offsets.floor()
    base = (positions + whole_offsets.long()).clip(0, batch.shape[1] - 1)
    phase = ((offsets - whole_offsets) * PHASES).round().long().flatten()
    kernel = _kernel().to(batch.device)
    padded = F.pad(batch, (TAPS // 2 - 1, TAPS // 2))
    values = torch.zeros_like(offsets)
    for tap in range(TAPS):  # one gather per tap is faster than a single gather for all taps
        weights = kernel[tap].index_select(0, phase).view_as(values)
        values.addcmul_(padded.gather(1, base + tap), weights)
    return values


@cache
def _kernel() -> torch.Tensor:
    """Compute the weights of all taps for all fractions of a sample, float32, shape (TAPS, PHASES + 1)."""
    fraction = np.linspace(0, 1, PHASES + 1)
    distance = np.arange(TAPS)[:, None] - (TAPS // 2 - 1) - fraction  # from the position to each tap
    window = np.i0(BETA * np.sqrt(np.maximum(0, 1 - (2 * distance / TAPS) ** 2)))  # Kaiser
    kernel = np.sinc(distance) * window
    return torch.tensor(kernel / kernel.sum(axis=0), dtype=torch.float32)  # constants are preserved
