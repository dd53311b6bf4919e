"""Scanning: what is wrong with a clip is in its row, and repeats have one number."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, noisy_sine, sine

from musiclab.audio import save_audio
from musiclab.core.errors import DatasetError
from musiclab.datasets import ESC10, AudioFolder, find_split_problem, list_faults, scan
from musiclab.datasets.splits import by_fold, by_group, check_split

COLUMNS = ["path", "seconds", "sample_rate", "channels", "peak", "rms", "clipped", "silent", "error", "duplicate"]


def look(folder):
    """The table by the files' names, and the faults."""
    dataset = AudioFolder(folder)
    table = scan(dataset, workers=1, progress=False)
    assert table["path"].tolist() == dataset.index["path"].tolist()
    names = [os.path.relpath(path, folder) for path in table["path"]]
    return table.set_axis(names), list_faults(dataset, table)


def test_sound_clips_have_no_faults(small_folder):
    table, faults = look(small_folder)
    assert list(table.columns) == COLUMNS
    assert faults == []
    assert len(table) == 24
    assert (table["seconds"] == 1.5).all()
    assert (table["sample_rate"] == SAMPLE_RATE).all()
    assert (table["channels"] == 1).all()
    assert not table[["clipped", "silent"]].any(axis=None)
    assert (table["error"] == "").all()
    assert (table["duplicate"] == 0).all()


def test_level_rate_and_channels_are_those_of_the_file(tmp_path):
    stereo = np.stack([sine(440.0, 2.0, 8000, 0.8), np.zeros(16000, np.float32)])
    save_audio(tmp_path / "a" / "stereo.wav", stereo, 8000)
    save_audio(tmp_path / "b" / "mono.wav", noisy_sine(300.0, 0), SAMPLE_RATE)
    row = look(tmp_path)[0].loc["a/stereo.wav"]
    assert (row["seconds"], row["sample_rate"], row["channels"]) == (2.0, 8000, 2)
    assert row["peak"] == pytest.approx(0.8, abs=1e-3)
    assert row["rms"] == pytest.approx(0.8 / 2, abs=1e-3)  # a sine's 0.8 / sqrt(2), over two channels of which one is 0


@pytest.mark.parametrize(
    ("waveform", "clipped"),
    [
        (np.clip(sine(440.0, amplitude=1.5), -1, 1), True),
        (sine(440.0, amplitude=0.99), False),
        (sine(440.0, amplitude=0.5) + np.eye(1, SAMPLE_RATE, 100, dtype=np.float32)[0] * 0.6, False),  # one peak
        (np.clip(sine(440.0, amplitude=1.5), -0.9, 0.9), False),  # flat, but not at full scale: that may be a sound
    ],
)
def test_clipping(tmp_path, waveform, clipped):
    save_audio(tmp_path / "a" / "x.wav", waveform, SAMPLE_RATE)
    table, faults = look(tmp_path)
    assert table["clipped"].tolist() == [clipped]
    assert len(faults) == clipped
    assert all(fault == f"clipped: {tmp_path}/a/x.wav (peak 1.00000)" for fault in faults)


