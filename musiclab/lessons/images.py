"""Exercises on networks that look at pictures of sound: parameters, segments, two guesses, a better training."""

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, numbers, wrong
from musiclab.lessons.trainings import lower_loss


@exercise("06.1")
def parameters_of_twice_the_width(answer) -> Verdict:
    """Parameters of the CNN with width 32 in place of 16, for ten classes."""
    from musiclab.models import count_parameters, create

    narrow, wide = (count_parameters(create("cnn", classes=10, width=width)) for width in (16, 32))
    if any(number(answer, factor * narrow).right for factor in (1, 2, 4)):
        return wrong("the layers do not all grow by the same factor")
    return number(answer, wide, "parameters")


@exercise("06.2")
def frames_and_segments(answer) -> list[Verdict]:
    """Frames of 30 s at 22,050 Hz (hop 512), and the segments of 128 frames, at most 64 apart, that cover them."""
    from musiclab.features import MelConfig
    from musiclab.store.segments import Segments

    frames = MelConfig().frames(30 * 22050)
    song = Segments(np.zeros((frames, 1), np.float32), [0, frames], [0], length=128, places="covering")
    return numbers(answer, {"frames": frames, "segments": len(song)})


@exercise("06.3")
def right_in_two_guesses(answer, result) -> Verdict:
    """Clips of a :class:`musiclab.metrics.Result` whose class is among the two most probable ones."""
    of_truth = result.log_probabilities[np.arange(result.n), result.labels]
    truth = int(((result.log_probabilities > of_truth[:, None]).sum(axis=1) < 2).sum())  # at most one was ahead
    with_one = round(result.accuracy * result.n)
    if number(answer, with_one).right and with_one != truth:
        return wrong("so many are right with one guess")
    if number(answer, truth / result.n).right or number(answer, result.accuracy).right:
        return wrong("expected a number of clips, found a share")
    return number(answer, truth, f"of {result.n} clips", note=f"with one guess {with_one}")


@exercise("06.4")
def better_training(answer, history) -> Verdict:
    """A training with a lower validation loss than the lesson's, in as many epochs."""
    return lower_loss(answer, history, longest=len(history.epochs))
