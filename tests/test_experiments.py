"""Whole runs on the small folder: train, cross-validate, evaluate, predict."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PITCHES, SAMPLE_RATE, TINY, noisy_sine

from musiclab import models
from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import AudioError, DatasetError, RunError, StoreError
from musiclab.datasets import AudioFolder, Dataset, check_index
from musiclab.datasets.splits import choose_split
from musiclab.features import MelConfig
from musiclab.metrics import Result
from musiclab.runs import check_train, compare_leak, crossval, experiments, load, train
from musiclab.runs.run import is_finished
from musiclab.store import Store, open_data, prepare
from musiclab.training import Augmentation, State, fit, recipe

CPU = {"device": "cpu", "precision": "fp32", "show_progress": False}
PLAIN = {"augmentation": Augmentation(), "batch_size": 32, **CPU}
QUICK = PLAIN | {"epochs": 30, "batch_size": 4, "learning_rate": 3e-3, "label_smoothing": 0.0}
SIZES = {"width": 4, "frames": 64, "hidden": (32, 16), "dropout": 0.0}
ONE_EPOCH = {"epochs": 1, **PLAIN}
SMALL = {**ONE_EPOCH, **SIZES}


@pytest.fixture(scope="module")
def trained(small_store, tmp_path_factory):
    """A run that is kept in a folder."""
    return train("cnn", small_store, tmp_path_factory.mktemp("runs") / "run", **QUICK, **SIZES)


def store_with(folder, path, features=("logmel",)):
    prepare(AudioFolder(folder), path, features, workers=1, progress=False)
    return Store(path)


# Training


def test_training_learns_and_is_tested_on_other_groups(trained, small_store):
    assert trained.result.accuracy == 1  # three tones two octaves apart
    assert trained.result.n == 6
    assert trained.settings.split == "by group, seed 0"
    assert trained.stopped == "all epochs done"
    index = small_store.index.set_index("path")
    tested = set(index.loc[trained.result.paths, "group"])
    assert tested == set(trained.result.groups)
    split = choose_split(small_store.index, seed=0)
    assert not tested & set(small_store.index["group"].iloc[np.concatenate([split.train, split.valid])])


def test_a_model_standardises_by_its_training_clips(trained, small_store):
    split = choose_split(small_store.index, seed=0)
    values = np.concatenate([small_store.read("logmel", clip).astype(np.float64) for clip in split.train], axis=1)
    assert trained.model.mean.item() == pytest.approx(values.mean(), rel=1e-5)
    assert trained.model.deviation.item() == pytest.approx(values.std(), rel=1e-5)


def test_a_run_folder_holds_all_that_is_needed(trained, small_store):
    assert {path.name for path in trained.folder.iterdir()} == {
        "model.safetensors", "model.json", "history.csv", "predictions.csv", "metrics.json",
        "report.html", "curves.png", "confusion.png", "reliability.png",
    }  # fmt: skip
    settings = load(trained.folder).settings
    assert settings.classes == ["high", "low", "middle"]
    assert settings.feature_config == small_store.config["logmel"]
    assert settings.training["learning_rate"] == 3e-3
    assert sorted(settings.test_paths) == sorted(trained.result.paths)
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    assert metrics == json.loads(json.dumps(trained.to_dict()))
    expected = {"accuracy", "ci95", "n", "per_class", "confusion", "classes", "model", "parameters", "data", "split",
                "seed", "seconds", "best_epoch", "stopped"}  # fmt: skip
    assert expected <= set(metrics)


def test_a_run_is_loaded_as_it_was_trained(trained):
    again = load(trained.folder)
    assert json.loads(json.dumps(again.to_dict())) == json.loads(
        json.dumps(trained.to_dict() | {"seconds": again.seconds})
    )
    assert str(again) == str(trained)
    pd.testing.assert_frame_equal(again.history, trained.history)
    assert (again.best_epoch, again.stopped) == (trained.best_epoch, trained.stopped)
    np.testing.assert_array_equal(again.result.log_probabilities, trained.result.log_probabilities)
    assert again.name == trained.name == "run"


def test_what_is_not_named_stays_as_the_recipe_says(small_store):
    usual = recipe("cnn")
    run = train("cnn", small_store, epochs=1, width=2, **CPU)
    assert run.settings.training == replace(usual.training, epochs=1, device="cpu", precision="fp32").to_dict()
    assert run.settings.computed == run.to_dict()["computed"] == "cpu in fp32, because it was selected"
    assert usual.sizes | {"width": 2} == {name: run.settings.sizes[name] for name in usual.sizes}
    assert run.settings.training["augmentation"]["mixup"] == 0.3


def test_the_seed_decides_the_result(small_store, trained):
    again = train("cnn", small_store, **QUICK, **SIZES)
    np.testing.assert_array_equal(again.result.log_probabilities, trained.result.log_probabilities)


def test_what_does_not_fit_is_an_error_before_the_training(small_store, small_folder, tmp_path):
    (tmp_path / "file").touch()
    for function in (train, crossval):
        with pytest.raises(RunError, match="file: expected a new run folder, found a file; choose another folder"):
            function("cnn", small_store, out=tmp_path / "file")
    with pytest.raises(RunError, match="expected a model among"):
        train("cmm", small_store)
    with pytest.raises(DatasetError, match=r"expected a fold among \[1, 2, 3, 4\], found 9"):
        train("cnn", small_store, fold=9)
    with store_with(small_folder, tmp_path / "s.h5", {"logmel": MelConfig(n_mels=64)}) as store:
        with pytest.raises(RunError, match=r"cnn: n_mels=128 does not fit the 64 dimensions of logmel\. Leave n_mels"):
            train("cnn", store, n_mels=128, **SMALL)
        assert train("cnn", store, **SMALL).settings.sizes["n_mels"] == 64
        assert check_train("cnn", store, n_mels=64)[0].sizes["n_mels"] == 64
    store_with(small_folder, tmp_path / "audio.h5", ("audio",)).close()
    with pytest.raises(
        StoreError, match=r"audio\.h5: expected 'logmel' in the store, found audio; add it with: musiclab prepare"
    ):
        train("cnn", str(tmp_path / "audio.h5"))


@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_is_trained_tested_again_and_names_the_same(all_features, tmp_path, name):
    run = train(name, all_features, tmp_path, **ONE_EPOCH, **TINY[name])
    assert run.settings.feature == models.find(name).feature
    assert run.best_epoch == (name != "probe")  # a probe has no epochs
    assert run.result.n == 6
    assert np.isfinite(run.result.log_probabilities).all()
    again = run.evaluate(all_features, "cpu").result
    np.testing.assert_allclose(again.log_probabilities, run.result.log_probabilities, atol=1e-5)
    values = np.log(run.predict(run.result.paths.tolist(), device="cpu").probabilities)
    np.testing.assert_allclose(values, run.result.log_probabilities, atol=2e-3)  # float16 in the store


def test_each_dimension_is_standardised_by_itself_where_units_differ(all_features):
    run = train("mlp", all_features, **ONE_EPOCH, **TINY["mlp"])
    split = choose_split(all_features.index, seed=0)
    values = np.concatenate([all_features.read("summary", clip) for clip in split.train], axis=1, dtype=np.float64)
    np.testing.assert_allclose(run.model.mean, values.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(run.model.deviation, values.std(axis=1), rtol=1e-4)


def test_audio_at_another_rate_is_refused_with_the_command_that_mends_it(small_store):
    with pytest.raises(
        StoreError,
        match=r"small\.h5: expected audio at 8000 Hz, found 22050 Hz\. Prepare the data again with: "
        r"musiclab prepare SOURCE OTHER\.h5 --features audio --set audio\.sample_rate=8000",
    ):
        train("m5", small_store, **ONE_EPOCH, **TINY["m5"])


def test_a_data_set_is_prepared_as_the_recipe_says(small_folder, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    for name, feature, setting in (("m5", "audio", {"sample_rate": 8000}), ("mlp", "summary", {"kind": "full"})):
        settings = train(name, f"folder:{small_folder}", **ONE_EPOCH, **TINY[name]).settings
        assert settings.feature == feature
        assert setting.items() <= settings.feature_config.items()


def test_one_class_is_nothing_to_learn(small_folder, tmp_path):
    root = tmp_path / "one"
    shutil.copytree(small_folder / "low", root / "low")
    with store_with(root, tmp_path / "s.h5") as store:
        for function in (train, crossval):
            with pytest.raises(
                DatasetError, match=r"one: expected clips of at least two classes, found 1 \(low\)\. Add clips"
            ):
                function("cnn", store, **SMALL)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_said_before_anything_is_prepared(small_folder, cache, monkeypatch):
    monkeypatch.setattr(experiments, "open_with_warning", None)  # whoever prepares now, fails
    for function in (train, crossval):
        with pytest.raises(RunError, match=r"device 'cuda' is not available on this machine, only cpu\. Use --device"):
            function("cnn", f"folder:{small_folder}", device="cuda")


def test_settings_of_a_store_that_are_not_known_are_an_error(small_store):
    store = Store(small_store.path)
    store.config["logmel"] = {"n_mels": 128, "warp": 3}
    with pytest.raises(
        StoreError, match=r"small\.h5: expected settings of logmel among .*found 'warp'.*make it again with"
    ):
        train("cnn", store, **SMALL)


# Testing again


def test_the_run_tested_again_gives_the_same_accuracy(trained, small_store):
    for run in (trained, load(trained.folder)):
        again = run.evaluate(small_store, "cpu")
        assert again.result.accuracy == trained.result.accuracy
        assert again.result.paths.tolist() == trained.result.paths.tolist()
        assert again.settings.split == trained.settings.split
        np.testing.assert_allclose(again.result.log_probabilities, trained.result.log_probabilities, atol=1e-5)


def test_other_data_are_tested_whole_even_with_fewer_classes(trained, tmp_path):
    for clip in range(8):
        save_audio(tmp_path / "other" / "high" / f"{clip}.wav", noisy_sine(PITCHES["high"], 100 + clip), SAMPLE_RATE)
        save_audio(
            tmp_path / "other" / "middle" / f"{clip}.wav", noisy_sine(PITCHES["middle"], 200 + clip), SAMPLE_RATE
        )
    with store_with(tmp_path / "other", tmp_path / "s.h5") as store:
        other = trained.evaluate(store)
    assert other.settings.split == "all clips"
    assert other.result.n == 16
    assert other.result.classes == ["high", "low", "middle"]
    assert other.result.accuracy > 0.9
    assert other.result.per_class["n"].tolist() == [8, 0, 8]


def test_the_data_it_was_trained_on_are_never_taken_for_others(trained, small_folder, tmp_path):
    moved = shutil.copytree(small_folder, tmp_path / "moved")
    with store_with(moved, tmp_path / "s.h5") as store:
        with pytest.raises(
            RunError, match=r"s\.h5: this is the data set that the model was trained on, but .*moved/high/flutist0"
        ):
            trained.evaluate(store)


def test_clips_it_was_trained_on_are_left_out_wherever_they_are(trained, small_folder, tmp_path, caplog):
    root = shutil.copytree(small_folder, tmp_path / "moved")
    shutil.rmtree(root / "low")  # 16 clips are left; 12 of them trained or validated the model
    tested = {Path(path).parent.name for path in trained.result.paths}
    save_audio(root / "high" / "new" / "0.wav", noisy_sine(PITCHES["high"], 99), SAMPLE_RATE)
    with store_with(root, tmp_path / "s.h5") as store:
        other = trained.evaluate(store)
    assert other.settings.split == "all clips, without 12 that it was trained on"
    assert other.settings.clips == {"train": 12, "valid": 6, "test": 5}
    names = [Path(path).parent.name for path in other.result.paths]
    assert names.count("new") == 1
    assert set(names) <= tested | {"new"}
    assert "s.h5: skipping 12 of 17 clips, such as " in caplog.text
    for player in {path.parent for path in root.glob("*/*/*.wav") if path.parent.name in tested | {"new"}}:
        shutil.rmtree(player)
    with store_with(root, tmp_path / "t.h5") as store:
        with pytest.raises(
            RunError, match=r"t\.h5: all 12 clips, such as .*, were used to train or validate the model"
        ):
            trained.evaluate(store)


def test_clips_beside_the_test_clips_are_never_passed_over_without_a_word(trained, small_folder, tmp_path, caplog):
    def test_on(index, path):
        dataset = Dataset("own", index, licence="", citation="", where="", protocol="")
        prepare(dataset, path, ["logmel"], workers=1, progress=False)
        return trained.evaluate(Store(path))

    index = AudioFolder(small_folder).index
    new = save_audio(tmp_path / "new.wav", noisy_sine(PITCHES["low"], 98), SAMPLE_RATE)
    added = pd.DataFrame({"path": [str(new)], "label": ["low"]})
    grown = test_on(pd.concat([index, added]), tmp_path / "grown.h5")
    assert (grown.result.n, grown.settings.split) == (6, trained.settings.split)
    assert f"grown.h5: left out 1 clip, such as {new}, that was added after the training. Test it in" in caplog.text
    caplog.clear()
    one = index[index["path"] == trained.settings.test_paths[0]]
    other = test_on(pd.concat([one, added]), tmp_path / "other.h5")
    assert (other.result.n, other.settings.split) == (2, "all clips")
    assert "left out" not in caplog.text


def test_training_files_that_are_gone_are_told(small_folder, tmp_path, caplog):
    own = shutil.copytree(small_folder, tmp_path / "own")
    run = train("cnn", f"folder:{own}", **SMALL)
    copied = next(path for path in run.settings.trained_on if "low" in path)
    save_audio(tmp_path / "other" / "low" / "copy.flac", 0.5 * load_audio(copied, None)[0], SAMPLE_RATE)
    save_audio(tmp_path / "other" / "high" / "new.wav", noisy_sine(PITCHES["high"], 97), SAMPLE_RATE)
    assert run.evaluate(f"folder:{tmp_path}/other").result.n == 1
    assert "no longer there" not in caplog.text
    shutil.rmtree(own)
    assert run.evaluate(f"folder:{tmp_path}/other").result.n == 2
    assert "18 training files, such as " in caplog.text
    assert "are no longer there, so copies of them in other formats can't be found" in caplog.text


def test_a_run_keeps_the_sizes_of_its_parts_and_what_it_was_trained_on(trained, small_store, tmp_path):
    settings = load(trained.folder).settings
    assert settings.clips == {"train": 12, "valid": 6, "test": 6}
    assert trained.to_dict()["clips"] == settings.clips
    assert sorted([*settings.trained_on, *settings.test_paths]) == sorted(small_store.index["path"])
    assert all(len(digits) == 8 for digits in settings.trained_on.values())
    older = shutil.copytree(trained.folder, tmp_path / "older")  # by a version that kept neither
    card = json.loads((older / "model.json").read_text())
    del card["clips"], card["trained_on"]
    (older / "model.json").write_text(json.dumps(card))
    assert load(older).settings.clips == {}
    assert load(older).evaluate(small_store, "cpu").result.n == 6


def test_data_that_a_model_cannot_hear_are_an_error(trained, small_folder, tmp_path):
    with store_with(small_folder, tmp_path / "s.h5", {"logmel": MelConfig(hop_length=256)}) as store:
        with pytest.raises(
            StoreError,
            match=r"s\.h5: the model was trained on logmel with hop_length=512, but this store has "
            "hop_length=256. Prepare the data again with: musiclab prepare SOURCE OTHER.h5 "
            "--features logmel --set logmel.hop_length=512",
        ):
            trained.evaluate(store)
    root = shutil.copytree(small_folder, tmp_path / "more")
    shutil.copytree(root / "low", root / "lowest")
    with store_with(root, tmp_path / "t.h5") as store:
        with pytest.raises(StoreError, match="does not know the classes lowest; its classes are high, low, middle"):
            trained.evaluate(store)


# Cross-validation


def test_every_fold_is_tested_once(small_store, tmp_path):
    run = crossval("cnn", small_store, out=tmp_path, **SMALL)
    assert run.settings.split == "all 4 folds by group"  # a class has four groups
    assert sorted(run.result.paths) == sorted(small_store.index["path"])
    assert list(run.folds) == [1, 2, 3, 4]
    assert sum(fold.result.n for fold in run.folds.values()) == 24
    summary = json.loads((tmp_path / "metrics.json").read_text())
    accuracies = [fold.result.accuracy for fold in run.folds.values()]
    assert summary["mean_fold_accuracy"] == pytest.approx(np.mean(accuracies))
    assert summary["n"] == 24
    assert (tmp_path / "report.html").is_file()
    for number, fold in run.folds.items():
        again = load(tmp_path / f"fold{number}").evaluate(small_store, "cpu").result
        assert (again.n, again.accuracy) == (fold.result.n, fold.result.accuracy)


def with_official_folds(small_folder, root):
    """A copy of the small folder with the player's number + 1 for a fold."""
    shutil.copytree(small_folder, root)
    index = AudioFolder(root).index
    index["fold"] = index["group"].str[-1].astype(int) + 1
    index["path"] = [path.removeprefix(f"{root}/") for path in index["path"]]
    index.to_csv(root / "index.csv", index=False)
    return root


