"""Exercises of lessons 00 and 12 to 14: right answers, and what usual slips are told."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from lesson_cases import check_right, check_wrong, verdict
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from musiclab import lessons, studio
from musiclab.features import MelConfig, SummaryConfig
from musiclab.metrics import Result, difference_interval, group_interval
from musiclab.runs import Run, RunSettings, crossval, hear, merged
from musiclab.store import create

# Lesson 00


TEMPO = studio.render("reggae", seed=12, seconds=1).record["tempo"]


@pytest.fixture
def result():
    """Forty tracks of ten classes, twenty-six classified correctly."""
    labels = np.arange(40) % 10
    named = np.where(np.arange(40) < 26, labels, (labels + 1) % 10)
    values = np.log(np.full((40, 10), 0.05) + 0.5 * np.eye(10)[named])
    return Result(list("abcdefghij"), labels, values, np.arange(40).astype(str), np.arange(40).astype(str))


@pytest.fixture
def run():
    """A network that takes one track for metal and any other sound for jazz."""
    full = studio.render("metal", seed=1, seconds=2).waveform

    def predict(waveform, sample_rate):
        assert sample_rate == studio.SAMPLE_RATE
        predicted = "metal" if np.array_equal(waveform, full) else "jazz"
        return SimpleNamespace(files=pd.DataFrame({"predicted": [predicted], "p(metal)": [0.7], "p(jazz)": [0.6]}))

    return SimpleNamespace(predict=predict)


def test_the_tempo_of_the_track_is_right():
    assert verdict("00.1", TEMPO).is_right
    assert verdict("00.1", round(TEMPO)).is_right


@pytest.mark.parametrize(
    ("answer", "hint"), [(TEMPO / 60, "seconds and minutes"), (2 * TEMPO, "twice"), ("fast", "string")]
)
def test_another_tempo_is_told_and_the_true_one_is_not(answer, hint):
    judged = verdict("00.1", answer)
    assert not judged.is_right
    assert hint in judged.text
    assert f"{TEMPO:.4g}" not in judged.text


def test_blind_guessing_names_a_tenth(result):
    judged = verdict("00.2", 4, result=result)
    assert judged.is_right
    assert "classified 26 of 40 correctly" in judged.text


@pytest.mark.parametrize(
    ("answer", "hint"),
    [(0.1, "the share"), (10, "in percent"), (40, "ten times"), (None, "no answer yet"), ("4", "string")],
)
def test_other_guesses_are_told(result, answer, hint):
    judged = verdict("00.2", answer, result=result)
    assert not judged.is_right
    assert hint in judged.text


def test_a_change_that_the_network_falls_for_is_right(run):
    judged = verdict("00.3", studio.render("metal", seed=1, seconds=2, mute="drums"), run=run)
    assert judged.is_right
    assert "the unchanged track is classified as metal (70%), yours as jazz (60%)" in judged.text


@pytest.mark.parametrize(
    ("track", "hint"),
    [
        (studio.render("metal", seed=1, seconds=2), "is the unchanged metal track of seed 1"),
        (studio.render("metal", seed=1, seconds=1, mute="drums"), "use at least 2 s"),
        (studio.render("metal", seed=1, seconds=2, mute=studio.STEMS), "You changed 7: mute drums"),
        (studio.render("metal", seed=1, seconds=2, mute="drums", tempo=90), "You changed 2: tempo, mute drums"),
        (
            studio.render("metal", seed=2, seconds=2, mute="drums"),
            "this metal track is classified as jazz (60%)",
        ),
        (studio.render("jazz", seed=1, seconds=2, mute="drums"), "yours still as jazz"),
        (studio.render("metal", seed=1, seconds=2).waveform, "expected the result of studio.render"),
    ],
)
def test_what_is_no_deception_is_told(run, track, hint):
    judged = verdict("00.3", track, run=run)
    assert not judged.is_right
    assert hint in judged.text


# Lesson 12


@pytest.mark.parametrize("answer", [(7, 15070), [7.0, 15070.0], np.array([7, 15070]), torch.tensor([7, 15070])])
def test_sizes_of_a_probe(answer):
    check_right("12.1", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((6, 15070), "six segments cover 18 s"),
        ((20 / 3, 15070), "there are only whole segments"),
        ((7, 15060), "the biases are missing"),
        ((7, 1507), "this is one class"),
        ((7, 1506), "the size of one embedding"),
        ((7, 15061), "one bias per class"),
        ((7, 16566), "not one per number"),
        ((7, 105490), "share the same weights"),
        ((15070, 7), "the other way round"),
        (7, "expected 2 numbers"),
    ],
)
def test_slips_with_the_sizes_of_a_probe(answer, words):
    check_wrong("12.1", answer, words, hidden=("15070",))


def judge_strangers(known, test, strangers, kept):
    threshold = np.quantile(known, kept)
    return threshold, (strangers > threshold).mean(), (strangers[:, None] > test).mean()


def with_slip(position, change):
    """Return a detector's judge that gets one of its three numbers wrong."""

    def mistaken(known, test, strangers, kept):
        numbers = list(judge_strangers(known, test, strangers, kept))
        numbers[position] = change(known, test, strangers, kept)
        return numbers

    return mistaken


