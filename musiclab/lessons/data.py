"""Check the exercises of lessons 04, 05 and 10: HDF5, data sets and splits, musical domains."""

import re
import tempfile
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from time import perf_counter

import h5py
import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest

from musiclab.core.errors import counted
from musiclab.features import MelConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result
from musiclab.runs import Leak, compare_leak
from musiclab.store import Store, verify
from musiclab.umtn import ConfusionRun, Encoder


@exercise("04.1")
def size_of_gtzan(answer) -> list[Verdict]:
    """Check the sizes in megabytes of 1,000 tracks of 30 s: as int16, as float64, and as log-mels in float16."""
    samples = 1000 * 30 * 22050
    frames = 1000 * MelConfig().frames(30 * 22050)
    return judge.megabytes(answer, {"int16": 2 * samples, "float64": 8 * samples, "log-mel": frames * 128 * 2})


@exercise("04.2")
def cost_of_chunks(answer) -> Verdict:
    """Check how many samples are decompressed on average to read 66,150 of them from chunks of 10,000."""
    starts = np.arange(10_000)  # all positions in a chunk at which a segment can start
    chunks = (starts + 66_150 - 1) // 10_000 + 1
    return judge.number(answer, round(float(10_000 * chunks.mean())), "samples")


@exercise("04.3")
def damage_found(answer, path: str | Path) -> Verdict:
    """Check the (feature, clip) pairs whose checksums in a store do not match."""
    matches = [re.match(r"(\w+): clip (\d+)", fault) for fault in verify(path)]
    damaged = {(match[1], int(match[2])) for match in matches if match}
    are_pairs = not isinstance(answer, str | Mapping) and all(np.shape(pair) == (2,) for pair in answer)
    expect(are_pairs, "expected a list of pairs, each with a feature and the index of a clip")
    answered = {(str(feature), int(clip)) for feature, clip in answer}
    with Store(path) as store:
        features = list(store.features)
    for feature, _ in sorted(answered):
        expect(feature in features, f"there is no feature {feature!r}; the store has {', '.join(features)}")
    missed, intact = len(damaged - answered), len(answered - damaged)
    text = f"your list misses {counted(missed, 'damaged pair')} and includes {counted(intact, 'intact pair')}"
    expect(not missed and not intact, text)
    return accept(f"all {len(damaged)} and no others")


@exercise("04.4")
def packed_smaller(answer, sample: np.ndarray) -> Verdict:
    """Check a pair (write, read) of functions that compress int16 samples in HDF5, without loss, below 78 %."""
    is_pair = isinstance(answer, tuple | list) and len(answer) == 2 and all(map(callable, answer))
    expect(is_pair, "expected a pair of functions, (write, read)")
    extreme = sample.copy()
    extreme[:1000] = np.random.default_rng(0).choice(np.array([-32768, 32767], np.int16), len(extreme[:1000]))
    is_lossless, _, _ = _write_and_read(*answer, extreme)
    expect(is_lossless, "your functions change samples that jump between -32,768 and 32,767")
    is_lossless, size, seconds = _write_and_read(*answer, sample)
    expect(is_lossless, "your functions change the samples")
    share = size / sample.nbytes
    text = f"{100 * share:.1f} % of the size (aim: below 78 %), read in {seconds:.2f} s"
    return judge.better(share, 0.78, text, higher=False)


