"""The description of an augmentation: what it does, what it refuses, and how it is kept."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musiclab.core.errors import RunError
from musiclab.training.augment import Augmentation
from musiclab.training.augment import batch as change

PICTURES = Augmentation(
    mixup=0.3, time_mask=0.2, frequency_mask=0.2, frequency_shift=4, circular_shift=0.5, stretch=0.1
)
SOUNDS = Augmentation(mixup=0.3, time_mask=0.2, circular_shift=0.5, stretch=0.1, gain=6.0)
CASES = [(PICTURES, (6, 20, 30)), (SOUNDS, (6, 500))]


def rng(seed=0):
    return np.random.default_rng(seed)


def test_it_does_what_the_functions_do_one_after_the_other():
    batch, targets, draws = torch.randn(6, 20, 30), torch.eye(6), rng(3)
    expected = change.frequency_shift(batch, 4, draws)
    expected = change.time_mask(expected, 0.2, -1.0, draws)
    expected = change.frequency_mask(expected, 0.3, -1.0, draws)
    expected = change.mixup(expected, targets, 0.4, draws)
    augmentation = Augmentation(mixup=0.4, time_mask=0.2, frequency_mask=0.3, frequency_shift=4)
    found = augmentation.apply(batch, targets, rng(3), silence=-1.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize(("augmentation", "shape"), CASES)
def test_the_seed_decides_and_what_was_given_stays(augmentation, shape):
    batch, targets = torch.randn(shape), torch.eye(6)
    before = batch.clone()
    first, again, other = (augmentation.apply(batch, targets, rng(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == batch.shape
    assert torch.equal(batch, before)
    assert torch.equal(targets, torch.eye(6))


@pytest.mark.parametrize(("augmentation", "shape"), CASES)
def test_silence_and_a_batch_of_one_stay_what_they_are(augmentation, shape):
    batch, targets = torch.zeros(1, *shape[1:]), torch.tensor([[0.0, 1.0]])
    torch.testing.assert_close(augmentation.apply(batch, targets, rng()), (batch, targets), rtol=0, atol=0)


@pytest.mark.parametrize("name", list(Augmentation().to_dict()))
def test_each_setting_alone_changes_the_batch(name):
    feature = "audio" if name == "gain" else "logmel"
    augmentation = Augmentation(**{name: (SOUNDS if feature == "audio" else PICTURES).active[name]}).check(feature)
    batch, targets = torch.randn((6, 500) if feature == "audio" else (6, 20, 30)), torch.eye(6)
    changed, changed_targets = augmentation.apply(batch, targets, rng(), silence=-9.0)
    assert not torch.equal(changed, batch)
    assert torch.equal(changed_targets, targets) == (name != "mixup")
    assert list(augmentation.active) == [name]


def test_all_off_gives_back_what_was_given():
    batch, targets, draws = torch.randn(3, 4, 5), torch.eye(3), rng(0)
    assert Augmentation().active == {}
    unchanged = Augmentation().apply(batch, targets, draws)
    assert unchanged[0] is batch
    assert unchanged[1] is targets
    assert draws.random() == rng(0).random()  # and drew nothing


settings_of_any_kind = st.fixed_dictionaries(
    {},
    optional={
        "mixup": st.floats(0, 10),
        "time_mask": st.floats(0, 1),
        "frequency_shift": st.integers(0, 40),
        "stretch": st.floats(0, 1),
        "gain": st.floats(0, 60),
    },
)


@given(settings_of_any_kind)
def test_json_keeps_it(settings):
    augmentation = Augmentation(**settings)
    kept = json.loads(json.dumps(augmentation.to_dict()))
    assert Augmentation.from_dict(kept) == augmentation
    assert kept == augmentation.to_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixup": -0.1}, "expected mixup to be a finite number of at least 0, found -0.1"),
        ({"mixup": float("inf")}, "mixup.*found inf"),
        ({"time_mask": 1.5}, "expected time_mask to be a finite number from 0 to 1, found 1.5"),
        ({"frequency_mask": float("nan")}, "frequency_mask.*nan"),
        ({"frequency_shift": 1.5}, "expected frequency_shift to be a whole number of at least 0, found 1.5"),
        ({"frequency_shift": True}, "expected frequency_shift to be a whole number"),
        ({"gain": "6"}, "gain.*found '6'"),
        ({"gain": 61}, "gain to be a finite number from 0 to 60, found 61"),
    ],
)
def test_values_out_of_range_are_refused(settings, message):
    with pytest.raises(RunError, match=message):
        Augmentation(**settings)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(RunError, match="found 'mix_up'; did you mean mixup"):
        Augmentation.from_dict({"mix_up": 0.3})


def test_a_run_of_an_earlier_version_loads_unless_it_used_what_is_gone():
    kept = {"mixup": 0.3, "gain": 0.0, "noise": None, "polarity": False}
    assert Augmentation.from_dict(kept) == Augmentation(mixup=0.3)
    with pytest.raises(RunError, match=r"expected an augmentation among mixup, .*, found 'polarity'"):
        Augmentation.from_dict(kept | {"polarity": True})


@pytest.mark.parametrize(
    ("settings", "feature"),
    [
        ({"frequency_mask": 0.2}, "audio"),
        ({"frequency_shift": 2}, "audio"),
        ({"gain": 3}, "logmel"),
        ({"gain": 3}, "sequence"),
        ({"frequency_mask": 0.2}, "sequence"),
        ({"time_mask": 0.2}, "summary"),
    ],
)
def test_a_change_that_does_not_fit_the_feature_is_refused(settings, feature):
    name = next(iter(settings))
    with pytest.raises(RunError, match=f"{name}=.* is not available for the feature '{feature}'.*Leave {name} out"):
        Augmentation(**settings).check(feature)


def test_a_change_that_fits_is_not_refused():
    assert PICTURES.check("logmel") is PICTURES
    assert SOUNDS.check("audio") is SOUNDS
    for feature in ("audio", "logmel", "sequence", "summary"):
        Augmentation(mixup=0.3).check(feature)


def test_a_batch_of_the_wrong_kind_is_refused():
    with pytest.raises(RunError, match="frequency_mask"):
        Augmentation(frequency_mask=0.2).apply(torch.zeros(2, 100), torch.eye(2), rng())
    with pytest.raises(RunError, match="gain"):
        Augmentation(gain=3).apply(torch.zeros(2, 10, 10), torch.eye(2), rng())