def test_a_detector_of_strangers():
    check_right("12.2", judge_strangers)
    check_right("12.2", lambda *sounds: list(map(float, judge_strangers(*sounds))))
    names = ("threshold", "recognised", "AUROC")
    check_right("12.2", lambda *sounds: dict(zip(names, judge_strangers(*sounds), strict=True)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (with_slip(0, lambda known, test, strangers, kept: np.quantile(known, 1 - kept)), "below it, not above"),
        (with_slip(0, lambda known, test, strangers, kept: np.quantile(test, kept)), "with the validation sounds"),
        (with_slip(0, lambda known, test, strangers, kept: np.quantile(strangers, kept)), "don't take part"),
        (with_slip(0, lambda known, test, strangers, kept: np.quantile(known, 0.95)), "Is `kept` used?"),
        (lambda known, test, strangers, kept: judge_strangers(known, test, strangers, 0.95), "Is `kept` used?"),
        (with_slip(0, lambda k, t, s, kept: np.sort(k)[int(kept * len(k))]), "kept=0.95, threshold: almost: use"),
        (with_slip(0, lambda k, t, s, kept: np.sort(k)[int(kept * len(k)) - 1]), "kept=0.95, threshold: almost: use"),
        (with_slip(1, lambda k, t, s, kept: (s <= np.quantile(k, kept)).mean()), "the share below the threshold"),
        (with_slip(1, lambda k, t, s, kept: (t > np.quantile(k, kept)).mean()), "Take the strangers"),
        (with_slip(1, lambda k, t, s, kept: (s > np.quantile(k, kept)).sum()), "What share is it?"),
        (with_slip(2, lambda k, t, s, kept: (s[:, None] < t).mean()), "the other way round"),
        (with_slip(2, lambda k, t, s, kept: (s[:, None] > k).mean()), "compare with the test sounds"),
        (lambda *sounds: judge_strangers(*sounds)[::-1], "in another order"),
        (lambda known, test, strangers, kept: None, "returned None"),
        (lambda known: known, "raised an error (TypeError"),
        (lambda known, test, strangers, kept: 3.0, "expected 3 numbers"),
        ((1, 0.5, 0.5), "expected a function"),
    ],
)
def test_slips_with_strangers(answer, words):
    check_wrong("12.2", answer, words)


@pytest.mark.parametrize(
    "answer", ["BCDE", "e d c b", "B, C, D and E", "B/C/D/E", ["b", "C", "D", "E"], set("BCDE"), tuple("BCDE")]
)
def test_tests_that_are_not_clean(answer):
    check_right("12.3", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("ABCDE", "A: what could speech"),
        ("CDE", "B: which artists"),
        ("BDE", "C: it had no labels"),
        ("BCE", "D: which artists"),
        ("BCD", "E: the encoder is innocent"),
        ("BCDEF", "F: random weights"),
        ("AF", "these are the clean ones"),
        ("BCDX", "letters from A to F"),
        ("", "no letter yet"),
        (4, "expected letters"),
    ],
)
def test_slips_with_clean_tests(answer, words):
    check_wrong("12.3", answer, words)