def _write_and_read(write, read, samples: np.ndarray) -> tuple[bool, int, float]:
    """Return True if samples survive a round trip through a file, the file size in bytes and the reading time in s."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.h5"
        with h5py.File(path, "w") as file:
            write(file, samples.copy())
        with h5py.File(path, "r") as file:
            start = perf_counter()
            restored = np.asarray(read(file))
            seconds = perf_counter() - start
        return restored.dtype == samples.dtype and np.array_equal(restored, samples), path.stat().st_size, seconds


@exercise("05.1")
def clips_needed(answer) -> list[Verdict]:
    """Check the clips needed for a 95 % interval of 85 +- 3 %: independent, and ten identical ones per artist."""
    fewest = int(np.ceil(0.85 * 0.15 * (1.96 / 0.03) ** 2))  # from 1.96 * sqrt(p * (1 - p) / n) <= 0.03
    return judge.numbers(answer, {"independent": fewest, "ten per artist": 10 * fewest}, within=0.01)


@exercise("05.2")
def p_of_nine(answer) -> list[Verdict]:
    """Check McNemar's exact p-values when two classifiers differ on nine clips: 8 to 1, and 9 to 0."""
    truths = {f"{wins} of nine": float(binomtest(wins, 9).pvalue) for wins in (8, 9)}
    slip = {name: p / 2 for name, p in truths.items()}, "this is one-sided, but the other one could have won, too"
    return judge.numbers(answer, truths, absolute=5e-4, slips=[slip])


@exercise("05.3")
def folds_by_hand(answer, index: pd.DataFrame) -> Verdict:
    """Check folds 1 to 5 for the rows of ``index``, with each group in one fold and the classes evenly spread."""
    folds = np.asarray(answer)
    has_five = folds.shape == (len(index),) and set(folds.tolist()) == {1, 2, 3, 4, 5}
    expect(has_five, f"expected {len(index)} numbers from 1 to 5, with all five in use")
    split_groups = int((pd.Series(folds).groupby(index["group"].to_numpy()).nunique() > 1).sum())
    sizes = pd.crosstab(index["label"].to_numpy(), folds)
    smallest, largest = int(sizes.min(axis=None)), int(sizes.max(axis=None))
    text = f"{counted(split_groups, 'recording')} in several folds, {smallest} to {largest} slices of a class per fold"
    expect(split_groups == 0 and smallest == largest, text)
    return accept(text)


@exercise("05.4")
def difference_by_artists(answer, first: Result, second: Result) -> list[Verdict]:
    """Check the 95 % bootstrap interval (low, high), over groups, of the difference between two accuracies."""
    correct, other = (pd.Series(result.correct, result.paths) for result in (first, second))
    difference = correct.to_numpy(float) - other[correct.index].to_numpy(float)
    low, high = _bootstrap(difference, first.groups)
    truths = {"low": low, "high": high}
    verdicts = judge.numbers(answer, truths, within=0, absolute=0.01)
    start, end = judge.in_order(answer, truths)
    if not (isinstance(start, Real) and isinstance(end, Real)):
        return verdicts
    in_points = judge.numbers((start / 100, end / 100), truths, within=0, absolute=0.01)
    expect(not all(verdict.is_right for verdict in in_points), "these are points. Give fractions instead.")
    expect(start <= end, "give the lower end first")
    if all(verdict.is_right for verdict in verdicts):
        by_clip = np.diff(_bootstrap(difference, np.arange(len(difference))))[0]
        is_by_group = abs(end - start - by_clip) >= abs(end - start - (high - low))
        expect(is_by_group, "your interval is as narrow as if the clips were independent. Resample whole artists.")
    return verdicts


