"""From a data set to a store: what is in it, what is left out, and what is computed anew."""

import os
import shutil
import threading

import h5py
import joblib
import numpy as np
import pytest
import soundfile
import torch
from conftest import SAMPLE_RATE, noisy_sine

from musiclab import features
from musiclab.audio import from_int16, load_audio, resample, save_audio, to_int16
from musiclab.core.errors import AudioError, DatasetError, StoreError
from musiclab.datasets import AudioFolder
from musiclab.features import AudioConfig, MelConfig, log_mel
from musiclab.store import Store, cached_store, extract, extraction, open_data, prepare, preparing, verify

ALONE = {"workers": 1, "progress": False}


@pytest.fixture
def mixed_folder(small_folder, tmp_path):
    """A copy of the small folder with four files that cannot be used among the good ones."""
    root = shutil.copytree(small_folder, tmp_path / "mixed")
    (root / "low" / "empty.wav").touch()
    (root / "low" / "text.wav").write_text("not sound")
    save_audio(root / "high" / "short.wav", np.zeros(1000), SAMPLE_RATE)
    soundfile.write(root / "middle" / "cut.ogg", noisy_sine(800, 0), SAMPLE_RATE)
    os.truncate(root / "middle" / "cut.ogg", 6000)
    return root


@pytest.fixture
def copy(small_folder, tmp_path):
    """A copy of the small folder, to be changed."""
    return shutil.copytree(small_folder, tmp_path / "copy")


@pytest.fixture
def extracted(monkeypatch):
    """What is extracted while the test runs: a list of (file name, features)."""
    calls = []

    def listen(path, configs):
        calls.append((os.path.basename(path), tuple(configs)))
        return extract(path, configs)

    monkeypatch.setattr(extraction, "extract", listen)
    return calls


def test_a_store_holds_what_the_files_hold(small_folder, small_store):
    dataset = AudioFolder(small_folder)
    assert small_store.index[list(dataset.index)].equals(dataset.index)
    assert small_store.index["size"].tolist() == [os.path.getsize(path) for path in dataset.index["path"]]
    assert small_store.index["modified"].tolist() == [os.stat(path).st_mtime_ns for path in dataset.index["path"]]
    assert (small_store.index["seconds"] == 1.5).all()
    assert small_store.source == dataset.describe()
    assert small_store.attributes["licence"] == dataset.licence
    assert small_store.config == {"audio": {"sample_rate": SAMPLE_RATE}, "logmel": MelConfig().to_dict()}
    assert small_store.names("logmel") == tuple(MelConfig().names)
    for clip in (0, 13, 23):
        waveform, _ = load_audio(dataset.index["path"][clip])
        np.testing.assert_array_equal(from_int16(small_store.read("audio", clip)), waveform)
        picture = small_store.read("logmel", clip)
        assert picture.dtype == np.float16
        np.testing.assert_array_equal(picture, log_mel(waveform).astype(np.float16))
    assert verify(small_store.path) == []


@pytest.mark.parametrize("way", ["threads", "processes", "joblib's setting"])
def test_workers_of_any_kind_make_the_same_bytes_as_one(small_folder, small_store, tmp_path, way, monkeypatch):
    monkeypatch.setattr(preparing, "PART_CLIPS", 5)
    dataset, path = AudioFolder(small_folder), tmp_path / "s.h5"
    if way == "joblib's setting":  # a backend that gives no results before the last
        with joblib.parallel_config(backend="multiprocessing"):
            prepare(dataset, path, workers=2, progress=False)
    else:
        prepare(dataset, path, workers=2, progress=False, backend={"threads": "threading", "processes": "loky"}[way])
    assert path.read_bytes() == small_store.path.read_bytes()