@pytest.fixture
def collection():
    """Tracks of two genres, three by each of 20 artists, and an encoder that remembers what it was trained on."""
    rng = np.random.default_rng(0)
    artists = np.repeat(np.arange(20), 3)
    y, is_third = artists % 2, np.tile([False, False, True], 20)
    sounds, noise = rng.normal(y, 2), rng.normal(0, 1, 60)

    def train_encoder(rows):
        is_known, is_met = np.isin(np.arange(60), rows), np.isin(artists, artists[rows])
        memory = np.where(is_known, 9, np.where(is_met, 1, 0)) * (2 * y - 1) + noise
        return np.stack([sounds, memory], axis=1)

    return {"train_encoder": train_encoder, "y": y, "folds": artists // 4 + 1, "is_third": is_third}


def measure_leak(collection, rows=None, thirds=False):
    """Compute the accuracy of probes as a student does, on an encoder of ``rows`` or on honest encoders."""
    folds, is_third, y = collection["folds"], collection["is_third"], collection["y"]
    correct = []
    for fold in range(1, 6):
        train = np.flatnonzero((folds != fold) & (~is_third | thirds))
        test = np.flatnonzero((folds == fold) & is_third)
        embeddings = collection["train_encoder"](train if rows is None else rows)
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(embeddings[train], y[train])
        correct.extend(probe.predict(embeddings[test]) == y[test])
    return np.mean(correct)


def test_a_leak_through_artists(collection):
    owner = measure_leak(collection, rows=np.flatnonzero(~collection["is_third"]))
    everything, honest = measure_leak(collection, rows=np.arange(60)), measure_leak(collection)
    assert everything > owner + 0.03 > honest + 0.1
    check_right("12.4", (owner, honest), **collection)
    check_right("12.4", np.array([owner, honest]), **collection)
    hidden = (f"{owner:.3f}",)
    check_wrong("12.4", (honest, owner), "the other way round", hidden=hidden, **collection)
    check_wrong("12.4", (owner, honest + 0.0137), "20 tracks can't give an accuracy of", **collection)
    check_wrong("12.4", (everything, honest), "trained on the test tracks, too", hidden=hidden, **collection)
    check_wrong("12.4", (owner / 3, honest / 3), "divided by 60 tracks, but only 20", hidden=hidden, **collection)
    check_wrong("12.4", (100 * owner, 100 * honest), "per cent", hidden=hidden, **collection)
    check_wrong("12.4", owner, "expected 2 numbers", hidden=hidden, **collection)
    check_wrong("12.4", ("a", "b"), "expected a number", hidden=hidden, **collection)


def test_a_probe_that_knows_the_test_artists_is_named(collection):
    names = np.repeat(np.eye(20), 3, axis=0)  # an embedding of nothing but the artist
    collection = collection | {"train_encoder": lambda rows: names}
    owner = measure_leak(collection)
    assert owner < 0.7  # artists in the other folds say nothing about those in this one, but a probe of all is perfect
    check_wrong("12.4", (1.0, owner), "your probe knows the test artists, too", **collection)


@pytest.fixture
def intercom():
    """A classifier that is right about 67 tracks of 100 at home, and about fewer on the phone and the intercom."""
    correct = {("home", False): 67, (400, False): 19, (400, True): 50, (800, False): 15, (800, True): 43}
    return {
        "tracks": [0.0] * 3,
        "record": lambda track, low, high, noise: low,
        "summarise": lambda sounds: sounds[0],
        "home": "home",
        "test": lambda training_sets, sounds, own=False: np.arange(100) < correct[sounds, own],
    }


@pytest.mark.parametrize(
    "answer", [(52, 28), np.array([51.5, 28.4]), torch.tensor([52.0, 28.0]), {"back": 27.6, "lost": 52.3}]
)
def test_a_narrow_phone(answer, intercom):
    check_right("12.5", answer, **intercom)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((28, 52), "the other way round"),
        ((15, 43), "this is an accuracy"),
        ((52, 24), "still missing"),
        ((-52, 28), "the sign is reversed"),
        ((0.52, 0.28), "percentage points"),
        ((48, 31), "the phone in section 10"),
        ((52, 35), "too large"),
        (52, "expected 2 numbers"),
    ],
)
def test_slips_with_a_narrow_phone(answer, words, intercom):
    check_wrong("12.5", answer, words, **intercom)


# Lesson 13


def test_coins_by_artist():
    check_right("13.1", 0.25)
    check_right("13.1", np.float32(8 / 32))
    check_right("13.1", [0.25])
    check_right("13.1", torch.tensor(0.25))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (0.125, "one-sided"),
        (0.12, "one-sided"),
        (0.13, "one-sided"),
        (0.07, "McNemar's test, with one coin per track"),
        (0.0703125, "McNemar's test, with one coin per track"),
        (0.375, "counts artists"),
        (0.0625, "exactly 6"),
        (0.06, "exactly 6"),
        (0.03125, "most extreme toss"),
        (0.03, "most extreme toss"),
        (0.1875, "8 or -8"),
        (8, "number of tosses"),
        (25, "per cent"),
        (0.9, "too large"),
        ("a quarter", "a number"),
    ],
)
def test_slips_with_coins_are_named(answer, words):
    check_wrong("13.1", answer, words, hidden=(0.25,))


CORRECTED = [0.06, 0.016, 0.06, 0.036]


@pytest.mark.parametrize(
    "answer", [CORRECTED, tuple(CORRECTED), np.array(CORRECTED), torch.tensor(CORRECTED), dict(enumerate(CORRECTED))]
)
def test_holm(answer):
    check_right("13.2", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([0.04, 0.004, 0.03, 0.012], "uncorrected"),
        ([0.06, 0.02, 0.06, 0.04], "give three decimals"),
        ([0.16, 0.016, 0.12, 0.048], "Bonferroni"),
        ([0.04, 0.016, 0.06, 0.036], "smaller than that of a smaller p"),
        ([0.04, 0.016, 0.04, 0.024], "Benjamini"),
        ([0.016, 0.036, 0.06, 0.04], "No value may be smaller than the one before it"),
        ([0.16, 0.004, 0.09, 0.024], "Multiply the smallest"),
        ([0.004, 0.024, 0.09, 0.16], "Multiply the smallest"),
        ([str(value) for value in CORRECTED], "contains strings"),
        ([0.016, 0.036, 0.06, 0.06], "order of the tests"),
        ([0.06, 0.06, 0.036, 0.016], "order of the tests"),
        ([0.036, 0.06, 0.016, 0.06], "order of the tests"),
        ([0.06, 0.016], "shape"),
        (0.06, "shape"),
        ("none", "array of numbers"),
    ],
)
def test_slips_with_holm_are_named(answer, words):
    check_wrong("13.2", answer, words, hidden=(CORRECTED,))


