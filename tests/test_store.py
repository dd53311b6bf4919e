"""The store: what goes in comes out, whole or not at all, in every process."""

import errno
import io
import json
import multiprocessing
import os
import pickle
import re
import shutil
import subprocess
import sys
import weakref
import zlib

import damaged_stores
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import musiclab
from musiclab import store
from musiclab.core.errors import StoreError
from musiclab.features import MelConfig
from musiclab.store import Store, metadata, reading, seal, verify, writing
from musiclab.store.reading import map_values

LENGTHS = (700, 5, 1200, 1, 700)
CONFIG = {"audio": {"sample_rate": 8000}, "logmel": {"sample_rate": 8000, "n_mels": 8}}
SOURCE = {"name": "mine", "licence": "CC0", "generated": False}
NAMES = [f"band {number}" for number in range(8)]


def clip_audio(number):
    return np.random.default_rng(number).integers(-32768, 32768, LENGTHS[number]).astype(np.int16)


def clip_feature(number):
    return np.random.default_rng(number).standard_normal((8, 1 + LENGTHS[number] // 100)).astype(np.float16)


def row(number):
    return {"path": f"{number}.wav", "label": "xyxyz"[number], "group": f"göran{number % 3}", "fold": number,
            "split": "train", "size": 10, "modified": 1_700_000_000_000_000_000 + number,
            "seconds": LENGTHS[number] / 8000, "more": 1}  # fmt: skip


def fill(path, lengths=LENGTHS):
    with store.create(path, CONFIG, SOURCE, names={"logmel": NAMES}) as writer:
        for number in range(len(lengths)):
            writer.append(row(number), {"audio": clip_audio(number), "logmel": clip_feature(number)})
    return path


@pytest.fixture
def by_fork(monkeypatch):
    """Damaged files are read in forks, which are there at once; a new process takes a second."""
    if hasattr(os, "fork"):
        monkeypatch.setattr(metadata, "subprocess", damaged_stores.FORKS)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("store") / "five.h5")


def test_clips_of_any_length_come_back_as_they_were(path):
    with Store(path) as opened:
        assert len(opened) == 5
        assert opened.features == ["audio", "logmel"]
        assert opened.sample_rate == 8000
        for number in range(5):
            for feature, expected in (("audio", clip_audio(number)), ("logmel", clip_feature(number))):
                found = opened.read(feature, number)
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)
        for missing in (-1, 5):
            with pytest.raises(IndexError, match=f"clip must be from 0 to 4, not {missing}"):
                opened.read("audio", missing)


def test_all_clips_at_once_and_where_each_begins(path):
    with Store(path) as opened:
        assert opened.offsets("audio").tolist() == [0, 700, 705, 1905, 1906, 2606]
        np.testing.assert_array_equal(opened.values("audio"), np.concatenate([clip_audio(n) for n in range(5)]))
        values, offsets = opened.values("logmel"), opened.offsets("logmel")
        assert values.shape == (offsets[-1], 8)
        np.testing.assert_array_equal(values[offsets[2] : offsets[3]].T, clip_feature(2))


def test_the_index_the_classes_and_what_is_known_of_them(path):
    with Store(path) as opened:
        assert opened.index.to_dict("records") == [
            {key: value for key, value in {**row(number), "duplicate": 0}.items() if key != "more"}
            for number in range(5)
        ]
        assert opened.classes == ["x", "y", "z"]
        assert opened.labels.tolist() == [0, 1, 0, 1, 2]
        assert opened.labels.dtype == np.int64
        assert opened.config == CONFIG
        assert opened.source == SOURCE
        assert opened.as_of == "2023-11-14T22:13:20+00:00"
        assert opened.failures == []
        assert opened.versions["musiclab"] == musiclab.__version__
        assert opened.versions["h5py"] == h5py.__version__
        assert opened.names("logmel") == tuple(NAMES)
        assert repr(opened) == "<Store five.h5: 5 clips, 3 classes, audio, logmel>"


