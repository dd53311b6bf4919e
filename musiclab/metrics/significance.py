"""Which of two models is better: McNemar's test on the clips that both were tested with."""

from dataclasses import dataclass

from scipy.stats import binomtest, chi2

from musiclab.core.errors import RunError
from musiclab.metrics.result import Result

FEW = 25
"""Discordant clips under which the exact binomial test is used in place of the chi-squared approximation."""


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same clips.

    Attributes
    ----------
    n : int
        Clips.
    only_first, only_second : int
        Clips that the first model alone, and the second alone, named rightly.
    p : float
        How often a difference as large as this or larger would come by chance, were the two equally good.
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
    """Test whether two models differ, by the clips that one of them got right and the other wrong.

    The two-sided exact binomial test where fewer than :data:`FEW` clips are such, otherwise chi-squared with
    continuity correction (McNemar 1947; Edwards 1948). The test takes clips for independent; clips of one group are
    not quite that, so with few large groups p comes out too small.

    Parameters
    ----------
    first, second
        Of the same clips, in any order.

    Raises
    ------
    RunError
        The clips are not the same, or have other labels.

    Examples
    --------
    >>> import numpy as np
    >>> labels, names = np.zeros(20, int), np.arange(20).astype(str)
    >>> def answers(wrong):
    ...     shares = np.where(names.astype(int)[:, None] < wrong, [0.1, 0.9], [0.9, 0.1])
    ...     return Result(["a", "b"], labels, np.log(shares), names, names)
    >>> print(mcnemar(answers(2), answers(10)))
    of 20 clips 8 are right with the first model alone, 0 with the second alone; McNemar's p = 0.00781
    """
    one, other = _by_clip(first), _by_clip(second)
    if one.keys() != other.keys():
        missing = sorted(one.keys() ^ other.keys())
        raise RunError(
            f"expected two results on the same clips, found {first.n} and {second.n} clips, "
            f"{len(missing)} of them in one only, such as {missing[0]}; test both models on the same split"
        )
    strange = [path for path in one if one[path][0] != other[path][0]]
    if strange:
        path = strange[0]
        raise RunError(f"{path}: expected the same label in both results, found {one[path][0]} and {other[path][0]}")
    only_first = sum(one[path][1] and not other[path][1] for path in one)
    only_second = sum(other[path][1] and not one[path][1] for path in one)
    discordant = only_first + only_second
    if discordant == 0:
        p = 1.0
    elif discordant < FEW:
        p = float(binomtest(only_first, discordant).pvalue)
    else:
        p = float(chi2.sf(max(0, abs(only_first - only_second) - 1) ** 2 / discordant, df=1))
    return McNemar(len(one), only_first, only_second, p)


def _by_clip(result: Result) -> dict[str, tuple[str, bool]]:
    """Label and whether it was found, by path."""
    correct = result.predictions == result.labels
    clips = {
        path: (result.classes[label], bool(right))
        for path, label, right in zip(result.paths, result.labels, correct, strict=True)
    }
    if len(clips) < result.n:
        raise RunError(f"expected each clip once in a result, found {result.n} for {len(clips)} paths")
    return clips