def make_results(seed=0):
    """Make three results on 60 clips of three classes, by 20 artists whose clips succeed or fail together."""
    rng = np.random.default_rng(seed)
    labels, groups = np.arange(60) % 3, np.repeat(np.arange(20), 3).astype(str)
    results = []
    for strength in (0.3, 0.6, 1.2):
        logits = 1.5 * rng.standard_normal((60, 3))
        logits[np.arange(60), labels] += np.repeat(2 * strength * rng.random(20), 3)
        values = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        results.append(Result(["a", "b", "c"], labels, values, groups, np.arange(60).astype(str)))
    return results


RESULTS = make_results()
VOTE = {"results": RESULTS, "reference": RESULTS[-1]}


def summarise(log_p, groups=RESULTS[0].groups):
    """Return accuracy, low and high as a student computes them."""
    is_correct = log_p.argmax(axis=1) == RESULTS[0].labels
    return (is_correct.mean(), *difference_interval(is_correct, RESULTS[-1].correct, groups))


def vote_by_hand(groups=RESULTS[0].groups):
    return summarise(np.mean([result.log_probabilities for result in RESULTS], axis=0), groups)


def test_the_ensemble_of_all_methods():
    accuracy, low, high = vote_by_hand()
    check_right("13.3", (accuracy, low, high), **VOTE)
    check_right("13.3", [round(accuracy, 3), round(low, 3), round(high, 3)], **VOTE)
    check_right("13.3", np.array([accuracy, low, high]), **VOTE)
    check_right("13.3", (accuracy, (low, high)), **VOTE)
    check_right("13.3", [accuracy, np.array([low, high])], **VOTE)
    check_right("13.3", {"high": high, "low": low, "accuracy": accuracy}, **VOTE)


def test_other_intervals_of_the_ensemble_are_named():
    accuracy, low, high = vote_by_hand()
    labels, groups = RESULTS[0].labels, RESULTS[0].groups
    is_correct = np.mean([result.log_probabilities for result in RESULTS], axis=0).argmax(axis=1) == labels
    gains = is_correct.astype(int) - RESULTS[-1].correct.astype(int)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rows_of = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        means = [
            gains[np.concatenate([rows_of[unit] for unit in rng.integers(20, size=20)])].mean() for _ in range(2000)
        ]
        drawn = np.percentile(means, [2.5, 97.5])
        check_wrong("13.3", (accuracy, *drawn), "plain bootstrap", **VOTE)
    check_wrong("13.3", vote_by_hand(np.arange(60)), "weights single tracks", **VOTE)
    check_wrong("13.3", vote_by_hand(RESULTS[-1].paths), "weights single tracks", **VOTE)
    check_wrong("13.3", (accuracy - RESULTS[-1].accuracy, low, high), "What is the ensemble's accuracy?", **VOTE)
    check_wrong("13.3", (accuracy, *group_interval(is_correct, groups)), "the ensemble's own accuracy", **VOTE)
    check_wrong("13.3", (accuracy, -high, -low), "ensemble minus resnet", **VOTE)
    others = VOTE | {"reference": RESULTS[0]}  # RESULTS[-1] is the best
    check_right("13.3", (accuracy, *difference_interval(is_correct, RESULTS[0].correct, groups)), **others)
    check_wrong("13.3", (accuracy, low, high), "its best member", **others)
    for shift in (-0.016, 0.016):
        check_wrong("13.3", (accuracy, low + shift, high + shift), "low", **VOTE)
        check_wrong("13.3", (accuracy, low - shift, high + shift), "high", **VOTE)


def test_slips_with_the_ensemble_are_named():
    accuracy, low, high = vote_by_hand()
    check_wrong("13.3", (100 * accuracy, 100 * low, 100 * high), "in per cent", **VOTE)
    arithmetic = summarise(np.mean([np.exp(result.log_probabilities) for result in RESULTS], axis=0))
    assert abs(arithmetic[0] - accuracy) > 0.01
    check_wrong("13.3", arithmetic, "averaged the probabilities", **VOTE)
    check_wrong("13.3", (arithmetic[0], low, high), "averaged the probabilities", **VOTE)
    check_wrong("13.3", (accuracy, *arithmetic[1:]), "averaged the probabilities", **VOTE)
    counted = summarise(np.sum([np.eye(3)[result.predictions] for result in RESULTS], axis=0))
    assert abs(counted[0] - accuracy) > 0.01
    check_wrong("13.3", counted, "counts votes", **VOTE)
    wide = (accuracy, low - 0.05, high + 0.05)
    check_wrong("13.3", wide, "low", **VOTE)
    check_wrong("13.3", accuracy, "expected 3 numbers", **VOTE)
    check_wrong("13.3", RESULTS, "expected", **VOTE)


