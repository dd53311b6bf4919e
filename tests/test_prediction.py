"""Naming sounds: as the test of a model does, along time, and out of files of any length."""

import io
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from conftest import SAMPLE_RATE, check_refused, noisy_sine, sine
from run_folders import CLASSES, make_untested

from musiclab import features, training
from musiclab.audio import decoding, load_audio, load_parts, save_audio, to_int16
from musiclab.core.errors import AudioError, RunError
from musiclab.runs import Run, RunSettings, edges, load, merged, prediction
from musiclab.store.segments import Segments

MODELS = {
    "cnn": {"width": 1, "frames": 64, "hidden": [4, 4]},  # 1.5 s
    "m5": {"width": 4, "length": 8000},  # 1 s
    "lstm": {"hidden": 4},  # 3 s
    "mlp": {},  # a whole file
}
SETTINGS = {"m5": {"sample_rate": 8000}}
SHARES = [f"p({name})" for name in CLASSES]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of untrained models, one for each kind of input."""
    root = tmp_path_factory.mktemp("runs")
    for name, sizes in MODELS.items():
        make_untested(root / name, name, SETTINGS.get(name), **sizes)
    return root


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Files of 0.5 s, 4 s and 12 s."""
    root = tmp_path_factory.mktemp("sounds")
    for name, seconds in (("short", 0.5), ("middle", 4.0), ("long", 12.0)):
        steps = np.concatenate([noisy_sine(200 * 2**number, number, seconds / 4) for number in range(4)])
        save_audio(root / f"{name}.wav", steps, SAMPLE_RATE)
    return root


def as_tested(run, file):
    """Probabilities of a file by the way of a test: features, segments, mean of the log-probabilities."""
    config, feature = run.settings.feature_settings, run.settings.feature
    waveform, _ = load_audio(file, config.sample_rate)
    values = features.compute(waveform, {feature: config})[feature]
    values = to_int16(values) if feature == "audio" else values.T
    cut = {"length": run.model.length, "silence": config.silence, "places": "covering"}
    segments = Segments(values, [0, len(values)], [0], classes=3, **cut)
    return np.exp(training.log_probabilities(run.model, segments, "cpu")[1][0])


def predict(run, sounds, every=None, device="auto"):
    """Predictions of a run or of a run folder."""
    return (run if isinstance(run, Run) else load(run)).predict(sounds, every=every, device=device)


# A file


@pytest.mark.parametrize("file", ["short", "middle", "long"])
@pytest.mark.parametrize("model", MODELS)
def test_a_file_is_named_as_a_test_names_it(runs, sounds, model, file):
    path = sounds / f"{file}.wav"
    found = predict(runs / model, [path], device="cpu")
    assert found.files["path"].tolist() == [str(path)]
    assert list(found.files.columns) == ["path", "predicted", *SHARES]
    expected = as_tested(load(runs / model), path)
    np.testing.assert_allclose(found.files.loc[0, SHARES].astype(float), expected, rtol=1e-5)
    assert found.files.loc[0, "predicted"] == CLASSES[expected.argmax()]


@pytest.mark.parametrize("model", MODELS)
def test_a_short_file_is_one_window(runs, sounds, model):
    found = predict(runs / model, [sounds / "short.wav"], device="cpu")
    assert found.windows[["start", "end"]].to_numpy().tolist() == [[0.0, 0.5]]
    np.testing.assert_allclose(found.windows[SHARES], found.files[SHARES])


