"""Data sets: index tables, folders, ESC-10 and ESC-50, and how they are named."""

import logging
import os
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from musiclab.audio import SUFFIXES, WRITABLE, load_audio, resample
from musiclab.core.errors import DatasetError
from musiclab.datasets import ESC10, ESC50, AudioFolder, Dataset, check_index, open_source
from musiclab.datasets.base import COLUMNS
from musiclab.datasets.splits import by_group


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
        ({"label": None}, r"expected the columns path, label, but label is missing\. Add them"),
        ({"path": None}, "but path is missing"),
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


def groups_of(root, **settings):
    """Label and group by path."""
    rows = AudioFolder(root, **settings).index.itertuples()
    return {os.path.relpath(row.path, root).replace(os.sep, "/"): (row.label, row.group) for row in rows}


def test_subfolders_are_labels_and_the_folders_in_them_groups(tmp_path):
    touch(tmp_path, "jazz/miles/1.wav", "jazz/miles/2.flac", "jazz/3.ogg", "rock/queen/live/4.mp3", "rock/notes.txt")
    dataset = AudioFolder(tmp_path)
    assert dataset.classes == ["jazz", "rock"]
    assert groups_of(tmp_path) == {
        "jazz/3.ogg": ("jazz", "jazz/3.ogg"),
        "jazz/miles/1.wav": ("jazz", "jazz/miles"),
        "jazz/miles/2.flac": ("jazz", "jazz/miles"),
        "rock/queen/live/4.mp3": ("rock", "rock/queen"),
    }
    assert dataset.notes == [
        "groups are the folders 1 level below the labels, including all their subfolders (1 subfolder, such as "
        "rock/queen/live); to group one level deeper, use folder:DIR,group=2",
        "no folder of a group for 1 clip, such as jazz/3.ogg, so each is a group of its own, and clips of the same "
        "artist can be in both the training and the test set; put the clips of each artist into a folder, or write "
        "index.csv",
    ]
    assert dataset.describe() | {"where": "", "licence": ""} == {
        "name": f"folder:{tmp_path.name}", "licence": "", "citation": "none", "where": "",
        "protocol": "none: split by group", "generated": False, "validates": False,
    }  # fmt: skip