def test_classes_in_the_order_they_are_given(tmp_path):
    with store.create(tmp_path / "s.h5", {"logmel": {}}, {}, classes=["z", "y", "x"]) as writer:
        for number in range(5):
            writer.append(row(number), {"logmel": clip_feature(number)})
    with Store(tmp_path / "s.h5") as opened:
        assert opened.labels.tolist() == [2, 1, 2, 1, 0]
        assert opened.features == ["logmel"]
        with pytest.raises(StoreError, match=r"s\.h5: expected 'audio' in the store, found logmel; add it with: "):
            opened.read("audio", 0)
        with pytest.raises(
            StoreError, match=r"found logmel; did you mean logmel\?; add it with: musiclab prepare SOURC"
        ):
            opened.values("logmle")


@settings(max_examples=10)
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_any_lengths(tmp_path_factory, lengths):
    file = tmp_path_factory.mktemp("any") / "s.h5"
    clips = [np.arange(length * 3, dtype=np.float32).reshape(3, length) + 100 * length for length in lengths]
    with store.create(file, {"chroma": {}}, {}) as writer:
        for number, clip in enumerate(clips):
            writer.append({"path": str(number), "label": "x"}, {"chroma": clip})
    assert verify(file) == []
    with Store(file) as opened:
        for number, clip in enumerate(clips):
            np.testing.assert_array_equal(opened.read("chroma", number), clip)


def test_other_programs_can_read_it(path):
    with h5py.File(path) as file:
        assert file.attrs["format"] == "musiclab-store"
        assert "values[offsets[i]:offsets[i + 1]]" in file.attrs["about"]
        assert file.attrs["licence"] == "CC0"
        assert json.loads(file.attrs["config"]) == CONFIG
        assert json.loads(file.attrs["classes"]) == ["x", "y", "z"]
        assert file["audio/values"].dtype == np.int16
        assert file["audio/values"].attrs["sample_rate"] == 8000
        assert json.loads(file["features/logmel"].attrs["names"]) == NAMES
        assert file["index/group"].asstr()[1] == "göran1"
        start, stop = file["audio/offsets"][2:4]
        clip = file["audio/values"][start:stop]
        np.testing.assert_array_equal(clip, clip_audio(2))
        assert zlib.crc32(clip.tobytes()) == file["audio/crc32"][2]


def test_values_lie_in_one_piece_and_are_mapped_from_the_file(path):
    with h5py.File(path) as file, Store(path) as opened:
        for name, group in (("audio", file["audio"]), ("logmel", file["features/logmel"])):
            assert group["values"].chunks is None
            values = opened.values(name)
            assert isinstance(values, np.memmap)
            assert not values.flags.writeable
            assert values.flags.aligned
            assert values.dtype == group["values"].dtype
            np.testing.assert_array_equal(values, group["values"][:])


def test_values_of_no_length_can_be_mapped(tmp_path):
    with store.create(tmp_path / "s.h5", {"audio": {"sample_rate": 8000}}, {}) as writer:
        writer.append({"path": "0", "label": "x"}, {"audio": np.zeros(0, np.int16)})
    assert Store(tmp_path / "s.h5").values("audio").shape == (0,)
    assert verify(tmp_path / "s.h5") == []


def test_the_same_content_gives_the_same_bytes_however_it_is_cut(path, tmp_path):
    again = fill(tmp_path / "again.h5")
    assert again.read_bytes() == path.read_bytes()
    with Store(path) as opened:
        columns = {
            name: writing.Column(
                np.diff(opened.offsets(name)),
                opened.checksums(name),
                opened.values(name).shape[1:],
                opened.values(name).dtype,
                [opened.values(name)[start : start + 7] for start in range(0, opened.offsets(name)[-1], 7)],
            )
            for name in opened.features
        }
        writing.write(tmp_path / "cut.h5", opened.attributes, opened.index, columns, {"logmel": NAMES, "audio": ()})
    assert (tmp_path / "cut.h5").read_bytes() == path.read_bytes()


def test_the_time_is_that_of_the_newest_file_unless_one_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    with Store(fill(tmp_path / "s.h5")) as opened:
        assert opened.as_of == "1970-01-02T00:00:00+00:00"


