"""The models: layers of the systems they come from, shapes, sizes, gradients, and loss that falls."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from musiclab import features
from musiclab.core.errors import RunError
from musiclab.models import MODELS, MelCNN, MelCRNN, MelResNet, count_parameters, create, find, summary

SMALL = {
    "m3": {"width": 8, "length": 2000},
    "m5": {"width": 4, "length": 4000},
    "m11": {"width": 4, "length": 2000},
    "m18": {"width": 4, "length": 2000},
    "m34res": {"width": 4, "length": 2000},
    "mlp": {"inputs": 5, "hidden": (16, 8, 8)},
    "cnn": {"width": 4, "frames": 64, "hidden": (32, 16)},
    "crnn": {"width": 4, "frames": 64, "hidden": 8, "dense": (32, 16), "last_pool": (8, 2)},
    "lstm": {"inputs": 5, "hidden": 8, "frames": 20},
    "resnet": {"width": 4, "frames": 40},
    "musicnn": {"width": 4, "hidden": 64, "frames": 20},
    "probe": {"inputs": 5},
}
CLASSES = 4


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    torch.manual_seed(0)
    return create(name, CLASSES, **SMALL[name])


def whole(name, classes=10, **sizes):
    """A model without numbers in it: enough to count them."""
    with torch.device("meta"):
        return create(name, classes, **sizes)


def batch_for(model, size=3):
    return torch.randn(size, *model.input_shape, generator=torch.Generator().manual_seed(1))


def without_chance(model):
    """In training, but with all of its outputs."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model.train()


# What every model keeps to


def test_a_batch_gives_logits(model):
    logits = model(batch_for(model))
    assert logits.shape == (3, CLASSES)
    assert logits.dtype == torch.float32
    assert model.eval()(batch_for(model, 1)).shape == (1, CLASSES)
    assert not torch.allclose(logits.exp().sum(1), torch.ones(3))  # no softmax inside


def test_a_model_says_what_it_hears(name, model):
    assert model.feature in features.FEATURES
    assert isinstance(model.feature_config, features.FEATURES[model.feature])
    rates = {"musicnn": 16000, **dict.fromkeys(("m3", "m5", "m11", "m18", "m34res"), 8000)}
    assert MODELS[name].feature_config.sample_rate == rates.get(name, 22050)
    assert model.length == model.input_shape[-1]
    if model.feature == "audio":
        assert model.dimensions is None
        assert len(model.input_shape) == 1
    else:
        assert model.input_shape[0] == model.sizes[model.dimensions]
        assert len(model.feature_config.names) == whole(name).input_shape[0]


def test_a_gradient_reaches_every_parameter(model):
    without_chance(model)(batch_for(model, 8)).square().sum().backward()
    without = [name for name, parameter in model.named_parameters() if not (parameter.grad.abs() > 0).any()]
    assert without == []


def test_sizes_make_the_same_model_again(name, model):
    model.standardise_by(0.5, 2.0)
    sizes = json.loads(json.dumps(model.sizes))
    again = create(name, CLASSES, **sizes)
    assert again.sizes == sizes
    again.load_state_dict(model.state_dict())  # strictly: the same names and shapes
    batch = batch_for(model)
    torch.testing.assert_close(again.eval()(batch), model.eval()(batch), rtol=0, atol=0)


def test_sizes_are_all_arguments(name):
    sizes = whole(name).sizes
    assert whole(name, **sizes).sizes == sizes
    with pytest.raises(RunError, match=rf"model {name}: expected a size among .*, found 'colour'") as caught:
        create(name, CLASSES, colour=3)
    assert sorted(str(caught.value).split("a size among ")[1].split(", found")[0].split(", ")) == sorted(sizes)


def test_an_example_does_not_depend_on_its_batch_when_tested(model):
    batch = batch_for(model)
    model.eval()
    torch.testing.assert_close(model(batch)[1:2], model(batch[1:2]), rtol=1e-4, atol=1e-5)


def test_the_input_stays_as_it_was(model):
    batch = batch_for(model)
    model(batch)
    assert torch.equal(batch, batch_for(model))


