"""Check the exercises of lessons 00 and 12 to 14: trained classifiers, transfer, and your own music."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from musiclab import studio
from musiclab.core.errors import RunError
from musiclab.datasets.folder import find_divided_groups
from musiclab.features import ENCODERS, EmbeddingConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.data import bootstrap
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result, difference_interval, group_interval
from musiclab.runs import Run, RunSettings, hear, load, merged
from musiclab.runs.prediction import column


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
        (result.n * (1 - share), "this is how many are wrong. How many are right?"),
        (correct, "this is what your model achieved. The question is about random guessing."),
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
    text = f"your track is the unchanged {genre} track of seed {seed}. Another genre, seed or length is another track. "
    text += "For a change, pass tempo=, key=, swing=, mute= or artist= to studio.render."
    expect(is_changed, text if not answer.record["mute"] else f"the muted instrument is silent in these {seconds:g} s")
    changes = [name for name in ("tempo", "key", "swing", "artist") if answer.record[name] != unchanged.record[name]]
    changes += [f"mute {stem}" for stem in answer.record["mute"]]
    expect(len(changes) <= 1, f"change only one thing. You changed {len(changes)}: {', '.join(changes)}.")
    before, after = (run.predict(track.waveform, track.sample_rate).files.iloc[0] for track in (unchanged, answer))
    was, now = (f"{row['predicted']} ({row[column(row['predicted'])]:.0%})" for row in (before, after))
    is_correct = before["predicted"] == genre
    expect(is_correct, f"even unchanged, this {genre} track is classified as {was}. Choose another track.")
    expect(after["predicted"] != genre, f"the unchanged track is classified as {was}, and yours still as {now}")
    is_close = min(abs(row[column(genre)] - row[column(after["predicted"])]) for row in (before, after)) < 0.1
    text = ". But this is close, so it tells little: try a clearer change" if is_close else ""
    left = f"{genre} {after[column(genre)]:.0%}"
    return accept(f"the unchanged track is classified as {was}, yours as {now}, with {left} left{text}")


@exercise("12.1")
def sizes_of_a_probe(answer) -> list[Verdict]:
    """Check the number of embeddings of 20 s, and the number of parameters of a probe on 1,506 values."""
    dimensions, classes = ENCODERS["musicnn"], 10
    truths = {"embeddings": EmbeddingConfig().frames(20 * 22050), "parameters": (dimensions + 1) * classes}
    slips = [
        ({"embeddings": 6}, "six segments cover 18 s. What happens with the rest?"),
        ({"embeddings": 20 / 3}, "there are only whole segments. What happens with the rest?"),
        ({"parameters": dimensions * classes}, "the biases are missing"),
        ({"parameters": dimensions + 1}, "this is one class. The probe has ten."),
        (
            {"parameters": dimensions},
            "this is the size of one embedding. How many weights does each class need for it?",
        ),
        ({"parameters": dimensions * classes + 1}, "there is one bias per class"),
        ({"parameters": dimensions * classes + dimensions}, "there is one bias per class, not one per number"),
        ({"parameters": 7 * (dimensions + 1) * classes}, "all embeddings share the same weights"),
    ]
    return judge.numbers(answer, truths, slips=slips, permuted="the other way round: (embeddings, parameters)")


@exercise("12.2")
def detector_of_strangers(answer) -> Verdict:
    """Check a function of known validation, known test and unknown novelties that judges a detector."""
    judge.expect_type(callable(answer), "a function", answer)
    rng = np.random.default_rng(0)
    for kept, centre in ((0.95, 1.5), (0.8, 1.5), (0.1, -1)):  # the last strangers seem less novel than known sounds
        known, test, strangers = rng.normal(0, 1, 60), rng.normal(0.3, 1, 50), rng.normal(centre, 1.5, 30)
        returned = judge.call(
            answer, known.copy(), test.copy(), strangers.copy(), kept, what="judge(valid, test, strangers, kept)",
            hint=". To compare all pairs, use strangers[:, None] > test",
        )  # fmt: skip
        threshold = float(np.quantile(known, kept))
        neighbours = [np.quantile(known, kept, method=method) for method in ("lower", "higher")]
        truths = {
            "threshold": threshold,
            "recognised": float((strangers > threshold).mean()),
            "AUROC": float((strangers[:, None] > test).mean()),
        }
        slips = [
            ({"threshold": float(np.quantile(known, 1 - kept))}, "known sounds should lie below it, not above it"),
            ({"threshold": float(np.quantile(test, kept))}, "choose it with the validation sounds, not with the test"),
            ({"threshold": float(np.quantile(strangers, kept))}, "strangers don't take part in choosing it"),
            (
                {"threshold": float(np.quantile(np.concatenate([known, test]), kept))},
                "choose it with the validation sounds alone",
            ),
            (
                {"threshold": float(np.quantile(known, 0.95))} if kept != 0.95 else {},
                "this is for 0.95. Is `kept` used?",
            ),
            *(({"threshold": float(value)}, "almost: use np.quantile(valid, kept)") for value in neighbours),
            ({"recognised": 1 - truths["recognised"]}, "this is the share below the threshold"),
            ({"recognised": float((test > threshold).mean())}, "these are the known sounds. Take the strangers."),
            ({"recognised": float((strangers > threshold).sum())}, "this is a number of sounds. What share is it?"),
            (
                {"AUROC": 1 - truths["AUROC"]},
                "the other way round: how often does the stranger have the higher novelty?",
            ),
            ({"AUROC": float((strangers[:, None] > known).mean())}, "compare with the test sounds"),
        ]
        permuted = "the three are in another order: (threshold, share of strangers above it, AUROC)"
        verdicts = judge.numbers(returned, truths, within=0, absolute=1e-6, slips=slips, permuted=permuted)
        for verdict in verdicts:
            if not verdict.is_right:
                return judge.reject(f"with kept={kept}, {verdict.text}")
    return accept("for kept=0.95, 0.8 and 0.1")


@exercise("12.3")
def unclean_tests(answer) -> Verdict:
    """Check which of six tests of encoders are not clean, given as letters in any order."""
    is_listed = hasattr(answer, "__iter__") and not isinstance(answer, Mapping)
    is_listed = is_listed and all(isinstance(letter, str) for letter in answer)
    judge.expect_type(is_listed, 'letters, such as "AB"', answer)
    letters = {letter for letter in "".join(answer).upper().replace("AND", "") if letter.isalnum()}
    expect(bool(letters), "no letter yet")
    expect(letters <= set("ABCDEF"), "expected letters from A to F")
    expect(letters != set("AF"), "these are the clean ones. The question asks for the others.")
    hints = {
        "A": "A: what could speech tell an encoder about your test artists?",
        "B": "B: which artists are in your whole collection?",
        "C": "C: it had no labels, but which artists did it hear?",
        "D": "D: which artists has the encoder met? A clean split is by group, not by track.",
        "E": "E: the encoder is innocent. Who chose the strength, and with which artists?",
        "F": "F: random weights have met nobody",
    }
    mistaken = sorted(letters ^ set("BCDE"))
    expect(not mistaken, f"not yet. Think again about {hints.get(mistaken[0]) if mistaken else ''}")
    return accept("only A and F are clean")


@exercise("12.4")
def leak_through_artists(answer, train_encoder: Callable, y, folds, is_third) -> list[Verdict]:
    """Check the accuracies of probes on an encoder that knows the test artists, and on encoders that don't."""
    y, folds, is_third = map(np.asarray, (y, folds, is_third))

    def cross_validate(choose_rows: Callable, train_on_third: bool = False) -> float:
        correct = []
        for fold in np.unique(folds):
            train = np.flatnonzero((folds != fold) & (~is_third | train_on_third))
            test = np.flatnonzero((folds == fold) & is_third)
            correct.append(test_probe(choose_rows(train), train, test))
        return float(np.concatenate(correct).mean())

    def test_probe(encoder_rows: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Find out which rows of ``test`` a probe classifies correctly."""
        embeddings = encode(tuple(encoder_rows))
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return probe.fit(embeddings[train], y[train]).predict(embeddings[test]) == y[test]

    @cache
    def encode(rows: tuple) -> np.ndarray:
        return np.asarray(train_encoder(np.array(rows)))

    without_third, third = np.flatnonzero(~is_third), np.flatnonzero(is_third)
    truths = {
        "owner's encoder": cross_validate(lambda train: without_third),
        "honest encoders": cross_validate(lambda train: train),
    }
    all_rows = {name: value * is_third.mean() for name, value in truths.items()}
    knowing = float(test_probe(without_third, without_third, third).mean())
    slips = [
        (all_rows, f"you divided by {len(y)} tracks, but only {len(third)} are tested"),
        ({"owner's encoder": knowing}, "your probe knows the test artists, too. Train it on the other folds only."),
    ]
    permuted = "the other way round: the owner's encoder comes first"
    verdicts = judge.numbers(answer, truths, within=0, absolute=0.025, slips=slips, permuted=permuted)
    owner, honest = map(judge.finite_number, judge.in_order(answer, truths))
    if all(verdict.is_right for verdict in verdicts):
        for value in (owner, honest):
            correct = value * len(third)
            is_share = abs(correct - round(correct)) < 0.06 or round(value, 2) == value
            expect(is_share, f"{len(third)} tracks can't give an accuracy of {value:.1%}. Test the third tracks alone.")
        own = zip(truths.items(), (owner, honest), strict=True)
        return [
            Verdict(True, f"{name}: correct, {value:.2f} (the check gets {truth:.2f})") for (name, truth), value in own
        ]
    everything = cross_validate(lambda train: np.arange(len(y)))
    expect(
        not (abs(owner - everything) < 0.006 and abs(owner - truths["owner's encoder"]) > 0.025),
        "your owner's encoder was trained on the test tracks, too. Leave out the third tracks.",
    )
    larger = cross_validate(lambda train: train, train_on_third=True)
    expect(
        not (abs(honest - larger) < 0.006 and abs(honest - truths["honest encoders"]) > 0.025),
        "your honest encoders and probes were trained on third tracks, too. Leave them out.",
    )
    return verdicts


@exercise("12.5")
def narrow_phone(answer, tracks, record: Callable, summarise: Callable, home, test: Callable) -> list[Verdict]:
    """Check how many points of accuracy an intercom of 800 to 2,000 Hz costs, and how many standardising gives back."""
    at_home = 100 * float(np.mean(test([home], home)))

    def measure(low: float, high: float) -> tuple[dict[str, float], dict[str, float]]:
        sounds = summarise([record(track, low, high, -25) for track in tracks])
        plain, scaled = (100 * float(np.mean(test([home], sounds, own))) for own in (False, True))
        return {"lost": at_home - plain, "back": scaled - plain}, {"lost": plain, "back": scaled}

    truths, accuracies = measure(800, 2000)
    missing = {"back": at_home - accuracies["back"]}
    slips = [
        (accuracies, "this is an accuracy. The question asks for a difference of two accuracies."),
        (missing, "this is what is still missing. How many points came back?"),
        ({name: -value for name, value in truths.items()}, "the sign is reversed"),
        ({name: value / 100 for name, value in truths.items()}, "give percentage points, not fractions"),
    ]
    options = {"within": 0, "absolute": 0.55, "permuted": "the other way round: (points lost, points that come back)"}
    verdicts = judge.numbers(answer, truths, slips=slips, **options)
    if not all(verdict.is_right for verdict in verdicts):
        phone, _ = measure(400, 3400)
        is_phone = all(verdict.is_right for verdict in judge.numbers(answer, phone, within=0, absolute=0.55))
        expect(not is_phone, "these are the points of the phone in section 10. The intercom passes 800 to 2,000 Hz.")
    return verdicts


@exercise("13.1")
def coins_by_artist(answer) -> Verdict:
    """Check the p-value of tossing one coin per artist, for gains of 2, 1, 1, 3 and -1 tracks."""
    sums = np.array(list(product([-1, 1], repeat=5))) @ [2, 1, 1, 3, -1]
    truth = float(np.mean(np.abs(sums) >= 6))
    one_sided = "this is one-sided. A sum of -6 or less is as extreme as one of 6 or more."
    without_six = "a sum of exactly 6 or -6 counts, too: it is as far from 0 as the measured one"
    single = "this counts only the most extreme toss, on one side"
    slips = [
        *((value, one_sided) for value in (truth / 2, 0.12, 0.13)),
        (float(binomtest(7, 8).pvalue), "this is McNemar's test, with one coin per track. Toss one coin per artist."),
        (
            float(binomtest(4, 5).pvalue),
            "this counts artists, but an artist with 3 tracks moves the sum more than the others",
        ),
        *((value, without_six) for value in (float(np.mean(np.abs(sums) > 6)), 0.06)),
        (float(np.mean(np.abs(sums) == 6)), "a sum of 8 or -8 counts, too: it is even further from 0"),
        *((value, single) for value in (1 / 32, 0.03)),
        (int((np.abs(sums) >= 6).sum()), "this is the number of tosses. What share of all tosses is it?"),
    ]
    return judge.number(answer, truth, within=0.01, note="so five coins can't tell", slips=slips)


@exercise("13.2")
def corrected(answer) -> Verdict:
    """Check the Holm-corrected p-values of four tests, in the order of the tests."""
    values = np.array([0.04, 0.004, 0.03, 0.012])
    order = values.argsort()
    products, truth, false_discovery = np.empty(4), np.empty(4), np.empty(4)
    products[order] = values[order] * [4, 3, 2, 1]
    truth[order] = np.maximum.accumulate(products[order])
    false_discovery[order] = np.minimum.accumulate((values[order] * [4, 2, 4 / 3, 1])[::-1])[::-1]
    slips = [
        (values, "these are the uncorrected values"),
        (truth.round(2), "almost: give three decimals"),
        (4 * values, "this is Bonferroni's method, which multiplies all p-values by the number of tests"),
        (products, "almost: a corrected value must not be smaller than that of a smaller p"),
        (
            products[order],
            "these are in ascending order of p. No value may be smaller than the one before it. "
            "Then put them back into the order of the tests.",
        ),
        (false_discovery, "this is the method of Benjamini and Hochberg, which answers another question"),
    ]
    reversed_factors = np.sort(values) * [1, 2, 3, 4]
    for own in (reversed_factors, reversed_factors[order.argsort()]):
        slips.append(
            (own, "you have multiplied the largest p-value by the number of tests. Multiply the smallest by it.")
        )
    for permuted in set(permutations(truth.tolist())) - {tuple(truth.tolist())}:
        slips.append((np.array(permuted), "correct values in another order. Give them in the order of the tests."))
    answer = list(answer.values()) if isinstance(answer, Mapping) else answer
    verdict = judge.array(answer, truth, 5e-4, slips=slips)
    return accept("and two of the four stay below 0.05") if verdict.is_right else verdict


@exercise("13.3")
def ensemble(answer, results: Sequence[Result], reference: Result, control: Result | None = None) -> list[Verdict]:
    """Check the accuracy of the mean of log-probabilities, and the interval of its difference to a single method.

    ``control`` is a result that does not belong to the ensemble, but might be included by mistake.
    """
    labels, groups, names = reference.labels, reference.groups, ("accuracy", "low", "high")
    if isinstance(answer, list | tuple) and len(answer) == 2 and np.size(answer[1]) == 2:
        answer = (answer[0], *answer[1])  # a number and an interval
    accuracy, low, high = map(judge.finite_number, judge.in_order(answer, names))
    log_p = np.stack([result.log_probabilities for result in results])
    is_correct = log_p.mean(axis=0).argmax(axis=1) == labels

    def summarise(is_correct, units=groups) -> tuple[float, float, float]:
        return (float(is_correct.mean()), *difference_interval(is_correct, reference.correct, units))

    def is_near(ends: Sequence[float], tolerance: float = 0.002) -> bool:
        return max(abs(ends[0] - low), abs(ends[1] - high)) <= tolerance

    truths = summarise(is_correct)
    verdicts = judge.numbers(answer, dict(zip(names, truths, strict=True)), within=0, absolute=0.0012)
    if all(verdict.is_right for verdict in verdicts):
        return verdicts
    is_percent = np.allclose([accuracy, low, high], [100 * value for value in truths], rtol=0, atol=0.6)
    expect(not is_percent, "in per cent. Give shares: 0.05 means 5 points.")
    is_difference = is_near(truths[1:]) and abs(accuracy - (truths[0] - reference.accuracy)) <= 0.002
    expect(not is_difference, "the first number is the difference. What is the ensemble's accuracy?")

    every = range(len(results))
    votes = np.stack([np.eye(log_p.shape[2])[result.predictions] for result in results])
    slips = [
        (np.exp(log_p).mean(axis=0), "you have averaged the probabilities. Average the log-probabilities."),
        (votes.sum(axis=0), "this counts votes. Average the log-probabilities."),
        (log_p.min(axis=0), "this is the lowest log-probability of each class. Average them."),
        (log_p.max(axis=0), "this is the highest log-probability of each class. Average them."),
        *((np.delete(log_p, method, axis=0).mean(axis=0), "one of the methods is missing") for method in every),
    ]
    if control is not None:
        text = "this includes `mlp again`, which is only a control. Average the five methods."
        slips.append((np.concatenate([log_p, control.log_probabilities[None]]).mean(axis=0), text))
    texts = {}  # by the distance from the answer
    for scores, text in reversed(slips):
        other, *ends = summarise(scores.argmax(axis=1) == labels)
        is_other = abs(other - accuracy) <= 0.0015 and abs(other - truths[0]) > 0.006
        if is_other or (is_near(ends) and not is_near(truths[1:], 0.0012)):
            texts[max(abs(other - accuracy), abs(ends[0] - low), abs(ends[1] - high))] = text
    expect(not texts, texts.get(min(texts, default=0), ""))

    expect(not is_near([-truths[2], -truths[1]]), "the interval is the other way round: ensemble minus resnet")
    text = "this is the interval of the ensemble's own accuracy. What is that of its difference to resnet?"
    expect(not is_near(group_interval(is_correct, groups), 0.02), text)
    best = max(results, key=lambda result: result.accuracy)
    text = "this is the interval of ensemble minus its best member. What is that of ensemble minus resnet?"
    expect(not is_near(difference_interval(is_correct, best.correct, groups)) or is_near(truths[1:], 0.006), text)
    has_right_ends = is_near(truths[1:], 0.006)
    drawn = bootstrap(is_correct.astype(float) - reference.correct, groups)  # as in lesson 05
    units = (np.arange(len(labels)), reference.paths)
    mistakes = [
        ("weights single tracks", any(is_near(summarise(is_correct, unit)[1:]) for unit in units)),
        ("is the plain bootstrap, without the half artist at each end", is_near(drawn, 0.002 + 1 / len(labels))),
    ]
    made = " or ".join(name for name, is_made in mistakes if is_made)
    text = f"this {made}. Use metrics.difference_interval, and pass it the artists as groups."
    expect(has_right_ends or not made, text)
    return verdicts


@exercise("13.4")
def only_drums(answer, runs: Sequence[Run], paths: Sequence[Sequence[str]], versions: Mapping[str, Mapping]) -> Verdict:
    """Check the mean probability of the true class when the networks hear only the drums."""
    is_studio = all("no drums" in version for version in versions.values())
    expect(is_studio, "this cannot be checked, because these tracks were not generated by the Studio")

    label_of = pd.concat([pd.Series(run.result.labels, index=run.result.paths) for run in runs]).to_dict()

    def drums(version: Mapping) -> np.ndarray:
        return version["original"] - version["no drums"]

    def as_loud_as_the_mix(version: Mapping) -> np.ndarray:
        level = drums(version).std()
        return drums(version) * (version["original"].std() / level if level > 0 else 1)

    def mean_probability(change, runs=runs) -> float:
        values = []
        for run, own_paths in zip(runs, paths, strict=True):
            sounds = [change(versions[path]) for path in own_paths]
            log_p = hear(run.model, sounds, studio.SAMPLE_RATE, run.settings.feature_settings)
            labels = [label_of[path] for path in own_paths]
            values.append(np.exp(log_p[np.arange(len(labels)), labels]))
        return float(np.concatenate(values).mean())

    truth = mean_probability(drums)
    one_network = mean_probability(drums, [runs[0]] * len(runs))
    slips = [
        (mean_probability(lambda version: version["no drums"]), "this is without the drums. Play only the drums."),
        (mean_probability(lambda version: version["original"]), "this is the original, with all stems"),
        (mean_probability(as_loud_as_the_mix), "these drums are as loud as the mix. Play them as they are."),
        (one_network, "this is one network for all tracks. For each training, take the network that it trained."),
    ]
    return judge.number(answer, truth, within=0, absolute=0.003, slips=slips)


@exercise("13.5")
def better_recipe(answer, to_beat: Run) -> Verdict:
    """Check a cross-validation with a lower loss than the lesson's, on the same clips."""
    result = getattr(answer, "result", None)
    judge.expect_type(isinstance(result, Result), "the result of musiclab.crossval", answer)
    is_same = sorted(result.paths) == sorted(to_beat.result.paths)
    expect(is_same, "your run was tested on other tracks. Pass [4, 5] and split_seed=0, as in the lesson.")
    settings, lesson_settings = answer.settings, to_beat.settings
    expect(settings.model == lesson_settings.model, f"expected a recipe for {lesson_settings.model}")
    seed, lesson_seed = settings.training["seed"], lesson_settings.training["seed"]
    expect(
        seed == lesson_seed, f"your seed is {seed}. Keep {lesson_seed}, the lesson's, so that only the recipe differs."
    )
    is_changed = _recipe(settings) != _recipe(lesson_settings)
    expect(is_changed, "this is the lesson's recipe. Change something in it, such as the dropout.")
    reached, lesson = (
        float(-each.log_probabilities[np.arange(each.n), each.labels].mean()) for each in (result, to_beat.result)
    )
    return judge.better(reached, lesson, f"loss {reached:.3f}, in the lesson {lesson:.3f}", higher=False)


def _recipe(settings: RunSettings) -> tuple[dict, dict, dict]:
    """Return what decides how a model turns out, except the seed."""
    details = ("seed", "device", "workers", "compile", "deterministic")
    training = {name: value for name, value in settings.training.items() if name not in details}
    return settings.sizes, training, settings.feature_config


@exercise("14.1")
def perfect_bands(answer) -> Verdict:
    """Check how many bands, all correct, put the lower end of the exact 95 % interval at 80 % or more."""
    truth = math.ceil(math.log(0.025) / math.log(0.8))
    more = range(truth + 1, 3 * truth)
    slips = [
        (math.log(0.025) / math.log(0.8), "there are only whole bands. Which whole number reaches 80 %?"),
        (truth - 1, "almost: what is 0.8 to the power of your number? It must not be more than 0.025."),
        (math.ceil(math.log(0.05) / math.log(0.8)), "a 95 % interval leaves out 2.5 % at each end, not 5 %"),
        (math.ceil(math.log(0.025) / math.log(0.69)), "these are the bands for a lower end of 69 %. We want 80 %."),
        (3 * truth, "this is the number of songs, if there are three per band. How many bands is that?"),
        *(
            (bands, "so many bands are enough, but fewer would do, too. How many must it be, at least?")
            for bands in more
        ),
    ]
    return judge.number(answer, truth, "bands", slips=slips)


@exercise("14.2")
def groups(answer, names: Sequence[str]) -> Verdict:
    """Check the group of each file ``player_day_label_take.wav``, for a classifier that works with new players."""
    table = pd.DataFrame([name.split("_") for name in names], columns=["player", "day", "label", "take"])
    if isinstance(answer, Mapping):
        missing = [name for name in names if name not in answer]
        expect(not missing, f"your dictionary has no group for {next(iter(missing), '')}")
        answer = [answer[name] for name in names]
    if isinstance(answer, pd.DataFrame) and (answer.shape[1] == 1 or "group" in answer):
        answer = answer[answer.columns[0] if answer.shape[1] == 1 else "group"]
    answer = list(answer) if hasattr(answer, "__iter__") and not isinstance(answer, str) else []
    expect(len(answer) == len(names), f"expected a list of {len(names)} groups, one per file")
    table["group"] = [str(group) for group in answer]
    count = table["group"].nunique()
    if _is_same_partition(table["group"], table["player"]):
        return accept(f"{count} groups, one per player, so all recordings of a player stay on one side of the split")
    expect(count > 1, "with a single group, there is nothing to split: everything would be on one side")
    expect(count < len(names), "every file has a group of its own, so one player would be on both sides of the split")
    are_labels = _is_same_partition(table["group"], table["label"])
    expect(not are_labels, "these are the labels, so each class would be on one side of the split only")
    for player, count in table.groupby("player")["group"].nunique().items():
        expect(count == 1, f"the recordings of {player} are in {count} groups, so one player could be on both sides")
    return judge.reject("some groups contain several players. That is fair, but you could have more groups.")


def _is_same_partition(first: pd.Series, second: pd.Series) -> bool:
    """Return True if both put the same rows together, whatever the names of the groups."""
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == first.nunique() == second.nunique()


@exercise("14.3")
def playlist(answer, windows: pd.DataFrame) -> Verdict:
    """Check a list of (start, end, class), one for each stretch of windows with the same class."""
    rows = _playlist_rows(answer)
    spans = merged(windows)
    truth = list(zip(spans["start"], spans["end"], spans["class"], strict=True))
    given_names, names = [row[2] for row in rows], [row[2] for row in truth]
    if given_names != names:
        is_unmerged = given_names == windows["class"].tolist()
        expect(not is_unmerged, "you have one entry per window. Join neighbours that have the same class.")
        is_by_class = sorted(given_names) == sorted(set(names)) and len(names) > len(given_names)
        expect(not is_by_class, "you have one entry per class. If a class returns later, it needs another entry.")
        expect(sorted(given_names) != sorted(names), "the entries are not in order of time")
        unknown = sorted(set(given_names) - set(names))
        expect(not unknown, f"no window has the class {next(iter(unknown), '')!r}")
        if len(given_names) == len(names) - 1:
            expect(given_names != names[:-1], "the last entry is missing")
            expect(given_names != names[1:], "the first entry is missing")
        return judge.reject(f"your playlist has {len(given_names)} entries, and their classes don't follow the windows")
    times = np.array([row[:2] for row in rows], dtype=float)
    expected = np.array([row[:2] for row in truth], dtype=float)
    if np.allclose(times, expected, atol=0.05):
        return accept(f"{len(truth)} entries from {len(windows)} windows")
    lengths = np.stack([expected[:, 0], expected[:, 1] - expected[:, 0]], axis=1)
    expect(not np.allclose(times, lengths, atol=0.05), "the second number is a duration. Give the end.")
    starts_agree = np.allclose(times[:, 0], expected[:, 0], atol=0.05)
    expect(not starts_agree, "the starts are correct, but not all ends. Take the end of the last window of a stretch.")
    ends_agree = np.allclose(times[:, 1], expected[:, 1], atol=0.05)
    expect(not ends_agree, "the ends are correct, but not all starts. Take the start of the first window of a stretch.")
    return judge.reject("the classes are correct, but the times are not")


def _playlist_rows(answer) -> list[tuple[float, float, str]]:
    """Convert a playlist of any form to a list of tuples, or reject it."""
    if isinstance(answer, pd.DataFrame):
        missing = [name for name in ("start", "end", "class") if name not in answer]
        expect(not missing, f"your table has no column {next(iter(missing), '')!r}")
        answer = answer[["start", "end", "class"]].itertuples(index=False, name=None)
    is_list = hasattr(answer, "__iter__") and not isinstance(answer, str | Mapping)
    judge.expect_type(is_list, "a list of (start, end, class)", answer)
    rows = []
    for entry in answer:
        if isinstance(entry, Mapping):
            entry = [entry.get(name) for name in ("start", "end", "class")]
        is_entry = hasattr(entry, "__len__") and not isinstance(entry, str) and len(entry) == 3
        expect(is_entry, "each entry needs three parts: start, end and class")
        start, end, name = entry
        expect(isinstance(name, str), "the third part of an entry should be the name of the class")
        rows.append((judge.finite_number(_as_number(start)), judge.finite_number(_as_number(end)), str(name)))
    expect(bool(rows), "your playlist is empty")
    return rows


def _as_number(value):
    """Convert text that NumPy made of a number, in an array of numbers and names, back to a number."""
    return float(value) if isinstance(value, np.str_) else value


@exercise("14.4")
def threshold(answer, confidence: np.ndarray, is_correct: np.ndarray) -> Verdict:
    """Check a threshold of the highest probability at which 95 % of the answers are correct."""
    minimum = judge.finite_number(answer)
    expect(not 1 < minimum <= 100, "this looks like a percentage. Give a probability from 0 to 1.")
    expect(0 <= minimum <= 1, "expected a probability from 0 to 1")
    confidence, is_correct = np.asarray(confidence), np.asarray(is_correct)
    is_answered = confidence >= minimum - 1e-6  # so that a rounded value of the confidence still counts
    count = is_answered.sum()
    expect(count > 0, "with this threshold, no song gets an answer")
    text = f"{count} of {len(confidence)} songs got an answer, {is_correct[is_answered].sum()} of them the correct one"
    expect(is_correct[is_answered].mean() >= 0.95, f"{text}, which is less than 95 %")
    best = max((confidence >= p).sum() for p in confidence if is_correct[confidence >= p].mean() >= 0.95)
    expect(count >= best, f"{text}. That is accurate enough, but a lower threshold would give more answers.")
    return accept(text)


@exercise("14.5")
def own_classifier(answer) -> Verdict:
    """Check a cross-validation of a classifier for one's own recordings."""
    try:
        run = load(answer) if isinstance(answer, str | Path) else answer
    except RunError:
        return judge.reject(
            f"there is no finished cross-validation in {answer}. Make one with ml.crossval(..., out=...)."
        )
    judge.expect_type(isinstance(run, Run), "the result of ml.crossval, or the path of its folder", answer)
    expect(run.result is not None, "this run was not tested")
    expect(not run.is_generated, "these sounds were generated by musiclab. Use recordings of your own.")
    tested = pd.DataFrame({"label": run.result.labels, "group": run.result.groups})
    labels = np.array(run.result.classes)[run.result.labels]
    is_invented = all(
        re.search(rf"\b{re.escape(label)}-\d\d$", str(group))
        for label, group in zip(labels, tested["group"], strict=True)
    )
    expect(
        not (is_invented and run.settings.data.get("name") == "folder:example"),
        "this is the example folder of the lesson. Use recordings of your own.",
    )
    expect(bool(run.folds), "this is a single split. Use ml.crossval, so that every group is tested once.")
    expect(run.settings.split.startswith("all "), "not all folds were tested. Leave out `folds`.")
    for label, count in tested.groupby("label")["group"].nunique().items():
        name = run.result.classes[label]
        expect(count >= 5, f"the class {name!r} has only {count} groups. Collect at least five.")
    shared = find_divided_groups(labels, run.result.groups, run.result.paths)
    if not shared:
        is_crossed = (tested.groupby("group")["label"].nunique() > 1).any()
        advice = "" if is_crossed else ". No group is in two classes. Could the player or the room give the class away?"
        return accept(f"{run.result}{advice}")
    advice = "If it is one player, room or day, give its recordings one group in index.csv, and cross-validate again"
    return accept(f"{run.result}, and the name {shared[0]!r} appears under several labels. {advice}")
