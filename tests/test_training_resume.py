"""A training that was stopped or killed goes on to the very numbers that it would have had."""

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
import torch
from hypothesis import strategies
from training_cases import EVERYTHING, PLAIN, Watched, facts, fixed, linear, network, pretend_fp16, two_classes, weights

from musiclab.core.errors import RunError
from musiclab.training import State, fit

IDENTITY = {"seed": 0, "paths": [f"{clip}.wav" for clip in range(16)], "sizes": (1, 2)}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "state.pt"


def interrupt(config, path):
    """A training that is interrupted in its third epoch."""
    train = two_classes(kind=Watched)
    train.act, train.act_epoch = raising_interrupt, 3
    history = fit(network(), train, validation(config), config, show_progress=False, state=State(path))
    assert history.stopped == "interrupted"
    assert len(history.epochs) == 2


def raising_interrupt():
    raise KeyboardInterrupt


def validation(config):
    """Clips to validate with; where a plateau is waited for, with the labels turned round: it gets worse and worse."""
    segments = fixed()
    if config.schedule == "plateau":
        segments.labels = 1 - segments.labels
    return segments


def resume(config, path):
    """The same training from other weights: all must come from the state."""
    model, state = network(seed=99), State(path, resume=True)
    return model, fit(model, two_classes(), validation(config), config, show_progress=False, state=state)


def assert_same_end(config, path):
    """What is resumed ends as what nothing has disturbed."""
    model, history = resume(config, path)
    reference = network()
    expected = fit(reference, two_classes(), validation(config), config, show_progress=False)
    assert facts(history) == facts(expected)  # to the last bit
    assert (history.best_epoch, history.stopped) == (expected.best_epoch, expected.stopped)
    assert torch.equal(weights(model), weights(reference))


@pytest.mark.slow
def test_four_epochs_are_two_a_kill_and_two(path):
    script = Path(__file__).with_name("training_cases.py")
    child = subprocess.Popen([sys.executable, script, path.parent, "3"], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "blocked\n"  # in the third epoch
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(timeout=60) == -signal.SIGKILL
    finally:
        child.kill()
        child.stdout.close()
    assert [row["epoch"] for row in torch.load(path, weights_only=True)["history"]["epochs"]] == [1, 2]
    ends = []
    for way in ("resumed", "undisturbed"):  # in processes like the first: what ran before here may change a last bit
        subprocess.run([sys.executable, script, path.parent, way], check=True, timeout=120)
        ends.append(json.loads((path.parent / f"{way}.json").read_text(encoding="utf-8")))
    assert len(ends[0]["epochs"]) == EVERYTHING.epochs == 4
    assert ends[0] == ends[1]  # to the last bit


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimiser": "sgd", "schedule": "plateau", "epochs": 9},
        {"schedule": "constant", "precision": "bf16"},
        {"patience": 2, "learning_rate": 0.3},
    ],
)
def test_an_interrupted_training_goes_on(path, settings):
    config = replace(EVERYTHING, **settings)
    interrupt(config, path)
    assert_same_end(config, path)


def test_the_scale_of_fp16_is_kept(path, monkeypatch):
    pretend_fp16(monkeypatch)
    fit(network(), two_classes(), None, EVERYTHING, show_progress=False, state=State(path))
    kept = torch.load(path, weights_only=True)
    assert kept["scaler"]["scale"] == 2.0**16
    assert kept["scaler"]["_growth_tracker"] == 4  # steps without an overflow
    scaler = torch.amp.GradScaler("cpu")
    State(path, resume=True).restore({"scaler": scaler})
    assert scaler.state_dict() == kept["scaler"]


def test_a_training_that_was_over_stays_as_it_was(path):
    config = replace(PLAIN, epochs=30, patience=2, learning_rate=0.3)
    model = network()
    history = fit(model, two_classes(), fixed(), config, show_progress=False, state=State(path))
    assert history.stopped == "no lower validation loss for 2 epochs"
    again, told = resume(config, path)
    assert told.epochs == history.epochs
    assert (told.best_epoch, told.stopped) == (history.best_epoch, history.stopped)
    assert torch.equal(weights(again), weights(model))


