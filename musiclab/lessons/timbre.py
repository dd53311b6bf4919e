"""Exercises on MFCC and summary features: the shape of a spectrum, its tilt, its motion, and choosing columns."""

from collections.abc import Mapping, Sequence

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, array, goal, numbers, right, wrong


@exercise("03.1")
def shape_of_two_tones(answer) -> list[Verdict]:
    """Centroid, bandwidth and rolloff of 500 Hz with magnitude 3 and 2,000 Hz with magnitude 1."""
    truths, of_power = (_shape(weights) for weights in ((3, 1), (9, 1)))
    verdicts = numbers(answer, truths, within=0.02)  # measured ones differ by a bin or so
    if not verdicts[0].right and len(verdicts) == 3 and numbers(answer, of_power, within=0.02)[0].right:
        verdicts[0] = wrong("centroid: that is weighted by the power; weigh by the magnitude")
    return verdicts


def _shape(weights: Sequence[float]) -> dict[str, float]:
    """Centroid, bandwidth and rolloff (85 %) of two lines at 500 and 2,000 Hz, in Hz."""
    hertz, share = np.array([500, 2000]), np.array(weights) / np.sum(weights)
    centroid = share @ hertz
    rolloff = hertz[(np.cumsum(share) >= 0.85).argmax()]
    return {
        "centroid": float(centroid),
        "bandwidth": float(np.sqrt(share @ (hertz - centroid) ** 2)),
        "rolloff": float(rolloff),
    }


@exercise("03.2")
def tilted_spectrum(answer) -> list[Verdict]:
    """How MFCC 0, 1 and 2 change when the levels of 128 bands rise by 0 to 10 dB, in a straight line."""
    from scipy.fft import dct

    knob = np.linspace(0, 10, 128)
    # the transform is a sum of products, so its change is the transform of the change; 0.0 for the rounding errors
    truth = np.round(dct(knob, type=2, norm="ortho")[:3], 9) + 0.0
    found = np.asarray(answer)
    if found.shape == (3,) and found.dtype.kind in "iuf":
        bare = dct(knob, type=2)[:3] / 2  # without the factors s_0 and s_k
        if any(np.allclose(found, bare / divisor, rtol=0.01, atol=0.02) for divisor in (1, 128)):
            return [wrong("the factor in front of the sum is another: see the formula of section 4")]
    return numbers(answer, {f"MFCC {number}": value for number, value in enumerate(truth)}, absolute=0.5)


@exercise("03.3")
def deltas(answer, coefficients: np.ndarray) -> Verdict:
    """Slopes over 9 frames of ``coefficients``, shape (20, frames), where there are four neighbours on both sides."""
    from musiclab.features import delta

    truth = delta(coefficients)[:, 4:-4]
    if np.shape(answer) == np.shape(coefficients):
        return wrong("expected only the frames with four neighbours on both sides, found all")
    return array(answer, truth, 0.01, "deltas", "dB a frame")


@exercise("03.4")
def flatness(answer, spectra: Mapping[str, np.ndarray]) -> list[Verdict]:
    """Spectral flatness of each frame, for each of ``spectra``: name to magnitudes, shape (bins, frames)."""
    from librosa.feature import spectral_flatness

    if not isinstance(answer, Mapping) or not set(spectra) <= set(answer):
        return [wrong(f"expected a dictionary with the keys {', '.join(spectra)}")]
    verdicts = []
    for name, magnitude in spectra.items():
        truth, of_magnitude = (spectral_flatness(S=magnitude, power=power)[0] for power in (2.0, 1.0))
        verdict = array(answer[name], truth, 0.01 * truth.min())
        if verdict.right or _alike(answer[name], truth):
            verdict = right(f"{truth.mean():.5f} on average")
        elif _alike(answer[name], of_magnitude):
            verdict = wrong("that is of the magnitude; take the power")
        verdicts.append(Verdict(verdict.right, f"{name}: {verdict.text}"))
    return verdicts


def _alike(found, truth: np.ndarray) -> bool:
    """Whether each element is right to 1 %: flatness spans several powers of ten."""
    return np.shape(found) == truth.shape and np.allclose(found, truth, rtol=0.01, atol=0)


@exercise("03.5")
def three_columns(answer, Z: np.ndarray, names: Sequence[str], label: np.ndarray, group: np.ndarray) -> Verdict:
    """Three columns by which the nearest neighbour of another artist has the same genre, more often than by F.

    Parameters
    ----------
    answer
        Three of ``names``.
    Z : array, shape (clips, columns)
        Standardised.
    names
        Of the columns.
    label, group : array, shape (clips,)
    """
    from sklearn.feature_selection import f_classif

    from musiclab.core.errors import did_you_mean

    names = list(names)
    if isinstance(answer, str) or len(answer) != 3 or len(set(answer)) != 3:
        return wrong("expected three different names of columns")
    for name in answer:
        if name not in names:
            return wrong(f"no column {name!r}{did_you_mean(str(name), names)}")
    by_F = [names[number] for number in np.argsort(-f_classif(Z, label)[0])[:3]]
    mine, to_beat = (
        neighbours_agree(Z[:, [names.index(name) for name in each]], label, group) for each in (answer, by_F)
    )
    text = f"{_accuracy(mine, group)}; by F ({', '.join(by_F)}) {_accuracy(to_beat, group)}"
    return goal(mine.mean(), to_beat.mean(), text)


def neighbours_agree(columns: np.ndarray, label: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Whether the nearest clip of another group has the same label: bool, shape (clips,)."""
    apart = np.linalg.norm(columns[:, None] - columns[None], axis=2)  # (clips, clips)
    apart[group[:, None] == group] = np.inf
    return label[apart.argmin(axis=1)] == label


def _accuracy(correct: np.ndarray, group: np.ndarray) -> str:
    from musiclab.metrics import group_interval

    low, high = group_interval(correct, group)
    return f"{correct.mean():.1%} of {len(correct)} clips (95 % interval {low:.1%} to {high:.1%})"
