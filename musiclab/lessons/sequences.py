"""Exercises on recurrent networks: parameters, how long a cell remembers, a step of a GRU, how far gradients reach."""

import numpy as np

from musiclab.features import SequenceConfig
from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, array, number, wrong
from musiclab.lessons.trainings import lower_loss

FRAME = SequenceConfig().hop_length / SequenceConfig().sample_rate
"""Seconds from one frame of a sequence to the next."""


@exercise("08.1")
def parameters_with_gru(answer) -> Verdict:
    """Parameters of the tutorial's network, two layers of 128 on 33 numbers, ten classes, with GRU in place of LSTM."""
    from musiclab.models import count_parameters, create

    model = create("lstm", classes=10, cell="gru")
    truth = count_parameters(model)
    if number(answer, count_parameters(create("lstm", classes=10))).right:
        return wrong("that is the LSTM, with its four matrices")
    if number(answer, truth - count_parameters(model.output)).right:
        return wrong("the linear layer that names the class is missing")
    if number(answer, truth - 2 * 3 * 128).right:
        return wrong("not yet: PyTorch keeps two offsets for each row, one for the input and one for the state")
    return number(answer, truth, "parameters")


@exercise("08.2")
def forget_gate_for_a_second(answer) -> Verdict:
    """The forget gate that leaves half of what is in a cell after one second."""
    truth = 0.5**FRAME
    if number(answer, 1 - truth, within=0.02).right:
        return wrong("that is what is lost in a frame; the gate is what is kept")
    return number(answer, truth, within=0, absolute=2e-4, note=f"applied {1 / FRAME:.0f} times a second")


@exercise("08.3")
def gru_step(answer, cell, x, h) -> Verdict:
    """The state of a GRU after one step.

    Parameters
    ----------
    answer
        Array, shape (size,).
    cell : torch.nn.GRUCell
    x : array, shape (inputs,)
        What the cell hears.
    h : array, shape (size,)
        Its state before.
    """
    import torch

    with torch.no_grad():
        truth = cell(*(torch.tensor(each, dtype=torch.float32)[None] for each in (x, h)))[0].numpy()
        exchanged, together = _other_grus(cell, np.asarray(x, float), np.asarray(h, float))
    verdict = array(answer, truth, 1e-5, "the state")
    if not verdict.right:
        if array(answer, exchanged, 1e-5).right:
            return wrong("z and 1 - z are exchanged")
        if array(answer, together, 1e-5).right:
            return wrong("the reset gate multiplies h before the matrix; here it multiplies U h + its offset")
    return verdict


def _other_grus(cell, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The step with z and 1 - z exchanged, and the one of Cho et al. 2014, who reset the state before the matrix."""
    W, U, b, a = (each.double().numpy() for each in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    heard, remembered = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    r, z = (1 / (1 + np.exp(-heard[gate] - remembered[gate])) for gate in (0, 1))
    n = np.tanh(heard[2] + r * remembered[2])
    before = np.tanh(heard[2] + np.split(U, 3)[2] @ (r * h) + np.split(a, 3)[2])
    return z * n + (1 - z) * h, (1 - z) * before + z * h


@exercise("08.4")
def half_of_the_gradient(answer, strength) -> Verdict:
    """Seconds before the end of the clip that hold half of the gradient.

    Parameters
    ----------
    answer
        Seconds.
    strength : array, shape (frames,)
        Length of the gradient at each frame.
    """
    strength = np.asarray(strength, float)
    from_the_end = np.cumsum(strength[::-1])
    frames = int(np.searchsorted(from_the_end, strength.sum() / 2)) + 1
    seconds, whole = frames * FRAME, len(strength) * FRAME
    if number(answer, frames, absolute=1).right and frames > 2:
        return wrong("that is a number of frames; asked for are seconds")
    if number(answer, whole - seconds, within=0, absolute=1.5 * FRAME).right and abs(whole - 2 * seconds) > 4 * FRAME:
        return wrong("counted from the beginning; count from the end")
    return number(answer, seconds, "s", within=0, absolute=1.5 * FRAME)


@exercise("08.5")
def lower_loss_of_sequences(answer, history) -> Verdict:
    """A training with a lower validation loss than the lesson's, by any means."""
    return lower_loss(answer, history)
