"""Exercises on recurrent networks: what is right, and what typical slips are told."""

import numpy as np
import pytest
import torch
from torch import nn

from musiclab import lessons
from musiclab.lessons import sequences
from musiclab.training import History

LSTM, GRU = (gates * 128 * (33 + 128 + 2 + 128 + 128 + 2) + 128 * 10 + 10 for gates in (4, 3))


def verdict(name, answer, **given):
    (only,) = lessons.judge(lessons.find(name), answer, **given)
    return only


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (GRU, "right"),
        (LSTM, "the LSTM"),
        (GRU - 1290, "linear layer"),
        (GRU - 6 * 128, "two offsets"),
        (2 * GRU, "twice"),
        (GRU / 2, "half"),
        ("many", "found text"),
    ],
)
def test_parameters_of_two_layers_of_gru(answer, said):
    found = verdict("08.1", answer)
    assert said in found.text
    assert found.right == (said == "right")
    assert found.right or str(GRU) not in found.text.replace(",", "")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (0.5 ** (512 / 22050), "right"),
        (0.5 ** (1 / 43), "right"),
        (0.9840, "right"),
        (0.98, "too small"),
        (0.9986, "too large"),
        (1 - 0.5 ** (512 / 22050), "what is lost"),
        (98.4, "per cent"),
        ("0.99", "found text"),
    ],
)
def test_a_forget_gate_that_keeps_half_for_a_second(answer, said):
    found = verdict("08.2", answer)
    assert said in found.text
    assert found.right == (said == "right")
    assert found.right or "0.984" not in found.text


@pytest.fixture
def step():
    """A GRU, what it hears and its state before: none of the numbers small."""
    torch.manual_seed(0)
    cell, rng = nn.GRUCell(5, 4), np.random.default_rng(0)
    return {"cell": cell, "x": rng.standard_normal(5), "h": rng.standard_normal(4)}


def by_hand(cell, x, h, keep=lambda z: z, before=False):
    """A step, with a gate turned round or the reset in front of the matrix."""
    W, U, b, a = (part.detach().double().numpy() for part in cell.parameters())
    heard, remembered = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    r, z = (1 / (1 + np.exp(-(heard[gate] + remembered[gate]))) for gate in (0, 1))
    inner = U[8:] @ (r * h) + a[8:] if before else r * remembered[2]
    z = keep(z)
    return (1 - z) * np.tanh(heard[2] + inner) + z * h


def test_a_step_of_a_gru(step):
    assert verdict("08.3", by_hand(**step), **step).right
    assert verdict(
        "08.3", step["cell"](torch.tensor(step["x"]).float(), torch.tensor(step["h"]).float()).detach(), **step
    ).right


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"keep": lambda z: 1 - z}, "exchanged"),
        ({"before": True}, "before the matrix"),
        ({"keep": lambda z: 0 * z}, "elements differ"),
    ],
)
def test_slips_in_a_gru_are_told(step, slip, said):
    found = verdict("08.3", by_hand(**step, **slip), **step)
    assert not found.right
    assert said in found.text


def test_a_state_of_another_shape_is_told(step):
    assert "expected shape (4,), found (4, 1)" in verdict("08.3", by_hand(**step)[:, None], **step).text
    assert "expected shape (4,), found (5,)" in verdict("08.3", step["x"], **step).text


STRENGTH = np.r_[np.zeros(200), np.ones(40)]  # half of it in the last 20 frames


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (20 * sequences.FRAME, "right"),
        (20.8 * sequences.FRAME, "right"),
        (20, "number of frames"),
        (220 * sequences.FRAME, "from the beginning"),
        (40 * sequences.FRAME, "twice"),
        (464, "a thousand times"),
        (float("nan"), "finite"),
    ],
)
def test_half_of_the_gradient_counted_from_the_end(answer, said):
    found = verdict("08.4", answer, strength=STRENGTH)
    assert said in found.text
    assert found.right == (said == "right")
    assert found.right or "0.46" not in found.text


def test_all_of_the_gradient_in_the_last_frame_is_one_frame():
    assert verdict("08.4", sequences.FRAME, strength=np.r_[np.zeros(10), 1.0]).right


def test_a_training_is_asked_for():
    history = History([{"epoch": 1, "valid_loss": 1.0}])
    assert "expected what experiments.train returns" in verdict("08.5", 0.9, history=history).text