def test_the_control_is_no_member_of_the_ensemble():
    control = make_results(seed=1)[0]
    with_control = summarise(np.mean([result.log_probabilities for result in [*RESULTS, control]], axis=0))
    right = vote_by_hand()
    assert np.abs(np.subtract(with_control, right)).max() > 0.006
    check_wrong("13.3", with_control, "mlp again", control=control, **VOTE)
    check_wrong("13.3", (right[0], *with_control[1:]), "mlp again", control=control, **VOTE)
    check_right("13.3", right, control=control, **VOTE)


class Bass(nn.Module):
    """A network with two classes: the louder the lowest ten bands, the more probable is the first."""

    feature, classes, length = "logmel", 2, 40

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, batch):
        level = 2 * batch[:, :10].mean(dim=(1, 2)) - 1 + self.nothing
        return torch.stack([level, 0 * level], dim=1)


@pytest.fixture(scope="module")
def drums():
    """Return the context of exercise 4, with two tracks in each of two trainings, and the three probabilities."""
    versions, runs, paths = {}, [], []
    for training in range(2):
        entries = studio.catalogue(1, seconds=1.0, genres=["disco", "hiphop"], seed=training)
        paths.append([f"{training} {entry['genre']}" for entry in entries])
        for path, entry in zip(paths[-1], entries, strict=True):
            stems = studio.stems(**entry)
            mix = sum(stems.values())
            versions[path] = {"original": mix, "no drums": mix - stems["drums"]}
        order = paths[-1][::-1]  # a result need not have the order of the exercise
        result = SimpleNamespace(labels=np.zeros(2, int), paths=np.array(order))
        runs.append(
            SimpleNamespace(model=Bass(), settings=SimpleNamespace(feature_settings=MelConfig()), result=result)
        )
    context = {"runs": runs, "paths": paths, "versions": versions}

    def mean_probability(change):
        sounds = [change(versions[path]) for path in np.concatenate(paths)]
        return np.exp(hear(Bass(), sounds, studio.SAMPLE_RATE, MelConfig()))[:, 0].mean()

    only = mean_probability(lambda version: version["original"] - version["no drums"])
    return context, only, mean_probability(lambda v: v["no drums"]), mean_probability(lambda v: v["original"])


def test_only_the_drums(drums):
    context, only, without, original = drums
    assert len({round(only, 2), round(without, 2), round(original, 2)}) == 3
    check_right("13.4", only, **context)
    check_right("13.4", round(only, 2), **context)
    hidden = (round(only, 3),)
    check_wrong("13.4", without, "without the drums", hidden=hidden, **context)
    check_wrong("13.4", original, "all stems", hidden=hidden, **context)
    check_wrong("13.4", 100 * only, "per cent", hidden=hidden, **context)
    check_wrong("13.4", "drums", "a number", hidden=hidden, **context)


def test_one_network_for_all_tracks_is_named(drums):
    context, only = drums[:2]
    louder = Bass()
    louder.nothing.data += 2
    runs = [context["runs"][0], SimpleNamespace(**vars(context["runs"][1]) | {"model": louder})]
    check_wrong("13.4", only, "one network for all tracks", **context | {"runs": runs})


def test_without_the_studio_there_are_no_drums(drums):
    context = drums[0] | {"versions": {"rain.wav": {"original": np.zeros(8), "no harmonic": np.zeros(8)}}}
    assert "not generated by the Studio" in verdict("13.4", 0.3, **context).text


def make_run(strength, paths=None, model="mlp", dropout=0.2, **training):
    """Make a run on 60 clips, whose probabilities of the true class grow with ``strength``."""
    labels = np.arange(60) % 3
    logits = strength * np.eye(3)[labels]
    values = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    names = np.arange(60).astype(str) if paths is None else paths
    settings = RunSettings(
        model, {"dropout": dropout}, ["a", "b", "c"], "summary", {}, training={"seed": 0, "epochs": 40} | training
    )
    return SimpleNamespace(result=Result(["a", "b", "c"], labels, values, names, names), settings=settings)


def test_a_better_recipe_has_a_lower_loss_on_the_same_tracks():
    to_beat = make_run(1.0, dropout=0.4)
    check_right("13.5", make_run(2.0, dropout=0.4, epochs=80), to_beat=to_beat)
    check_wrong("13.5", make_run(2.0, dropout=0.4), "the lesson's recipe", to_beat=to_beat)
    check_wrong("13.5", make_run(2.0, dropout=0.4, seed=7), "your seed is 7", to_beat=to_beat)
    check_wrong("13.5", make_run(2.0, dropout=0.4, workers=2), "the lesson's recipe", to_beat=to_beat)
    assert "in the lesson" in check_right("13.5", make_run(2.0), to_beat=to_beat)
    check_wrong("13.5", make_run(0.5), "not better yet", to_beat=to_beat)
    check_wrong("13.5", to_beat, "the lesson's recipe", to_beat=to_beat)
    others = (np.arange(60) + 60).astype(str)
    check_wrong("13.5", make_run(2.0, others), "tested on other tracks", to_beat=to_beat)
    check_wrong("13.5", make_run(2.0, model="resnet"), "recipe for mlp", to_beat=to_beat)
    check_wrong("13.5", 0.9, "the result of musiclab.crossval", to_beat=to_beat)


