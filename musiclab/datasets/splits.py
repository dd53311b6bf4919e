"""Split a data set into training, validation and test sets, so that no artist, track or recording is in two of them.

Copies of a recording also count as one group if the index has the column ``duplicate``, as in a store.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from musiclab.core.checks import check_positive, check_share, check_whole
from musiclab.core.errors import DatasetError, counted
from musiclab.datasets.fingerprints import connect

log = logging.getLogger(__name__)

_SHUFFLES = 20  # attempts to split groups that contain several classes
_TOLERANCE = 0.5  # of the size of a set, relative to what was asked for
_MORE_GROUPS = "add recordings from other sources, or list the actual groups in index.csv (column group)"


@dataclass(frozen=True)
class Split:
    """Training, validation and test sets, as rows of an index table.

    Parameters
    ----------
    train : int array, shape (n_train,)
        Positions of the training rows, counted from 0.
    valid : int array, shape (n_valid,)
        Positions of the validation rows. It may be empty.
    test : int array, shape (n_test,)
        Positions of the test rows.
    name : str
        Description for results, such as "fold 1 tests" or "by group, seed 0".

    Examples
    --------
    >>> split = Split(train=np.array([0, 1]), valid=np.array([], int), test=np.array([2]), name="my split")
    >>> len(split.train), len(split.valid), len(split.test)
    (2, 0, 1)
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    name: str