def test_torch_gets_its_threads_back(small_folder, tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        prepare(AudioFolder(small_folder), tmp_path / "s.h5", workers=2, progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_results_come_in_order_and_never_run_far_ahead(monkeypatch):
    started = []

    def work(number):
        started.append(number)
        return number

    for number in extraction.in_order(work, [(number,) for number in range(100)], workers=2):
        assert len(started) <= number + 1 + extraction.AHEAD * 2
        threads = [started.count(each) for each in range(number + 1)]
        assert threads == [1] * (number + 1)
    assert number == 99


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stop_waits_for_what_was_begun(workers):
    """A thread that is still at work when the program ends aborts it."""
    begun, ended = [], []

    def work(number):
        begun.append(number)
        sum(range(300_000))
        ended.append(number)
        return number

    results = extraction.in_order(work, [(number,) for number in range(1000)], workers)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert sorted(ended) == sorted(begun)
    assert len(begun) < 100  # and nothing else is begun
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_unreadable_files_are_listed_and_left_out(mixed_folder, tmp_path):
    report = prepare(AudioFolder(mixed_folder), tmp_path / "s.h5", **ALONE)
    assert (report.clips, report.computed) == (24, 24)
    assert report.seconds == pytest.approx(24 * 1.5)
    reasons = {os.path.basename(path): reason for path, reason in report.failures}
    assert set(reasons) == {"empty.wav", "text.wav", "short.wav", "cut.ogg"}
    assert all(reason.startswith(f"{path}: ") for path, reason in report.failures)
    assert "the file is empty" in reasons["empty.wav"]
    assert "the file cannot be decoded" in reasons["text.wav"]
    assert "the file is incomplete and ends early" in reasons["cut.ogg"]
    assert "at least one frame of 1024 samples (46 ms at 22050 Hz), found 1000" in reasons["short.wav"]
    assert str(report).endswith("24 clips, 0.01 h, 2.0 MB, 4 left out")
    with Store(tmp_path / "s.h5") as store:
        assert len(store) == 24
        assert not store.index["path"].isin([path for path, _ in report.failures]).any()
        assert store.failures == report.failures
        assert "failures: 4" in store.describe()


def test_a_class_of_which_nothing_can_be_read_is_an_error(copy, tmp_path):
    (copy / "hum").mkdir()
    (copy / "hum" / "1.wav").touch()
    with pytest.raises(DatasetError, match=r"(?s)no clip of hum can be read:.*1\.wav"):
        prepare(AudioFolder(copy), tmp_path / "s.h5", **ALONE)
    for path in copy.rglob("*.wav"):
        os.truncate(path, 0)
    with pytest.raises(DatasetError, match="no clip can be read"):
        prepare(AudioFolder(copy), tmp_path / "t.h5", **ALONE)
    assert not list(tmp_path.glob("*.h5"))
    assert not (tmp_path / ".t.h5.parts").exists()


# Features and their settings


def test_features_of_different_rates_and_settings(small_folder, tmp_path):
    mel = MelConfig(8000, n_fft=512, hop_length=200, n_mels=40)
    configs = {"logmel": mel, "mfcc": features.config("mfcc"), "audio": AudioConfig(11025)}
    prepare(AudioFolder(small_folder), tmp_path / "s.h5", configs, **ALONE)
    with Store(tmp_path / "s.h5") as store:
        assert store.features == ["audio", "logmel", "mfcc"]  # in the registry's order
        assert MelConfig(**store.config["logmel"]) == mel
        assert store.read("logmel", 0).shape == (40, 61)
        assert store.sample_rate == 11025
        waveform, rate = load_audio(store.index["path"][3], None)
        np.testing.assert_array_equal(store.read("audio", 3), to_int16(resample(waveform, rate, 11025)))
        assert store.read("mfcc", 3).dtype == np.float32
        expected = features.mfcc(resample(waveform, rate, 22050), features.config("mfcc"))
        np.testing.assert_allclose(store.read("mfcc", 3), expected, atol=1e-4)


def test_every_feature_there_is(small_folder, tmp_path):
    path = tmp_path / "s.h5"
    prepare(AudioFolder(small_folder), path, list(features.FEATURES), **ALONE)
    with Store(path) as store:
        assert store.features == list(features.FEATURES)
        for name in store.features[1:]:
            config = features.config(name, store.config[name])
            values = store.read(name, 7)
            assert len(values) == len(config.names) == len(store.names(name))
            assert values.shape[1] == (1 if name == "summary" else config.frames(33075))
            assert np.isfinite(values).all()
        table = store.frame()
        assert list(table.columns[5:]) == list(features.config("summary").names)
        np.testing.assert_array_equal(table.iloc[7, 5:].to_numpy(dtype=np.float32), store.read("summary", 7)[:, 0])
    assert verify(path) == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["logmel", "loglem"], "expected features among audio, logmel, .*, found 'loglem'; did you mean logmel?"),
        ({"tempo": None}, "expected features among audio, logmel, .*, found 'tempo'"),
        ([], "no features requested; choose at least one of audio, logmel, "),
    ],
)
def test_features_that_there_are_none_of(small_folder, tmp_path, names, words):
    with pytest.raises(StoreError, match=words):
        prepare(AudioFolder(small_folder), tmp_path / "t.h5", names)
    assert list(tmp_path.iterdir()) == []


