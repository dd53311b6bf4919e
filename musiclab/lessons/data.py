"""Exercises of lessons 04, 05 and 10: HDF5, data sets and splits, musical domains."""

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

from musiclab.features import MelConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result
from musiclab.runs import Leak, compare_leak
from musiclab.store import Store, verify
from musiclab.umtn import ConfusionRun, Encoder


@exercise("04.1")
def size_of_gtzan(answer) -> list[Verdict]:
    """Check the megabytes of 1,000 tracks of 30 s: as int16, as float64, and as log-mels in float16."""
    samples = 1000 * 30 * 22050
    frames = 1000 * MelConfig().frames(30 * 22050)
    return judge.megabytes(answer, {"int16": 2 * samples, "float64": 8 * samples, "log-mel": frames * 128 * 2})


@exercise("04.2")
def cost_of_chunks(answer) -> Verdict:
    """Check the samples to unpack, on average, for 66,150 of them anywhere in chunks of 10,000."""
    begins = np.arange(10_000)  # every position in a chunk where a segment can begin
    chunks = (begins + 66_150 - 1) // 10_000 + 1
    return judge.number(answer, round(float(10_000 * chunks.mean())), "samples")


@exercise("04.3")
def damage_found(answer, path: str | Path) -> Verdict:
    """Check the (feature, clip) pairs of a store whose checksums do not match."""
    matches = [re.match(r"(\w+): clip (\d+)", fault) for fault in verify(path)]
    damaged = {(match[1], int(match[2])) for match in matches if match}
    are_pairs = not isinstance(answer, str | Mapping) and all(np.shape(pair) == (2,) for pair in answer)
    expect(are_pairs, "expected a list of pairs, each a feature and the number of a clip")
    named = {(str(feature), int(clip)) for feature, clip in answer}
    with Store(path) as store:
        features = list(store.features)
    for feature, _ in sorted(named):
        expect(feature in features, f"no feature {feature!r}; there are {', '.join(features)}")
    missed, sound = len(damaged - named), len(named - damaged)
    expect(not missed and not sound, f"{missed} damaged not found, {sound} named that are whole")
    return accept(f"all {len(damaged)} and no other")


@exercise("04.4")
def packed_smaller(answer, sample: np.ndarray) -> Verdict:
    """Check a pair (write, read) that keeps int16 samples unchanged in an HDF5 file in less than 78 % of their size."""
    is_pair = isinstance(answer, tuple | list) and len(answer) == 2 and all(map(callable, answer))
    expect(is_pair, "expected a pair of functions, (write, read)")
    jumping = sample.copy()
    jumping[:1000] = np.random.default_rng(0).choice(np.array([-32768, 32767], np.int16), len(jumping[:1000]))
    is_same, _, _ = _write_and_read(*answer, jumping)
    expect(is_same, "samples that jump between -32,768 and 32,767 do not come back the same")
    is_same, size, seconds = _write_and_read(*answer, sample)
    expect(is_same, "the samples that come back are not the same")
    share = size / sample.nbytes
    text = f"{100 * share:.1f} % of the size (aim: below 78 %), read in {seconds:.2f} s"
    return judge.better(share, 0.78, text, higher=False)


def _write_and_read(write, read, samples: np.ndarray) -> tuple[bool, int, float]:
    """Return whether samples come back the same from a new file, its size in bytes, and the seconds to read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.h5"
        with h5py.File(path, "w") as file:
            write(file, samples.copy())
        with h5py.File(path, "r") as file:
            begin = perf_counter()
            back = np.asarray(read(file))
            seconds = perf_counter() - begin
        return back.dtype == samples.dtype and np.array_equal(back, samples), path.stat().st_size, seconds


@exercise("05.1")
def clips_needed(answer) -> list[Verdict]:
    """Check the clips for a 95 % interval of 3 points either way at 85 %: independent ones, and ten alike an artist."""
    fewest = int(np.ceil(0.85 * 0.15 * (1.96 / 0.03) ** 2))  # solved 1.96 * sqrt(p * (1 - p) / n) <= 0.03 for n
    return judge.numbers(answer, {"independent": fewest, "ten an artist": 10 * fewest}, within=0.01)


@exercise("05.2")
def p_of_nine(answer) -> list[Verdict]:
    """Check McNemar's exact p where two classifiers differ on nine clips: 8 to 1, and 9 to 0."""
    truths = {f"{wins} of nine": float(binomtest(wins, 9).pvalue) for wins in (8, 9)}
    slip = {name: p / 2 for name, p in truths.items()}, "one-sided; the old one might as well have been ahead"
    return judge.numbers(answer, truths, absolute=5e-4, slips=[slip])


