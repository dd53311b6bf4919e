"""Dividing a data set: no group on two sides, ever."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musiclab.core.errors import DatasetError
from musiclab.datasets import check_index, splits


@st.composite
def indices(draw, least_groups=3):
    """An index with two to five classes; groups belong to one class or are shared by all."""
    shared = draw(st.booleans())
    rows = []
    for label in "abcde"[: draw(st.integers(2, 5))]:
        for group in range(draw(st.integers(least_groups, 7))):
            name = f"artist{group}" if shared else f"{label}-artist{group}"
            rows += [(label, name)] * draw(st.integers(1, 6))
    table = pd.DataFrame(rows, columns=["label", "group"])
    table["path"] = [f"{row}.wav" for row in range(len(table))]
    return check_index(table.sample(frac=1, random_state=draw(st.integers(0, 99))), "random")


def groups_of(index, rows):
    return set(index["group"].iloc[rows])


def check_sides(index, split):
    sides = (split.train, split.valid, split.test)
    assert len(np.unique(np.concatenate(sides))) == sum(map(len, sides))  # no clip twice
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not groups_of(index, sides[first]) & groups_of(index, sides[second])
    assert set(index["label"].iloc[split.train]) == set(index["label"])


@given(index=indices(), seed=st.integers(0, 1000), valid=st.sampled_from([0, 0.2]))
def test_by_group_never_shares_a_group(index, seed, valid):
    split = splits.by_group(index, valid=valid, seed=seed)
    check_sides(index, split)
    assert len(split.train) + len(split.valid) + len(split.test) == len(index)
    assert (len(split.valid) > 0) == (valid > 0)
    assert len(split.test) > 0
    again = splits.by_group(index, valid=valid, seed=seed)
    for side in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(again, side), getattr(split, side))


@given(index=indices(least_groups=2), seed=st.integers(0, 1000))
def test_folds_by_group_never_share_a_group(index, seed):
    with_folds = splits.with_folds(index, seed=seed)
    assert (with_folds.groupby("group")["fold"].nunique() == 1).all()
    folds = sorted(set(with_folds["fold"]))
    assert folds == list(range(1, len(folds) + 1))
    tested = [splits.by_fold(with_folds, fold) for fold in folds]
    for split in tested:
        check_sides(with_folds, split)
    assert sorted(np.concatenate([split.test for split in tested])) == list(range(len(index)))


def big_index(groups=10, clips=4):
    rows = [(f"{label}{group}{clip}", label, f"{label}{group}")
            for label in "xyz" for group in range(groups) for clip in range(clips)]  # fmt: skip
    return check_index(pd.DataFrame(rows, columns=["path", "label", "group"]), "big")


def test_by_group_has_the_shares_that_were_asked_for_in_every_class():
    index = big_index()
    split = splits.by_group(index, test=0.2, valid=0.2)
    assert [len(side) for side in (split.train, split.valid, split.test)] == [72, 24, 24]
    for side in (split.valid, split.test):
        assert index["label"].iloc[side].value_counts().to_dict() == {"x": 8, "y": 8, "z": 8}
    assert split.name == "by group, seed 0"
    assert list(splits.by_group(index, seed=1).test) != list(split.test)


def test_by_fold():
    index = big_index(groups=5)
    index["fold"] = index["group"].str[1].astype(int)  # fold 0 is none: never used
    split = splits.by_fold(index, 1, valid_fold=2)
    check_sides(index, split)
    assert set(index["fold"].iloc[split.test]) == {1}
    assert set(index["fold"].iloc[split.valid]) == {2}
    assert set(index["fold"].iloc[split.train]) == {3, 4}
    assert split.name == "fold 1 tests, fold 2 validates"
    alone = splits.by_fold(index, 1)
    assert set(index["fold"].iloc[alone.train]) == {2, 3, 4}
    assert len(alone.valid) == 0
    with pytest.raises(DatasetError, match=r"expected a fold among \[1, 2, 3, 4\], found 7"):
        splits.by_fold(index, 7)
    with pytest.raises(DatasetError, match="fold 2 cannot be both the test and the validation fold"):
        splits.by_fold(index, 2, valid_fold=2)


def test_official_folds_are_kept():
    index = big_index(groups=4)
    index["fold"] = 1 + index["group"].str[1].astype(int)
    assert splits.with_folds(index, folds=2, seed=3).equals(index)


def test_a_group_in_two_official_folds_is_an_error():
    index = big_index(groups=3)
    index["fold"] = 1 + np.arange(len(index)) % 3
    with pytest.raises(DatasetError, match="9 groups are in both train and test, such as 'x0'"):
        splits.by_fold(index, 1)


def test_by_column():
    index = big_index(groups=3)
    index["split"] = index["group"].str[1].map({"0": "test", "1": "train", "2": ""})
    split = splits.by_column(index)
    check_sides(index, split)
    assert (len(split.train), len(split.valid), len(split.test)) == (12, 0, 12)
    with pytest.raises(DatasetError, match='no clip has "test" in the column split'):
        splits.by_column(index[index["split"] != "test"])
    index.loc[0, "split"] = "train"
    with pytest.raises(DatasetError, match="1 group is in both train and test, such as 'x0'"):
        splits.by_column(index)


def test_a_class_with_one_group_cannot_be_split():
    index = pd.concat([big_index(groups=3), pd.DataFrame({"path": ["p", "q"], "label": "solo", "group": "only"})])
    index = check_index(index, "mine")
    words = (
        r"each class needs at least {} groups, .*found class 'solo' with 1 \(2 clips, such as p\); "
        r"add recordings from other sources, or list the actual groups in index\.csv"
    )
    with pytest.raises(DatasetError, match=words.format(3)):
        splits.by_group(index)
    with pytest.raises(DatasetError, match=words.format(2)):
        splits.by_group(index, valid=0)
    with pytest.raises(DatasetError, match=words.format(2)):
        splits.with_folds(index)


def test_one_class_is_none():
    index = big_index()
    with pytest.raises(DatasetError, match="expected at least two classes, found only 'x'"):
        splits.by_group(index[index["label"] == "x"])


def test_a_tested_class_must_be_trained_on():
    index = big_index(groups=2)
    tested = (index["label"] == "z").to_numpy()
    split = splits.Split(np.flatnonzero(~tested), np.array([], int), np.flatnonzero(tested), "mine")
    with pytest.raises(DatasetError, match="mine: there are no training clips of z"):
        splits.check_split(index, split)


@given(index=indices(), first=st.integers(0, 500), second=st.integers(0, 500), seed=st.integers(0, 9))
def test_a_repeat_is_refused_on_two_sides_only(index, first, second, seed):
    first, second = first % len(index), second % len(index)
    split = splits.by_group(index, seed=seed)
    side = {row: name for name in ("train", "valid", "test") for row in getattr(split, name)}
    duplicates = np.zeros(len(index), int)
    duplicates[[first, second]] = 7
    if side[first] == side[second]:
        splits.check_split(index, split, duplicates)
    else:
        with pytest.raises(DatasetError, match="copies of 1 recording are in both") as found:
            splits.check_split(index, split, duplicates)
        for row in (first, second):
            assert f"{row_path(index, row)} ({side[row]})" in str(found.value)


def row_path(index, row):
    return index["path"].iloc[row]


def test_a_repeat_is_named_with_what_to_do():
    index = big_index(groups=3)
    split = splits.Split(np.arange(4, 36), np.array([], int), np.arange(4), "mine")  # x0 tests
    splits.check_split(index, split, np.zeros(36, int))
    with pytest.raises(DatasetError, match=r"mine: copies of 1 recording are in both "
                       r"train and test, such as x10 \(train\) and x02 \(test\); "
                       r"leave one of them out, or give them the same group"):  # fmt: skip
        splits.check_split(index, split, np.where(np.isin(index["path"], ["x02", "x10"]), 1, 0))
    with pytest.raises(DatasetError, match="expected one duplicate number for each of 36 clips, found 3"):
        splits.check_split(index, split, [0, 0, 0])


def test_folds_are_not_made_where_the_protocol_is_a_fixed_split():
    index = pd.DataFrame(
        {"path": list("abcd"), "label": list("xxyy"), "group": list("abcd"), "fold": 0, "split": "train"}
    )
    with pytest.raises(DatasetError, match=r"has a fixed split .*use musiclab train without --fold"):
        splits.with_folds(index)


def index_of(groups):
    """An index with four clips in each group, and so many groups of each class."""
    rows = [(f"{label}{group}-{clip}", label, f"{label}{group}") for label, count in groups.items()
            for group in range(count) for clip in range(4)]  # fmt: skip
    return check_index(pd.DataFrame(rows, columns=["path", "label", "group"]), "mine")


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_three_groups_leaves_the_others_three_fifths_to_train_on(seed):
    index = index_of({"many": 20, "more": 30, "few": 3, "four": 4})
    split = splits.by_group(index, seed=seed)
    sides = [index["label"].iloc[rows].value_counts().to_dict() for rows in (split.train, split.valid, split.test)]
    assert [side["few"] for side in sides] == [4, 4, 4]
    assert [side["four"] for side in sides] == [8, 4, 4]
    for label, clips in (("many", 80), ("more", 120)):
        assert [side[label] / clips for side in sides] == pytest.approx([0.6, 0.2, 0.2], abs=0.051)


def test_classes_with_few_groups_alone_are_on_every_side_too():
    split = splits.by_group(index_of(dict.fromkeys("abcdefgh", 3)))
    assert [len(side) for side in (split.train, split.valid, split.test)] == [32, 32, 32]


def test_folds_are_five_although_a_class_has_two_groups():
    index = splits.with_folds(index_of({"many": 20, "two": 2, "three": 3}))
    assert sorted(set(index["fold"])) == [1, 2, 3, 4, 5]
    assert index[index["label"] == "two"].groupby("fold").size().tolist() == [4, 4]
    assert index[index["label"] == "three"].groupby("fold").size().tolist() == [4, 4, 4]
    assert index[index["label"] == "many"].groupby("fold").size().tolist() == [16] * 5
    for fold in range(1, 6):
        assert set(index["label"].iloc[splits.by_fold(index, fold).train]) == {"many", "two", "three"}


def test_all_classes_with_too_few_groups_are_named_at_once():
    index = index_of({"many": 5, "one": 1, "two": 2})
    expected = (
        r"each class needs at least 3 groups, .* found class 'one' with 1 \(4 clips, such as one0-0\); class 'two'"
    )
    with pytest.raises(DatasetError, match=expected):
        splits.by_group(index)
    assert splits.list_scarce(index, 2) == ["class 'one' with 1 (4 clips, such as one0-0)"]


def with_copies(index, *copies):
    """The index with the clips of each of ``copies`` (paths) marked as one recording."""
    numbers = {path: number for number, paths in enumerate(copies, start=1) for path in paths}
    return index.assign(duplicate=index["path"].map(numbers).fillna(0).astype(int))


def test_copies_join_their_groups():
    index = with_copies(index_of({"a": 4, "b": 4}), ("a0-0", "b3-1", "b2-0"), ("b2-1", "b1-3"), ("a3-0", "a3-1"))
    joined = splits.join_copies(index)
    assert set(zip(index["group"], joined["group"], strict=True)) == {
        ("a0", "a0"), ("a1", "a1"), ("a2", "a2"), ("a3", "a3"), ("b0", "b0"), ("b1", "a0"), ("b2", "a0"), ("b3", "a0")
    }  # fmt: skip
    plain = index_of({"a": 4})
    assert splits.join_copies(plain) is plain


@given(seed=st.integers(0, 30), one=st.integers(0, 79), other=st.integers(0, 79))
def test_copies_are_on_one_side_of_every_split_that_we_make(seed, one, other):
    index = index_of({"a": 10, "b": 10})
    paths = index["path"].to_numpy()
    index = with_copies(index, (paths[one], paths[other]))
    for split in (splits.choose_split(index, seed=seed), splits.choose_split(index, fold=2, seed=seed)):
        splits.check_split(index, split, index["duplicate"])
        assert len(split.train) + len(split.valid) + len(split.test) == 80  # no clip is lost


def test_copies_across_official_sides_leave_training_and_validation(caplog):
    index = index_of({"a": 5, "b": 5})
    index["fold"] = 1 + index["group"].str[1].astype(int)
    index = with_copies(index, ("a0-0", "a1-0", "b2-0"), ("b1-1", "b3-1"), ("a3-3", "a4-3"))
    split = splits.choose_split(index, fold=1)  # fold 2 validates
    assert split.name == "fold 1 tests, fold 2 validates, without 3 copies of clips on another side"
    assert "such as a1-0" in caplog.text
    assert (len(split.train), len(split.valid), len(split.test)) == (24 - 2, 8 - 1, 8)
    splits.check_split(index, split, index["duplicate"])
    assert splits.choose_split(index.assign(duplicate=0), fold=1).name == "fold 1 tests, fold 2 validates"


@pytest.mark.parametrize("seed", range(4))
def test_a_group_that_is_too_large_for_a_set_stays_in_training(seed):
    index = index_of({"a": 10, "b": 10})  # 4 clips per group
    giant = pd.concat([index[index["group"] == "a0"]] * 40, ignore_index=True)
    giant["path"] = [f"giant{number}" for number in range(len(giant))]
    index = pd.concat([index, giant], ignore_index=True)
    split = splits.by_group(index, seed=seed)
    assert "a0" in set(index["group"].iloc[split.train])
    for rows in (split.valid, split.test):
        assert set(index["label"].iloc[rows]) == {"a", "b"}
        assert len(rows) < 0.3 * len(index)


def test_copies_are_named_as_the_cause_of_too_few_groups():
    index = with_copies(index_of({"a": 3, "b": 5}), ("a0-0", "a1-0"))
    with pytest.raises(DatasetError, match=r"class 'a' with 2 .*groups with copies of a recording count as one"):
        splits.choose_split(index)


@pytest.mark.parametrize(
    ("make_split", "options", "words"),
    [
        (splits.by_group, {"test": 0}, "expected test to be a finite number greater than 0, found 0"),
        (splits.by_group, {"test": np.nan}, "expected test to be a finite number greater than 0, found nan"),
        (splits.by_group, {"test": 1}, "expected test to be a share"),
        (splits.by_group, {"valid": -1}, "expected valid to be a share"),
        (splits.by_group, {"seed": -1}, "expected seed to be a whole number from 0"),
        (splits.with_folds, {"seed": 0.5}, "expected seed to be a whole number from 0"),
        *(
            (splits.with_folds, {"folds": folds}, "expected folds to be a whole number of at least 2")
            for folds in (0, 1, 2.5)
        ),
    ],
)
def test_settings_that_are_out_of_range_are_named(make_split, options, words):
    index = check_index(pd.DataFrame({"path": list("abcdef"), "label": list("xyxyxy")}), "six")
    with pytest.raises(DatasetError, match=words):
        make_split(index, **options)
