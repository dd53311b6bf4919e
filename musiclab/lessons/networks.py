"""Exercises of lessons 06 to 09: networks on log-mels, feature vectors, sequences and raw audio."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from musiclab.features import MelConfig, SequenceConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result
from musiclab.models import count_parameters, create
from musiclab.models.waveform import KERNEL, M5, POOL, STRIDE
from musiclab.store import Segments, Store
from musiclab.training import History, TrainConfig, evaluate

FRAME = SequenceConfig().hop_length / SequenceConfig().sample_rate  # seconds per frame of a sequence


@exercise("07.5")
@exercise("08.5")
def lower_loss(answer, history: History | pd.DataFrame, longest: int | None = None) -> Verdict:
    """Check a run that reached a lower validation loss than the lesson's, in at most ``longest`` epochs."""
    own_history = getattr(answer, "history", None)
    judge.expect_type(own_history is not None, "what musiclab.train returns", answer)
    epochs, lesson_epochs = map(_table, (own_history, history))
    expect("valid_loss" in epochs, "expected a training with a validation part")
    expect(longest is None or len(epochs) <= longest, f"expected at most {longest} epochs, found {len(epochs)}")
    reached, to_beat = epochs["valid_loss"].min(), lesson_epochs["valid_loss"].min()
    text = f"lowest validation loss {reached:.3f}, the lesson's {to_beat:.3f}"
    return judge.better(reached, to_beat, text, higher=False)


@exercise("06.4")
@exercise("09.5")
def lower_loss_in_time(answer, history: History | pd.DataFrame) -> Verdict:
    """Check a run that reached a lower validation loss than the lesson's, in at most as many epochs."""
    return lower_loss(answer, history, longest=len(_table(history)))


def _table(history: History | pd.DataFrame) -> pd.DataFrame:
    return history if isinstance(history, pd.DataFrame) else history.to_frame()


@exercise("06.1")
def parameters_of_twice_the_width(answer) -> Verdict:
    """Check the parameters of the CNN with width 32 in place of 16, for ten classes."""
    narrow, wide = (count_parameters(create("cnn", classes=10, width=width)) for width in (16, 32))
    slips = [(factor * narrow, "the layers do not all grow by the same factor") for factor in (1, 2, 4)]
    return judge.number(answer, wide, "parameters", slips=slips)


@exercise("06.2")
def frames_and_segments(answer) -> list[Verdict]:
    """Check the frames of 30 s at 22,050 Hz (hop 512), and the segments of 128, at most 64 apart, that cover them."""
    frames = MelConfig().frames(30 * 22050)
    song = Segments(np.zeros((frames, 1), np.float32), [0, frames], [0], length=128, places="covering")
    return judge.numbers(answer, {"frames": frames, "segments": len(song)})


@exercise("06.3")
def right_in_two_guesses(answer, result: Result) -> Verdict:
    """Check the number of clips whose class is among the two most probable ones."""
    of_truth = result.log_probabilities[np.arange(result.n), result.labels]
    truth = int(((result.log_probabilities > of_truth[:, None]).sum(axis=1) < 2).sum())  # at most one was ahead
    with_one = int(result.correct.sum())
    slips = [
        (with_one, "that many are correct with one guess"),
        (truth / result.n, "expected a number of clips, found a share"),
        (result.accuracy, "expected a number of clips, found a share"),
    ]
    return judge.number(answer, truth, f"of {result.n} clips", note=f"with one guess {with_one}", slips=slips)


@exercise("07.1")
def parameters_of_128_inputs(answer) -> Verdict:
    """Check the parameters of the feature network with 128 inputs in place of 26, for ten classes."""
    return judge.number(answer, count_parameters(create("mlp", classes=10, inputs=128)), "parameters")


@exercise("07.2")
def artists_meet(answer) -> Verdict:
    """Check the probability that another track of a test track's artist trains: 30 tracks, 3 per artist, 5 folds."""
    neither = 5 / 29 * 4 / 28  # both others are in the fold, of whose 6 places the tested track has one
    slips = [(neither, "that is the probability that no other track trains")]
    return judge.number(answer, 1 - neither, note=f"counted: {_share_met(2000):.3f}", slips=slips)


def _share_met(times: int) -> float:
    """Count it in random folds."""
    rng = np.random.default_rng(0)
    artist, met = np.repeat(np.arange(10), 3), 0
    for _ in range(times):
        fold = rng.permutation(np.repeat(np.arange(5), 6))
        together = (artist[:, None] == artist) & (fold[:, None] == fold)
        met += (together.sum(axis=1) < 3).sum()
    return met / (times * len(artist))


