"""Data sets: index tables, folders, ESC-10 and ESC-50, and how they are named."""

import pandas as pd
import pytest

from musiclab.core.errors import DatasetError
from musiclab.datasets import ESC10, ESC50, AudioFolder, Dataset, check_index, open_source
from musiclab.datasets.base import COLUMNS


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


# The index table


def test_what_is_missing_is_filled_in():
    index = check_index(pd.DataFrame({"label": ["x", "y"], "mood": [1, 2], "path": ["a", "b"]}), "mine")
    assert list(index.columns) == [*COLUMNS, "mood"]
    assert index.to_dict("list") == {
        "path": ["a", "b"], "label": ["x", "y"], "group": ["a", "b"], "fold": [0, 0], "split": ["", ""], "mood": [1, 2]
    }  # fmt: skip


def test_gaps_in_a_column_are_filled_in_one_by_one():
    table = {
        "path": ["a", "b", "c"],
        "label": [1, 2, 2],
        "group": ["one", None, None],
        "fold": ["2", None, "1"],
        "split": ["test", None, ""],
    }
    index = check_index(pd.DataFrame(table), "mine")
    assert index["group"].tolist() == ["one", "b", "c"]  # never one group of all that have none
    assert index["fold"].tolist() == [2, 0, 1]
    assert index["split"].tolist() == ["test", "", ""]
    assert index["label"].tolist() == ["1", "2", "2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": None}, r"expected the columns path, label, found none named label\. Add them"),
        ({"path": None}, "found none named path"),
        ({"label": ["x", " "]}, "expected a label for every clip, found none for b"),
        ({"label": ["x", None]}, "expected a label for every clip, found none for b"),
        ({"path": ["a", "a"]}, r"expected each path once, found a more than once \(labels x, y\); remove"),
        ({"fold": [1, "two"]}, "fold must be a whole number from 1 .*found 'two'"),
        ({"fold": [1, -1]}, "found '-1'"),
        ({"fold": [1, 1.5]}, r"found '1\.5'"),
        ({"split": ["train", "val"]}, r"split must be .*found \['val'\]"),
        ({"path": [], "label": []}, "expected at least one clip, found none"),
    ],
)
def test_a_table_that_does_not_fit_is_an_error(change, words):
    columns = {"path": ["a", "b"], "label": ["x", "y"]} | change
    with pytest.raises(DatasetError, match=f"^mine: .*{words}"):
        check_index(pd.DataFrame({name: values for name, values in columns.items() if values is not None}), "mine")


# A folder


def test_subfolders_are_labels_and_their_subfolders_groups(tmp_path):
    touch(tmp_path, "jazz/miles/1.wav", "jazz/miles/2.flac", "jazz/3.ogg", "rock/miles/live/4.mp3")
    touch(tmp_path, "loose.wav", "rock/notes.txt", "pop/song.m4a")
    dataset = AudioFolder(tmp_path)
    assert dataset.classes == ["jazz", "rock"]
    assert len(dataset) == 4
    found = {row.path.removeprefix(str(tmp_path)): (row.label, row.group) for row in dataset.index.itertuples()}
    assert found == {
        "/jazz/3.ogg": ("jazz", "jazz/3.ogg"),
        "/jazz/miles/1.wav": ("jazz", "jazz/miles"),
        "/jazz/miles/2.flac": ("jazz", "jazz/miles"),
        "/rock/miles/live/4.mp3": ("rock", "rock/miles/live"),
    }
    assert len(dataset.notes) == 1
    assert dataset.notes[0].startswith(f"{tmp_path}/pop: no .wav, ")
    assert dataset.describe() | {"where": "", "licence": ""} == {
        "name": f"folder:{tmp_path.name}", "licence": "", "citation": "none", "where": "",
        "protocol": "none: split by group", "generated": False, "validates": False,
    }  # fmt: skip


def test_an_index_csv_says_otherwise(tmp_path):
    touch(tmp_path, "a.wav", "deep/b.wav", "jazz/not-listed.wav")
    (tmp_path / "index.csv").write_text(
        "path,label,group,fold,split\na.wav,007,band,1,train\ndeep/b.wav,kött,band,2,test\n", encoding="utf-8"
    )
    index = AudioFolder(tmp_path).index
    assert index["path"].tolist() == [str(tmp_path / "a.wav"), str(tmp_path / "deep/b.wav")]
    assert index["label"].tolist() == ["007", "kött"]  # text as it stands, not a number
    assert index["group"].tolist() == ["band", "band"]
    assert index["fold"].tolist() == [1, 2]
    assert index["split"].tolist() == ["train", "test"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a CSV file in UTF-8"),
        (b"path,label\na.wav,d\xf6rr\n", "expected a CSV file in UTF-8"),
        (b"path,label\na.wav,x,y,z\nb.wav,x\n1,2,3,4,5,6\n", "index.csv|folder:"),
        (b"file,label\na.wav,x\n", "expected the columns path, label, found none named path"),
        (b"path,label\n", "expected at least one clip"),
    ],
)
def test_an_index_csv_that_does_not_fit_is_an_error(tmp_path, content, words):
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=words):
        AudioFolder(tmp_path)


