"""Check the exercises of lessons 00, 11 and 12: trained classifiers, and your own music."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest

from musiclab import studio
from musiclab.features import AudioConfig, MelConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result
from musiclab.runs import Run, hear, merged
from musiclab.runs.prediction import column
from musiclab.store.extraction import DTYPES


@exercise("00.1")
def tempo(answer) -> Verdict:
    """Check the tempo of a track in beats per minute."""
    truth = studio.render("reggae", seed=12, seconds=1).record["tempo"]
    return judge.number(answer, truth, "beats per minute", within=0.005)


@exercise("00.2")
def blind_guessing(answer, result: Result) -> Verdict:
    """Check the expected number of clips that random guessing classifies correctly."""
    share, correct = 1 / len(result.classes), int(result.correct.sum())
    slips = [
        (share, "this is the share. How many of the test clips is that?"),
        (100 * share, "this is the share in percent. How many of the test clips is that?"),
    ]
    note = f"the model classified {correct} of {result.n} correctly"
    return judge.number(answer, result.n * share, "clips", note=note, slips=slips)


@exercise("00.3")
def deception(answer, run: Run) -> Verdict:
    """Check a track that the model misclassifies after a change, but not before."""
    judge.expect_type(isinstance(answer, studio.Track), "the result of studio.render", answer)
    genre, seed, seconds = (answer.record[name] for name in ("genre", "seed", "seconds"))
    expect(seconds >= 2, f"use at least 2 s. In {seconds:g} s, any genre can sound like any other.")
    unchanged = studio.render(genre, seed, seconds=seconds)
    is_changed = not np.array_equal(unchanged.samples, answer.samples)
    text = "your track is exactly the unchanged one. Pass tempo=, key=, swing=, mute= or artist= to studio.render."
    expect(is_changed, text if not answer.record["mute"] else "the muted instrument does not play in this track")
    changes = [name for name in ("tempo", "key", "swing", "artist") if answer.record[name] != unchanged.record[name]]
    changes += [f"mute {stem}" for stem in answer.record["mute"]]
    expect(len(changes) <= 1, f"change only one thing. You changed {len(changes)}: {', '.join(changes)}.")
    before, after = (run.predict(track.waveform, track.sample_rate).files.iloc[0] for track in (unchanged, answer))
    was, now = (f"{row['predicted']} ({row[column(row['predicted'])]:.0%})" for row in (before, after))
    is_correct = before["predicted"] == genre
    expect(is_correct, f"even unchanged, this {genre} track is classified as {was}. Choose another track.")
    expect(after["predicted"] != genre, f"the unchanged track is classified as {was}, and yours still as {now}")
    return accept(f"the unchanged track is classified as {was}, yours as {now}")


@exercise("13.1")
def coins(answer) -> Verdict:
    """Check the exact two-sided p-value of McNemar's test for 12 clips against 3."""
    truth = float(binomtest(12, 12 + 3).pvalue)
    slips = [(truth / 2, "this is one-sided. The same difference in the other direction counts, too.")]
    return judge.number(answer, truth, within=0.01, note="below 0.05, for this one test", slips=slips)


@exercise("13.2")
def corrected(answer) -> Verdict:
    """Check the Holm-corrected p-values of four tests, in the order of the tests."""
    values = np.array([0.04, 0.004, 0.03, 0.012])
    order = values.argsort()
    products, truth = np.empty(4), np.empty(4)
    products[order] = values[order] * [4, 3, 2, 1]
    truth[order] = np.maximum.accumulate(products[order])
    slips = [
        (4 * values, "this is Bonferroni's method, which multiplies all p-values by the number of tests"),
        (products, "almost: a corrected value must not be smaller than that of a smaller p"),
        (np.sort(truth), "your values are in ascending order. Give them in the order of the tests."),
    ]
    return judge.array(answer, truth, 5e-4, what="corrected values", slips=slips)


@exercise("13.3")
def missed_most(answer, results: Mapping[str, Result]) -> list[Verdict]:
    """Check the loss in nats of the geometric mean of all models but one, for each model that is left out."""
    labels = next(iter(results.values())).labels

    def losses(normalised: bool) -> dict[str, float]:
        values = {}
        for left_out in results:
            others = [result.log_probabilities for name, result in results.items() if name != left_out]
            mean = np.mean(others, axis=0)
            if normalised:
                mean = mean - np.log(np.exp(mean).sum(axis=1, keepdims=True))
            values[left_out] = float(-mean[np.arange(len(labels)), labels].mean())
        return values

    slip = losses(normalised=False), "these probabilities don't sum to 1. Normalise the means before the loss."
    return judge.numbers(answer, losses(normalised=True), within=0.002, slips=[slip])


@exercise("13.4")
def without_bass(answer, run: Run, entries: list[dict]) -> Verdict:
    """Check the change of the mean probability of the true class, in points, when the bass is muted in all tracks."""
    expect(bool(entries), "this cannot be checked, because these tracks were not generated by the Studio")
    muted = [studio.render(**entry, mute="bass") for entry in entries]
    sounds, settings = [track.waveform for track in muted], run.settings.feature_settings
    change = np.exp(hear(run.model, sounds, muted[0].sample_rate, settings)) - np.exp(run.result.log_probabilities)
    truth = 100 * float(change[np.arange(len(entries)), run.result.labels].mean())
    return judge.number(answer, truth, "points", within=0.01, absolute=0.1)


