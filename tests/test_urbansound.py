"""UrbanSound8K: its table, its folds, WAV files of every kind, and folders that do not fit."""

import json
import logging
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from conftest import sine

from musiclab.audio import from_int16, save_audio
from musiclab.core.errors import DatasetError
from musiclab.datasets import UrbanSound8K, open_source
from musiclab.datasets.splits import by_fold, next_fold
from musiclab.datasets.urbansound import COLUMNS
from musiclab.features import MelConfig
from musiclab.store import Store, prepare
from musiclab.store.segments import Segments
from musiclab.studio import street

CLASSES = ("car_horn", "dog_bark", "siren")


def lay_out(root, rows, write=True):
    """A folder of UrbanSound8K's shape: its table, and empty files."""
    (root / "metadata").mkdir(parents=True)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table.to_csv(root / "metadata" / "UrbanSound8K.csv", index=False)
    for row in table.itertuples() if write else ():
        (root / "audio" / f"fold{row.fold}").mkdir(parents=True, exist_ok=True)
        (root / "audio" / f"fold{row.fold}" / row.slice_file_name).touch()
    return root


def change_table(root, change):
    path = root / "metadata" / "UrbanSound8K.csv"
    change(pd.read_csv(path, dtype={"fold": object})).to_csv(path, index=False)


@pytest.fixture(scope="session")
def urbansound(tmp_path_factory):
    """A small copy that can be heard, played by Street: three classes in folds 1 to 4, two clips a fold."""
    root = tmp_path_factory.mktemp("urban") / 'street\'s "sounds" 🚨 #1, 100 %'
    table = street.catalogue(4, folds=4)
    table = table[table["class"].isin(CLASSES)]
    lay_out(root, table, write=False)
    for _, rows in table.groupby("fsID"):
        for row, samples in zip(rows.itertuples(), street.render_slices(rows), strict=True):
            save_audio(root / "audio" / f"fold{row.fold}" / row.slice_file_name, samples, street.SAMPLE_RATE)
    return root


@pytest.fixture
def names(tmp_path):
    """A folder of one clip a class in folds 1, 2 and 10, without sound."""
    rows = [
        (f"{100 * fold + number}-{number}-0-0.wav", 100 * fold + number, 0.0, 4.0, 1, fold, number, label)
        for fold in (1, 2, 10)
        for number, label in enumerate(CLASSES)
    ]
    return lay_out(tmp_path / "UrbanSound8K", rows)


# The table and the folds


def test_the_table_says_all(urbansound):
    dataset = UrbanSound8K(urbansound)
    table = pd.read_csv(urbansound / "metadata" / "UrbanSound8K.csv")
    assert len(dataset) == len(table) == 12
    assert dataset.classes == list(CLASSES)
    assert dataset.index["fold"].tolist() == table["fold"].tolist()
    assert dataset.index["group"].tolist() == table["fsID"].astype(str).tolist()
    assert dataset.index["label"].tolist() == table["class"].tolist()
    assert set(COLUMNS) <= set(dataset.index)
    first = dataset.index.iloc[0]
    assert first["path"] == str(urbansound / "audio" / f"fold{first['fold']}" / first["slice_file_name"])
    assert dataset.notes == [
        "found 12 of the 12 clips in the table",
        "fold5, fold6, fold7, fold8, fold9, fold10: no such folder, so results are not comparable with those on all "
        "ten folds",
    ]


def test_a_fold_tests_the_next_validates_and_the_rest_train(urbansound):
    index = UrbanSound8K(urbansound).index
    split = by_fold(index, 4, next_fold(index, 4))
    parts = [sorted(set(index["fold"].iloc[rows])) for rows in (split.train, split.valid, split.test)]
    assert parts == [[2, 3], [1], [4]]
    assert UrbanSound8K(urbansound).validates


def test_any_subset_of_the_folds_works(names):
    shutil.rmtree(names / "audio" / "fold2")
    dataset = UrbanSound8K(names)
    assert sorted(set(dataset.index["fold"])) == [1, 10]
    assert dataset.notes[0] == "found 6 of the 9 clips in the table"
    assert dataset.notes[1].startswith("fold2, fold3, fold4, ")
    assert (dataset.missing, dataset.unlisted) == ([], [])  # a fold that is not there is not missing clip by clip


