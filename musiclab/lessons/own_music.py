"""Lesson 12: room on the disk, groups out of file names, seconds of a sound, and when to say nothing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, numbers, right, wrong

ASKED = 0.95
"""Share of the clips that are named which are to be named rightly in 12.4."""

ENOUGH = 0.9
"""Share of the clips that the best threshold names which must be named in 12.4."""


@exercise("12.1")
def room(answer) -> list[Verdict]:
    """Megabytes of an hour: 48 kHz, stereo, 24 bits as files; its audio and its log-mels in a store."""
    from musiclab.features import AudioConfig, MelConfig
    from musiclab.store.extraction import DTYPES

    second, mel = AudioConfig().sample_rate, MelConfig()
    truths = {
        "files": 3600 * 48000 * 2 * 3 / 1e6,
        "audio": 3600 * second * np.dtype(DTYPES["audio"]).itemsize / 1e6,
        "log-mels": mel.frames(3600 * mel.sample_rate) * mel.n_mels * np.dtype(DTYPES["logmel"]).itemsize / 1e6,
    }
    return numbers(answer, truths, within=0.005)


@exercise("12.2")
def groups(answer, names: Sequence[str]) -> Verdict:
    """The group of each of some files ``home_day_label_take.wav``, for a classifier that is to work in new homes."""
    parts = [name.split("_") for name in names]
    if isinstance(answer, str) or not hasattr(answer, "__len__") or len(answer) != len(names):
        return wrong(f"expected a list of {len(names)} groups, one a file")
    mine = [str(group) for group in answer]
    if _same_partition(mine, [home for home, *_ in parts]):
        return right(f"{len(set(mine))} groups, one a home: a whole home stays on one side of the split")
    if len(set(mine)) == len(names):
        return wrong("every file is a group of its own: the same room would be on both sides")
    if _same_partition(mine, [label for _, _, label, _ in parts]):
        return wrong("these are the labels: then a class is on one side only")
    for home in sorted({home for home, *_ in parts}):
        inside = {group for group, part in zip(mine, parts, strict=True) if part[0] == home}
        if len(inside) > 1:
            return wrong(f"the clips of {home} are in {len(inside)} groups, so its kitchen could be on both sides")
    return wrong("clips of several homes are in one group: fair, but fewer groups than there could be")


@exercise("12.3")
def heard(answer, windows: pd.DataFrame, label: str) -> Verdict:
    """Seconds of a recording in which one class is heard, each moment counted once."""
    from musiclab.runs.prediction import merged

    parts = merged(windows)
    parts = parts[parts["class"] == label]
    truth = float((parts["end"] - parts["start"]).sum())
    verdict = number(answer, truth, "s", absolute=0.05)
    mine = windows[windows["class"] == label]
    overlapping = float((mine["end"] - mine["start"]).sum())
    if not verdict.right and number(answer, overlapping, absolute=0.05).right:
        return wrong("windows overlap, and each moment is to be counted once")
    return verdict


@exercise("12.4")
def threshold(answer, heard) -> Verdict:
    """A probability under which nothing is named, so that what is named is right in 95 % of the clips."""
    verdict = number(answer, 0.5, absolute=0.5)  # a finite number in [0, 1], to begin with
    if not verdict.right:
        return wrong("expected a probability, from 0 to 1") if "expected" not in verdict.text else verdict
    sure = np.exp(heard.log_probabilities.max(axis=1))
    is_right = heard.predictions == heard.labels
    named = sure >= float(answer)
    if not named.any():
        return wrong("it names nothing at all")
    text = f"it names {named.sum()} of {heard.n} clips, {is_right[named].sum()} of them rightly"
    if is_right[named].mean() < ASKED:
        return wrong(f"{text}: less than {ASKED:.0%}")
    best = max((sure >= value).sum() for value in sure if is_right[sure >= value].mean() >= ASKED)
    if named.sum() < ENOUGH * best:
        return wrong(f"{text}: enough are right, but more could be named")
    return right(text)


def _same_partition(one: Sequence, other: Sequence) -> bool:
    """Whether two lists of groups put the same things together, whatever the groups are called."""
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))
