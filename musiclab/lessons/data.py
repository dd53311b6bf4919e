"""Check the exercises of lessons 04, 05 and 10: HDF5, data sets and splits, musical domains."""

import inspect
import math
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter

import h5py
import numpy as np
import pandas as pd
from scipy.stats import binomtest, chi2
from sklearn.base import is_regressor

from musiclab.core.errors import counted
from musiclab.features import MelConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result, difference_interval
from musiclab.runs import compare_leak
from musiclab.store import Store, verify
from musiclab.umtn import ConfusionConfig, ConfusionRun, Encoder, encode, inv_mu_law


@exercise("04.1")
def size_of_gtzan(answer) -> list[Verdict]:
    """Check the sizes in megabytes of 1,000 tracks of 30 s: as int16, as float64, and as log-mels in float16."""
    samples, frames = 30 * 22050, MelConfig().frames(30 * 22050)
    sizes = {"int16": 1000 * 2 * samples, "float64": 1000 * 8 * samples, "log-mel": 1000 * 2 * 128 * frames}
    verdicts = judge.megabytes(answer, sizes)
    for place, (name, value) in enumerate(zip(sizes, judge.in_order(answer, sizes), strict=True)):
        is_rough = place < 2 and verdicts[place].is_right and abs(judge.finite_number(value) - sizes[name] / 1e6) > 0.5
        if is_rough:
            verdicts[place] = judge.reject(f"{name}: almost. The rate is 22,050 Hz. Give whole megabytes.")
    if verdicts[2].is_right:  # within 1 %, but one frame is less than 0.1 %
        value, truth = judge.finite_number(judge.in_order(answer, sizes)[2]), sizes["log-mel"] / 1e6
        if value == int(truth):  # with and without the last frame
            text = "either a frame is missing (the first is centred on sample 0: add 1), or you cut off the decimals"
            return [*verdicts[:2], judge.reject(f"log-mel: {text} instead of rounding")]
        slips = [
            (0.256 * (frames - 1), "a track has one more frame, because the first is centred on sample 0: add 1"),
            (0.256 * (samples / 512 + 1), "a track has a whole number of frames: round down before you add 1"),
        ]
        for slip, text in slips:  # judge.number would allow slips 2 %
            if (abs(value - slip) < 0.01 or value == round(slip)) and value != round(truth):
                return [*verdicts[:2], judge.reject(f"log-mel: {text}")]
        verdicts[2] = judge.part("log-mel", judge.number, value, truth=truth, within=0, absolute=0.25)
    return verdicts


@exercise("04.2")
def cost_of_chunks(answer) -> Verdict:
    """Check how many samples are decompressed on average to read 66,150 of them from chunks of 10,000."""
    value = judge.finite_number(answer)
    expect(not 5 < value < 10, "that is the number of chunks: how many samples do they hold?")
    expect(not 1 < value < 2, "that compares it with the length of a segment: how many samples are unpacked?")
    alone = abs(value - 66_150) <= 50  # exactly, or rounded to hundreds
    expect(not alone, "that is the segment alone, but chunks are unpacked as a whole")
    half_a_chunk = abs(value - 71_150) <= 50
    expect(not half_a_chunk, "that is half a chunk too little: samples can be left over on both sides of the segment")
    some_starts = "that holds only for some starting positions: take the average over all"
    expect(not 76_160 <= value <= 76_210, "close: the toy case gives 3 + 4 - 1 samples, not 3 + 4")
    truth = 66_150 + 10_000 - 1
    is_close = 60 < abs(value - truth) <= 300  # 76,000 is 7.6 chunks
    close = "close, but not exact: for how many of the 10,000 starting positions is an eighth chunk touched?"
    expect(not is_close, close)
    slips = [
        (70_000, some_starts),
        (75_000, "70,000 and 80,000 are not equally likely: how many starting positions lead to each?"),
        (80_000, some_starts),
    ]
    return judge.number(value, truth, "samples", absolute=60, note="exactly; the toy case has 3 + 4 - 1", slips=slips)


