"""Check the exercises of lessons 06 to 09 and 11: networks on log-mels, vectors, sequences and raw audio; WaveNet."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from numbers import Real

import numpy as np
import pandas as pd
import torch
from scipy.signal import fftconvolve, firwin
from sklearn.base import ClassifierMixin, clone, is_classifier
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from musiclab.features import SequenceConfig, SummaryConfig
from musiclab.lessons import exercise, judge
from musiclab.lessons.judge import Verdict, accept, expect
from musiclab.models import count_parameters, create
from musiclab.models.waveform import KERNEL, M5, POOL, STRIDE
from musiclab.store import Store
from musiclab.training import History, recipe
from musiclab.umtn import WaveNet

FRAME = SequenceConfig().hop_length / SequenceConfig().sample_rate  # seconds per frame of a sequence


@exercise("06.5")
def lower_loss(
    answer,
    history: History | pd.DataFrame,
    longest: int | None = None,
    valid_paths: Sequence[str] | None = None,
) -> Verdict:
    """Check a run with a lower validation loss than the lesson's, in at most ``longest`` epochs.

    If ``valid_paths`` are given, the run must have used these tracks for validation.
    """
    own_history = getattr(answer, "history", None)
    judge.expect_type(own_history is not None, "the result of musiclab.train", answer)
    epochs, lesson_epochs = map(_to_table, (own_history, history))
    expect("valid_loss" in epochs, "expected a training run with a validation set")
    expect(longest is None or len(epochs) <= longest, f"expected at most {longest} epochs, found {len(epochs)}")
    if valid_paths is not None:
        settings = answer.settings  # its tracks for training come first, then those for validation
        validated = list(settings.trained_on)[settings.clips.get("train", 0) :]
        text = "your network was validated on other tracks. Keep the lesson's split: seed=SEED, or split_seed=SEED."
        expect(set(validated) == set(valid_paths), text)
        _expect_other_settings(settings)
    reached, to_beat = epochs["valid_loss"].min(), lesson_epochs["valid_loss"].min()
    text = f"lowest validation loss {reached:.3f}, in the lesson {to_beat:.3f}"
    return judge.better(reached, to_beat, text, higher=False)


def _expect_other_settings(settings) -> None:
    """Reject an MLP with other features than the lesson's, or with the settings that it has anyway."""
    if getattr(settings, "model", "") != "mlp":
        return
    inputs, lesson_inputs = len(settings.feature_settings.names), len(SummaryConfig().names)
    expect(inputs == lesson_inputs, f"your network has {inputs} features, in the lesson {lesson_inputs}. Use `store`.")
    ours = recipe("mlp")
    changeable = ("weight_decay", "label_smoothing", "epochs", "learning_rate")
    sizes = {"hidden": (256, 128, 64)} | ours.sizes
    is_same = all(settings.training[name] == getattr(ours.training, name) for name in changeable)
    is_same = is_same and settings.training["augmentation"]["mixup"] == ours.training.augmentation.mixup
    is_same = is_same and all(settings.sizes.get(name, value) == value for name, value in sizes.items())
    expect(not is_same, "these are the settings that ml.train has anyway. Change at least one of them.")


@exercise("07.4")
def lower_loss_than_all(
    answer, histories: Sequence[History | pd.DataFrame], valid_paths: Sequence[str] | None = None
) -> Verdict:
    """Check a run with a lower validation loss than all of the lesson's, without more epochs.

    If ``valid_paths`` are given, the run must have used these tracks for validation.
    """
    tables = list(map(_to_table, histories))
    best = min(tables, key=lambda table: table["valid_loss"].min())
    return lower_loss(answer, best, longest=max(map(len, tables)), valid_paths=valid_paths)


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
        (
            wide - channels,
            "a batch norm has two parameters per channel, a weight and a bias; the convolutions have no biases",
        ),
        (wide + channels, "here the convolutions have no biases"),
        (wide - (1024 + 256 + 10), "the dense layers have biases, too"),
        (wide - 512 * 1024, "how many values does the first dense layer receive now?"),
        (wide + 2 * channels, "running averages are not trained, so they do not count as parameters"),
        (wide + 2 * channels + 4, "running averages are not trained, so they do not count as parameters"),
    ]
    return judge.number(answer, wide, "parameters", slips=slips)