def test_the_next_fold_validates_where_the_protocol_says_so(small_folder, tmp_path):
    dataset = AudioFolder(small_folder)
    for validates in (True, False):
        dataset.validates = validates
        prepare(dataset, tmp_path / "s.h5", ("logmel",), workers=1, progress=False)
        with Store(tmp_path / "s.h5") as store:
            run = crossval("cnn", store, folds=(4,), **SMALL)
        assert run.result.n == 6
        assert ("valid_loss" in run.history) == validates


def test_a_part_of_the_folds_is_not_comparable(small_folder, tmp_path):
    with store_with(with_official_folds(small_folder, tmp_path / "data"), tmp_path / "s.h5") as store:
        run = crossval("cnn", store, [3, 3], **SMALL)
        assert run.settings.split == "1 of 4 official folds: not comparable with results on all"
        assert "not comparable" in str(run)
        assert run.result.n == 6  # a fold that is named twice is tested once
        assert list(run.folds) == [3]
        with pytest.raises(DatasetError, match=r"expected a fold among \[1, 2, 3, 4\], found 7"):
            crossval("cnn", store, [7], **SMALL)


# Going on where a cross-validation was stopped


@pytest.fixture
def trained_splits(monkeypatch):
    """Names of the splits that are trained from here on."""
    names, untrained = [], experiments._make_untrained

    def noted(chosen, store, split, command):
        names.append(split.name)
        return untrained(chosen, store, split, command)

    def loaded(folder, settings):
        names.pop()
        return load_finished(folder, settings)

    load_finished = experiments._load_finished
    monkeypatch.setattr(experiments, "_make_untrained", noted)
    monkeypatch.setattr(experiments, "_load_finished", loaded)
    return names


