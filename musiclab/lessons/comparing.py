"""Lesson 11: which of two models is better, what several are worth together, and what one of them listens to."""

from collections.abc import Mapping

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, array, goal, number, numbers, wrong

COINS = (12, 3)
"""Clips that only the first model, and only the second, named rightly (exercise 1)."""

VALUES = (0.04, 0.004, 0.03, 0.012)
"""Of four tests, before Holm's correction (exercise 2)."""

SHARE = 0.1
"""Of a picture that may be covered (exercise 5)."""


@exercise("11.1")
def coins(answer) -> Verdict:
    """Two-sided exact p of McNemar's test for 12 clips against 3."""
    from scipy.stats import binomtest

    truth = float(binomtest(COINS[0], sum(COINS)).pvalue)
    one_sided = number(answer, truth / 2, within=0.01)
    if one_sided.right:
        return wrong("that is one side only: as uneven the other way round counts, too")
    return number(answer, truth, within=0.01, note="under 0.05, for this one test")


@exercise("11.2")
def corrected(answer) -> Verdict:
    """Holm's corrected values of four tests, in the order in which they were given."""
    order, sorted_values = np.argsort(VALUES), np.sort(VALUES)
    stepped = sorted_values * np.arange(len(VALUES), 0, -1)
    truth, unraised = np.empty(len(VALUES)), np.empty(len(VALUES))
    unraised[order], truth[order] = stepped, np.maximum.accumulate(stepped)
    slips = {
        "that is Bonferroni's method, which multiplies all by the number of tests": len(VALUES) * np.array(VALUES),
        "not yet: one value is smaller than that of a smaller p before it": unraised,
        "these are in ascending order; give them in the order of the tests": np.sort(truth),
    }
    for said, slip in slips.items():
        if array(answer, slip, 1e-6).right and not array(slip, truth, 1e-6).right:
            return wrong(said)
    return array(answer, truth, 5e-4, what="corrected values")


@exercise("11.3")
def missed_most(answer, results: Mapping) -> list[Verdict]:
    """Loss (nats) of the geometric mean of the other models, when each is left out."""
    labels = next(iter(results.values())).labels
    log_p = {name: result.log_probabilities for name, result in results.items()}

    def loss(left_out, normalised=True):
        mean = np.mean([values for name, values in log_p.items() if name != left_out], axis=0)
        if normalised:
            mean = mean - np.log(np.exp(mean).sum(axis=1, keepdims=True))
        return float(-mean[np.arange(len(labels)), labels].mean())

    if isinstance(answer, Mapping) and set(answer) == set(log_p):
        found = [answer[name] for name in log_p]
        if array(found, np.array([loss(name, normalised=False) for name in log_p]), 1e-3).right:
            return [wrong("these probabilities do not add up to 1: normalise the means before the loss")]
    return numbers(answer, {name: loss(name) for name in log_p}, within=0.002)


@exercise("11.4")
def without_bass(answer, run, entries: list[dict]) -> Verdict:
    """Change of the mean probability of the true class (points) when the bass is muted in the test's tracks."""
    from musiclab import studio
    from musiclab.runs.attribution import hear

    if not entries:
        return wrong("cannot be checked: these data were not played by the Studio")
    muted = [studio.render(**entry, mute="bass") for entry in entries]
    heard = hear(run.model, [track.waveform for track in muted], muted[0].sample_rate, run.card.config)
    rows = np.arange(len(entries)), run.result.labels
    truth = 100 * float((np.exp(heard) - np.exp(run.result.log_probabilities))[rows].mean())
    return number(answer, truth, "points", within=0.01, absolute=0.1)


@exercise("11.5")
def tenth_that_counts(answer, model, pictures, said, to_beat) -> Verdict:
    """Cover at most a tenth of each picture so that the named class loses more than by the lesson's masks."""
    import torch

    shape = tuple(pictures.shape)
    try:
        mask = torch.as_tensor(answer).float()
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"expected masks of shape {shape}, found {type(answer).__name__}")
    if tuple(mask.shape) != shape:
        return wrong(f"expected masks of shape {shape}, found {tuple(mask.shape)}")
    if not ((mask == 0) | (mask == 1)).all():
        return wrong("expected zeros and ones: 1 where the picture is covered")
    largest = float(mask.mean(dim=(1, 2)).max())
    if largest > SHARE + 1e-6:
        return wrong(f"expected at most {SHARE:.0%} of each picture, found one with {largest:.1%} of it covered")

    device = next((each.device for each in model.parameters()), pictures.device)

    def probability(masks):
        with torch.inference_mode():
            logits = model.eval()((pictures * (1 - masks)).to(device))
        return float(logits.softmax(dim=1)[range(len(said)), said].mean())

    reached, beat = probability(mask), probability(torch.as_tensor(to_beat).float())
    text = f"p of the named class falls to {reached:.3f}; to {beat:.3f} by the lesson's masks, n = {len(said)} tracks"
    return goal(reached, beat, text, higher=False)
