"""Exercises on musical domains: sizes, how far an encoder sees, an augmentation, a confusion."""

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, right, wrong
from musiclab.lessons.stores import megabytes

SOFTER = 10 ** (-6 / 20)
"""The factor of exercise 3: -6 dB."""


@exercise("10.1")
def hour_of_music(answer) -> list[Verdict]:
    """Megabytes of an hour at 16 kHz, mono: float64, int16, and int16 with a code of one byte beside each sample."""
    samples = 3600 * 16000
    return megabytes(answer, {"float64": 8 * samples, "int16": 2 * samples, "SegmentPairs": (2 + 1) * samples})


@exercise("10.2")
def encoder_sees(answer) -> Verdict:
    """Samples that an output of an encoder with 2 blocks of 8 layers depends on."""
    from musiclab.umtn import Encoder

    truth = Encoder(channels=2, blocks=2, layers=8).receptive
    return number(answer, truth, "samples", note=f"{truth / 16:.0f} ms at 16 kHz")


@exercise("10.3")
def softer_stretch(answer) -> Verdict:
    """An augmentation that makes one random stretch, a quarter to a half of a segment, softer by 6 dB."""
    import torch

    if not callable(answer):
        return wrong(f"expected a function, found an object of type {type(answer).__name__}")
    with torch.random.fork_rng(devices=[]):  # the lesson's own draws stay as they would be
        torch.manual_seed(0)
        segment = np.full(12000, 8000, np.float32)
        first = answer(segment)
        if not isinstance(first, np.ndarray) or first.shape != (12000,):
            return wrong(f"expected an array of shape (12000,) back, found {type(first).__name__} {np.shape(first)}")
        if (segment != 8000).any():
            return wrong("the segment that was handed in has been changed; work on a copy")
        if first.dtype != np.float32:
            return wrong(f"expected float32 back, found {first.dtype}")
        torch.manual_seed(0)
        if not np.array_equal(answer(segment.copy()), first):
            return wrong("with torch's seed set it draws something else each time: draw with torch")
        ratios = np.stack([answer(segment.copy()) / 8000 for _ in range(30)])
    softer, kept = np.isclose(ratios, SOFTER, atol=1e-3), np.isclose(ratios, 1, atol=1e-3)
    share = softer.mean(axis=1)
    if not (softer | kept).all():
        return wrong(f"expected factors of 1 and {SOFTER:.3f} alone, found {ratios[~(softer | kept)][0]:.3f}")
    if share.min() < 0.24 or share.max() > 0.51 or np.ptp(share) == 0:
        return wrong(f"expected random shares of 25 to 50 %, found {share.min():.0%} to {share.max():.0%}")
    edges = np.diff(np.pad(softer.astype(int), ((0, 0), (1, 1))), axis=1)
    if (edges == 1).sum(axis=1).max() > 1:
        return wrong("expected one stretch, found several")
    if len(set((edges == 1).argmax(axis=1))) == 1:
        return wrong("the stretch always begins at the same sample")
    return right(f"stretches of {share.min():.0%} to {share.max():.0%}")


@exercise("10.4")
def confused_for_good(answer, plain) -> Verdict:
    """A confusion that costs a fresh classifier 15 points and leaves a third of the spectrum's variance.

    Parameters
    ----------
    answer : musiclab.umtn.ConfusionRun
    plain : musiclab.umtn.ConfusionRun
        Without confusion.
    """
    from musiclab.umtn import ConfusionRun

    if not isinstance(answer, ConfusionRun):
        return wrong(f"expected what umtn.train_confusion returns, found an object of type {type(answer).__name__}")
    lost, rebuilt = plain.probe - answer.probe, answer.history["rebuilt"].iloc[-1]
    said = f"the fresh classifier lost {100 * lost:.0f} points on {answer.n} segments, {rebuilt:.0%} is rebuilt"
    if lost < 0.15:
        return wrong(f"still too easy to tell apart: {said}; aim at 15 points")
    if rebuilt < 1 / 3:
        return wrong(f"too much of the music is gone: {said}; aim at a third")
    return right(said)