def test_the_table_may_lie_beside_the_folds(names):
    expected = UrbanSound8K(names).index.drop(columns="path")
    (names / "metadata" / "UrbanSound8K.csv").rename(names / "UrbanSound8K.csv")
    for fold in (1, 2, 10):
        (names / "audio" / f"fold{fold}").rename(names / f"fold{fold}")
    shutil.rmtree(names / "audio")
    dataset = UrbanSound8K(names)
    assert dataset.index.drop(columns="path").equals(expected)
    assert dataset.index["path"][0] == str(names / "fold1" / "100-0-0-0.wav")
    assert (dataset.missing, dataset.unlisted) == ([], [])


def test_all_faults_of_the_table_are_named_at_once(names):
    changed = {"class": ["", *CLASSES[1:]] * 3, "fold": [1, "one", 1, *[2] * 3, *[10] * 3]}
    change_table(names, lambda table: pd.concat([table.assign(**changed), table.iloc[[4]]]))
    with pytest.raises(DatasetError) as raised:
        UrbanSound8K(names)
    assert [line.strip() for line in str(raised.value).splitlines()[1:-1]] == [
        "expected a class in every row, found none in line 2",
        "expected a class in every row, found none in line 5",
        "expected a class in every row, found none in line 8",
        "expected a fold from 1 to 10 in every row, found 'one' in line 3",
    ]
    assert "more than once (labels dog_bark); remove the extra rows in line 11. Get it from" in str(raised.value)


def test_where_a_file_lies_does_not_make_its_fold(names):
    (names / "audio" / "fold1" / "100-0-0-0.wav").rename(names / "audio" / "fold2" / "100-0-0-0.wav")
    dataset = UrbanSound8K(names)
    assert dataset.missing == [str(names / "audio" / "fold1" / "100-0-0-0.wav")]
    assert dataset.unlisted == [str(names / "audio" / "fold2" / "100-0-0-0.wav")]
    assert len(dataset) == 8


def test_files_and_rows_without_each_other_are_named(names, caplog):
    fold = names / "audio" / "fold1"
    (fold / "101-1-0-0.wav").unlink()
    (fold / "102-2-0-0.wav").unlink()
    (fold / "102-2-0-0.wav").symlink_to("102-2-0-0.wav")  # a loop: it is there, and cannot be read
    (fold / "extra.WAV").touch()
    (fold / os.fsdecode(b"b\xfcgel.wav")).touch()
    for name in ("._100-0-0-0.wav", ".DS_Store", "notes.txt"):
        (fold / name).touch()
    caplog.set_level(logging.INFO)
    dataset = open_source(f"urbansound8k:{names}")
    assert dataset.missing == [str(fold / "101-1-0-0.wav")]
    assert dataset.unlisted == [str(fold / os.fsdecode(b"b\xfcgel.wav")), str(fold / "extra.WAV")]
    assert "1 clips in the table are not on disk, such as " in caplog.text
    assert "2 files are not in the table and are left out, such as " in caplog.text
    assert "102-2-0-0.wav" in " ".join(dataset.index["path"])


# What does not fit