def crossval_once(store, out, **changes):
    return crossval("cnn", store, out=out, **SMALL | changes)


def test_a_stopped_crossval_goes_on_and_comes_to_the_same(small_store, tmp_path, trained_splits, caplog):
    whole = crossval_once(small_store, tmp_path / "whole")
    trained_splits.clear()
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")  # as a kill leaves it that comes between two files
    for name in ("metrics.json", "fold3/metrics.json", "fold3/predictions.csv"):
        (tmp_path / "killed" / name).unlink()
    shutil.rmtree(tmp_path / "killed" / "fold4")
    with caplog.at_level("INFO"):
        resumed = crossval_once(small_store, tmp_path / "killed")
    assert trained_splits == ["fold 3 tests", "fold 4 tests"]
    assert [record.getMessage() for record in caplog.records if "loaded the finished run" in record.getMessage()] == [
        f"{tmp_path}/killed/fold{fold}: loaded the finished run, fold {fold} tests" for fold in (1, 2)
    ]
    np.testing.assert_array_equal(resumed.result.log_probabilities, whole.result.log_probabilities)
    assert resumed.result.paths.tolist() == whole.result.paths.tolist()
    assert list(resumed.folds) == list(whole.folds)
    assert str(resumed) == str(whole)
    for name in ("whole", "killed"):
        again = crossval_once(small_store, tmp_path / name)
        assert again.to_dict() == json.loads((tmp_path / name / "metrics.json").read_text())
        assert {fold.best_epoch for fold in again.folds.values()} == {1}
    assert len(trained_splits) == 2  # nothing more was trained