def test_folders_that_are_not_there_or_hold_no_sound(tmp_path):
    touch(tmp_path, "a-file", "silent/jazz/notes.txt", "flat/song.wav")
    what_to_do = r"Put one folder per class in it.*DIR/<label>/song\.wav"
    with pytest.raises(DatasetError, match=f"/none: no such folder; expected a folder of recordings. {what_to_do}"):
        AudioFolder(tmp_path / "none")
    with pytest.raises(DatasetError, match=f"expected the folder of .*, found a file. {what_to_do}"):
        AudioFolder(tmp_path / "a-file")
    for name in ("silent", "flat"):
        with pytest.raises(DatasetError, match=f"{tmp_path}/{name}: expected recordings .*found none. {what_to_do}"):
            AudioFolder(tmp_path / name)


# ESC-10 and ESC-50


def test_the_real_esc10(recordings):
    index = ESC10(recordings / "esc10").index
    assert len(index) == 400
    assert index["label"].value_counts().to_dict() == dict.fromkeys(ESC10(recordings / "esc10").classes, 40)
    assert index["label"].nunique() == 10
    assert index.groupby(["fold", "label"]).size().tolist() == [8] * 50
    assert (index.groupby("group")["fold"].nunique() == 1).all()
    assert index["split"].unique().tolist() == [""]


def esc50_folder(root):
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2):
        rows.append(f"{fold}-100{fold}-A-0.wav,{fold},0,dog,True,100{fold},A")
        rows.append(f"{fold}-200{fold}-B-1.wav,{fold},10,rain,True,200{fold},B")
        rows.append(f"{fold}-300{fold}-A-2.wav,{fold},2,pig,False,300{fold},A")
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "esc50.csv").write_text("\n".join(rows))
    return root


def test_esc50_is_read_from_its_table_and_esc10_is_a_part_of_it(tmp_path):
    whole, part = ESC50(esc50_folder(tmp_path)), ESC10(tmp_path)
    assert (whole.classes, part.classes) == (["dog", "pig", "rain"], ["dog", "rain"])
    assert (len(whole), len(part)) == (6, 4)
    first = whole.index.iloc[0]
    assert first["path"] == str(tmp_path / "audio" / "1-1001-A-0.wav")
    assert (first["group"], first["fold"]) == ("1001", 1)
    assert whole.licence == "CC BY-NC 3.0"
    assert "CC BY 3.0" in part.licence


def test_esc10_of_the_separate_release_has_the_names_of_esc50(tmp_path):
    touch(tmp_path, "001 - Dog bark/1-1001-A.ogg", "001 - Dog bark/LICENSE.txt", "002 - Rain/5-2002-B.ogg",
          "011 - Other/1-1-A.ogg")  # fmt: skip
    index = ESC10(tmp_path).index
    assert index[["label", "group", "fold"]].values.tolist() == [["dog", "1001", 1], ["rain", "2002", 5]]


@pytest.mark.parametrize("kind", [ESC10, ESC50])
def test_an_esc_folder_that_is_none_says_where_to_get_it(tmp_path, kind):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetError, match=r"https://github\.com/karolpiczak/ESC-50"):
            kind(root)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("filename,fold,category\n")
    with pytest.raises(DatasetError, match=r"esc50\.csv: expected the columns .*, found none named esc10, src_file"):
        kind(tmp_path)


# Names


def test_sources_open_what_they_name(tmp_path, small_folder):
    dataset = open_source(f"folder:{small_folder}")
    assert isinstance(dataset, AudioFolder)
    assert (dataset.classes, len(dataset)) == (["high", "low", "middle"], 24)
    assert open_source(f"esc50:{esc50_folder(tmp_path)}").name == "esc50"
    assert open_source(f"esc10:{tmp_path}").name == "esc10"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("esc1:x", "did you mean esc10?"),
        ("songs", "expected a store .*or one of .*folder:DIR"),
        ("folder:", "expected folder:DIR with the folder of the data set"),
        ("strete", "did you mean street?"),
        ("studio:speed=3", r"^studio:speed=3: unknown setting 'speed'; expected tracks=\.\.\., seconds=\.\.\., seed="),
        ("studio:seed=one", "^studio:seed=one: expected seed to be a whole number, found 'one'"),
        ("studio:seconds=long", "expected seconds to be a number, found 'long'"),
        ("studio:tracks", "expected tracks to be a whole number, found ''"),
        ("studio:tracks=0", "expected tracks_per_genre to be a whole number of at least 1, found 0"),
        ("studio:seconds=0", r"expected seconds to be a finite number from 0\.05 to 3600, found 0\.0"),
        ("studio:seconds=nan", "expected seconds to be a finite number from .*, found nan"),
        ("street:seconds=4", r"unknown setting 'seconds'; expected slices=\.\.\., seed="),
        ("street:slices=9", "expected slices_per_class to be a whole number from 10 to 10000, found 9"),
        ("street:seed=-1", "expected seed to be a whole number of at least 0, found -1"),
    ],
)
def test_a_source_that_does_not_fit_is_an_error(source, words):
    with pytest.raises(DatasetError, match=words):
        open_source(source)


def test_a_data_set_of_ones_own_needs_a_table_and_a_few_words():
    index = pd.DataFrame({"path": ["b", "a"], "label": ["y", "x"]})
    dataset = Dataset("mine", index, licence="CC0", citation="me", where="here", protocol="none")
    assert repr(dataset) == "<mine: 2 clips, 2 classes, 2 groups>"
    assert dataset.classes == ["x", "y"]
    assert list(index.columns) == ["path", "label"]  # what was given is not changed
