"""Exercises of lessons 04, 05 and 10: right answers, and what usual slips are told."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from lesson_cases import check_right, check_wrong
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from musiclab import umtn
from musiclab.metrics import Result, difference_interval
from musiclab.runs.leakage import Leak

# Lesson 04


SIZES = (1323.0, 5292.0, 1000 * 1292 * 128 * 2 / 1e6)  # MB


def test_sizes_in_megabytes_and_other_units():
    check_right("04.1", SIZES)
    check_wrong("04.1", [size * 1e6 / 2**20 for size in SIZES], "int16: your unit is 2**20", hidden=(1323, 5292, 330))
    check_wrong(
        "04.1",
        [size / 1000 for size in SIZES],
        "float64: your answer is a thousand times too small",
        hidden=(1323, 5292),
    )
    check_wrong("04.1", (SIZES[0], SIZES[1] / 2, SIZES[2]), "float64: your answer is half", hidden=(5292,))
    check_wrong("04.1", SIZES[:2], "expected 3 numbers")


@pytest.mark.parametrize("megabytes", [330.752, 330.75, 330.8, 331, np.float32(330.752)])
def test_sizes_may_be_rounded(megabytes):
    check_right("04.1", (1323, 5292, megabytes))
    check_right("04.1", {"log-mel": megabytes, "float64": 5292, "int16": 1323})


@pytest.mark.parametrize("megabytes", [330.496, 330.5])
def test_a_frame_that_is_missing_is_noticed(megabytes):
    check_wrong("04.1", (1323, 5292, megabytes), "log-mel: a track has one more frame", hidden=(330, 331))


def test_a_size_that_was_cut_off_is_noticed():
    check_wrong("04.1", (1323, 5292, 330), "log-mel: either a frame is missing", "cut off the decimals", hidden=(331,))


@pytest.mark.parametrize("megabytes", [331.005, 331.01])
def test_a_fraction_of_a_frame_is_noticed(megabytes):
    check_wrong("04.1", (1323, 5292, megabytes), "log-mel: a track has a whole number of frames", hidden=(330, 331))


def test_the_cost_of_chunks_is_what_a_trial_gives():
    begins = np.random.default_rng(0).integers(10_000_000, size=200_000)
    chunks = (begins + 66_150 - 1) // 10_000 - begins // 10_000 + 1
    np.testing.assert_allclose(10_000 * chunks.mean(), 76_149, rtol=1e-3)
    check_right("04.2", 76_149)
    for rounded in (76_150, 76_100.0, np.int64(76_149)):  # by pencil
        assert check_right("04.2", rounded) == "correct, 76,149 samples (exactly; the toy case has 3 + 4 - 1)"


@pytest.mark.parametrize(
    ("samples", "hint"),
    [
        (7.61, "number of chunks"),
        (7.6149, "number of chunks"),
        (8, "number of chunks"),
        (1.15, "compares it with the length of a segment"),
        (66_150, "the segment alone"),
        (70_000, "only for some starting positions"),
        (71_150, "half a chunk too little"),
        (71_149, "half a chunk too little"),
        (71_200, "half a chunk too little"),
        (66_200, "the segment alone"),
        (75_000, "not equally likely"),
        (80_000.0, "only for some starting positions"),
        (76_000, "an eighth chunk"),
        (76_200, "the toy case"),  # 66,150 + 10,000, rounded
        (76_250, "an eighth chunk"),
        (90_000, "too large"),
    ],
)
def test_slips_about_chunks_get_a_hint(samples, hint):
    check_wrong("04.2", samples, hint, hidden=(76149,))


@pytest.fixture
def worn(small_store, tmp_path):
    """A copy of a store in which a bit of clips 3 and 7 has been flipped."""
    path = tmp_path / "worn.h5"
    shutil.copy(small_store.path, path)
    with h5py.File(path, "r+") as file:
        values, offsets = file["features/logmel/values"], file["features/logmel/offsets"][:]
        for clip in (3, 7):
            row = values[offsets[clip]]
            row.view(np.uint8)[0] ^= 1
            values[offsets[clip]] = row
    return path


def test_damaged_clips_are_those_whose_checksums_do_not_hold(worn):
    check_right("04.3", [("logmel", 3), ("features/logmel", 7)], path=worn)
    check_right("04.3", {("logmel", np.int64(7)), ("logmel", np.int64(3))}, path=worn)
    check_wrong("04.3", [("logmel", 3)], "misses 1 damaged pair and includes 0 intact", path=worn, hidden=("7",))
    check_wrong("04.3", [("logmel", 3), ("logmel", 7), ("logmel", 8)], "includes 1 intact pair", path=worn)
    check_wrong("04.3", [], "misses 2 damaged pairs", path=worn, hidden=("3", "7"))
    check_wrong("04.3", [("mel", 3)], "no 'mel'", "logmel", path=worn)
    check_wrong("04.3", [(3, "logmel"), (7, "logmel")], "the wrong way round", path=worn)
    check_wrong("04.3", [("logmel", "clip 3")], "found 'clip 3'", path=worn)
    check_wrong("04.3", 3, "list of pairs", path=worn)
    check_wrong("04.3", "logmel 3", "list of pairs", path=worn)
    check_wrong("04.3", [3, 7], "list of pairs", path=worn)


@pytest.fixture(scope="module")
def sample():
    """Two seconds of a wandering tone, which packs well by its steps."""
    phase = np.cumsum(2 * np.pi * np.linspace(100, 900, 44100) / 22050)
    return np.round(12000 * np.sin(phase)).astype(np.int16)


def written(file, samples):
    file.create_dataset("steps", data=np.diff(samples, prepend=np.int16(0)), shuffle=True, compression="gzip")


def read(file):
    return np.cumsum(file["steps"][:], dtype=np.int16)


def test_packing_must_be_small_and_lose_nothing(sample):
    assert "of the size" in check_right("04.4", (written, read), sample=sample)
    plain = (lambda file, samples: file.create_dataset("all", data=samples), lambda file: file["all"][:])
    check_wrong("04.4", plain, "aim: below 78 %", sample=sample)
    halved = (lambda file, samples: written(file, samples // 2), lambda file: 2 * read(file))
    check_wrong("04.4", halved, "your functions change", "samples: the first of them is at position", sample=sample)
    check_wrong("04.4", (written, lambda file: sample), "your functions change samples that jump", sample=sample)
    check_wrong("04.4", written, "pair of functions", sample=sample)
    check_wrong("04.4", (written, 3), "pair of functions", sample=sample)
    check_wrong("04.4", (read, written), "in this order", sample=sample)


def test_packing_says_what_is_lost(sample):
    sample = sample + np.int16(5)  # does not begin with 0

    def lose_first(file, samples):
        file["steps"] = np.diff(samples, prepend=samples[:1])

    def write_wide(file, samples):
        file["steps"] = np.diff(samples, prepend=0)

    def lose_first_and_pack(file, samples):
        file.create_dataset("steps", data=np.diff(samples, prepend=samples[:1]), shuffle=True, compression="gzip")

    check_right("04.4", (written, read), sample=sample)
    silent_start = np.append(np.int16(0), sample)  # then only the noise shows the slip
    check_wrong("04.4", (lose_first_and_pack, read), "What happens to the first sample?", sample=silent_start)
    check_wrong("04.4", (lose_first, read), "What happens to the first sample?", sample=sample)
    check_wrong("04.4", (written, lambda file: np.cumsum(file["steps"][:])), "int64 instead of int16", sample=sample)
    check_wrong("04.4", (write_wide, lambda file: np.cumsum(file["steps"][:])), "values are correct", sample=sample)
    check_wrong("04.4", (written, lambda file: read(file).astype(float)), "float64 instead of int16", sample=sample)
    check_wrong("04.4", (written, lambda file: read(file)[1:]), "of shape (44099,)", sample=sample)
    check_wrong("04.4", (written, lambda file: file["steps"]), "returns a handle", sample=sample)
    check_wrong("04.4", (written, lambda file: None), "returns None", sample=sample)


def test_packing_names_the_array_that_wastes_space():
    noisy = np.random.default_rng(0).integers(-3000, 3000, size=20_000).astype(np.int16)  # too irregular to pack well

    def unpack(file):
        return np.cumsum(file["steps"][:], dtype=np.int16)

    def write_wide(file, samples):
        file["steps"] = np.diff(samples, prepend=0)

    def write_without_shuffle(file, samples):
        file.create_dataset("steps", data=np.diff(samples, prepend=np.int16(0)), compression="gzip")

    check_wrong("04.4", (write_wide, unpack), "'steps' in your file has the dtype int64", sample=noisy)
    check_wrong("04.4", (write_without_shuffle, unpack), "'steps' in your file is compressed without", sample=noisy)
    check_wrong("04.4", (written, read), "aim: below 78 %", hidden=("in your file",), sample=noisy)


def test_packing_has_to_use_the_file(sample):
    kept = {}

    def keep(file, samples):
        kept["samples"] = samples

    check_wrong("04.4", (keep, lambda file: kept["samples"]), "smaller than the noise", sample=sample)


# Lesson 05


def test_clips_that_an_interval_needs():
    fewest = next(n for n in range(1, 10_000) if 1.96 * np.sqrt(0.85 * 0.15 / n) <= 0.03)
    check_right("05.1", (fewest, 10 * fewest))
    check_right("05.1", {"independent clips": float(fewest), "ten by each artist": 10.0 * fewest})
    text = check_right("05.1", np.array([fewest, 5443]))  # not all clips of the last artist
    assert "round up to whole artists: 5,450 clips" in text
    assert "round up" not in check_right("05.1", (fewest, 10 * fewest))
    check_wrong("05.1", (fewest, 5445.5), "ten by each artist: give a whole number")
    check_wrong("05.1", fewest, "expected 2 numbers")
    check_wrong("05.1", (10 * fewest, fewest), "the two are in reverse order")
    check_wrong("05.1", (10 * fewest, 10 * fewest), "independent clips: your answer is ten times too large")


@pytest.mark.parametrize(
    ("clips", "hint"),
    [
        (544, "Round up"),
        (544.2, "Round up"),
        (550, "round up only at the end"),
        (1068, "accuracy of 50 %"),
        (384, "90 % interval"),
        (385, "90 % interval"),
        (136, "3 to each side"),
        (137, "3 to each side"),
        (2177, "3 to each side"),
        (567, "1.96 instead of 2"),
        (142, "standard error"),
    ],
)
def test_slips_in_the_number_of_clips(clips, hint):
    hidden = (545, 5450)
    check_wrong("05.1", (clips, 5450), "independent clips: ", hint, hidden=hidden)
    check_wrong("05.1", (545, 10 * clips), "ten by each artist: ", hint, hidden=hidden)


@pytest.mark.parametrize(("clips", "hint"), [(545, "count as one"), (54.5, "more clips"), (55, "more clips")])
def test_ten_identical_clips_count_as_one(clips, hint):
    check_wrong("05.1", (545, clips), "ten by each artist: ", hint, hidden=(5450,))


def test_p_counts_both_sides():
    check_right("05.2", (20 / 512, 2 / 512))
    check_right("05.2", (0.039, 0.004))
    hidden = ("0.039", "0.0039")
    check_wrong("05.2", (10 / 512, 1 / 512), "8 to 1: this is one-sided", "9 to 0: this is one-sided", hidden=hidden)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((0.0455, 0.0077), "9 to 0: that is the chi-squared approximation"),
        ((0.0455, 0.0077), "8 to 1: that is the chi-squared approximation"),
        ((0.0352, 0.0039), "8 to 1: add the probability of the more extreme result"),
        ((0.0176, 0.002), "8 to 1: add the probability of the more extreme result"),
        ((0.0039, 0.039), "the two are in reverse order"),
        ((0.04, 0.004), "8 to 1: give three decimals"),
        ((3.9, 0.39), "in per cent"),
        ((3.9, 0.4), "in per cent"),
        ((3.9, 0.004), "8 to 1: your answer is a hundred times too large"),
    ],
)
def test_slips_in_the_p_of_nine_clips(answer, hint):
    check_wrong("05.2", answer, hint, hidden=("0.039", "0.0039"))


@pytest.fixture
def index():
    """Two classes of twenty slices, by recordings of three, two and one."""
    sizes = [3, 1, 3, 1, 3, 1, 3, 1, 2, 2]
    groups = np.repeat(np.arange(20), sizes * 2)
    return pd.DataFrame({"label": np.repeat(["dog", "siren"], 20), "group": groups.astype(str)})


def test_folds_keep_recordings_whole_and_classes_even(index):
    by_recording = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5] * 2
    folds = np.array(by_recording)[index["group"].astype(int)]
    assert "each fold has 4 slices of each class" in check_right("05.3", folds, index=index)
    check_right("05.3", folds.tolist(), index=index.set_index(np.arange(40) + 7))
    check_wrong("05.3", np.tile([1, 2, 3, 4, 5], 8), "recordings in several folds, and 4 slices", index=index)
    uneven = np.where(folds == 1, 2, np.where(folds == 2, 1, folds))
    uneven[index["group"] == "1"] = 1
    check_wrong("05.3", uneven, "0 recordings in several folds, and 3 to 5 slices", index=index)
    check_wrong("05.3", folds - 1, "number the folds from 1 to 5", index=index)
    check_wrong("05.3", folds % 4 + 1, "all five in use", index=index)
    check_wrong("05.3", folds[:30], "40 fold numbers", "(30,)", index=index)


def test_folds_may_come_as_a_table_column_but_not_by_recording(index):
    fold_of = dict(enumerate([1, 1, 2, 2, 3, 3, 4, 4, 5, 5] * 2))
    folds = index["group"].astype(int).map(fold_of)
    check_right("05.3", folds.sample(frac=1, random_state=0), index=index)  # pandas knows which row is which
    check_right("05.3", folds.astype(float), index=index)
    check_wrong("05.3", fold_of, "one for each slice", "map", index=index)
    for strings in (folds.astype(str), folds.astype(str).to_numpy(), folds.astype(str).tolist()):
        check_wrong("05.3", strings, "your fold numbers are strings", "astype(int)", index=index)


def result(correct: np.ndarray, groups: np.ndarray) -> Result:
    """Of clips of class 0, some of them taken for class 1."""
    shares = np.where(np.asarray(correct)[:, None], [0.9, 0.1], [0.1, 0.9])
    names = np.array([f"{number:03d}.wav" for number in range(len(correct))])
    return Result(["a", "b"], np.zeros(len(correct), int), np.log(shares), groups.astype(str), names)


@pytest.fixture
def two_results():
    """Of 200 clips of 40 artists who are hard or easy; the first is better at some artists' clips."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    gain = np.repeat(rng.choice([-1, 0, 0, 1, 1], 40), 5)
    agree = rng.random(200) < 0.3
    second = rng.random(200) < 0.5
    first = np.where(agree | (gain == 0), second, gain > 0)
    return {"first": result(first, groups), "second": result(np.where(agree | (gain == 0), second, gain < 0), groups)}


