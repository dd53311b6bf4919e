"""The commands that train, test and use a model: every kind of feature, going on after a kill, and bad input."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SAMPLE_RATE, TINY, check_refused, last_line, noisy_sine, stopping_command

from musiclab.audio import save_audio
from musiclab.core.errors import RunError
from musiclab.datasets import AudioFolder
from musiclab.datasets.splits import choose_split
from musiclab.metrics import Result
from musiclab.models import create
from musiclab.runs import crossval, load, train
from musiclab.store import prepare
from musiclab.store.segments import Segments
from musiclab.training import State, fit, recipe
from musiclab.training.engine import Engine

KINDS = {"m5": "audio", "cnn": "logmel", "mlp": "summary", "lstm": "sequence"}
CPU = ("--epochs", 1, "--device", "cpu")
SMALL = ("--size", "width=1", "--size", "frames=64", "--size", "hidden=[4, 4]", "--device", "cpu")


def sizes_of(name):
    return [word for size, value in TINY[name].items() for word in ("--size", f"{size}={json.dumps(value)}")]


# Every kind of feature


@pytest.fixture(scope="module")
def kinds(all_features, tmp_path_factory):
    """Run folders of a model for each kind of feature, by name."""
    root = tmp_path_factory.mktemp("kinds")
    for name in KINDS:
        train(name, all_features, root / name, epochs=1, device="cpu", show_progress=False, **TINY[name])
    return root


@pytest.mark.parametrize("name", KINDS)
def test_what_hears_any_feature_is_tested_and_used(kinds, all_features, small_folder, command, name):
    settings = load(kinds / name).settings
    assert settings.feature == KINDS[name]
    kept = json.loads((kinds / name / "metrics.json").read_text())
    tested = command("evaluate", kinds / name, all_features.path, "--device", "cpu", "--json")
    assert tested.status == 0
    assert {key: last_line(tested)[key] for key in ("accuracy", "confusion", "n", "split")} == {
        key: kept[key] for key in ("accuracy", "confusion", "n", "split")
    }
    named = command("predict", kinds / name, *settings.test_paths, "--device", "cpu", "--json")
    assert named.status == 0
    answers = {row["path"]: row["predicted"] for row in last_line(named)["predictions"]}
    result = Result.load(kinds / name / "predictions.csv")
    expected = dict(zip(result.paths, np.array(result.classes)[result.predictions], strict=True))
    sure = np.diff(np.sort(result.log_probabilities, axis=1)[:, -2:]).ravel() > 0.01  # and no toss-up
    assert {path: answers[path] for path in result.paths[sure]} == {path: expected[path] for path in result.paths[sure]}


@pytest.mark.parametrize("name", ["m5", "mlp"])
def test_a_data_set_is_prepared_as_the_model_hears_it(command, small_folder, tmp_path, name):
    done = command("train", name, f"folder:{small_folder}", "--out", tmp_path, *sizes_of(name), *CPU)
    assert done.status == 0
    tested = command("evaluate", tmp_path, f"folder:{small_folder}", "--device", "cpu", "--json")
    assert last_line(tested)["n"] == 6  # the clips that were kept from it


# Settings


def test_settings_and_sizes_take_the_place_of_the_recipes(command, small_store, tmp_path):
    settings = ("--set", "learning_rate=0.01", "--set", "augmentation.mixup=0", "--set", "schedule=constant")
    done = command("train", "cnn", small_store.path, "--out", tmp_path / "run", *SMALL, "--epochs", 1, *settings,
                   "--precision", "fp32", "--workers", 1, "--batch-size", 8, "--seed", 5)  # fmt: skip
    assert done.status == 0
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    usual = recipe("cnn").training.to_dict()
    changed = {"epochs": 1, "batch_size": 8, "seed": 5, "device": "cpu", "precision": "fp32", "workers": 1,
               "learning_rate": 0.01, "schedule": "constant"}  # fmt: skip
    assert card["training"] == usual | changed | {"augmentation": {**usual["augmentation"], "mixup": 0}}
    assert card["sizes"] == {"width": 1, "n_mels": 128, "frames": 64, "hidden": [4, 4], "dropout": 0.2}
    assert card["command"].startswith("musiclab train cnn ")
    assert "--set learning_rate=0.01" in card["command"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "learning_rat=1"), ("learning_rat: model cnn has no such setting; did you mean learning_rate?",)),
        (("--set", "epochs=3"), ("--set: epochs is set twice. Set it only once.",)),
        (("--set", "width=4"), ("--set: width is a model size, not a training setting. Use --size width=",)),
        (("--size", "clip=1"), ("--size: clip is a training setting, not a model size. Use --set clip=",)),
        (("--set", "learning_rate"), ("--set: expected NAME=VALUE, found 'learning_rate'",)),
        (("--set", "learning_rate=fast"), ("expected learning_rate to be a finite number", "found 'fast'")),
        (
            ("--set", "learning_rate.x=1"),
            ("expected learning_rate to be a finite number", "found {'x': 1}"),
        ),
        (("--set", "augmentation=1"), ("expected augmentation to be an Augmentation, found 1",)),
        (("--set", "augmentation.mixup=-1"), ("expected mixup to be a finite number", "found -1")),
        (("--set", "augmentation.mixupp=1"), ("expected an augmentation among", "did you mean mixup?")),
        (("--set", "augmentation.gain=3"), ("gain=3 is not available for the feature 'logmel'",)),
        (("--set", "a=1", "--set", "a.b=1"), ("--set: expected a=VALUE or a.NAME=VALUE, found both",)),
        (("--size", "classes=3"), ("classes: model cnn has no such setting",)),
        (("--size", "out=x"), ("out: model cnn has no such setting",)),  # a parameter of musiclab.train
        (("--set", "model=lstm"), ("model: model cnn has no such setting",)),
        (("--size", "width=100000"), ("expected at most 268,435,456 parameters, found",)),
        (("--size", "widht=3"), ("widht: model cnn has no such setting; did you mean width?",)),
        (("--size", "width=wide"), ("expected width to be a whole number of at least 1, found 'wide'",)),
        (("--size", "frames=32"), ("n_mels and frames must be at least 64",)),
        (("--size", "n_mels=64"), ("n_mels=64 does not fit the 128 dimensions of logmel. Leave n_mels out",)),
    ],
)
def test_a_setting_that_cannot_be_is_refused(command, small_store, tmp_path, options, words):
    done = command("train", "cnn", small_store.path, "--out", tmp_path / "run", *options, *CPU)
    check_refused(done, *words)
    assert not (tmp_path / "run").exists()


def test_the_same_changes_give_the_same_model_and_result_by_all_three_doors(command, small_store, tmp_path):
    changes = {"epochs": 2, "width": 1, "frames": 64, "hidden": [4, 4], "seed": 3, "augmentation": {"mixup": 0.1}}
    python = train("cnn", small_store, tmp_path / "python", device="cpu", show_progress=False, **changes)
    done = command("train", "cnn", small_store.path, "--out", tmp_path / "command", "--epochs", 2, "--seed", 3,
                   "--size", "width=1", "--size", "frames=64", "--size", "hidden=[4, 4]",
                   "--set", "augmentation.mixup=0.1", "--device", "cpu")  # fmt: skip
    assert done.status == 0
    by_hand = by_the_loop_of_the_lessons(small_store, recipe("cnn", device="cpu", **changes))
    typed = load(tmp_path / "command")
    assert (
        replace(typed.settings, command="")
        == load(tmp_path / "python").settings
        == replace(python.settings, sizes=typed.settings.sizes, training=typed.settings.training)
    )
    for name, value in python.model.state_dict().items():
        assert torch.equal(typed.model.state_dict()[name], value)
        assert torch.equal(by_hand.state_dict()[name], value)
    np.testing.assert_array_equal(typed.result.log_probabilities, python.result.log_probabilities)
    for name in ("predictions.csv", "confusion.png", "model.safetensors"):
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "command" / name).read_bytes()
    files = [{path.name for path in (tmp_path / door).iterdir()} for door in ("python", "command")]
    assert files[0] == files[1]


def by_the_loop_of_the_lessons(store, chosen):
    """The model that a notebook trains with ``fit``, as lesson 06 does."""
    split = choose_split(store.index, seed=chosen.training.seed)
    torch.manual_seed(chosen.training.seed)
    model = create(chosen.model, len(store.classes), **chosen.sizes)
    values = np.concatenate([store.read("logmel", clip).astype(np.float64) for clip in split.train], axis=1)
    model.standardise_by(values.mean(axis=1), values.std(axis=1))
    cut = {"length": model.length, "silence": chosen.feature_config.silence, "seed": chosen.training.seed}
    train_clips = Segments.of_store(store, "logmel", split.train, places="random", **cut)
    valid_clips = Segments.of_store(store, "logmel", split.valid, places="covering", **cut)
    fit(model, train_clips, valid_clips, chosen.training, show_progress=False)
    return model


# Going on


def test_a_killed_training_goes_on_and_ends_with_the_same_predictions(command, small_store, tmp_path):
    def arguments(folder):
        return ["train", "cnn", small_store.path, "--out", tmp_path / folder, "--epochs", 4, *SMALL]

    killed = subprocess.run(
        [sys.executable, "-c", stopping_command(2, "SIGKILL"), *map(str, arguments("killed"))],
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["state.pt"]
    check_refused(command("evaluate", tmp_path / "killed", small_store.path), "model.json: no such file")

    resumed = command(*arguments("killed"), "--resume")
    assert resumed.status == 0
    assert "training: 2/2 " in resumed.err  # two epochs of one batch were left
    assert command(*arguments("whole")).status == 0
    same = [(tmp_path / name / "predictions.csv").read_bytes() for name in ("killed", "whole")]
    assert same[0] == same[1]
    histories = [pd.read_csv(tmp_path / name / "history.csv") for name in ("killed", "whole")]
    losses = ["epoch", "train_loss", "valid_loss", "learning_rate"]
    pd.testing.assert_frame_equal(histories[0][losses], histories[1][losses])
    assert not (tmp_path / "killed" / "state.pt").exists()

    again = command(*arguments("killed"), "--resume")  # it is whole: there is nothing left to train
    assert again.status == 0
    assert "training: " not in again.err
    assert (tmp_path / "killed" / "predictions.csv").read_bytes() == same[0]


@pytest.fixture
def stop_at(monkeypatch):
    """Ctrl-C at the end of an epoch of a training whose run folder has a name."""

    def stop(folder, epoch):
        save = State.save

        def save_and_stop(state, kept):
            save(state, kept)
            if state.path.parent.name == folder and len(kept["history"].epochs) == epoch:
                monkeypatch.setattr(State, "save", save)
                raise KeyboardInterrupt

        monkeypatch.setattr(State, "save", save_and_stop)

    return stop


def test_a_training_that_is_stopped_says_how_to_go_on(command, small_store, tmp_path, stop_at):
    arguments = ("train", "cnn", small_store.path, "--out", tmp_path / "run", "--epochs", 3, *SMALL)
    stop_at("run", 2)
    stopped = command(*arguments)
    assert stopped.status == 130
    assert stopped.err.endswith("musiclab: stopped after 2 of 3 epochs. Use --resume to continue.\n")
    assert "n = 6 clips" in stopped.out  # what it has learnt is tested and kept
    assert command("evaluate", tmp_path / "run", small_store.path).status == 0
    assert command(*arguments, "--resume").status == 0
    assert pd.read_csv(tmp_path / "run" / "history.csv")["epoch"].tolist() == [1, 2, 3]


def test_a_training_that_has_learnt_nothing_is_not_kept(command, small_store, tmp_path, monkeypatch):
    def stop(engine, epoch):
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "start_epoch", stop)
    done = command("train", "cnn", small_store.path, "--out", tmp_path / "run", "--epochs", 3, *SMALL)
    assert done.status == 130
    assert done.err.endswith("musiclab: training was interrupted in the first epoch, so nothing was saved\n")
    assert not (tmp_path / "run").exists()


def test_a_crossval_that_is_stopped_goes_on(command, small_store, tmp_path, stop_at):
    arguments = ("crossval", "cnn", small_store.path, "--out", tmp_path, "--epochs", 3, *SMALL)
    stop_at("fold2", 2)
    stopped = command(*arguments)
    assert stopped.status == 130
    assert stopped.err.endswith("musiclab: stopped. Run the same command again to continue.\n")
    assert not (tmp_path / "metrics.json").exists()
    done = command(*arguments, "--json")
    assert done.status == 0
    assert last_line(done)["n"] == 24
    histories = [pd.read_csv(tmp_path / f"fold{fold}" / "history.csv") for fold in (1, 2, 3, 4)]
    assert [len(history) for history in histories] == [3, 3, 3, 3]


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_state_that_is_none_is_refused(command, small_store, tmp_path):
    run, touched = tmp_path / "run", tmp_path / "touched"
    run.mkdir()
    arguments = ("train", "cnn", small_store.path, "--out", run, "--resume", *SMALL, "--epochs", 1)
    words = ("state.pt: this is not a valid training state", "Delete the file, or train without --resume")
    for damage in (
        lambda path: path.write_bytes(b"text"),
        lambda path: path.write_bytes(pickle.dumps(Malicious(touched))),
        lambda path: torch.save({"identity": Malicious(touched)}, path),
    ):
        damage(run / "state.pt")
        check_refused(command(*arguments), *words)
        assert not touched.exists()  # nothing in it ran


def test_a_state_of_another_training_is_refused(command, small_store, tmp_path, monkeypatch):
    monkeypatch.setattr(State, "remove", lambda state: None)  # as if it had been killed
    arguments = ("train", "cnn", small_store.path, "--out", tmp_path / "run", *SMALL, "--epochs")
    assert command(*arguments, 1).status == 0
    check_refused(
        command(*arguments, 2, "--resume"), "state.pt: expected a state saved with training.epochs=2, found one saved "
        "with training.epochs=1. Continue with the same settings, or train without --resume",
    )  # fmt: skip


# Bad input


def damaged(run, folder, damage):
    copy = shutil.copytree(run, folder)
    damage(copy)
    return copy


def change_card(**changes):
    def change(run):
        card = json.loads((run / "model.json").read_text())
        (run / "model.json").write_text(json.dumps(card | changes))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: (run / "model.safetensors").write_bytes(b"\0" * 100), ("this is not a safetensors file",)),
        (lambda run: os.truncate(run / "model.safetensors", 500), ("this is not a safetensors file",)),
        (change_card(classes=["a", "b"]), ("the weights do not fit cnn", "2 classes: expected ")),
        (change_card(model="resnet", sizes={"width": 2}), ("the weights do not fit resnet", "found bands.bias=None")),
        (change_card(classes=3), ("model.json: expected the settings of a run", "classes is 3")),
        (change_card(feature="smell"), ("expected a feature among audio, logmel", "found 'smell'")),
        (change_card(feature_config={"warp": 1}), ("expected settings of logmel among", "found 'warp'")),
    ],
)
def test_a_run_that_was_changed_is_refused(command, kinds, small_store, small_folder, tmp_path, damage, words):
    run = damaged(kinds / "cnn", tmp_path / "run", damage)
    check_refused(command("evaluate", run, small_store.path), *words)
    check_refused(command("predict", run, small_folder / "low" / "player0" / "0.wav"), *words)


def test_a_pickle_in_place_of_the_weights_never_runs(command, kinds, small_store, tmp_path):
    run, touched = shutil.copytree(kinds / "cnn", tmp_path / "run"), tmp_path / "touched"
    for write in (lambda path: path.write_bytes(pickle.dumps(Malicious(touched))),
                  lambda path: torch.save(Malicious(touched), path)):  # fmt: skip
        write(run / "model.safetensors")
        check_refused(command("evaluate", run, small_store.path), "model.safetensors: this is not a safetensors file")
        assert not touched.exists()


def test_a_model_of_other_classes_is_refused(command, kinds, tmp_path):
    for label in ("piano", "violin"):
        for player in range(3):
            save_audio(tmp_path / "data" / label / f"player{player}" / "0.wav", noisy_sine(800, player), SAMPLE_RATE)
    done = command("evaluate", kinds / "cnn", f"folder:{tmp_path / 'data'}")
    check_refused(done, "does not know the classes piano, violin; its classes are high, low, middle")


@pytest.mark.parametrize("name", ["m5", "mlp", "lstm"])
def test_a_store_that_lacks_what_a_model_hears_is_refused(command, kinds, small_folder, tmp_path, name):
    path = tmp_path / "logmel.h5"
    prepare(AudioFolder(small_folder), path, ["logmel"], workers=1, progress=False)
    words = (f"{path}: expected '{KINDS[name]}' in the store, found logmel",
             f"add it with: musiclab prepare SOURCE {path} --features {KINDS[name]}")  # fmt: skip
    check_refused(command("train", name, path, "--out", tmp_path / "run", *CPU), *words)
    check_refused(command("crossval", name, path, *CPU), *words)
    check_refused(command("evaluate", kinds / name, path), *words)


def test_audio_at_another_rate_is_refused_and_the_command_that_is_named_mends_it(command, small_folder, tmp_path):
    store, other = tmp_path / "s.h5", tmp_path / "OTHER.h5"
    assert command("prepare", f"folder:{small_folder}", store, "--features", "audio", "--workers", 1).status == 0
    done = command("train", "m5", store, "--out", tmp_path / "run", *sizes_of("m5"), *CPU)
    mends = "musiclab prepare SOURCE OTHER.h5 --features audio --set audio.sample_rate=8000"
    check_refused(done, f"{store}: expected audio at 8000 Hz, found 22050 Hz. Prepare the data again with: {mends}")
    words = [{"SOURCE": f"folder:{small_folder}", "OTHER.h5": other}.get(word, word) for word in mends.split()[1:]]
    assert command(*words).status == 0
    assert command("train", "m5", other, "--out", tmp_path / "run", *sizes_of("m5"), *CPU).status == 0


def test_one_class_is_refused(command, small_folder, tmp_path):
    shutil.copytree(small_folder / "low", tmp_path / "data" / "low")
    for name in ("train", "crossval"):
        done = command(name, "cnn", f"folder:{tmp_path / 'data'}", "--out", tmp_path / "run", *CPU)
        check_refused(done, "folder:data: expected clips of at least two classes, found 1 (low). Add clips")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_here_is_refused(command, kinds, small_store, tmp_path):
    words = ("device 'cuda' is not available on this machine, only cpu. Use --device auto",)
    train = ("train", "cnn", small_store.path, "--out", tmp_path / "run", "--epochs", 1, "--device", "cuda")
    check_refused(command(*train), *words)
    check_refused(command("crossval", "cnn", small_store.path, "--epochs", 1, "--device", "cuda"), *words)
    check_refused(command("evaluate", kinds / "cnn", small_store.path, "--device", "cuda"), *words)
    clip = small_store.index["path"].iloc[0]
    check_refused(command("predict", kinds / "cnn", clip, "--device", "cuda"), *words)
    fp16 = command("train", "cnn", small_store.path, "--out", tmp_path / "run", *CPU, "--precision", "fp16")
    check_refused(fp16, "precision: fp16 needs CUDA, but the device is cpu. Use auto, fp32 or bf16")


@pytest.mark.parametrize(
    "option", [("--batch-size", 0), ("--workers", -1), ("--precision", "fp8"), ("--seed", -1), ("--seed", 2**32)]
)
def test_a_number_that_cannot_be_has_status_2(command, small_store, tmp_path, option):
    for name in ("train", "crossval"):
        done = command(name, "cnn", small_store.path, "--out", tmp_path / "run", *option)
        assert done.status == 2
        assert option[0] in done.err
        assert "Traceback" not in done.err


def test_a_stopped_training_is_not_replaced_unasked(command, small_store, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.pt").write_bytes(b"")
    outcome = command("train", "cnn", str(small_store.path), "--out", str(tmp_path / "run"), "--epochs", "1")
    assert outcome.status == 2
    assert (
        "contains a training that was stopped. Continue it with --resume (resume=True in Python), or replace"
        in outcome.err
    )
    assert (tmp_path / "run" / "state.pt").exists()


def test_a_damaged_store_is_not_trained_on(command, small_store, tmp_path):
    path = tmp_path / "damaged.h5"
    content = bytearray(small_store.path.read_bytes())
    layout = small_store._layouts["logmel"]
    content[layout.begin + 1000] ^= 0xFF
    path.write_bytes(content)
    outcome = command("train", "cnn", str(path), "--out", str(tmp_path / "run"), "--epochs", "1")
    assert outcome.status == 2
    assert "damaged.h5: 1 clip of the store is damaged, such as logmel: clip 0" in outcome.err
    assert f"musiclab verify {path}" in outcome.err


def test_two_tables_need_two_files(command, small_folder, tmp_path):
    table = str(tmp_path / "same.csv")
    outcome = command("predict", "genres", str(small_folder), "--csv", table, "--windows", table)
    assert (outcome.status, outcome.out) == (2, "")
    assert "--csv and --windows need different files" in outcome.err
    outcome = command("predict", "gneres", str(small_folder))
    assert "no such file; did you mean genres? Create the run folder with: musiclab train" in outcome.err


@pytest.mark.parametrize("folds", [[], "all", 1])
def test_folds_are_a_list(folds, small_store):
    with pytest.raises(RunError, match="expected folds to be a list of numbers"):
        crossval("cnn", small_store, folds=folds)


def test_all_faults_of_the_settings_are_listed(command, small_folder, tmp_path):
    options = ("--out", str(tmp_path / "run"), "--set", "foo", "--set", "learnig_rate=1", "--size", "=3")
    outcome = command("train", "mlp", str(small_folder), *options)
    assert outcome.status == 2
    for words in (
        "found 'foo'",
        "learnig_rate: model mlp has no such setting; did you mean learning_rate",
        "found '=3'",
    ):
        assert words in outcome.err
