"""Exercises of lessons 00, 11 and 12: the accuracy of a trained classifier, and your own music."""

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
    """Check the beats per minute of one track."""
    truth = studio.render("reggae", seed=12, seconds=1).record["tempo"]
    return judge.number(answer, truth, "beats a minute", within=0.005)


@exercise("00.2")
def blind_guessing(answer, result: Result) -> Verdict:
    """Check the number of clips that are classified correctly, on average, by picking one of the classes blindly."""
    share, correct = 1 / len(result.classes), int(result.correct.sum())
    slips = [(share, "that is the share of them; how many of the tested clips is it?")]
    note = f"the model classified {correct} of {result.n} correctly"
    return judge.number(answer, result.n * share, "clips", note=note, slips=slips)


@exercise("00.3")
def deception(answer, run: Run) -> Verdict:
    """Check a track that the model classifies correctly, changed so that it no longer does."""
    judge.expect_type(isinstance(answer, studio.Track), "what studio.render returns", answer)
    genre, seed, seconds = (answer.record[name] for name in ("genre", "seed", "seconds"))
    expect(seconds >= 2, f"expected 2 s or more, found {seconds:g} s: so short, anything can sound like anything")
    expect(np.abs(answer.waveform).max() > 1e-3, "there is nothing left to hear")
    unchanged = studio.render(genre, seed, seconds=seconds)
    is_changed = not np.array_equal(unchanged.samples, answer.samples)
    expect(is_changed, "nothing is changed yet: give tempo=, key=, swing=, mute= or artist= to studio.render")
    before, after = (run.predict(track.waveform, track.sample_rate).files.iloc[0] for track in (unchanged, answer))
    was, now = (f"{row['predicted']} ({row[column(row['predicted'])]:.0%})" for row in (before, after))
    is_right = before["predicted"] == genre
    expect(is_right, f"even unchanged, this {genre} track is classified as {was}; choose another one")
    expect(after["predicted"] != genre, f"still classified as {now}; unchanged as {was}")
    return accept(f"unchanged it is classified as {was}, with your change as {now}")


@exercise("11.1")
def coins(answer) -> Verdict:
    """Check the two-sided exact p of McNemar's test for 12 clips against 3."""
    truth = float(binomtest(12, 12 + 3).pvalue)
    slips = [(truth / 2, "that is one-sided; the same difference the other way round counts, too")]
    return judge.number(answer, truth, within=0.01, note="under 0.05, for this one test", slips=slips)


@exercise("11.2")
def corrected(answer) -> Verdict:
    """Check Holm's corrected values of four tests, in the order in which they were given."""
    values = np.array([0.04, 0.004, 0.03, 0.012])
    order = values.argsort()
    unraised, truth = np.empty(4), np.empty(4)
    unraised[order] = values[order] * [4, 3, 2, 1]
    truth[order] = np.maximum.accumulate(unraised[order])
    slips = [
        (4 * values, "that is Bonferroni's method, which multiplies all by the number of tests"),
        (unraised, "not yet: one value is smaller than that of a smaller p"),
        (np.sort(truth), "these are in ascending order; give them in the order of the tests"),
    ]
    return judge.array(answer, truth, 5e-4, what="corrected values", slips=slips)


@exercise("11.3")
def missed_most(answer, results: Mapping[str, Result]) -> list[Verdict]:
    """Check the loss (nats) of the geometric mean of the other models, when each is left out."""
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

    slip = losses(normalised=False), "these probabilities do not add up to 1: normalise the means before the loss"
    return judge.numbers(answer, losses(normalised=True), within=0.002, slips=[slip])


@exercise("11.4")
def without_bass(answer, run: Run, entries: list[dict]) -> Verdict:
    """Check the change of the mean probability of the true class (points) when the bass of all tracks is muted."""
    expect(bool(entries), "cannot be checked: these data were not played by the Studio")
    muted = [studio.render(**entry, mute="bass") for entry in entries]
    sounds, settings = [track.waveform for track in muted], run.settings.feature_settings
    change = np.exp(hear(run.model, sounds, muted[0].sample_rate, settings)) - np.exp(run.result.log_probabilities)
    truth = 100 * float(change[np.arange(len(entries)), run.result.labels].mean())
    return judge.number(answer, truth, "points", within=0.01, absolute=0.1)