def choose_split(index: pd.DataFrame, fold: int | None = None, seed: int = 0) -> Split:
    """Choose the split that suits a data set, for a single run.

    The first rule that applies is used:

    1. If ``fold`` is given, test on that fold. A data set without folds gets new ones by group.
    2. If the column ``split`` is filled in, use it.
    3. If there are official folds, test on fold 1.
    4. Otherwise, split by group.

    When a fold is tested, the next one is used for validation, unless there are only two folds.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label``, ``group``, ``fold`` and ``split``.
    fold : int, optional
        Test fold, from 1.
    seed : int
        Random seed for splits and folds by group. Default: 0.

    Returns
    -------
    Split
        Training, validation and test rows.

    Raises
    ------
    DatasetError
        If the fold doesn't exist, a class has too few groups, or the split would be invalid (see :func:`check_split`).

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
    """Return the number of the fold that follows a fold.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the column ``fold``.
    fold : int
        Number of a fold in the table.

    Returns
    -------
    int or None
        Next fold. The first fold follows the last one. None if there are fewer than three folds, because then no fold
        is left for training.

    Raises
    ------
    DatasetError
        If the table doesn't contain ``fold``.

    Examples
    --------
    >>> index = pd.DataFrame({"fold": [1, 2, 3]})
    >>> next_fold(index, 1), next_fold(index, 3)
    (2, 1)
    """
    folds = _list_folds(index, fold)
    return folds[(folds.index(fold) + 1) % len(folds)] if len(folds) > 2 else None


def by_group(index: pd.DataFrame, test: float = 0.2, valid: float = 0.2, seed: int = 0) -> Split:
    """Split a data set by group, with every class in similar proportions in each set.

    A group is an artist, track or recording. Its clips stay together, so that a model isn't tested on artists that it
    was trained on.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label`` and ``group``.
    test : float
        Approximate fraction of the clips in the test set. It is not exact, because groups are kept together. Default:
        0.2.
    valid : float
        Approximate fraction of the clips in the validation set. With 0, that set is empty. Default: 0.2.
    seed : int
        Random seed. Default: 0.

    Returns
    -------
    Split
        Training, validation and test rows.

    Raises
    ------
    DatasetError
        If there is only one class, or a class has too few groups: fewer than 3, or fewer than 2 with ``valid=0``. Also
        if a fraction or the seed is out of range.

    Examples
    --------
    >>> artists = [f"{label} artist {n}" for label in ("jazz", "rock") for n in range(5)]
    >>> index = pd.DataFrame({"path": artists, "label": [artist[:4] for artist in artists], "group": artists})
    >>> split = by_group(index)
    >>> len(split.train), len(split.valid), len(split.test)
    (6, 2, 2)
    """
    _check_seed(seed)
    check_positive({"test": test}, "test", error=DatasetError)
    check_share({"test": test, "valid": valid}, "test", "valid", error=DatasetError)
    needed = 3 if valid else 2
    _check_groups(index, needed)
    train, test_rows = _split_off_fold(index, np.arange(len(index)), max(2, round(1 / test)), seed, needed - 1)
    valid_rows = train[:0]
    if valid:
        train, valid_rows = _split_off_fold(index, train, max(2, round((1 - test) / valid)), seed, 1)
    return _finish_split(index, Split(train, valid_rows, test_rows, f"by group, seed {seed}"))


def by_fold(index: pd.DataFrame, fold: int, valid_fold: int | None = None) -> Split:
    """Split a data set by fold: test on one fold, and train on the others.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label``, ``group`` and ``fold``. Rows with fold 0 are not used.
    fold : int
        Test fold.
    valid_fold : int, optional
        Validation fold. Default: the validation set is empty.

    Returns
    -------
    Split
        Training, validation and test rows.

    Raises
    ------
    DatasetError
        If a fold doesn't exist, the same fold is used twice, or the split is invalid (see :func:`check_split`).

    Examples
    --------
    >>> index = pd.DataFrame({"path": list("abcd"), "label": "jazz", "group": list("abcd"), "fold": [1, 1, 2, 3]})
    >>> split = by_fold(index, fold=2, valid_fold=3)
    >>> split.train, split.valid, split.test
    (array([0, 1]), array([3]), array([2]))
    """
    _list_folds(index, *{fold, valid_fold} - {None})
    if valid_fold == fold:
        raise DatasetError(f"fold {fold} cannot be both the test and the validation fold; choose two different folds")
    folds = index["fold"].to_numpy()
    is_train = (folds > 0) & (folds != fold) & (folds != valid_fold)
    train, valid, test = map(np.flatnonzero, (is_train, folds == valid_fold, folds == fold))
    name = f"fold {fold} tests" + (f", fold {valid_fold} validates" if valid_fold else "")
    return _finish_split(index, Split(train, valid, test, name))


def by_column(index: pd.DataFrame) -> Split:
    """Split a data set as its column ``split`` says.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label``, ``group`` and ``split``. Rows with an empty ``split`` are not
        used.

    Returns
    -------
    Split
        Training, validation and test rows.

    Raises
    ------
    DatasetError
        If there are no training or no test clips, or the split is invalid (see :func:`check_split`).

    Examples
    --------
    >>> index = pd.DataFrame({"path": list("abc"), "label": "jazz", "group": list("abc")})
    >>> split = by_column(index.assign(split=["train", "test", "train"]))
    >>> split.train, split.valid, split.test
    (array([0, 2]), array([], dtype=int64), array([1]))
    """
    rows = {name: np.flatnonzero(index["split"] == name) for name in ("train", "valid", "test")}
    for name in ("train", "test"):
        if not len(rows[name]):
            raise DatasetError(f'no clip has "{name}" in the column split; add some, or leave the column empty')
    return _finish_split(index, Split(**rows, name="as the index says"))


def with_folds(index: pd.DataFrame, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Add folds to an index table that has none.

    The new folds keep the clips of each group together, and have similar proportions of each class. If the table
    already has folds, it is returned unchanged.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label``, ``group``, ``fold`` and ``split``.
    folds : int
        Number of new folds. If the class with the most groups has fewer groups than this, there are only as many folds
        as it has groups. Classes with even fewer groups are missing from some folds. Default: 5.
    seed : int
        Random seed. Default: 0.

    Returns
    -------
    pandas.DataFrame
        Index table with folds, numbered from 1.

    Raises
    ------
    DatasetError
        If a class has fewer than two groups, the table has a fixed split but no folds, or ``folds`` is less than 2.

    Examples
    --------
    >>> artists = [f"{label} artist {n}" for label in ("jazz", "rock") for n in range(3)]
    >>> index = pd.DataFrame({"path": artists, "label": [artist[:4] for artist in artists], "group": artists})
    >>> with_folds(index.assign(fold=0, split=""), folds=3).groupby("fold")["label"].apply(list).tolist()
    [['jazz', 'rock'], ['jazz', 'rock'], ['jazz', 'rock']]
    """
    _check_seed(seed)
    check_whole({"folds": folds}, "folds", least=2, error=DatasetError)
    if (index["fold"] > 0).any():
        return index
    if (index["split"] != "").any():
        raise DatasetError(
            "the data set has a fixed split (column split) and no folds; use musiclab train without --fold, or a "
            "source with folds (for GTZAN: gtzan-kfold:DIR)"
        )
    _check_groups(index, 2)
    joined = join_copies(index)
    folds = min(folds, int(joined.groupby("label")["group"].nunique().max()))
    for shuffle in range(_SHUFFLES):
        fold_of = _assign_folds(joined, folds, seed + 10_000 * shuffle)
        if (joined.assign(fold=fold_of).groupby("label")["fold"].nunique() > 1).all():
            return index.assign(fold=1 + np.unique(fold_of, return_inverse=True)[1])  # without empty folds
    raise DatasetError(
        f"{joined['group'].nunique()} groups could not be divided into folds with each class in at least two of them, "
        f"in {_SHUFFLES} attempts; {_MORE_GROUPS}"
    )