def test_extract_gives_what_is_asked_for(small_folder, tmp_path):
    path = AudioFolder(small_folder).index["path"][0]
    assert set(extract(path, {"audio": AudioConfig()})) == {"seconds", "audio"}
    clip = extract(path, {"audio": AudioConfig(), "logmel": MelConfig()})
    assert clip["seconds"] == pytest.approx(1.5)
    assert (clip["audio"].shape, clip["logmel"].shape) == ((33075,), (128, 65))
    short = save_audio(tmp_path / "short.wav", np.zeros(1023), SAMPLE_RATE)
    with pytest.raises(AudioError, match=r"short\.wav: expected at least one frame .*; use a longer clip or pad it"):
        extract(short, {"logmel": MelConfig()})


def test_clips_of_no_and_of_one_sample(copy, tmp_path):
    save_audio(copy / "low" / "none.wav", np.zeros(0), SAMPLE_RATE)
    save_audio(copy / "low" / "one.wav", np.full(1, 0.5), SAMPLE_RATE)
    report = prepare(AudioFolder(copy), tmp_path / "audio.h5", ["audio"], **ALONE)
    ((path, reason),) = report.failures
    assert path.endswith("none.wav")
    assert "the file has no samples" in reason
    with Store(report.path) as store:
        (clip,) = np.flatnonzero(store.index["path"].str.endswith("one.wav"))
        assert store.read("audio", clip).tolist() == [16384]
    report = prepare(AudioFolder(copy), tmp_path / "mel.h5", ["logmel"], **ALONE)
    assert [os.path.basename(path) for path, _ in report.failures] == ["none.wav", "one.wav"]
    assert "expected at least one frame of 1024 samples" in report.failures[1][1]


# What is there already


def test_nothing_is_computed_or_written_where_all_is_there(small_folder, tmp_path, extracted):
    path = tmp_path / "s.h5"
    prepare(AudioFolder(small_folder), path, **ALONE)
    made = path.stat()
    extracted.clear()
    report = prepare(AudioFolder(small_folder), path, **ALONE)
    assert (report.clips, report.computed, report.seconds) == (24, 0, pytest.approx(36))
    assert ", 0 computed now" in str(report)
    report = prepare(AudioFolder(small_folder), path, ["logmel"], **ALONE)  # less than is there: it stays
    assert Store(path).features == ["audio", "logmel"]
    assert extracted == []
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (made.st_mtime_ns, made.st_ino)
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]