def interval(first: Result, second: Result, units, percentiles=(2.5, 97.5)) -> np.ndarray:
    """By bootstrap over ``units``, 4,000 draws of another seed than the check's."""
    ahead = (first.predictions == first.labels).astype(int) - (second.predictions == second.labels)
    rows = [np.flatnonzero(units == unit) for unit in np.unique(units)]
    rng = np.random.default_rng(5)
    drawn = (np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))]) for _ in range(4000))
    return np.percentile([ahead[each].mean() for each in drawn], percentiles)


def test_the_interval_of_a_difference_is_drawn_by_artists(two_results):
    first, second = two_results.values()
    low, high = interval(first, second, first.groups)
    text = check_right("05.4", (low, high, 40), first=first, second=second)
    assert text == f"lower end: correct, {low:.3f} | upper end: correct, {high:.3f} | correct, drawn from 40 artists"
    named = {"lower end": low, "upper end": high, "number of units": 40}
    check_right("05.4", named, first=first, second=second)
    turned = Result(
        second.classes, second.labels[::-1], second.log_probabilities[::-1], second.groups[::-1], second.paths[::-1]
    )
    check_right("05.4", (low, high, 40), first=first, second=turned)
    hidden = (f"{low:.2f}", f"{high:.2f}")
    check_wrong("05.4", (100 * low, 100 * high, 40), "these are points", hidden=hidden, **two_results)
    check_wrong("05.4", (high, low, 40), "lower end first", **two_results)
    check_wrong("05.4", (-high, -low, 40), "minus the first", hidden=hidden, **two_results)
    check_wrong("05.4", (*interval(first, second, first.paths), 40), "too narrow", hidden=hidden, **two_results)
    check_wrong("05.4", (low, high, 200), "single clips", "Draw artists", hidden=hidden, **two_results)
    of_99 = interval(first, second, first.groups, (0.5, 99.5))
    check_wrong("05.4", (*of_99, 40), "too wide", "2.5 and 97.5", hidden=hidden, **two_results)
    check_wrong("05.4", (low, high, 39), "From how many artists", hidden=hidden, **two_results)
    exact = difference_interval(first.correct, second.correct, first.groups)
    check_wrong("05.4", (*exact, 40), "difference_interval", hidden=hidden, **two_results)
    check_wrong("05.4", (*np.round(exact, 3), 40), "difference_interval", hidden=hidden, **two_results)
    of_one = interval(first, flipped(first), first.groups) / 2 + 0.5  # correct minus incorrect, as a share
    check_wrong("05.4", (*of_one, 40), "one accuracy", hidden=hidden, **two_results)
    singles = [np.sort(interval(each, flipped(each), each.groups) / 2 + 0.5) for each in (first, second)]
    crosswise = (singles[0][0] - singles[1][1], singles[0][1] - singles[1][0])
    check_wrong("05.4", (*crosswise, 40), "ends of two intervals", hidden=hidden, **two_results)
    check_wrong("05.4", low, "expected 3 numbers", **two_results)
    check_wrong("05.4", (low, high), "expected 3 numbers", **two_results)


