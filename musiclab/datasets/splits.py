"""Dividing a data set: by group, so that no artist, track or recording stands on both sides.

scikit-learn's splitters do the sums; what is added here is the check, and the words when it fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

from musiclab.core.errors import DatasetError

_SHUFFLES = 20  # tries to divide groups that hold several classes


@dataclass(frozen=True)
class Split:
    """Row numbers of an index table: what is trained on, what is watched, and what is tested once.

    Attributes
    ----------
    train, valid, test : int array
        Row numbers; ``valid`` may be empty.
    name : str
        In words, for results: "fold 1 tests", "by group, seed 0".
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    name: str


def choose_split(index: pd.DataFrame, fold: int | None = None, seed: int = 0) -> Split:
    """The split of a single run: by the index's column, by official fold, or by group."""
    if fold is None and (index["split"] != "").any():
        return by_column(index)
    if fold is None and not (index["fold"] > 0).any():
        return by_group(index, seed=seed)
    index = with_folds(index, seed=seed)
    fold = 1 if fold is None else fold
    check_fold(index, fold)
    return by_fold(index, fold, next_fold(index, fold))


def next_fold(index: pd.DataFrame, fold: int) -> int | None:
    """The fold after ``fold``, the first one after the last; none where that would leave nothing to train on."""
    known = sorted(set(index["fold"]) - {0})
    return known[(known.index(fold) + 1) % len(known)] if len(known) > 2 else None


def by_group(index: pd.DataFrame, test: float = 0.2, valid: float = 0.2, seed: int = 0) -> Split:
    """Split by group, with the classes in about equal shares on every side.

    Parameters
    ----------
    index
        Columns ``label`` and ``group``.
    test, valid
        Shares, about: groups are not cut. ``valid=0`` leaves that part empty.
    seed
        Another seed, another split.

    Raises
    ------
    DatasetError
        A class has too few groups to be on every side.
    """
    needed = 3 if valid else 2
    check_groups(index, needed)
    rows = np.arange(len(index))
    rest, tested = _one_fold(index, rows, round(1 / test), seed, needed - 1)
    trained, validated = rest, rest[:0]
    if valid:
        trained, validated = _one_fold(index, rest, max(2, round((1 - test) / valid)), seed, 1)
    split = Split(trained, validated, tested, f"by group, seed {seed}")
    check_split(index, split)
    return split


def by_fold(index: pd.DataFrame, fold: int, valid_fold: int | None = None) -> Split:
    """Split by official fold: one tests, one more may validate, the rest train.

    Raises
    ------
    DatasetError
        No such fold.
    """
    for wanted in {fold, valid_fold} - {None}:
        check_fold(index, wanted)
    folds = index["fold"].to_numpy()
    test = folds == fold
    valid = np.zeros_like(test) if valid_fold is None else folds == valid_fold
    if valid_fold == fold:
        raise DatasetError(f"fold {fold} cannot both test and validate; name two different folds")
    name = f"fold {fold} tests" + (f", fold {valid_fold} validates" if valid_fold else "")
    split = Split(*(np.flatnonzero(side) for side in ((folds > 0) & ~test & ~valid, valid, test)), name)
    check_split(index, split)
    return split


def by_column(index: pd.DataFrame) -> Split:
    """Split as the column ``split`` says ("train", "valid", "test")."""
    sides = {side: np.flatnonzero(index["split"] == side) for side in ("train", "valid", "test")}
    for side in ("train", "test"):
        if not len(sides[side]):
            raise DatasetError(f'expected clips whose column split says "{side}", found none')
    split = Split(**sides, name="as the index says")
    check_split(index, split)
    return split