def test_albums_of_one_artist_are_one_group_unless_one_wants_it_otherwise(tmp_path):
    touch(tmp_path, *(f"pop/{artist}/CD{album}/{n}.wav" for artist in "abcd" for album in (1, 2) for n in (1, 2)))
    touch(tmp_path, *(f"folk/{artist}/CD1/disc{disc}/1.wav" for artist in "efg" for disc in (1, 2)), "folk/h.wav")
    artists = {path: "/".join(path.split("/")[:2]) for path in groups_of(tmp_path)}
    assert {path: group for path, (_, group) in groups_of(tmp_path).items()} == artists  # CD1 is no artist
    split = by_group(AudioFolder(tmp_path).index)
    sides = [set(AudioFolder(tmp_path).index["group"].iloc[rows]) for rows in (split.train, split.valid, split.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 8
    albums = groups_of(tmp_path, group_level=2)
    assert albums["pop/a/CD1/1.wav"] == ("pop", "pop/a/CD1")
    assert albums["folk/e/CD1/disc2/1.wav"] == ("folk", "folk/e/CD1")
    assert albums["folk/h.wav"] == ("folk", "folk/h.wav")
    assert len({group for _, group in albums.values()}) == 4 * 2 + 3 + 1
    for level, count in ((1, 8), (2, 12), (3, 15), (9, 15)):
        assert open_source(f"folder:{tmp_path},group={level}").index["group"].nunique() == count


def test_an_artist_under_two_labels_is_two_groups_and_a_note_says_so(tmp_path):
    touch(tmp_path, "happy/Ann/1.wav", "happy/Bob/1.wav", "sad/Ann/2.wav", "sad/Ann/deep/3.wav", "sad/Cy/1.wav")
    touch(tmp_path, "happy/Rene\u0301/1.wav", "sad/Ren\u00e9/1.wav")  # one name, coded in two ways
    groups = {path: group for path, (_, group) in groups_of(tmp_path).items()}
    assert groups["happy/Ann/1.wav"] == "happy/Ann"
    assert groups["sad/Ann/2.wav"] == groups["sad/Ann/deep/3.wav"] == "sad/Ann"
    assert groups["happy/Rene\u0301/1.wav"] == "happy/Ren\u00e9"
    assert groups["happy/Bob/1.wav"] == "happy/Bob"
    words = "folders with the same name under different labels are separate groups: 2 names, such as Ann; if"
    assert any(note.startswith(words) for note in AudioFolder(tmp_path).notes)


def test_a_table_whose_groups_differ_only_in_the_label_gets_a_note(tmp_path):
    touch(tmp_path, "a/Ann/1.wav", "b/Ann/1.wav", "a/same.wav", "b/same.wav")
    table = (
        "path,label,group\na/Ann/1.wav,a,a/Ann\nb/Ann/1.wav,b,b/Ann\na/same.wav,a,a/same.wav\nb/same.wav,b,b/same.wav\n"
    )
    (tmp_path / "index.csv").write_text(table)
    (note,) = AudioFolder(tmp_path).notes
    assert "groups that differ only in the label are separate groups: 1 name, such as Ann; if" in note
    (tmp_path / "index.csv").write_text(table.replace(",a/Ann", ",Ann").replace(",b/Ann", ",Ann"))
    assert AudioFolder(tmp_path).notes == []


def test_labels_that_look_the_same_are_one_class(tmp_path):
    touch(tmp_path, "cafe\u0301/a.wav", "caf\u00e9/b.wav")
    assert AudioFolder(tmp_path).classes == ["caf\u00e9"]


def test_a_level_that_does_not_fit_is_an_error(tmp_path):
    touch(tmp_path, "data/jazz/1.wav", "data,group=2/rock/1.wav", "table/a.wav")
    (tmp_path / "table" / "index.csv").write_text("path,label\na.wav,x\n")
    for level, words in {"0": "group to be a whole number of at least 1, found 0", "two": "found 'two'"}.items():
        with pytest.raises(DatasetError, match=words):
            open_source(f"folder:{tmp_path}/data,group={level}")
    assert open_source(f"folder:{tmp_path}/data,group=2").classes == ["rock"]  # a folder of that very name
    with pytest.raises(DatasetError, match=r"index\.csv: group=2 cannot be combined with a table"):
        open_source(f"folder:{tmp_path}/table,group=2")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("jazz/Miles", "rock/miles"),
        ("jazz/The Beatles", "jazz/Beatles, The"),
        ("jazz/Ann_B", "jazz/Ann B"),
        ("jazz/Ella", "jazz/Ella feat. Louis"),
        ("jazz/Miles Davis - Kind of Blue", "rock/miles davis - Live"),
        ("jazz/Björk", "jazz/BJÖRK"),
    ],
)
def test_groups_with_similar_names_are_told(first, second, tmp_path):
    others = (
        "jazz/Nina/1.wav",
        "jazz/Nina 2/1.wav",
        "rock/Queen/1.wav",
        "rock/01 - Abba/1.wav",
        "rock/01 - Toto/1.wav",
    )
    touch(tmp_path, f"{first}/1.wav", f"{second}/2.wav", *others)
    names = [unicodedata.normalize("NFC", name).split("/")[1] for name in sorted((first, second))]
    (note,) = AudioFolder(tmp_path).notes
    assert note.startswith("folders with similar names are separate groups: 1 pair, such as ")
    assert all(repr(name) in note for name in names)
    lines = "".join(f'"{name}/{number}.wav",{name[:4]},"{name[5:]}"\n' for number, name in ((1, first), (2, second)))
    (tmp_path / "index.csv").write_text(f"path,label,group\n{lines}rock/Queen/1.wav,rock,Queen\n", encoding="utf-8")
    (note,) = AudioFolder(tmp_path).notes
    assert "index.csv: groups with similar names are separate groups: 1 pair" in note


@pytest.mark.parametrize(
    ("table", "note"),
    [
        (
            "path,label,group\na.wav,x,ann\nb.wav,y,\nc.wav,y,bob",
            r"no group for 1 clip, such as b\.wav, so each is a gr",
        ),
        ("path,label,group,fold\na.wav,x,ann,1\nb.wav,y,cy,0\nc.wav,y,bob,2", r"fold 0 means no fold, so 1 clip, such"),
        (
            "path,label,group,Fold\na.wav,x,ann,1\nb.wav,y,cy,1\nc.wav,y,bob,2",
            r"column 'Fold' is ignored; write 'fold'",
        ),
    ],
)
def test_gaps_of_a_table_are_told(table, note, tmp_path):
    touch(tmp_path, "a.wav", "b.wav", "c.wav")
    (tmp_path / "index.csv").write_text(table)
    (found,) = AudioFolder(tmp_path).notes
    assert re.search(note, found)