def flipped(result: Result) -> Result:
    """Of the same clips, with the correct ones incorrect and the other way round."""
    log_probabilities = result.log_probabilities[:, ::-1]
    return Result(result.classes, result.labels, log_probabilities, result.groups, result.paths)


@pytest.fixture
def of_segments():
    """Of 480 segments, four of each track and three tracks by each of 40 artists."""
    rng = np.random.default_rng(1)
    groups, tracks = np.repeat(np.arange(40), 12), np.repeat(np.arange(120), 4)
    both = rng.random(480) < 0.5 + np.repeat(rng.choice([-0.4, 0.4], 40), 12)
    differs = rng.random(120)[tracks] < 0.4
    gains = (rng.random(40)[groups] < 0.5) ^ (rng.random(120)[tracks] < 0.25)
    results = [result(np.where(differs, gain, both), groups) for gain in (gains, ~gains)]
    paths = np.array([f"{track}.wav#{number % 4}" for number, track in enumerate(tracks)])
    return {
        name: Result(each.classes, each.labels, each.log_probabilities, each.groups, paths)
        for name, each in zip(("first", "second"), results, strict=True)
    }


def test_segments_and_tracks_are_no_artists(of_segments):
    first, second = of_segments.values()
    check_right("05.4", (*interval(first, second, first.groups), 40), **of_segments)
    by_segment = interval(first, second, first.paths)
    check_wrong("05.4", (*by_segment, 480), "the number of single clips or segments", **of_segments)
    check_wrong("05.4", (*by_segment, 40), "too narrow", "segments", **of_segments)
    narrow = interval(first, second, first.groups, percentiles=(5, 95))
    check_wrong("05.4", (*narrow, 40), "too narrow", "97.5", **of_segments)
    tracks = np.array([path.split("#")[0] for path in first.paths])
    check_wrong("05.4", (*interval(first, second, tracks), 120), "the number of tracks", **of_segments)


