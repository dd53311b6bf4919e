"""What models listen to: models whose answer is known, and sounds that a mask must take apart."""

import numpy as np
import pytest
import torch
from conftest import SAMPLE_RATE, TINY, sine
from torch import nn

from musiclab import models, studio
from musiclab.audio import load_audio
from musiclab.core.errors import RunError
from musiclab.features import MelConfig, log_mel
from musiclab.runs.attribution import effects, hear, occlusion, saliency, separate
from musiclab.store.segments import Segments
from musiclab.training import log_probabilities

BAND = 5
PICTURES = torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(0)) + 0.5
ASKED = [0, 0, 0]


class OneBand(nn.Module):
    """Two classes: the logit of the first is the sum of one band over time, that of the second is 0."""

    def forward(self, batch):
        level = batch[:, BAND].sum(dim=1)
        return torch.stack([level, torch.zeros_like(level)], dim=1)


class Weighted(nn.Module):
    """A weight for each sample, and one class that is all but impossible, so that log p(second) is -logit."""

    def __init__(self, samples):
        super().__init__()
        self.register_buffer("weights", torch.linspace(-1, 1, samples))

    def forward(self, batch):
        level = batch @ self.weights
        return torch.stack([level + 50, torch.zeros_like(level)], dim=1)


def test_saliency_finds_the_one_band_and_has_the_slope_of_the_log_probability():
    gradient = saliency(OneBand(), PICTURES, ASKED)
    assert gradient.shape == PICTURES.shape
    level = PICTURES[:, BAND].sum(dim=1)
    others = torch.cat([gradient[:, :BAND], gradient[:, BAND + 1 :]], dim=1)
    assert torch.count_nonzero(others) == 0
    slope = 1 - level.sigmoid()  # d log sigmoid(x) / dx
    torch.testing.assert_close(gradient[:, BAND], slope[:, None].expand(-1, 20), rtol=1e-3, atol=1e-9)


def test_saliency_of_a_linear_model_is_its_weights_whatever_the_input():
    batch = torch.randn(4, 30, generator=torch.Generator().manual_seed(1))
    model = Weighted(30)
    gradient = saliency(model, batch, [1, 1, 1, 1])
    torch.testing.assert_close(gradient, -model.weights.expand(4, 30))
    assert not batch.requires_grad


def test_saliency_times_the_step_is_what_a_small_step_does():
    torch.manual_seed(0)
    model = models.create("cnn", 3, **TINY["cnn"]).eval().double()
    batch = torch.rand(2, 128, 64, dtype=torch.float64)
    gradient = saliency(model, batch, [2, 0])
    direction = torch.randn(batch.shape, dtype=torch.float64)

    def answer(step):
        return model(batch + step * direction).log_softmax(dim=1)[[0, 1], [2, 0]]

    with torch.no_grad():
        slope = (answer(1e-5) - answer(-1e-5)) / 2e-5
    torch.testing.assert_close((gradient * direction).sum(dim=(1, 2)), slope, rtol=1e-4, atol=1e-8)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("name", ["mlp", "lstm", "m5", "resnet"])
def test_every_kind_of_model_has_a_saliency_and_an_occlusion_of_the_shape_of_its_input(name):
    model = models.create(name, 3, **TINY[name])
    batch = torch.rand(2, *model.input_shape)
    size = (1, 2000) if batch.ndim == 2 else tuple(min(side, 32) for side in model.input_shape)
    gradient, drops = saliency(model, batch, [0, 2]), occlusion(model, batch, [0, 2], size)
    assert gradient.shape == drops.shape == batch.shape
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0
    assert drops.isfinite().all()


def test_occlusion_finds_the_one_band_and_by_how_much_it_is_missed():
    drops = occlusion(OneBand(), PICTURES, ASKED, size=(1, 20))
    level = PICTURES[:, BAND].sum(dim=1)
    expected = nn.functional.logsigmoid(level) - nn.functional.logsigmoid(torch.zeros(()))  # log p with it, without it
    torch.testing.assert_close(drops[:, BAND], expected[:, None].expand(-1, 20), rtol=1e-4, atol=1e-6)
    assert drops.abs().sum(dim=(1, 2)).sub(drops[:, BAND].abs().sum(dim=1)).max() == 0