@exercise("07.2")
def field_and_values_with_small_pools(answer) -> list[Verdict]:
    """Check the receptive field in frames, and the number of values left, of the CNN of width 16 with pools of 2."""
    channels, others = 8 * 16, (2, 2, 4, 4)
    truths = {"field": _field(4 * (2,)), "values": channels * 8 * 8}
    steps = 1 + 2 + 4 + 8  # what four pools of 2 add to the field
    slips = [
        ({"field": _field(others)}, "this is the field of the network with pools of 2, 2, 4 and 4"),
        ({"field": _field(3 * (2,))}, "this is the field after the third block"),
        ({"field": truths["field"] - 8}, "this is the field before the last pool, which adds neighbours, too"),
        ({"field": truths["field"] - steps}, "the pools add neighbours, too. Or did you leave out the padding?"),
        ({"field": 1 + steps}, "the kernels add neighbours, too"),
        ({"field": truths["field"] * FRAME}, "these are seconds. Give frames."),
        ({"values": channels * 2 * 2}, "this is the network with pools of 2, 2, 4 and 4"),
        ({"values": 8 * 8}, "this is one map. How many channels are there?"),
        (
            {"values": channels * 8},
            "is this 16 · 8 · 8 or 128 · 8? Block 4 has 128 channels, and each map has two axes",
        ),
        ({"values": channels * 16 * 16}, "the picture is halved four times"),
        ({"values": channels * 4 * 4}, "the picture is halved four times"),
    ]
    parts = judge.in_order(answer, truths)
    is_shape = isinstance(parts[1], Sequence) and not isinstance(parts[1], str)
    expect(not is_shape, "values: give one number, the product of channels, height and width")
    return judge.numbers(parts, truths, slips=slips, permuted="the other way round: (field, values)")


def _field(pools: Sequence[int]) -> int:
    """Compute the receptive field of blocks that have a kernel of 3 and one of ``pools`` each."""
    return _receptive_field([layer for pool in pools for layer in ((3, 1), (pool, pool))])


@exercise("07.3")
def batch_norm_at_test_time(answer) -> Verdict:
    """Check a function ``(maps, mean, variance, weight, bias)`` that does what batch norm does at test time."""
    judge.expect_type(callable(answer), "a function", answer)
    generator = torch.Generator().manual_seed(0)
    maps = 2 * torch.randn(4, 3, 5, 6, generator=generator) + 1
    mean, bias = torch.randn(2, 3, generator=generator)
    variance, weight = torch.rand(2, 3, generator=generator) + 0.5
    variance[2] = 1e-4  # so small that the 1e-5 matters
    averages = (mean, variance, weight, bias)
    hint = ". maps[:, 0] goes with mean[0], and mean[:, None, None] has the shape (3, 1, 1)."
    found, again = (
        np.asarray(judge.call(answer, batch.clone(), *map(torch.clone, averages), hint=hint))
        for batch in (maps, maps[:1])
    )
    if np.shape(found) == maps.shape:
        text = "some values are not finite. Check the order of the parameters, and what is under the root."
        expect(np.isfinite(found).all(), text)
    if np.shape(found) == maps.shape and not np.allclose(found[:1], again, atol=1e-3):
        return judge.reject("the result for a track depends on the other tracks. Use the running averages.")
    mean, variance, weight, bias = (values[:, None, None] for values in averages)
    standardised = (maps - mean) / torch.sqrt(variance + 1e-5)
    by_variance = "divide by the standard deviation, not by the variance"
    slips = [
        (weight * (maps - mean) / variance + bias, by_variance),
        (weight * (maps - mean) / (variance + 1e-5) + bias, by_variance),
        (weight * (maps - mean) / torch.sqrt(variance) + bias, "add 1e-5 to the variance, as in section 5"),
        (weight * (maps - mean) / (torch.sqrt(variance) + 1e-5) + bias, "add 1e-5 first, and then take the root"),
        (standardised, "the learnt weights and biases are missing"),
        (weight * standardised, "the learnt biases are missing"),
        (standardised + bias, "the learnt weights are missing"),
        (weight * (standardised + bias), "multiply by the weight first, and then add the bias"),
        (bias * standardised + weight, "weight and bias are swapped"),
        (weight * maps / torch.sqrt(variance + 1e-5) + bias, "subtract the mean first"),
        (weight * standardised - bias, "add the bias"),
    ]
    centred = maps - maps.mean((2, 3), keepdim=True)
    for is_unbiased in (False, True):
        own_variance = maps.var((2, 3), keepdim=True, unbiased=is_unbiased)
        own = weight * centred / torch.sqrt(own_variance + 1e-5) + bias
        slips.append((own, "these are the mean and variance of each track's own maps. Use the running averages."))
    slips = [(slip.numpy(), text) for slip, text in slips]
    return judge.array(found, (weight * standardised + bias).numpy(), 1e-3, "maps", slips=slips, within=1e-4)


