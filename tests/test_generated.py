"""Generated data sets: the tables of Studio and Street, and files that are rendered once, whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musiclab import studio
from musiclab.audio import load_audio
from musiclab.datasets import Street, Studio, open_source
from musiclab.datasets.base import COLUMNS
from musiclab.datasets.generated import _make_slices, _make_track, render_once
from musiclab.studio import street

MOST_ARTISTS = max(len(studio.artists(genre)) for genre in studio.GENRES)


@pytest.fixture(scope="module")
def few_tracks():
    return Studio(tracks_per_genre=1, seconds=0.5, workers=1)


@pytest.fixture(scope="module")
def small_street(tmp_path_factory):
    """A function: Street of three recordings, since all hundred of its smallest size would take half a minute."""
    whole, folder = street.catalogue, tmp_path_factory.mktemp("street")

    def part(*settings):
        table = whole(*settings)
        barks = table[table["class"] == "dog_bark"]
        longest = barks["fsID"].value_counts().index[0]
        others = table[table["class"].isin(["gun_shot", "siren"])].groupby("class").head(1)
        return pd.concat([others, barks[barks["fsID"] == longest]], ignore_index=True)

    def make():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MUSICLAB_CACHE", str(folder))  # no other test finds the part and takes it for the whole
            patch.setenv("LOKY_MAX_CPU_COUNT", "1")  # as few as these are not worth a pool of processes
            patch.setattr(street, "catalogue", part)
            return open_source("street:slices=20,seed=3")

    return make


@pytest.fixture(scope="module")
def few_slices(small_street):
    return small_street()


@pytest.fixture
def silent(monkeypatch, tmp_path):
    """Studio and Street play nothing, into a cache of their own: for tests of tables, not of sound."""

    def silent_track(genre, seed, artist, seconds):
        return studio.Track(np.zeros(8, np.int16), studio.SAMPLE_RATE, {})

    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(studio, "render", silent_track)
    monkeypatch.setattr(street, "render_slices", lambda rows, seed: [np.zeros(8, np.int16)] * len(rows))


def contents(folder):
    """Bytes of every file below a folder, by relative path."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_studio_has_ten_genres_and_groups_by_artist(few_tracks):
    assert few_tracks.generated
    assert "not a benchmark" in few_tracks.protocol
    assert repr(few_tracks) == "<studio: 10 clips, 10 classes, 10 groups>"
    assert few_tracks.classes == sorted(studio.GENRES)
    entries = pd.DataFrame(studio.catalogue(1, 0.5))
    assert list(few_tracks.index.columns) == [*COLUMNS, "seed"]
    assert few_tracks.index["label"].tolist() == entries["genre"].tolist()
    assert few_tracks.index["group"].tolist() == entries["artist"].tolist()
    assert few_tracks.index["seed"].tolist() == entries["seed"].tolist()
    assert few_tracks.index["fold"].unique().tolist() == [0]
    assert few_tracks.index["split"].unique().tolist() == [""]


def test_a_file_of_studio_is_the_track_and_its_record_is_beside_it(few_tracks):
    for clip in (0, 7):
        row = few_tracks.index.iloc[clip]
        track = studio.render(row["label"], int(row["seed"]), seconds=0.5)
        waveform, rate = load_audio(row["path"], sample_rate=None)
        assert rate == track.sample_rate
        np.testing.assert_array_equal(waveform, track.waveform)
        record = few_tracks.record(clip)
        assert (record["genre"], record["artist"], record["seed"]) == (row["label"], row["group"], row["seed"])
        assert record["tempo"] == pytest.approx(track.record["tempo"])
        assert record["beats"] == pytest.approx(track.record["beats"])
        assert {"key", "chords", "instruments"} <= set(record)


@pytest.mark.usefixtures("silent")
def test_tracks_of_studio_share_their_artists():
    index = Studio(tracks_per_genre=2 * MOST_ARTISTS, seconds=0.1, workers=1).index
    groups = index.groupby("group")
    assert (groups["label"].nunique() == 1).all()
    assert groups.ngroups == sum(len(studio.artists(genre)) for genre in studio.GENRES)
    assert groups.size().min() >= 2


def test_what_is_in_the_cache_is_not_rendered_again(few_tracks, few_slices, small_street, monkeypatch):
    monkeypatch.setattr(studio, "render", None)  # whoever plays now, fails
    monkeypatch.setattr(street, "render_slices", None)
    assert Studio(tracks_per_genre=1, seconds=0.5, workers=1).index.equals(few_tracks.index)
    assert open_source("studio:tracks=1,seconds=0.5,seed=0").index.equals(few_tracks.index)
    assert small_street().index.equals(few_slices.index)
    with pytest.raises(TypeError):
        Studio(tracks_per_genre=1, seconds=0.5, seed=1, workers=1)  # another set


@pytest.mark.usefixtures("silent")
def test_six_seconds_are_six_seconds():
    assert Studio(1, seconds=6, workers=1).index.equals(Studio(1, seconds=6.0, workers=1).index)