def test_a_great_many_failures_find_room(tmp_path, path):
    failures = [(f"{number}.wav", "cut off " * 20) for number in range(2000)]  # over HDF5's 64 KiB for an attribute
    with Store(path) as opened:
        facts = writing.attributes(CONFIG, SOURCE, opened.classes, failures)
        clips = {name: [opened.read(name, clip).T for clip in range(5)] for name in CONFIG}
    writer = writing.StoreWriter()
    writer.rows, writer.clips = [row(number) for number in range(5)], clips
    writing.write(tmp_path / "s.h5", facts, opened.index, writer.columns())
    with Store(tmp_path / "s.h5") as opened:
        assert opened.failures == failures


def test_a_feature_of_one_frame_a_clip_is_a_table(tmp_path, path):
    names = ["centroid", "rolloff"]
    with store.create(tmp_path / "s.h5", {"summary": {}}, {}, names={"summary": names}) as writer:
        for number in range(5):
            writer.append(row(number), {"summary": np.array([[number], [number / 2]], dtype=np.float32)})
    with Store(tmp_path / "s.h5") as opened:
        table = opened.frame()
        assert list(table.columns) == ["path", "label", "group", "fold", "split", *names]
        assert table["rolloff"].tolist() == [0, 0.5, 1, 1.5, 2]
        table.to_csv(tmp_path / "s.csv", index=False)
        assert (tmp_path / "s.csv").read_text().splitlines()[2] == "1.wav,y,göran1,1,train,1.0,0.5"
    with Store(path) as opened, pytest.raises(StoreError, match="logmel has up to 13 frames per clip"):
        opened.frame("logmel")


def test_a_table_of_a_feature_whose_dimensions_have_no_names(tmp_path):
    with store.create(tmp_path / "s.h5", {"summary": {}}, {}) as writer:
        for number in range(5):
            writer.append(row(number), {"summary": np.array([[number], [number / 2]], dtype=np.float32)})
    with Store(tmp_path / "s.h5") as opened:
        assert opened.frame()[1].tolist() == [0, 0.5, 1, 1.5, 2]


def test_a_description_says_what_is_in_it(path):
    with Store(path) as opened:
        lines = opened.describe().splitlines()
    size = path.stat().st_size
    raw = 2 * sum(LENGTHS)
    assert lines[0] == (
        f"{path}: 5 clips, 0.00 h, 0.0 MB, {size / raw:.2f} times the size of 16-bit audio at 8000 Hz (0.0 MB)"
    )
    text = "\n".join(lines)
    expected = (
        "licence   CC0",
        "audio     int16    2,606, 1 to 1,200 samples per clip, 0.0 MB",
        "logmel    float16  31 x 8, 1 to 13 frames per clip",
        "sample_rate=8000, n_mels=8",
        "fold 4",
        "failures: none",
    )
    for words in expected:
        assert words in text
    table = lines[lines.index("classes") + 1 :]
    assert table[1].split()[:2] == ["x", "2"]


# Checksums


def test_a_whole_store_has_no_faults(path):
    assert verify(path) == []


@pytest.mark.parametrize("feature", ["audio", "logmel"])
def test_a_single_wrong_bit_is_found_and_named(tmp_path, path, feature):
    copy = tmp_path / "s.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        values = file["audio/values" if feature == "audio" else "features/logmel/values"]
        row = values[706 if feature == "audio" else 10]  # in clip 2
        values[706 if feature == "audio" else 10] = row.view(np.int16) ^ 1 if feature == "audio" else -row
    faults = verify(copy)
    assert len(faults) == 1
    assert re.fullmatch(
        rf"{feature}: clip 2 \(2\.wav\): expected checksum [0-9a-f]{{8}}, found [0-9a-f]{{8}}", faults[0]
    )


@pytest.mark.usefixtures("by_fork")
def test_a_changed_index_is_found(tmp_path, path):
    copy = shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(copy, "r+") as file:
        file["index/label"][1] = "x"
    assert [re.sub("[0-9a-f]{8}", "...", fault) for fault in verify(copy)] == [
        "index: expected checksum ..., found ..."
    ]


def change_attribute(name, value):
    def change(file):
        assert file.attrs[name] != value
        file.attrs[name] = value

    return change