def test_bad_files_are_named_and_the_others_scanned(tmp_path):
    save_audio(tmp_path / "a" / "good.wav", noisy_sine(300.0, 0), SAMPLE_RATE)
    save_audio(tmp_path / "a" / "silent.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    save_audio(tmp_path / "b" / "silent.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    (tmp_path / "b" / "jazz.00054.wav").write_text("no sound " * 99)
    (tmp_path / "b" / "empty.wav").touch()
    table, faults = look(tmp_path)
    assert table["error"].str.startswith(str(tmp_path)).tolist() == [False, False, True, True, False]
    assert table.loc["b/jazz.00054.wav", ["seconds", "sample_rate", "peak"]].tolist() == [0, 0, 0]
    assert table["silent"].tolist() == [False, True, False, False, True]
    assert (table["duplicate"] == 0).all()  # two silences are not the same recording
    assert [fault.split(":")[0] for fault in faults] == ["unreadable", "unreadable", "silent", "silent"]
    assert f"{tmp_path}/b/jazz.00054.wav: the file cannot be decoded" in faults[1]


def test_repeats_have_a_number_and_show_what_they_span(small_folder, tmp_path):
    root = shutil.copytree(small_folder, tmp_path / "data")
    first = root / "low" / "player0" / "0.wav"
    shutil.copy(first, root / "low" / "player3" / "copy.wav")
    waveform, _ = soundfile.read(root / "high" / "flutist1" / "1.wav", dtype="float32")
    save_audio(root / "middle" / "singer2" / "softer.ogg", 0.3 * waveform[2000:], SAMPLE_RATE)
    click = sine(900.0)[:500]  # too short for a fingerprint
    for name in ("a", "b"):
        save_audio(root / "low" / "player1" / f"click-{name}.wav", click, SAMPLE_RATE)
    save_audio(root / "low" / "player1" / "click-c.wav", click[:400], SAMPLE_RATE)
    table, faults = look(root)
    numbers = {number: sorted(rows.index) for number, rows in table[table["duplicate"] > 0].groupby("duplicate")}
    assert sorted(numbers.values()) == [
        ["high/flutist1/1.wav", "middle/singer2/softer.ogg"],
        ["low/player0/0.wav", "low/player3/copy.wav"],
        ["low/player1/click-a.wav", "low/player1/click-b.wav"],
    ]
    assert list(numbers) == [1, 2, 3]
    assert faults == [
        f"the same sound (labels high, middle; groups high/flutist1, middle/singer2): "
        f"{root}/high/flutist1/1.wav, {root}/middle/singer2/softer.ogg",
        f"the same sound (groups low/player0, low/player3): {first}, {root}/low/player3/copy.wav",
        f"the same sound: {root}/low/player1/click-a.wav, {root}/low/player1/click-b.wav",
    ]


def test_slices_of_one_recording_that_are_alike_are_no_fault(tmp_path):
    waveform = noisy_sine(500.0, 0, 4.0)
    for name, start in (("0", 0), ("1", SAMPLE_RATE // 2)):
        save_audio(tmp_path / "siren" / "recording" / f"{name}.wav", waveform[start:], SAMPLE_RATE)
    table, faults = look(tmp_path)
    assert table["duplicate"].tolist() == [1, 1]
    assert faults == []


def test_a_split_with_a_repeat_on_both_sides_is_refused(small_folder, tmp_path):
    root = shutil.copytree(small_folder, tmp_path / "data")
    index = AudioFolder(root).index
    split = by_group(index)
    one, other = index["path"].iloc[[split.train[0], split.test[0]]]
    shutil.copy(one, other)
    table = scan(AudioFolder(root), workers=1, progress=False)
    with pytest.raises(DatasetError, match="copies of 1 recording are in both"):
        check_split(index, split, table["duplicate"])


def test_values_over_full_scale_are_named_as_what_they_are(tmp_path):
    tone = noisy_sine(300.0, 0)
    (tmp_path / "a").mkdir()
    for name, waveform in {
        "integers": np.round(32767 * tone / np.abs(tone).max()),  # 16-bit samples as floats
        "spike": np.where(np.arange(len(tone)) == 5, 1e29, tone),
        "loud": 50 * noisy_sine(500.0, 1) / np.abs(noisy_sine(500.0, 1)).max(),
        "hot": np.clip(9 * noisy_sine(800.0, 2), -1.5, 1.5),  # as of an mp3 file or a mix
        "not-finite": np.where(np.arange(len(tone)) == 7, np.nan, tone),
    }.items():
        soundfile.write(tmp_path / "a" / f"{name}.wav", waveform.astype(np.float32), SAMPLE_RATE, "FLOAT")
    faults = look(tmp_path)[1]
    path = tmp_path / "a"
    assert faults[-2:] == [
        f"clipped: {path}/hot.wav (peak 1.50000)",
        f"far beyond full scale: {path}/loud.wav (peak 50, where 1 is full scale; save it again at a lower level)",
    ]
    for name, words in {
        "integers": "expected samples in [-1, 1], found integers up to 32767 stored as floats",
        "not-finite": "expected finite samples, found [nan] at sample 7",
        "spike": "expected samples in [-1, 1], found 1e+29 at sample 5, far beyond full scale",
    }.items():
        assert any(fault.startswith(f"unreadable: {path}/{name}.wav: {words}") for fault in faults), name
    assert len(faults) == 5


def test_clips_that_cannot_be_split_are_named_all_at_once(small_folder, tmp_path):
    root = shutil.copytree(small_folder, tmp_path / "data")
    dataset = AudioFolder(root)
    assert find_split_problem(dataset, scan(dataset, workers=1, progress=False)) == ""
    for name in ("low/player1", "low/player2", "high/flutist0", "high/flutist3"):
        shutil.rmtree(root / name)
    (root / "middle" / "singer0" / "0.wav").write_text("no sound")
    (root / "middle" / "singer0" / "1.wav").write_text("no sound")
    shutil.copy(root / "middle" / "singer1" / "0.wav", root / "middle" / "singer2" / "copy.wav")
    dataset = AudioFolder(root)
    problem = find_split_problem(dataset, scan(dataset, workers=1, progress=False))
    for words in ("class 'high' with 2 (4 clips", "class 'low' with 2 (4 clips", "class 'middle' with 2 (7 clips"):
        assert words in problem


# The command


def test_the_command_prints_faults_and_classes_and_says_whether_anything_is_wrong(command, small_folder, tmp_path):
    good = command("scan", f"folder:{small_folder}", "--workers", 1)
    assert good.status == 0
    rows = [["class", "clips", "groups", "minutes"], *([label, "8", "4", "0.2"] for label in ("high", "low", "middle"))]
    assert [line.split() for line in good.out.splitlines()[:-1]] == rows
    assert good.out.splitlines()[-1] == f"folder:{small_folder}: 24 clips, 0.01 h, no faults"
    root = shutil.copytree(small_folder, tmp_path / "data")
    (root / "low" / "player0" / "0.wav").write_text("no sound")
    bad = command("scan", f"folder:{root}", "--workers", 1, "--json")
    assert bad.status == 1
    assert bad.out.startswith("unreadable: low/player0/0.wav: the file cannot be decoded")
    summary = json.loads(bad.out.splitlines()[-1])
    assert len(summary["clips"]) == 24
    assert len(summary["faults"]) == 1
    assert f"folder:{root}: 24 clips, 0.01 h, 1 fault\n" in bad.out
    missing = command("scan", f"folder:{tmp_path}/none")
    assert missing.status == 2
    assert "no such folder" in missing.err


def test_odd_names_are_no_obstacle(command, tmp_path):
    names = ["a song's best part, 1.wav", "\N{DOG FACE} kött [2].wav"]
    for seed, name in enumerate(names):
        save_audio(tmp_path / "x" / name, noisy_sine(400.0 * (1 + seed), seed), SAMPLE_RATE)
    done = command("scan", f"folder:{tmp_path}", "--workers", 1, "--json")
    assert done.status == 0
    clips = json.loads(done.out.splitlines()[-1])["clips"]
    assert {os.path.basename(clip["path"]) for clip in clips} == set(names)


def test_real_recordings_across_folds(recordings):
    """In ESC-10 one recording is in two official folds under two names; another is in one fold under two names."""
    dataset = ESC10(recordings / "esc10")
    dataset.index = dataset.index[dataset.index["label"].isin(["crying_baby", "crackling_fire"])].reset_index(drop=True)
    table = scan(dataset, workers=1, progress=False)
    assert (table["error"] == "").all()
    assert not table["silent"].any()
    names = table["path"].str.extract(r"([^/\\]+)\.ogg$")[0]
    repeats = sorted(names[rows.index].tolist() for _, rows in table[table["duplicate"] > 0].groupby("duplicate"))
    assert repeats == [["2-28314-A", "2-30322-A"], ["3-151080-A", "5-151085-A"]]
    with pytest.raises(
        DatasetError, match=r"copies of 1 recording are in both train and test, .*3-151080-A\.ogg.*5-151085-A\.ogg"
    ):
        check_split(dataset.index, by_fold(dataset.index, 5), table["duplicate"])
    check_split(dataset.index, by_fold(dataset.index, 1), table["duplicate"])


def test_channels_that_cancel_each_other_are_silent(tmp_path):
    tone = sine(440.0)
    save_audio(tmp_path / "a" / "1.wav", np.stack([tone, -tone]), 22050)
    save_audio(tmp_path / "b" / "1.wav", np.stack([tone, tone]), 22050)
    table = scan(AudioFolder(tmp_path), workers=1, progress=False)
    assert table["silent"].tolist() == [True, False]
    (fault,) = list_faults(AudioFolder(tmp_path), table)
    assert "silent in mono: " in fault
    assert "but its channels cancel" in fault
