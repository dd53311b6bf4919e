"""Augmentation of a batch: what is changed, by how much, and by which seed."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musiclab.features import load_torchaudio
from musiclab.training.augment.batch import (
    circular_shift,
    frequency_mask,
    frequency_shift,
    gain,
    mixup,
    random_stretch,
    time_mask,
)

seeds = st.integers(0, 999)


def rng(seed=0):
    return np.random.default_rng(seed)


def tones(count=4, samples=2000):
    """Sine tones of different pitch and level, shape (count, samples)."""
    time = torch.arange(samples) / 8000
    return torch.stack([0.2 * (1 + n) / count * torch.sin(2 * torch.pi * 200 * (1 + n) * time) for n in range(count)])


# Pictures


def test_frequency_shift_moves_a_tone_by_at_most_so_many_bands():
    picture = torch.zeros(64, 12, 5)
    picture[:, 6] = 1.0
    moved = frequency_shift(picture, 3, np.random.default_rng(0))
    bands = moved.argmax(dim=1)
    assert moved.sum() == picture.sum()
    assert set(bands.flatten().tolist()) == {3, 4, 5, 6, 7, 8, 9}
    assert (bands == bands[:, :1]).all()  # all frames of an example move together


def test_frequency_shift_repeats_the_edge():
    picture = torch.arange(4.0)[None, :, None]
    for seed in range(20):
        moved = frequency_shift(picture, 1, np.random.default_rng(seed))[0, :, 0].tolist()
        assert moved in ([0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3])


@given(longest=st.floats(0, 1), seed=st.integers(0, 999))
def test_a_time_mask_is_one_stretch_across_all_bands(longest, seed):
    batch = torch.ones(5, 3, 40)
    masked = time_mask(batch, longest, fill=-9.0, rng=rng(seed))
    assert (batch == 1).all()  # what was given is not changed
    for example in masked:
        assert (example == example[0]).all()
        hidden = np.flatnonzero(example[0] == -9)
        assert len(hidden) <= np.ceil(longest * 40)
        assert (np.diff(hidden) == 1).all()
        assert set(example.unique().tolist()) <= {1.0, -9.0}


def test_masks_are_as_long_as_their_name_says_on_the_average():
    batch = torch.ones(4000, 1, 100)
    masked = time_mask(batch, 0.4, 0.0, rng())
    assert (masked == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)  # drawn evenly from 0 to 0.4
    assert (masked[:, 0, 1:] == 0).any(dim=0).all()  # and anywhere


def test_a_frequency_mask_is_a_time_mask_lying_on_its_side():
    batch = torch.randn(6, 20, 30)
    turned = time_mask(batch.transpose(1, 2), 0.5, 0.0, rng(3)).transpose(1, 2)
    torch.testing.assert_close(frequency_mask(batch, 0.5, 0.0, rng(3)), turned)


def test_a_mask_can_be_filled_with_one_value_a_dimension():
    silence = np.array([-1.0, -2.0, -3.0], dtype=np.float32)
    batch = torch.ones(50, 3, 10)
    for mask in (time_mask, frequency_mask):
        masked = mask(batch, 1.0, silence, rng())
        hidden = masked != 1
        assert hidden.any()
        torch.testing.assert_close(masked[hidden], torch.from_numpy(silence)[:, None].expand_as(batch)[hidden])


def test_a_waveform_is_masked_as_a_picture_of_one_band_is():
    batch = torch.randn(6, 300)
    torch.testing.assert_close(
        time_mask(batch, 0.5, 0.0, rng(1)), time_mask(batch[:, None], 0.5, 0.0, rng(1))[:, 0], rtol=0, atol=0
    )


def test_masks_are_as_long_and_as_spread_as_those_of_torchaudio():
    batch = torch.ones(20000, 1, 50)
    torch.manual_seed(0)
    theirs = load_torchaudio().functional.mask_along_axis_iid(batch, 25, 0.0, axis=2)
    ours = time_mask(batch, 0.5, 0.0, rng())
    # theirs rounds lengths and starts down, ours to the nearest: half a frame of 25 on the average
    assert (ours == 0).float().mean().item() == pytest.approx((theirs == 0).float().mean().item(), abs=0.015)
    for quantile in (0.1, 0.5, 0.9):
        lengths = [(masked == 0).sum(dim=(1, 2)).float().quantile(quantile).item() for masked in (ours, theirs)]
        assert lengths[0] == pytest.approx(lengths[1], abs=1)


# Time


@given(longest=st.floats(0, 1), seed=seeds)
def test_a_circular_shift_is_a_rotation_of_at_most_so_much(longest, seed):
    batch = torch.arange(40.0).expand(5, 3, 40)
    for example in circular_shift(batch, longest, rng(seed)):
        move = int(-example[0, 0]) % 40
        assert min(move, 40 - move) <= longest * 40
        torch.testing.assert_close(example, torch.roll(batch[0], move, dims=-1), rtol=0, atol=0)


def test_circular_shifts_reach_every_place():
    batch = torch.arange(20.0).expand(2000, 20)
    assert set(circular_shift(batch, 0.5, rng())[:, 0].tolist()) == set(range(20))


@given(most=st.floats(0, 1), seed=seeds)
def test_a_stretch_changes_the_slope_of_a_ramp_within_its_bounds(most, seed):
    batch = torch.arange(60.0).expand(8, 2, 60)
    for example in random_stretch(batch, most, -9.0, rng(seed)):
        assert torch.equal(example[0], example[1])
        shown = torch.nonzero(example[0] != -9)[:, 0]
        assert (shown.diff() == 1).all()
        steps = example[0, shown].diff()
        assert steps.max() - steps.min() < 1e-3
        assert 1 / (1 + most) - 1e-3 <= steps.mean() <= 1 + most + 1e-3
        # a slower one fills the segment; a faster one is all there, but for less than a step at either end
        assert len(shown) == 60 or example[0, shown].max() - example[0, shown].min() > 59 - 2 * (1 + most)


def test_one_frame_has_no_tempo():
    batch = torch.randn(3, 4, 1)
    assert torch.equal(random_stretch(batch, 0.5, 0.0, rng()), batch)


def test_stretches_are_as_often_faster_as_slower():
    stretched = random_stretch(torch.arange(100.0).expand(4000, 100), 0.25, -9.0, rng())
    assert (stretched == -9).any(dim=1).float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_what_a_faster_example_leaves_free_is_silence_of_each_dimension():
    silence = np.array([-5.0, -7.0])
    stretched = random_stretch(torch.ones(40, 2, 50), 1.0, silence, rng())
    assert (stretched[:, 0] == -5).any()
    assert torch.equal(stretched[:, 0] == -5, stretched[:, 1] == -7)


# Waveforms


@given(decibels=st.floats(0, 40), seed=seeds)
def test_gain_is_one_factor_an_example_within_its_range(decibels, seed):
    batch = tones()
    louder = gain(batch, decibels, rng(seed))
    factors = (louder / batch)[:, 1]
    assert (factors.log10() * 20).abs().max() <= decibels + 1e-4
    torch.testing.assert_close(louder, batch * factors[:, None])


def test_gains_are_drawn_evenly_in_decibels():
    decibels = 20 * gain(torch.ones(8000, 1), 6.0, rng()).log10()
    assert decibels.mean().item() == pytest.approx(0, abs=0.1)
    assert decibels.std().item() == pytest.approx(12 / 12**0.5, abs=0.1)


# All of them


@given(alpha=st.floats(0.1, 2), seed=st.integers(0, 999))
def test_mixup_blends_examples_and_targets_by_the_same_share(alpha, seed):
    count = 6
    targets = torch.eye(count)  # a class an example: the targets say who was blended with whom
    batch = torch.randn(count, 4, 5)
    mixed, mixed_targets = mixup(batch, targets, alpha, rng(seed))
    torch.testing.assert_close(mixed_targets.sum(1), torch.ones(count))
    assert (mixed_targets.diagonal() >= 0.5 - 1e-6).all()  # the example itself stays the louder one
    assert ((mixed_targets > 0).sum(1) <= 2).all()
    torch.testing.assert_close(mixed, torch.einsum("ij,jbf->ibf", mixed_targets, batch), rtol=1e-4, atol=1e-5)


CHANGES = {
    "time_mask": lambda batch, seed: time_mask(batch, 0.5, 0.0, rng(seed)),
    "frequency_mask": lambda batch, seed: frequency_mask(batch, 0.5, 0.0, rng(seed)),
    "frequency_shift": lambda batch, seed: frequency_shift(batch, 5, rng(seed)),
    "circular_shift": lambda batch, seed: circular_shift(batch, 0.5, rng(seed)),
    "random_stretch": lambda batch, seed: random_stretch(batch, 0.2, 0.0, rng(seed)),
    "mixup": lambda batch, seed: mixup(batch, torch.eye(len(batch)), 0.3, rng(seed))[0],
    "gain": lambda batch, seed: gain(batch, 6.0, rng(seed)),
}
SHAPES = {name: (8, 16) if name == "gain" else (8, 16, 16) for name in CHANGES}


@pytest.mark.parametrize("name", CHANGES)
def test_the_seed_decides_and_what_was_given_stays(name):
    batch = torch.randn(SHAPES[name])
    before = batch.clone()
    first, again, other = (CHANGES[name](batch, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("name", CHANGES)
def test_silence_and_a_batch_of_one_stay_what_they_are(name):
    batch = torch.zeros(1, *SHAPES[name][1:])
    changed = CHANGES[name](batch, 3)
    assert changed.dtype == torch.float32
    assert torch.equal(changed, batch)


def test_nothing_is_changed_by_nothing():
    picture, sound = torch.randn(5, 6, 7), torch.randn(5, 70)
    assert torch.equal(time_mask(picture, 0.0, -9.0, rng()), picture)
    assert torch.equal(frequency_mask(picture, 0.0, -9.0, rng()), picture)
    assert torch.equal(frequency_shift(picture, 0, rng()), picture)
    assert torch.equal(circular_shift(picture, 0.0, rng()), picture)
    assert torch.equal(random_stretch(picture, 0.0, -9.0, rng()), picture)
    assert torch.equal(gain(sound, 0.0, rng()), sound)


@pytest.mark.gpu
def test_a_gpu_draws_the_same():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    for name, change in CHANGES.items():
        batch = torch.randn(SHAPES[name])
        on_cpu = change(batch, 1)
        with torch.device("cuda"):  # for the targets of mixup
            torch.testing.assert_close(
                change(batch.cuda(), 1).cpu(), on_cpu, msg=lambda text, name=name: f"{name}: {text}"
            )