def change_array(name, position, value):
    def change(file):
        assert file[name][position] != value
        file[name][position] = value

    return change


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (change_attribute("classes", '["x", "y", "zebra", "z"]'), "attributes"),
        (change_attribute("classes", '["y", "x", "z"]'), "attributes"),
        (
            change_attribute("config", '{"audio": {"sample_rate": 16000}, "logmel": {"sample_rate": 8000}}'),
            "attributes",
        ),
        (change_attribute("about", "nothing"), "attributes"),
        (change_array("index/path", 0, "x.wav"), "index"),
        (change_array("index/fold", 3, 7), "index"),
        (change_array("index/duplicate", 3, 1), "index"),
        (change_array("audio/offsets", 1, 699), "audio"),
        (change_array("features/logmel/crc32", 4, 0), "logmel"),
        (lambda file: file["features/logmel"].attrs.update(names=json.dumps(NAMES[::-1])), "logmel"),
        (lambda file: file["audio/values"].attrs.update(sample_rate=1), "structure"),
        (lambda file: file.create_group("more"), "structure"),
    ],
)
@pytest.mark.usefixtures("by_fork")
def test_whatever_was_changed_is_not_used_and_verify_says_which_part(tmp_path, path, change, part):
    copy = shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(copy, "r+") as file:
        change(file)
    faults = [fault for fault in verify(copy) if "clip" not in fault]
    assert len(faults) == 1
    assert re.match(
        rf"{part}: expected (checksum [0-9a-f]{{8}}, found [0-9a-f]{{8}}|the checksum in the seal)", faults[0]
    )
    with pytest.raises(StoreError, match=rf"s\.h5: the store is damaged \({part}: expected .*\); make it again with"):
        Store(copy)


def test_every_byte_is_under_some_checksum(path):
    content = bytearray(path.read_bytes())
    with Store(path) as opened:
        values = [layout for layout in opened._layouts.values()]
    elsewhere = {byte for layout in values for byte in range(layout.begin, layout.begin + layout.size)}
    open_for_writing = set(range(seal.SIZE + 20, seal.SIZE + 24))  # bytes that HDF5 changes while a viewer is at work
    unnoticed = set()
    for byte in range(len(content)):
        content[byte] ^= 1 << byte % 8
        if seal.read_seal(io.BytesIO(content))[1]:
            unnoticed.add(byte)
        content[byte] ^= 1 << byte % 8
    assert unnoticed == elsewhere | open_for_writing
    assert len(elsewhere) == 2 * 2606 + 2 * 31 * 8
    assert not seal.read_seal(io.BytesIO(content + b"\0"))[1]
    assert seal.read_seal(io.BytesIO(content))[1]


def test_the_first_block_says_what_the_file_is(path):
    first = path.read_bytes()[: seal.SIZE]
    assert first.startswith(b'musiclab-store {"version": 4, "values": [[')
    assert first.decode().rstrip(" \n").endswith('"}')
    with h5py.File(path) as file:
        assert file.userblock_size == seal.SIZE


# Files that point at other files, and files that HDF5 cannot read


SECRET = np.frombuffer(b"root:x:0:0:root:/root:/bin/bash\n" * 400, dtype=np.int16)[:2606]