def test_a_feature_that_is_added_is_all_that_is_computed(small_folder, tmp_path, extracted):
    prepare(AudioFolder(small_folder), tmp_path / "once.h5", ["audio", "mfcc", "logmel"], **ALONE)
    prepare(AudioFolder(small_folder), tmp_path / "s.h5", ["mfcc"], **ALONE)
    extracted.clear()
    report = prepare(AudioFolder(small_folder), tmp_path / "s.h5", ["logmel", "audio"], **ALONE)
    assert report.computed == len(extracted) == 24
    assert {names for _, names in extracted} == {("audio", "logmel")}
    assert (tmp_path / "s.h5").read_bytes() == (tmp_path / "once.h5").read_bytes()


def test_new_changed_mended_and_removed_files(mixed_folder, tmp_path, extracted):
    path = tmp_path / "s.h5"
    assert len(prepare(AudioFolder(mixed_folder), path, **ALONE).failures) == 4
    save_audio(mixed_folder / "low" / "player1" / "9.wav", noisy_sine(200, 90), SAMPLE_RATE)  # new
    save_audio(mixed_folder / "low" / "player2" / "0.wav", noisy_sine(200, 91, 2.0), SAMPLE_RATE)  # changed
    save_audio(mixed_folder / "low" / "text.wav", noisy_sine(200, 92), SAMPLE_RATE)  # mended
    (mixed_folder / "high" / "flutist3" / "1.wav").unlink()  # removed
    extracted.clear()
    report = prepare(AudioFolder(mixed_folder), path, **ALONE)
    assert sorted(name for name, _ in extracted) == [
        "0.wav", "9.wav", "cut.ogg", "empty.wav", "short.wav", "text.wav"
    ]  # fmt: skip
    assert (report.clips, report.computed, len(report.failures)) == (25, 3, 3)
    prepare(AudioFolder(mixed_folder), tmp_path / "once.h5", **ALONE)
    assert path.read_bytes() == (tmp_path / "once.h5").read_bytes()


def test_a_clip_too_short_for_an_added_feature_leaves_the_store(copy, tmp_path):
    save_audio(copy / "low" / "short.wav", np.zeros(1500), SAMPLE_RATE)
    assert prepare(AudioFolder(copy), tmp_path / "s.h5", ["logmel"], **ALONE).clips == 25
    report = prepare(AudioFolder(copy), tmp_path / "s.h5", ["mfcc"], **ALONE)
    assert (report.clips, len(report.failures)) == (24, 1)
    assert "frame of 2048 samples" in report.failures[0][1]


def test_changed_labels_need_no_computing(copy, tmp_path, extracted):
    dataset = AudioFolder(copy)
    prepare(dataset, tmp_path / "s.h5", **ALONE)
    extracted.clear()
    dataset.index["fold"] = np.arange(24) % 4 + 1
    dataset.index = dataset.index[::-1].reset_index(drop=True)
    assert prepare(dataset, tmp_path / "s.h5", **ALONE).computed == 0
    assert extracted == []
    with Store(tmp_path / "s.h5") as store:
        assert store.index["fold"].tolist() == dataset.index["fold"].tolist()
        assert store.index["path"].tolist() == dataset.index["path"].tolist()
        np.testing.assert_array_equal(
            store.read("logmel", 0), log_mel(load_audio(store.index["path"][0])[0]).astype("f2")
        )
    assert verify(tmp_path / "s.h5") == []


def test_changed_settings_are_refused_with_both_side_by_side(small_folder, tmp_path):
    path, dataset = tmp_path / "s.h5", AudioFolder(small_folder)
    prepare(dataset, path, {"logmel": MelConfig(hop_length=256, fmin=20)}, **ALONE)
    before = path.read_bytes()
    words = r"s\.h5: expected a store made with logmel.fmin=0.0, logmel.hop_length=512, found one made with "
    words += "logmel.fmin=20, logmel.hop_length=256; choose another name, or start from scratch with --replace"
    with pytest.raises(StoreError, match=words):
        prepare(dataset, path, {"logmel": MelConfig()}, **ALONE)
    assert path.read_bytes() == before
    assert prepare(dataset, path, ["logmel"], **ALONE).computed == 0  # named alone, it keeps its settings
    assert prepare(dataset, path, {"logmel": MelConfig()}, replace=True, **ALONE).computed == 24
    assert Store(path).config["logmel"]["hop_length"] == 512


