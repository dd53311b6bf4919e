"""The command: what it prints, and one message with status 2 for everything that is the user's to mend."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import PITCHES, SAMPLE_RATE, check_refused, last_line, noisy_sine

from musiclab.audio import save_audio
from musiclab.datasets import AudioFolder
from musiclab.features import MelConfig
from musiclab.runs import train
from musiclab.store import Store, prepare

FAST = ("--size", "width=2", "--epochs", 1, "--device", "cpu")
KEYS = {"accuracy", "ci95", "n", "per_class", "confusion", "classes", "model", "parameters", "data", "split", "seed",
        "seconds"}  # fmt: skip


@pytest.fixture(scope="module")
def run(small_store, tmp_path_factory):
    """The folder of a trained model."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train("cnn", small_store, folder, epochs=1, device="cpu", show_progress=False, width=2, frames=64)
    return folder


# What works


def test_info_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, "-m", "musiclab", "info", "--json"], capture_output=True, text=True, check=True, timeout=120
    )
    facts = json.loads(done.stdout.splitlines()[-1])
    assert {"musiclab", "python", "torch", "librosa", "devices", "cache", "MUSICLAB_DATA"} <= set(facts)
    assert facts["torch"][0].isdigit()
    assert facts["devices"].startswith("cpu")
    assert facts["cache"] == os.environ["MUSICLAB_CACHE"]


def test_an_error_in_a_process_of_its_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "musiclab", "train", "cnn", "folder:nowhere", "--out", "run"],
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    words = f"musiclab: {tmp_path}/nowhere: no such folder; expected a folder of recordings. Create"
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


def test_help_names_every_command(command):
    done = command("--help")
    assert done.status == 0
    for name in ("info", "download", "scan", "prepare", "inspect", "verify", "train", "crossval", "evaluate", "predict",
                 "compare", "transfer", "report", "umtn"):  # fmt: skip
        assert name in done.out
    for name in ("prepare", "train", "crossval", "evaluate"):
        text = command(name, "--help").out
        assert all(source in text for source in ("studio", "street", "folder:DIR", "esc10:DIR", "esc50:DIR")), name


def test_the_whole_path(command, small_folder, tmp_path):
    store, folder = tmp_path / "s.h5", tmp_path / "run"
    made = command("prepare", f"folder:{small_folder}", store, "--workers", 1)
    assert made.status == 0
    assert made.out.startswith(f"{store}: 24 clips, 0.01 h, ")

    trained = command("train", "cnn", store, "--out", folder, "--seed", 3, "--json", *FAST)
    assert trained.status == 0
    summary = last_line(trained)
    assert KEYS <= set(summary)
    assert summary["classes"] == ["high", "low", "middle"]
    assert (summary["model"], summary["seed"], summary["split"]) == ("cnn", 3, "by group, seed 3")
    assert summary["data"]["name"] == "folder:small"
    assert summary["n"] == sum(map(sum, summary["confusion"])) == 6
    assert summary["ci95"][0] <= summary["accuracy"] <= summary["ci95"][1]
    assert f"accuracy {100 * summary['accuracy']:.1f} %" in trained.out
    assert f"n = {summary['n']} clips" in trained.out
    assert "\nclips: train 12, valid 6, test 6\n" in trained.out

    tested = command("evaluate", folder, store, "--json")
    assert last_line(tested)["accuracy"] == summary["accuracy"]
    assert last_line(tested)["confusion"] == summary["confusion"]
    assert KEYS <= set(last_line(tested))

    clip = small_folder / "low" / "player0" / "0.wav"
    named = command("predict", folder, clip, "--top", 2, "--json")
    assert re.match(rf"{clip}: (low|middle|high) \d+\.\d %, (low|middle|high) \d+\.\d %\n", named.out)
    predictions = last_line(named)["predictions"]
    assert predictions[0]["path"] == str(clip)
    assert predictions[0][f"p({predictions[0]['predicted']})"] == max(
        predictions[0][f"p({label})"] for label in PITCHES
    )


def test_crossval_prints_each_fold(command, small_store, tmp_path):
    done = command("crossval", "cnn", small_store.path, "--folds", "all", "--out", tmp_path / "cv", "--json", *FAST)
    assert done.status == 0
    summary = last_line(done)
    assert KEYS | {"folds", "mean_fold_accuracy"} <= set(summary)
    assert summary["n"] == 24
    for fold in summary["folds"]:
        assert f"fold {fold['fold']}: {100 * fold['accuracy']:.1f} %, n = {fold['n']}" in done.out
    assert (tmp_path / "cv" / "fold4" / "model.safetensors").exists()
    part = command("crossval", "cnn", small_store.path, "--folds", "2", *FAST)
    assert "1 of 4 folds by group: not comparable with results on all" in part.out