def test_what_is_left_out_is_said(tmp_path, caplog):
    touch(tmp_path, "loose.wav", "jazz/ann/1.wav", "jazz/memo.m4a", "jazz/Clip.WEBM", "pop/song.wma", "cover.jpg")
    (tmp_path / "jazz" / "again").symlink_to(tmp_path)
    caplog.set_level(logging.INFO)
    dataset = open_source(f"folder:{tmp_path}")
    assert len(dataset) == 1
    empty, to_convert, loose, links = dataset.notes
    assert empty.startswith(f"{tmp_path}/pop: no audio files (.wav, ")
    assert to_convert == (
        "left out, because the format is not supported: 3 files, such as jazz/Clip.WEBM; "
        "convert them first, for example with `ffmpeg -i song.m4a song.wav`"
    )
    assert loose == "left out, because they are not in the folder of a label: 1 file, such as loose.wav"
    assert links == "left out, because links to folders are not followed: 1 link, such as jazz/again"
    assert all(f"folder:{tmp_path}: {note}" in caplog.text for note in dataset.notes)
    (tmp_path / "jazz" / "ann" / "1.wav").unlink()
    with pytest.raises(DatasetError, match=r"found none but 3 files, such as jazz/Clip\.WEBM; convert them first, "):
        AudioFolder(tmp_path)


def test_hidden_folders_are_no_classes_and_no_data(tmp_path):
    touch(tmp_path, "jazz/miles/1.wav", "rock/queen/1.wav")
    names = (".git", ".ipynb_checkpoints", ".AppleDouble", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "#recycle")
    for name in names:
        touch(tmp_path, f"{name}/x.wav", f"jazz/{name}/x.wav", f"jazz/miles/{name}/deep/x.wav", f"{name}/y.m4a")
    touch(tmp_path, "jazz/._1.wav", "rock/.trash/a/b.wav", "rock/..wav")
    dataset = AudioFolder(tmp_path)
    assert dataset.classes == ["jazz", "rock"]
    assert (len(dataset), dataset.notes) == (2, [])
    hidden = tmp_path / ".cache" / "sounds"
    touch(hidden, "jazz/1.wav")
    assert len(AudioFolder(hidden)) == 1  # what is named is meant


def test_a_folder_alone_names_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(touch(tmp_path, "own/jazz/miles/live/1.wav", "studio/x/1.wav"))
    assert open_source("own").name == "folder:own"
    assert open_source(str(tmp_path / "own")).index["group"].tolist() == ["jazz/miles"]
    assert open_source("own,group=2").index["group"].tolist() == ["jazz/miles/live"]
    with pytest.raises(DatasetError, match=r"^onw: expected a store"):
        open_source("onw")


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix not in WRITABLE])
def test_every_ending_that_is_not_written_here_is_read(tmp_path, tone, suffix):
    kinds = {".opus": "OGG", ".oga": "OGG", ".aifc": "AIFF", ".snd": "AU", ".bwf": "WAVEX", ".sph": "NIST"}
    path = tmp_path / "x" / f"tone{suffix.upper()}"
    path.parent.mkdir()
    subtype = "OPUS" if suffix == ".opus" else None
    waveform = resample(tone, 22050, 48000)
    soundfile.write(path, waveform, 48000, subtype, format=kinds.get(suffix, suffix[1:].upper()))
    (found,) = AudioFolder(tmp_path).index["path"]
    heard, rate = load_audio(found, None)
    assert (len(heard), rate) == (48000, 48000)
    np.testing.assert_allclose(heard[4800:-4800], waveform[4800:-4800], atol=0.03)


# A folder with a table


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
        (b"path,label\na.wav,x,y,z\n", r"index\.csv: expected 2 cells, found 4 \(put cells .* in line 2$"),
        (b"path,label\na.wav,x\n\n\n,y\n", r"index\.csv: expected a path in every row, found none in line 5"),
        (b"path,label\na.wav,x\nb.wav, \n", r"expected a label for every clip, found none for .*b\.wav in line 3"),
        (b"path,label\na.wav,x\n./a.wav,y\n", r"expected each path once, found .*a\.wav more than once .* in line 3"),
        (b'path,label\na.wav,x\n"b.wav,y\nc.wav,z\n', r"closed quotation marks, found unexpected end .* in line 3"),
        (b"path,label\n" + b"a" * 10_000_000 + b",x\n", r"found field larger than field limit .* in line 2"),
        (b"path,label\na\0.wav,x\n", "expected text, found a NUL character in line 2"),
        (b"path,label,label\na.wav,x,y\n", "the column 'label' appears more than once"),
        ("path,label\na.wav,x\n".encode("utf-16"), "expected a CSV file in UTF-8, found UTF-16; save it as UTF-8"),
        (b"path,label,fold\na.wav,x,1e400\n", "fold must be a whole number .*, found '1e400' in line 2"),
        (b"path,label,split\na.wav,x,Test!\n", r"split must be .*, found \['Test!'\] in line 2"),
        (
            b"path,label\nno.wav,x\n",
            r"none of the listed files exist \(1 file, such as .*no\.wav in line 2\)",
        ),
        (b"file,label\na.wav,x\n", "expected the columns path, label, but path is missing"),
        (b"path,label\n", "expected at least one clip"),
    ],
)
def test_an_index_csv_that_does_not_fit_is_an_error(tmp_path, content, words):
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=words):
        AudioFolder(tmp_path)