KILLED = """
import os, signal, sys
import musiclab
from musiclab.training import State

save = State.save
def save_and_die(state, kept):  # after the second epoch of fold 2
    save(state, kept)
    if state.path.parent.name == "fold2" and len(kept["history"].epochs) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
State.save = save_and_die
musiclab.crossval("cnn", sys.argv[1], out=sys.argv[2], epochs=3, device="cpu", precision="fp32", batch_size=32,
                  show_progress=False, augmentation=musiclab.training.Augmentation(),
                  width=4, frames=64, hidden=(32, 16), dropout=0.0)
"""


def test_a_killed_crossval_goes_on_within_a_fold(small_store, tmp_path, monkeypatch):
    whole = crossval_once(small_store, tmp_path / "whole", epochs=3)
    killed = subprocess.run([sys.executable, "-c", KILLED, small_store.path, tmp_path / "cv"], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "cv" / "fold2").iterdir()] == ["state.pt"]
    trained, save = [], State.save

    def noted(state, kept):
        trained.append((state.path.parent.name, len(kept["history"].epochs)))
        save(state, kept)

    monkeypatch.setattr(State, "save", noted)
    resumed = crossval_once(small_store, tmp_path / "cv", epochs=3)
    assert trained == [("fold2", 3), *[(fold, epoch) for fold in ("fold3", "fold4") for epoch in (1, 2, 3)]]
    np.testing.assert_array_equal(resumed.result.log_probabilities, whole.result.log_probabilities)
    assert not list(tmp_path.glob("cv/*/state.pt"))


