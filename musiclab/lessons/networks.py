"""Check the exercises of lessons 06 to 09: networks on log-mels, feature vectors, sequences and raw audio."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from numbers import Real

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from musiclab.features import MelConfig, SequenceConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.metrics import Result
from musiclab.models import count_parameters, create
from musiclab.models.waveform import KERNEL, M5, POOL, STRIDE
from musiclab.store import Segments, Store
from musiclab.training import History, TrainConfig, evaluate

FRAME = SequenceConfig().hop_length / SequenceConfig().sample_rate  # seconds per frame of a sequence


@exercise("06.5")
@exercise("08.5")
def lower_loss(answer, history: History | pd.DataFrame, longest: int | None = None) -> Verdict:
    """Check a run with a lower validation loss than the lesson's, in at most ``longest`` epochs."""
    own_history = getattr(answer, "history", None)
    judge.expect_type(own_history is not None, "the result of musiclab.train", answer)
    epochs, lesson_epochs = map(_to_table, (own_history, history))
    expect("valid_loss" in epochs, "expected a training run with a validation set")
    expect(longest is None or len(epochs) <= longest, f"expected at most {longest} epochs, found {len(epochs)}")
    reached, to_beat = epochs["valid_loss"].min(), lesson_epochs["valid_loss"].min()
    text = f"lowest validation loss {reached:.3f}, in the lesson {to_beat:.3f}"
    return judge.better(reached, to_beat, text, higher=False)


@exercise("07.4")
@exercise("09.5")
def lower_loss_in_time(answer, history: History | pd.DataFrame) -> Verdict:
    """Check a run with a lower validation loss than the lesson's, without more epochs."""
    return lower_loss(answer, history, longest=len(_to_table(history)))


def _to_table(history: History | pd.DataFrame) -> pd.DataFrame:
    return history if isinstance(history, pd.DataFrame) else history.to_frame()


@exercise("07.1")
def parameters_of_twice_the_width(answer) -> Verdict:
    """Check the number of parameters of the CNN with width 32 instead of 16, for ten classes."""
    narrow, wide = (count_parameters(create("cnn", classes=10, width=width)) for width in (16, 32))
    channels = 32 + 64 + 128 + 256
    slips = [(factor * narrow, "the layers do not all grow by the same factor") for factor in (1, 2, 4)]
    slips += [
        (wide - 2 * channels, "the batch norms are missing"),
        (wide + channels, "here the convolutions have no biases"),
        (wide - (1024 + 256 + 10), "the dense layers have biases, too"),
        (wide - 512 * 1024, "how many values does the first dense layer receive now?"),
        (wide + 2 * channels, "running averages are not trained, so they do not count as parameters"),
        (wide + 2 * channels + 4, "running averages are not trained, so they do not count as parameters"),
    ]
    return judge.number(answer, wide, "parameters", slips=slips)