def test_lesson_13_has_five_exercises_and_no_answer_is_no_mistake(capsys):
    assert [name for name in lessons.names() if name.startswith("13.")] == [f"13.{number}" for number in range(1, 6)]
    lessons.check("13.1", None)
    assert capsys.readouterr().out == "Exercise 1: no answer yet\n"


# Lesson 14


NAMES = [
    f"{player}_{day}_{instrument}_{take}.wav"
    for player in ("anna", "ben", "carla")
    for day in ("monday", "friday")
    for instrument in ("guitar", "violin", "piano")
    for take in (1, 2)
]
WINDOWS = pd.DataFrame(
    {
        "path": "show.wav",
        "start": [0.0, 3.0, 6.0, 9.0],
        "end": [3.0, 6.0, 9.0, 12.0],
        "class": ["jazz", "jazz", "rock", "jazz"],
        "probability": [0.9, 0.8, 0.7, 0.6],
    }
)
PLAYLIST = [(0.0, 6.0, "jazz"), (6.0, 9.0, "rock"), (9.0, 12.0, "jazz")]


def words(place):
    return [name.split("_")[place] for name in NAMES]


@pytest.mark.parametrize("answer", [17, 17.0, np.int64(17), np.array([17])])
def test_seventeen_perfect_bands_are_enough(answer):
    assert verdict("14.1", answer).is_right


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (16, "to the power of your number"),
        (16.53, "whole bands"),
        (14, "not 5 %"),
        (10, "69 %"),
        (18, "fewer would do"),
        (50, "fewer would do"),
        (51, "number of songs"),
        (100, "too large"),
        ("17", "a string"),
    ],
)
def test_other_numbers_of_bands_are_told_why_not(answer, hint):
    judged = verdict("14.1", answer)
    assert not judged.is_right
    assert hint in judged.text
    assert "17" not in judged.text


@pytest.mark.parametrize(
    "answer",
    [
        words(0),
        tuple(words(0)),
        [ord(player[0]) for player in words(0)],
        np.array(words(0)),
        pd.Series(words(0), index=range(5, 41)),
        dict(zip(NAMES, words(0), strict=True)),
    ],
)
def test_a_group_per_player_is_right_whatever_it_is_called(answer):
    judged = verdict("14.2", answer, names=NAMES)
    assert judged.is_right


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (NAMES, "a group of its own"),
        (["everybody"] * 36, "a single group"),
        (words(2), "the labels"),
        ([player + day for player, day in zip(words(0), words(1), strict=True)], "recordings of anna are in 2 groups"),
        (["anna" if player == "ben" else player for player in words(0)], "several players"),
        (words(0)[:-1], "expected a list of 36 groups"),
        (dict(zip(NAMES[1:], words(0)[1:], strict=True)), "no group for anna_monday_guitar_1.wav"),
        (["anna", "ben", "carla"], "expected a list of 36 groups"),
        ("anna", "expected a list of 36 groups"),
        (3, "expected a list of 36 groups"),
    ],
)
def test_other_groups_are_told_why_not(answer, hint):
    judged = verdict("14.2", answer, names=NAMES)
    assert not judged.is_right
    assert hint in judged.text