def test_a_run_that_is_finished_is_taken_over_when_it_is_resumed(small_store, tmp_path, trained_splits):
    first = train("cnn", small_store, tmp_path, **SMALL)
    again = train("cnn", small_store, tmp_path, resume=True, **SMALL)
    assert len(trained_splits) == 1
    np.testing.assert_array_equal(again.result.log_probabilities, first.result.log_probabilities)
    with pytest.raises(
        RunError, match=r"expected a run made with training\.epochs=2, found one made with .*epochs=1\."
    ):
        train("cnn", small_store, tmp_path, resume=True, **SMALL | {"epochs": 2})
    with pytest.raises(RunError, match="this folder contains a finished run"):
        train("cnn", small_store, tmp_path, **SMALL)
    assert len(trained_splits) == 1
    train("cnn", small_store, tmp_path, overwrite=True, **SMALL)
    assert len(trained_splits) == 2


def test_a_whole_run_that_was_damaged_is_named(trained, small_store, tmp_path):
    for name, text in (("history.csv", "loss\n1\n"), ("metrics.json", ""), ("predictions.csv", "path\n")):
        folder = shutil.copytree(trained.folder, tmp_path / name)
        (folder / name).write_text(text)
        with pytest.raises(RunError, match=rf"{name}: (expected|this is not) "):
            train("cnn", small_store, folder, resume=True, **QUICK, **SIZES)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"width": 8},
            r"made with sizes\.width=8, found one made with sizes\.width=4\. Choose another folder, or delete",
        ),
        (
            {"epochs": 2},
            r"made with training\.epochs=2, found one made with training\.epochs=1\.",
        ),
        (
            {"augmentation": Augmentation(mixup=0.5, time_mask=0.1)},
            r"made with training\.augmentation=\{'mixup': 0\.5, 'time_mask': 0\.1.*\}, found one made with",
        ),
    ],
)
def test_a_fold_that_was_made_otherwise_is_refused(small_store, tmp_path, trained_splits, changes, words):
    crossval("cnn", small_store, [1], tmp_path, **SMALL)
    trained_splits.clear()
    with pytest.raises(RunError, match=rf"fold1: expected a run {words}"):
        crossval_once(small_store, tmp_path, **changes)
    assert trained_splits == []