@exercise("11.5")
def tenth_that_counts(answer, model: torch.nn.Module, pictures: torch.Tensor, said, to_beat) -> Verdict:
    """Check masks of a tenth of each picture that cost the named class more than those of the lesson."""
    shape = tuple(pictures.shape)
    try:
        masks = torch.as_tensor(answer).float()
    except (TypeError, ValueError, RuntimeError):
        return judge.reject(f"expected masks of shape {shape}, found {type(answer).__name__}")
    expect(tuple(masks.shape) == shape, f"expected masks of shape {shape}, found {tuple(masks.shape)}")
    expect(bool(((masks == 0) | (masks == 1)).all()), "expected zeros and ones: 1 where the picture is covered")
    largest = float(masks.mean(dim=(1, 2)).max())
    text = f"expected at most 10% of each picture, found one with {largest:.1%} of it covered"
    expect(largest <= 0.1 + 1e-6, text)
    device = next((each.device for each in model.parameters()), pictures.device)

    def probability(masks) -> float:
        with torch.inference_mode():
            logits = model.eval()((pictures * (1 - masks)).to(device))
        return float(logits.softmax(dim=1)[range(len(said)), said].mean())

    reached, beat = probability(masks), probability(torch.as_tensor(to_beat).float())
    text = f"p of the predicted class falls to {reached:.3f}, with the lesson's masks to {beat:.3f}, n = {len(said)}"
    return judge.better(reached, beat, text, higher=False)


@exercise("12.1")
def room(answer) -> list[Verdict]:
    """Check the megabytes of an hour: 48 kHz, stereo, 24 bits as files; its audio and its log-mels in a store."""
    mel = MelConfig()
    sizes = {
        "files": 3600 * 48000 * 2 * 3,
        "audio": 3600 * AudioConfig().sample_rate * np.dtype(DTYPES["audio"]).itemsize,
        "log-mels": mel.frames(3600 * mel.sample_rate) * mel.n_mels * np.dtype(DTYPES["logmel"]).itemsize,
    }
    return judge.megabytes(answer, sizes, within=0.005)


@exercise("12.2")
def groups(answer, names: Sequence[str]) -> Verdict:
    """Check the group of each file ``home_day_label_take.wav``, so that a classifier will work in new homes."""
    parts = pd.DataFrame([name.split("_") for name in names], columns=["home", "day", "label", "take"])
    is_list = hasattr(answer, "__len__") and not isinstance(answer, str) and len(answer) == len(names)
    expect(is_list, f"expected a list of {len(names)} groups, one per file")
    parts["group"] = [str(group) for group in answer]
    count = parts["group"].nunique()
    if _same_partition(parts["group"], parts["home"]):
        return accept(f"{count} groups, one per home: a whole home stays on one side of the split")
    expect(count < len(names), "every file is a group of its own: the same room would be on both sides")
    are_labels = _same_partition(parts["group"], parts["label"])
    expect(not are_labels, "these are the labels: then a class is on one side only")
    for home, count in parts.groupby("home")["group"].nunique().items():
        expect(count == 1, f"the clips of {home} are in {count} groups, so its kitchen could be on both sides")
    return judge.reject("clips of several homes are in one group: fair, but fewer groups than there could be")


def _same_partition(one: pd.Series, other: pd.Series) -> bool:
    """Return True if both put the same rows together, whatever they call the groups."""
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == one.nunique() == other.nunique()


@exercise("12.3")
def heard(answer, windows: pd.DataFrame, label: str) -> Verdict:
    """Check the seconds of a recording with one class, each moment counted once."""
    rows, moments = (table[table["class"] == label] for table in (windows, merged(windows)))
    truth, overlapping = (float((table["end"] - table["start"]).sum()) for table in (moments, rows))
    slips = [(overlapping, "windows overlap, and each moment is to be counted once")]
    return judge.number(answer, truth, "s", absolute=0.05, slips=slips)


@exercise("12.4")
def threshold(answer, heard: Result) -> Verdict:
    """Check a probability below which nothing is classified, so that 95 % of the classified clips are correct."""
    least = judge.finite_number(answer)
    expect(0 <= least <= 1, "expected a probability, from 0 to 1")
    sure = np.exp(heard.log_probabilities.max(axis=1))
    named = sure >= least
    expect(named.any(), "it classifies nothing at all")
    text = f"it classifies {named.sum()} of {heard.n} clips, {heard.correct[named].sum()} of them correctly"
    expect(heard.correct[named].mean() >= 0.95, f"{text}: less than 95%")
    best = max((sure >= value).sum() for value in sure if heard.correct[sure >= value].mean() >= 0.95)
    expect(named.sum() >= 0.9 * best, f"{text}: enough are correct, but more could be classified")
    return accept(text)
