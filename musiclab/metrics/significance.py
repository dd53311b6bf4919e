"""McNemar's test: which of two models is better on the clips that both were tested with?"""

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest, chi2

from musiclab.core.errors import RunError
from musiclab.metrics.result import Result

FEW = 25  # discordant clips below which the exact binomial test replaces the chi-squared approximation


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same n clips.

    Attributes
    ----------
    only_first, only_second : int
        Number of clips that only the first model, and only the second, classified correctly.
    p : float
        Probability of a difference at least as large by chance, if the two models were equally good.
    """

    n: int
    only_first: int
    only_second: int
    p: float

    def __str__(self) -> str:
        return (
            f"of {self.n} clips {self.only_first} are right with the first model alone, {self.only_second} with the "
            f"second alone; McNemar's p = {self.p:.3g}"
        )


def mcnemar(first: Result, second: Result) -> McNemar:
    """Test whether two models differ, by the clips that only one of them classified correctly.

    With fewer than :data:`FEW` such clips it is the two-sided exact binomial test, otherwise chi-squared with
    continuity correction (McNemar 1947; Edwards 1948). It assumes independent clips; clips of one group are not quite
    independent, so with few large groups p is too small. Results on other clips, or with other labels, raise RunError.

    Examples
    --------
    >>> import numpy as np
    >>> labels, names = np.zeros(20, int), np.arange(20).astype(str)
    >>> def result(mistakes):
    ...     shares = np.where(names.astype(int)[:, None] < mistakes, [0.1, 0.9], [0.9, 0.1])
    ...     return Result(["a", "b"], labels, np.log(shares), names, names)
    >>> print(mcnemar(result(2), result(10)))
    of 20 clips 8 are right with the first model alone, 0 with the second alone; McNemar's p = 0.00781
    """
    one, other = _clips(first), _clips(second)
    missing = one.index.symmetric_difference(other.index)
    if len(missing):
        raise RunError(
            f"expected two results on the same clips, found {first.n} and {second.n} clips, "
            f"{len(missing)} of them in one only, such as {missing[0]}; test both models on the same split"
        )
    clips = one.join(other.add_suffix("_second"))
    for clip in clips[clips["label"] != clips["label_second"]].itertuples():
        raise RunError(
            f"{clip.Index}: expected the same label in both results, found {clip.label} and {clip.label_second}"
        )
    only_first = int((clips["correct"] & ~clips["correct_second"]).sum())
    only_second = int((~clips["correct"] & clips["correct_second"]).sum())
    discordant = only_first + only_second
    if discordant == 0:
        p = 1.0
    elif discordant < FEW:
        p = float(binomtest(only_first, discordant).pvalue)
    else:
        p = float(chi2.sf(max(0, abs(only_first - only_second) - 1) ** 2 / discordant, df=1))
    return McNemar(len(clips), only_first, only_second, p)


def _clips(result: Result) -> pd.DataFrame:
    """Tabulate the label of each clip and whether it was classified correctly, by path."""
    labels = [result.classes[label] for label in result.labels]
    clips = pd.DataFrame({"label": labels, "correct": result.correct}, index=result.paths)
    if not clips.index.is_unique:
        raise RunError(f"expected each clip once in a result, found {result.n} for {clips.index.nunique()} paths")
    return clips