def outside(file, secret):
    file.create_dataset("audio/values", (2606,), "i2", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def linked(file, secret):
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other["x"] = SECRET
    file["audio/values"] = h5py.ExternalLink(secret.with_suffix(".h5"), "/x")


def virtual(file, secret):
    linked(file, secret)
    del file["audio/values"]
    layout = h5py.VirtualLayout((2606,), "i2")
    layout[:] = h5py.VirtualSource(secret.with_suffix(".h5"), "x", (2606,), "i2")
    file.create_virtual_dataset("audio/values", layout)


def linked_within(file, secret):
    file["audio/values"] = h5py.SoftLink("/elsewhere")


def linked_group(file, secret):
    linked(file, secret)
    del file["audio"]
    file["audio"] = h5py.ExternalLink(secret.with_suffix(".h5"), "/")


@pytest.mark.parametrize("has_new_seal", [False, True])
@pytest.mark.parametrize(
    ("point", "words"),
    [
        (outside, "/audio/values: stored in another file"),
        (linked, "/audio/values: links are not followed"),
        (linked_within, "/audio/values: links are not followed"),
        (linked_group, "/audio: links are not followed"),
        (virtual, "/audio/values: not contiguous"),
    ],
)
@pytest.mark.usefixtures("by_fork")
def test_nothing_is_read_from_another_file(tmp_path, path, point, words, has_new_seal):
    copy, secret = shutil.copy(path, tmp_path / "s.h5"), tmp_path / "passwords"
    secret.write_bytes(SECRET.tobytes())
    with h5py.File(copy, "r+") as file:
        del file["audio/values"]
        point(file, secret)
    if has_new_seal:
        damaged_stores.reseal(copy)
    for read in (Store, verify):
        with pytest.raises(StoreError, match=rf"s\.h5: the store is damaged \({words}\); make it"):
            read(copy)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("classes", "[1, 2]", r"attribute classes: unexpected \[1, 2\]"),
        ("classes", '["x", "x", "y", "z"]', "attribute classes: unexpected "),
        ("classes", '["x", "y"]', "attribute classes: the label 'z' is missing"),
        ("classes", 5, r"attribute classes: unexpected .*5"),
        ("config", '{"audio": {"sample_rate": "fast"}}', "attribute config: unexpected "),
        ("config", '{"audio": {}}', "attribute config: unexpected "),
        ("config", '["audio"]', "attribute config: unexpected "),
        ("config", "{" * 40_000, "Expecting property name"),
        ("failures", '[["a.wav"]]', "attribute failures: unexpected "),
        ("versions", '{"numpy": 2}', "attribute versions: unexpected "),
        ("source", "null", "attribute source: unexpected None"),
        ("licence", 3.5, "attribute licence: unexpected .*3.5"),
        ("as_of", np.arange(3), r"attribute as_of: unexpected array\(\[0, 1, 2\]\)"),
        ("version", "four", "attribute version: unexpected 'four'"),
    ],
)
@pytest.mark.usefixtures("by_fork")
def test_attributes_of_a_wrong_type_are_refused_even_under_a_new_seal(tmp_path, path, name, value, words):
    copy = shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(copy, "r+") as file:
        file.attrs[name] = value
    damaged_stores.reseal(copy)
    for read in (Store, verify):
        with pytest.raises(StoreError, match=rf"s\.h5: the store is damaged \({words}"):
            read(copy)


def cut_seal(path, tmp_path):
    """A copy of a store that HDF5 must not read in this process."""
    copy = shutil.copy(path, tmp_path / "s.h5")
    with open(copy, "r+b") as file:
        file.write(b"?")
    return copy


def test_without_a_seal_all_is_compared_with_nothing(path, tmp_path):
    copy = cut_seal(path, tmp_path)
    assert verify(copy) == ["seal: expected checksums in the first block of the file, found none"]
    with pytest.raises(StoreError, match=r"the store is damaged \(seal: expected checksums in the first block"):
        Store(copy)


def test_what_hdf5_does_not_finish_ends_in_a_message(path, tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "PATIENCE", 0.001)
    for read in (Store, verify):
        with pytest.raises(StoreError, match=r"s\.h5: .*reading it took more than 0.001 s.*; make it"):
            read(cut_seal(path, tmp_path))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_what_hdf5_crashes_on_ends_in_a_message(path, tmp_path, monkeypatch):
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(crashing))
    for read in (Store, verify):
        with pytest.raises(StoreError, match=r"s\.h5: .*reading it crashed with status -11\); make"):
            read(cut_seal(path, tmp_path))