def test_a_store_of_another_data_set_is_refused(small_folder, tmp_path):
    prepare(AudioFolder(small_folder), tmp_path / "s.h5", ["audio"], **ALONE)
    other = shutil.copytree(small_folder, tmp_path / "other")
    with pytest.raises(StoreError, match="expected a store of folder:other, found one of folder:small; choose another"):
        prepare(AudioFolder(other), tmp_path / "s.h5", ["audio"], **ALONE)
    prepare(AudioFolder(other), tmp_path / "s.h5", ["audio"], replace=True, **ALONE)
    assert Store(tmp_path / "s.h5").source["name"] == "folder:other"


def test_a_store_of_another_folder_of_the_same_name_is_refused(small_folder, tmp_path, extracted):
    path, first, second = tmp_path / "s.h5", tmp_path / "first" / "songs", tmp_path / "second" / "songs"
    shutil.copytree(small_folder, first)
    for seed, label in enumerate(("low", "high")):
        save_audio(second / label / f"{label}er0" / "0.wav", noisy_sine(400, seed), SAMPLE_RATE)
    prepare(AudioFolder(first), path, ["audio"], **ALONE)
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"s\.h5: this store has none of the clips, such as .*second/songs/high.* another folder"
    ):
        prepare(AudioFolder(second), path, ["audio"], **ALONE)
    assert path.read_bytes() == before
    shutil.rmtree(second)
    shutil.move(first, second)  # as a whole
    assert prepare(AudioFolder(second), path, ["audio"], **ALONE).clips == 24
    shutil.rmtree(second / "low" / "player0")
    save_audio(second / "low" / "new" / "0.wav", noisy_sine(200, 9), SAMPLE_RATE)
    assert prepare(AudioFolder(second), path, ["audio"], **ALONE).clips == 23


def test_a_damaged_clip_is_not_taken_over(small_folder, tmp_path):
    path = tmp_path / "s.h5"
    prepare(AudioFolder(small_folder), path, ["audio"], **ALONE)
    with h5py.File(path, "r+") as file:
        file["audio/values"][40000] ^= 1
    with pytest.raises(StoreError, match=r"s\.h5: audio of clip 1 is damaged"):
        prepare(AudioFolder(small_folder), path, ["logmel"], **ALONE)


# Opening data


def test_a_cached_store_is_made_again_only_when_something_has_changed(mixed_folder, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    first = cached_store(AudioFolder(mixed_folder))
    made = first.stat().st_mtime_ns
    assert cached_store(AudioFolder(mixed_folder)) == first
    assert first.stat().st_mtime_ns == made
    assert len(Store(first).failures) == 4
    assert cached_store(AudioFolder(mixed_folder), {"logmel": MelConfig(n_mels=64)}) != first
    (mixed_folder / "low" / "empty.wav").unlink()
    second = cached_store(AudioFolder(mixed_folder))
    assert second != first
    assert len(Store(second).failures) == 3
    save_audio(mixed_folder / "low" / "text.wav", noisy_sine(200, 1), SAMPLE_RATE)
    assert len(Store(cached_store(AudioFolder(mixed_folder))).failures) == 2
    assert {file.suffix for file in first.parent.iterdir()} == {".h5"}


def test_a_data_set_is_prepared_with_the_settings_and_a_store_taken_as_it_is(small_folder, small_store):
    config = MelConfig(n_mels=32)
    store = open_data(f"folder:{small_folder}", "logmel", config)
    with store:
        assert store.config == {"logmel": config.to_dict()}
    assert open_data(small_store, "logmel", config) is small_store
    for data in (small_store, small_store.path):
        assert open_data(data, "logmel", config).config["logmel"] == MelConfig().to_dict()
        with pytest.raises(
            StoreError, match="expected 'sequence' in the store, found audio, logmel; add it with: music"
        ):
            open_data(data, "sequence")
