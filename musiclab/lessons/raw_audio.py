"""Exercises on networks that hear samples: reach, careless sample rates, weighted classes, whole clips."""

from collections.abc import Mapping

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, numbers, wrong
from musiclab.lessons.trainings import lower_loss


@exercise("09.1")
def m5_at_twice_the_rate(answer) -> list[Verdict]:
    """Kernel and stride of M5's first layer at 16 kHz, in the same ms; samples that a number of the last map hears."""
    from musiclab.models.waveform import KERNEL, M5, POOL, STRIDE

    factor = 16_000 // M5.feature_config.sample_rate
    after_the_first = [(POOL, POOL), (3, 1)] * len(M5.repeats) + [(POOL, POOL)]
    now = _reach([(factor * KERNEL, factor * STRIDE), *after_the_first])
    verdicts = numbers(answer, {"kernel": factor * KERNEL, "stride": factor * STRIDE, "samples": now})
    mine = answer.get("samples") if isinstance(answer, Mapping) else answer[-1] if len(verdicts) == 3 else None
    if mine is not None and number(mine, _reach([(KERNEL, STRIDE), *after_the_first])).right:
        verdicts[-1] = wrong("samples: so many does it hear at 8 kHz")
    return verdicts


@exercise("09.2")
def heard_at(answer) -> list[Verdict]:
    """Where 1,000 Hz lie for a network for 8 kHz, when every fifth sample is kept of files of four rates."""
    tone, rates, assumed = 1000, (22050, 44100, 48000, 96000), 8000
    truths = {f"{rate:,} Hz": tone * assumed / (rate / 5) for rate in rates}
    verdicts = numbers(answer, truths)
    if len(verdicts) < len(rates):
        return verdicts
    given = [answer[name] for name in truths] if isinstance(answer, Mapping) else answer
    slips = {
        "the network is not told the rate: it takes any input for 8,000 samples a second": lambda rate: tone,
        "turn the fraction round: fewer samples a period are a higher tone": lambda rate: tone * rate / 5 / assumed,
        "only every fifth sample is left": lambda rate: tone * assumed / rate,
    }
    for place, rate in enumerate(rates):
        for said, slip in slips.items():
            if not verdicts[place].right and number(given[place], slip(rate)).right:
                verdicts[place] = wrong(f"{rate:,} Hz: {said}")
                break
    return verdicts


@exercise("09.3")
def weighted_loss(answer, result, weights) -> Verdict:
    """Mean of -log p over the clips of a :class:`musiclab.metrics.Result`, each with the weight of its class.

    As PyTorch has it, the sum is divided by the weights of the clips.
    """
    surprise = -result.log_probabilities[np.arange(result.n), result.labels]
    weight = np.asarray(weights, dtype=float)[result.labels]
    truth = float((weight * surprise).sum() / weight.sum())
    verdict = number(answer, truth, "nats", note=f"without weights {surprise.mean():.4g}")
    if verdict.right:
        return verdict
    if number(answer, float((weight * surprise).mean())).right:
        return wrong("divided by the number of clips; divide by the sum of their weights")
    if number(answer, float(surprise.mean())).right:
        return wrong("that is the loss without weights")
    if number(answer, float((weight * surprise).sum())).right:
        return wrong("that is the sum; a mean is wanted")
    return verdict


@exercise("09.4")
def right_in_one_piece(answer, model, store, clips) -> Verdict:
    """Clips of a store that a model names rightly when it hears 4 s of each at once."""
    from musiclab.store.segments import Segments
    from musiclab.training import TrainConfig, evaluate

    def count(length, precision):
        segments = Segments.of_store(store, "audio", clips, length=length, places="covering")
        result = evaluate(model, store, segments, TrainConfig(precision=precision))
        return int((result.predictions == result.labels).sum())

    whole = 4 * store.config["audio"]["sample_rate"]
    # where "auto" is bf16 its rounding can move a clip or two; either precision will do
    truth, other = (count(whole, precision) for precision in ("fp32", "auto"))
    if number(answer, other).right:
        truth = other
    before = count(model.length, "fp32")
    if number(answer, before).right and before != truth:
        return wrong("so many are right when it hears the short segments one by one")
    if number(answer, truth / len(clips)).right:
        return wrong("expected a number of clips, found a share")
    return number(answer, truth, f"of {len(clips)} clips", note=f"in short segments {before}")


@exercise("09.5")
def better_training(answer, history) -> Verdict:
    """A training with a lower validation loss than the lesson's, in as many epochs."""
    return lower_loss(answer, history, longest=len(history.epochs))


def _reach(layers: list[tuple[int, int]]) -> int:
    """Samples that a number after these layers depends on; each is (kernel, stride)."""
    reach, step = 1, 1
    for kernel, stride in layers:
        reach, step = reach + (kernel - 1) * step, step * stride
    return reach