@pytest.mark.parametrize(
    "answer",
    [
        PLAYLIST,
        tuple(PLAYLIST),
        [list(entry) for entry in PLAYLIST],
        [dict(zip(("start", "end", "class"), entry, strict=True)) for entry in PLAYLIST],
        [(int(start), int(end), name) for start, end, name in PLAYLIST],
        [(np.float64(start), np.float32(end), np.str_(name)) for start, end, name in PLAYLIST],
        np.array(PLAYLIST),
        np.array(PLAYLIST, dtype=object),
        pd.DataFrame(PLAYLIST, columns=["start", "end", "class"]),
        iter(PLAYLIST),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_a_playlist_is_right_in_any_form(answer):
    judged = verdict("14.3", answer, windows=WINDOWS)
    assert judged.is_right, judged.text
    assert "3 entries from 4 windows" in judged.text


def test_the_table_of_the_library_is_right():
    assert verdict("14.3", merged(WINDOWS), windows=WINDOWS).is_right


def with_times(times):
    return [(start, end, name) for (start, end), (_, _, name) in zip(times, PLAYLIST, strict=True)]


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (list(WINDOWS[["start", "end", "class"]].itertuples(index=False, name=None)), "one entry per window"),
        ([(0.0, 12.0, "jazz"), (6.0, 9.0, "rock")], "one entry per class"),
        ([PLAYLIST[1], PLAYLIST[0], PLAYLIST[2]], "order of time"),
        (PLAYLIST[:-1], "one entry per class"),
        (with_times([(0, 6), (6, 3), (9, 3)]), "duration"),
        (with_times([(0, 3), (6, 9), (9, 12)]), "not all ends"),
        (with_times([(3, 6), (6, 9), (9, 12)]), "not all starts"),
        (with_times([(0, 2), (2, 3), (3, 4)]), "the times are not"),
        ([(0.0, 6.0, "jazz"), (6.0, 9.0, "metal"), (9.0, 12.0, "jazz")], "no window has the class 'metal'"),
        ([*PLAYLIST, (12.0, 15.0, "rock")], "4 entries"),
        ([("jazz", 0.0, 6.0)], "name of the class"),
        ([("0", 6.0, "jazz")], "a number"),
        ([(0.0, 6.0)], "three parts"),
        (["jazz", "rock", "jazz"], "three parts"),
        ("jazz", "a list of (start, end, class)"),
        (3, "a list of (start, end, class)"),
        ([], "empty"),
        (WINDOWS[["start", "end"]], "no column 'class'"),
    ],
)
def test_other_playlists_are_told_why_not(answer, hint):
    judged = verdict("14.3", answer, windows=WINDOWS)
    assert not judged.is_right
    assert hint in judged.text
    assert "cannot be checked" not in judged.text


@pytest.mark.parametrize(("part", "hint"), [(slice(0, 3), "the last entry"), (slice(1, 4), "the first entry")])
def test_a_missing_entry_at_either_end_is_named(part, hint):
    windows = WINDOWS.assign(**{"class": ["jazz", "rock", "jazz", "rock"]})
    entries = list(windows[["start", "end", "class"]].itertuples(index=False, name=None))
    assert verdict("14.3", entries, windows=windows).is_right
    assert hint in verdict("14.3", entries[part], windows=windows).text


CONFIDENCE = np.linspace(0.99, 0.6, 40)
IS_CORRECT = np.array([clip != 10 and clip < 20 for clip in range(40)])
"""Forty songs, the most confident first; the eleventh and the last twenty are misclassified."""


@pytest.mark.parametrize("answer", [0.791, 0.799, np.float32(0.8), np.array(0.8)])  # 20 answers, 19 of them correct
def test_a_threshold_that_answers_enough_and_is_right_enough_is_right(answer):
    judged = verdict("14.4", answer, confidence=CONFIDENCE, is_correct=IS_CORRECT)
    assert judged.is_right
    assert "20 of 40 songs" in judged.text


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.5, "40 of 40 songs got an answer, 19 of them the correct one, which is less than 95 %"),
        (0.78, "less than 95 %"),
        (0.95, "would give more answers"),
        (1.0, "no song gets an answer"),
        (80, "percentage"),
        (-0.5, "from 0 to 1"),
        ("high", "expected a number"),
        (float("nan"), "finite"),
    ],
)
def test_other_thresholds_are_told_what_they_do(answer, hint):
    judged = verdict("14.4", answer, confidence=CONFIDENCE, is_correct=IS_CORRECT)
    assert not judged.is_right
    assert hint in judged.text


def test_a_threshold_that_loses_one_answer_for_nothing_is_rejected():
    is_correct = np.arange(40) < 20  # 21 answers, of which 20 are correct, are possible
    assert verdict("14.4", 0.785, confidence=CONFIDENCE, is_correct=is_correct).is_right
    judged = verdict("14.4", 0.795, confidence=CONFIDENCE, is_correct=is_correct)
    assert not judged.is_right
    assert "20 of 40 songs got an answer" in judged.text
    assert "a lower threshold would give more answers" in judged.text


def own_run(name="folder:kitchen", groups=5, folds=True, tested=True, split="all 5 folds by group", generated=False):
    """A cross-validation of kettles and taps, with two clips per group."""
    labels = np.repeat([0, 1], 2 * groups)
    names = np.char.add("room", np.repeat(np.arange(2 * groups), 2).astype(str))
    values = np.log(np.where(np.eye(2)[labels], 0.8, 0.2))
    result = Result(["kettle", "tap"], labels, values, names, np.arange(len(labels)).astype(str))
    data = {"name": name, "generated": generated}
    settings = RunSettings("mlp", {}, ["kettle", "tap"], "summary", {}, data=data, split=split)
    single = Run(settings, nn.Identity(), result)
    return replace(single, result=result if tested else None, folds={1: single} if folds else {})


def test_a_classifier_of_ones_own_is_right_and_its_interval_is_shown():
    judged = verdict("14.5", own_run())
    assert judged.is_right
    assert "95 % interval" in judged.text
    assert "n = 20 clips in 10 groups" in judged.text