def with_folds(index: pd.DataFrame, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """The index with folds: the official ones where there are any, otherwise ``folds`` by group, stratified.

    Raises
    ------
    DatasetError
        A class has fewer than two groups, or the index has a fixed split and no folds.
    """
    if (index["fold"] > 0).any():
        return index
    if (index["split"] != "").any():
        raise DatasetError(
            "expected data with folds, or with none at all, found a fixed split (column split), which says what tests; "
            "use musiclab train without --fold, or a source with folds (for GTZAN: gtzan-kfold:DIR)"
        )
    check_groups(index, 2)
    folds = min(folds, int(index.groupby("label")["group"].nunique().min()))
    numbers = np.zeros(len(index), dtype=int)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for number, (_, rows) in enumerate(splitter.split(index, index["label"], index["group"]), start=1):
        numbers[rows] = number
    return index.assign(fold=numbers)


def leave_one_group_out(index: pd.DataFrame) -> list[Split]:
    """One split for each group: it tests, all the others train, and there is no validation part.

    For small sets whose every group counts, such as a recording place or a player.

    Raises
    ------
    DatasetError
        A class is in one group only: it would be absent from training when that group tests.
    """
    check_groups(index, 2)
    splitter = LeaveOneGroupOut().split(index, groups=index["group"])
    groups = index["group"].to_numpy()
    found = [Split(train, test[:0], test, f"group {groups[test[0]]} tests") for train, test in splitter]
    for split in found:
        check_split(index, split)
    return found


def check_fold(index: pd.DataFrame, fold: int) -> None:
    """Raise DatasetError when no clip is in ``fold``."""
    known = sorted(set(index["fold"]) - {0})
    if fold not in known:
        raise DatasetError(f"expected a fold among {known}, found {fold}")


def check_groups(index: pd.DataFrame, needed: int) -> None:
    """Raise DatasetError when a class has fewer than ``needed`` groups."""
    if index["label"].nunique() < 2:
        raise DatasetError(f"expected at least two classes, found only {index['label'].iloc[0]!r}")
    groups = index.groupby("label")["group"].nunique()
    if groups.min() < needed:
        label = groups.idxmin()
        clips = index.loc[index["label"] == label, "path"]
        raise DatasetError(
            f"class {label!r}: expected at least {needed} groups, so that no artist or recording is on both sides "
            f"of the split, found {groups.min()} ({len(clips)} clips, such as {clips.iloc[0]}); "
            f"add recordings from another source, or name the true groups in index.csv (column group)"
        )


def check_split(index: pd.DataFrame, split: Split, duplicates: Sequence[int] | None = None) -> None:
    """Raise DatasetError when a split would test a model on what it has heard, or on a class it has not.

    Parameters
    ----------
    index
        Columns ``path``, ``label`` and ``group``.
    split
        Of it.
    duplicates : int array, shape (clips,)
        The column ``duplicate`` of :func:`musiclab.datasets.scanning.scan`: a number for clips that are the same
        sound, 0 for those that are there once. Left out, only groups are looked at.

    Raises
    ------
    DatasetError
        A group or a near-identical recording is on two sides, nothing is left to train on, or a class is absent from
        training.
    """
    sides = {"train": split.train, "valid": split.valid, "test": split.test}
    groups, paths = index["group"].to_numpy(), index["path"].to_numpy()
    if duplicates is not None and len(duplicates) != len(index):
        raise DatasetError(f"expected a duplicate number for each of {len(index)} clips, found {len(duplicates)}")
    for first, second in (("train", "valid"), ("train", "test"), ("valid", "test")):
        shared = sorted(set(groups[sides[first]]) & set(groups[sides[second]]))
        if shared:
            raise DatasetError(
                f"expected each group on one side of the split, found {len(shared)} in both {first} and {second}, "
                f"such as {shared[0]!r}; a model would be tested on what it has heard"
            )
        if duplicates is None:
            continue
        numbers = np.asarray(duplicates)
        repeated = sorted((set(numbers[sides[first]]) & set(numbers[sides[second]])) - {0})
        if repeated:
            one, other = (
                next(paths[row] for row in sides[side] if numbers[row] == repeated[0]) for side in (first, second)
            )
            raise DatasetError(
                f"{split.name}: expected each recording on one side of the split, found {len(repeated)} in both "
                f"{first} and {second}, such as {one} ({first}) and {other} ({second}), which are the same sound; "
                "leave one of them out, or give them one group (column group)"
            )
    labels = index["label"].to_numpy()
    if not len(split.train):
        raise DatasetError(f"{split.name}: expected clips to train on, found none")
    unseen = sorted(set(labels) - set(labels[split.train]))
    if unseen:
        raise DatasetError(
            f"{split.name}: expected every class among the training clips, found none of {', '.join(unseen)}"
        )


def _one_fold(index, rows, folds, seed, left) -> tuple[np.ndarray, np.ndarray]:
    """Divide ``rows`` into (the others, one fold of ``folds``), with ``left`` groups of each class among the others.

    Groups that hold several classes can leave a class with too few; then another fold is taken, or another shuffle.
    """
    part = index.iloc[rows]
    folds = min(folds, int(part.groupby("label")["group"].nunique().min()))
    for shuffle in range(_SHUFFLES):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + 10_000 * shuffle)
        for others, fold in splitter.split(part, part["label"], part["group"]):
            groups = part.iloc[others].groupby("label")["group"].nunique()
            if len(fold) and len(groups) == part["label"].nunique() and groups.min() >= left:
                return rows[others], rows[fold]
    raise DatasetError(
        f"expected to divide {part['group'].nunique()} groups with {left} of each class left over, found no such "
        f"division in {_SHUFFLES} tries; add recordings from other sources, or name smaller groups (column group)"
    )