@exercise("04.3")
def damage_found(answer, path: str | Path) -> Verdict:
    """Check the pairs of "audio" or a feature, and a clip, whose checksums in a store do not match."""
    matches = [re.match(r"(\w+): clip (\d+)", fault) for fault in verify(path)]
    damaged = {(match[1], int(match[2])) for match in matches if match}
    is_list = isinstance(answer, list | tuple | set | np.ndarray)
    are_pairs = is_list and all(np.shape(pair) == (2,) for pair in answer)
    expect(are_pairs, 'expected a list of pairs, such as ("audio", 0), each with a name and the index of a track')
    for name, clip in answer:
        is_index = not isinstance(clip, str) or clip.isdigit()
        is_reversed = str(name).isdigit() and not is_index
        expect(not is_reversed, "each pair is the wrong way round: first the name, then the index of the track")
        expect(is_index, f"expected the index of a track, such as 5, found {str(clip)!r}")
    answered = {(str(name).removeprefix("features/"), int(clip)) for name, clip in answer}
    with Store(path) as store:
        names = list(store.features)
    for name, _ in sorted(answered):
        expect(name in names, f"the store has no {name!r}, only {', '.join(names)}")
    missed, intact = len(damaged - answered), len(answered - damaged)
    text = f"your list misses {counted(missed, 'damaged pair')} and includes {counted(intact, 'intact pair')}"
    expect(not missed and not intact, text)
    return accept(f"all {len(damaged)} and no others")


_SHIFTED = "all differ by the same amount. What happens to the first sample?"


@exercise("04.4")
def packed_smaller(answer, sample: np.ndarray) -> Verdict:
    """Check a pair (write, read) of functions that compress int16 samples in HDF5, without loss, below 78 %."""
    is_pair = isinstance(answer, tuple | list) and len(answer) == 2 and all(map(callable, answer))
    expect(is_pair, "expected a pair of functions, (write, read)")
    in_order = _takes(answer[0], 2) and _takes(answer[1], 1)
    expect(in_order, "expected write(file, samples) and read(file), in this order")
    restored, size, seconds, hint = _write_and_read(*answer, sample)
    _expect_same(restored, sample)
    noise = np.random.default_rng(0).integers(-32768, 32768, size=len(sample), dtype=np.int16)
    restored, noise_size, *_ = _write_and_read(*answer, noise)
    is_lossless = np.array_equal(restored, noise)
    expect(is_lossless or not _is_shifted(restored, noise), f"your functions change other samples: {_SHIFTED}")
    expect(is_lossless, "your functions change samples that jump between -32,768 and 32,767, as noise does")
    expect(
        noise_size >= noise.nbytes,
        "noise can't be compressed, but your file is smaller than the noise. Write all that `read` needs to the file.",
    )
    share = size / sample.nbytes
    text = f"{100 * share:.1f} % of the size (aim: below 78 %), read in {seconds:.2f} s"
    return judge.better(share, 0.78, text if share < 0.78 else text + hint, higher=False)


def _takes(function: Callable, count: int) -> bool:
    """Return True if a function can be called with ``count`` arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except ValueError:  # some functions written in C have no signature
        return True
    except TypeError:
        return False
    return True


def _write_and_read(write, read, samples: np.ndarray) -> tuple[np.ndarray, int, float, str]:
    """Send samples through a file; return what is left, its size in bytes, the reading time in s, and a hint on size.

    A result of ``read`` that can't be samples is rejected.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.h5"
        with h5py.File(path, "w") as file:
            write(file, samples.copy())
        with h5py.File(path, "r") as file:
            start = perf_counter()
            restored = read(file)
            seconds = perf_counter() - start
            expect(restored is not None, "`read` returns None. Does it end with `return`?")
            is_handle = isinstance(restored, h5py.Dataset)
            expect(not is_handle, "`read` returns a handle, which is useless after the file is closed. Add [:].")
            hint = _find_waste(file, samples)
        return np.asarray(restored), path.stat().st_size, seconds, hint


def _find_waste(file: h5py.File, samples: np.ndarray) -> str:
    """Say which array in the file is larger than it needs to be, or return ""."""
    arrays: list[h5py.Dataset] = []
    file.visititems(lambda name, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None)
    for array in arrays:
        if array.size >= len(samples) - 1 and array.dtype.itemsize > samples.itemsize:
            return f". The array {array.name[1:]!r} in your file has the dtype {array.dtype}. Is int16 enough?"
        if array.dtype.itemsize > 1 and array.compression and not array.shuffle:
            return f". The array {array.name[1:]!r} in your file is compressed without `shuffle`."
    return ""


def _is_shifted(restored: np.ndarray, samples: np.ndarray) -> bool:
    """Whether all samples differ by the same amount, apart from 16-bit integers that wrap round."""
    if restored.shape != samples.shape:
        return False
    return len(np.unique(restored.astype(np.int64).astype(np.int16) - samples)) == 1