def test_a_player_who_is_two_groups_is_named():
    run = own_run()
    groups = np.array([f"{run.result.classes[label]}/Ann" for label in run.result.labels])
    groups[::2] = run.result.groups[::2]
    judged = verdict("14.5", replace(run, result=replace(run.result, groups=groups)))
    assert "and the name 'Ann' appears under several labels" in judged.text


def test_the_example_of_the_lesson_is_known_by_its_bands():
    assert verdict("14.5", own_run(name="folder:example")).is_right
    for form in ("{}/{}-{:02}", "{1}-{2:02}"):
        run = own_run(name="folder:example")
        rooms = [int(group.removeprefix("room")) for group in run.result.groups]
        labels = np.array(run.result.classes)[run.result.labels]
        groups = np.array([form.format(label, label, room) for label, room in zip(labels, rooms, strict=True)])
        judged = verdict("14.5", replace(run, result=replace(run.result, groups=groups)))
        assert "the example folder" in judged.text


def test_a_group_in_one_class_only_is_no_fault_but_may_give_it_away():
    run = own_run()
    assert "Could the player or the room give the class away?" in verdict("14.5", run).text
    crossed = replace(run.result, groups=np.char.add("room", (np.arange(20) % 10).astype(str)))
    assert "give the class away" not in verdict("14.5", replace(run, result=crossed)).text


def test_a_folder_of_a_classifier_is_right(trained_crossval):
    for answer in (trained_crossval, str(trained_crossval)):
        judged = verdict("14.5", answer)
        assert judged.is_right, judged.text


@pytest.fixture(scope="module")
def trained_crossval(tmp_path_factory):
    """Folder of a cross-validation on random features of two classes, with five groups each."""
    folder = tmp_path_factory.mktemp("own")
    settings = {"summary": SummaryConfig(kind="full").to_dict()}
    with create(folder / "own.h5", settings, {"name": "folder:kitchen"}, ["kettle", "tap"]) as writer:
        for clip in range(20):
            row = {"path": f"{clip}.wav", "label": ["kettle", "tap"][clip // 10], "group": f"room {clip // 2}"}
            writer.append(row, {"summary": np.random.default_rng(clip).normal(size=(128, 1))})
    return crossval("mlp", folder / "own.h5", out=folder / "run", epochs=1, device="cpu", show_progress=False).folder


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"generated": True}, "generated by musiclab"),
        ({"folds": False}, "single split"),
        ({"tested": False}, "not tested"),
        ({"split": "2 of 5 folds by group: not comparable with results on all"}, "not all folds"),
        ({"groups": 4}, "only 4 groups"),
    ],
)
def test_other_runs_are_told_why_not(changes, hint):
    judged = verdict("14.5", own_run(**changes))
    assert not judged.is_right
    assert hint in judged.text


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.9, "the result of ml.crossval"),
        ("nowhere", "no finished cross-validation in nowhere. Make one with ml.crossval"),
    ],
)
def test_anything_but_a_run_is_rejected(answer, hint):
    judged = verdict("14.5", answer)
    assert not judged.is_right
    assert hint in judged.text


# Notations of fair answers, and mistakes that were accepted once


@pytest.mark.parametrize(
    "answer",
    [
        "(B, C, D, E)",
        "{B, C, D, E}",
        "BCDE!",
        "B\nC\nD\nE",
        np.array(list("BCDE")),
        pd.Series(list("BCDE")),
        ("b", "CDE"),
    ],
)
def test_letters_in_any_notation(answer):
    check_right("12.3", answer)


def test_an_area_above_one_half_by_force_is_named():
    def areas(known, test, strangers, kept, forced=max, size=lambda x: x):
        threshold = np.quantile(known, kept)
        area = (strangers[:, None] > test).mean()
        return size(threshold), (strangers > size(threshold)).mean(), forced(area, 1 - area)

    check_right("12.2", partial(areas, forced=lambda area, _: area))
    check_wrong("12.2", areas, "with kept=0.1, AUROC")
    check_wrong("12.2", partial(areas, forced=lambda area, _: area, size=abs), "with kept=0.1, threshold")


def test_groups_as_a_table_or_a_generator():
    names = [f"player{player}_monday_{label}_{take}.wav" for player in "abc" for label in ("x", "y") for take in "12"]
    players = [name.split("_")[0] for name in names]
    for answer in (pd.DataFrame({"group": players}), pd.Series(players), map(str, players), np.array(players)):
        check_right("14.2", answer, names=names)
    check_wrong("14.2", pd.DataFrame({"a": players, "b": players}), "a list of 12 groups", names=names)


def test_a_method_left_out_of_the_ensemble_is_named():
    for left_out in range(len(RESULTS)):
        others = [result.log_probabilities for place, result in enumerate(RESULTS) if place != left_out]
        answer = summarise(np.mean(others, axis=0))
        if np.abs(np.subtract(answer, vote_by_hand())).max() > 0.002:
            check_wrong("13.3", answer, "one of the methods is missing", **VOTE)