@exercise("07.2")
def frames_and_segments(answer) -> list[Verdict]:
    """Check the number of frames in 30 s at 22,050 Hz (hop 512), and of half-overlapping segments of 128 frames."""
    frames = MelConfig().frames(30 * 22050)
    segments = Segments(np.zeros((frames, 1), np.float32), [0, frames], [0], length=128, places="covering")
    slips = [
        ({"frames": frames - 1}, "off by one: the first frame is centred on sample 0"),
        ({"frames": len(segments), "segments": frames}, "the other way round: (frames, segments)"),
        ({"segments": len(segments) - 1}, "this is the number of steps from one segment to the next"),
        ({"segments": len(segments) + 1}, "off by one: the last segment ends with the song"),
        ({"segments": frames // 128}, "they are at most 64 frames apart, so they overlap"),
        ({"segments": frames // 128 + 1}, "they are at most 64 frames apart, so they overlap"),
    ]
    return judge.numbers(answer, {"frames": frames, "segments": len(segments)}, slips=slips)


@exercise("07.3")
def right_in_two_guesses(answer, result: Result) -> Verdict:
    """Check the number of clips whose class is among the two most probable ones (top-2 accuracy)."""
    label_scores = result.log_probabilities[np.arange(result.n), result.labels]
    truth = int(((result.log_probabilities > label_scores[:, None]).sum(axis=1) < 2).sum())  # ranked first or second
    top_1 = int(result.correct.sum())
    slips = [
        (top_1, "this is the number of clips that are correct with one guess"),
        (truth / result.n, "this is a share. Give a number of clips."),
        (result.accuracy, "this is a share. Give a number of clips."),
    ]
    return judge.number(answer, truth, f"of {result.n} clips", note=f"with one guess {top_1}", slips=slips)


@exercise("06.1")
def parameters_of_128_inputs(answer) -> Verdict:
    """Check the number of parameters of the MLP with 128 inputs instead of 26, for ten classes."""
    truth = count_parameters(create("mlp", classes=10, inputs=128))
    slips = [
        (count_parameters(create("mlp", classes=10)), "this is the network with 26 inputs"),
        (truth - 256 - 128 - 64 - 10, "the biases are missing"),
        (truth - 256, "the biases of the first layer are missing"),
        (2 * 128 * 256 + truth - 128 * 256, "count the weights of the first layer only once"),
    ]
    return judge.number(answer, truth, "parameters", slips=slips)


@exercise("06.2")
def training_step(answer) -> Verdict:
    """Check a function ``(network, optimiser, x, y)`` that makes one training step and returns the loss."""
    judge.expect_type(callable(answer), "a function", answer)
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.arange(8) % 3
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    before = _flatten(network)
    truth, first_loss = _train(network, _step, x, y)
    unzeroed, _ = _train(network, partial(_step, keeps_gradients=True), x, y)
    try:
        reached, loss = _train(network, answer, x, y)
    except Exception as error:
        return judge.reject(f"your function stops with {type(error).__name__}: {str(error).partition(chr(10))[0]}")
    expect(
        not torch.equal(reached, before), "the parameters do not change. Is optimiser.step() there, after backward()?"
    )
    text = "the second step goes wrong. Gradients add up unless you clear them: optimiser.zero_grad()."
    expect(not torch.allclose(reached, unzeroed, atol=1e-6), text)
    text = "the parameters are not those of one step on the cross-entropy of the logits"
    expect(torch.allclose(reached, truth, atol=1e-5), text)
    is_loss = isinstance(loss, Real | torch.Tensor) and abs(float(loss) - first_loss) < 1e-4
    expect(is_loss, "the step is correct, but the function does not return the loss")
    return accept("two steps give the same parameters as ours")


def _step(network, optimiser, x, y, keeps_gradients: bool = False) -> float:
    loss = nn.functional.cross_entropy(network(x), y)
    if not keeps_gradients:
        optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _train(network: nn.Module, step, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, object]:
    """Make two steps with a copy of the network; return its parameters and what the first step returned."""
    network = deepcopy(network)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
    first_loss = step(network, optimiser, x, y)
    step(network, optimiser, x, y)
    return _flatten(network), first_loss


def _flatten(network: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(network.parameters()).detach().clone()


@exercise("06.3")
def columns_without_leak(answer, noise: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Verdict:
    """Check a pipeline that selects 20 columns of ``noise`` within each fold, without a leak."""
    judge.expect_type(isinstance(answer, Pipeline), "a pipeline", answer)
    has_selection = len(answer) > 1 and clone(answer).fit(noise, labels)[:-1].transform(noise).shape[1] == 20
    expect(has_selection, "the last step should receive 20 of the columns")
    selected = SelectKBest(k=20).fit_transform(noise, labels)  # the leak: it uses the labels of the test clips
    leaky = _crossvalidate(_make_svm(), selected, labels, folds)
    honest = _crossvalidate(answer, noise, labels, folds)
    text = f"{honest:.1%} of {len(labels)} clips without the leak, {leaky:.1%} with columns selected on all clips"
    expect(honest < leaky - 0.08, f"the labels of the test clips still leak: {text}")
    return accept(text)


@exercise("06.4")
def means_or_deviations(answer, store: Store, folds: np.ndarray) -> list[Verdict]:
    """Check the accuracies of an SVM (C = 5) on the means over time only, and on the standard deviations only."""
    values, truths = store.values("summary").astype(float), {}
    for name, suffix in (("means", "_mean"), ("deviations", "_deviation")):
        columns = [column.endswith(suffix) for column in store.names("summary")]
        truths[name] = _crossvalidate(_make_svm(), values[:, columns], store.labels, folds)
    permuted = "the two are swapped. Give the means first."
    return judge.numbers(answer, truths, within=0, absolute=0.002, permuted=permuted)


def _make_svm() -> Pipeline:
    return make_pipeline(StandardScaler(), SVC(C=5))


def _crossvalidate(classifier, values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    return float((cross_val_predict(classifier, values, labels, cv=PredefinedSplit(folds)) == labels).mean())


@exercise("08.1")
def parameters_with_gru(answer) -> Verdict:
    """Check the number of parameters of the tutorial's network with GRU layers: two of 128 units, 33 inputs."""
    model, lstm = create("lstm", classes=10, cell="gru"), create("lstm", classes=10)
    truth = count_parameters(model)
    slips = [
        (count_parameters(lstm), "this is the LSTM, which has four matrices"),
        (truth - count_parameters(model.output), "the linear layer at the end is missing"),
        (truth - 2 * 3 * 128, "PyTorch has two biases per row, one for the input and one for the hidden state"),
    ]
    return judge.number(answer, truth, "parameters", slips=slips)


@exercise("08.2")
def forget_gate_for_a_second(answer) -> Verdict:
    """Check the value of the forget gate at which a cell halves its state in one second."""
    truth = 0.5**FRAME
    slips = [(1 - truth, "this is what the cell loses per frame. The gate is what it keeps.")]
    note = f"applied {1 / FRAME:.0f} times per second"
    return judge.number(answer, truth, within=0, absolute=2e-4, note=note, slips=slips)


@exercise("08.3")
def gru_step(answer, cell: torch.nn.GRUCell, x: np.ndarray, h: np.ndarray) -> Verdict:
    """Check the hidden state of a GRU, shape (size,), after a step from state ``h`` with input ``x``."""
    with torch.no_grad():
        truth = cell(*(torch.tensor(array, dtype=torch.float32)[None] for array in (x, h)))[0].numpy()
        swapped, reset_before = _compute_other_grus(cell, np.asarray(x, float), np.asarray(h, float))
    slips = [
        (swapped, "z and 1 - z are swapped"),
        (reset_before, "your reset gate multiplies h. Here, it multiplies U h + its bias."),
    ]
    return judge.array(answer, truth, 1e-5, "the state", slips=slips)


def _compute_other_grus(cell, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the step with z and 1 - z swapped, and that of Cho et al. (2014), who reset h before the matrix."""
    W, U, b, a = (p.double().numpy() for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    inputs, states = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    r, z = (1 / (1 + np.exp(-inputs[gate] - states[gate])) for gate in (0, 1))
    n = np.tanh(inputs[2] + r * states[2])
    n_cho = np.tanh(inputs[2] + np.split(U, 3)[2] @ (r * h) + np.split(a, 3)[2])
    return z * n + (1 - z) * h, (1 - z) * n_cho + z * h


@exercise("08.4")
def half_of_the_gradient(answer, strength: np.ndarray) -> Verdict:
    """Check the duration, counted from the end, that holds half of the gradient norms ``strength`` of the frames."""
    strength = np.asarray(strength, float)
    frames = int(np.searchsorted(np.cumsum(strength[::-1]), strength.sum() / 2)) + 1
    slips = [(count, "these are frames. Give seconds.") for count in (frames - 1, frames, frames + 1) if count]
    slips += [((len(strength) - frames) * FRAME, "you counted from the beginning. Count from the end.")]
    return judge.number(answer, frames * FRAME, "s", within=0, absolute=1.5 * FRAME, slips=slips)


@exercise("09.1")
def m5_at_twice_the_rate(answer) -> list[Verdict]:
    """Check M5 at 16 kHz: kernel and stride of the first layer (same ms), and the receptive field in samples."""
    factor = 16_000 // M5.feature_config.sample_rate
    other_layers = [(POOL, POOL), (3, 1)] * len(M5.repeats) + [(POOL, POOL)]
    at_8_khz, at_16_khz = (_receptive_field([(k * KERNEL, k * STRIDE), *other_layers]) for k in (1, factor))
    truths = {"kernel": factor * KERNEL, "stride": factor * STRIDE, "samples": at_16_khz}
    return judge.numbers(answer, truths, slips=[({"samples": at_8_khz}, "this is the receptive field at 8 kHz")])


def _receptive_field(layers: list[tuple[int, int]]) -> int:
    """Compute the receptive field of layers (kernel, stride) in samples."""
    size, step = 1, 1
    for kernel, stride in layers:
        size, step = size + (kernel - 1) * step, step * stride
    return size


@exercise("09.2")
def heard_at(answer) -> list[Verdict]:
    """Check where 1,000 Hz end up in a network for 8 kHz if we keep every fifth sample, at four sample rates."""

    def by_rate(to_hertz):
        return {f"{rate:,} Hz": to_hertz(rate) for rate in (22050, 44100, 48000, 96000)}

    slips = [
        (by_rate(lambda rate: 1000.0), "the network doesn't know the sample rate. It treats any input as 8,000 Hz."),
        (by_rate(lambda rate: 1000 * rate / 5 / 8000), "invert the fraction: fewer samples per period sound higher"),
        (by_rate(lambda rate: 1000 * 8000 / rate), "remember that only every fifth sample is left"),
    ]
    return judge.numbers(answer, by_rate(lambda rate: 1000 * 8000 / (rate / 5)), slips=slips)


@exercise("09.3")
def weighted_loss(answer, result: Result, weights: np.ndarray) -> Verdict:
    """Check the class-weighted cross-entropy: the weighted sum of -log p, divided by the sum of the weights."""
    losses = -result.log_probabilities[np.arange(result.n), result.labels]
    weight = np.asarray(weights, dtype=float)[result.labels]
    weighted = weight * losses
    slips = [
        (weighted.mean(), "you divided by the number of clips. Divide by the sum of their weights."),
        (losses.mean(), "this is the loss without weights"),
        (weighted.sum(), "this is the sum. Take the mean."),
    ]
    truth, note = float(weighted.sum() / weight.sum()), f"without weights {losses.mean():.4g}"
    return judge.number(answer, truth, "nats", note=note, slips=slips)


@exercise("09.4")
def right_in_one_piece(answer, model: torch.nn.Module, store: Store, clips: Sequence[int]) -> Verdict:
    """Check the number of clips that a model classifies correctly when it receives 4 s of each clip at once."""

    def count(length, precision="fp32"):
        segments = Segments.of_store(store, "audio", clips, length=length, places="covering")
        return int(evaluate(model, store, segments, TrainConfig(precision=precision)).correct.sum())

    length = 4 * store.config["audio"]["sample_rate"]
    # "auto" can mean bf16, whose rounding may change one or two predictions; accept either precision
    truth, truth_auto, segmented = count(length), count(length, "auto"), count(model.length)
    if judge.finite_number(answer) == truth_auto:
        truth = truth_auto
    slips = [
        (segmented, "this is the number of correct clips if the model receives short segments one by one"),
        (truth / len(clips), "this is a share. Give a number of clips."),
    ]
    return judge.number(answer, truth, f"of {len(clips)} clips", note=f"in short segments {segmented}", slips=slips)
