"""List the slices of a Street data set in a table with the columns of ``UrbanSound8K.csv``.

As in UrbanSound8K, a recording (``fsID``) has one or more occurrences of its sound. Occurrences longer than 4 s are cut
into windows of 4 s with a hop of 2 s.
"""

import numpy as np
import pandas as pd

from musiclab.core.checks import check_whole
from musiclab.core.errors import DatasetError
from musiclab.studio.street.scene import CLASSES, make_plan

COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")


def catalogue(slices_per_class: int = 60, seed: int = 0, folds: int = 10) -> pd.DataFrame:
    """List the slices of a Street data set without rendering them.

    A slice is a short excerpt of a recording. Like UrbanSound8K, the data set consists of slices.

    Parameters
    ----------
    slices_per_class : int
        Number of slices per class, from ``folds`` to 10,000. The default is 60.
    seed : int
        Random seed of the data set, by default 0. Pass the same seed to the rendering functions.
    folds : int
        Number of folds (parts for cross-validation), from 2 to 10. The default is 10. Every fold has all classes, and
        no recording is in two folds.

    Returns
    -------
    pandas.DataFrame
        One row per slice, sorted by class and recording, with the columns ``slice_file_name``
        (``<fsID>-<classID>-<occurrence>-<slice>.wav``), ``fsID`` (number of the recording), ``start`` and ``end`` in
        the recording (s), ``salience`` (1 foreground, 2 background), ``fold`` (from 1), ``classID`` and ``class``.

    Raises
    ------
    DatasetError
        If a setting is out of range.

    Examples
    --------
    >>> table = catalogue(slices_per_class=20)
    >>> len(table), table["fold"].nunique(), round(float((table["end"] - table["start"]).max()), 3)
    (200, 10, 4.0)
    """
    settings = {"slices_per_class": slices_per_class, "seed": seed, "folds": folds}
    check_whole(settings, "folds", least=2, most=10, error=DatasetError)
    check_whole(settings, "slices_per_class", least=folds, most=10_000, error=DatasetError)  # fsIDs have six digits
    check_whole(settings, "seed", least=0, error=DatasetError)
    rows = []
    fold_sizes = np.zeros(folds, dtype=int)
    for class_id, label in enumerate(CLASSES):
        recordings = _plan_recordings(class_id, label, slices_per_class, seed, folds)
        class_sizes = np.zeros(folds, dtype=int)
        fold_of = {}
        for fs_id in sorted(recordings, key=lambda fs_id: (-len(recordings[fs_id][1]), fs_id)):  # largest first
            fold = min(range(folds), key=lambda f: (class_sizes[f], fold_sizes[f]))
            class_sizes[fold] += len(recordings[fs_id][1])
            fold_sizes[fold] += len(recordings[fs_id][1])
            fold_of[fs_id] = fold + 1
        for fs_id, (salience, slices) in recordings.items():
            for occurrence, index, start, end in slices:
                name = f"{fs_id}-{class_id}-{occurrence}-{index}.wav"
                rows.append((name, fs_id, start, end, salience, fold_of[fs_id], class_id, label))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _plan_recordings(class_id, label, slice_count, seed, folds):
    """Plan at least ``folds`` recordings with ``slice_count`` slices of a class: fsID to (salience, slices)."""
    recordings, total = {}, 0
    while total < slice_count or len(recordings) < folds:
        fs_id = 10_000 * (10 + class_id) + len(recordings)
        plan = make_plan(fs_id, label, seed)
        recordings[fs_id] = (plan.salience, list(plan.slices))
        total += len(plan.slices)
    while total > slice_count:  # drop the last slice of the longest recording
        max(recordings.values(), key=lambda recording: len(recording[1]))[1].pop()
        total -= 1
    return recordings