@exercise("05.3")
def folds_by_hand(answer, index: pd.DataFrame) -> Verdict:
    """Check folds 1 to 5 for the rows of ``index``: no group in two, and each class spread evenly over all of them."""
    folds = np.asarray(answer)
    has_five = folds.shape == (len(index),) and set(folds.tolist()) == {1, 2, 3, 4, 5}
    expect(has_five, f"expected {len(index)} numbers from 1 to 5, and each of these five")
    divided = int((pd.Series(folds).groupby(index["group"].to_numpy()).nunique() > 1).sum())
    sizes = pd.crosstab(index["label"].to_numpy(), folds)
    least, most = int(sizes.min(axis=None)), int(sizes.max(axis=None))
    text = f"{divided} recordings in two folds, {least} to {most} slices of a class in a fold"
    expect(divided == 0 and least == most, text)
    return accept(text)


@exercise("05.4")
def difference_by_artists(answer, first: Result, second: Result) -> list[Verdict]:
    """Check the 95 % interval (low, high) of the difference of two accuracies, by bootstrap over groups, as shares."""
    one, other = (pd.Series(result.correct, result.paths) for result in (first, second))
    other = other[one.index]
    ahead = one.to_numpy(float) - other.to_numpy(float)
    low, high = _bootstrap(ahead, first.groups)
    truths = {"low": low, "high": high}
    verdicts = judge.numbers(answer, truths, within=0, absolute=0.01)
    start, end = judge.in_order(answer, truths)
    if not (isinstance(start, Real) and isinstance(end, Real)):
        return verdicts
    in_points = judge.numbers((start / 100, end / 100), truths, within=0, absolute=0.01)
    expect(not all(verdict.is_right for verdict in in_points), "those are points; give shares")
    expect(start <= end, "expected the lower end first")
    if all(verdict.is_right for verdict in verdicts):
        by_clip = np.diff(_bootstrap(ahead, np.arange(len(one))))[0]
        is_by_group = abs(end - start - by_clip) >= abs(end - start - (high - low))
        expect(is_by_group, "about as narrow as if clips were independent: draw whole artists")
    return verdicts


