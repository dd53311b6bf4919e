"""Devices, precision, compilation, and how seldom the processor waits for the device."""

import itertools
import math
import os
import platform
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn
from training_cases import EVERYTHING, PLAIN, Watched, facts, fixed, linear, network, pretend_fp16, two_classes, weights

from musiclab import models
from musiclab.core.errors import RunError
from musiclab.training import State, autocast, devices, fit, log_probabilities, pick_device
from musiclab.training.augment import Augmentation
from musiclab.training.devices import determinism, pick_precision

gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def marked(test):
    """Mark a test with all of :data:`gpu`."""
    for mark in gpu:
        test = mark(test)
    return test


# What is chosen


def test_devices():
    assert pick_device("cpu") == torch.device("cpu")
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert pick_device("auto").type == best
    missing = "mps" if best == "cuda" else "cuda"
    with pytest.raises(
        RunError, match=rf"device '{missing}' is not available on this machine, only .*cpu\. Use --device auto"
    ):
        pick_device(missing)


def test_auto_takes_what_the_hardware_is_faster_in(monkeypatch):
    cuda, mps, cpu = torch.device("cuda"), torch.device("mps"), torch.device("cpu")
    assert pick_precision("auto", mps).name == "fp32"
    for has, name in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert pick_precision("auto", cuda).name == name
    for has_amx, has_avx512, is_amd, name in (
        (True, True, False, "bf16"),
        (False, True, True, "bf16"),
        (False, True, False, "fp32"),
        (False, False, True, "fp32"),
    ):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has_amx: has)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has_avx512: has)
        monkeypatch.setattr(devices, "_is_amd", lambda has=is_amd: has)
        for gains in ("cnn", "resnet", "m5", "lstm"):
            assert pick_precision("auto", cpu, models.create(gains, 2)).name == name
        assert pick_precision("auto", cpu, models.create("mlp", 2)).name == "fp32"
    assert pick_precision("fp16", cuda).name == "fp16"
    assert str(pick_precision("bf16", cpu, linear())) == "bf16, because it was selected"
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False, raising=False)
    with pytest.raises(RunError, match=r"precision: this CPU cannot compute an LSTM in bf16\. Use auto or fp32\."):
        pick_precision("bf16", cpu, models.create("lstm", 2))
    assert pick_precision("bf16", cpu, models.create("crnn", 2, width=1)).name == "bf16"
    for device in (cpu, mps):
        with pytest.raises(RunError, match=f"fp16 needs CUDA, but the device is {device}. Use auto, fp32"):
            pick_precision("fp16", device)