@exercise("13.5")
def tenth_that_counts(answer, model: torch.nn.Module, pictures: torch.Tensor, said, to_beat) -> Verdict:
    """Check masks of a tenth of each picture that lower the probability of its class more than the lesson's masks."""
    shape = tuple(pictures.shape)
    try:
        masks = torch.as_tensor(answer).float()
    except (TypeError, ValueError, RuntimeError):
        return judge.reject(f"expected masks of shape {shape}, found an object of type {type(answer).__name__}")
    expect(tuple(masks.shape) == shape, f"expected masks of shape {shape}, found {tuple(masks.shape)}")
    expect(bool(((masks == 0) | (masks == 1)).all()), "expected only zeros and ones, with 1 for what you cover")
    largest = float(masks.mean(dim=(1, 2)).max())
    expect(largest <= 0.1 + 1e-6, f"cover at most 10% of each picture. One of your masks covers {largest:.1%}.")
    device = next((parameter.device for parameter in model.parameters()), pictures.device)

    def probability(masks) -> float:
        with torch.inference_mode():
            logits = model.eval()((pictures * (1 - masks)).to(device))
        return float(logits.softmax(dim=1)[range(len(said)), said].mean())

    reached, lesson = probability(masks), probability(torch.as_tensor(to_beat).float())
    text = f"p of the predicted class falls to {reached:.3f}, with the lesson's masks to {lesson:.3f}, n = {len(said)}"
    return judge.better(reached, lesson, text, higher=False)


@exercise("14.1")
def room(answer) -> list[Verdict]:
    """Check the sizes of an hour in megabytes: 24-bit stereo files at 48 kHz, and audio and log-mels in a store."""
    mel = MelConfig()
    sizes = {
        "files": 3600 * 48000 * 2 * 3,
        "audio": 3600 * AudioConfig().sample_rate * np.dtype(DTYPES["audio"]).itemsize,
        "log-mels": mel.frames(3600 * mel.sample_rate) * mel.n_mels * np.dtype(DTYPES["logmel"]).itemsize,
    }
    return judge.megabytes(answer, sizes, within=0.005)


@exercise("14.2")
def groups(answer, names: Sequence[str]) -> Verdict:
    """Check the group of each file ``home_day_label_take.wav``, for a classifier that works in new homes."""
    table = pd.DataFrame([name.split("_") for name in names], columns=["home", "day", "label", "take"])
    is_list = hasattr(answer, "__len__") and not isinstance(answer, str) and len(answer) == len(names)
    expect(is_list, f"expected a list of {len(names)} groups, one per file")
    table["group"] = [str(group) for group in answer]
    count = table["group"].nunique()
    if _is_same_partition(table["group"], table["home"]):
        return accept(f"{count} groups, one per home, so all clips of a home stay on one side of the split")
    expect(count < len(names), "every file has a group of its own, so one room would be on both sides of the split")
    are_labels = _is_same_partition(table["group"], table["label"])
    expect(not are_labels, "these are the labels, so each class would be on one side of the split only")
    for home, count in table.groupby("home")["group"].nunique().items():
        expect(count == 1, f"the clips of {home} are in {count} groups, so one kitchen could be on both sides")
    return judge.reject("some groups contain several homes. That is fair, but you could have more groups.")


def _is_same_partition(first: pd.Series, second: pd.Series) -> bool:
    """Return True if both put the same rows together, whatever the names of the groups."""
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == first.nunique() == second.nunique()


@exercise("14.3")
def duration_of_class(answer, windows: pd.DataFrame, label: str) -> Verdict:
    """Check the duration of one class in a recording, in seconds, without counting overlaps twice."""
    rows, spans = (table[table["class"] == label] for table in (windows, merged(windows)))
    truth, overlapping = (float((table["end"] - table["start"]).sum()) for table in (spans, rows))
    slips = [(overlapping, "the windows overlap. Count each moment only once.")]
    return judge.number(answer, truth, "s", absolute=0.05, slips=slips)


@exercise("14.4")
def threshold(answer, heard: Result) -> Verdict:
    """Check a probability threshold at which 95 % of the classified clips are correct."""
    minimum = judge.finite_number(answer)
    expect(0 <= minimum <= 1, "expected a probability from 0 to 1")
    confidence = np.exp(heard.log_probabilities.max(axis=1))
    is_classified = confidence >= minimum
    count = is_classified.sum()
    expect(count > 0, "with this threshold, no clip is classified")
    text = f"{count} of {heard.n} clips are classified, {heard.correct[is_classified].sum()} of them correctly"
    expect(heard.correct[is_classified].mean() >= 0.95, f"{text}, which is less than 95%")
    best = max((confidence >= p).sum() for p in confidence if heard.correct[confidence >= p].mean() >= 0.95)
    expect(count >= 0.9 * best, f"{text}. That is accurate enough, but a lower threshold would classify more clips.")
    return accept(text)
