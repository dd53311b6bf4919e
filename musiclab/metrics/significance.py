"""McNemar's test, which compares two models that were tested on the same clips."""

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest, chi2

from musiclab.core.errors import RunError
from musiclab.metrics.result import Result

FEW = 25  # with fewer discordant clips, the exact binomial test replaces the chi-squared approximation


@dataclass(frozen=True)
class McNemar:
    """Result of McNemar's test, which compares two models on the same clips.

    Attributes
    ----------
    n : int
        Number of clips.
    only_first : int
        Number of clips that only the first model classified correctly.
    only_second : int
        Number of clips that only the second model classified correctly.
    p : float
        Probability of an equal or larger difference if the models were equally good, in [0, 1].

    Examples
    --------
    >>> print(McNemar(n=20, only_first=8, only_second=0, p=0.0078125))
    20 clips: 8 correct only with the first model, 0 only with the second; McNemar's p = 0.00781
    """

    n: int
    only_first: int
    only_second: int
    p: float

    def __str__(self) -> str:
        return (
            f"{self.n} clips: {self.only_first} correct only with the first model, {self.only_second} only with the "
            f"second; McNemar's p = {self.p:.3g}"
        )


def mcnemar(first: Result, second: Result) -> McNemar:
    """Test whether one of two models is better, using the clips that only one of them classified correctly.

    With fewer than :data:`FEW` (25) such clips, this is the two-sided exact binomial test. Otherwise it is the
    chi-squared test with continuity correction (McNemar 1947; Edwards 1948). Both tests assume independent clips. Clips
    of one group, such as an artist, are not quite independent. So with few large groups, the p-value is too small.

    Parameters
    ----------
    first : Result
        Test result of the first model.
    second : Result
        Test result of the second model, for the same clips in any order.

    Returns
    -------
    McNemar
        Number of clips that only one of the models classified correctly, and the p-value.

    Raises
    ------
    RunError
        The results have different clips or different labels.

    Examples
    --------
    >>> import numpy as np
    >>> labels, names = np.zeros(20, int), np.arange(20).astype(str)
    >>> def make_result(mistakes):
    ...     probabilities = np.where(np.arange(20)[:, None] < mistakes, [0.1, 0.9], [0.9, 0.1])
    ...     return Result(["a", "b"], labels, np.log(probabilities), names, names)
    >>> print(mcnemar(make_result(2), make_result(10)))
    20 clips: 8 correct only with the first model, 0 only with the second; McNemar's p = 0.00781
    """
    first_clips, second_clips = _tabulate(first), _tabulate(second)
    missing = first_clips.index.symmetric_difference(second_clips.index)
    if len(missing):
        raise RunError(
            f"expected two results on the same clips, found {first.n} and {second.n} clips, with {len(missing)} in "
            f"only one of them, such as {missing[0]}. Test both models on the same split."
        )
    clips = first_clips.join(second_clips.add_suffix("_second"))
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


def _tabulate(result: Result) -> pd.DataFrame:
    """Return a table of ``label`` and ``correct``, indexed by the path of the clip."""
    labels = [result.classes[label] for label in result.labels]
    clips = pd.DataFrame({"label": labels, "correct": result.correct}, index=result.paths)
    if not clips.index.is_unique:
        raise RunError(
            f"expected each clip once in a result, found {result.n} clips with {clips.index.nunique()} paths"
        )
    return clips