def test_commands_that_do_the_same_take_the_same_options(command):
    training = ("--seed", "--epochs", "--batch-size", "--size", "--set", "--precision", "--workers")
    for name in ("train", "crossval", "evaluate", "predict", "compare"):
        text = command(name, "--help").out
        assert "--device" in text
        assert "--json" in text
        assert all((option in text) == (name in ("train", "crossval")) for option in training), name


@pytest.mark.parametrize("option", ["--seed", "--epochs"])
def test_what_trains_nothing_takes_no_setting_of_a_training(command, run, small_store, option):
    for arguments in (("evaluate", run, small_store.path), ("predict", run, small_store.path)):
        done = command(*arguments, option, 1)
        assert done.status == 2
        assert f"No such option: {option}" in done.err


# Bad files: alone, and among good ones


def zero_bytes(path):
    path.touch()


def text(path):
    path.write_text("This is not sound.\n" * 50)


def truncated(path):
    soundfile.write(path, noisy_sine(800, 0), SAMPLE_RATE, format="OGG")
    os.truncate(path, path.stat().st_size * 2 // 3)


def not_a_number(path):
    waveform = noisy_sine(800, 0)
    waveform[100] = np.nan
    soundfile.write(path, waveform, SAMPLE_RATE, subtype="FLOAT")


def shorter_than_a_frame(path):
    save_audio(path, noisy_sine(800, 0)[:900], SAMPLE_RATE)


BAD = {
    "zero.wav": (zero_bytes, "the file is empty", "copy or download it again"),
    "text.wav": (text, "the file cannot be decoded", "check that it plays, or leave it out"),
    "cut.ogg": (truncated, "the file is incomplete and ends early", "copy or download it again"),
    "nan.wav": (not_a_number, "expected finite samples, found [nan] at sample 100", "export the file again"),
    "short.wav": (shorter_than_a_frame, "expected at least one frame of 1024 samples", "use a longer clip"),
}


@pytest.mark.parametrize(("name", "bad"), BAD.items(), ids=BAD)
def test_a_bad_file_is_refused(command, run, tmp_path, name, bad):
    make, found, what_to_do = bad
    make(tmp_path / name)
    check_refused(command("predict", run, tmp_path / name), str(tmp_path / name), found, what_to_do)


@pytest.fixture
def mixed_folder(small_folder, tmp_path):
    """A copy of the small folder with a bad file of each kind among the good ones."""
    root = shutil.copytree(small_folder, tmp_path / "mixed")
    for name, (make, *_) in BAD.items():
        make(root / "middle" / name)
    return root


def check_listed(done, root):
    assert done.status == 0
    assert "5 files could not be read and are left out:\n" in done.err
    for name, (_, found, _) in BAD.items():
        assert f"  {root / 'middle' / name}: " in done.err
        assert found in done.err


def test_bad_files_among_good_ones_are_listed_and_left_out(command, run, mixed_folder, tmp_path):
    made = command("prepare", f"folder:{mixed_folder}", tmp_path / "s.h5", "--workers", 1)
    check_listed(made, mixed_folder)
    assert "24 clips" in made.out
    assert made.out.endswith("5 left out\n")

    trained = command("train", "cnn", f"folder:{mixed_folder}", "--out", tmp_path / "run", "--json", *FAST)
    check_listed(trained, mixed_folder)
    assert last_line(trained)["n"] == 6
    check_listed(command("evaluate", tmp_path / "run", f"folder:{mixed_folder}"), mixed_folder)  # also the second time

    named = command("predict", run, mixed_folder, "--json")
    check_listed(named, mixed_folder)
    assert len(last_line(named)["predictions"]) == 24
    assert len(last_line(named)["failures"]) == 5


def test_a_folder_of_bad_files_only_is_refused(command, run, tmp_path):
    for name, (make, *_) in BAD.items():
        (tmp_path / "all" / "x").mkdir(parents=True, exist_ok=True)
        make(tmp_path / "all" / "x" / name)
    reasons = [found for _, found, _ in BAD.values()]
    check_refused(command("prepare", f"folder:{tmp_path / 'all'}", tmp_path / "s.h5", "--workers", 1), *reasons)
    check_refused(command("predict", run, tmp_path / "all"), *reasons)


# Bad data, stores, runs and options


def test_a_folder_that_is_missing_or_empty_is_refused(command, run, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("none", "empty"):
        folder = tmp_path / name
        for kind, what_to_do in (
            ("folder", "DIR/<label>/song.wav"),
            ("esc10", "https://github.com/karolpiczak/ESC-50"),
        ):
            done = command("prepare", f"{kind}:{folder}", tmp_path / "s.h5")
            check_refused(done, f"{folder}: ", "expected", what_to_do)
            check_refused(command("crossval", "cnn", f"{kind}:{folder}", *FAST), f"{folder}: ", what_to_do)
    check_refused(command("predict", run, tmp_path / "empty"), "this folder contains no sound files")
    check_refused(command("predict", run, tmp_path / "none"), "none: no such file; check the spelling")
    assert not (tmp_path / "s.h5").exists()


def test_a_class_with_one_group_is_refused(command, small_folder, tmp_path):
    root = shutil.copytree(small_folder, tmp_path / "data")
    for player in ("player1", "player2", "player3"):
        shutil.rmtree(root / "low" / player)
    for name in ("train", "crossval"):
        out = ("--out", tmp_path / "run")
        done = command(name, "cnn", f"folder:{root}", *out, *FAST)
        check_refused(
            done, "each class needs at least ", "found class 'low' with 1 (2 clips, such as ",
            str(root / "low" / "player0"),
            "add recordings from other sources, or list the actual groups in index.csv",
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_store_made_with_other_settings_than_the_models_is_refused(command, run, small_folder, tmp_path):
    path = tmp_path / "fine.h5"
    prepare(AudioFolder(small_folder), path, {"logmel": MelConfig(hop_length=256, fmin=20)}, workers=1, progress=False)
    check_refused(
        command("evaluate", run, path), f"{path}: the model was trained on logmel with fmin=0.0, hop_length=512",
        "has fmin=20, hop_length=256", "Prepare the data again with: musiclab prepare SOURCE OTHER.h5 --features "
        "logmel --set logmel.fmin=0.0 --set logmel.hop_length=512",
    )  # fmt: skip


def test_a_store_that_is_none_is_refused(command, run, tmp_path):
    (tmp_path / "text.h5").write_text("text")
    check_refused(
        command("evaluate", run, tmp_path / "text.h5"), "text.h5: not a readable HDF5 file", "make it again with"
    )
    check_refused(command("train", "cnn", tmp_path / "no.h5", "--out", tmp_path), "no.h5: no such file; make it with")


def test_a_run_that_is_none_is_refused(command, small_store, tmp_path):
    for arguments in (("evaluate", tmp_path, small_store.path), ("predict", tmp_path, small_store.path)):
        check_refused(command(*arguments), "model.json: no such file. Create the run folder with: musiclab train")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "cnnn", "STORE", "--out", "OUT"), ("expected a model among", "did you mean cnn?")),
        (("train", "cnn", "fodler:x", "--out", "OUT"), ("fodler:x: expected", "did you mean folder?")),
        (
            ("prepare", "street:slices=5", "OUT.h5"),
            ("expected slices_per_class to be a whole number from 10", "found 5"),
        ),
        (("train", "cnn", "STORE", "--out", "OUT", "--fold", 8), ("expected a fold among [1, 2, 3, 4], found 8",)),
        (("crossval", "cnn", "STORE", "--folds", "one"), ("--folds: expected numbers", "found 'one'")),
        (("crossval", "cnn", "STORE", "--folds", "1,9", *FAST), ("expected a fold among [1, 2, 3, 4], found 9",)),
        (("train", "cnn", "STORE", "--out", "STORE"), ("expected a new run folder, found a file",)),
        (
            ("train", "cnn", "STORE", "--out", "STORE/run", *FAST),
            ("cannot create a new run folder, because", "is not writable"),
        ),
        (("prepare", "studio:seed=x", "OUT.h5"), ("expected seed to be a whole number, found 'x'",)),
        (
            ("prepare", "FOLDER", "OUT.h5", "--features", "chrome"),
            ("expected features among audio, logmel", "mean chroma?"),
        ),
        (("prepare", "FOLDER", "DIR"), ("expected the name of a new store", "found a folder")),
    ],
)
def test_what_cannot_be_done_is_refused(command, small_store, small_folder, tmp_path, arguments, words):
    places = {"STORE": small_store.path, "STORE/run": small_store.path / "run", "FOLDER": f"folder:{small_folder}",
              "OUT": tmp_path / "out", "OUT.h5": tmp_path / "out.h5", "DIR": tmp_path}  # fmt: skip
    check_refused(command(*[places.get(argument, argument) for argument in arguments]), *words)
    assert list(tmp_path.iterdir()) == []
    assert len(Store(small_store.path)) == 24


@pytest.mark.parametrize("option", [("--epochs", 0), ("--device", "abacus"), ("--speed", 3), ("--batch-size", 1)])
def test_an_option_that_cannot_be_has_status_2(command, small_store, tmp_path, option):
    done = command("train", "cnn", small_store.path, "--out", tmp_path / "run", *option)
    assert done.status == 2
    assert option[0] in done.err
    assert "Traceback" not in done.err