def test_both_classifiers_need_the_same_artists(of_segments):
    first, second = of_segments.values()
    low, high = interval(first, second, first.groups)
    rng = np.random.default_rng(2)

    def accuracies(one):
        by_artist = one.correct.reshape(40, 12).mean(axis=1)
        return by_artist[rng.integers(40, size=(4000, 40))].mean(axis=1)

    unpaired = np.percentile(accuracies(first) - accuracies(second), [2.5, 97.5])
    assert np.abs(unpaired - [low, high]).max() > 0.02
    check_wrong("05.4", (*unpaired, 40), "the same artists", **of_segments)


def test_an_interval_that_contains_0_must_not_leave_it_out():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(100), 3)
        first, second = (result(rng.random(300) < chance, groups) for chance in (0.72, 0.66))
        low, high = interval(first, second, first.groups)
        if -0.006 < low < -0.002:
            break
    check_right("05.4", (low, high, 100), first=first, second=second)
    check_wrong("05.4", (0.003, high, 100), "leaves out 0", first=first, second=second)


def test_an_interval_by_clips_that_is_nearly_the_same_is_told_too():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(100), 3)
    ease = np.repeat(rng.normal(0, 0.12, 100), 3)
    one, other = (result(rng.random(300) < 0.7 + sign * ease, groups) for sign in (1, -1))
    context = {"first": one, "second": other}
    by_artist, by_clip = interval(one, other, one.groups), interval(one, other, one.paths)
    assert np.abs(by_artist - by_clip).max() < 0.02
    check_right("05.4", (*by_artist, 100), **context)
    check_wrong("05.4", (*by_clip, 100), "too narrow", **context)
    check_wrong("05.4", (*by_clip, 300), "single clips", **context)