def gap(column, row):
    return lambda table: table.assign(**{column: table[column].astype(object).where(table.index != row)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: t.drop(columns=["fsID", "class"]),
            r"expected the columns .*, but fsID, class is missing\. Get it",
        ),
        (lambda t: t.iloc[:0], "expected the clips of the table in fold1 to fold10, found no clips"),
        (gap("class", 3), r"UrbanSound8K\.csv: expected a class in every row, found none in line 5"),
        (gap("fsID", 0), "expected a fsID in every row, found none in line 2"),
        (gap("fold", 0), r"expected a fold from 1 to 10 in every row, found none in line 2"),
        (lambda t: t.assign(fold=["one", *t["fold"][1:]]), "found 'one' in line 2"),
        (lambda t: t.assign(fold=[*t["fold"][:-1], 11]), "found '11' in line 10"),
        (lambda t: t.assign(fold=[*t["fold"][:-1], 1.5]), r"found '1\.5' in line 10"),
        (
            lambda t: pd.concat([t, t.iloc[[0]].assign(**{"class": "siren"})]),
            r"expected each path once, found .*fold1/100-0-0-0\.wav more than once \(labels car_horn, siren\); remove",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_an_error(names, change, words):
    change_table(names, change)
    with pytest.raises(DatasetError, match=words):
        UrbanSound8K(names)


def test_a_table_that_cannot_be_read_is_an_error(names):
    table = names / "metadata" / "UrbanSound8K.csv"
    table.write_bytes(table.read_bytes().replace(b"siren", b"sir\xe8ne"))
    with pytest.raises(DatasetError, match=r"UrbanSound8K\.csv: expected a CSV file in UTF-8"):
        UrbanSound8K(names)
    table.unlink()
    with pytest.raises(DatasetError, match=r"UrbanSound8K\.csv: no such file.*weebly.*musiclab download urbansound8k"):
        UrbanSound8K(names)


def test_folders_that_are_not_there_are_an_error(names):
    for fold in (1, 2, 10):
        shutil.rmtree(names / "audio" / f"fold{fold}")
    (names / "audio" / "fold3").symlink_to("fold3")  # a loop
    with pytest.raises(DatasetError, match="audio: expected the clips of the table in fold1 to fold10, found no clips"):
        UrbanSound8K(names)
    with pytest.raises(DatasetError, match="nowhere: no such folder; expected UrbanSound8K"):
        UrbanSound8K(names / "nowhere")


# From WAV files of every kind to the model

FORMATS = [
    (subtype, sample_rate, channels)
    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")
    for sample_rate, channels in ((8000, 1), (44100, 2), (48000, 1), (96000, 2))
]


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory):
    """A store of half a second of 440 Hz in every format, and what could not be read."""
    root = tmp_path_factory.mktemp("kinds") / "UrbanSound8K"
    rows = [(f"{n}-0-0-0.wav", n, 0.0, 0.5, 1, 1 + n % 10, n % 2, CLASSES[n % 2]) for n in range(len(FORMATS))]
    lay_out(root, rows)
    for row, (subtype, sample_rate, channels) in zip(rows, FORMATS, strict=True):
        waveform = np.stack([sine(440.0, 0.5, sample_rate)] * channels, axis=1)
        soundfile.write(root / "audio" / f"fold{row[5]}" / row[0], waveform, sample_rate, subtype)
    path = root.parent / "kinds.h5"
    report = prepare(UrbanSound8K(root), path, workers=1, progress=False)
    with Store(path) as store:
        yield store, report


def test_wavs_of_every_kind_are_the_same_sound(every_kind):
    store, report = every_kind
    assert (report.clips, report.failures) == (20, [])
    offsets, values = store.offsets("audio"), store.values("audio")
    expected = sine(440.0, 0.5)
    for clip, (subtype, *_) in enumerate(FORMATS):
        heard = from_int16(values[offsets[clip] : offsets[clip + 1]])
        assert len(heard) == len(expected)
        inner = slice(500, -500)  # the ends of a tone that starts at once are the resampler's own
        tolerance = 0.02 if subtype == "PCM_U8" else 0.002  # a step of 8 bits is 0.008
        np.testing.assert_allclose(heard[inner], expected[inner], atol=tolerance)


def test_a_clip_shorter_than_4_s_is_padded_with_silence_and_not_looped(every_kind):
    store, _ = every_kind
    four_seconds = round(4 * 22050 / 512)  # 172 frames
    silence = MelConfig(**store.config["logmel"]).silence
    for places in ("random", "centred"):
        segments = Segments.of_store(store, "logmel", length=four_seconds, silence=silence, places=places)
        assert len(segments) == len(store)  # one segment a clip
        for clip in range(len(store)):
            batch, _ = segments.batch([clip])
            start, end = store.offsets("logmel")[clip : clip + 2]
            sound = torch.from_numpy(np.asarray(store.values("logmel")[start:end], dtype=np.float32)).T
            assert batch.shape == (1, sound.shape[0], four_seconds)
            assert torch.equal(batch[0, :, : end - start], sound)
            assert (batch[0, :, end - start :] == silence).all()


def test_a_training_on_the_folds_that_are_there(urbansound, command, caplog, tmp_path):
    copy = shutil.copytree(urbansound, tmp_path / "copy")
    broken = sorted((copy / "audio" / "fold3").iterdir())[0]
    broken.write_bytes(b"RIFF and no more")
    done = command("train", "cnn", f"urbansound8k:{copy}", "--out", tmp_path / "run", "--fold", 1, "--size", "width=2",
                   "--epochs", 1, "--device", "cpu", "--json")  # fmt: skip
    assert done.status == 0
    assert f"1 file could not be read and is left out:\n  {broken}: " in caplog.text
    summary = json.loads(done.out.splitlines()[-1])
    assert summary["split"] == "fold 1 tests, fold 2 validates"
    assert summary["n"] == 3
    assert (summary["data"]["name"], summary["data"]["licence"]) == ("urbansound8k", "CC BY-NC 3.0")


def test_the_store_of_a_folder_with_an_odd_name(urbansound, tmp_path):
    path = tmp_path / "odd.h5"
    dataset = UrbanSound8K(urbansound)
    prepare(dataset, path, ["audio"], workers=1, progress=False)
    with Store(path) as store:
        assert store.index["path"].tolist() == dataset.index["path"].tolist()