def test_bf16_gives_nearly_the_same_in_both_modes(name, model):
    if name == "lstm" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this CPU cannot compute an LSTM in bf16, which test_training_devices.py expects to be reported")
    batch = batch_for(model, 8)
    for mode in (without_chance(model), model.eval()):
        exact = mode(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = mode(batch).float()
        assert (rough - exact).abs().max() < 0.1 * exact.abs().max() + 0.05
    rough.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_loss_falls(name, model):
    torch.manual_seed(0)
    examples, steps = (8, 10) if name == "musicnn" else (32, 40)  # its 561 large filters are slow
    labels = torch.arange(examples) % CLASSES
    batch = toy(model, labels)
    optimiser = torch.optim.Adam(without_chance(model).parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(batch), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.5
    assert losses[-1] < (0.6 if name == "probe" else 0.2) * losses[0]  # a linear model learns slowly


def toy(model, labels):
    """Noise, and in it what tells the classes apart: a tone for waveforms, a raised dimension otherwise."""
    batch = 0.5 * torch.randn(len(labels), *model.input_shape)
    if model.feature == "audio":
        frequency = 0.01 * 2 ** (2 * labels[:, None])  # cycles a sample
        return batch + torch.sin(2 * torch.pi * frequency * torch.arange(model.length))
    step = model.input_shape[0] // CLASSES
    for row, label in zip(batch, labels, strict=True):
        row[label * step : (label + 1) * step] += 2
    return batch


@pytest.mark.parametrize("name", ["m5", "mlp", "cnn", "resnet"])
def test_forward_is_one_graph_for_the_compiler(name):
    model = create(name, CLASSES, **SMALL[name]).eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)  # raises where python decides on data
    torch.testing.assert_close(compiled(batch_for(model)), model(batch_for(model)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same(model):
    batch = batch_for(model)
    expected = model.eval()(batch)
    torch.testing.assert_close(model.cuda()(batch.cuda()).cpu(), expected, rtol=1e-2, atol=1e-3)


# Standardisation


def test_a_model_standardises_its_input_itself(model):
    batch = batch_for(model)
    expected = model.eval()(batch)
    dimensions = model.mean.numel()
    mean, deviation = torch.linspace(4, 6, dimensions), torch.linspace(1, 3, dimensions)
    if not model.by_dimension:
        mean, deviation = mean.squeeze(), deviation.squeeze()
    model.standardise_by(mean, deviation)
    column = (lambda numbers: numbers[:, None]) if model.by_dimension else (lambda numbers: numbers)
    torch.testing.assert_close(model(column(mean) + column(deviation) * batch), expected, rtol=1e-3, atol=1e-4)
    assert {"mean", "deviation"} <= set(model.state_dict())


def test_one_number_for_all_is_that_of_all_values_together():
    values = np.random.default_rng(0).normal(np.arange(64)[:, None], 1 + np.arange(64)[:, None] / 10, (64, 500))
    model = create("cnn", 3, width=2, n_mels=64, frames=64)
    model.standardise_by(values.mean(axis=1), values.std(axis=1))
    assert model.mean.shape == model.deviation.shape == ()
    np.testing.assert_allclose([model.mean.item(), model.deviation.item()], [values.mean(), values.std()], rtol=1e-5)


def test_each_dimension_has_numbers_of_its_own_where_units_differ():
    model = create("mlp", 3, inputs=3)
    model.standardise_by([0.0, 2000.0, 5.0], [1.0, 500.0, 0.0])
    batch = torch.tensor([[[1.0], [2500.0], [5.5]]])
    torch.testing.assert_close(model.standardised(batch).flatten(), torch.tensor([1.0, 1.0, 0.5]))
    model.standardise_by(2.0, 3.0)  # one for all of them
    assert model.mean.tolist() == [2.0] * 3


def test_what_hardly_varies_is_not_blown_up(model):
    model.standardise_by(1000.0, 1e-5)  # rounding, no variation
    assert (model.deviation == 1).all()
    assert model.eval()(batch_for(model)).isfinite().all()
    model.standardise_by(0.0, 0.0)  # silence everywhere
    assert model(torch.zeros(2, *model.input_shape)).isfinite().all()


@pytest.mark.parametrize(
    ("mean", "deviation", "message"),
    [
        ([0, float("nan"), 0], 1, "mean: expected finite values, found nan in dimension 1"),
        (float("inf"), 1, "mean: expected finite values, found inf in dimension 0"),
        (0, [1, 1, -2], "deviation: expected finite values of at least 0, found -2.0 in dimension 2"),
        ([0, 0], 1, r"mean: expected one value or 3 values, found shape \(2,\)"),
    ],
)
def test_statistics_that_cannot_be_are_refused_and_change_nothing(mean, deviation, message):
    model = create("mlp", 3, inputs=3)
    model.standardise_by([1.0, 2.0, 3.0], 4.0)
    with pytest.raises(RunError, match=message):
        model.standardise_by(mean, deviation)
    assert (model.mean.tolist(), model.deviation.tolist()) == ([1.0, 2.0, 3.0], [4.0] * 3)


def test_the_lstm_of_the_tutorial_does_not_scale():
    torch.manual_seed(0)
    model = create("lstm", 3, inputs=2, frames=4, scale=False).eval()
    batch = batch_for(model)
    expected = model(batch)
    model.standardise_by([100.0, 200.0], [30.0, 40.0])
    assert torch.equal(model(batch), expected)


# The layers of the systems


def conv(kernel, channels_in, channels_out):
    """Weights of a convolution without bias, and of its batch norm."""
    return kernel * channels_in * channels_out + 2 * channels_out


def linear(size_in, size_out):
    return size_in * size_out + size_out


def recurrent(gates, size_in, hidden):
    return gates * hidden * (size_in + hidden + 2)  # two biases, as cuDNN has


HEAD = linear(512, 10)
MEL = sum(conv(9, *pair) for pair in ((1, 64), (64, 128), (128, 256), (256, 512)))
PARAMETERS = {
    "m3": conv(80, 1, 256) + conv(3, 256, 256) + linear(256, 10),
    "m5": conv(80, 1, 128) + conv(3, 128, 128) + conv(3, 128, 256) + conv(3, 256, 512) + HEAD,
    "m11": conv(80, 1, 64)
    + 2 * conv(3, 64, 64)
    + (conv(3, 64, 128) + conv(3, 128, 128))
    + (conv(3, 128, 256) + 2 * conv(3, 256, 256))
    + (conv(3, 256, 512) + conv(3, 512, 512))
    + HEAD,
    "m18": conv(80, 1, 64)
    + 4 * conv(3, 64, 64)
    + (conv(3, 64, 128) + 3 * conv(3, 128, 128))
    + (conv(3, 128, 256) + 3 * conv(3, 256, 256))
    + (conv(3, 256, 512) + 3 * conv(3, 512, 512))
    + HEAD,
    "m34res": conv(80, 1, 48)
    + 6 * conv(3, 48, 48)
    + (conv(3, 48, 96) + 7 * conv(3, 96, 96))
    + (conv(3, 96, 192) + 11 * conv(3, 192, 192))
    + (conv(3, 192, 384) + 5 * conv(3, 384, 384))
    + linear(384, 10),
    "mlp": linear(26, 256) + linear(256, 128) + linear(128, 64) + linear(64, 10),
    "cnn": MEL + linear(2048, 1024) + linear(1024, 256) + linear(256, 10),
    "crnn": MEL + 2 * recurrent(3, 512, 512) + linear(1024, 1024) + linear(1024, 256) + linear(256, 10),
    "lstm": recurrent(4, 33, 128) + recurrent(4, 128, 128) + linear(128, 10),
    # norms come before convolutions here; 256 of the 128 bands, shortcuts of 1 x 1 where channels double
    "resnet": 256
    + 25 * 2 * 32
    + (2 * 32 + conv(9, 32, 32) + 9 * 32 * 32)
    + (2 * 32 + conv(9, 32, 64) + 9 * 64 * 64 + 32 * 64)
    + (2 * 64 + conv(9, 64, 128) + 9 * 128 * 128 + 64 * 128)
    + (2 * 128 + conv(9, 128, 256) + 9 * 256 * 256 + 128 * 256)
    + 2 * 256
    + linear(256, 10),
    "musicnn": 2
    + (conv(7 * 38, 1, 204) + conv(7 * 67, 1, 204) + 2 * 204)  # with biases
    + (conv(128, 1, 51) + conv(64, 1, 51) + conv(32, 1, 51) + 3 * 51)
    + (conv(7, 561, 64) + 2 * conv(7, 64, 64) + 3 * 64)
    + (2 * 1506 + linear(1506, 200) + 2 * 200 + linear(200, 10)),
    "probe": linear(384, 10),
}
PUBLISHED = {"m3": (0.2e6, 0.05e6), "m5": (0.56e6, 5e3), "m11": (1.8e6, 5e4), "m18": (3.7e6, 5e4), "m34res": (4e6, 5e4)}


def test_parameters_at_default_sizes_are_those_of_the_systems(name):
    assert count_parameters(whole(name)) == PARAMETERS[name]
    if name in PUBLISHED:
        published, rounding = PUBLISHED[name]
        assert abs(PARAMETERS[name] - published) < rounding


SHAPES = {  # after the layers before the mean over time: 32,000 samples, a quarter, and four or two pools of 4
    "m3": (1, 256, 500),
    "m5": (1, 512, 31),
    "m11": (1, 512, 31),
    "m18": (1, 512, 31),
    "m34res": (1, 384, 31),
}


@pytest.mark.parametrize("name", SHAPES)
def test_four_seconds_of_sound_shrink_as_in_the_paper(name):
    model = create(name, 10).eval()
    assert model.input_shape == (32_000,)
    assert model.layers[:1](torch.zeros(1, 1, 32_000)).shape[-1] == 8000
    assert model.layers(torch.zeros(1, 1, 32_000)).shape == SHAPES[name]
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv1d)]
    assert all(layer.bias is None for layer in convolutions)
    digits = "".join(letter for letter in name if letter.isdigit())
    assert len(convolutions) + 1 == int(digits)  # the linear layer is the last of those that are counted


def test_weights_of_waveform_networks_begin_as_glorots():
    torch.manual_seed(0)
    weight = create("m5", 10).layers[2][0].weight  # 128 -> 128, 3 taps
    bound = (6 / (3 * 128 + 3 * 128)) ** 0.5
    assert weight.abs().max() <= bound
    assert abs(weight.std().item() / (bound / 3**0.5) - 1) < 0.02


@pytest.mark.parametrize("name", ["m5", "m34res", "crnn", "lstm", "resnet"])
def test_other_lengths_will_do(name):
    model = create(name, CLASSES, **SMALL[name]).eval()
    for length in (model.shortest, model.length + 77):
        assert model(torch.zeros(2, *model.input_shape[:-1], length)).shape == (2, CLASSES)
    with pytest.raises(RunError, match=rf"expected shape \(batch.*, {model.shortest} or more\), found \(2, .*0\)"):
        model(torch.zeros(2, *model.input_shape[:-1], 0))


def test_a_residual_block_adds_its_input():
    block = create("m34res", 3, width=4).eval().layers[6]  # the first one that doubles the channels
    assert (block.new_channels, block.layers[0].out_channels) == (4, 8)
    for layer in block.layers:
        if isinstance(layer, nn.BatchNorm1d):
            nn.init.zeros_(layer.weight)
    maps = torch.rand(2, 4, 10)
    assert torch.equal(block(maps), torch.cat([maps, torch.zeros(2, 4, 10)], 1))


def test_the_cnn_keeps_the_names_of_its_weights():
    model = MelCNN(10)
    assert model.convolutions(torch.zeros(1, 1, 128, 128)).shape == (1, 512, 2, 2)
    assert model.mean.shape == model.deviation.shape == ()
    expected = {"mean", "deviation", "dense.1.weight", "dense.4.weight", "dense.7.bias", "convolutions.3.1.running_var"}
    assert expected <= set(model.state_dict())


@pytest.mark.parametrize(("n_mels", "frames"), [(64, 64), (64, 500), (100, 128), (128, 65)])
def test_the_cnn_takes_any_size_from_64(n_mels, frames):
    assert MelCNN(3, width=2, n_mels=n_mels, frames=frames)(torch.zeros(2, n_mels, frames)).shape == (2, 3)


@pytest.mark.parametrize(
    ("frames", "last_pool", "steps"), [(128, (8, 8), 1), (1024, (8, 8), 8), (128, (8, 1), 8), (128, (8, 4), 2)]
)
def test_steps_that_the_gru_hears(frames, last_pool, steps):
    model = MelCRNN(3, width=2, hidden=4, frames=frames, last_pool=last_pool)
    rows = {row.name: row for row in summary(model).rows}
    assert rows["gru"].output == (1, steps, 8)
    assert model.gru.input_size == 16  # one band of 8 x 2 channels


def test_the_gru_hands_on_where_each_direction_ends():
    torch.manual_seed(0)
    model = MelCRNN(3, width=2, hidden=4, dense=(8, 8), last_pool=(8, 1)).eval()
    seen = []
    model.gru.register_forward_hook(lambda layer, inputs, output: seen.append(output[0]))
    model.dense.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    model(batch_for(model))
    outputs, handed_on = seen
    torch.testing.assert_close(handed_on, torch.cat([outputs[:, -1, :4], outputs[:, 0, 4:]], 1))


def test_the_lstm_takes_the_last_step_or_the_mean():
    torch.manual_seed(0)
    last = create("lstm", 3, **SMALL["lstm"]).eval()
    mean = create("lstm", 3, **SMALL["lstm"], pool="mean").eval()
    mean.load_state_dict(last.state_dict())
    batch = batch_for(last)
    outputs, _ = last.lstm(batch.transpose(1, 2))
    torch.testing.assert_close(last(batch), last.output(outputs[:, -1]))
    torch.testing.assert_close(mean(batch), mean.output(outputs.mean(1)))


@pytest.mark.parametrize(("cell", "kind", "gates"), [("lstm", nn.LSTM, 4), ("gru", nn.GRU, 3), ("rnn", nn.RNN, 1)])
def test_the_layers_of_the_lstm_may_be_of_another_cell(cell, kind, gates):
    torch.manual_seed(0)
    model = create("lstm", 3, **SMALL["lstm"], cell=cell).eval()
    assert type(model.lstm) is kind
    assert count_parameters(model) == recurrent(gates, 5, 8) + recurrent(gates, 8, 8) + linear(8, 3)
    assert summary(model).parameters == count_parameters(model)
    assert model.state_dict().keys() == create("lstm", 3, **SMALL["lstm"]).state_dict().keys()
    batch = batch_for(model)
    outputs, _ = model.lstm(batch.transpose(1, 2))
    torch.testing.assert_close(model(batch), model.output(outputs[:, -1]))
    sizes = json.loads(json.dumps(model.sizes))
    again = create("lstm", 3, **sizes)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again.eval()(batch), model(batch), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_pictures_lie_channels_last_in_memory(name):
    model = create(name, CLASSES, **SMALL[name])
    found = []
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)][1:]
    for layer in layers:
        layer.register_forward_hook(
            lambda layer, inputs, output: found.append(inputs[0].is_contiguous(memory_format=torch.channels_last))
        )
    model(batch_for(model))
    assert found == [True] * len(layers)