CORRECT_OF_20 = {  # at random and by group with four random seeds, by the number of neighbours
    5: [(10, 9), (15, 9), (15, 9), (15, 9)],  # the leak adds 1 clip with seed 0, but 4.75 on average
    7: [(10, 10), (16, 9), (16, 9), (16, 9)],  # 0 with seed 0, but 5.25 on average
    15: [(13, 8), (12, 9), (12, 9), (12, 10)],  # 5 with seed 0, but 3.25 on average
    25: [(9, 8), (9, 8), (9, 8), (9, 8)],
}


@pytest.fixture
def known_leaks(monkeypatch):
    def compare(classifier, store, unit, seed, show_progress):
        neighbours = classifier[-1] if isinstance(classifier, Pipeline) else classifier
        clips = np.arange(20)
        leaky, honest = (result(clips < count, clips) for count in CORRECT_OF_20[neighbours.n_neighbors][seed])
        return Leak("KNeighborsClassifier", "studio", unit, leaky, honest)

    monkeypatch.setattr("musiclab.lessons.data.compare_leak", compare)
    return {"store": None, "to_beat": KNeighborsClassifier(5)}


def test_a_classifier_leaks_less_on_average_over_four_seeds(known_leaks):
    text = check_right("05.5", make_pipeline(StandardScaler(), KNeighborsClassifier(15)), **known_leaks)
    assert "45.0 % for new artists, and the leak adds 16.2 points" in text
    assert "to beat: 45.0 % for new artists, and the leak adds 23.8 points" in text
    check_wrong(
        "05.5", KNeighborsClassifier(7), "the leak is not smaller", "classified better", "no scaler", **known_leaks
    )
    check_wrong("05.5", KNeighborsClassifier(5), "the leak is not smaller", **known_leaks)
    check_wrong("05.5", KNeighborsClassifier(25), "new artists are classified worse", **known_leaks)
    check_wrong("05.5", KNeighborsClassifier, "such as KNeighborsClassifier(7)", **known_leaks)
    check_wrong("05.5", "SVC", "expected a scikit-learn classifier", **known_leaks)


