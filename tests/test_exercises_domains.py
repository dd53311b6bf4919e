"""The checks of lesson 10: sizes, how far an encoder sees, an augmentation, a confusion."""

import numpy as np
import pandas as pd
import torch
from exercise_cases import check_right, check_wrong

from musiclab import umtn


def test_an_hour_of_music():
    hour = np.zeros(3600 * 16000, np.int16)
    sizes = [8 * hour.size / 1e6, hour.nbytes / 1e6, (hour.nbytes + umtn.encode(hour[:16]).itemsize * hour.size) / 1e6]
    check_right("10.1", sizes)
    check_wrong("10.1", (sizes[0], sizes[1], 2 * sizes[1]), "SegmentPairs: not yet: too large", hidden=("172",))
    check_wrong("10.1", [size * 1e6 / 2**20 for size in sizes], "2**20", hidden=("460", "115", "172"))
    check_wrong("10.1", [size / 60 for size in sizes], "int16: sixty times too small", hidden=("460", "115", "172"))


def test_an_encoder_sees_as_far_as_a_gradient_reaches():
    encoder = umtn.Encoder(channels=2, blocks=2, layers=8, pool=1)
    for weights in encoder.parameters():
        torch.nn.init.constant_(weights, 0.1)  # above 0, so that no ReLU stops a gradient
    sound = torch.ones(1, 4001, requires_grad=True)
    latents = encoder(sound)
    latents[..., latents.shape[-1] // 2].abs().sum().backward()
    reached = torch.nonzero(sound.grad[0]).flatten()
    assert "64 ms" in check_right("10.2", int(reached[-1] - reached[0] + 1))
    check_wrong("10.2", 1021, "too small", hidden=(1023,))
    check_wrong("10.2", 1022, "off by one", hidden=(1023,))
    check_wrong("10.2", 2 * 1023, "twice", hidden=(1023,))


def softer(segment, factor=10 ** (-6 / 20), draw=lambda top: int(torch.randint(top, ())), start=None):
    """An answer to exercise 3, with ways to spoil it."""
    samples, changed = len(segment), segment.copy()
    length = samples // 4 + draw(samples // 4 + 1)
    begin = draw(samples - length + 1) if start is None else start
    changed[begin : begin + length] *= np.float32(factor)
    return changed


def twice_softer(segment):
    half = len(segment) // 2
    return np.concatenate([softer(segment[:half]), softer(segment[half:])])


def in_place(segment):
    segment[:4000] *= 10 ** (-6 / 20)
    return segment


def test_a_stretch_becomes_softer():
    state = torch.get_rng_state()
    assert "stretches of" in check_right("10.3", softer)
    assert torch.equal(torch.get_rng_state(), state)  # the lesson's own draws are not disturbed
    rng = np.random.default_rng()
    check_wrong("10.3", lambda segment: softer(segment, draw=rng.integers), "draw with torch")
    check_wrong("10.3", lambda segment: softer(segment, factor=10 ** (-6 / 10)), "found 0.251")
    check_wrong("10.3", twice_softer, "several")
    check_wrong("10.3", lambda segment: softer(segment, start=0), "same sample")
    check_wrong("10.3", lambda segment: segment * np.float32(10 ** (-6 / 20)), "shares of 25 to 50 %")
    check_wrong("10.3", lambda segment: segment.copy(), "shares of 25 to 50 %, found 0%")
    check_wrong("10.3", in_place, "work on a copy")
    check_wrong("10.3", lambda segment: softer(segment).astype(float), "float32")
    check_wrong("10.3", lambda segment: softer(segment)[:100], "shape (12000,)")
    check_wrong("10.3", lambda segment: None, "found NoneType")
    check_wrong("10.3", 0.5, "expected a function")


def run(probe: float, rebuilt: float) -> umtn.ConfusionRun:
    history = pd.DataFrame({"step": [0, 100], "accuracy": [0.25, 0.5], "rebuilt": [0.9, rebuilt]})
    return umtn.ConfusionRun(history, probe, 4, 256, None, None, umtn.ConfusionConfig())


def test_a_confusion_costs_the_classifier_and_not_the_music():
    plain = run(0.8, 0.7)
    assert "30 points on 256 segments, 40% is rebuilt" in check_right("10.4", run(0.5, 0.4), plain=plain)
    check_wrong("10.4", run(0.7, 0.5), "aim at 15 points", plain=plain)
    check_wrong("10.4", run(0.4, 0.3), "aim at a third", plain=plain)
    check_wrong("10.4", 0.5, "umtn.train_confusion", plain=plain)