def test_the_resnet_knows_how_high_a_band_is():
    torch.manual_seed(0)
    model = MelResNet(3, width=4, depth=(1,), n_mels=32, frames=32).eval()
    batch = torch.zeros(2, 32, 32)
    batch[0, 8:12], batch[1, 16:20] = 3.0, 3.0  # the same picture, eight bands higher
    assert (model(batch)[0] - model(batch)[1]).abs().max() > 1e-3
    model.height.zero_()
    torch.testing.assert_close(model(batch)[0], model(batch)[1], rtol=1e-3, atol=1e-4)


def test_blocks_that_are_left_out_are_made_up_for():
    torch.manual_seed(0)
    block = MelResNet(3, width=4, depth=(1,), drop_path=0.5).blocks[0]
    for layer in block.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    maps = torch.randn(1, 4, 6, 6).expand(4000, -1, -1, -1)
    change = block.train()(maps) - maps
    kept = change.abs().amax((1, 2, 3)) > 0
    assert 0.45 < kept.float().mean() < 0.55
    torch.testing.assert_close(change[kept][:1], 2 * block.layers(block.norm(maps))[:1], rtol=1e-3, atol=1e-3)


# What cannot be made


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("m5", {"width": 0}, "expected width to be a whole number of at least 1, found 0"),
        ("m5", {"width": 8.0}, "expected width to be a whole number of at least 1, found 8.0"),
        ("m5", {"length": "4s"}, "expected length to be a whole number of at least 1, found '4s'"),
        ("m5", {"length": 1000}, "expected a length of at least 1024, found 1000. Use longer segments"),
        ("m5", {"lenght": 1000}, "expected a size among width, length, found 'lenght'; did you mean length?"),
        ("mlp", {"inputs": True}, "expected inputs to be a whole number of at least 1, found True"),
        ("mlp", {"hidden": (256, 128)}, "expected hidden to be 3 whole numbers, found (256, 128)"),
        ("mlp", {"hidden": (256, 128, -1)}, "expected hidden to be a whole number of at least 1, found -1"),
        ("mlp", {"dropout": 1.0}, "expected dropout to be a share, from 0 to less than 1, found 1.0"),
        ("cnn", {"n_mels": 40}, "n_mels and frames must be at least 64, not 40 and 128"),
        ("cnn", {"hidden": 1024}, "expected hidden to be 2 whole numbers, found 1024"),
        ("crnn", {"n_mels": 64}, "n_mels must be at least 128, the product of the pools, not 64"),
        ("crnn", {"frames": 100}, "expected a length of at least 128, found 100. Use longer segments"),
        ("lstm", {"pool": "men"}, "expected a pool among last, mean, found 'men'; did you mean mean?"),
        ("lstm", {"cell": "gur"}, "expected a cell among lstm, gru, rnn, found 'gur'; did you mean gru?"),
        ("lstm", {"layers": None}, "expected layers to be a whole number of at least 1, found None"),
        ("resnet", {"depth": 2}, "expected depth to be a list of whole numbers, found 2"),
        ("resnet", {"depth": ()}, "expected depth to be a list of whole numbers, found ()"),
        ("resnet", {"depth": (1, 0)}, "expected depth to be a whole number of at least 1, found 0"),
        ("resnet", {"n_mels": 8}, "n_mels must be at least 16 with 4 stages, not 8"),
        ("resnet", {"depth": (1, 10**9)}, "expected depth to be a whole number from 1 to 100, found 1000000000"),
        ("lstm", {"layers": 10**9}, "expected layers to be a whole number from 1 to 100, found 1000000000"),
        ("m5", {"length": 10**9}, "expected at most 16,777,216 values per example, found 1,000,000,000. Use"),
        (
            "mlp",
            {"hidden": (10**5, 10**5, 1)},
            "expected at most 268,435,456 parameters, found 10,002,900,007 with {'hidden': ",
        ),
        ("resnet", {"drop_path": float("nan")}, "expected drop_path to be a share, from 0 to less than 1, found nan"),
    ],
)
def test_sizes_that_cannot_be_had_are_named(name, sizes, message):
    with pytest.raises(RunError, match=re.escape(f"model {name}: {message}")):
        create(name, 3, **sizes)