@exercise("07.3")
def columns_without_leak(answer, noise: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Verdict:
    """Check a pipeline that chooses 20 columns of ``noise`` within each fold, and so learns nothing from it."""
    judge.expect_type(isinstance(answer, Pipeline), "a pipeline", answer)
    keeps = len(answer) > 1 and clone(answer).fit(noise, labels)[:-1].transform(noise).shape[1] == 20
    expect(keeps, "expected 20 of the columns in front of the last step")
    chosen = SelectKBest(k=20).fit_transform(noise, labels)  # with the labels of the test clips: the leak
    leaky = _crossvalidated(_svm(), chosen, labels, folds)
    honest = _crossvalidated(answer, noise, labels, folds)
    text = f"{honest:.1%} of {len(labels)} clips by noise; chosen on all clips {leaky:.1%}"
    expect(honest < leaky - 0.08, f"the labels of the test clips still help: {text}")
    return accept(text)


@exercise("07.4")
def means_or_deviations(answer, store: Store, folds: np.ndarray) -> list[Verdict]:
    """Check the accuracy of an SVM (C = 5) on the means over time alone, and on the standard deviations alone."""
    values, truths = store.values("summary").astype(float), {}
    for name, end in (("means", "_mean"), ("deviations", "_deviation")):
        half = [column.endswith(end) for column in store.names("summary")]
        truths[name] = _crossvalidated(_svm(), values[:, half], store.labels, folds)
    exchanged = dict(zip(truths, reversed(truths.values()), strict=True)), "the two are exchanged: first the means"
    return judge.numbers(answer, truths, within=0, absolute=0.002, slips=[exchanged])


def _svm() -> Pipeline:
    return make_pipeline(StandardScaler(), SVC(C=5))


def _crossvalidated(classifier, values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    return float((cross_val_predict(classifier, values, labels, cv=PredefinedSplit(folds)) == labels).mean())


@exercise("08.1")
def parameters_with_gru(answer) -> Verdict:
    """Check the parameters of the tutorial's network with GRU in place of LSTM: two layers of 128, 33 inputs."""
    model, lstm = create("lstm", classes=10, cell="gru"), create("lstm", classes=10)
    truth = count_parameters(model)
    slips = [
        (count_parameters(lstm), "that is the LSTM, with its four matrices"),
        (truth - count_parameters(model.output), "the linear layer at the end is missing"),
        (truth - 2 * 3 * 128, "not yet: PyTorch keeps two biases per row, one for the input and one for the state"),
    ]
    return judge.number(answer, truth, "parameters", slips=slips)


@exercise("08.2")
def forget_gate_for_a_second(answer) -> Verdict:
    """Check the forget gate that leaves half of a cell's content after one second."""
    truth = 0.5**FRAME
    slips = [(1 - truth, "that is what is lost in a frame; the gate is what is kept")]
    note = f"applied {1 / FRAME:.0f} times a second"
    return judge.number(answer, truth, within=0, absolute=2e-4, note=note, slips=slips)


@exercise("08.3")
def gru_step(answer, cell: torch.nn.GRUCell, x: np.ndarray, h: np.ndarray) -> Verdict:
    """Check the state of a GRU, shape (size,), after one step with the input ``x`` from the state ``h``."""
    with torch.no_grad():
        truth = cell(*(torch.tensor(each, dtype=torch.float32)[None] for each in (x, h)))[0].numpy()
        exchanged, together = _other_grus(cell, np.asarray(x, float), np.asarray(h, float))
    slips = [
        (exchanged, "z and 1 - z are exchanged"),
        (together, "the reset gate multiplies h before the matrix; here it multiplies U h + its bias"),
    ]
    return judge.array(answer, truth, 1e-5, "the state", slips=slips)


def _other_grus(cell, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the step with z and 1 - z exchanged, and that of Cho et al. 2014, who reset h before the matrix."""
    W, U, b, a = (each.double().numpy() for each in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    of_input, of_state = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    r, z = (1 / (1 + np.exp(-of_input[gate] - of_state[gate])) for gate in (0, 1))
    n = np.tanh(of_input[2] + r * of_state[2])
    n_of_cho = np.tanh(of_input[2] + np.split(U, 3)[2] @ (r * h) + np.split(a, 3)[2])
    return z * n + (1 - z) * h, (1 - z) * n_of_cho + z * h


@exercise("08.4")
def half_of_the_gradient(answer, strength: np.ndarray) -> Verdict:
    """Check the seconds before the end of the clip that hold half of the gradient, of norm ``strength`` per frame."""
    strength = np.asarray(strength, float)
    frames = int(np.searchsorted(np.cumsum(strength[::-1]), strength.sum() / 2)) + 1
    slips = [(count, "that is a number of frames; give seconds") for count in (frames - 1, frames, frames + 1) if count]
    slips += [((len(strength) - frames) * FRAME, "counted from the beginning; count from the end")]
    return judge.number(answer, frames * FRAME, "s", within=0, absolute=1.5 * FRAME, slips=slips)


@exercise("09.1")
def m5_at_twice_the_rate(answer) -> list[Verdict]:
    """Check kernel and stride of M5's first layer at 16 kHz, in the same ms, and its receptive field in samples."""
    factor = 16_000 // M5.feature_config.sample_rate
    after_the_first = [(POOL, POOL), (3, 1)] * len(M5.repeats) + [(POOL, POOL)]
    at_8_khz, at_16_khz = (_reach([(k * KERNEL, k * STRIDE), *after_the_first]) for k in (1, factor))
    truths = {"kernel": factor * KERNEL, "stride": factor * STRIDE, "samples": at_16_khz}
    return judge.numbers(answer, truths, slips=[({"samples": at_8_khz}, "that is the receptive field at 8 kHz")])


def _reach(layers: list[tuple[int, int]]) -> int:
    """Compute the receptive field of layers (kernel, stride), in samples."""
    reach, step = 1, 1
    for kernel, stride in layers:
        reach, step = reach + (kernel - 1) * step, step * stride
    return reach


@exercise("09.2")
def heard_at(answer) -> list[Verdict]:
    """Check where 1,000 Hz lie for a network for 8 kHz, when every fifth sample is kept of files of four rates."""

    def by_rate(hertz):
        return {f"{rate:,} Hz": hertz(rate) for rate in (22050, 44100, 48000, 96000)}

    slips = [
        (by_rate(lambda rate: 1000.0), "the network is not told the rate: it takes any input for 8,000 Hz"),
        (by_rate(lambda rate: 1000 * rate / 5 / 8000), "turn the fraction round: fewer samples a period sound higher"),
        (by_rate(lambda rate: 1000 * 8000 / rate), "only every fifth sample is left"),
    ]
    return judge.numbers(answer, by_rate(lambda rate: 1000 * 8000 / (rate / 5)), slips=slips)


@exercise("09.3")
def weighted_loss(answer, result: Result, weights: np.ndarray) -> Verdict:
    """Check the mean of -log p over the clips, weighted by their classes and divided by the weights, as in PyTorch."""
    surprise = -result.log_probabilities[np.arange(result.n), result.labels]
    weight = np.asarray(weights, dtype=float)[result.labels]
    weighted = weight * surprise
    slips = [
        (weighted.mean(), "divided by the number of clips; divide by the sum of their weights"),
        (surprise.mean(), "that is the loss without weights"),
        (weighted.sum(), "that is the sum; take the mean"),
    ]
    truth, note = float(weighted.sum() / weight.sum()), f"without weights {surprise.mean():.4g}"
    return judge.number(answer, truth, "nats", note=note, slips=slips)


@exercise("09.4")
def right_in_one_piece(answer, model: torch.nn.Module, store: Store, clips: Sequence[int]) -> Verdict:
    """Check the number of clips that a model classifies correctly when it receives 4 s of each at once."""

    def count(length, precision="fp32"):
        segments = Segments.of_store(store, "audio", clips, length=length, places="covering")
        return int(evaluate(model, store, segments, TrainConfig(precision=precision)).correct.sum())

    length = 4 * store.config["audio"]["sample_rate"]
    # where "auto" is bf16 its rounding can move a clip or two; either precision will do
    truth, rounded, before = count(length), count(length, "auto"), count(model.length)
    if judge.finite_number(answer) == rounded:
        truth = rounded
    slips = [
        (before, "that many are correct when it receives the short segments one by one"),
        (truth / len(clips), "expected a number of clips, found a share"),
    ]
    return judge.number(answer, truth, f"of {len(clips)} clips", note=f"in short segments {before}", slips=slips)