@pytest.mark.parametrize("model", ["cnn", "m5", "lstm"])
def test_a_long_file_is_covered_by_windows(runs, sounds, model):
    found = predict(runs / model, [sounds / "long.wav"], device="cpu")
    table = found.windows
    length = {"cnn": 64 * 512 / SAMPLE_RATE, "m5": 1.0, "lstm": 128 * 512 / SAMPLE_RATE}[model]
    np.testing.assert_allclose((table["end"] - table["start"])[:-1], length, atol=0.002)
    assert (table["start"].iloc[0], table["end"].iloc[-1]) == (0, 12)
    assert (np.diff(table["start"]) <= length / 2 + 0.025).all()
    np.testing.assert_allclose(table[SHARES].sum(axis=1), 1)
    assert (table["probability"] == table[SHARES].max(axis=1)).all()
    mean = np.log(table[SHARES].to_numpy()).mean(axis=0)
    np.testing.assert_allclose(np.exp(mean) / np.exp(mean).sum(), found.files.loc[0, SHARES].astype(float))


def test_windows_as_far_apart_as_one_asks_for(runs, sounds):
    table = predict(runs / "m5", [sounds / "middle.wav"], every=0.75, device="cpu").windows
    assert table["start"].tolist() == [0.0, 0.75, 1.5, 2.25, 3.0]
    assert table["end"].tolist() == [1.0, 1.75, 2.5, 3.25, 4.0]
    far = predict(runs / "m5", [sounds / "middle.wav"], every=2.5, device="cpu").windows
    assert far["start"].tolist() == [0.0, 2.5, 3.0]  # the end is heard, too
    for every in (0, -1, np.nan):
        with pytest.raises(RunError, match="every: expected a positive number of seconds, found"):
            predict(runs / "m5", [sounds / "middle.wav"], every=every)
    with pytest.raises(RunError, match=r"every: expected at least 0\.01 s, found 1e-09 s"):
        predict(runs / "m5", [sounds / "middle.wav"], every=1e-9)


def test_a_summary_is_of_the_whole_file_or_of_each_window(runs, sounds, tmp_path, monkeypatch):
    table = predict(runs / "mlp", [sounds / "long.wav"], every=5, device="cpu").windows
    assert table[["start", "end"]].to_numpy().tolist() == [[0, 5], [5, 12]]  # 2 s are less than half of 5
    waveform, _ = load_audio(sounds / "long.wav")
    save_audio(tmp_path / "part.wav", waveform[: 5 * SAMPLE_RATE], SAMPLE_RATE)
    alone = predict(runs / "mlp", [tmp_path / "part.wav"], device="cpu").files
    np.testing.assert_allclose(table.loc[0, SHARES].astype(float), alone.loc[0, SHARES].astype(float), rtol=1e-5)
    monkeypatch.setattr(prediction, "BLOCK", 5.0)
    parts = predict(runs / "mlp", [sounds / "long.wav"], device="cpu").windows
    assert parts[["start", "end"]].to_numpy().tolist() == [[0, 4], [4, 8], [8, 12]]


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 44100])
@pytest.mark.parametrize("model", ["cnn", "m5"])
def test_a_file_decoded_in_blocks_gives_the_same(runs, sounds, tmp_path, monkeypatch, model, rate):
    waveform, _ = load_audio(sounds / "long.wav", rate)
    save_audio(tmp_path / "long.wav", waveform, rate)
    at_once = predict(runs / model, [tmp_path / "long.wav"], device="cpu").windows
    longest = []

    def watched(path, sample_rate, parts):
        for waveform in load_parts(path, sample_rate, parts):
            longest.append(len(waveform) / sample_rate)
            yield waveform

    monkeypatch.setattr(prediction, "BLOCK", 4.0)
    monkeypatch.setattr(prediction, "load_parts", watched)
    in_blocks = predict(runs / model, [tmp_path / "long.wav"], device="cpu").windows
    assert max(longest) < 5.5
    pd.testing.assert_frame_equal(in_blocks, at_once, rtol=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_a_waveform_is_a_file_like_others(runs, sounds, model):
    path = sounds / "long.wav"
    waveform, sample_rate = load_audio(path, None)
    from_memory, from_file = load(runs / model).predict(waveform, sample_rate), predict(runs / model, path)
    assert from_memory.files["path"].tolist() == ["waveform"]
    same = {"rtol": 1e-4, "atol": 1e-6}
    pd.testing.assert_frame_equal(from_memory.files.drop(columns="path"), from_file.files.drop(columns="path"), **same)
    pd.testing.assert_frame_equal(
        from_memory.windows.drop(columns="path"), from_file.windows.drop(columns="path"), **same
    )


def test_a_waveform_that_is_none_is_refused(runs):
    run = load(runs / "cnn")
    with pytest.raises(RunError, match="the sample rate of the waveform is missing"):
        run.predict(np.zeros(1000))
    broken = np.zeros(1000)
    broken[3] = np.nan
    for waveform, words in [
        (np.zeros((2, 1000)), r"expected samples of shape \(samples,\), found shape \(2, 1000\)"),
        (np.zeros(0), "expected samples of shape"),
        (np.zeros(1000, np.int16), "expected floats"),
        (broken, "sample 3 is nan"),
    ]:
        with pytest.raises(AudioError, match=f"waveform: {words}"):
            run.predict(waveform, 22050)


def test_paths_may_be_strings_of_numpy_or_a_column(runs, small_folder):
    run, path = load(runs / "cnn"), str(next(small_folder.rglob("*.wav")))
    for paths in (np.str_(path), np.array([path]), pd.Series([path]), (path,)):
        assert run.predict(paths).files["path"].tolist() == [path]


def test_tensors_and_lists_of_samples_are_waveforms(runs):
    run, waveform = load(runs / "cnn"), np.sin(np.arange(44100) / 10).astype(np.float32)
    expected = run.predict(waveform, 22050).probabilities
    for same in (torch.from_numpy(waveform), waveform.tolist(), pd.Series(waveform)):
        np.testing.assert_allclose(run.predict(same, 22050).probabilities, expected, atol=1e-6)


# Along time


class Loudness(torch.nn.Module):
    """Hears "low" in what is quiet and "high" in what is loud."""

    feature, length = "audio", 8000

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([40.0, -40.0, 0.0]))

    def forward(self, batch):
        return (batch.abs().mean(dim=1, keepdim=True) - 0.16) * self.weight