def test_occlusion_of_a_linear_model_is_what_the_covered_numbers_add():
    batch = torch.randn(2, 30, generator=torch.Generator().manual_seed(1))
    model = Weighted(30)
    drops = occlusion(model, batch, [1, 1], size=(1, 4), step=(1, 3), fill=0.25)
    added = (-(batch - 0.25) * model.weights).double()  # to log p of the second class
    starts = [*range(0, 26, 3), 26]  # the last patch ends at the edge
    expected = torch.zeros(2, 30, dtype=torch.float64)
    for place in range(30):
        over = [added[:, start : start + 4].sum(dim=1) for start in starts if start <= place < start + 4]
        expected[:, place] = torch.stack(over).mean(dim=0)
    torch.testing.assert_close(drops.double(), expected, rtol=1e-3, atol=2e-5)


def test_what_covers_may_differ_by_dimension():
    fill = np.arange(12.0)
    drops = occlusion(OneBand(), PICTURES, ASKED, size=(12, 20), fill=fill)
    level = PICTURES[:, BAND].sum(dim=1)
    expected = nn.functional.logsigmoid(level) - nn.functional.logsigmoid(torch.tensor(20 * fill[BAND]))
    torch.testing.assert_close(drops[:, 0, 0], expected.float(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("size", "step"), [((13, 1), None), ((0, 1), None), ((4, 4), (5, 4)), ((4, 4), (4, 0))])
def test_patches_that_would_leave_gaps_are_refused(size, step):
    with pytest.raises(RunError, match=r"expected a patch size from 1 to (12|20) and a step"):
        occlusion(OneBand(), PICTURES, ASKED, size, step)


def test_a_class_is_asked_for_of_each_example():
    with pytest.raises(RunError, match=r"one class for each of 3 examples, found \(2,\)"):
        saliency(OneBand(), PICTURES, [0, 1])


def test_a_mask_takes_two_tones_apart_and_the_parts_add_up():
    config = MelConfig()
    low, high = sine(300.0, amplitude=0.3), sine(4000.0, amplitude=0.3)
    mask = np.zeros((config.n_mels, config.frames(SAMPLE_RATE)))
    centre = int(log_mel(low, config).mean(axis=1).argmax())
    mask[: 2 * centre] = 1
    kept, rest = separate(low + high, mask, config)
    np.testing.assert_allclose(kept + rest, low + high, atol=1e-6)
    inside = slice(2000, -2000)
    np.testing.assert_allclose(kept[inside], low[inside], atol=0.003)  # 40 dB under the tones
    np.testing.assert_allclose(rest[inside], high[inside], atol=0.003)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_an_even_mask_is_a_volume(level):
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, 9000).astype(np.float32)
    config = MelConfig(n_mels=40)
    kept, _ = separate(waveform, np.full((40, config.frames(9000)), level), config)
    np.testing.assert_allclose(kept, level * waveform, atol=1e-5)


def test_a_mask_in_time_leaves_the_rest_of_the_time_silent():
    config = MelConfig()
    waveform = sine(1000.0)
    mask = np.zeros((config.n_mels, config.frames(len(waveform))))
    mask[:, 20:] = 1
    kept, _ = separate(waveform, mask, config)
    start = 20 * config.hop_length
    assert np.abs(kept[: start - config.n_fft]).max() < 1e-6
    np.testing.assert_allclose(kept[start + config.n_fft :], waveform[start + config.n_fft :], atol=1e-5)


def test_a_mask_of_another_picture_is_refused():
    with pytest.raises(RunError, match=r"mask: expected the shape of .*, \(128, 44\), found \(128, 43\)"):
        separate(sine(440.0), np.ones((128, 43)), MelConfig())


