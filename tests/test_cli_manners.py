"""How the command behaves: everything that is wrong at once and at once, tables, completion, exit statuses."""

import json
import os
import shutil
import subprocess
import sys
from inspect import cleandoc

import pandas as pd
import pytest
import typer
from conftest import SAMPLE_RATE, check_refused, last_line, noisy_sine, stopping_command

import musiclab
from musiclab.audio import load_audio, save_audio
from musiclab.cli.commands import app
from musiclab.datasets import AudioFolder, open_source
from musiclab.models import MODELS, NAMES, count_parameters, create
from musiclab.runs import crossval, load, train
from musiclab.training import recipe

TINY = {"epochs": 1, "device": "cpu", "show_progress": False, "width": 1, "frames": 64, "hidden": [4, 4]}
FAST = ("--size", "width=1", "--size", "frames=64", "--size", "hidden=[4, 4]", "--epochs", 1, "--device", "cpu")


def run_python(code: str, *arguments, **environment) -> subprocess.CompletedProcess:
    """Run code in a process of its own, with these words on its command line."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def run_folder(small_store, tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train("cnn", small_store, folder, **TINY)
    return folder


@pytest.fixture
def no_decoding(monkeypatch):
    """Fail if any sound file is decoded."""

    def refuse(path, *arguments, **named):
        raise AssertionError(f"{path} was decoded")

    for module in (musiclab.audio, musiclab.store.extraction, musiclab.datasets.scanning):
        monkeypatch.setattr(module, "load_audio", refuse)


def make_folder(root, groups: dict[str, int]):
    """Make a folder of recordings with so many groups per class, one short clip each."""
    for label, count in groups.items():
        for group in range(count):
            save_audio(root / label / f"artist{group}" / "0.wav", noisy_sine(500, group, 0.1), SAMPLE_RATE)
    return root


# The command itself

LOADED = """
import sys
from musiclab.cli import main
try:
    main()
except SystemExit as end:
    print(end.code, *[name for name in ("torch", "pandas", "numpy") if name in sys.modules])