def test_a_leak_is_measured(small_store):
    check_wrong("05.5", SVC(C=5), "the leak is not smaller", store=small_store, to_beat=SVC(C=5))


# Lesson 10


def test_an_hour_of_music():
    hour = np.zeros(3600 * 16000, np.int16)
    sizes = [8 * hour.size / 1e6, hour.nbytes / 1e6, (hour.nbytes + umtn.encode(hour[:16]).itemsize * hour.size) / 1e6]
    hidden = ("460", "461", "115", "172", "173")
    check_right("10.1", sizes)
    check_right("10.1", [round(size) for size in sizes])
    check_right("10.1", {"SegmentPairs": 173, "int16": 115, "float64": np.float32(460.8)})
    check_right("10.1", torch.tensor(sizes))
    check_wrong("10.1", (sizes[0], sizes[1], 2 * sizes[1]), "one byte, not two", hidden=("172", "173"))
    check_wrong("10.1", (sizes[0], sizes[1], sizes[1]), "that is the samples alone", hidden=("172", "173"))
    check_wrong("10.1", (sizes[0], sizes[1], sizes[1] / 2), "that is the codes alone", hidden=("172", "173"))
    check_wrong("10.1", (sizes[0] / 2, sizes[1], sizes[2]), "that is float32", hidden=("460", "461"))
    check_wrong("10.1", sizes[::-1], "in another order", hidden=hidden)
    check_wrong("10.1", [size * 1e6 / 2**20 for size in sizes], "2**20", hidden=hidden)
    check_wrong("10.1", [size / 60 for size in sizes], "int16: your answer is sixty times too small", hidden=hidden)
    check_wrong("10.1", sizes[:2], "expected 3 numbers")


def expand(y, base=256):
    return np.sign(y) * (base ** np.abs(y) - 1) / 255


def border_middle(codes):
    return (expand(2 * codes / 255 - 1) + expand(2 * (codes + 1) / 255 - 1)) / 2