def _expect_same(restored: np.ndarray, samples: np.ndarray) -> None:
    """Reject samples that differ from those that were written, and say how."""
    is_complete = restored.shape == samples.shape
    first = ". What happened to the first sample?" if restored.shape == (len(samples) - 1,) else ""
    shape = f"expected {len(samples):,} samples, but `read` returns an array of shape {restored.shape}{first}"
    expect(is_complete, shape)
    as_type = f"`read` returns {restored.dtype} instead of int16"
    different = np.flatnonzero(restored != samples)
    if not len(different):
        expect(restored.dtype == samples.dtype, f"the values are correct, but {as_type}. Look at each dtype.")
        return
    if np.array_equal(restored.astype(np.int64).astype(np.int16), samples):
        hint = f"{as_type}, and sums don't wrap round"
    elif _is_shifted(restored, samples):
        hint = _SHIFTED
    else:
        hint = f"the first of them is at position {different[0]:,}"
    raise judge.AnswerRejected(f"your functions change {counted(len(different), 'sample')}: {hint}")


@exercise("05.1")
def clips_needed(answer) -> list[Verdict]:
    """Check the clips needed for a 95 % interval of 85 +- 3 %: independent, and ten identical ones per artist."""
    clips_per_unit = {"independent clips": 1, "ten by each artist": 10}
    values = list(judge.in_order(answer, clips_per_unit))

    def compare(values) -> list[Verdict]:
        parts = zip(clips_per_unit.items(), values, strict=True)
        return [judge.part(name, _judge_clips, value, per_unit=per_unit) for (name, per_unit), value in parts]

    is_reversed = all(verdict.is_right for verdict in compare(values[::-1]))
    expect(not is_reversed, "the two are in reverse order")
    return compare(values)


def _judge_clips(value, per_unit: int) -> Verdict:
    def needed(p=0.85, z=1.96, half_width=0.03):  # from z * sqrt(p * (1 - p) / n) <= half_width
        return per_unit * p * (1 - p) * (z / half_width) ** 2

    count, fewest = judge.finite_number(value), needed()
    most = per_unit * math.ceil(fewest / per_unit)  # with whole artists
    if abs(count - fewest) < 0.015 * fewest:
        wide = "with so few clips, the interval is slightly wider than ±3 points. Round up."
        expect(count >= math.ceil(fewest), wide)
        expect(count <= most, "fewer clips are enough. Work with more decimals, and round up only at the end.")
        expect(count.is_integer(), "give a whole number of clips")
        whole = "" if count == most else "but with ten clips by each artist, round up to whole artists: "
        return accept(f"{whole}{most:,} clips")
    slips = [
        (needed(p=0.5), "that is for an accuracy of 50 %. Use 0.85."),
        (needed(z=1.645), "that is for a 90 % interval, with 1.645. Use 1.96."),
        (needed(z=1), "that is for ±1 standard error. A 95 % interval has ±1.96 standard errors."),
        (needed(z=2), "use 1.96 instead of 2"),
        (needed(half_width=0.06), "that is for ±6 points. ±3 points means 3 to each side, 6 in all."),
        (needed(half_width=0.015), "that is for ±1.5 points. ±3 points means 3 to each side, 6 in all."),
    ]
    if per_unit > 1:
        slips += [
            (fewest / per_unit, "clips that are always correct or incorrect together count as one"),
            (fewest / per_unit**2, "you need more clips, not fewer"),
        ]
    return judge.number(count, most, "clips", slips=slips)


@exercise("05.2")
def p_of_nine(answer) -> list[Verdict]:
    """Check McNemar's exact p-values when two classifiers differ on nine clips: 8 to 1, and 9 to 0."""
    wins = {"8 to 1": 8, "9 to 0": 9}
    truths = {name: float(binomtest(won, 9).pvalue) for name, won in wins.items()}
    only_this = {"8 to 1": 9 / 2**9}  # exactly one tail
    more_extreme = "add the probability of the more extreme result, 9 to 0"
    slips = [
        ({name: p / 2 for name, p in truths.items()}, "this is one-sided, but the other one could have won, too"),
        (only_this, more_extreme),
        ({name: 2 * p for name, p in only_this.items()}, more_extreme),
        (
            {name: float(chi2.sf((abs(2 * won - 9) - 1) ** 2 / 9, 1)) for name, won in wins.items()},
            "that is the chi-squared approximation. Count the ways in which nine coins can fall.",
        ),
        ({"8 to 1": 0.04}, "give three decimals"),
    ]
    parts = zip(truths.items(), judge.in_order(answer, truths), strict=True)
    in_percent = [judge.part(name, judge.number, value, truth=100 * p, absolute=0.12) for (name, p), value in parts]
    expect(not all(verdict.is_right for verdict in in_percent), "that is in per cent. Give numbers between 0 and 1.")
    return judge.numbers(answer, truths, absolute=5e-4, slips=slips, permuted="the two are in reverse order")


