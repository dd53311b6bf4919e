"""The table of Street: which recordings there are, how they are cut into slices, and in which fold each lies.

The columns are those of ``UrbanSound8K.csv``, and so is the way of cutting: a recording (``fsID``) holds one or
more occurrences of its sound, and each occurrence longer than 4 s is cut into windows of 4 s, one every 2 s.
"""

import difflib
from dataclasses import dataclass
from itertools import count

import numpy as np
import pandas as pd

from musiclab.core.errors import DatasetError
from musiclab.core.random import stream

CLASSES = (
    "air_conditioner",
    "car_horn",
    "children_playing",
    "dog_bark",
    "drilling",
    "engine_idling",
    "gun_shot",
    "jackhammer",
    "siren",
    "street_music",
)
"""The ten classes in the order of their ``classID``, 0 to 9."""

COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")

# How often a recording holds one long occurrence, and not several short ones. Barks, horns and shots are short more
# often, as in the real set, but no class is always so: the length must not name the class.
LONG = {"air_conditioner": 0.75, "car_horn": 0.5, "dog_bark": 0.5, "gun_shot": 0.45}
LONG_OTHERWISE = 0.65
WINDOW, HOP = 4.0, 2.0  # seconds
STEP = 0.02  # seconds: all times are multiples of it, 441 samples at 22,050 Hz, so that every cut falls on a sample


@dataclass(frozen=True)
class Plan:
    """What a recording holds, before a sample of it is made.

    Attributes
    ----------
    seconds : float
        Length of the recording.
    spans : tuple of (float, float)
        Start and end of each occurrence of the sound, in seconds.
    slices : tuple of (int, int, float, float)
        Occurrence, number in the occurrence, start and end (s) of each slice.
    salience : int
        1 where the sound is in the foreground, 2 where it is in the background.
    """

    seconds: float
    spans: tuple[tuple[float, float], ...]
    slices: tuple[tuple[int, int, float, float], ...]
    salience: int


def check_class(name: str) -> str:
    """Give `name` back if it is one of `CLASSES`; raise `DatasetError` with the nearest one otherwise."""
    if name in CLASSES:
        return name
    near = difflib.get_close_matches(str(name), CLASSES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise DatasetError(f"street: no class {name!r}; {hint}The classes are {', '.join(CLASSES)}.")


def plan(fsID: int, label: str, *, seed: int = 0) -> Plan:
    """Lay out one recording.

    Parameters
    ----------
    fsID : int
        Number of the recording.
    label : str
        One of `CLASSES`.
    seed : int
        Of the data set.

    Raises
    ------
    DatasetError
        If there is no such class.
    """
    rng = stream(seed, fsID, "plan")
    salience = 1 if rng.random() < 0.65 else 2
    lead = _whole_steps(rng.uniform(0.2, 0.8))  # the street is heard alone first
    spans, slices = [], []
    if rng.random() < LONG.get(check_class(label), LONG_OTHERWISE):
        windows = int(rng.integers(1, 6))
        length = _whole_steps(WINDOW + HOP * (windows - 1) - rng.choice([0.0, rng.uniform(0, 1.8)]))
        spans.append((lead, _whole_steps(lead + length)))
        for k in range(windows):
            start = _whole_steps(lead + HOP * k)
            slices.append((0, k, start, min(_whole_steps(start + WINDOW), spans[0][1])))
    else:
        start = lead
        for occurrence in range(int(rng.integers(1, 6))):
            end = _whole_steps(start + rng.uniform(0.5, 4.0))
            spans.append((start, end))
            slices.append((occurrence, 0, start, end))
            start = _whole_steps(end + rng.uniform(0.2, 1.0))
    seconds = _whole_steps(spans[-1][1] + rng.uniform(0.2, 0.8))
    return Plan(seconds, tuple(spans), tuple(slices), salience)


def catalogue(slices_per_class: int = 60, seed: int = 0, folds: int = 10) -> pd.DataFrame:
    """The table of a Street data set.

    Parameters
    ----------
    slices_per_class : int
        Slices of each class, at least `folds`.
    seed : int
        Another seed gives other recordings. It must be given to the rendering functions too.
    folds : int
        Folds, 2 to 10. Every class is in every fold, and no recording in two.

    Returns
    -------
    pandas.DataFrame
        One row a slice, sorted by class and recording, with the columns of ``UrbanSound8K.csv``:
        ``slice_file_name`` (``<fsID>-<classID>-<occurrence>-<slice>.wav``), ``fsID``, ``start`` and ``end`` in the
        recording (s), ``salience`` (1 foreground, 2 background), ``fold`` (from 1), ``classID``, ``class``.

    Raises
    ------
    DatasetError
        If a setting is out of its range.

    Examples
    --------
    >>> table = catalogue(slices_per_class=20)
    >>> len(table), table["fold"].nunique(), round(float((table["end"] - table["start"]).max()), 3)
    (200, 10, 4.0)
    """
    if not 2 <= folds <= 10:
        raise DatasetError(f"street: folds is {folds}, expected 2 to 10, as UrbanSound8K has ten")
    if slices_per_class < folds:
        raise DatasetError(
            f"street: slices_per_class is {slices_per_class}, expected at least {folds}, one a fold; "
            "ask for more slices or for fewer folds"
        )
    if slices_per_class > 10_000:
        raise DatasetError(
            f"street: slices_per_class is {slices_per_class}, expected at most 10,000: fsIDs have six digits"
        )
    if seed < 0:
        raise DatasetError(f"street: seed is {seed}, expected 0 or more")
    rows: list[tuple] = []
    fold_sizes = np.zeros(folds, dtype=int)
    for class_id, label in enumerate(CLASSES):
        kept = _recordings(class_id, label, slices_per_class, seed, folds)
        class_sizes = np.zeros(folds, dtype=int)
        fold_of = {}
        for fs_id in sorted(kept, key=lambda fs_id: (-len(kept[fs_id][1]), fs_id)):  # largest first: even folds
            fold = min(range(folds), key=lambda f: (class_sizes[f], fold_sizes[f]))
            class_sizes[fold] += len(kept[fs_id][1])
            fold_sizes[fold] += len(kept[fs_id][1])
            fold_of[fs_id] = fold + 1
        for fs_id, (salience, slices) in kept.items():
            for occurrence, number, start, end in slices:
                name = f"{fs_id}-{class_id}-{occurrence}-{number}.wav"
                rows.append((name, fs_id, start, end, salience, fold_of[fs_id], class_id, label))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _recordings(class_id: int, label: str, wanted: int, seed: int, folds: int) -> dict[int, tuple[int, list]]:
    """Recordings of one class with `wanted` slices in all, at least one a fold: fsID to (salience, slices)."""
    kept: dict[int, tuple[int, list]] = {}
    total = 0
    for number in count():
        if total >= wanted and len(kept) >= folds:
            break
        fs_id = 10_000 * (10 + class_id) + number
        layout = plan(fs_id, label, seed=seed)
        kept[fs_id] = (layout.salience, list(layout.slices))
        total += len(layout.slices)
    while total > wanted:  # too many: the longest recording gives up its last slice
        max(kept.values(), key=lambda recording: len(recording[1]))[1].pop()
        total -= 1
    return kept


def _whole_steps(seconds: float) -> float:
    return round(round(seconds / STEP) * STEP, 2)