@exercise("06.1")
def parameters_of_128_inputs(answer) -> Verdict:
    """Check the number of parameters of the MLP with 128 inputs instead of 26, for ten classes."""
    truth = count_parameters(create("mlp", classes=10, inputs=128))
    slips = [
        (count_parameters(create("mlp", classes=10)), "this is the network with 26 inputs"),
        (truth - 256 - 128 - 64 - 10, "the biases are missing"),
        (truth - 256, "the biases of the first layer are missing"),
        (102 * 256, "this is what the other 102 inputs add. How many parameters are there in all?"),
        (128 * 256 + 256, "this is the first layer alone"),
        (truth + 256, "the biases don't grow with the number of inputs"),
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
    modes = []
    network.register_forward_hook(lambda module, *_: modes.append(module.training))
    try:
        reached, loss = _train(network, answer, x, y)
    except Exception as error:
        hints = {
            "does not require grad": " Don't compute the loss under no_grad.",
            "Expected floating point type": " Give cross_entropy the logits, not predictions.",
        }
        hint = next((hint for words, hint in hints.items() if words in str(error)), "")
        return judge.reject(f"your function raised an error ({judge.describe_error(error)}).{hint}")
    expect(modes, "your function never calls the network")
    expect(all(modes), "your function calls network.eval(), which switches dropout off. Train in train() mode.")
    text = "Is optimiser.step() there, after backward(), with no zero_grad() between them?"
    expect(not torch.equal(reached, before), f"the parameters do not change. {text}")
    text = "the second step goes wrong. Gradients add up unless you clear them: optimiser.zero_grad()."
    expect(not torch.allclose(reached, unzeroed, atol=1e-6), text)
    squeezed, _ = _train(network, partial(_step, applies_softmax=True), x, y)
    text = "did you apply softmax before cross_entropy? It does so by itself, so give it the logits."
    expect(not torch.allclose(reached, squeezed, atol=1e-6), text)
    summed, _ = _train(network, partial(_step, reduction="sum"), x, y)
    expect(not torch.allclose(reached, summed, atol=1e-6), "take the mean of the loss over the batch, not the sum")
    text = "the parameters are not those of one step on the cross-entropy of the logits"
    expect(torch.allclose(reached, truth, atol=1e-5), text)
    is_number = isinstance(loss, Real) or (isinstance(loss, torch.Tensor | np.ndarray) and loss.ndim == 0)
    value = float(loss) if is_number else np.nan
    _, later_loss = _train(network, _step_and_measure, x, y)
    text = "the step is correct, but you return the loss after the step. Return the one from which it was computed."
    expect(not abs(value - later_loss) < 1e-4, text)
    expect(abs(value - first_loss) < 1e-4, "the step is correct, but the function does not return the loss")
    keeps_graph = isinstance(loss, torch.Tensor) and loss.requires_grad
    expect(not keeps_graph, "the step is correct, but the loss is a tensor that remembers its computation: loss.item()")
    return accept("two steps give the same parameters as ours")


def _step(network, optimiser, x, y, keeps_gradients=False, applies_softmax=False, reduction="mean") -> float:
    logits = network(x)
    loss = nn.functional.cross_entropy(logits.softmax(dim=1) if applies_softmax else logits, y, reduction=reduction)
    if not keeps_gradients:
        optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _step_and_measure(network, optimiser, x, y) -> float:
    _step(network, optimiser, x, y)
    return nn.functional.cross_entropy(network(x), y).item()


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
    expect(is_classifier(answer), "the last step should be a classifier, such as SVC(C=5)")
    expect(len(answer) > 1, "the last step should receive 20 of the columns")
    received = _receive(answer, noise, labels)
    text = f"the last step should receive 20 of the columns, but it receives {received.shape[1]}"
    expect(received.shape[1] == 20, f"{text}. Is SelectKBest(k=20) in the pipeline?")
    selected = SelectKBest(k=20).fit_transform(noise, labels)  # the leak: it uses the labels of the test clips
    leaky = _crossvalidate(_make_svm(), selected, labels, folds)
    honest = _crossvalidate(answer, noise, labels, folds)
    text = f"{honest:.1%} of {len(labels)} clips with your pipeline, {leaky:.1%} with columns selected on all clips"
    expect(honest < leaky - 0.08, f"the labels of the test clips still leak: {text}")
    shuffled = np.random.default_rng(0).permutation(labels)
    uses_labels = not np.array_equal(received, _receive(answer, noise, shuffled))
    expect(uses_labels, "the columns are the same whatever the labels are. SelectKBest chooses them by the labels.")
    return accept(f"{text}. (Guessing gets about {1 / len(set(labels)):.0%}, so a few points less may be chance.)")


def _receive(pipeline: Pipeline, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute what the last step receives after a fit on ``labels``, with the same random numbers each time."""
    pipeline = clone(pipeline)
    pipeline.set_params(**{name: 0 for name in pipeline.get_params() if name.endswith("__random_state")})
    return pipeline.fit(values, labels)[:-1].transform(values)


@exercise("06.4")
def means_or_deviations(answer, store: Store, folds: np.ndarray) -> list[Verdict]:
    """Check the accuracies of an SVM (C = 5) on the means over time only, and on the standard deviations only."""
    halves, everything = {}, store.values("summary").astype(float)
    for name, suffix in (("means", "_mean"), ("deviations", "_deviation")):
        columns = [column.endswith(suffix) for column in store.names("summary")]
        halves[name] = store.values("summary")[:, columns].astype(float)

    def accuracies(classifier: ClassifierMixin) -> dict[str, float]:
        return {name: _crossvalidate(classifier, half, store.labels, folds) for name, half in halves.items()}

    values = [judge.finite_number(value) for value in judge.in_order(answer, halves)]
    expect(max(values) <= 1, "give accuracies from 0 to 1, not per cent")
    truths = accuracies(_make_svm())
    with_all = _crossvalidate(_make_svm(), everything, store.labels, folds)
    for value, (name, truth) in zip(values, truths.items(), strict=True):
        is_all = abs(value - with_all) <= 0.0051 < abs(with_all - truth) and abs(value - truth) > 0.0051
        expect(not is_all, f"{name}: this is the accuracy with all columns. Use those of one half only.")
    for value, (name, truth) in zip(values, truths.items(), strict=True):
        text = f"{name}: too good: did you mix the artists? Use `by_artist`, and only the columns of this half."
        expect(not 0.08 < value - truth < 0.25, text)
    slips = [
        (accuracies(SVC(C=5)), "did you leave out the scaler?"),
        (accuracies(make_pipeline(StandardScaler(), SVC())), "is C = 5, as in `simple['SVM']`?"),
    ]
    options = {"within": 0, "absolute": 0.0051}  # two decimals are enough
    return judge.numbers(values, truths, **options, slips=slips, permuted="the two are swapped. Give the means first.")


def _make_svm() -> Pipeline:
    return make_pipeline(StandardScaler(), SVC(C=5))


def _crossvalidate(classifier, values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    return float((cross_val_predict(classifier, values, labels, cv=PredefinedSplit(folds)) == labels).mean())


@exercise("08.1")
def gate_and_bias_for_a_second(answer) -> list[Verdict]:
    """Check the forget gate at which a cell keeps half of its state for one second, and the bias that gives it."""
    gate = 0.5**FRAME
    bias = float(np.log(gate / (1 - gate)))
    answers = judge.in_order(answer, ["gate", "bias"])
    gate_slips = [
        (1 - gate, "this is what the cell loses per frame. The gate is what it keeps."),
        (0.5 ** (2048 / 22050), "a frame is 93 ms long, but the gate is applied once per hop"),
        (0.5 ** (1 / FRAME), "you applied 0.5 once per frame. The gate, applied once per frame, should give 0.5."),
        (bias, "this is the bias. The gate is its sigmoid."),
    ]
    bias_slips = [
        (0, "with a bias of 0, the gate begins at 0.5"),
        (1 / (1 + np.exp(-gate)), "this is the sigmoid of the gate. Which number has this gate as its sigmoid?"),
        (np.log(gate), "this is the logarithm of the gate. Solve 1 / (1 + exp(-b)) = gate for b."),
        (np.log10(gate / (1 - gate)), "use the natural logarithm"),
        (gate, "this is the gate itself. Solve 1 / (1 + exp(-b)) = gate for b."),
    ]
    note = f"applied {1 / FRAME:.0f} times per second"

    def compare(gate_answer, bias_answer) -> list[Verdict]:
        return [
            judge.part(
                "gate", judge.number, gate_answer, truth=gate, absolute=6e-5, within=0, note=note, slips=gate_slips
            ),
            judge.part("bias", judge.number, bias_answer, truth=bias, absolute=0.006, within=0, slips=bias_slips),
        ]

    is_swapped = all(verdict.is_right for verdict in compare(*reversed(answers)))
    expect(not is_swapped, "the two are swapped. Give the gate first.")
    return compare(*answers)


@exercise("08.2")
def gru_step(answer, cell: torch.nn.GRUCell, x: np.ndarray, h: np.ndarray) -> Verdict:
    """Check the hidden state of a GRU, shape (size,), after a step from state ``h`` with input ``x``."""
    x, h = np.asarray(x, float), np.asarray(h, float)
    truth = _gru(cell, x, h)
    slips = [
        (_gru(cell, x, h, order="zrn"), "r and z are swapped. PyTorch's order is r, z, n."),
        (_gru(cell, x, h, keep=lambda z: 1 - z), "z and 1 - z are swapped"),
        (_gru(cell, x, h, reset="before"), "your reset gate multiplies h. Here, it multiplies U h + its bias."),
        (_gru(cell, x, h, reset="without bias"), "the reset gate multiplies the bias a of n, too"),
        (_gru(cell, x, h, reset="never"), "the reset gate is missing"),
        (_gru(cell, x, h, state_bias=0), "the biases a of the state are missing"),
        (_gru(cell, x, h, input_bias=0), "the biases b of the input are missing"),
        (_gru(cell, x, h, state_bias=0, input_bias=0), "the biases are missing"),
        (_gru(cell, x, h, candidate=lambda n: n), "the tanh of n is missing"),
    ]
    return judge.array(answer, truth, 1e-5, "the state", slips=slips)


def _gru(cell, x, h, order="rzn", keep=lambda z: z, reset="after", state_bias=1, input_bias=1, candidate=np.tanh):
    """Compute a step of a GRU, with one of the usual slips."""
    W, U, b, a = (p.detach().double().numpy() for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    a, b = state_bias * a, input_bias * b
    inputs, states = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    first, second = (1 / (1 + np.exp(-inputs[gate] - states[gate])) for gate in (0, 1))
    r, z = (first, second) if order == "rzn" else (second, first)
    U_n, a_n = np.split(U, 3)[2], np.split(a, 3)[2]
    from_state = {
        "after": r * states[2],
        "before": U_n @ (r * h) + a_n,  # as in Cho et al. (2014)
        "without bias": r * (U_n @ h) + a_n,
        "never": states[2],
    }
    return (1 - keep(z)) * candidate(inputs[2] + from_state[reset]) + keep(z) * h


@exercise("08.3")
def mean_without_padding(answer, states: torch.Tensor, lengths: Sequence[int]) -> Verdict:
    """Check the means over time of padded sequences, shape (sequences, size), without their padding."""
    states = states.detach().double().numpy()
    rows = range(len(lengths))
    truth = np.array([states[row, : lengths[row]].mean(axis=0) for row in rows])
    sums = np.array([states[row, : lengths[row]].sum(axis=0) for row in rows])

    def mean_of(change: int) -> np.ndarray:
        return np.array([states[row, : max(1, lengths[row] + change)].mean(axis=0) for row in rows])

    slips = [
        (states.mean(axis=1), "the padding still counts. Leave it out of the sum and of the number of frames."),
        (sums / states.shape[1], "the sum is right, but you divided it by the length of the padded sequences"),
        (sums, "this is the sum. Divide it by the number of real frames."),
        (
            states.sum(axis=1) / np.array(lengths)[:, None],
            "you divided by the right number, but the sum still contains the padding",
        ),
        (np.array([states[row, lengths[row] - 1] for row in rows]), "this is the last real state of each sequence"),
        *[(mean_of(change), "you are off by one frame. Take the first lengths[i] frames.") for change in (1, -1)],
    ]
    return judge.array(answer, truth, 1e-4, "the means", slips=slips)


@exercise("08.4")
def better_detector(answer, ours: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Verdict:
    """Check a network with at most half the loss of ``ours`` on the sequences ``x`` with the labels ``y`` (0 or 1)."""
    is_pair = isinstance(answer, tuple | list) and answer and isinstance(answer[0], nn.Module)
    expect(not is_pair, "train_detector returns the network and its losses. Give the network alone.")
    judge.expect_type(isinstance(answer, nn.Module), "a trained network", answer)
    text = (
        "your answer and the lesson's network are one object, so half of its loss moves along. Train another network."
    )
    expect(answer is not ours, text)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    x, y = x[order], y[order]  # so that an answer which only depends on the place in the batch is wrong
    answer = deepcopy(answer).eval()  # the reader's network stays as it is
    with torch.no_grad():
        our_logits = ours(x)
        try:
            logits = answer(x)
        except RuntimeError as error:
            is_bidirectional = any(getattr(layer, "bidirectional", False) for layer in answer.modules())
            hint = "A bidirectional layer gives twice as many values, so the next layer needs twice as many inputs."
            expect(not (is_bidirectional and "cannot be multiplied" in str(error)), hint)
            raise
    is_tensor = isinstance(logits, torch.Tensor)
    judge.expect_type(is_tensor, "a network that returns logits", logits)
    expect(
        logits.shape == our_logits.shape,
        f"expected logits of shape {tuple(our_logits.shape)}, found {tuple(logits.shape)}",
    )
    is_probability = (logits >= 0).all() and torch.allclose(logits.sum(dim=1), torch.ones(len(logits)), atol=1e-4)
    expect(
        not is_probability, "your network returns probabilities. Leave softmax out, because cross_entropy applies it."
    )
    loss, our_loss = (float(nn.functional.cross_entropy(scores, y)) for scores in (logits, our_logits))
    accuracy = float((logits.argmax(dim=1) == y).float().mean())
    expect(accuracy > 0.25, "your network takes forwards for backwards. Forwards is 0 and backwards is 1.")
    text = f"validation loss {loss:.3f}, half of ours {our_loss / 2:.3f}; {accuracy:.1%} of {len(y)} correct"
    return judge.accept(text) if loss <= our_loss / 2 else judge.reject(f"not better yet: {text}")


@exercise("09.1")
def m5_at_twice_the_rate(answer) -> list[Verdict]:
    """Check M5 at 16 kHz: kernel and stride of the first layer (same ms), and the receptive field in samples."""
    factor = 16_000 // M5.feature_config.sample_rate
    other_layers = [(POOL, POOL), (3, 1)] * len(M5.repeats) + [(POOL, POOL)]
    at_8_khz, at_16_khz = (_receptive_field([(k * KERNEL, k * STRIDE), *other_layers]) for k in (1, factor))
    before_pool = _receptive_field([(factor * KERNEL, factor * STRIDE), *other_layers[:-1]])
    old_steps = _receptive_field([(factor * KERNEL, STRIDE), *other_layers])
    too_short = "at a higher rate, there are more samples in a millisecond, not fewer"
    truths = {"kernel": factor * KERNEL, "stride": factor * STRIDE, "samples": at_16_khz}
    slips = [
        ({"kernel": KERNEL, "stride": STRIDE}, "this is the value at 8 kHz. There are more samples per ms now."),
        *(({"kernel": KERNEL // k, "stride": STRIDE // k}, too_short) for k in (factor, 2 * factor)),
        ({"samples": at_8_khz}, "this is the receptive field at 8 kHz"),
        ({"samples": old_steps}, f"the later layers now move in steps of {factor * STRIDE} samples, not {STRIDE}"),
        ({"samples": before_pool}, "this is the receptive field after the last convolution. A pool follows."),
        ({"samples": 1000 * at_8_khz / M5.feature_config.sample_rate}, "these are ms. Give samples."),
        ({"samples": 1000 * at_16_khz / M5.feature_config.sample_rate}, "these are ms at 8 kHz. Give samples."),
    ]
    permuted = "the three numbers are in another order. Give kernel, stride and samples."
    return judge.numbers(answer, truths, slips=slips, permuted=permuted)


def _receptive_field(layers: list[tuple[int, int]]) -> int:
    """Compute the receptive field of layers (kernel, stride) in samples."""
    size, step = 1, 1
    for kernel, stride in layers:
        size, step = size + (kernel - 1) * step, step * stride
    return size


@exercise("09.2")
def tones_after_strides(answer) -> list[Verdict]:
    """Check where tones of 1,300 and 2,900 Hz land after a stride of 4 and of 16, at 8 kHz."""
    inputs = [(tone, stride) for stride in (4, 16) for tone in (1300, 2900)]
    names = [f"{tone:,} Hz with stride {stride}" for tone, stride in inputs]

    def name_all(compute: Callable[[int, int], float]) -> dict[str, float]:
        """Apply ``compute`` to each tone and the rate after its stride."""
        return {name: compute(tone, 8000 // stride) for name, (tone, stride) in zip(names, inputs, strict=True)}

    truths = name_all(lambda tone, rate: abs(tone - round(tone / rate) * rate))
    slips = [
        (name_all(lambda tone, rate: tone), "it is above the limit, so it can't stay where it is"),
        (name_all(lambda tone, rate: tone - round(tone / rate) * rate), "give the size. A frequency has no sign here."),
        (name_all(lambda tone, rate: tone % rate), "it is still above the limit. This stretch comes back mirrored."),
        (
            name_all(lambda tone, rate: abs(tone - round(2 * tone / rate) * rate / 2)),
            "in |f - k r|, r is the new rate, not the limit",
        ),
        (name_all(lambda tone, rate: 8000 * tone / rate), "the stride doesn't change the pitch. Use |f - k r|."),
    ]
    permuted = "the four numbers are in another order. First both tones with stride 4, then both with stride 16."
    if np.shape(answer) == (2, 2):  # two pairs
        answer = np.ravel(answer)
    return judge.numbers(answer, truths, slips=slips, permuted=permuted)


@exercise("09.3")
def steady_max_pool(answer, values: np.ndarray, weights: np.ndarray) -> Verdict:
    """Check max pooling without aliasing: maxima of four at every position, low-pass filter, every fourth value."""
    values, weights = np.asarray(values, float), np.asarray(weights, float)

    def smooth(signal: np.ndarray) -> np.ndarray:
        return np.convolve(signal, weights, mode="valid")

    def maximise(signal: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(signal, POOL).max(axis=1)

    maxima = maximise(values)
    truth = smooth(maxima)[::POOL]
    of_three = np.lib.stride_tricks.sliding_window_view(values, 3).max(axis=1)
    too_early = "you dropped values before the filter. Smooth first, and then keep every fourth value."
    unpooled = "the maximum of four neighbours is missing, or you padded it"
    mean = "this is the mean of every four neighbours. Take the maximum."
    unfiltered = "the low-pass filter is missing, or you padded. Use only places where the whole filter fits."
    lengths = {
        len(smooth(maxima[::POOL])): too_early,
        len(smooth(maxima[::POOL])[::POOL]): too_early,
        len(smooth(values)[::POOL]): unpooled,
        len(maxima[::POOL]): unfiltered,
        len(smooth(maxima)): "keep only every fourth value",
        len(smooth(maxima)[POOL - 1 :: POOL]): "begin with the first value",
        len(np.convolve(maxima, weights)[::POOL]): "don't pad: use only the places where the whole filter fits",
    }
    shape = np.shape(answer)
    is_longer = len(shape) == 1 and shape[0] > len(truth)
    if is_longer and np.allclose(np.asarray(answer, float)[: len(truth)], truth, atol=1e-4):
        return judge.reject(
            "the beginning is right, but you took maxima beyond the end, where fewer than four are left"
        )
    is_shorter = len(shape) == 1 and shape[0] == len(truth) - 1
    if is_shorter and np.allclose(np.asarray(answer, float), truth[:-1], atol=1e-4):
        return judge.reject("the last value is missing")
    if len(shape) == 1 and shape != truth.shape:
        expect(shape[0] not in lengths, lengths.get(shape[0], ""))
    slips = [
        (maximise(smooth(values))[::POOL], "you smoothed before you took the maximum. The maximum comes first."),
        (smooth(values)[::POOL][: len(truth)], unpooled),
        (smooth(np.convolve(values, np.full(POOL, 1 / POOL), mode="valid"))[::POOL], mean),
        (smooth(of_three)[::POOL][: len(truth)], "you took the maximum of three neighbours: take four"),
        (truth / weights.max(), "the weights of the low-pass filter should sum to 1"),
        (maxima[::POOL][: len(truth)], "the low-pass filter is missing"),
        *((smooth(maxima)[first::POOL], "begin with the first value") for first in (1, 2)),
    ]
    return judge.array(answer, truth, 1e-4, "the pooled values", slips=slips)


@exercise("09.4")
def one_filter(answer, store: Store, train: Sequence[int], test: Sequence[int], pair: tuple[int, int]) -> Verdict:
    """Check two edges in Hz whose band-pass filter separates two classes in 85 % of the training clips."""
    low, high = (judge.finite_number(edge) for edge in judge.in_order(answer, ("low", "high")))
    rate = store.config["audio"]["sample_rate"]
    expect(low < high, "the first edge should be the lower one")
    expect(20 <= low and high <= rate / 2 - 20, f"expected two edges in Hz, between 20 and {rate / 2 - 20:,.0f}")
    kernel = firwin(81, [low, high], fs=rate, pass_zero=False, scale=False)
    levels, is_first = _measure_levels(store, train, pair, kernel)
    shares = np.array([((levels > threshold) == is_first).mean() for threshold in levels])
    best = np.abs(shares - 0.5).argmax()  # either class may be the louder one
    test_levels, test_is_first = _measure_levels(store, test, pair, kernel)
    reached, tested = shares[best], ((test_levels > levels[best]) == test_is_first).mean()
    if shares[best] < 0.5:
        reached, tested = 1 - reached, 1 - tested
    text = f"{reached:.0%} of {len(levels)} training clips"
    expect(reached >= 0.85, f"not enough yet: {text}. Where is one class strong and the other weak?")
    return accept(f"{text}, and {tested:.0%} of {len(test_levels)} test clips with the same threshold")


def _measure_levels(store: Store, clips: Sequence[int], pair, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure how many dB of each clip of two classes pass a filter; also return whether it is of the first class."""
    chosen = [clip for clip in clips if store.labels[clip] in pair]
    levels = []
    for clip in chosen:
        sound = np.asarray(store.read("audio", clip), float)
        passed = fftconvolve(sound, kernel, mode="valid")
        levels.append(10 * np.log10(np.mean(passed**2) / max(np.mean(sound**2), 1e-12) + 1e-12))
    return np.array(levels), np.asarray(store.labels)[chosen] == pair[0]


@exercise("11.1")
def wavenet_looks_back(answer) -> Verdict:
    """Check the receptive field, in samples, of a WaveNet with 3 blocks of 10 layers."""
    truth = WaveNet(channels=1, skip=1, blocks=3, layers=10).receptive
    block = 2**10 - 1  # what a block adds
    slips = [
        (truth - 2, "you left out the first convolution, before the blocks"),
        (truth - 1, "the first convolution sees two past samples"),
        (2 + block, "that is one block. The WaveNet has three."),
        (2 + 6 * block, "a causal layer looks to one side: it adds d samples, not 2 d"),
        (1 + 6 * block, "a causal layer looks to one side: it adds d samples, not 2 d"),
        (3 + 6 * block, "that is for the three weights of an encoder, which add 2 d. Here a layer adds d."),
        (2 + 2**30 - 1, "in the second block, the dilation starts at 1 again"),
        (2 + 30, "that is for ordinary convolutions. Here the dilation doubles from layer to layer."),
        (2 + 3 * 2**9, "a block adds all its dilations, not only the last one"),
        (2 + 3 * 2**10, "what is 1 + 2 + 4 + ... + 512?"),
    ]
    return judge.number(answer, truth, "samples", note=f"{truth / 16:.0f} ms at 16 kHz", slips=slips)


@exercise("11.2")
def causal_convolution(answer) -> Verdict:
    """Check a function of a signal, weights and a dilation that computes a causal convolution."""
    judge.expect_type(callable(answer), "a function", answer)
    rng = np.random.default_rng(0)
    cases = ((40, 2, 1), (40, 3, 4), (40, 4, 3), (6, 3, 4))  # the last x is shorter than the reach
    for length, count, dilation in cases:
        x, weights = rng.standard_normal(length), rng.standard_normal(count)
        what = f"with {length} samples, {count} weights and dilation {dilation}, convolve"
        hint = ". x may be shorter than the reach of the weights." if length <= dilation * (count - 1) else ""
        result = judge.call(answer, x.copy(), weights.copy(), dilation, what=what, hint=hint)
        result, delay = np.asarray(result, dtype=np.float64), dilation * (count - 1)
        expect(result.shape != (length - delay,), "the result is too short. Put zeros before the beginning.")
        expect(result.shape != (length + delay,), "the result is too long. Cut off what comes after the end of x.")
        centred = np.convolve(np.pad(x, delay), _spread(weights[::-1], dilation), mode="valid")[delay // 2 :][:length]
        slips = [
            (
                _filter_causally(x, weights[::-1], dilation),
                "the weights are reversed. The last one is for the present.",
            ),
            (_filter_causally(x[::-1], weights, dilation)[::-1], "your function looks into the future"),
            (_filter_causally(x[::-1], weights[::-1], dilation)[::-1], "your function looks into the future"),
            (centred, "your function looks to both sides. The present is the last sample that it may use."),
            *(
                (_filter_causally(x, weights[pair], dilation), "does your function use all weights?")
                for pair in ([0, 1], [-2, -1], [0, -1])
            ),
            (_filter_causally(x, weights, 1), "the dilation has no effect"),
            (_filter_causally(x, weights, dilation + 1), "the weights lie too far apart"),
            (_circular(x, weights, dilation), "before the beginning there are zeros, but you used the end of x"),
        ]
        verdict = judge.array(result, _filter_causally(x, weights, dilation), 1e-4, "the result", slips=slips)
        if not verdict.is_right:
            return judge.reject(f"with {count} weights and dilation {dilation}, {verdict.text}")
    return accept("for 2, 3 and 4 weights")


def _spread(weights: np.ndarray, dilation: int) -> np.ndarray:
    """Put ``dilation - 1`` zeros between the weights."""
    kernel = np.zeros(dilation * (len(weights) - 1) + 1)
    kernel[::dilation] = weights
    return kernel


def _filter_causally(x: np.ndarray, weights: np.ndarray, dilation: int) -> np.ndarray:
    return np.convolve(x, _spread(weights[::-1], dilation))[: len(x)]


def _circular(x: np.ndarray, weights: np.ndarray, dilation: int) -> np.ndarray:
    return sum(weight * np.roll(x, back * dilation) for back, weight in enumerate(weights[::-1]))


@exercise("11.3")
def products_with_and_without_cache(answer) -> list[Verdict]:
    """Check the multiply-adds per second of sound of UMTN's WaveNet, with a cache and with the simple loop."""
    causal, mix, rate, layers, field = 2 * 128 * 256, 128 * 128, 16000, 56, 65534
    truth = rate * layers * (causal + 2 * mix)

    def both(value: float, text: str) -> tuple[dict[str, float], str]:
        return {"cache": float(value), "loop": float(value * field)}, text  # floats: rounded slips count, too

    slips = [
        both(truth / rate, "that is for one sample. A second has 16,000."),
        both(truth / layers, "that is for one layer. There are 56."),
        both(
            rate * layers * (causal // 2 + 2 * mix),
            "this is too few per layer. Are all three products there, the first with two weights and 256 outputs?",
        ),
        both(rate * layers * (causal + mix), "count both mixes, residual and skip"),
        (
            {name: float(f"{value:.1e}") for name, value in (("cache", truth), ("loop", truth * field))},
            "give at least three significant digits",
        ),
        ({"loop": truth}, "that is with a cache. The loop computes every layer at 65,534 positions for each sample."),
    ]
    return judge.numbers(
        answer, {"cache": truth, "loop": truth * field}, within=1e-3, slips=slips, permuted="the other way round"
    )


@exercise("11.4")
def hardest_pair(answer, table: pd.DataFrame) -> Verdict:
    """Check the pair of domains with the smallest gain over copying, and this gain in dB."""
    answer = answer.tolist() if isinstance(answer, pd.Series) else answer
    if isinstance(answer, list | tuple) and answer and isinstance(answer[0], list | tuple):
        answer = [*answer[0], *answer[1:]]  # such as (gains.idxmin(), gains.min())
    is_triple = isinstance(answer, list | tuple) and len(answer) == 3
    is_triple = is_triple and all(isinstance(name, str) for name in answer[:2])
    judge.expect_type(is_triple, "two names and a number, (from, to, gain)", answer)
    pair, gain = tuple(answer[:2]), judge.finite_number(answer[2])
    means = table.pivot_table(index=["source", "target"], columns="method", values="distance")
    gains = means["copy"] - means["translation"]
    text = f"one of the names is not a domain. The domains are {', '.join(sorted(set(table['source'])))}."
    expect(set(pair) <= set(table["source"]), text)
    expect(pair in gains.index, "a pair has two different domains")
    hardest, largest = gains.idxmin(), means["translation"].idxmax()
    if pair != hardest:
        expect(pair != hardest[::-1], "that is the other direction")
        expect(pair != gains.idxmax(), "that is the pair with the largest gain")
        expect(pair != largest, "that pair has the largest distance. But copying is far from the truth there, too.")
        raise judge.AnswerRejected("another pair has a smaller gain")
    if abs(gain - gains[hardest]) > 0.0051:
        expect(abs(gain + gains[hardest]) > 0.0051, "the sign is reversed: the gain is copy minus translation")
        is_distance = abs(gain - means["translation"][hardest]) < 0.0051
        expect(not is_distance, "that is the distance of the translation. Subtract it from that of copy.")
        raise judge.AnswerRejected("the pair is correct, but its gain is another number")
    return accept(
        f"{' to '.join(pair)}: {gains[hardest]:+.2f} dB. The pair with the largest gain has {gains.max():+.2f} dB."
    )