@exercise("05.3")
def folds_by_hand(answer, index: pd.DataFrame) -> Verdict:
    """Check folds 1 to 5 for the rows of ``index``, with each group in one fold and the classes evenly spread."""
    expected = f"expected {len(index)} fold numbers from 1 to 5, one for each slice"
    expect(not isinstance(answer, Mapping), f"{expected}. You can look them up with street.index['group'].map(...).")
    if isinstance(answer, pd.Series) and sorted(answer.index) == sorted(index.index):
        answer = answer[index.index]  # perhaps its rows are in another order
    folds = np.asarray(answer)
    expect(folds.shape == (len(index),), f"{expected}, but your answer has the shape {folds.shape}")
    numbers = set(folds.tolist())
    are_strings = any(isinstance(number, str) for number in numbers)
    expect(not are_strings, "your fold numbers are strings. Convert them with astype(int).")
    expect(numbers != {0, 1, 2, 3, 4}, "number the folds from 1 to 5")
    expect(numbers == {1, 2, 3, 4, 5}, f"{expected}, with all five in use")
    split_groups = int((pd.Series(folds).groupby(index["group"].to_numpy()).nunique() > 1).sum())
    sizes = pd.crosstab(index["label"].to_numpy(), folds)
    smallest, largest = int(sizes.min(axis=None)), int(sizes.max(axis=None))
    in_several = f"{counted(split_groups, 'recording')} in several folds"
    sizes_text = f"{smallest} to {largest}" if smallest < largest else f"{smallest}"
    text = f"{in_several}, and {sizes_text} slices of a class in a fold"
    expect(split_groups == 0 and smallest == largest, text)
    return accept(f"no recording is in two folds, and each fold has {smallest} slices of each class")


@exercise("05.4")
def difference_by_artists(answer, first: Result, second: Result) -> list[Verdict]:
    """Check the 95 % bootstrap interval over groups (low, high, number of groups) of a difference of two accuracies."""
    one, other = (pd.Series(result.correct, result.paths) for result in (first, second))
    one, other = one.to_numpy(float), other[one.index].to_numpy(float)
    truth = bootstrap(one - other, first.groups)
    truths = {"lower end": truth[0], "upper end": truth[1]}
    low, high, drawn = (judge.finite_number(value) for value in judge.in_order(answer, [*truths, "number of units"]))
    ends = np.array([low, high])

    def error(interval):
        return np.abs(ends - interval).max()

    in_points = np.abs(ends).max() > 1 or (error(truth) > 0.01 and np.abs(ends / 100 - truth).max() <= 0.01)
    expect(not in_points, "these are points. Give shares, such as 0.05 for 5 points.")
    expect(ends[0] <= ends[1], "give the lower end first")
    exact = difference_interval(one.astype(bool), other.astype(bool), first.groups)
    is_library = error(exact) < 6e-4 and np.abs(np.subtract(exact, truth)).max() > 2e-3
    expect(not is_library, "that is difference_interval, which is wider on purpose. Draw the artists yourself.")
    units = len(set(first.groups))
    tracks = len({path.split("#")[0] for path in first.paths})  # without the positions of segments
    counted = {tracks: "tracks", len(first.paths): "single clips or segments"}
    other_units = f"that is the number of {counted.get(drawn)}. Draw artists, and give their number."
    unknown = "the number of units isn't correct. From how many artists did you draw?"
    expect(drawn == units, other_units if drawn in counted else unknown)
    narrow = "that is too narrow. Draw artists, not clips or segments, and take the percentiles 2.5 and 97.5."
    wide = "that is too wide. Take the percentiles 2.5 and 97.5 of at least 1,000 draws."
    alone, other_alone = bootstrap(one, first.groups), bootstrap(other, first.groups)
    crosswise = (alone[0] - other_alone[1], alone[1] - other_alone[0])
    slips = [
        (bootstrap(one - other, first.paths), narrow),
        ((-truth[1], -truth[0]), "that is the second classifier minus the first. Turn the difference around."),
        (bootstrap(one, first.groups, other), "that is too wide. Draw the same artists for both classifiers."),
        (
            crosswise,
            "that is too wide. Don't subtract the ends of two intervals: draw the artists and subtract the means.",
        ),
        (alone, "that is the interval of one accuracy. Compute the difference of the two."),
        (other_alone, "that is the interval of one accuracy. Compute the difference of the two."),
        (bootstrap(one - other, first.groups, level=90), narrow),
        (bootstrap(one - other, first.groups, level=99), wide),
    ]
    nearest, hint = min(slips, key=lambda slip: error(slip[0]))
    expect(not (error(nearest) < 0.02 and error(nearest) < error(truth) / 2), hint)
    expect(ends[1] >= truth[0], "the upper end is too low. Percentiles run from 0 to 100: take 2.5 and 97.5.")
    crosses = truth[0] < 0 < truth[1]
    expect(not crosses or ends[0] < 0.002, "your interval leaves out 0. Take more draws, at least 1,000.")
    verdicts = judge.numbers(ends, truths, within=0, absolute=0.01)
    verdicts = [  # with the reader's own ends, because those of our draws are no more exact
        replace(verdict, text=f"{name}: correct, {end:.3f}") if verdict.is_right else verdict
        for name, end, verdict in zip(truths, ends, verdicts, strict=True)
    ]
    return [*verdicts, accept(f"drawn from {units} artists")]