def test_a_code_is_decoded_to_the_middle_of_its_step():
    rng = np.random.default_rng(0)
    samples = np.clip(rng.normal(0, 3000, 32000), -32768, 32767).astype(np.int16)
    assert "rises from 2" in check_right("10.2", border_middle, samples=samples)
    check_right("10.2", lambda codes: expand(np.minimum(2 * (codes + 0.5) / 255 - 1, 1)), samples=samples)
    check_right("10.2", lambda codes: border_middle(codes).tolist(), samples=samples)
    check_right("10.2", lambda codes: torch.tensor(border_middle(codes)), samples=samples)
    check_right("10.2", lambda codes: np.float32(np.minimum(border_middle(codes), 1)), samples=samples)
    for slip, words in [
        (umtn.inv_mu_law, "inv_mu_law of UMTN"),
        (lambda codes: expand(2 * codes / 255 - 1), "lower border"),
        (lambda codes: expand(2 * (codes + 1) / 255 - 1), "upper border"),
        (lambda codes: expand(2 * (codes + 0.5) / 256 - 1), "by 255, not by 256"),
        (lambda codes: expand((codes + 0.5) / 255), "only covers 0 to 1"),
        (lambda codes: expand(2 * (codes + 0.5) / 255 - 1, 255), "a power of 256, not of 255"),
        (lambda codes: 2 * (codes + 0.5) / 255 - 1, "that is F(x)"),
        (lambda codes: -border_middle(codes), "sign"),
        (lambda codes: np.where(codes < 255, border_middle(codes), 0), "only x = 1 has code 255"),
        (lambda codes: border_middle(codes)[:-1], "expected one value per code"),
        (lambda codes: print(end=""), "Does it end with return?"),
        (border_middle(np.arange(256)), "expected a function"),
    ]:
        check_wrong("10.2", slip, words, samples=samples)