@pytest.mark.usefixtures("silent")
def test_another_seed_is_another_set_by_the_same_artists(few_tracks):
    other = Studio(tracks_per_genre=1, seconds=0.5, seed=MOST_ARTISTS, workers=1).index
    assert set(other["path"]).isdisjoint(few_tracks.index["path"])
    assert set(other["seed"]).isdisjoint(few_tracks.index["seed"])
    for genre, artist in zip(other["label"], other["group"], strict=True):
        assert artist in {player.name for player in studio.artists(genre)}


def test_street_has_the_table_of_urbansound_and_groups_by_recording(few_slices):
    assert few_slices.generated
    index = few_slices.index
    assert list(index.columns) == [*COLUMNS, *(name for name in street.COLUMNS if name != "fold")]
    assert few_slices.classes == ["dog_bark", "gun_shot", "siren"]
    assert index["label"].tolist() == index["class"].tolist()
    assert index["group"].tolist() == index["fsID"].astype(str).tolist()
    assert (index.groupby("group")["fold"].nunique() == 1).all()
    assert index["fold"].between(1, 10).all()
    assert index["group"].value_counts().max() > 1  # several slices of one recording
    for row in index.itertuples():
        assert row.path.endswith(f"/fold{row.fold}/{row.slice_file_name}")


def test_the_files_of_street_are_the_slices_of_its_table(few_slices):
    index = few_slices.index
    for row in index.itertuples():
        waveform, rate = load_audio(row.path, sample_rate=None)
        assert rate == street.SAMPLE_RATE
        assert len(waveform) == round((row.end - row.start) * rate)
    np.testing.assert_array_equal(waveform * 32768, street.render_slices(index.tail(1), seed=3)[0])


@pytest.mark.usefixtures("silent")
def test_every_fold_of_street_has_every_class():
    dataset = Street(slices_per_class=20, workers=1)
    assert repr(dataset).startswith("<street: 200 clips, 10 classes, ")
    assert dataset.classes == sorted(street.CLASSES)
    assert (pd.crosstab(dataset.index["label"], dataset.index["fold"]) > 0).all(axis=None)
    assert (dataset.index.groupby("group")["fold"].nunique() == 1).all()


# Rendering


def few_jobs():
    """A way of making files, and a few jobs for it, for each generated set."""
    tracks = [(f"{genre}.wav", {"genre": genre, "seed": 5, "seconds": 0.1}) for genre in ("blues", "disco", "metal")]
    table = street.catalogue(10, seed=3)
    table = table[table["class"].isin(["gun_shot", "siren"])].groupby("class").head(1)
    return {"studio": (_make_track, tracks), "street": (_make_slices, [(rows, 3) for _, rows in table.groupby("fsID")])}


@pytest.mark.parametrize(("name", "files"), [("studio", 6), ("street", 2)])
def test_any_number_of_workers_renders_the_same_bytes(name, files):
    make, jobs = few_jobs()[name]
    one, two = (render_once(f"few-{name}", {"workers": n}, make, jobs, workers=n) for n in (1, 2))
    assert one != two
    assert contents(one) == contents(two)
    assert len(contents(one)) == files


def write(folder, name):
    (folder / name).write_text(name)


def test_a_folder_is_named_for_its_settings_and_made_once():
    first = render_once("words", {"seed": 0, "size": 1}, write, [("a",), ("b",)], workers=1)
    assert contents(first).keys() == {Path("a"), Path("b")}
    assert render_once("words", {"size": 1, "seed": 0}, None, [("c",)], workers=1) == first  # nothing is made
    assert render_once("words", {"seed": 1, "size": 1}, write, [("c",)], workers=1) != first
    assert render_once("poems", {"seed": 0, "size": 1}, write, [("c",)], workers=1) != first


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_others_may_read_what_one_has_rendered(tmp_path):
    made = render_once("shared", {}, write, [("a",)], workers=1)
    (tmp_path / "plain").mkdir()
    assert made.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("half")], ids=["missing", "cut off"])
def test_a_folder_that_lost_a_file_is_made_again(damage):
    jobs = [("first.wav",), ("second.wav",)]
    folder = render_once("lost", {"damage": str(damage)}, write, jobs, workers=1)
    whole = contents(folder)
    (folder / "notes.txt").touch()  # a file of one's own is no reason
    assert render_once("lost", {"damage": str(damage)}, None, jobs, workers=1) == folder
    damage(folder / "second.wav")
    assert render_once("lost", {"damage": str(damage)}, write, jobs, workers=1) == folder
    assert contents(folder) == whole
    assert render_once("lost", {"damage": str(damage)}, None, jobs, workers=1) == folder


def fail(folder, number):
    (folder / f"{number}.wav").touch()
    if number:
        raise OSError(f"no space for {number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_rendering_that_fails_leaves_no_folder(cache, workers):
    with pytest.raises(OSError, match="no space for 1"):
        render_once("broken", {}, fail, [(0,), (1,)], workers=workers)
    assert [path for path in cache.iterdir() if "broken" in path.name] == []


def test_who_comes_second_takes_what_the_first_has_made(cache):
    def overtaken(folder, name):
        write(folder, name)
        if not made:  # another process asks for the same, and is done before this one
            made.append(render_once("race", {}, write, [(name,)], workers=1))

    made = []
    folder = render_once("race", {}, overtaken, [("a",)], workers=1)
    assert folder == made[0]
    assert contents(folder) == {Path("a"): b"a"}
    assert [path for path in cache.iterdir() if "race" in path.name] == [folder]