@pytest.mark.parametrize("with_new_seal", [False, True])
@pytest.mark.usefixtures("by_fork")
def test_damaged_stores_give_results_and_messages_only(path, tmp_path, monkeypatch, with_new_seal):
    monkeypatch.setattr(metadata, "PATIENCE", 3.0)
    for seed in range(60):
        copy = shutil.copy(path, tmp_path / "s.h5")
        way = damaged_stores.damage(copy, np.random.default_rng(seed), with_new_seal)
        outcomes = damaged_stores.open_as_the_commands_do(copy)
        assert set(outcomes.values()) <= {"result", "faults", "message"}, (seed, way)
        if not with_new_seal and copy.read_bytes() != path.read_bytes():
            assert outcomes["verify"] != "result", (seed, way)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("offsets", lambda old: np.append(old[:-1], 2607), "/audio/offsets: not increasing from 0 to 2606"),
        ("offsets", lambda old: old[[0, 2, 1, 3, 4, 5]], "/audio/offsets: not increasing from 0 to 2606"),
        ("crc32", lambda old: old[:4], "/audio: 6 offsets and 4 checksums for 5 clips"),
        ("crc32", None, "crc32"),
    ],
)
@pytest.mark.usefixtures("by_fork")
def test_offsets_and_checksums_that_do_not_fit_are_found_at_once(tmp_path, path, name, change, words):
    copy = shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(copy, "r+") as file:
        old = file["audio"][name][:]
        del file["audio"][name]
        if change:
            file["audio"][name] = change(old)
    for read in (Store, verify):
        with pytest.raises(StoreError, match=rf"s\.h5: the store is damaged \(.*{words}"):
            read(copy)


# Processes


def read_sum(opened, clip):
    """Of a clip; in a worker, of a store that came by pickle or by fork."""
    return int(opened.read("audio", clip).astype(int).sum())


def test_it_can_be_pickled_open_or_closed(path):
    with Store(path) as opened:
        copy = pickle.loads(pickle.dumps(opened))
        np.testing.assert_array_equal(copy.read("audio", 2), opened.read("audio", 2))
        copy.close()
        assert read_sum(opened, 0) == clip_audio(0).astype(int).sum()


_INHERITED = None  # a fork sees what its parent had open


def _read_inherited(clips):
    return [read_sum(_INHERITED, clip) for clip in clips]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_workers_read_what_is_there(path):
    global _INHERITED
    expected = [int(clip_audio(clip).astype(int).sum()) for clip in range(5)]
    with Store(path) as _INHERITED:
        assert _read_inherited(range(5)) == expected  # the parent has it open before the fork
        with multiprocessing.get_context("fork").Pool(2) as pool:
            work = [np.random.default_rng(seed).permutation(5).tolist() * 20 for seed in range(8)]
            pending = [pool.apply_async(_read_inherited, (clips,)) for clips in work]
            assert _read_inherited(range(5)) == expected  # and reads at the same time
            for clips, result in zip(work, pending, strict=True):
                assert result.get(60) == [expected[clip] for clip in clips]
    _INHERITED = None


def test_spawned_workers_read_what_is_there(path):
    with Store(path) as opened, multiprocessing.get_context("spawn").Pool(1) as pool:
        pending = [pool.apply_async(read_sum, (opened, clip)) for clip in range(5)]
        assert [result.get(120) for result in pending] == [clip_audio(clip).astype(int).sum() for clip in range(5)]


def test_the_file_is_let_go_at_the_end_and_mapped_again_when_it_is_read(path, tmp_path):
    with Store(shutil.copy(path, tmp_path / "s.h5")) as opened:
        mapped = weakref.ref(opened.values("audio"))
    assert mapped() is None
    assert read_sum(opened, 1) == clip_audio(1).astype(int).sum()
    opened.close()
    opened.close()  # twice does no harm
    with h5py.File(opened.path, "r+") as file:  # nobody holds it
        assert "audio" in file


def test_it_can_be_closed_while_another_thread_reads(path, monkeypatch):
    opened = Store(path)
    opened.close()

    def map_and_close(*arguments):
        values = map_values(*arguments)
        opened.close()  # as another thread may at any moment
        return values

    monkeypatch.setattr(reading, "map_values", map_and_close)
    assert read_sum(opened, 2) == clip_audio(2).astype(int).sum()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EIO])
def test_it_is_read_where_files_cannot_be_locked(path, monkeypatch, code):
    open_file = h5py.File

    def open_without_lock(*arguments, locking=None):
        if locking is not False:
            raise OSError(code, f"Unable to synchronously open file (unable to lock file, errno = {code})")
        return open_file(*arguments, locking=locking)

    monkeypatch.setattr(h5py, "File", open_without_lock)
    with Store(path) as opened:
        assert read_sum(opened, 2) == clip_audio(2).astype(int).sum()
    assert verify(path) == []