def _bootstrap(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Draw as many groups as there are, with replacement; return the middle 95 % of the means over clips."""
    table = pd.Series(values).groupby(np.asarray(groups)).agg(["sum", "size"])
    draws = np.random.default_rng(0).multinomial(len(table), np.full(len(table), 1 / len(table)), 4000)
    low, high = np.percentile(draws @ table["sum"] / (draws @ table["size"]), [2.5, 97.5])
    return float(low), float(high)


@exercise("05.5")
def smaller_leak(answer, store: Store, to_beat: Leak) -> Verdict:
    """Check a scikit-learn classifier that gains less by the leak of artists, and is no worse on whole artists."""
    is_classifier = not isinstance(answer, type) and hasattr(answer, "fit") and hasattr(answer, "predict")
    expect(is_classifier, "expected a scikit-learn classifier, such as SVC(C=1)")
    leak = compare_leak(answer, store, unit="clip", show_progress=False)
    text = f"{_both(leak)}; {to_beat.model}: {_both(to_beat)}"
    expect(leak.inflation < to_beat.inflation, f"leaks no less: {text}")
    expect(leak.honest.accuracy >= to_beat.honest.accuracy, f"leaks less, but is worse with new artists: {text}")
    return accept(text)


def _both(leak: Leak) -> str:
    honest = leak.honest
    return f"{honest.accuracy:.1%} of {honest.n} clips of whole groups, {100 * leak.inflation:+.1f} points by the leak"


@exercise("10.1")
def hour_of_music(answer) -> list[Verdict]:
    """Check the megabytes of an hour at 16 kHz: float64, int16, and int16 with a code of one byte for each sample."""
    samples = 3600 * 16000
    return judge.megabytes(answer, {"float64": 8 * samples, "int16": 2 * samples, "SegmentPairs": (2 + 1) * samples})


@exercise("10.2")
def encoder_sees(answer) -> Verdict:
    """Check the number of samples that an output of an encoder with 2 blocks of 8 layers depends on."""
    truth = Encoder(channels=2, blocks=2, layers=8).receptive
    return judge.number(answer, truth, "samples", note=f"{truth / 16:.0f} ms at 16 kHz")


@exercise("10.3")
def softer_stretch(answer) -> Verdict:
    """Check an augmentation that makes a random stretch of a quarter to a half of a segment softer by 6 dB."""
    judge.expect_type(callable(answer), "a function", answer)
    with torch.random.fork_rng(devices=[]):  # the lesson's own draws stay as they would be
        torch.manual_seed(0)
        segment = np.full(12000, 8000, np.float32)
        first = answer(segment)
        fits = isinstance(first, np.ndarray) and first.shape == (12000,)
        expect(fits, f"expected an array of shape (12000,) back, found {type(first).__name__} {np.shape(first)}")
        expect((segment == 8000).all(), "the segment that was handed in has been changed; work on a copy")
        expect(first.dtype == np.float32, f"expected float32 back, found {first.dtype}")
        torch.manual_seed(0)
        is_same = np.array_equal(answer(segment.copy()), first)
        expect(is_same, "with torch's seed set it draws something else each time: draw with torch")
        ratios = np.stack([answer(segment.copy()) / 8000 for _ in range(30)])
    factor = 10 ** (-6 / 20)
    softer = np.isclose(ratios, factor, atol=1e-3)
    other_ratios = ratios[~(softer | np.isclose(ratios, 1, atol=1e-3))]
    examples = ", ".join(f"{ratio:.3f}" for ratio in other_ratios[:1])
    expect(not len(other_ratios), f"expected factors of 1 and {factor:.3f} alone, found {examples}")
    share = softer.mean(axis=1)
    is_random = share.min() >= 0.24 and share.max() <= 0.51 and np.ptp(share) > 0
    expect(is_random, f"expected random shares of 25 to 50 %, found {share.min():.0%} to {share.max():.0%}")
    begins = np.diff(softer.astype(int), axis=1, prepend=0) == 1
    expect((begins.sum(axis=1) == 1).all(), "expected one stretch, found several")
    expect(np.ptp(begins.argmax(axis=1)) > 0, "the stretch always begins at the same sample")
    return accept(f"stretches of {share.min():.0%} to {share.max():.0%}")


@exercise("10.4")
def confused_for_good(answer, plain: ConfusionRun) -> Verdict:
    """Check a confusion that costs a fresh classifier 15 points and leaves a third of the spectrum's variance."""
    judge.expect_type(isinstance(answer, ConfusionRun), "what umtn.train_confusion returns", answer)
    lost, rebuilt = plain.probe - answer.probe, answer.history["rebuilt"].iloc[-1]
    text = f"the fresh classifier lost {100 * lost:.0f} points on {answer.n} segments, {rebuilt:.0%} is rebuilt"
    expect(lost >= 0.15, f"still too easy to tell apart: {text}; aim at 15 points")
    expect(rebuilt >= 1 / 3, f"too much of the music is gone: {text}; aim at a third")
    return accept(text)