@pytest.mark.parametrize("name", ["cnn", "m5", "mlp", "lstm"])
def test_what_is_heard_in_memory_is_what_the_test_hears(all_features, name):
    torch.manual_seed(0)
    model = models.create(name, 3, **TINY[name])
    clips = [0, 9, 20]
    feature = model.feature
    values = np.concatenate([np.atleast_2d(all_features.read(feature, clip)) for clip in clips], axis=1)
    model.standardise_by(values.mean(axis=1), values.std(axis=1))
    settings = {"length": model.length, "silence": model.feature_config.silence, "places": "covering"}
    tested = log_probabilities(model, Segments.of_store(all_features, feature, clips, **settings))[1]
    sounds = [load_audio(all_features.index["path"][clip], SAMPLE_RATE)[0] for clip in clips]
    np.testing.assert_allclose(hear(model, sounds, SAMPLE_RATE), tested, atol=2e-3)  # a store rounds


def test_sounds_of_several_lengths_are_heard_together_as_alone():
    torch.manual_seed(0)
    model = models.create("cnn", 3, **TINY["cnn"])
    sounds = [sine(440.0, seconds) for seconds in (0.5, 2.0, 1.2)]
    together = hear(model, sounds, SAMPLE_RATE)
    assert together.shape == (3, 3)
    np.testing.assert_allclose(np.exp(together).sum(axis=1), 1)
    np.testing.assert_allclose(
        together, np.concatenate([hear(model, [each], SAMPLE_RATE) for each in sounds]), atol=1e-5
    )


def test_of_no_sounds_nothing_is_heard():
    with pytest.raises(RunError, match="hear: expected at least one sound, found none"):
        hear(models.create("cnn", 3, **TINY["cnn"]), [], SAMPLE_RATE)


def test_effects_are_mean_differences_of_the_probability_of_the_label():
    before = np.log([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    after = np.log([[0.6, 0.4], [0.4, 0.6], [0.3, 0.7], [0.9, 0.1]])
    labels = np.array([0, 0, 1, 1])
    table = effects(before, {"muted": after, "nothing": before}, labels, np.array(["a", "a", "b", "b"]))
    muted = table.loc["muted"]
    np.testing.assert_allclose(muted["before"], (0.8 + 0.6 + 0.7 + 0.5) / 4)
    np.testing.assert_allclose(muted["after"], (0.6 + 0.4 + 0.7 + 0.1) / 4)
    np.testing.assert_allclose(muted["shift"], -0.2)
    assert muted["low"] < -0.2 < muted["high"]
    assert muted["flipped"] == 0.25
    assert muted["n"] == 4
    assert table.loc["nothing", ["shift", "low", "high", "flipped"]].tolist() == [0, 0, 0, 0]


def test_effects_are_surer_of_many_groups_than_of_few():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 2)
    by_group = rng.normal(-0.1, 0.1, 60)[groups].clip(-0.4, 0.4)
    before = np.log(np.tile([0.5, 0.5], (120, 1)))
    after = np.log(np.stack([0.5 + by_group, 0.5 - by_group], axis=1))
    few = effects(before[:20], {"x": after[:20]}, np.zeros(20, int), groups[:20]).loc["x"]
    many = effects(before, {"x": after}, np.zeros(120, int), groups).loc["x"]
    assert many["high"] - many["low"] < few["high"] - few["low"]
    assert many["high"] < 0


def test_effects_of_other_sounds_are_refused():
    with pytest.raises(RunError, match=r"shorter: expected log-probabilities of shape \(4, 2\), found \(3, 2\)"):
        effects(np.zeros((4, 2)), {"shorter": np.zeros((3, 2))}, np.zeros(4, int), np.arange(4))


def test_a_model_that_hears_the_drums_alone_is_caught_by_muting_them():
    """A model that listens over 5 kHz, where this band has nothing but its cymbals, if nobody sings."""
    entries = [entry for entry in studio.catalogue(3, seconds=3.0, genres=["disco"])]
    plain = [studio.render(**entry, mute="vocals").waveform for entry in entries]
    muted = [studio.render(**entry, mute=("vocals", "drums")).waveform for entry in entries]

    def answers(sounds):
        level = np.array([log_mel(sound)[100:].mean() for sound in sounds])
        logits = torch.from_numpy(np.stack([50 * level - 1, 0 * level], axis=1))
        return logits.log_softmax(dim=1).numpy()

    table = effects(answers(plain), {"no drums": answers(muted)}, np.zeros(3, int), np.arange(3))
    assert table.loc["no drums", "high"] < -0.1