def _check_seed(seed: int) -> None:
    check_whole({"seed": seed}, "seed", least=0, most=2**32 - 1, error=DatasetError)


def join_copies(index: pd.DataFrame) -> pd.DataFrame:
    """Merge groups that contain copies of the same recording, so that a split keeps the copies together.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the column ``group``. The column ``duplicate`` says which clips are copies of each other, as in
        the result of :func:`musiclab.datasets.scan`. Without it, nothing is merged.

    Returns
    -------
    pandas.DataFrame
        Index table in which merged groups share one name.

    Examples
    --------
    >>> index = pd.DataFrame({"path": list("abc"), "group": ["miles", "ella", "nina"], "duplicate": [1, 0, 1]})
    >>> join_copies(index)["group"].tolist()
    ['miles', 'ella', 'miles']
    """
    if "duplicate" not in index or not index["duplicate"].any():
        return index
    groups, group_of_clip = np.unique(index["group"].to_numpy(dtype=object), return_inverse=True)
    copies = index["duplicate"].to_numpy()
    nodes = len(groups) + copies.max() + 1  # one node per group, then one per duplicate number
    component = connect(np.column_stack([group_of_clip, len(groups) + copies])[copies > 0], nodes)
    first = pd.Series(groups).groupby(component[: len(groups)]).first()
    return index.assign(group=first[component[group_of_clip]].to_numpy())


def check_split(index: pd.DataFrame, split: Split, duplicates: Sequence[int] | None = None) -> None:
    """Raise an error if a group is in two sets of a split, or if a class is missing from the training set.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label`` and ``group``.
    split : Split
        Split of its rows.
    duplicates : int array, shape (clips,), optional
        Column ``duplicate`` of :func:`musiclab.datasets.scan`. If given, copies of a recording must not be in two sets
        either.

    Raises
    ------
    DatasetError
        If the split is invalid.

    Examples
    --------
    >>> index = pd.DataFrame({"path": list("abc"), "label": "jazz", "group": ["miles", "ella", "miles"]})
    >>> check_split(index, Split(np.array([0, 1]), np.array([], int), np.array([2]), "my split"))
    Traceback (most recent call last):
    musiclab.core.errors.DatasetError: my split: 1 group is in both train and test, such as 'miles'; ...
    """
    if overlap := _find_overlap(split, index["group"].to_numpy()):
        first, second, shared = overlap
        count = f"{counted(len(shared), 'group')} {'is' if len(shared) == 1 else 'are'}"
        raise DatasetError(
            f"{split.name}: {count} in both {first} and {second}, such as {shared[0]!r}; keep each group in one set, "
            "otherwise the model is tested on groups that it was trained on"
        )
    if duplicates is not None:
        _check_duplicates(index, split, duplicates)
    if not len(split.train):
        raise DatasetError(f"{split.name}: there are no training clips; add some, or choose another split")
    if unseen := sorted(set(index["label"]) - set(index["label"].iloc[split.train])):
        raise DatasetError(
            f"{split.name}: there are no training clips of {', '.join(unseen)}; add some, or choose another split"
        )