@pytest.fixture
def loudness():
    return Run(RunSettings("loudness", {}, CLASSES, "audio", {"sample_rate": 8000}), Loudness())


def test_what_is_heard_when(loudness, tmp_path):
    loud = sine(440, 10, 8000, amplitude=0.5)
    loud[24000:56000] *= 0.1  # from 3 s to 7 s
    save_audio(tmp_path / "a.wav", loud, 8000)
    found = predict(loudness, [tmp_path / "a.wav"], device="cpu")
    heard = merged(found.windows)
    assert heard["class"].tolist() == ["high", "low", "high"]
    np.testing.assert_allclose(heard["start"], [0, 3, 7], atol=0.5)
    np.testing.assert_allclose(heard["end"], [3, 7, 10], atol=0.5)
    assert (heard["start"][1:].to_numpy() == heard["end"][:-1].to_numpy()).all()
    marks, shares = found.along(tmp_path / "a.wav")
    assert shares.shape == (len(marks) - 1, 3)
    assert (np.diff(marks) > 0).all()
    assert (shares[(marks[:-1] > 3.5) & (marks[1:] < 6.5), 1] > 0.9).all()


def test_windows_of_other_files_are_not_mixed_in(loudness, tmp_path):
    for name, level in (("quiet", 0.01), ("loud", 0.5)):
        save_audio(tmp_path / f"{name}.wav", sine(440, 5, 8000, level), 8000)
    found = predict(loudness, [tmp_path], device="cpu")
    assert found.files["predicted"].tolist() == ["high", "low"]  # loud.wav comes first
    for name, column in (("loud", 0), ("quiet", 1)):
        assert (found.along(tmp_path / f"{name}.wav")[1].argmax(axis=1) == column).all()