"""


@pytest.mark.parametrize("name", ["train", "crossval"])
def test_a_mistyped_model_is_refused_without_loading_torch(name, tmp_path):
    done = run_python(LOADED, name, "cnnn", tmp_path / "nowhere", "--out", tmp_path / "run", "--set", "x")
    assert done.stdout == "2\n"
    assert (
        done.stderr
        == cleandoc(
            f"""
        musiclab: 3 problems:
          - expected a model among {", ".join(NAMES)}, found 'cnnn'; did you mean cnn?
          - {tmp_path}/nowhere: no such file or folder. See `musiclab train --help` for the forms of DATA.
          - --set: expected NAME=VALUE, found 'x'
        """
        )
        + "\n"
    )


def test_missing_data_are_refused_without_loading_torch(tmp_path):
    done = run_python(LOADED, "train", "cnn", tmp_path / "none.h5", "--out", tmp_path / "run")
    assert done.stdout == "2 pandas numpy\n"
    assert done.stderr.startswith(f"musiclab: {tmp_path}/none.h5: no such file; make it with")


def test_a_mistyped_model_alone_is_one_line(tmp_path, command):
    for data in ("studio", "street:slices=10", f"folder:{tmp_path}", tmp_path, f"{tmp_path},group=2"):
        done = command("train", "nosuch", data, "--out", tmp_path / "run")
        assert done.status == 2
        assert done.err == f"musiclab: expected a model among {', '.join(NAMES)}, found 'nosuch'\n"


def test_names_of_the_models_are_those_of_their_classes():
    assert list(NAMES) == list(MODELS) == list(musiclab.training.recipes.RECIPES)
    for name, home in NAMES.items():
        assert f"{MODELS[name].__module__}.{MODELS[name].__name__}" == f"musiclab.models.{home}"


def test_version(command):
    done = command("--version")
    assert (done.status, done.out) == (0, f"musiclab {musiclab.__version__}\n")


COMMAND = "from musiclab.cli import main; import sys; sys.argv[0] = 'musiclab'; main()"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_and_installed(shell, tmp_path):
    environment = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    shown = run_python(COMMAND, "--show-completion", shell, **environment)
    assert shown.returncode == 0
    assert "_MUSICLAB_COMPLETE=complete_" in shown.stdout
    installed = run_python(COMMAND, "--install-completion", shell, **environment)
    assert installed.returncode == 0
    assert f"{shell} completion installed in {tmp_path}" in installed.stdout
    files = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert any("_MUSICLAB_COMPLETE=complete_" in text for text in files)


@pytest.mark.parametrize(
    ("typed", "completions"),
    [
        ("musiclab tr", ["train", "transfer"]),
        ("musiclab train c", ["cnn", "crnn"]),
        ("musiclab crossval m1", ["m11", "m18"]),
        ("musiclab train cnn own --ov", ["--overwrite"]),
        ("musiclab train cnn own --device c", ["cpu", "cuda"]),
    ],
)
def test_words_are_completed(typed, completions):
    environment = {"_MUSICLAB_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    assert run_python(COMMAND, **environment).stdout.split() == completions


def commands(group=None, name=""):
    """Yield each command with its name, those of the umtn group included."""
    for word, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{word} ")
        else:
            yield name + word, command


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_and_option_is_explained_in_sentences(name, command):
    texts = [command.help, *(getattr(parameter, "help", "") for parameter in command.params)]
    for text, parameter in zip(texts, [name, *(parameter.name for parameter in command.params)], strict=True):
        assert text, parameter
        assert text[0].isupper() or text.startswith("--"), text
        assert text.endswith("."), text


def test_the_options_of_a_training_say_what_they_decide(command):
    text = " ".join(command("train", "--help").out.replace("│", " ").split())
    for words in ("initial weights", "the order of the clips", "augmentation", "and the split.", "Replace the run"):
        assert words in text


# Everything that is wrong at once, before decoding


def test_a_training_names_everything_that_is_wrong_before_decoding(command, tmp_path, no_decoding):
    root = make_folder(tmp_path / "own", {"dog": 1, "siren": 2, "wind": 4})
    (tmp_path / "file").touch()
    done = command(
        "train", "cnn", root, "--out", tmp_path / "file", "--size", "widht=3", "--set", "learning_rate=fast",
        "--set", "clip=-1", "--precision", "fp16",
    )  # fmt: skip
    check_refused(
        done, "problems:\n", f"  - {tmp_path}/file: expected a new run folder, found a file",
        "  - widht: model cnn has no such setting; did you mean width?",
        "  - expected learning_rate to be a finite number greater than 0, found 'fast'",
        "  - expected clip to be a finite number of at least 0, found -1",
        "class 'dog' with 1 (1 clip", "class 'siren' with 2 (2 clips",
    )  # fmt: skip
    assert "wind" not in done.err
    done = command("train", "cnn", root, "--out", tmp_path / "run", "--size", "width=0", "--precision", "fp16")
    check_refused(done, "3 problems", "width to be a whole", "fp16 needs CUDA, but", "class 'dog' with 1")
    assert not (tmp_path / "run").exists()


def test_a_crossval_names_everything_that_is_wrong_before_decoding(command, tmp_path, no_decoding):
    root = make_folder(tmp_path / "own", {"dog": 1, "wind": 4})
    done = command("crossval", "cnn", root, "--set", "schedule=square", "--set", "augmentation.gain=3")
    check_refused(done, "expected a schedule among", "class 'dog' with 1 (1 clip")
    root = make_folder(tmp_path / "fine", {"dog": 4, "wind": 4})
    done = command("crossval", "cnn", root, "--folds", "7,9", "--set", "augmentation.gain=3")
    check_refused(done, "3 problems", "found 7", "found 9", "gain=3 is not available for the feature 'logmel'")
    check_refused(command("crossval", "cnn", root, "--folds", "x", "--set", "a"), "--set: expected NAME=VALUE")


def test_one_class_and_a_missing_fold_are_known_before_decoding(command, tmp_path, no_decoding):
    done = command("train", "mlp", make_folder(tmp_path / "one", {"dog": 4}), "--out", tmp_path / "run")
    check_refused(done, "folder:one: expected clips of at least two classes, found 1 (dog)")
    root = make_folder(tmp_path / "two", {"dog": 4, "wind": 4})
    check_refused(command("train", "mlp", root, "--out", tmp_path / "run", "--fold", 8), "expected a fold among", "8")


def test_a_missing_folder_and_wrong_options_are_named_together(command, tmp_path):
    options = ("--set", "width=3", "--set", "learning_rate=fast")
    done = command("train", "cnn", f"folder:{tmp_path}/none", "--out", tmp_path / "run", *options)
    check_refused(
        done, "3 problems", "--set: width is a model size", "none: no such folder", "learning_rate to be a finite"
    )


def test_a_studio_is_not_rendered_for_a_training_that_is_refused(command, tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    for model, option in (("cnnn", ()), ("cnn", ("--size", "widht=1")), ("cnn", ("--set", "width=1"))):
        check_refused(command("train", model, "studio", "--out", tmp_path / "run", *option), "expected" * (not option))
    assert not (tmp_path / "cache").exists()


def test_classes_that_do_not_fit_a_model_are_named_before_decoding(command, run_folder, tmp_path, no_decoding):
    root = make_folder(tmp_path / "own", {"low": 1, "piano": 1, "violin": 1})
    done = command("evaluate", run_folder, root)
    check_refused(done, "folder:own: the model does not know the classes piano, violin; its classes are high, low")


def test_a_missing_run_and_missing_data_are_named_together(command, tmp_path):
    done = command("evaluate", tmp_path / "run", tmp_path / "none.h5")
    check_refused(done, "2 problems", "model.json: no such file", "none.h5: no such file; make it with")
    done = command("compare", tmp_path / "one", tmp_path / "two")
    check_refused(done, "2 problems", "one/model.json: no such file", "two/model.json: no such file")


# A finished run is not replaced by accident


def test_a_finished_run_is_replaced_only_when_asked(command, small_store, tmp_path, no_decoding):
    arguments = ("train", "cnn", small_store.path, "--out", tmp_path / "run", *FAST)
    assert command(*arguments).status == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    for data in (small_store.path, f"folder:{tmp_path}/none"):  # with the very same settings, and with other data
        done = command("train", "cnn", data, "--out", tmp_path / "run", *FAST)
        check_refused(done, f"{tmp_path}/run: this folder contains a finished run. Choose another folder, or replace "
                      "the run with --overwrite (overwrite=True in Python).")  # fmt: skip
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    resumed = command(*arguments, "--resume")
    assert resumed.status == 0
    assert "training: " not in resumed.err
    again = command(*arguments, "--overwrite", "--seed", 1)
    assert again.status == 0
    assert load(tmp_path / "run").settings.training["seed"] == 1


def test_python_asks_for_the_same(small_store, run_folder):
    with pytest.raises(musiclab.core.errors.RunError, match="this folder contains a finished run"):
        train("cnn", small_store, run_folder, **TINY)
    assert train("cnn", small_store, run_folder, overwrite=True, **TINY).folder == run_folder


def test_a_run_and_a_cross_validation_do_not_replace_each_other(command, small_store, run_folder, tmp_path):
    done = command("crossval", "cnn", small_store.path, "--out", run_folder, *FAST)
    check_refused(done, f"{run_folder}: this folder contains a single run. Choose another")
    crossval("cnn", small_store, [1], tmp_path / "cv", **TINY)
    check_refused(command("train", "cnn", small_store.path, "--out", tmp_path / "cv", *FAST), "a finished run")


# Folders, tables, models


def test_a_folder_by_itself_is_a_folder_of_recordings(command, small_folder, monkeypatch, tmp_path):
    monkeypatch.chdir(small_folder.parent)
    assert open_source("small").index.equals(AudioFolder(small_folder).index)
    for source in ("small", "./small", small_folder, "small/"):
        done = command("scan", source, "--workers", 1)
        assert done.status == 0
        assert done.out.splitlines()[-1] == f"{source}: 24 clips, 0.01 h, no faults"
    assert command("train", "cnn", "small", "--out", tmp_path / "run", *FAST).status == 0
    assert load(tmp_path / "run").settings.data["name"] == "folder:small"
    check_refused(command("scan", "smal"), "smal: expected a store")


def test_scan_writes_a_table_and_prints_only_what_is_wrong(command, small_folder, tmp_path):
    root = shutil.copytree(small_folder, tmp_path / "own")
    (root / "low" / "player0" / "bad.wav").write_text("no sound")
    shutil.copy(root / "low" / "player1" / "0.wav", root / "low" / "player2" / "copy.wav")
    done = command("scan", root, "--workers", 1, "--csv", tmp_path / "scan.csv", "--json")
    assert done.status == 1
    lines = done.out.splitlines()
    assert lines[0].startswith("unreadable: low/player0/bad.wav: the file cannot be decoded ")
    assert lines[1].startswith("the same sound")
    assert lines[1].endswith(": low/player1/0.wav, low/player2/copy.wav")
    assert lines[-3] == f"{root}: 26 clips, 0.01 h, 2 faults"
    assert lines[-2] == f"Paths are relative to {root}."
    assert len(lines) == 2 + 4 + 2 + 1  # faults, classes, summary, JSON
    table = pd.read_csv(tmp_path / "scan.csv")
    assert table["path"].tolist() == AudioFolder(root).index["path"].tolist()
    assert table["label"].value_counts().to_dict() == {"low": 10, "high": 8, "middle": 8}
    assert table.loc[table["error"].notna(), "path"].tolist() == [str(root / "low" / "player0" / "bad.wav")]
    assert [clip["path"] for clip in last_line(done)["clips"]] == table["path"].tolist()


@pytest.mark.parametrize(("name", "words"), [("", " is a folder. Choose a file name"), ("file/x.csv", "found a file")])
def test_a_table_that_cannot_be_written_is_refused_first(command, small_folder, run_folder, tmp_path, name, words):
    (tmp_path / "file").touch()
    clip = small_folder / "low" / "player0" / "0.wav"
    for arguments in (("scan", small_folder, "--csv"), ("predict", run_folder, clip, "--csv"),
                      ("predict", run_folder, clip, "--windows")):  # fmt: skip
        check_refused(command(*arguments, tmp_path / name), words)


def test_a_table_never_takes_the_place_of_a_recording(command, small_folder, small_store, run_folder, no_decoding):
    clip = small_folder / "low" / "player0" / "0.wav"
    before = clip.read_bytes()
    for arguments in (("predict", run_folder, "--csv", clip, clip), ("predict", run_folder, clip, "--windows", clip),
                      ("scan", small_folder, "--csv", clip), ("inspect", small_store.path, "--csv", clip),
                      ("class", "grade", small_folder, small_folder, "--csv", clip)):  # fmt: skip
        check_refused(command(*arguments), f"{clip}: a table needs the extension .csv, found .wav")
    assert clip.read_bytes() == before


def test_predictions_have_a_table_of_files_and_one_of_windows(command, run_folder, small_folder, tmp_path):
    clips = sorted((small_folder / "low").rglob("*.wav"))[:2]
    waveform, rate = load_audio(clips[0], None)
    save_audio(tmp_path / "long.wav", pd.concat([pd.Series(waveform)] * 6).to_numpy(), rate)
    files, windows = tmp_path / "files.csv", tmp_path / "windows.csv"
    done = command("predict", run_folder, *clips, tmp_path / "long.wav", "--csv", files, "--windows", windows, "--json")
    assert done.status == 0
    table = pd.read_csv(files)
    assert table["path"].tolist() == [*map(str, clips), str(tmp_path / "long.wav")]
    assert list(table.columns) == ["path", "predicted", "p(high)", "p(low)", "p(middle)"]
    assert table["predicted"].tolist() == [row["predicted"] for row in last_line(done)["predictions"]]
    along = pd.read_csv(windows)
    assert along["path"].value_counts().to_dict()[str(clips[0])] == 1
    assert len(along) == len(last_line(done)["windows"]) > 5


def test_models_are_described_as_they_are_made(command):
    done = command("models", "--json")
    assert done.status == 0
    described = {entry["model"]: entry for entry in last_line(done)["models"]}
    assert list(described) == list(NAMES)
    for name, entry in described.items():
        chosen = recipe(name)
        network = create(name, 10, **entry["sizes"])
        assert entry["parameters"] == count_parameters(network)
        assert tuple(entry["input_shape"]) == network.input_shape
        assert entry["sizes"] | chosen.sizes == entry["sizes"]
        assert entry["training"] == json.loads(json.dumps(chosen.training.to_dict()))
        assert entry["feature"] == network.feature
    for words in ("mlp      input: summary, 128 x 1 ", "m5       input: audio, 32,000 samples at 8,000 Hz",
                  "parameters: 1,702,890", "sizes: width=32, n_mels=128, frames=128, hidden=[1024, 256], dropout=0.2",
                  "recipe: epochs=80, batch_size=16, learning_rate=0.001, schedule=cosine"):  # fmt: skip
        assert words in done.out


def test_quiet_draws_no_bars(command, small_folder):
    assert "scanning: 24/24" in command("scan", small_folder, "--workers", 1).err
    assert command("scan", small_folder, "--workers", 1, "--quiet").err == ""
    assert "scanning: 24/24" in command("scan", small_folder, "--workers", 1).err


def test_one_file_is_not_files(command, small_folder, run_folder, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    done = command("predict", run_folder, small_folder / "low" / "player0" / "0.wav", tmp_path / "bad.wav")
    assert "1 file could not be read and is left out:\n  " in done.err


# Exit statuses, in processes of their own


def test_exit_statuses(small_folder, small_store, tmp_path):
    assert run_python(COMMAND, "--version").returncode == 0
    root = shutil.copytree(small_folder, tmp_path / "own")
    (root / "low" / "player0" / "bad.wav").write_text("no sound")
    assert run_python(COMMAND, "scan", root, "--workers", 1, LOKY_MAX_CPU_COUNT="1").returncode == 1
    for arguments in (("train", "nosuch", root, "--out", tmp_path / "run"), ("train", "cnn", root), ("tarin",)):
        refused = run_python(COMMAND, *arguments)
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
    arguments = ("train", "cnn", small_store.path, "--out", tmp_path / "run", *FAST, "--epochs", 3)
    stopped = run_python(stopping_command(1, "SIGINT"), *arguments)
    assert stopped.returncode == 130
    assert stopped.stderr.endswith("musiclab: stopped after 1 of 3 epochs. Use --resume to continue.\n")
    assert "Traceback" not in stopped.stderr
