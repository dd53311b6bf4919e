"""Split a data set by group, so that no artist, track or recording is on two sides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from musiclab.core.errors import DatasetError

_SHUFFLES = 20  # tries to divide groups that hold several classes


@dataclass(frozen=True)
class Split:
    """Rows of an index table that train, validate and test."""

    train: np.ndarray
    valid: np.ndarray  # may be empty
    test: np.ndarray
    name: str  # for results: "fold 1 tests", "by group, seed 0"


def choose_split(index: pd.DataFrame, fold: int | None = None, seed: int = 0) -> Split:
    """Split for a single run: as the column ``split`` says, by fold (default 1 if there are any), or else by group.

    Examples
    --------
    >>> rows = [(f"{label}{n}.wav", label, f"artist {label}{n}") for label in "ab" for n in range(5)]
    >>> index = pd.DataFrame(rows, columns=["path", "label", "group"]).assign(fold=0, split="")
    >>> split = choose_split(index, seed=1)
    >>> split.name, len(split.train), len(split.valid), len(split.test)
    ('by group, seed 1', 6, 2, 2)
    """
    if fold is None and (index["split"] != "").any():
        return by_column(index)
    if fold is None and not (index["fold"] > 0).any():
        return by_group(index, seed=seed)
    index = with_folds(index, seed=seed)
    fold = 1 if fold is None else fold
    return by_fold(index, fold, next_fold(index, fold))


def next_fold(index: pd.DataFrame, fold: int) -> int | None:
    """Return the fold after ``fold``, or the first after the last; None if there are only two."""
    known = _known_folds(index, fold)
    return known[(known.index(fold) + 1) % len(known)] if len(known) > 2 else None


def by_group(index: pd.DataFrame, test: float = 0.2, valid: float = 0.2, seed: int = 0) -> Split:
    """Split by group, with about equal shares of the classes on every side.

    Parameters
    ----------
    index
        Columns ``label`` and ``group``.
    test, valid
        Approximate shares of the clips, because groups are not cut; ``valid=0`` leaves that side empty.
    seed
        Random seed.

    Raises
    ------
    DatasetError
        A class has too few groups to be on every side.
    """
    needed = 3 if valid else 2
    _check_groups(index, needed)
    rows = np.arange(len(index))
    rest, tested = _one_fold(index, rows, round(1 / test), seed, needed - 1)
    trained, validated = rest, rest[:0]
    if valid:
        trained, validated = _one_fold(index, rest, max(2, round((1 - test) / valid)), seed, 1)
    return _checked(index, Split(trained, validated, tested, f"by group, seed {seed}"))


def by_fold(index: pd.DataFrame, fold: int, valid_fold: int | None = None) -> Split:
    """Split by fold: ``fold`` tests, ``valid_fold`` validates if there is one, and the others train."""
    _known_folds(index, *{fold, valid_fold} - {None})
    if valid_fold == fold:
        raise DatasetError(f"fold {fold} cannot both test and validate; name two different folds")
    folds = index["fold"].to_numpy()
    trains = (folds > 0) & (folds != fold) & (folds != valid_fold)
    train, valid, test = map(np.flatnonzero, (trains, folds == valid_fold, folds == fold))
    name = f"fold {fold} tests" + (f", fold {valid_fold} validates" if valid_fold else "")
    return _checked(index, Split(train, valid, test, name))


def by_column(index: pd.DataFrame) -> Split:
    """Split as the column ``split`` says."""
    sides = {side: np.flatnonzero(index["split"] == side) for side in ("train", "valid", "test")}
    for side in ("train", "test"):
        if not len(sides[side]):
            raise DatasetError(f'expected clips whose column split says "{side}", found none')
    return _checked(index, Split(**sides, name="as the index says"))


def with_folds(index: pd.DataFrame, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Return the index with its official folds, or else with ``folds`` stratified folds by group.

    Raises
    ------
    DatasetError
        A class has fewer than two groups, or the index has a fixed split and no folds.
    """
    if (index["fold"] > 0).any():
        return index
    if (index["split"] != "").any():
        raise DatasetError(
            "expected data with folds, or without a split, found a fixed split (column split); "
            "use musiclab train without --fold, or a source with folds (for GTZAN: gtzan-kfold:DIR)"
        )
    _check_groups(index, 2)
    fold_of = np.zeros(len(index), dtype=int)
    for fold, (_, rows) in enumerate(_stratify(index, folds, seed), start=1):
        fold_of[rows] = fold
    return index.assign(fold=fold_of)