def bootstrap(
    values: np.ndarray, groups: np.ndarray, other: np.ndarray | None = None, level: float = 95, draws: int = 4000
) -> tuple[float, float]:
    """Compute the interval of the mean that contains ``level`` % of the draws of whole groups with replacement.

    If ``other`` is given, subtract its mean over groups that are drawn independently.
    """
    rng = np.random.default_rng(0)
    _, group_of_value, sizes = np.unique(groups, return_inverse=True, return_counts=True)

    def draw_means(values):
        sums = np.bincount(group_of_value, weights=values)
        drawn = rng.integers(len(sizes), size=(draws, len(sizes)))
        return sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)

    means = draw_means(values) - (0 if other is None else draw_means(other))
    low, high = np.percentile(means, [50 - level / 2, 50 + level / 2])
    return float(low), float(high)


@exercise("05.5")
def smaller_leak(answer, store: Store, to_beat) -> Verdict:
    """Check a scikit-learn classifier that gains less from an artist leak than ``to_beat``, and is no less accurate."""
    is_classifier = not isinstance(answer, type) and hasattr(answer, "fit") and hasattr(answer, "predict")
    text = "expected a scikit-learn classifier, such as KNeighborsClassifier(7)"
    expect(is_classifier and not is_regressor(answer), text)
    (accuracy, leak), (accuracy_to_beat, leak_to_beat) = (_average_leak(each, store) for each in (answer, to_beat))
    text = "{:.1f} % for new artists, and the leak adds {:.1f} points"
    text = f"{text.format(accuracy, leak)} (to beat: {text.format(accuracy_to_beat, leak_to_beat)})"
    steps = [type(step).__name__ for _, step in getattr(answer, "steps", [("", answer)])]
    needs_scaler = any(word in steps[-1] for word in ("Neighbors", "SVC", "Logistic", "MLP"))
    has_scaler = any(word in name for name in steps for word in ("Scaler", "Normalizer", "Transformer"))
    hint = ". Your classifier has no scaler." if needs_scaler and not has_scaler else ""
    praise = ", but new artists are classified better, which is what counts in practice"
    praise = praise if accuracy > accuracy_to_beat else ""
    expect(leak < leak_to_beat, f"the leak is not smaller{praise}: {text}{hint}")
    expect(accuracy >= accuracy_to_beat, f"the leak is smaller, but new artists are classified worse: {text}{hint}")
    return accept(text)


def _average_leak(classifier, store: Store) -> tuple[float, float]:
    """Compute the accuracy for new artists in per cent and the points that the leak adds, as means of four seeds."""
    leaks = [compare_leak(classifier, store, unit="clip", seed=seed, show_progress=False) for seed in range(4)]
    means = np.mean([(leak.honest.accuracy, leak.inflation) for leak in leaks], axis=0)
    accuracy, inflation = np.round(100 * means, 6)  # equal means must not differ by rounding
    return float(accuracy), float(inflation)