def test_only_what_is_asked_to_go_on_does(path):
    interrupt(EVERYTHING, path)
    history = fit(network(), two_classes(), fixed(), EVERYTHING, show_progress=False, state=State(path))
    assert [row["epoch"] for row in history.epochs] == [1, 2, 3, 4]
    State(path).remove()
    assert not path.exists()
    _, history = resume(EVERYTHING, path)  # nothing is there: a training from the start
    assert len(history.epochs) == 4
    State(path).remove()
    State(path).remove()


def test_the_bar_counts_what_is_left(path, capsys):
    interrupt(EVERYTHING, path)
    fit(network(), two_classes(), fixed(), EVERYTHING, state=State(path, resume=True))
    assert "training: 4/4 " in capsys.readouterr().err  # two epochs of two batches


def test_a_state_that_could_not_be_written_leaves_the_last_one(path):
    state = State(path)
    state.save({"model": linear()})
    before = path.read_bytes()

    class Full:
        def state_dict(self):
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        state.save({"model": linear(), "history": Full()})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


# What is not the state of this training


def test_another_training_is_told_apart(path):
    State(path, IDENTITY).save({"model": linear()})
    found = linear(seed=5)
    State(path, IDENTITY, resume=True).restore({"model": found})
    assert torch.equal(weights(found), weights(linear()))
    other = IDENTITY | {"seed": 1, "paths": IDENTITY["paths"][1:], "new": True}
    with pytest.raises(RunError) as error:
        State(path, other, resume=True).restore({"model": linear()})
    text = str(error.value)
    assert text.startswith(f"{path}: expected a state saved with new=True, paths=15 such as 1.wav, seed=1, found one")
    assert "found one saved with new=None, paths=16 such as 0.wav, seed=0." in text
    assert "sizes" not in text


def broken(path, content):
    path.write_bytes(content)
    model = linear(seed=5)
    with pytest.raises(RunError, match="this is not a valid training state") as error:
        State(path, resume=True).restore({"model": model})
    assert str(error.value).startswith(f"{path}: ")
    assert torch.equal(weights(model), weights(linear(seed=5)))


def saved(content) -> bytes:
    with io.BytesIO() as file:
        torch.save(content, file)
        return file.getvalue()


GOOD = saved({"identity": {}, "model": linear().state_dict()})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"epochs,loss\n1,0.5\n",
        os.urandom(2000),
        saved([1, 2, 3]),
        saved({"model": linear().state_dict()}),
        saved({"identity": {}}),
        saved({"identity": {}, "model": network().state_dict()}),
        saved({"identity": {}, "model": 3}),
    ],
    ids=["empty", "text", "noise", "a list", "no identity", "no model", "another model", "a number"],
)
def test_other_files_are_told_apart(path, content):
    broken(path, content)


@hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(data=strategies.data())
def test_a_damaged_file_is_told_apart(path, data):
    place = data.draw(strategies.integers(0, len(GOOD) - 1))
    if data.draw(strategies.booleans()):
        broken(path, GOOD[:place])
        return
    content = bytearray(GOOD)
    content[place] ^= 1 << data.draw(strategies.integers(0, 7))
    path.write_bytes(content)
    model = linear(seed=5)
    with contextlib.suppress(RunError):  # nothing else is raised
        State(path, resume=True).restore({"model": model})
        assert torch.equal(weights(model), weights(linear()))  # a bit that says nothing, such as one of a date


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("write", [saved, pickle.dumps], ids=["torch", "pickle"])
def test_nothing_in_a_file_can_run(path, tmp_path, write):
    target = tmp_path / "was here"
    content = write({"identity": {}, "model": Malicious(target)})
    broken(path, content)
    assert not target.exists()
    pickle.loads(pickle.dumps(Malicious(target)))
    assert target.exists()  # it would have
