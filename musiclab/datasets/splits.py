"""Split a data set by group, so that no artist, track or recording is on two sides.

Copies of a recording count as one group, too, if the index knows them (column ``duplicate``, as in a store).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from musiclab.core.errors import DatasetError, counted
from musiclab.datasets.fingerprints import connect

log = logging.getLogger(__name__)

_SHUFFLES = 20  # tries to divide groups that hold several classes
_MORE_GROUPS = "add recordings from other sources, or name the true groups in index.csv (column group)"


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
        return by_group(join_copies(index), seed=seed)
    index = with_folds(index, seed=seed)
    fold = 1 if fold is None else fold
    return by_fold(index, fold, next_fold(index, fold))


def next_fold(index: pd.DataFrame, fold: int) -> int | None:
    """Return the fold after ``fold``, or the first after the last; None if there are only two."""
    known = _known_folds(index, fold)
    return known[(known.index(fold) + 1) % len(known)] if len(known) > 2 else None


def by_group(index: pd.DataFrame, test: float = 0.2, valid: float = 0.2, seed: int = 0) -> Split:
    """Split by group, with about equal shares of each class on every side.

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
    rest, tested = _one_fold(index, rows, max(2, round(1 / test)), seed, needed - 1)
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

    There are no more folds than the largest number of groups in a class; a class with fewer groups is tested in some of
    the folds only.

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
    joined = join_copies(index)
    folds = min(folds, int(joined.groupby("label")["group"].nunique().max()))
    for shuffle in range(_SHUFFLES):
        fold_of = _deal(joined, folds, seed + 10_000 * shuffle)
        if (joined.assign(fold=fold_of).groupby("label")["fold"].nunique() > 1).all():
            return index.assign(fold=1 + np.unique(fold_of, return_inverse=True)[1])  # without empty folds
    raise DatasetError(
        f"expected to divide {joined['group'].nunique()} groups into folds with each class in two of them, found no "
        f"such division in {_SHUFFLES} tries; {_MORE_GROUPS}"
    )


def join_copies(index: pd.DataFrame) -> pd.DataFrame:
    """Return the index with one group for all groups that hold copies of one recording."""
    if "duplicate" not in index or not index["duplicate"].any():
        return index
    groups, group_of_clip = np.unique(index["group"].to_numpy(dtype=object), return_inverse=True)
    copies = index["duplicate"].to_numpy()
    nodes = len(groups) + copies.max() + 1  # a node for each group, then one for each recording
    component = connect(np.column_stack([group_of_clip, len(groups) + copies])[copies > 0], nodes)
    first = pd.Series(groups).groupby(component[: len(groups)]).first()
    return index.assign(group=first[component[group_of_clip]].to_numpy())


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
    """Check a split, and leave out of its training and validation clips what is a copy of a tested one."""
    if "duplicate" in index:
        split = _without_copies(index, split)
    check_split(index, split)
    return split


def _without_copies(index: pd.DataFrame, split: Split) -> Split:
    copies = index["duplicate"].to_numpy()
    tested = set(copies[split.test]) - {0}
    validated = set(copies[split.valid]) - {0}
    train = split.train[~np.isin(copies[split.train], list(tested | validated))]
    valid = split.valid[~np.isin(copies[split.valid], list(tested))]
    dropped = np.setdiff1d(np.concatenate([split.train, split.valid]), np.concatenate([train, valid]))
    if not len(dropped):
        return split
    note = f"without {counted(len(dropped), 'copy')} of clips on another side"
    log.warning("%s: %s, such as %s", split.name, note, index["path"].iloc[dropped[0]])
    return Split(train, valid, split.test, f"{split.name}, {note}")


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
    if few := list_scarce(index, needed):
        raise DatasetError(
            f"expected at least {needed} groups of each class, so that no artist or recording is on both sides of the "
            f"split, found {'; '.join(few)}; {_MORE_GROUPS}"
        )


def list_scarce(index: pd.DataFrame, needed: int = 3) -> list[str]:
    """Describe the classes that have fewer groups than a split needs: 3, or 2 without a validation set."""
    columns = {"groups": ("group", "nunique"), "clips": ("path", "size"), "path": ("path", "first")}
    classes = join_copies(index).groupby("label").agg(**columns)
    return [
        f"class {label!r} with {groups} ({counted(clips, 'clip')}, such as {path})"
        for label, groups, clips, path in classes[classes["groups"] < needed].itertuples()
    ]


def _deal(index: pd.DataFrame, folds: int, seed: int, all_from_first: bool = False) -> np.ndarray:
    """Deal whole groups to ``folds``, stratified by class: the fold of each row, from 0.

    Groups of a class that has fewer of them than folds are dealt one by one, so that they lie in different folds: on
    from where the class before it has ended, or for each such class from the first fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # not at the top, because it takes most of a second

    groups = index.groupby("label")["group"].nunique()
    scarce = groups.index[groups < folds].tolist()
    fold_of_group: dict[str, int] = {}
    for label in scarce:
        own = index.loc[index["label"] == label, "group"].unique()
        new = [group for group in np.random.default_rng(seed).permutation(own) if group not in fold_of_group]
        start = 0 if all_from_first else len(fold_of_group)
        fold_of_group |= {group: (start + place) % folds for place, group in enumerate(new)}
    fold_of = np.array([fold_of_group.get(group, -1) for group in index["group"]])
    rest = np.flatnonzero(fold_of < 0)
    part = index.iloc[rest]
    if part.groupby("label")["group"].nunique().min() >= folds:
        stratified = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        for fold, (_, rows) in enumerate(stratified.split(part, part["label"], part["group"])):
            fold_of[rest[rows]] = fold
    else:
        fold_of[rest] = pd.factorize(part["group"])[0] % folds
    return fold_of


def _one_fold(index: pd.DataFrame, rows: np.ndarray, folds: int, seed: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide ``rows`` into (the others, one fold of ``folds``), with each class in it and ``left`` groups elsewhere.

    Where no fold is like that we take another shuffle, and at last a fold that lacks a class.
    """
    part, second_best = index.iloc[rows], None
    classes = part["label"].nunique()
    for shuffle in range(_SHUFFLES):
        fold_of = _deal(part, folds, seed + 10_000 * shuffle, all_from_first=True)
        for fold in range(folds):
            tests = fold_of == fold
            groups = part[~tests].groupby("label")["group"].nunique()
            if not tests.any() or len(groups) < classes or groups.min() < left:
                continue
            if part["label"][tests].nunique() == classes:
                return rows[~tests], rows[tests]
            second_best = second_best or (rows[~tests], rows[tests])
    if second_best is not None:
        return second_best
    raise DatasetError(
        f"expected to divide {part['group'].nunique()} groups with {left} of each class left over, found no such "
        f"division in {_SHUFFLES} tries; {_MORE_GROUPS}"
    )