@exercise("10.1")
def hour_of_music(answer) -> list[Verdict]:
    """Check the sizes in megabytes of an hour at 16 kHz: float64, int16, and int16 with one-byte mu-law codes."""
    samples = 3600 * 16000
    sizes, mega = {"float64": 8 * samples, "int16": 2 * samples, "SegmentPairs": 3 * samples}, samples / 1e6
    slips = [
        ({"SegmentPairs": mega}, "that is the codes alone. It keeps the int16 samples, too."),
        ({"SegmentPairs": 2 * mega}, "that is the samples alone. It keeps their codes, too."),
        ({"SegmentPairs": 4 * mega}, "a mu-law code takes one byte, not two"),
        ({"float64": 4 * mega}, "that is float32. float64 has 64 bits."),
        ({name: size // 10**6 for name, size in sizes.items()}, "round to the nearest megabyte"),
    ]
    others = "the numbers are in another order"
    return judge.megabytes(answer, sizes, within=0, absolute=0.25, slips=slips, permuted=others)


@exercise("10.2")
def decode_to_the_middle(answer, samples: np.ndarray) -> Verdict:
    """Check a function that decodes mu-law codes to the middle of their steps; ``samples`` is a piece, int16."""
    judge.expect_type(callable(answer), "a function", answer)

    def decode(codes: np.ndarray) -> np.ndarray:
        return np.asarray(judge.call(answer, codes.copy()), dtype=np.float64)

    def expand(y, base=256):
        return np.sign(y) * (base ** np.abs(y) - 1) / 255

    codes = np.arange(256)
    decoded = decode(codes)
    expect(decoded.shape == (256,), f"expected one value per code, shape (256,), but found shape {decoded.shape}")
    borders = expand(2 * codes / 255 - 1)  # lower borders of the steps
    middles = (borders[:-1] + borders[1:]) / 2
    centres = 2 * (codes[:-1] + 0.5) / 255 - 1  # middles of the steps of F(x)
    slips = [
        (inv_mu_law(codes[:-1]), "that is inv_mu_law of UMTN, which lands below the step"),
        (borders[:-1], "that is the lower border of each step"),
        (borders[1:], "that is the upper border of each step"),
        (expand(2 * (codes[:-1] + 0.5) / 256 - 1), "the formula of the borders divides by 255, not by 256"),
        (expand(centres, 255), "F(x) divides by ln 256, so solving for x gives a power of 256, not of 255"),
        (expand((codes[:-1] + 0.5) / 255), "that only covers 0 to 1. F(x) runs from -1 to 1."),
        (centres, "that is F(x). Solve for x, as decode_by_hand does."),
        (2 * (codes[:-1] + 0.5) / 256 - 1, "that is F(x). Solve for x, as decode_by_hand does."),
        (255 * borders[:-1], "you forgot to divide by 255"),
        (255 * middles, "you forgot to divide by 255"),
        (np.abs(middles), "your samples are never negative. Multiply by the sign of F(x)."),
    ]
    # 0.1 %: the middle of the borders and the middle in F(x) differ by less
    verdict = judge.array(decoded[:-1], middles, 5e-6, "middles", slips=slips, within=0.001)
    if not verdict.is_right:
        return verdict
    expect(abs(decoded[-1] - 1) < 0.05, f"only x = 1 has code 255, but your function decodes it to {decoded[-1]:.3f}")
    some = np.array([5, 200, 7, 7])
    is_table = np.array_equal(np.shape(decode(some)), (4,)) and np.allclose(decode(some), decoded[some], atol=1e-4)
    expect(is_table, "with the codes in another order, such as [5, 200, 7, 7], a code gets another value")
    waveform = np.asarray(samples) / 32768
    before, after = (_snr(waveform, table[encode(np.asarray(samples))]) for table in (inv_mu_law(codes), decoded))
    return accept(f"the signal-to-noise ratio rises from {before:.1f} to {after:.1f} dB")


def _snr(waveform: np.ndarray, decoded: np.ndarray) -> float:
    return 10 * math.log10(np.sum(waveform**2) / np.sum((waveform - decoded) ** 2))


@exercise("10.3")
def encoder_sees(answer) -> Verdict:
    """Check the receptive field, in samples, of an encoder with 2 blocks of 8 layers."""
    truth = Encoder(channels=2, blocks=2, layers=8).receptive
    slips = [
        (truth - 2, "you left out the first convolution, before the blocks"),
        (truth - 1, "count the sample in the middle exactly once. Did you count the first convolution, too?"),
        (truth - 3, "count the sample in the middle and the first convolution, too"),
        ((truth - 3) // 2 + 3, "that is one block. The encoder has two."),
        ((truth - 3) // 2 + 1, "that is one block without the first convolution"),
        ((truth - 3) // 2 * 3 + 3, "that is three blocks. This encoder has two."),
        ((truth - 3) // 2 + 2, "a layer looks to both sides: it adds 2 d samples, not d"),
        (1 + 2 * 17, "that is for ordinary convolutions. Here the dilation doubles from layer to layer."),
        (1 + 2 + 2 * (2**16 - 1), "in the second block, the dilation starts at 1 again"),
        (truth + 799, "that is after the average over 800 samples"),
    ]
    return judge.number(answer, truth, "samples", note=f"{truth / 16:.0f} ms at 16 kHz", slips=slips)


@exercise("10.4")
def confused_and_compared(answer) -> Verdict:
    """Check two runs of about the same R², without and with strong confusion, and their difference in points."""
    is_triple = isinstance(answer, list | tuple) and len(answer) == 3
    is_triple = is_triple and all(isinstance(run, ConfusionRun) for run in answer[:2])
    text = (
        "expected (plain, confused, points): two results of umtn.train_confusion, such as runs['λ = 0'], and a number"
    )
    expect(is_triple, text)
    plain, confused = answer[:2]
    is_reversed = plain.config.weight > 0 and confused.config.weight == 0
    expect(not is_reversed, "your runs are in another order: the plain run comes first")
    expect(plain.config.weight == 0, "the first run must have weight 0")
    expect(confused.config.weight > 0, "the second run must have a weight above 0. That is the confusion.")
    expect(confused.config.weight >= 0.5, "the second run has a lower weight than section 11 (0.5)")
    is_stronger = confused.config.weight > 0.5 or confused.config.classifier_steps > 1
    expect(is_stronger, "the confusion is no stronger than in section 11. Raise `weight` or `classifier_steps`.")
    may_differ = dict(weight=0, steps=1, classifier_steps=1, every=1)
    first, second = (asdict(replace(run.config, **may_differ)) for run in (plain, confused))
    different = [name for name, value in first.items() if value != second[name]]
    expect(not different, f"the runs differ in {', '.join(different)}, too. Then we can't tell what the confusion did.")
    sizes = dict(channels=32, blocks=1, layers=4, latent=16, stride=80)  # of section 11
    for name, value in asdict(ConfusionConfig(seed=plain.config.seed, batch_size=16, **sizes)).items():
        hint = " Did you leave out **sizes?" if name in sizes else ""
        is_same = name in may_differ or first[name] == value
        expect(is_same, f"{name} is {first[name]}, in section 11 it was {value}.{hint}")
    before, after = (run.history["rebuilt"].iloc[-1] for run in (plain, confused))
    text = f"R² is {before:.2f} without confusion and {after:.2f} with it"
    expect(min(before, after) >= 0.3, f"too much of the music is lost: {text} (aim: 0.3 or higher)")
    remedy = "Stop the plain run earlier" if before > after else "Let the plain run train longer"
    expect(abs(before - after) <= 0.05, f"that is not a fair comparison: {text}. {remedy}.")
    points = 100 * (plain.probe - confused.probe)
    last = [run.history["accuracy"].iloc[-1] for run in (plain, confused)]
    slips = [
        (
            100 * (last[0] - last[1]),
            "that is the difference of the opponents. Take the fresh classifiers, `run.probe`.",
        ),
        (-points, "that is confused minus plain. Turn the difference round."),
        (points / 100, "that is a share. Multiply by 100 for points."),
    ]
    value = judge.finite_number(answer[2])
    if abs(value - points) > 0.51:
        hints = [hint for slip, hint in slips if abs(value - slip) < max(0.005, 0.02 * abs(slip))]
        raise judge.AnswerRejected(hints[0] if hints else "the difference is not plain.probe minus confused.probe")
    found = f"{text}, and the fresh classifiers find {plain.probe:.1%} and {confused.probe:.1%}"
    return accept(f"{found}: {points:+.1f} points. Is it still there with another seed?")