def _bootstrap(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Compute the 95 % interval of the mean by resampling whole groups with replacement."""
    table = pd.Series(values).groupby(np.asarray(groups)).agg(["sum", "size"])
    draws = np.random.default_rng(0).multinomial(len(table), np.full(len(table), 1 / len(table)), 4000)
    low, high = np.percentile(draws @ table["sum"] / (draws @ table["size"]), [2.5, 97.5])
    return float(low), float(high)


@exercise("05.5")
def smaller_leak(answer, store: Store, to_beat: Leak) -> Verdict:
    """Check a scikit-learn classifier that gains less from an artist leak, and is no worse on new artists."""
    is_classifier = not isinstance(answer, type) and hasattr(answer, "fit") and hasattr(answer, "predict")
    expect(is_classifier, "expected a scikit-learn classifier, such as SVC(C=1)")
    leak = compare_leak(answer, store, unit="clip", show_progress=False)
    text = f"{_format_leak(leak)}; {to_beat.model}: {_format_leak(to_beat)}"
    expect(leak.inflation < to_beat.inflation, f"your classifier does not gain less from the leak: {text}")
    expect(leak.honest.accuracy >= to_beat.honest.accuracy, f"it leaks less, but is worse on new artists: {text}")
    return accept(text)


def _format_leak(leak: Leak) -> str:
    honest = leak.honest
    return f"{honest.accuracy:.1%} of {honest.n} clips by new artists, {100 * leak.inflation:+.1f} points from the leak"


@exercise("10.1")
def hour_of_music(answer) -> list[Verdict]:
    """Check the sizes in megabytes of an hour at 16 kHz: float64, int16, and int16 with one-byte mu-law codes."""
    samples = 3600 * 16000
    return judge.megabytes(answer, {"float64": 8 * samples, "int16": 2 * samples, "SegmentPairs": (2 + 1) * samples})


@exercise("10.2")
def encoder_sees(answer) -> Verdict:
    """Check the receptive field, in samples, of an encoder with 2 blocks of 8 layers."""
    truth = Encoder(channels=2, blocks=2, layers=8).receptive
    return judge.number(answer, truth, "samples", note=f"{truth / 16:.0f} ms at 16 kHz")


@exercise("10.3")
def softer_stretch(answer) -> Verdict:
    """Check an augmentation that attenuates a random stretch, a quarter to a half of a segment, by 6 dB."""
    judge.expect_type(callable(answer), "a function", answer)
    with torch.random.fork_rng(devices=[]):  # keep the lesson's random state
        torch.manual_seed(0)
        segment = np.full(12000, 8000, np.float32)
        augmented = answer(segment)
        is_valid = isinstance(augmented, np.ndarray) and augmented.shape == (12000,)
        expect(is_valid, f"expected an array of shape (12000,), found {type(augmented).__name__} {np.shape(augmented)}")
        expect((segment == 8000).all(), "your function changes its input. Make a copy first.")
        expect(augmented.dtype == np.float32, f"expected float32, but your function returned {augmented.dtype}")
        torch.manual_seed(0)
        is_same = np.array_equal(answer(segment.copy()), augmented)
        expect(is_same, "your function ignores the seed of torch. Draw random numbers with torch.")
        ratios = np.stack([answer(segment.copy()) / 8000 for _ in range(30)])
    factor = 10 ** (-6 / 20)
    is_softer = np.isclose(ratios, factor, atol=1e-3)
    other_ratios = ratios[~(is_softer | np.isclose(ratios, 1, atol=1e-3))]
    examples = ", ".join(f"{ratio:.3f}" for ratio in other_ratios[:1])
    expect(not len(other_ratios), f"expected only factors of 1 and {factor:.3f}, found {examples}")
    share = is_softer.mean(axis=1)
    is_random = share.min() >= 0.24 and share.max() <= 0.51 and np.ptp(share) > 0
    expect(is_random, f"expected random lengths of 25 to 50 %, found {share.min():.0%} to {share.max():.0%}")
    is_start = np.diff(is_softer.astype(int), axis=1, prepend=0) == 1
    expect((is_start.sum(axis=1) == 1).all(), "expected one stretch per segment, found several")
    expect(np.ptp(is_start.argmax(axis=1)) > 0, "the stretch always starts at the same sample")
    return accept(f"stretches of {share.min():.0%} to {share.max():.0%} of the segment")


@exercise("10.4")
def confused_for_good(answer, plain: ConfusionRun) -> Verdict:
    """Check a confusion run: a fresh classifier loses 15 points, and a third of the variance is reconstructed."""
    judge.expect_type(isinstance(answer, ConfusionRun), "the result of umtn.train_confusion", answer)
    lost, rebuilt = plain.probe - answer.probe, answer.history["rebuilt"].iloc[-1]
    text = f"the fresh classifier loses {100 * lost:.0f} points on {answer.n} segments, {rebuilt:.0%} is reconstructed"
    expect(lost >= 0.15, f"the domains are still too easy to tell apart: {text} (aim: 15 points)")
    expect(rebuilt >= 1 / 3, f"too much of the music is lost: {text} (aim: a third)")
    return accept(text)
