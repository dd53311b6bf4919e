"""Exercises on data sets and splits: how many clips, which p, folds, the interval of a difference, a smaller leak."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, numbers, right, wrong


@exercise("05.1")
def clips_needed(answer) -> list[Verdict]:
    """Clips for a 95 % interval of 3 points either way at 85 %: independent ones, and ten alike an artist."""
    fewest = int(np.ceil(0.85 * 0.15 * (1.96 / 0.03) ** 2))  # solved 1.96 * sqrt(p * (1 - p) / n) <= 0.03 for n
    return numbers(answer, {"independent": fewest, "ten an artist": 10 * fewest}, within=0.01)


@exercise("05.2")
def p_of_nine(answer) -> list[Verdict]:
    """McNemar's exact p where two classifiers differ on nine clips: 8 to 1, and 9 to 0."""
    from scipy.stats import binomtest

    truths = {f"{wins} of nine": float(binomtest(wins, 9).pvalue) for wins in (8, 9)}
    verdicts = numbers(answer, truths, absolute=5e-4)
    one_sided = numbers(answer, {name: p / 2 for name, p in truths.items()}, absolute=2e-4)
    return [
        wrong(f"{name}: one-sided; the old one might as well have been ahead") if other.right else verdict
        for name, verdict, other in zip(truths, verdicts, one_sided, strict=False)
    ]


@exercise("05.3")
def folds_by_hand(answer, index: pd.DataFrame) -> Verdict:
    """Folds 1 to 5 for the rows of ``index``: no group in two, and each class spread evenly over all of them."""
    folds = np.asarray(answer)
    if folds.shape != (len(index),) or set(folds.tolist()) != {1, 2, 3, 4, 5}:
        return wrong(f"expected {len(index)} numbers from 1 to 5, and each of these five")
    divided = int((pd.Series(folds).groupby(index["group"].to_numpy()).nunique() > 1).sum())
    sizes = pd.crosstab(index["label"].to_numpy(), folds)
    least, most = int(sizes.min(axis=None)), int(sizes.max(axis=None))
    said = f"{divided} recordings in two folds, {least} to {most} slices of a class in a fold"
    return right(said) if divided == 0 and least == most else wrong(said)


@exercise("05.4")
def difference_by_artists(answer, first, second) -> list[Verdict]:
    """The 95 % interval of the difference of two accuracies, by bootstrap over groups.

    Parameters
    ----------
    answer
        (low, high), as shares.
    first, second : musiclab.metrics.Result
        Of the same clips, in any order.
    """
    from musiclab.metrics import difference_interval

    one, other = (pd.Series(result.predictions == result.labels, result.paths) for result in (first, second))
    other = other[one.index]
    low, high = difference_interval(one, other, first.groups)
    verdicts = numbers(answer, {"low": low, "high": high}, within=0, absolute=0.01)
    in_points = numbers(answer, {"low": 100 * low, "high": 100 * high}, within=0, absolute=1)
    if len(verdicts) != 2:
        return verdicts
    if all(verdict.right for verdict in in_points):
        return [wrong("those are points; give shares")]
    ends = [answer[name] for name in ("low", "high")] if isinstance(answer, Mapping) else list(answer)
    if not all(isinstance(end, Real) for end in ends):
        return verdicts
    width = ends[1] - ends[0]
    if width < 0:
        return [wrong("expected the lower end first")]
    by_clip = np.diff(difference_interval(one, other, np.arange(len(one))))[0]
    if all(verdict.right for verdict in verdicts) and abs(width - by_clip) < abs(width - (high - low)):
        return [wrong("about as narrow as if clips were independent: draw whole artists")]
    return verdicts


@exercise("05.5")
def smaller_leak(answer, store, to_beat) -> Verdict:
    """A scikit-learn classifier to which the leak by artist is worth less, and which is no worse on whole artists.

    Parameters
    ----------
    answer
        A classifier or a pipeline.
    store : musiclab.store.Store
    to_beat : musiclab.runs.leakage.Leak
        Of the lesson's classifier.
    """
    from musiclab.runs.leakage import compare_leak

    if isinstance(answer, type) or not (hasattr(answer, "fit") and hasattr(answer, "predict")):
        return wrong("expected a scikit-learn classifier, such as SVC(C=1)")
    mine = compare_leak(answer, store, unit="clip", show_progress=False)
    said = f"{_both(mine)}; {to_beat.model}: {_both(to_beat)}"
    if mine.inflation >= to_beat.inflation:
        return wrong(f"leaks no less: {said}")
    if mine.honest.accuracy < to_beat.honest.accuracy:
        return wrong(f"leaks less, but is worse with new artists: {said}")
    return right(said)


def _both(leak) -> str:
    honest = leak.honest
    return f"{honest.accuracy:.1%} of {honest.n} clips of whole groups, {100 * leak.inflation:+.1f} points by the leak"
