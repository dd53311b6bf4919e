"""What a trained model says of clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from training_cases import PLAIN, fixed, linear, network, two_classes, weights

from musiclab.store.segments import Segments
from musiclab.training import evaluate, fit, log_probabilities


class FirstFrame(nn.Module):
    """Takes the three numbers of the first frame for logits."""

    def forward(self, batch):
        return batch[:, :, 0]


LOGITS = np.random.default_rng(0).normal(0, 3, (7, 3)).astype(np.float32)
OFFSETS = np.array([0, 4, 5, 7])  # three clips of 4, 1 and 2 segments


def test_a_clip_gets_the_mean_of_the_log_probabilities_of_its_segments():
    segments = Segments(LOGITS, OFFSETS, [0, 1, 2], clips=[2, 0, 1], length=1, places="covering")
    clips, values = log_probabilities(FirstFrame(), segments, "cpu", "fp32", batch_size=3)
    assert clips.tolist() == [0, 1, 2]
    logs = torch.from_numpy(LOGITS).double().log_softmax(1)
    expected = torch.stack([logs[a:b].mean(0) for a, b in ((0, 4), (4, 5), (5, 7))]).log_softmax(1)
    np.testing.assert_allclose(values, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(np.exp(values).sum(1), 1)


def test_a_test_knows_labels_groups_and_paths(small_store):
    chosen = np.array([3, 9, 20])
    segments = Segments(LOGITS, OFFSETS, [0, 1, 2], length=1, places="covering")
    _, values = log_probabilities(FirstFrame(), segments, "cpu", "fp32")
    segments.clips = chosen[segments.clips]  # as if they were clips of the store
    result = evaluate(FirstFrame(), small_store, segments, PLAIN)
    assert result.labels.tolist() == small_store.labels[chosen].tolist()
    assert result.paths.tolist() == small_store.index["path"].iloc[chosen].tolist()
    assert result.groups.tolist() == small_store.index["group"].iloc[chosen].tolist()
    assert list(result.classes) == list(small_store.classes)
    np.testing.assert_allclose(result.log_probabilities, values)


def test_testing_does_not_change_the_model():
    model = network()
    before = weights(model)
    first = log_probabilities(model, fixed(), "cpu", "fp32")[1]
    second = log_probabilities(model, fixed(), "cpu", "fp32", batch_size=1)[1]
    assert not model.training
    assert torch.equal(weights(model), before)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_model_that_was_tested_can_be_trained():
    model = linear()
    log_probabilities(model, fixed(), "cpu", "fp32")
    before = weights(model)
    fit(model, two_classes(), None, replace(PLAIN, epochs=1), show_progress=False)
    assert not torch.equal(weights(model), before)


def test_no_segments_are_no_clips():
    empty = two_classes(clips=2, places="covering")
    empty = Segments(empty.values, [0, 30, 60], [0, 1], clips=[], classes=2, length=24, places="centred")
    clips, values = log_probabilities(linear(), empty, "cpu", "fp32")
    assert len(clips) == 0
    assert values.shape == (0, 2)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_changes_nothing(batch_size):
    reference = log_probabilities(linear(), fixed(places="covering"), "cpu", "fp32")
    found = log_probabilities(linear(), fixed(places="covering"), "cpu", "fp32", batch_size)
    np.testing.assert_array_equal(found[0], reference[0])
    np.testing.assert_allclose(found[1], reference[1], atol=1e-6)