# Files that are not whole, or not ours


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_written(tmp_path, value):
    file = fill(tmp_path / "s.h5")
    before = file.read_bytes()
    feature = clip_feature(2)
    feature[7, 12] = value  # the last value of the clip

    def write():
        with store.create(file, {"logmel": {}}, {}) as writer:
            for number in range(5):
                writer.append(row(number), {"logmel": feature if number == 2 else clip_feature(number)})

    with pytest.raises(StoreError, match=r"^2\.wav: logmel has NaN or infinite values; check"):
        write()
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5"]


def test_a_writer_that_fails_half_way_leaves_the_old_store(tmp_path):
    file = fill(tmp_path / "s.h5")

    def fail_half_way():
        with store.create(file, {}, {}) as writer:
            writer.append(row(0), {"audio": clip_audio(0)})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert [found.name for found in tmp_path.iterdir()] == ["s.h5"]
    with Store(file) as opened:
        assert len(opened) == 5


def test_a_store_that_is_open_can_be_replaced(tmp_path):
    file = fill(tmp_path / "s.h5")
    with Store(file) as opened:
        fill(file, LENGTHS[:2])
        assert read_sum(opened, 4) == clip_audio(4).astype(int).sum()  # the old one, to its end
    with Store(file) as opened:
        assert len(opened) == 2


def truncated(path, whole):
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


def foreign(path, whole):
    with h5py.File(path, "w") as file:
        file["x"] = 1


def of_version(number):
    def make(path, whole):
        path.write_bytes(whole.read_bytes())
        with h5py.File(path, "r+") as file:
            file.attrs["version"] = number

    return make


def in_chunks(path, whole):
    path.write_bytes(whole.read_bytes())
    with h5py.File(path, "r+") as file:
        values = file["audio/values"][:]
        del file["audio/values"]
        file.create_dataset("audio/values", data=values, chunks=(100,), compression="gzip")


def without_classes(path, whole):
    path.write_bytes(whole.read_bytes())
    with h5py.File(path, "r+") as file:
        del file.attrs["classes"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path, whole: None, "no such file; make it with: musiclab prepare SOURCE"),
        (
            lambda path, whole: path.write_text("text"),
            "not a readable HDF5 file .*make it again",
        ),
        (lambda path, whole: path.touch(), "not a readable HDF5 file .*make it again"),
        (lambda path, whole: path.mkdir(), "expected an HDF5 file"),
        (truncated, "not a readable HDF5 file.*truncated.*make it again"),
        (foreign, "expected a store made by musiclab prepare, found another HDF5 file; make it again .* --replace"),
        (of_version(5), "expected store format 4, found 5; update musiclab, or make it again with.* --replace"),
        (of_version(3), "expected store format 4, found 3; make it again with"),
        (in_chunks, "the store is damaged .*/audio/values: not contiguous"),
        (without_classes, "the store is damaged .*classes.*; make it again with"),
    ],
)
@pytest.mark.usefixtures("by_fork")
def test_a_file_that_is_no_store_is_an_error(tmp_path, path, make, words):
    file = tmp_path / "bad.h5"
    make(file, path)
    with pytest.raises(StoreError, match=f"(?s)^[^(]*bad\\.h5: {words}"):
        Store(file)


def test_a_folder_is_not_replaced_by_a_store(tmp_path):
    with pytest.raises(StoreError, match=r"expected the name of a new store.*found a folder"):
        fill(tmp_path)


def test_it_can_be_read_while_a_viewer_has_it_open_for_writing(path, tmp_path):
    copy = tmp_path / "s.h5"
    copy.write_bytes(path.read_bytes())
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"
    viewer = subprocess.Popen([sys.executable, "-c", code, copy], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert viewer.stdout.readline() == b"open\n"
        with Store(copy) as opened:
            assert read_sum(opened, 2) == clip_audio(2).astype(int).sum()
    finally:
        viewer.communicate()


def test_the_small_store_has_what_its_settings_say(small_store):
    config = MelConfig(**small_store.config["logmel"])
    assert small_store.read("logmel", 0).shape == (config.n_mels, config.frames(33075))
    assert small_store.sample_rate == config.sample_rate
    assert small_store.classes == ["high", "low", "middle"]