def _finish_split(index: pd.DataFrame, split: Split) -> Split:
    """Remove copies of test and validation clips from the other sets, and check the split."""
    if "duplicate" in index:
        split = _drop_copies(index, split)
    check_split(index, split)
    return split


def _drop_copies(index: pd.DataFrame, split: Split) -> Split:
    copies = index["duplicate"].to_numpy()
    test_copies = set(copies[split.test]) - {0}
    valid_copies = set(copies[split.valid]) - {0}
    train = split.train[~np.isin(copies[split.train], list(test_copies | valid_copies))]
    valid = split.valid[~np.isin(copies[split.valid], list(test_copies))]
    dropped = np.setdiff1d(np.concatenate([split.train, split.valid]), np.concatenate([train, valid]))
    if not len(dropped):
        return split
    note = f"without {counted(len(dropped), 'copy')} of clips on another side"
    log.warning("%s: %s, such as %s", split.name, note, index["path"].iloc[dropped[0]])
    return Split(train, valid, split.test, f"{split.name}, {note}")


def _check_duplicates(index: pd.DataFrame, split: Split, duplicates: Sequence[int]) -> None:
    if len(duplicates) != len(index):
        raise DatasetError(f"expected one duplicate number for each of {len(index)} clips, found {len(duplicates)}")
    paths, duplicates = index["path"].to_numpy(), np.asarray(duplicates)
    if overlap := _find_overlap(split, duplicates):
        first, second, shared = overlap
        one, other = (
            next(f"{paths[row]} ({name})" for row in getattr(split, name) if duplicates[row] == shared[0])
            for name in (first, second)
        )
        raise DatasetError(
            f"{split.name}: copies of {counted(len(shared), 'recording')} are in both {first} and {second}, such as "
            f"{one} and {other}; leave one of them out, or give them the same group (column group)"
        )


def _find_overlap(split: Split, values: np.ndarray) -> tuple[str, str, list] | None:
    """Return the names of two sets that share values other than 0, and those values, or None if no sets do."""
    for first, second in combinations(("train", "valid", "test"), 2):
        if shared := set(values[getattr(split, first)]) & set(values[getattr(split, second)]) - {0}:
            return first, second, sorted(shared)
    return None


def _list_folds(index: pd.DataFrame, *required: int) -> list[int]:
    """List the folds of an index, and raise DatasetError if a required one is missing."""
    folds = sorted(set(index["fold"]) - {0})
    for fold in required:
        if fold not in folds:
            raise DatasetError(f"expected a fold among {folds}, found {fold!r}")
    return folds


def _check_groups(index: pd.DataFrame, needed: int) -> None:
    if index["label"].nunique() < 2:
        raise DatasetError(f"expected at least two classes, found only {index['label'].iloc[0]!r}")
    if scarce := list_scarce(index, needed):
        has_copies = "duplicate" in index and index["duplicate"].any()
        hint = "; groups with copies of a recording count as one, unless you use --ignore-copies" if has_copies else ""
        raise DatasetError(
            f"each class needs at least {needed} groups, so that no artist or recording is in two sets of the split; "
            f"found {'; '.join(scarce)}; {_MORE_GROUPS}{hint}"
        )