def table_of(root, text):
    """The index of a folder with a.wav, b.wav and sub/c.wav, and this ``index.csv``."""
    touch(root, "a.wav", "b.wav", "sub/c.wav")
    (root / "index.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return AudioFolder(root)


@pytest.mark.parametrize(
    "text",
    [
        "path,label,group\na.wav,x,g\nb.wav,y,\nsub/c.wav,x,g\n",
        "\ufeffpath,label,group\r\na.wav,x,g\r\nb.wav,y,\r\nsub/c.wav,x,g\r\n,,\r\n",
        "path;label;group\na.wav;x;g\nb.wav;y\nsub/c.wav;x;g\n;;\n",
        "sep=;\npath;label;group\na.wav;x;g\nb.wav;y\nsub/c.wav;x;g\n",
        "path\tlabel\tgroup\na.wav\tx\tg\nb.wav\ty\t\nsub/c.wav\tx\tg",
        '\n\n path , label,group \n"a.wav", "x", "g"\n"b.wav", "y", ""\n"sub/c.wav", "x", "g"\n\n',
        "number,label,group,path,,\r1,x ,g,a.wav,,\r2, y,,b.wav,,\r3,x, g,./sub//c.wav,,\r",
        "path,label,group\na.wav,x,g\nb.wav,y,\nsub\\c.wav,x,g\n,\n",
    ],
)
def test_tables_are_read_whatever_program_wrote_them(tmp_path, text):
    index = table_of(tmp_path, text).index
    assert index["path"].tolist() == [f"{tmp_path}/{name}" for name in ("a.wav", "b.wav", "sub/c.wav")]
    assert index["label"].tolist() == ["x", "y", "x"]
    assert index["group"].tolist() == ["g", f"{tmp_path}/b.wav", "g"]
    assert list(index.columns) == list(COLUMNS)  # nothing that a store could take for a column of its own


def test_names_that_mean_missing_elsewhere_are_names(tmp_path):
    rows = "a.wav,None,NA\nb.wav,null,nan\nsub/c.wav,NA,NA\n"
    index = table_of(tmp_path, f"path,label,group\n{rows}").index
    assert index["label"].tolist() == ["None", "null", "NA"]
    assert index["group"].tolist() == ["NA", "nan", "NA"]


@pytest.mark.parametrize(("in_table", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_letters_that_look_the_same_are_the_same(tmp_path, in_table, on_disk):
    name = "d\u00f6rr/\u00e9t\u00e9.wav"
    path = tmp_path / unicodedata.normalize(on_disk, name)
    table_of(tmp_path, f"path,label\n{unicodedata.normalize(in_table, name)},x\n") if touch(
        path.parent, path.name
    ) else 0
    assert AudioFolder(tmp_path).index["path"].tolist() == [str(path)]


def test_absolute_paths_and_files_elsewhere(tmp_path):
    touch(tmp_path, "out/d.wav")
    index = table_of(tmp_path / "own", f"path,label\n{tmp_path}/own/a.wav,x\n../out/d.wav,y\n").index
    assert index["path"].tolist() == [f"{tmp_path}/own/a.wav", f"{tmp_path}/out/d.wav"]


def test_all_faults_of_a_table_are_named_at_once(tmp_path):
    text = (
        "path,label,fold,split\na.wav,x,1,\n,x,1,\na.wav,y,1,\nb.wav,,1,\nsub/c.wav,x,none,\nd.wav,x,1,exam\n"
        "e.wav,x,1,,more\n"
    )
    with pytest.raises(DatasetError) as raised:
        table_of(tmp_path, text)
    first, *faults = str(raised.value).splitlines()
    assert first == f"{tmp_path}/index.csv: 6 faults:"
    assert sorted(fault.rpartition(" ")[2] for fault in faults) == ["3", "4", "5", "6", "7", "8"]
    with pytest.raises(DatasetError) as raised:
        table_of(tmp_path, "path,label\n" + "a.wav,\n" * 5000)
    lines = str(raised.value).splitlines()
    assert (lines[0], lines[-1]) == (f"{tmp_path}/index.csv: 5,001 faults:", "  and 4,991 more")
    assert len(lines) == 12


@pytest.mark.skipif(Path(__file__.upper()).exists(), reason="this file system ignores capitals")
def test_a_table_with_capitals_in_its_name_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.wav").touch()
    (tmp_path / "Index.CSV").write_text("path,label\na/1.wav,a\n")
    with pytest.raises(
        DatasetError, match=r"Index\.CSV: a table with this name is ignored\. Rename it to index\.csv\."
    ):
        AudioFolder(tmp_path)


def test_a_table_in_another_encoding_is_named_with_its_lines(tmp_path):
    with pytest.raises(DatasetError) as raised:
        table_of(tmp_path, "path,label\na.wav,x\nb.wav,d\u00f6rr\nsub/c.wav,k\u00f6tt\n".encode("cp1252"))
    assert str(raised.value) == (
        f"{tmp_path}/index.csv: expected a CSV file in UTF-8, found b'd\\xf6rr' in line 3 and in 1 other line; "
        "save the table as UTF-8"
    )


def test_what_a_table_does_not_say_is_a_note(tmp_path):
    dataset = table_of(tmp_path, "path,label\na.wav,x\ngone.wav,x\n")
    assert dataset.notes == [
        f"{tmp_path}/index.csv lists files that do not exist: 1 file, such as {tmp_path}/gone.wav in line 3",
        f"{tmp_path}/index.csv has no column group, so each clip is a group of its own, and clips of the same artist "
        "can be in both the training and the test set",
    ]
    assert table_of(tmp_path, "path,label,group\na.wav,x,g\n").notes == []
    assert table_of(tmp_path, "path,label,fold\na.wav,x,1\n").notes == []  # somebody has thought of a protocol


def test_a_table_that_is_a_folder_is_an_error(tmp_path):
    (tmp_path / "index.csv").mkdir()
    with pytest.raises(DatasetError, match=r"index\.csv: the table cannot be read \(Is a directory\)"):
        AudioFolder(tmp_path)


def test_folders_that_are_not_there_or_hold_no_sound(tmp_path):
    touch(tmp_path, "a-file", "silent/jazz/notes.txt", "flat/song.wav")
    what_to_do = r"Create one subfolder per class.*DIR/<label>/song\.wav"
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


def test_the_faults_of_the_table_of_esc50_are_named_at_once(tmp_path):
    table = esc50_folder(tmp_path) / "meta" / "esc50.csv"
    header, *rows = table.read_text().splitlines()
    rows[1] = rows[1].replace(",1,10", ",6,10")
    rows[2] = rows[2].replace("False", "no")
    rows[3] = rows[3].replace("dog", "")
    table.write_text("\n".join([header, *rows]))
    with pytest.raises(DatasetError) as raised:
        ESC10(tmp_path)
    assert str(raised.value).splitlines()[:4] == [
        f"{table}: 3 faults:",
        "  expected a category in every row, found none in line 5",
        "  expected a fold from 1 to 5 in every row, found '6' in line 3",
        "  expected esc10 to be True or False, found 'no' in line 4. Get it from https://github.com/karolpiczak/ESC-50 "
        "(the folder that contains audio/ and meta/esc50.csv).",
    ]


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
    with pytest.raises(DatasetError, match=r"esc50\.csv: expected the columns .*, but esc10, src_file is missing"):
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
        ("folder:", "the folder is missing; write folder:DIR with the folder of the data set"),
        ("strete", "did you mean street?"),
        ("studio:speed=3", r"^studio:speed=3: unknown setting 'speed'; use tracks=\.\.\., seconds=\.\.\., seed="),
        ("studio:seed=one", "^studio:seed=one: expected seed to be a whole number, found 'one'"),
        ("studio:seconds=long", "expected seconds to be a number, found 'long'"),
        ("studio:tracks", "expected tracks to be a whole number, found ''"),
        ("studio:tracks=0", "expected tracks_per_genre to be a whole number of at least 1, found 0"),
        ("studio:seconds=0", r"expected seconds to be a finite number from 0\.05 to 3600, found 0\.0"),
        ("studio:seconds=nan", "expected seconds to be a finite number from .*, found nan"),
        ("street:seconds=4", r"unknown setting 'seconds'; use slices=\.\.\., seed="),
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