def test_an_encoder_sees_as_far_as_a_gradient_reaches():
    encoder = umtn.Encoder(channels=2, blocks=2, layers=8, pool=1)
    for weights in encoder.parameters():
        torch.nn.init.constant_(weights, 0.1)  # above 0, so that no ReLU stops a gradient
    sound = torch.ones(1, 4001, requires_grad=True)
    latents = encoder(sound)
    latents[..., latents.shape[-1] // 2].abs().sum().backward()
    reached = torch.nonzero(sound.grad[0]).flatten()
    truth = int(reached[-1] - reached[0] + 1)
    assert "64 ms" in check_right("10.3", truth)
    check_right("10.3", float(truth))
    for slip, words in [
        (1021, "left out the first convolution"),
        (2 * 511, "the sample in the middle exactly once"),
        (1020, "the sample in the middle and the first convolution"),
        (513, "that is one block"),
        (511, "one block without the first convolution"),
        (512, "looks to both sides"),
        (35, "ordinary convolutions"),
        (131073, "starts at 1 again"),
        (1822, "after the average"),
        (2 * 1023, "twice"),
    ]:
        check_wrong("10.3", slip, words, hidden=(1023,))


def run(probe: float, rebuilt: float, **settings) -> umtn.ConfusionRun:
    history = pd.DataFrame({"step": [0, 100], "accuracy": [0.25, probe - 0.1], "rebuilt": [0.9, rebuilt]})
    if settings.get("weight"):
        history["accuracy"] = 0.25
    sizes = dict(channels=32, blocks=1, layers=4, latent=16, stride=80, batch_size=16)
    config = umtn.ConfusionConfig(**(sizes | settings))
    return umtn.ConfusionRun(history, probe, 4, 256, None, None, config)


def test_a_confusion_is_compared_at_equal_quality():
    plain = run(0.5, 0.35, steps=60)
    confused = run(0.42, 0.37, weight=1, classifier_steps=4)
    words = check_right("10.4", (plain, confused, 8))
    assert "R² is 0.35 without confusion and 0.37 with it" in words
    assert "50.0% and 42.0%: +8.0 points" in words
    check_right("10.4", [plain, confused, np.float32(8.0)])
    check_right("10.4", (plain, confused, torch.tensor(7.99)))
    check_right("10.4", (run(0.41796875, 0.35), confused, 100 * (0.41796875 - 0.42)))
    check_right("10.4", (run(0.4, 0.35), confused, -2))  # a fair comparison, whatever it finds
    check_right("10.4", (plain, run(0.45, 0.35, weight=0.5, classifier_steps=2, every=100), 5))
    check_wrong("10.4", (plain, confused, -8), "confused minus plain")
    check_wrong("10.4", (plain, confused, 0.08), "that is a share")
    check_wrong("10.4", (plain, confused, 15), "difference of the opponents")
    check_wrong("10.4", (plain, confused, 20), "not plain.probe minus confused.probe")
    check_wrong("10.4", (run(0.7, 0.6), confused, 28), "not a fair comparison", "Stop the plain run earlier")
    check_wrong("10.4", (run(0.5, 0.3), confused, 8), "Let the plain run train longer")
    check_wrong("10.4", (run(0.3, 0.25), run(0.3, 0.25, weight=1), 0), "aim: 0.3 or higher")
    check_wrong("10.4", (confused, plain, 8), "another order")
    check_wrong("10.4", (plain, run(0.4, 0.4), 10), "must have a weight above 0")
    check_wrong("10.4", (run(0.5, 0.35, weight=0.1), confused, 8), "must have weight 0")
    check_wrong("10.4", (plain, run(0.4, 0.37, weight=0.5), 10), "no stronger")
    check_wrong("10.4", (plain, run(0.4, 0.37, weight=0.01, classifier_steps=2), 10), "a lower weight than section 11")
    check_right("10.4", (run(0.5, 0.35, seed=3), run(0.42, 0.37, weight=1, seed=3), 8))
    without_sizes = [run(0.5, 0.35, channels=64), run(0.42, 0.37, weight=1, channels=64)]
    check_wrong("10.4", (*without_sizes, 8), "channels is 64, in section 11 it was 32. Did you leave out **sizes?")
    faster = [run(0.5, 0.35, learning_rate=0.03), run(0.42, 0.37, weight=1, learning_rate=0.03)]
    check_wrong("10.4", (*faster, 8), "learning_rate is 0.03, in section 11 it was 0.01")
    check_wrong("10.4", (plain, run(0.4, 0.37, weight=1, latent=2), 10), "differ in latent, too")
    check_wrong("10.4", (plain, run(0.4, 0.37, weight=1, seed=3), 10), "differ in seed, too")
    for answer in (confused, (plain, confused), (0.5, 0.42, 8)):
        check_wrong("10.4", answer, "(plain, confused, points)")


def test_a_decoder_that_looks_at_neighbours_in_the_array_is_refused():
    codes = np.arange(256)
    borders = np.sign(2 * codes / 255 - 1) * (256 ** np.abs(2 * codes / 255 - 1) - 1) / 255
    middles = np.append((borders[:-1] + borders[1:]) / 2, 1)
    samples = np.random.default_rng(0).integers(-9000, 9000, 400).astype(np.int16)
    check_right("10.2", lambda codes: middles[codes], samples=samples)
    check_right("10.2", lambda codes: torch.tensor(middles, requires_grad=True)[codes], samples=samples)
    for wrong in (
        lambda codes: (borders[codes] + np.append(borders[codes][1:], 1)) / 2,
        lambda codes: borders[codes] + np.append(np.diff(borders[codes]), 0) / 2,
        lambda codes: middles,
    ):
        check_wrong("10.2", wrong, "in another order", samples=samples)
    check_wrong("10.2", lambda codes: 1 / 0, "your function raised an error (ZeroDivisionError", samples=samples)


@pytest.mark.parametrize("answer", [(460, 115, 172), (459, 115.7, 172), (463, 115, 173)])
def test_truncated_megabytes_are_refused(answer):
    check_wrong("10.1", answer)


@pytest.mark.parametrize("answer", [(461, 115, 173), (460.8, 115.2, 172.8), np.float32([460.8, 115.2, 172.8])])
def test_rounded_megabytes_are_right(answer):
    check_right("10.1", answer)


@pytest.mark.parametrize("answer", [(1320, 5280, 331), (1330, 5340, 331), (1323, 5288, 331)])
def test_sizes_need_whole_megabytes(answer):
    check_wrong("04.1", answer, "Give whole megabytes")


def test_whole_per_cent_is_named():
    check_wrong("05.2", (4, 0.4), "in per cent")


def test_a_regressor_is_no_classifier(small_store):
    answer = make_pipeline(StandardScaler(), KNeighborsRegressor(7))
    check_wrong("05.5", answer, "a scikit-learn classifier", store=small_store, to_beat=KNeighborsClassifier(1))