def test_borders_lie_in_the_middle_of_what_two_windows_share():
    table = pd.DataFrame({"start": [0.0, 2.0, 6.0], "end": [4.0, 6.0, 8.0], "class": ["a", "b", "b"]})
    assert edges(table).tolist() == [0, 3, 6, 8]
    table["probability"] = [0.5, 0.75, 0.25]
    assert merged(table).to_numpy().tolist() == [[0.0, 3.0, "a", 0.5], [3.0, 8.0, "b", 0.5]]


# Files that cannot be read, folders, standard input


def test_bad_files_are_listed_and_passed_over(runs, sounds, tmp_path):
    (tmp_path / "text.wav").write_text("text " * 100)
    (tmp_path / "empty").mkdir()
    files = [tmp_path / "text.wav", tmp_path / "none.wav", tmp_path / "empty"]
    found = predict(runs / "m5", [*files, sounds / "short.wav", sounds / "short.wav"], device="cpu")
    assert found.files["path"].tolist() == [str(sounds / "short.wav")]  # once
    assert [path for path, _ in found.failures] == [str(files[2]), str(files[0]), str(files[1])]
    with pytest.raises(AudioError, match=r"(?s)contains no sound files.*cannot be decoded.*no such file"):
        predict(runs / "m5", files)


def test_empty_paths_and_web_addresses_are_refused_as_they_are_written(command, runs):
    check_refused(command("predict", runs / "m5", ""), "found an empty path")
    address = "http://x.org/a.wav"
    check_refused(
        command("predict", runs / "m5", address), f"{address}: expected a file, found a web address; download"
    )


def test_a_folder_names_the_files_that_only_other_programs_decode(runs, sounds, tmp_path):
    shutil.copy(sounds / "short.wav", tmp_path)
    for name in ("memo.m4a", ".hidden/x.wav", "deep/.trash/y.m4a", "cover.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no sound")
    found = predict(runs / "m5", [tmp_path], device="cpu")
    assert found.files["path"].tolist() == [str(tmp_path / "short.wav")]
    ((path, reason),) = found.failures
    assert path == str(tmp_path / "memo.m4a")
    assert reason.endswith('for example with `ffmpeg -i "memo.m4a" "memo.wav"`')


def test_a_file_that_goes_bad_in_a_later_block_is_passed_over(runs, sounds, tmp_path, monkeypatch):
    waveform, _ = load_audio(sounds / "long.wav")
    waveform[11 * SAMPLE_RATE] = np.nan
    soundfile.write(tmp_path / "nan.wav", waveform, SAMPLE_RATE, subtype="FLOAT")
    monkeypatch.setattr(prediction, "BLOCK", 4.0)
    with pytest.raises(AudioError, match="expected finite samples"):
        predict(runs / "cnn", [tmp_path / "nan.wav"], device="cpu")


def test_one_bad_file_never_costs_another(runs, sounds, tmp_path):
    """Headers that claim 2^36 - 1 samples or none, a sample rate of 2^31 - 1 Hz, one sample, and samples of 1e29."""
    wave, _ = load_audio(sounds / "middle.wav", None)
    for name, total in (("absurd", 2**36 - 1), ("unknown", 0)):
        soundfile.write(tmp_path / f"{name}.flac", wave, SAMPLE_RATE)
        data = bytearray((tmp_path / f"{name}.flac").read_bytes())
        data[18:26] = (int.from_bytes(data[18:26], "big") >> 36 << 36 | total).to_bytes(8, "big")
        (tmp_path / f"{name}.flac").write_bytes(data)
    save_audio(tmp_path / "rate.wav", wave, 2**31 - 1)
    save_audio(tmp_path / "one.wav", wave[:1], 44100)
    soundfile.write(tmp_path / "loud.wav", np.where(wave == wave.max(), 1e29, wave), SAMPLE_RATE, subtype="FLOAT")
    for name in ("cnn", "mlp"):
        found = predict(runs / name, [tmp_path, sounds / "middle.wav"], device="cpu")
        names = [Path(path).name for path in found.files["path"]]
        assert names == ["absurd.flac", "unknown.flac", "middle.wav"]
        assert (found.files[SHARES].to_numpy() == found.files[SHARES].to_numpy()[0]).all()
        reasons = [reason.partition(": ")[2] for _, reason in found.failures]
        assert reasons[0].startswith("expected samples in [-1, 1], found 1e+29")
        assert reasons[1].startswith(("nothing is left after resampling 1 sample", "expected at least"))
        assert reasons[2].startswith("expected a sample rate from 1,000 to 1,000,000 Hz")