@pytest.mark.parametrize("classes", [0, -1, 2.5, "ten", None])
def test_classes_are_a_whole_number(name, classes):
    with pytest.raises(RunError, match=rf"model {name}: expected classes to be a whole number"):
        create(name, classes, **SMALL[name])


def test_an_unknown_model_is_an_error():
    with pytest.raises(RunError, match=r"expected a model among .*cnn.*, found 'resnt'; did you mean resnet\?"):
        create("resnt", 3)
    with pytest.raises(RunError, match=r"expected a model among .*lstm.*, found 'LSTM'"):
        find("LSTM")
    assert find("cnn") is MelCNN


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("m5", (2, 1, 4000), r"M5: expected shape \(batch, 1024 or more\), found \(2, 1, 4000\)"),
        ("m5", (4000,), r"M5: expected shape \(batch, 1024 or more\), found \(4000,\)"),
        ("mlp", (2, 5), r"SummaryMLP: expected shape \(batch, 5, 1\), found \(2, 5\)"),
        ("cnn", (2, 1, 128, 64), r"MelCNN: expected shape \(batch, 128, 64\), found \(2, 1, 128, 64\)"),
        ("cnn", (2, 128, 63), r"MelCNN: expected shape \(batch, 128, 64\), found \(2, 128, 63\)"),
        ("crnn", (2, 128, 31), r"MelCRNN: expected shape \(batch, 128, 32 or more\), found \(2, 128, 31\)"),
        ("lstm", (2, 20, 5), r"SequenceLSTM: expected shape \(batch, 5, 1 or more\), found \(2, 20, 5\)"),
        ("resnet", (2, 64, 40), r"MelResNet: expected shape \(batch, 128, 16 or more\), found \(2, 64, 40\)"),
    ],
)
def test_a_batch_of_another_shape_is_refused(name, shape, expected):
    with pytest.raises(RunError, match=expected):
        create(name, 3, **SMALL[name])(torch.zeros(shape))