def list_scarce(index: pd.DataFrame, needed: int = 3) -> list[str]:
    """Describe the classes that have too few groups for a split.

    Parameters
    ----------
    index : pandas.DataFrame
        Index table with the columns ``path``, ``label`` and ``group``.
    needed : int
        Number of groups that each class needs. Default: 3, one for each set. Without a validation set, 2 are enough.

    Returns
    -------
    list of str
        One description per class with fewer groups.

    Examples
    --------
    >>> index = pd.DataFrame({"path": list("abcd"), "label": ["jazz"] * 3 + ["rock"], "group": list("abcd")})
    >>> list_scarce(index)
    ["class 'rock' with 1 (1 clip, such as d)"]
    """
    columns = {"groups": ("group", "nunique"), "clips": ("path", "size"), "path": ("path", "first")}
    classes = join_copies(index).groupby("label").agg(**columns)
    return [
        f"class {label!r} with {groups} ({counted(clips, 'clip')}, such as {path})"
        for label, groups, clips, path in classes[classes["groups"] < needed].itertuples()
    ]


def _assign_folds(index: pd.DataFrame, folds: int, seed: int, all_from_first: bool = False) -> np.ndarray:
    """Assign groups to folds, stratified by class, and return the fold of each row, counted from 0.

    Groups of a class with fewer groups than folds go to consecutive folds, starting after the fold of the previous
    class, or at the first fold if ``all_from_first`` is set.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # not at the top, because it takes most of a second

    groups = index.groupby("label")["group"].nunique()
    scarce = groups.index[groups < folds].tolist()
    fold_of_group: dict[str, int] = {}
    for label in scarce:
        class_groups = index.loc[index["label"] == label, "group"].unique()
        shuffled = np.random.default_rng(seed).permutation(class_groups)
        unassigned = [group for group in shuffled if group not in fold_of_group]
        start = 0 if all_from_first else len(fold_of_group)
        fold_of_group |= {group: (start + position) % folds for position, group in enumerate(unassigned)}
    fold_of = np.array([fold_of_group.get(group, -1) for group in index["group"]])
    remaining = np.flatnonzero(fold_of < 0)
    subset = index.iloc[remaining]
    if subset.groupby("label")["group"].nunique().min() >= folds:
        stratified = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        for fold, (_, rows) in enumerate(stratified.split(subset, subset["label"], subset["group"])):
            fold_of[remaining[rows]] = fold
    else:
        fold_of[remaining] = pd.factorize(subset["group"])[0] % folds
    return fold_of


def _split_off_fold(
    index: pd.DataFrame, rows: np.ndarray, folds: int, seed: int, remaining_groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide ``rows`` into ``folds``, choose one fold, and return the rows outside and inside it.

    The fold contains every class (if possible) and leaves ``remaining_groups`` groups of each class outside. The first
    fold that is about as large as asked for is taken, otherwise the one whose size is closest.
    """
    subset, found = index.iloc[rows], []
    classes, size = subset["label"].nunique(), len(rows) / folds
    for shuffle in range(_SHUFFLES):
        fold_of = _assign_folds(subset, folds, seed + 10_000 * shuffle, all_from_first=True)
        for fold in range(folds):
            is_in_fold = fold_of == fold
            groups = subset[~is_in_fold].groupby("label")["group"].nunique()
            if not is_in_fold.any() or len(groups) < classes or groups.min() < remaining_groups:
                continue
            missing = classes - subset["label"][is_in_fold].nunique()
            error = abs(is_in_fold.sum() - size) / size
            if not missing and error <= _TOLERANCE:
                return rows[~is_in_fold], rows[is_in_fold]
            found.append((missing, error, is_in_fold))
    if found:
        *_, is_in_fold = min(found, key=lambda candidate: candidate[:2])  # the first of equal ones
        return rows[~is_in_fold], rows[is_in_fold]
    raise DatasetError(
        f"{subset['group'].nunique()} groups could not be split with {remaining_groups} of each class left for the "
        f"other sets, in {_SHUFFLES} attempts; {_MORE_GROUPS}"
    )