def check_split(index: pd.DataFrame, split: Split, duplicates: Sequence[int] | None = None) -> None:
    """Raise DatasetError if a group is on two sides of a split, or a class is not among its training clips.

    Parameters
    ----------
    index
        Columns ``path``, ``label`` and ``group``.
    split
        A split of its rows.
    duplicates : int array, shape (clips,)
        Column ``duplicate`` of :func:`musiclab.datasets.scan`; with it, copies may not be on two sides either.
    """
    if overlap := _overlap(split, index["group"].to_numpy()):
        first, second, shared = overlap
        raise DatasetError(
            f"expected each group on one side of the split, found {len(shared)} in both {first} and {second}, "
            f"such as {shared[0]!r}; a model would be tested on what it has heard"
        )
    if duplicates is not None:
        _check_duplicates(index, split, duplicates)
    if not len(split.train):
        raise DatasetError(f"{split.name}: expected clips to train on, found none")
    if unseen := sorted(set(index["label"]) - set(index["label"].iloc[split.train])):
        missing = ", ".join(unseen)
        raise DatasetError(f"{split.name}: expected every class among the training clips, found none of {missing}")


def _checked(index: pd.DataFrame, split: Split) -> Split:
    check_split(index, split)
    return split


def _check_duplicates(index: pd.DataFrame, split: Split, duplicates: Sequence[int]) -> None:
    if len(duplicates) != len(index):
        raise DatasetError(f"expected a duplicate number for each of {len(index)} clips, found {len(duplicates)}")
    paths, duplicates = index["path"].to_numpy(), np.asarray(duplicates)
    if overlap := _overlap(split, duplicates):
        first, second, shared = overlap
        one, other = (
            next(f"{paths[row]} ({side})" for row in getattr(split, side) if duplicates[row] == shared[0])
            for side in (first, second)
        )
        raise DatasetError(
            f"{split.name}: expected each recording on one side of the split, found {len(shared)} in both "
            f"{first} and {second}, such as {one} and {other}, which are the same sound; "
            "leave one of them out, or give them one group (column group)"
        )


def _overlap(split: Split, values: np.ndarray) -> tuple[str, str, list] | None:
    """Return two sides that share values other than 0, and those values; None if no sides do."""
    for first, second in combinations(("train", "valid", "test"), 2):
        if shared := set(values[getattr(split, first)]) & set(values[getattr(split, second)]) - {0}:
            return first, second, sorted(shared)
    return None


def _known_folds(index: pd.DataFrame, *wanted: int) -> list[int]:
    known = sorted(set(index["fold"]) - {0})
    for fold in wanted:
        if fold not in known:
            raise DatasetError(f"expected a fold among {known}, found {fold}")
    return known


def _check_groups(index: pd.DataFrame, needed: int) -> None:
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


def _stratify(index: pd.DataFrame, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (other rows, rows of a fold) for ``folds`` by group, or for as many as each class has groups."""
    from sklearn.model_selection import StratifiedGroupKFold  # not at the top, because it takes most of a second

    folds = min(folds, int(index.groupby("label")["group"].nunique().min()))
    return StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(index, index["label"], index["group"])


def _one_fold(index: pd.DataFrame, rows: np.ndarray, folds: int, seed: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide ``rows`` into (the others, one fold of ``folds``), with ``left`` groups of each class among the others.

    Groups that hold several classes can leave a class with too few; then we take another fold, or another shuffle.
    """
    part = index.iloc[rows]
    for shuffle in range(_SHUFFLES):
        for others, fold in _stratify(part, folds, seed + 10_000 * shuffle):
            groups = part.iloc[others].groupby("label")["group"].nunique()
            if len(fold) and len(groups) == part["label"].nunique() and groups.min() >= left:
                return rows[others], rows[fold]
    raise DatasetError(
        f"expected to divide {part['group'].nunique()} groups with {left} of each class left over, found no such "
        f"division in {_SHUFFLES} tries; add recordings from other sources, or name smaller groups (column group)"
    )