def test_frozen_parameters_are_not_counted():
    model = MelCNN(3, width=2, n_mels=64, frames=64)
    whole = count_parameters(model)
    model.dense[-1].requires_grad_(False)
    assert whole - count_parameters(model) == 256 * 3 + 3


def test_importing_the_models_loads_no_audio_library():
    code = (
        "import sys, musiclab.models; "
        "print([name for name in ('librosa', 'soundfile', 'torchaudio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The description


def test_the_description_of_m5_by_hand():
    described = summary(create("m5", 10))
    rows = {row.name: row for row in described.rows}
    sums = {
        "layers.0.0": 8000 * 80 * 128,
        "layers.2.0": 2000 * 3 * 128 * 128,
        "layers.4.0": 500 * 3 * 128 * 256,
        "layers.6.0": 125 * 3 * 256 * 512,
        "output": 512 * 10,
    }
    assert {name: row.multiply_adds for name, row in rows.items() if row.multiply_adds} == sums
    assert described.multiply_adds == sum(sums.values()) == 278_533_120
    assert described.parameters == PARAMETERS["m5"]
    assert rows["layers.0.0"].output == (1, 128, 8000)
    # kernel 80; a pool of 4 steps of 4 samples adds 12, three taps of 16 samples 32; and so on, at 8 samples a ms
    fields = {name: row.receptive_field for name, row in rows.items()}
    assert fields["layers.0.0"] == fields["layers.0.2"] == 80 / 8 == 10
    assert fields["layers.1"] == (80 + 12) / 8
    assert fields["layers.2.0"] == (92 + 32) / 8
    assert fields["layers.3"] == (124 + 48) / 8
    assert fields["layers.7"] == (80 + 12 + 32 + 48 + 128 + 192 + 512 + 768) / 8
    assert fields["pool"] is fields["output"] is None


@pytest.mark.parametrize("name", ["mlp", "lstm", "cnn"])
def test_the_description_of_the_others_by_hand(name):
    model = create(name, 10)
    described = summary(model, batch=2)
    assert described.parameters == count_parameters(model)
    assert described.multiply_adds == 2 * summary(model).multiply_adds > 0
    assert described.rows[-1].output == (2, 10)
    if name == "mlp":
        assert described.multiply_adds == 2 * (26 * 256 + 256 * 128 + 128 * 64 + 64 * 10)
    if name == "lstm":
        assert described.multiply_adds == 2 * (128 * 4 * 128 * (33 + 128 + 128 + 128) + 128 * 10)
    if name == "cnn":
        places = {64: 128 * 128, 128: 64 * 64, 256: 32 * 32, 512: 8 * 8}  # where each layer's filters stand
        maps = sum(9 * channels * max(1, channels // 2 * (channels > 64)) * at for channels, at in places.items())
        assert described.multiply_adds == 2 * (maps + 2048 * 1024 + 1024 * 256 + 256 * 10)


def test_the_description_adds_up(model):
    described = summary(model)
    assert described.parameters == count_parameters(model)
    assert described.rows[-1].output == (1, CLASSES)
    assert summary(model, batch=3).multiply_adds == 3 * described.multiply_adds > 0


def test_a_frame_counts_with_its_window():
    rows = {row.name: row for row in summary(MelCNN(10)).rows}
    assert rows["convolutions.0.0"].receptive_field == pytest.approx(1000 * (1024 + 2 * 512) / 22050)
    assert rows["convolutions.0.3"].receptive_field == pytest.approx(1000 * (1024 + 3 * 512) / 22050)
    assert rows["convolutions.1.0"].receptive_field == pytest.approx(1000 * (1024 + 7 * 512) / 22050)
    assert rows["dense.0"].receptive_field is None


def test_the_receptive_field_of_a_residual_network_is_that_of_its_longest_path():
    """Against what does change when the sound does: the gradient of a step in the middle."""
    model = create("m34res", 3, width=2, length=16_000).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d | nn.BatchNorm1d):
            nn.init.ones_(layer.weight)
        if isinstance(layer, nn.MaxPool1d):  # a maximum has a gradient at one place only
            layer.forward = lambda maps: F.avg_pool1d(maps, 4)
    rows = {row.name: row for row in summary(model).rows}
    for end in (2, 4, 7):  # a block, the first stage's last, and one that doubles the channels and the next
        waveform = torch.ones(1, 1, 16_000, requires_grad=True)
        maps = model.layers[: end + 1](waveform)
        maps[0, 0, maps.shape[-1] // 2].backward()
        heard = waveform.grad.flatten().nonzero().flatten()
        described = [row.receptive_field for name, row in rows.items() if name.startswith(f"layers.{end}.")][-1]
        assert (heard[-1] - heard[0] + 1).item() == 8 * described


def test_the_table_shows_each_layer_and_the_totals():
    lines = str(summary(create("m5", 10))).splitlines()
    assert lines[0].split() == ["layer", "type", "output", "parameters", "multiply-adds", "receptive", "field", "(ms)"]
    assert lines[1].split() == ["layers.0.0", "Conv1d", "1", "x", "128", "x", "8000", "10,240", "81,920,000", "10.0"]
    assert lines[-1].split() == ["total", "558,090", "278,533,120"]
    assert max(map(len, lines)) < 120


def test_a_model_of_ones_own_is_described_with_its_shape():
    own = nn.Sequential(nn.Conv1d(2, 3, 5, groups=1), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4))
    with pytest.raises(RunError, match=r"the input shape of Sequential is unknown\. Pass it as shape"):
        summary(own)
    described = summary(own, batch=2, shape=(2, 10))
    assert [row.output for row in described.rows] == [(2, 3, 6), (2, 3, 6), (2, 18), (2, 4)]
    assert [row.multiply_adds for row in described.rows] == [2 * 6 * 3 * 2 * 5, 0, 0, 2 * 18 * 4]
    assert all(row.receptive_field is None for row in described.rows)


def test_describing_leaves_a_model_as_it_was(model):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layers = dict(model.named_modules())
    next(iter(layers[name] for name in layers if name)).eval()
    modes = {name: layer.training for name, layer in layers.items()}
    summary(model)
    assert {name: layer.training for name, layer in layers.items()} == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(layer._forward_hooks for layer in layers.values())


def test_a_layer_that_is_used_twice_has_its_parameters_once():
    shared = nn.Linear(4, 4)
    described = summary(nn.Sequential(shared, nn.ReLU(), shared), shape=(4,))
    assert (described.parameters, described.multiply_adds) == (20, 32)
