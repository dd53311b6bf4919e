"""Copies of one recording, in whatever format, are never on two sides of a split."""

import shutil

import numpy as np
import pytest

import musiclab
from musiclab.audio import resample, save_audio
from musiclab.datasets import AudioFolder
from musiclab.datasets.fingerprints import NO_SOUND, mark_file
from musiclab.store import Store, prepare

RATE = 22050
SETTINGS = {"epochs": 1, "hidden": (4, 4, 4), "show_progress": False}


def recording(seed, seconds=2.0):
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of six artists; one recording of the first is there with four others, in other formats."""
    root = tmp_path_factory.mktemp("copies") / "own"
    for number, label in enumerate(["noise", "hiss"]):
        for artist in range(6):
            save_audio(root / label / f"{label}er{artist}" / "take.wav", recording(10 * number + artist), RATE)
    original = recording(0)
    save_audio(root / "noise" / "noiser1" / "low rate.flac", resample(original, RATE, 16000), 16000)
    save_audio(root / "noise" / "noiser2" / "small.mp3", original, RATE)
    save_audio(root / "noise" / "noiser3" / "stereo.ogg", np.stack([original, 0.5 * original]), RATE)
    save_audio(root / "hiss" / "hisser0" / "24 bit.wav", original, RATE, "PCM_24")
    return root


@pytest.fixture(scope="module")
def store(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "own.h5"
    prepare(AudioFolder(folder), path, musiclab.training.features_for("mlp"), workers=1, progress=False)
    return Store(path)


NAMES = {"take.wav", "low rate.flac", "small.mp3", "stereo.ogg", "24 bit.wav"}


def sides_of_copies(run, store):
    """The sides that the copies are on."""
    trained = set(run.settings.trained_on)
    copies = store.index["path"][store.index["duplicate"] > 0]
    return ["test" if path in run.settings.test_paths else "trained" if path in trained else "none" for path in copies]


def test_a_store_knows_copies_at_other_rates_formats_and_channel_counts(store):
    copies = store.index[store.index["duplicate"] > 0]
    assert {path.rsplit("/", 1)[1] for path in copies["path"]} == NAMES
    assert set(copies["duplicate"]) == {1}


@pytest.mark.parametrize("split_seed", range(4))
def test_train_keeps_copies_on_one_side_and_says_so(store, split_seed, caplog):
    caplog.set_level("INFO", "musiclab")
    run = musiclab.train("mlp", store, split_seed=split_seed, **SETTINGS)
    assert sides_of_copies(run, store) in (["test"] * 5, ["trained"] * 5)
    assert "1 recording appears more than once, such as" in caplog.text
    assert "copies stay on the same side of the split" in caplog.text
    assert len(set(run.result.groups)) <= 12 - 4  # five groups are one, in the interval too


def test_crossval_keeps_copies_in_one_fold(store):
    run = musiclab.crossval("mlp", store, **SETTINGS)
    copies = set(store.index["path"][store.index["duplicate"] > 0])
    assert [len(copies & set(fold.settings.test_paths)) for fold in run.folds.values()].count(5) == 1
    assert run.result.n == 16


def test_copies_can_be_ignored(store, caplog):
    caplog.set_level("INFO", "musiclab")
    runs = [musiclab.train("mlp", store, split_seed=seed, ignore_copies=True, **SETTINGS) for seed in range(3)]
    assert any(len(set(sides_of_copies(run, store))) > 1 for run in runs)
    assert "more than once" not in caplog.text


def test_copies_across_official_folds_leave_the_training_set(folder, tmp_path, caplog):
    dataset = AudioFolder(folder)
    names = dataset.index["path"].str.extract(r"er(\d)")[0].astype(int)
    dataset.index["fold"] = 1 + names % 3
    prepare(dataset, tmp_path / "folds.h5", musiclab.training.features_for("mlp"), workers=1, progress=False)
    run = musiclab.train("mlp", tmp_path / "folds.h5", fold=1, **SETTINGS)  # noiser0 and 3, and hisser0, test
    assert run.settings.split == "fold 1 tests, fold 2 validates, without 2 copies of clips on another side"
    assert run.settings.clips == {"train": 5 - 1, "valid": 5 - 1, "test": 6}
    assert "without 2 copies of clips on another side, such as" in caplog.text


def test_fingerprints_are_cached_until_the_file_changes(folder, tmp_path, monkeypatch):
    path = save_audio(tmp_path / "one.wav", recording(1), RATE)
    first = mark_file(path)
    with monkeypatch.context() as patch:
        patch.setattr("musiclab.datasets.fingerprints.load_audio", None)  # nothing is decoded again
        again = mark_file(path)
    np.testing.assert_array_equal(again.bits, first.bits)
    assert again.digest == first.digest
    save_audio(path, recording(2), RATE)
    assert mark_file(path).digest != first.digest


def test_what_cannot_be_read_and_silence_are_no_copies(tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    silent = save_audio(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    assert [mark_file(path).digest for path in (broken, silent, tmp_path / "none.wav")] == [NO_SOUND.digest] * 3


def test_the_seed_of_the_split_is_another_than_that_of_the_training(store):
    runs = {seeds: musiclab.train("mlp", store, seed=seeds[0], split_seed=seeds[1], **SETTINGS)
            for seeds in ((0, None), (1, 0), (1, None), (0, 1))}  # fmt: skip
    tested = {seeds: run.settings.test_paths for seeds, run in runs.items()}
    assert tested[0, None] == tested[1, 0]
    assert tested[1, None] == tested[0, 1]
    assert runs[1, 0].settings.split == "by group, seed 0"


def test_other_feature_settings_than_the_recipes_are_named_before_the_training(folder, tmp_path, caplog):
    caplog.set_level("INFO", "musiclab")
    prepare(AudioFolder(folder), tmp_path / "usual.h5", ["summary"], workers=1, progress=False)
    musiclab.train("mlp", tmp_path / "usual.h5", **SETTINGS)
    assert "usual.h5: summary was prepared with kind=tutorial, but the recipe of mlp expects kind=full" in caplog.text
    assert "musiclab prepare SOURCE OTHER.h5 --for mlp" in caplog.text


def test_features_of_several_models():
    assert set(musiclab.training.features_for("mlp", "cnn", "m5")) == {"summary", "logmel", "audio"}
    with pytest.raises(musiclab.core.errors.RunError, match=r"expected a model among .*found .cmn.; did you mean cnn"):
        musiclab.training.features_for("cmn")


def test_evaluate_leaves_out_copies_of_what_the_model_was_trained_on(folder, store, tmp_path, caplog):
    run = musiclab.train("mlp", store, **SETTINGS)
    learnt = next(path for path in run.settings.trained_on if path.endswith("take.wav"))
    other = tmp_path / "other"
    waveform, _ = musiclab.audio.load_audio(learnt, 16000)
    save_audio(other / "noise" / "copy.mp3", waveform, 16000)
    for label, seed in (("noise", 101), ("hiss", 102), ("hiss", 103)):
        save_audio(other / label / f"{seed}.wav", recording(seed), RATE)
    tested = run.evaluate(f"folder:{other}")
    assert sorted(path.rsplit("/", 1)[1] for path in tested.result.paths) == ["101.wav", "102.wav", "103.wav"]
    assert tested.settings.split == "all clips, without 1 that it was trained on"
    assert "copy.mp3, because they were used to train or validate the model" in caplog.text


def test_a_store_remembers_that_copies_were_not_looked_for(folder, store, tmp_path, caplog):
    caplog.set_level("INFO", "musiclab")
    path, configs = tmp_path / "own.h5", musiclab.training.features_for("mlp")
    prepare(AudioFolder(folder), path, configs, workers=1, progress=False, ignore_copies=True)
    assert "copies    not looked for" in Store(path).describe()
    run = musiclab.train("mlp", path, **SETTINGS)
    run.evaluate(path)
    assert caplog.text.count("folder:own: copies of the same recording were not looked for") == 2
    prepare(AudioFolder(folder), path, configs, workers=1, progress=False)
    assert path.read_bytes() == store.path.read_bytes()
    assert "copies    not looked for" not in Store(path).describe()


def test_a_feature_added_without_a_search_keeps_the_copies(folder, store, tmp_path):
    path = shutil.copy(store.path, tmp_path / "own.h5")
    prepare(AudioFolder(folder), path, ["audio"], workers=1, progress=False, ignore_copies=True)
    assert Store(path).index["duplicate"].tolist() == store.index["duplicate"].tolist()
    assert Store(path).source == store.source
    shutil.copytree(folder, tmp_path / "own")
    save_audio(tmp_path / "own" / "hiss" / "new" / "take.wav", recording(99), RATE)
    prepare(AudioFolder(tmp_path / "own"), path, ["audio"], workers=1, progress=False, ignore_copies=True)
    assert Store(path).source["ignore_copies"]