@pytest.mark.parametrize("model", ["cnn", "m5", "mlp"])
def test_a_long_mp3_is_decoded_once(runs, sounds, tmp_path, monkeypatch, model):
    """Its frames are counted, and blocks that overlap are not decoded twice, because nothing can be skipped in mp3."""
    waveform, _ = load_audio(sounds / "long.wav", None)
    settings = {"compression_level": 0.9, "bitrate_mode": "VARIABLE"}
    soundfile.write(tmp_path / "a.mp3", np.tile(waveform, 5), SAMPLE_RATE, **settings)
    at_once = predict(runs / model, [tmp_path / "a.mp3"], every=2, device="cpu").windows
    decoded, read = [], decoding._Decoder.read

    def watched(*arguments, **settings):
        decoded.append(read(*arguments, **settings))
        return decoded[-1]

    monkeypatch.setattr(decoding._Decoder, "read", watched)
    monkeypatch.setattr(prediction, "BLOCK", 5.0)
    in_blocks = predict(runs / model, [tmp_path / "a.mp3"], every=2, device="cpu").windows
    assert sum(map(len, decoded)) == 60 * SAMPLE_RATE
    assert max(map(len, decoded)) < 7 * SAMPLE_RATE
    pd.testing.assert_frame_equal(in_blocks, at_once, rtol=1e-3)


def standard_input(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_standard_input_is_a_file_like_others(runs, sounds, monkeypatch):
    standard_input(monkeypatch, (sounds / "middle.wav").read_bytes())
    found = predict(runs / "cnn", ["-"], device="cpu")
    alone = predict(runs / "cnn", [sounds / "middle.wav"], device="cpu")
    assert found.files["path"].tolist() == ["-"]
    pd.testing.assert_frame_equal(found.files.drop(columns="path"), alone.files.drop(columns="path"))
    standard_input(monkeypatch, b"")
    with pytest.raises(AudioError, match=r"^standard input: the file is empty"):
        predict(runs / "cnn", ["-"])


# The command


def test_the_command_prints_what_is_heard_when(command, runs, sounds, tmp_path):
    short, long = sounds / "short.wav", sounds / "long.wav"
    tables = {"--csv": tmp_path / "files.csv", "--windows": tmp_path / "windows.csv"}
    done = command("predict", runs / "cnn", short, long, "--json", *sum(tables.items(), ()), "--top", 1)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{short}: ")
    assert lines[1].startswith(f"{long}: ")
    assert lines[2].startswith("   0:00.0 to ")
    values = json.loads(lines[-1])
    found = predict(runs / "cnn", [short, long])
    assert values == json.loads(json.dumps(found.to_dict()))
    assert list(found.files.columns) == ["path", "predicted", *SHARES]
    pd.testing.assert_frame_equal(pd.read_csv(tables["--csv"]), found.files)
    table = pd.read_csv(tables["--windows"])
    assert list(table.columns) == ["path", "start", "end", "class", "probability", *SHARES]
    pd.testing.assert_frame_equal(table, found.windows)
    assert len(lines) == 2 + len(merged(found.windows[found.windows["path"] == str(long)])) + 1
