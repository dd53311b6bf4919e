"""GTZAN: the copies that are about, the ways to divide it, its faults, and folders that do not fit."""

import json
import logging
import os
import re
import shutil

import numpy as np
import pytest

from musiclab import studio
from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import DatasetError
from musiclab.datasets import GTZAN, open_source
from musiclab.datasets.gtzan import GENRES, SPLITS, read_filtered
from musiclab.datasets.splits import by_fold, choose_split
from musiclab.features import load_torchaudio
from musiclab.runs import train

LISTS = {
    part: [track for track, side in read_filtered().items() if side == part] for part in ("train", "valid", "test")
}
CORRUPT = "jazz.00054"


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def tracks(numbers, suffix=".wav", genres=GENRES):
    return [f"{genre}/{genre}.{number:05d}{suffix}" for genre in genres for number in numbers]


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The names of all of GTZAN, without sound."""
    return touch(tmp_path_factory.mktemp("gtzan") / "genres", *tracks(range(100))).parent


@pytest.fixture(scope="session")
def gtzan(tmp_path_factory):
    """A small copy that can be heard, played by Studio: of each genre 3 tracks that train, 1 that validates, 1 that
    tests, 1.1 s long, one as .au; and a corrupt jazz.00054. Its folder has a name to stumble over."""
    root = tmp_path_factory.mktemp("gtzan") / 'it\'s "GTZAN" 🎷 #1, 100 %'
    for genre in GENRES:
        for part, wanted in {"train": 3, "valid": 1, "test": 1}.items():
            listed = [track for track in LISTS[part] if track.startswith(genre) and track != CORRUPT]
            for number, track in enumerate(listed[:wanted]):
                seed = number + 10 * list(LISTS).index(part)
                suffix = ".au" if (genre, part) == ("pop", "test") else ".wav"
                made = studio.render(genre, seed, seconds=1.1)
                save_audio(root / "genres" / genre / f"{track}{suffix}", made.samples, made.sample_rate)
    noise = np.random.default_rng(0).bytes(5000)
    (root / "genres" / "jazz" / f"{CORRUPT}.wav").write_bytes(noise)
    return root


# The ways to divide it


def test_the_filtered_lists_are_those_of_torchaudio():
    theirs = load_torchaudio().datasets.gtzan
    assert LISTS == {part: getattr(theirs, f"filtered_{part}") for part in LISTS}


@pytest.mark.parametrize(
    ("split", "sizes", "classes"), [("filtered", (443, 197, 290), 10), ("filtered8", (353, 150, 227), 8)]
)
def test_the_fault_filtered_split(whole, split, sizes, classes):
    dataset = GTZAN(whole, split)
    parts = {part: set(rows["group"]) for part, rows in dataset.index.groupby("split")}
    assert tuple(len(parts[part]) for part in LISTS) == sizes
    for part, listed in LISTS.items():
        left_out = () if split == "filtered" else ("blues", "rock")
        assert parts[part] == {track for track in listed if not track.startswith(left_out)}
    assert len(dataset.classes) == classes
    assert dataset.missing == []
    assert CORRUPT in parts["train"]
    assert all(f"{size} " in dataset.protocol for size in sizes)
    assert dataset.notes == [
        f"found 1000 of 1000 tracks; the split {split} uses {sum(sizes)} of them"
    ]  # fmt: skip
    chosen = choose_split(dataset.index)
    assert (len(chosen.train), len(chosen.valid), len(chosen.test)) == sizes


def test_ten_folds_by_track(whole):
    index = GTZAN(whole, "kfold").index
    assert index.groupby(["fold", "label"]).size().to_dict() == {
        (fold, genre): 10 for fold in range(1, 11) for genre in GENRES
    }
    assert index["group"].is_unique
    assert (index["split"] == "").all()
    assert GTZAN(whole, "kfold").index.equals(index)  # the same at every call
    assert len(by_fold(index, 3, 4).train) == 800


def test_a_random_split_must_be_asked_for_and_warns(whole, recwarn):
    for split in set(SPLITS) - {"random"}:
        GTZAN(whole, split)
    assert not recwarn.list
    with pytest.warns(
        UserWarning, match=r"training and test set share artists and exact repeats.*use the split filtered"
    ) as told:
        dataset = GTZAN(whole, "random")
    assert told[0].filename == __file__  # where it was asked for
    sizes = dataset.index.groupby(["split", "label"]).size()
    assert {part: set(sizes[part]) for part in LISTS} == {"train": {60}, "valid": {20}, "test": {20}}
    assert "too optimistic" in dataset.protocol


# The copies that are about


@pytest.mark.parametrize("suffix", [".wav", ".au", ".WAV"])
@pytest.mark.parametrize("folder", ["genres", "genres_original", "Data/genres_original", "."])
def test_every_layout_gives_the_same_table(tmp_path, folder, suffix):
    touch(tmp_path / folder, *tracks([7, 8], suffix))
    index = GTZAN(tmp_path, "kfold").index
    assert index["group"].tolist() == [f"{genre}.{number:05d}" for genre in GENRES for number in (7, 8)]
    assert index["label"].tolist() == np.repeat(GENRES, 2).tolist()
    assert index["path"].iloc[0] == str(tmp_path / folder / "blues" / f"blues.00007{suffix}")


def test_a_track_in_both_formats_is_taken_once(tmp_path):
    touch(tmp_path / "genres", *tracks([7, 8], ".au"), *tracks([7], ".wav"))
    names = [path.rpartition("/")[2] for path in GTZAN(tmp_path, "kfold").index["path"]]
    assert names[:2] == ["blues.00007.wav", "blues.00008.au"]
    assert len(names) == 20


def test_a_partial_copy_works_and_says_how_much_it_is(gtzan):
    dataset = GTZAN(gtzan)
    assert len(dataset) == 51
    assert dataset.index["split"].value_counts().to_dict() == {"train": 31, "valid": 10, "test": 10}
    assert dataset.notes[0] == "found 51 of 1000 tracks; the split filtered uses 51 of them"
    assert dataset.notes[1].startswith("879 of the 930 tracks of the split are missing, such as blues.")
    assert len(dataset.missing) == 879
    assert GTZAN(gtzan, "filtered8").classes == [genre for genre in GENRES if genre not in ("blues", "rock")]
    assert len(GTZAN(gtzan, "kfold").missing) == 949
    assert GTZAN(gtzan, "kfold").index["fold"].max() == 5  # as many folds as the smallest genre has tracks


def test_only_tracks_are_taken(tmp_path):
    touch(tmp_path / "genres", *tracks([7, 8]))
    blues = tmp_path / "genres" / "blues"
    touch(blues, "._blues.00007.wav", "blues.00009.mf", "blues.00010.mp3", "blues.00100.wav", "jazz.00011.wav", "x.wav")
    (blues / "blues.00012.wav").mkdir()
    (blues / "blues.00013.wav").symlink_to("blues.00013.wav")  # a loop
    (blues / "blues.00014.wav").symlink_to("gone.wav")
    (blues / "blues.00015.wav").symlink_to("blues.00007.wav")
    (blues / "again").symlink_to(tmp_path)
    (tmp_path / "genres" / "polka").symlink_to("polka")
    (blues / os.fsdecode(b"blues.\xff0016.wav")).touch()
    names = [path.rpartition("/")[2] for path in GTZAN(tmp_path, "kfold").index["path"] if "/blues/" in path]
    assert names == ["blues.00007.wav", "blues.00008.wav", "blues.00015.wav"]


# From the folder to the model


def test_an_au_file_is_heard(gtzan):
    (path,) = [path for path in GTZAN(gtzan).index["path"] if path.endswith(".au")]
    waveform, sample_rate = load_audio(path)
    assert (len(waveform), sample_rate) == (24255, 22050)
    assert np.abs(waveform).max() > 0.1


def test_a_training_lists_the_corrupt_track_and_goes_on(gtzan, command, caplog, tmp_path):
    done = command("train", "cnn", f"gtzan:{gtzan}", "--out", tmp_path / "run", "--size", "width=4", "--epochs", 1,
                   "--device", "cpu", "--json")  # fmt: skip
    assert done.status == 0
    left_out = re.search(r"1 file could not be read and is left out:\n  (.*)", caplog.text)[1]
    assert left_out.startswith(str(gtzan / "genres" / "jazz" / f"{CORRUPT}.wav"))
    assert "cannot be decoded" in left_out
    summary = json.loads(done.out.splitlines()[-1])
    assert summary["n"] == 10
    assert summary["classes"] == list(GENRES)
    assert summary["data"]["name"] == "gtzan-filtered"
    assert summary["data"]["licence"].startswith("none")
    tested = json.loads((tmp_path / "run" / "model.json").read_text(encoding="utf-8"))["test_paths"]
    assert {re.search(r"([a-z]+\.\d+)\.(wav|au)$", path)[1] for path in tested} <= set(LISTS["test"])


def test_eight_genres_in_segments_of_64_frames(gtzan, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    sizes = {"width": 4, "frames": 64}
    run = train("cnn", f"gtzan-filtered8:{gtzan}", show_progress=False, epochs=1, device="cpu", **sizes)
    assert (run.result.n, len(run.settings.classes)) == (8, 8)
    assert run.settings.split == "as the index says"


def test_the_help_names_the_sources(command):
    for name in ("prepare", "train", "crossval", "evaluate"):
        text = command(name, "--help").out
        assert "gtzan:DIR" in text
        assert "urbansound8k:DIR" in text


def test_the_sources_and_what_they_say(gtzan, caplog):
    caplog.set_level(logging.INFO)
    assert open_source(f"gtzan:{gtzan}").name == open_source(f"gtzan-filtered:{gtzan}").name == "gtzan-filtered"
    assert f"gtzan:{gtzan}: found 51 of 1000 tracks" in caplog.text
    assert open_source(f"gtzan-filtered8:{gtzan}").name == "gtzan-filtered8"
    assert open_source(f"gtzan-kfold:{gtzan}").name == "gtzan-kfold"
    with pytest.warns(UserWarning, match="random"):
        assert open_source(f"gtzan-random:{gtzan}").name == "gtzan-random"


# What does not fit


@pytest.mark.parametrize(
    ("names", "split", "words"),
    [
        (
            ["notes.txt"],
            "filtered",
            r"expected tracks such as genres/blues/blues\.00000\.wav \(or \.au\), found none\. ",
        ),
        (tracks([7]), "halves", "expected a split of GTZAN among filtered, filtered8, kfold, random, found 'halves'"),
        (
            tracks([12], genres=["blues"]),
            "filtered8",
            r"none of the 1 tracks, such as .*blues\.00012\.wav, are in the filtered split",
        ),
        (tracks([7]), "kfold", "expected at least 2 tracks of each genre, found 1 of blues"),
        (tracks([7, 8]), "random", "expected at least 3 tracks of each genre, found 2 of blues"),
    ],
)
@pytest.mark.filterwarnings("ignore:gtzan. a random split")
def test_a_folder_that_does_not_fit_is_an_error(tmp_path, names, split, words):
    touch(tmp_path, *names)
    with pytest.raises(DatasetError, match=words):
        GTZAN(tmp_path, split)


def test_a_folder_that_is_not_there_says_where_to_get_the_data(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for name in ("none", "loop"):
        with pytest.raises(DatasetError, match=f"{name}: no such folder; expected GTZAN.*musiclab download gtzan DIR"):
            GTZAN(tmp_path / name)


def test_a_folder_whose_name_is_not_in_utf8_is_named(command, tmp_path):
    root = tmp_path / os.fsdecode(b"m\xfcsik")
    touch(root, *tracks([7, 8]))
    done = command("train", "cnn", f"gtzan-kfold:{root}", "--out", tmp_path / "run")
    assert done.status == 2
    assert "/m\\udcfcsik/blues/blues.00007.wav: the name is not valid UTF-8" in done.err
    assert "rename" in done.err


def test_a_genre_that_is_only_tested_is_named(gtzan, tmp_path):
    copy = shutil.copytree(gtzan, tmp_path / "copy")
    for track in LISTS["train"]:
        if track.startswith("reggae"):
            (copy / "genres" / "reggae" / f"{track}.wav").unlink(missing_ok=True)
    with pytest.raises(DatasetError, match="there are no training clips of reggae"):
        choose_split(GTZAN(copy).index)
