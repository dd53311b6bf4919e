"""Results: known counts, and intervals that are as wide as they must be."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from musiclab.core.errors import RunError
from musiclab.metrics import (
    Result,
    calibrate,
    calibration_error,
    difference_interval,
    group_interval,
    mcnemar,
    reliability,
)


def result(labels, predictions, groups=None, share=0.8):
    """Each clip gets its predicted class with probability ``share``."""
    count = len(labels)
    probabilities = np.full((count, 3), (1 - share) / 2)
    probabilities[np.arange(count), predictions] = share
    groups = np.arange(count).astype(str) if groups is None else np.asarray(groups)
    paths = np.array([f"{number}.wav" for number in range(count)])
    return Result(["a", "b", "c"], np.asarray(labels), np.log(probabilities), groups, paths)


@pytest.fixture
def six():
    return result([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0])


def test_counts(six):
    assert six.n == 6
    assert six.accuracy == pytest.approx(4 / 6)
    assert six.predictions.tolist() == [0, 0, 1, 1, 1, 0]
    assert six.correct.tolist() == [True, True, False, True, True, False]
    assert six.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]  # rows are true classes


def test_each_class(six):
    table = six.per_class
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["n"].tolist() == [3, 2, 1]
    np.testing.assert_allclose(table["precision"], [2 / 3, 2 / 3, 0])
    np.testing.assert_allclose(table["recall"], [2 / 3, 1, 0])
    np.testing.assert_allclose(table["f1"], [2 / 3, 0.8, 0])


def test_mistakes_the_surest_first():
    sure, unsure = result([0, 1], [1, 1], share=0.9), result([2, 2], [0, 2], share=0.5)
    table = Result.join([unsure, sure]).mistakes
    assert table["label"].tolist() == ["a", "c"]
    assert table["predicted"].tolist() == ["b", "a"]
    np.testing.assert_allclose(table["probability"], [0.9, 0.5])
    assert table["path"].tolist() == ["0.wav", "0.wav"]
    assert len(result([0, 1], [0, 1]).mistakes) == 0


def test_joined_results_are_all_clips(six):
    both = Result.join([six, result([2], [2])])
    assert (both.n, both.accuracy) == (7, pytest.approx(5 / 7))
    assert both.confusion.sum() == 7


def test_json_and_words_hold_n_and_the_interval(six):
    values = json.loads(json.dumps(six.to_dict()))
    assert values["n"] == 6
    assert values["accuracy"] == pytest.approx(4 / 6)
    assert values["ci95"] == list(six.ci95)
    assert values["confusion"][0] == [2, 1, 0]
    assert values["per_class"]["b"]["recall"] == 1
    low, high = six.ci95
    assert str(six) == (
        f"accuracy 66.7 %, 95 % interval {100 * low:.1f} to {100 * high:.1f} %, n = 6 clips in 6 groups"
    )


def test_the_interval_of_independent_clips_is_the_one_of_the_textbook():
    correct = np.arange(400) % 4 > 0  # 75 %
    low, high = group_interval(correct, np.arange(400))
    assert low == pytest.approx(0.75 - 1.96 * np.sqrt(0.75 * 0.25 / 400), abs=0.006)
    assert high == pytest.approx(0.75 + 1.96 * np.sqrt(0.75 * 0.25 / 400), abs=0.006)


def test_clips_of_a_group_count_once():
    """Ten groups of 40 clips that are all right or all wrong say no more than ten clips."""
    per_group = np.array([1, 1, 1, 0, 1, 0, 1, 1, 0, 1], bool)
    alone = group_interval(per_group, np.arange(10))
    assert group_interval(np.repeat(per_group, 40), np.repeat(np.arange(10), 40)) == pytest.approx(alone)
    low, high = group_interval(np.repeat(per_group, 40), np.arange(400))
    assert high - low < (alone[1] - alone[0]) / 4


@pytest.mark.parametrize("groups", [5, 10, 30])
def test_groups_that_are_all_correct_or_all_incorrect_give_the_exact_interval_for_their_number(groups):
    for right in range(groups + 1):  # Clopper and Pearson 1934
        low, high = group_interval(np.repeat(np.arange(groups) < right, 4), np.repeat(np.arange(groups), 4))
        assert low == pytest.approx(beta.ppf(0.025, right, groups - right + 1) if right else 0, abs=0.02)
        assert high == pytest.approx(beta.ppf(0.975, right + 1, groups - right) if right < groups else 1, abs=0.02)


def test_one_group_says_hardly_anything_of_others():
    low, high = group_interval(np.arange(10) < 5, np.zeros(10))
    assert low < 0.03
    assert high > 0.97


def test_one_more_error_never_raises_an_end_of_the_interval():
    groups = np.arange(29) % 10
    ends = np.array([group_interval(np.arange(29) < right, groups) for right in range(30)])
    assert (np.diff(ends, axis=0) >= 0).all()
    assert ends[29] == pytest.approx([0.69, 1.0], abs=0.02)  # not 0.9 for 28 correct clips and 0.7 for 29


@settings(max_examples=25)
@given(
    clips=st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=40), data=st.data()
)
def test_the_ends_of_intervals_rise_with_each_clip_that_is_correct(clips, data):
    correct, other, groups = map(np.array, zip(*clips, strict=True))
    better = correct.copy()
    better[data.draw(st.integers(0, len(correct) - 1))] = True
    assert (np.subtract(group_interval(better, groups), group_interval(correct, groups)) >= 0).all()
    rise = np.subtract(difference_interval(better, other, groups), difference_interval(correct, other, groups))
    assert (rise >= 0).all()


@pytest.mark.parametrize("compared", [False, True], ids=["accuracy", "difference"])
@pytest.mark.parametrize(
    ("groups", "accuracy", "correlation"),
    [(5, 0.5, 0.99), (5, 0.9, 0.3), (10, 0.6, 0.5), (10, 0.97, 0.5), (50, 0.7, 0.99), (50, 0.9, 0.1), (50, 0.99, 0.3)],
)
def test_intervals_cover_the_truth_in_at_least_93_experiments_of_100(groups, accuracy, correlation, compared):
    rng = np.random.default_rng(0)
    a, b = np.array([accuracy, 1 - accuracy]) * (1 - correlation) / correlation
    sizes = np.maximum(1, 12 * 0.9 ** np.arange(groups)).astype(int)  # 12 clips to 1
    group_of_clip = np.repeat(np.arange(groups), sizes)
    covered = []
    for _ in range(200):
        first, second = (rng.random(len(group_of_clip)) < rng.beta(a, b, groups)[group_of_clip] for _ in range(2))
        low, high = (
            difference_interval(first, second, group_of_clip) if compared else group_interval(first, group_of_clip)
        )
        covered.append(low <= (0 if compared else accuracy) <= high)
    assert np.mean(covered) >= 0.93


@settings(max_examples=25)
@given(outcomes=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40), seed=st.integers(0, 9))
def test_the_interval_holds_the_accuracy(outcomes, seed):
    correct, groups = map(np.array, zip(*outcomes, strict=True))
    low, high = group_interval(correct, groups, seed)
    assert 0 <= low <= correct.mean() <= high <= 1
    assert (low, high) == group_interval(correct, groups, seed)


# What is mistaken for what


def test_confusions_the_most_frequent_first_with_clips_to_listen_to():
    unsure = result([0, 0, 1, 2], [1, 0, 0, 2], share=0.5)
    sure = result([0, 0, 1, 2], [1, 1, 1, 1], share=0.9)
    sure = replace(sure, paths=np.array(["e", "f", "g", "h"]))
    table = Result.join([unsure, sure]).confusions
    assert list(table.columns) == ["label", "predicted", "count", "share", "paths"]
    assert table[["label", "predicted", "count"]].to_numpy().tolist() == [["a", "b", 3], ["b", "a", 1], ["c", "b", 1]]
    np.testing.assert_allclose(table["share"], [3 / 4, 1 / 2, 1 / 2])
    assert table["paths"].tolist() == [["e", "f", "0.wav"], ["2.wav"], ["h"]]  # the surest first
    assert len(result([0, 1], [0, 1]).confusions) == 0


# Files


@given(
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=20),
    seed=st.integers(0, 99),
    name=st.sampled_from(['it\'s a "song", 1.wav', "NA", "\N{DOG FACE}.wav", "007"]),
)
def test_a_result_is_read_as_it_was_written(tmp_path_factory, labels, seed, name):
    rng = np.random.default_rng(seed)
    values = np.log(rng.dirichlet(np.ones(3), len(labels)))
    paths = np.array([f"{clip}/{name}" for clip in range(len(labels))])
    made = Result(["a", "b,c", "NA"], np.array(labels), values, np.array([name] * len(labels)), paths)
    read = Result.load(made.save(tmp_path_factory.mktemp("result") / "predictions.csv"))
    assert read.classes == made.classes
    for field in ("labels", "log_probabilities", "groups", "paths"):
        np.testing.assert_array_equal(getattr(read, field), getattr(made, field))


def test_a_file_that_is_no_result_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"none\.csv: no such file"):
        Result.load(tmp_path / "none.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(RunError, match=r"empty\.csv: this is not a table of predictions"):
        Result.load(tmp_path / "empty.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        RunError, match=r"other\.csv: expected the first columns path, group, label, predicted, found \['a'"
    ):
        Result.load(tmp_path / "other.csv")
    (tmp_path / "label.csv").write_text("path,group,label,predicted,log p(a)\nx,x,dog,a,0\n")
    with pytest.raises(RunError, match=r"label\.csv: expected labels among a, found 'dog'"):
        Result.load(tmp_path / "label.csv")


# Which model is better


def answers(correct):
    """A result of which the given clips are right."""
    return result(np.zeros(len(correct), int), np.where(correct, 0, 1))


def from_counts(both, only_first, only_second, neither):
    counts = (both, only_first, only_second, neither)
    return answers(np.repeat([1, 1, 0, 0], counts)), answers(np.repeat([1, 0, 1, 0], counts))


def test_mcnemar_against_tables_worked_by_hand():
    # Agresti, Categorical Data Analysis, table 10.1: 150 and 86 changed their minds; with Edwards's correction
    large = mcnemar(*from_counts(794, 150, 86, 570))
    assert (large.n, large.only_first, large.only_second) == (1600, 150, 86)
    assert large.p == pytest.approx(4.115e-5, rel=1e-3)  # chi-squared 63^2 / 236 = 16.82
    small = mcnemar(*from_counts(30, 1, 7, 2))
    assert small.p == pytest.approx(2 * (1 + 8) / 2**8)  # nine of 256 outcomes are as one-sided, either way
    assert str(small).startswith("40 clips: 1 correct only with the first model, 7 only with the second")
    assert mcnemar(*from_counts(10, 0, 0, 10)).p == 1
    assert mcnemar(*from_counts(0, 12, 12, 0)).p == 1
    assert mcnemar(*from_counts(0, 20, 20, 0)).p == 1


@given(counts=st.tuples(*[st.integers(0, 40)] * 4).filter(any))
def test_mcnemar_is_symmetric_and_a_probability(counts):
    first, second = from_counts(*counts)
    forth, back = mcnemar(first, second), mcnemar(second, first)
    assert (forth.only_first, forth.only_second) == (back.only_second, back.only_first) == counts[1:3]
    assert forth.p == back.p
    assert 0 < forth.p <= 1
    assert mcnemar(first, first).p == 1


def test_mcnemar_matches_clips_by_path():
    first, second = from_counts(3, 4, 5, 6)
    order = np.random.default_rng(0).permutation(18)
    shuffled = Result(second.classes, *(getattr(second, name)[order] for name in
                                        ("labels", "log_probabilities", "groups", "paths")))  # fmt: skip
    assert mcnemar(first, shuffled) == mcnemar(first, second)


def test_mcnemar_of_other_clips_is_refused():
    with pytest.raises(RunError, match=r"3 and 2 clips, with 1 in only one of them, such as 2\.wav\. Test both models"):
        mcnemar(result([0, 1, 2], [0, 1, 2]), result([0, 1], [0, 1]))
    with pytest.raises(RunError, match=r"1\.wav: expected the same label in both results, found b and c"):
        mcnemar(result([0, 1], [0, 1]), result([0, 2], [0, 1]))
    twice = replace(result([0, 1], [0, 1]), paths=np.array(["x", "x"]))
    with pytest.raises(RunError, match="expected each clip once in a result, found 2 clips with 1 paths"):
        mcnemar(twice, twice)


def test_no_difference_on_few_groups_is_not_certain():
    correct = np.arange(30) % 3 > 0
    low, high = difference_interval(correct, correct, np.arange(30) // 3)
    assert (low, high) == (pytest.approx(-beta.ppf(0.975, 0.5, 10), abs=0.02), pytest.approx(-low))


def test_a_difference_of_scores_is_at_most_as_wide_as_theirs():
    before = np.linspace(0.2, 0.8, 40)
    groups = np.arange(40) // 2
    assert difference_interval(before, before, groups) == (0, 0)
    after = before - 0.1 + 0.02 * np.sin(np.arange(40))
    low, high = difference_interval(after, before, groups)
    assert -0.12 <= low < (after - before).mean() < high <= -0.08


def test_a_difference_is_surer_than_two_accuracies_where_the_same_clips_are_hard():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(50), 4)
    hard = np.repeat(rng.random(50) < 0.4, 4)
    first = ~hard
    second = ~hard & (np.arange(200) % 4 > 0)  # also misses one clip of four of what the first gets right
    low, high = difference_interval(first, second, groups)
    assert low < (first.mean() - second.mean()) < high
    assert 0 < low
    alone = group_interval(first, groups)
    assert high - low < 0.6 * (alone[1] - alone[0])
    assert difference_interval(second, first, groups) == pytest.approx((-high, -low), abs=1e-12)


def test_one_group_says_hardly_anything_of_a_difference_and_other_clips_are_refused():
    low, high = difference_interval(np.ones(5, bool), np.zeros(5, bool), np.zeros(5))
    assert low < -0.8
    assert high == 1
    with pytest.raises(ValueError, match="expected at least one clip and one group per clip"):
        group_interval(np.ones(0, bool), np.zeros(0))
    with pytest.raises(ValueError, match="the same clips"):
        difference_interval(np.ones(5, bool), np.zeros(4, bool), np.zeros(5))


@pytest.mark.parametrize("errors", [0, 2])
def test_few_errors_do_not_make_a_model_surer(errors):
    scores, labels = np.log(np.tile([0.8, 0.2], (30, 1))), np.zeros(30, int)
    labels[:errors] = 1
    assert calibrate(scores, labels).temperature == pytest.approx(1, abs=1e-4)
    assert 0.15 < calibrate(scores, labels).threshold <= 0.2001
    labels[:5] = 1
    scores = np.log(np.tile([0.6, 0.4], (30, 1)))  # 25 of 30 are correct, so it could be surer
    assert calibrate(scores, labels).temperature < 0.5


@pytest.mark.parametrize("measure", [calibrate, reliability, calibration_error])
@pytest.mark.parametrize(
    ("labels", "words"),
    [([0] * 29, "shapes"), ([7] * 30, "class indices from 0 to 1"), (["a"] * 30, "class indices")],
)
def test_labels_that_do_not_fit_are_refused(measure, labels, words):
    with pytest.raises(ValueError, match=words):
        measure(np.log(np.tile([0.8, 0.2], (30, 1))), labels)


def test_probabilities_instead_of_their_logarithms_are_refused():
    with pytest.raises(ValueError, match=r"pass np\.log"):
        calibration_error(np.tile([0.8, 0.2], (30, 1)), [0] * 30)


def test_zeros_and_ones_are_accuracies_whatever_their_type():
    first, second, groups = np.ones(8), np.zeros(8), np.arange(8)
    assert difference_interval(first, second, groups) == difference_interval(first > 0, second > 0, groups)
    for wrong in ([1, np.nan, 0], [5, 2, 3]):
        with pytest.raises(ValueError, match="shares from 0 to 1"):
            group_interval(wrong, np.arange(3))


def test_results_of_other_labels_or_classes_are_not_combined(six):
    with pytest.raises(RunError, match=r"0\.wav: expected the same label in all results, found a and b"):
        Result.average([six, replace(six, labels=np.array([1, 0, 0, 1, 1, 2]))])
    with pytest.raises(RunError, match="expected results with the classes a, b, c in this order, found c, b, a"):
        Result.join([six, replace(six, classes=["c", "b", "a"])])