def test_a_fold_of_other_data_is_refused(small_store, small_folder, tmp_path):
    crossval("cnn", small_store, [1], tmp_path / "out", **SMALL)
    root = shutil.copytree(small_folder, tmp_path / "data")
    save_audio(root / "low" / "player0" / "0.wav", noisy_sine(210, 99), SAMPLE_RATE)
    with store_with(root, tmp_path / "s.h5") as store:
        with pytest.raises(
            RunError, match=r"fold1: expected a run made with data\.digest=\w{8}, test_paths=6 such as "
        ):
            crossval_once(store, tmp_path / "out")


def test_where_it_was_computed_does_not_count(small_store, tmp_path, trained_splits):
    crossval("cnn", small_store, [1], tmp_path, **SMALL)
    crossval("cnn", small_store, [1], tmp_path, **SMALL | {"device": "auto"})
    assert trained_splits == ["fold 1 tests"]


def test_an_interrupted_fold_is_not_kept(small_store, tmp_path, monkeypatch, trained_splits):
    def interrupted(*arguments):
        history = fit(*arguments)
        if len(trained_splits) == 2:
            history.stopped = "interrupted"
        return history

    monkeypatch.setattr(experiments, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        crossval_once(small_store, tmp_path)
    assert is_finished(tmp_path / "fold1")
    assert [path.name for path in (tmp_path / "fold2").iterdir()] == ["state.pt"]  # from which it goes on


def test_a_run_folder_without_its_last_file_is_not_whole(trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    assert is_finished(folder)
    (folder / "metrics.json").unlink()
    assert not is_finished(folder)
    assert not is_finished(tmp_path / "none")


def test_predictions_are_kept(trained):
    kept = Result.load(trained.folder / "predictions.csv")
    assert kept.paths.tolist() == trained.result.paths.tolist()
    np.testing.assert_array_equal(kept.log_probabilities, trained.result.log_probabilities)


# Interrupted runs


def interrupted(*arguments):
    history = fit(*arguments)
    history.stopped = "interrupted"
    return history


def test_an_interrupted_run_does_not_count_among_others(small_store, monkeypatch):
    monkeypatch.setattr(experiments, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare_leak("cnn", small_store, "clip", 2, width=1, hidden=(4, 4), epochs=1, **CPU)
    assert train("cnn", small_store, **SMALL).result.n == 6  # alone, it is tested


# Splits of single runs


def test_the_index_decides_the_split():
    rows = [
        (f"{label}{group}{clip}", label, f"{label}{group}") for label in "xy" for group in range(5) for clip in "ab"
    ]
    index = check_index(pd.DataFrame(rows, columns=["path", "label", "group"]), "mine")
    assert choose_split(index, seed=3).name == "by group, seed 3"
    assert choose_split(index, fold=5).name == "fold 5 tests, fold 1 validates"  # folds by group
    index["fold"] = index["group"].str[1].astype(int) + 1
    assert choose_split(index).name == "fold 1 tests, fold 2 validates"
    assert choose_split(index, fold=5).name == "fold 5 tests, fold 1 validates"
    assert choose_split(index[index["fold"] < 3].reset_index(drop=True)).name == "fold 1 tests"  # none left to validate
    index["split"] = np.where(index["fold"] == 2, "test", "train")
    assert choose_split(index).name == "as the index says"
    assert choose_split(index, fold=4).name == "fold 4 tests, fold 5 validates"  # asked for


# Data in any form


def test_data_can_be_a_store_a_path_a_source_or_a_data_set(small_folder, small_store, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert open_data(small_store) is small_store
    for data in (small_store.path, str(small_store.path), f"folder:{small_folder}", AudioFolder(small_folder)):
        store = open_data(data)
        with store:
            assert store.index.equals(small_store.index)
            np.testing.assert_array_equal(store.read("logmel", 7), small_store.read("logmel", 7))
        assert store.failures == []
    with pytest.raises(StoreError, match=r"none\.h5: no such file"):
        open_data("none.h5")
    with pytest.raises(DatasetError, match="expected a store"):
        open_data("nothing")


# Predicting


def test_a_new_sound_is_named(trained, tmp_path):
    files = {label: save_audio(tmp_path / f"{label}.flac", noisy_sine(frequency, 99, 2.5), SAMPLE_RATE)
             for label, frequency in (("low", 200), ("middle", 800), ("high", 3200))}  # fmt: skip
    found = trained.predict(list(files.values()), device="cpu")
    table = found.files
    assert found.failures == []
    assert table["predicted"].tolist() == list(files)
    assert table["path"].tolist() == [str(path) for path in files.values()]
    assert list(table.columns) == ["path", "predicted", "p(high)", "p(low)", "p(middle)"]
    np.testing.assert_allclose(table[["p(high)", "p(low)", "p(middle)"]].sum(axis=1), 1)


def test_a_prediction_is_what_the_test_said(trained):
    result = trained.result
    values = np.log(trained.predict(result.paths.tolist(), device="cpu").probabilities)
    np.testing.assert_allclose(values, result.log_probabilities, rtol=1e-3, atol=1e-4)  # float16 in the store


def test_unreadable_files_are_listed_and_the_others_named(trained, tmp_path):
    save_audio(tmp_path / "good" / "low.wav", noisy_sine(200, 99), SAMPLE_RATE)
    (tmp_path / "good" / "empty.wav").touch()
    found = trained.predict([tmp_path / "good", tmp_path / "none.wav"], device="cpu")
    assert found.files["predicted"].tolist() == ["low"]
    assert [path for path, _ in found.failures] == [str(tmp_path / "good" / "empty.wav"), str(tmp_path / "none.wav")]
    with pytest.raises(AudioError, match=r"none\.wav: no such file"):
        trained.predict([tmp_path / "none.wav"])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(AudioError, match="nothing: this folder contains no sound files"):
        trained.predict([tmp_path / "nothing"])


def test_results_on_generated_data_say_so(trained):
    assert "not a benchmark" not in str(trained)
    settings = replace(trained.settings, data={"name": "studio", "generated": True})
    assert str(replace(trained, settings=settings)).endswith("(generated data, not a benchmark)")