PAGES = """
import resource, torch
from pathlib import Path
from musiclab.training.devices import keeping_memory

def taken():  # pages that a tensor of 256 MB takes anew from the system
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(256 << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    return int(Path("/proc/self/statm").read_text().split()[1])

with keeping_memory():
    first, _, _, later = (taken() for _ in range(4))  # at first, others may take a part of what was freed
    within = held()
after = held()
taken()
print(first, later, within - after, taken())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its memory as it likes")
def test_freed_memory_serves_the_next_step_and_goes_back_in_the_end():
    done = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    first, later, given_back, outside = map(int, done.stdout.split())
    assert later < first / 10
    assert given_back > first / 2
    assert outside > first / 2  # as ever, outside of the block


class Types(nn.Module):
    """Notes the precision in which it computes."""

    def __init__(self):
        super().__init__()
        self.layer, self.found = linear(), set()

    def forward(self, batch):
        logits = self.layer(batch)
        self.found.add(logits.dtype)
        return logits


def test_trainings_of_all_precisions_one_after_the_other():
    for precision, kind in itertools.islice(itertools.cycle((("fp32", torch.float32), ("bf16", torch.bfloat16))), 3):
        model = Types()
        with autocast(torch.device("cpu"), precision, model):
            assert model.layer(torch.zeros(1, 16, 24)).dtype == kind
        history = fit(model, two_classes(), fixed(), replace(PLAIN, epochs=3, precision=precision), show_progress=False)
        assert model.found == {kind}  # in training and in validation
        assert history.epochs[-1]["train_loss"] < history.epochs[0]["train_loss"]
        assert weights(model).dtype == torch.float32
    with pytest.raises(RunError, match="fp16 needs CUDA, but the device is cpu"):
        fit(linear(), two_classes(), None, replace(PLAIN, precision="fp16"), show_progress=False)


class Overflow(nn.Module):
    """Its gradient overflows in the first batch, as in fp16 it may."""

    def __init__(self):
        super().__init__()
        self.layer, self.scale, self.batches = linear(), 1.0, 0
        self.layer[1].weight.register_hook(lambda gradient: gradient * self.scale)

    def forward(self, batch):
        self.batches += 1
        self.scale = math.inf if self.batches == 1 else 1.0
        return self.layer(batch)


def test_a_step_whose_scale_was_too_high_is_left_out(monkeypatch):
    pretend_fp16(monkeypatch)
    scaled = linear()
    fit(scaled, two_classes(), None, replace(PLAIN, clip=1.0), show_progress=False)

    model, one_step = Overflow(), replace(PLAIN, epochs=1, batch_size=16)
    before = weights(model)
    fit(model, two_classes(), None, one_step, show_progress=False)
    assert torch.equal(weights(model), before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of a schedule that moves before the optimiser
        history = fit(Overflow(), two_classes(), None, replace(one_step, epochs=20), show_progress=False)
    assert [row["learning_rate"] for row in history.epochs[:3]] == pytest.approx([0.005, 0.005, 0.01])

    monkeypatch.undo()
    plain = linear()
    fit(plain, two_classes(), None, replace(PLAIN, clip=1.0), show_progress=False)
    torch.testing.assert_close(weights(scaled), weights(plain))


def test_the_model_stays_the_users():
    model = network()
    keys, forward = list(model.state_dict()), model.forward.__func__
    fit(model, two_classes(), None, replace(PLAIN, epochs=1, precision="bf16"), show_progress=False)
    assert list(model.state_dict()) == keys
    assert model.forward.__func__ is forward
    assert "forward" not in vars(model)


class Tiny(nn.Module):
    """Notes whether numbers below 1e-38 are taken for 0."""

    def __init__(self):
        super().__init__()
        self.layer, self.flushed = linear(), set()

    def forward(self, batch):
        self.flushed.add((torch.full((1,), 1e-39) * 0.5).item() == 0)
        return self.layer(batch)


def test_training_and_prediction_take_the_smallest_numbers_for_0_and_nothing_else_does():
    model = Tiny()
    fit(model, two_classes(), fixed(), replace(PLAIN, epochs=1), show_progress=False)  # validates in between
    log_probabilities(model, fixed(), "cpu")
    assert model.flushed == {True}
    assert (torch.full((1,), 1e-39) * 0.5).item() > 0


def test_determinism_ends_with_the_block():
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    with determinism(True):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"]
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark) == before
    with pytest.raises(ZeroDivisionError), determinism(True):
        raise ZeroDivisionError
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark) == before


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fit(network(), two_classes(), fixed(), EVERYTHING, show_progress=False)
    assert len(history.epochs) == 4


# Synchronisation


def test_the_device_is_waited_for_once_an_epoch(monkeypatch):
    calls = Counter()
    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__"):

        def counted(tensor, *arguments, _name=name, _original=getattr(torch.Tensor, name), **settings):
            calls[_name] += 1
            return _original(tensor, *arguments, **settings)

        monkeypatch.setattr(torch.Tensor, name, counted)

    def waits(batch_size):
        calls.clear()
        config = replace(PLAIN, epochs=2, batch_size=batch_size, optimiser="sgd", clip=1.0, accumulate=2)
        config = replace(config, augmentation=Augmentation(mixup=0.3, time_mask=0.2, circular_shift=0.2))
        fit(linear(), two_classes(), None, config, show_progress=False)
        return calls.copy()

    few, many = waits(8), waits(2)
    assert few["cpu"] == 2  # one an epoch
    assert few == many  # 2 batches an epoch or 8: nothing is read in between


# Compilation


def test_a_compiled_model_learns_the_same(monkeypatch):
    compiled = []

    def compile_with_little_work(model):  # the whole way through torch.compile, but for the making of C++
        compiled.append(model)
        return original(model, backend="aot_eager")

    original = torch.compile
    monkeypatch.setattr(torch, "compile", compile_with_little_work)
    config = replace(PLAIN, epochs=2)
    models = [linear(), linear()]
    histories = [
        fit(model, two_classes(12), fixed(), replace(config, compile=wanted), show_progress=False)
        for model, wanted in zip(models, (True, False), strict=True)
    ]
    assert compiled == models[:1]
    assert models[0].state_dict().keys() == models[1].state_dict().keys()
    torch.testing.assert_close(weights(models[0]), weights(models[1]))
    assert histories[0].epochs[-1]["valid_loss"] == pytest.approx(histories[1].epochs[-1]["valid_loss"], rel=1e-4)


@pytest.mark.slow
def test_compilation_to_machine_code():
    model, plain = linear(), linear()
    fit(model, two_classes(), None, replace(PLAIN, epochs=2, compile=True), show_progress=False)
    fit(plain, two_classes(), None, replace(PLAIN, epochs=2), show_progress=False)
    torch.testing.assert_close(weights(model), weights(plain))


# On a GPU

CUDA = replace(EVERYTHING, device="cuda")


@marked
@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "fp16"])
@pytest.mark.parametrize("device", [None, "cuda"])
def test_gpu_training_learns(precision, device):
    config = replace(PLAIN, epochs=30, device="cuda", precision=precision, clip=1.0)
    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fit(model, two_classes(device=device), fixed(device=device), config, show_progress=False)
    assert {parameter.device.type for parameter in model.parameters()} == {"cuda"}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert history.epochs[-1]["train_loss"] < 0.5 * history.epochs[0]["train_loss"]
    assert history.epochs[history.best_epoch - 1]["valid_accuracy"] > 0.9


@marked
def test_gpu_training_is_that_of_the_cpu():
    config = replace(PLAIN, epochs=2, augmentation=EVERYTHING.augmentation)
    models = {device: linear() for device in ("cpu", "cuda")}
    for device, model in models.items():
        fit(model, two_classes(), fixed(), replace(config, device=device), show_progress=False)
    torch.testing.assert_close(weights(models["cuda"]), weights(models["cpu"]), atol=1e-3, rtol=1e-2)


@marked
@pytest.mark.parametrize("workers", [0, 2])
def test_gpu_data_may_lie_anywhere(workers):
    def trained(device):
        model = network(dropout=0.0)
        config = replace(CUDA, workers=workers, deterministic=True)
        return facts(fit(model, two_classes(device=device), fixed(device=device), config, show_progress=False))

    assert trained("cuda") == trained("cpu")


@marked
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_gpu_training_goes_on(precision, tmp_path):
    def raising_interrupt():
        raise KeyboardInterrupt

    config, path = replace(CUDA, precision=precision, deterministic=True), tmp_path / "state.pt"
    train = two_classes(kind=Watched)
    train.act, train.act_epoch = raising_interrupt, 3
    fit(network(), train, fixed(), config, show_progress=False, state=State(path))
    models = network(seed=99), network()
    states = State(path, resume=True), None
    histories = [
        fit(model, two_classes(), fixed(), config, show_progress=False, state=state)
        for model, state in zip(models, states, strict=True)
    ]
    assert facts(histories[0]) == facts(histories[1])
    assert torch.equal(weights(models[0]), weights(models[1]))


@marked
def test_gpu_compilation():
    config = replace(PLAIN, epochs=2, device="cuda")
    models = [linear(), linear()]
    for model, wanted in zip(models, (True, False), strict=True):
        fit(model, two_classes(12), fixed(), replace(config, compile=wanted), show_progress=False)
    torch.testing.assert_close(weights(models[0]), weights(models[1]), atol=1e-3, rtol=1e-2)


@marked
def test_gpu_out_of_memory_names_what_fits():
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.share = linear(), torch.cuda.get_device_properties(0).total_memory // (12 * 4)

        def forward(self, batch):
            held = torch.ones(len(batch), self.share, device=batch.device)  # a twelfth of the memory an example
            return self.layer(batch) + 0 * held[:, :2]

    with pytest.raises(RunError, match=r"batch size 16: out of memory on cuda.*; the largest that fits.* is (8|4):"):
        fit(Large(), two_classes(), None, replace(PLAIN, batch_size=16, device="cuda"), show_progress=False)


@marked
def test_the_gpu_is_waited_for_as_often_whatever_the_number_of_batches():
    def waits(batch_size, device):
        config = replace(PLAIN, epochs=2, batch_size=batch_size, device="cuda", clip=1.0)
        train = two_classes(device=device)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                fit(linear(), train, None, config, show_progress=False)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return sum("synchronizing" in str(warning.message) for warning in found)

    waits(8, None)  # the first training warms up
    assert waits(8, None) == waits(2, None)


@marked
def test_gpu_testing_is_that_of_the_cpu():
    model = network()
    expected = log_probabilities(model, fixed(), "cpu", "fp32")[1]
    found = log_probabilities(model, fixed(), "cuda", "fp32")[1]
    assert abs(found - expected).max() < 1e-3
    assert math.isfinite(fit(model, two_classes(), None, PLAIN, show_progress=False).epochs[-1]["train_loss"])
