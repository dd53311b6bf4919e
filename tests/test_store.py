"""The store: what goes in comes out, whole or not at all, in every process."""

import json
import multiprocessing
import pickle
import re
import shutil
import subprocess
import sys
import weakref
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import musiclab
from musiclab import store
from musiclab.core.errors import StoreError
from musiclab.features import MelConfig
from musiclab.store import Store, verify, writing

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
            with pytest.raises(IndexError, match=f"clip must lie in 0 to 4, not {missing}"):
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
            {key: value for key, value in row(number).items() if key != "more"} for number in range(5)
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
    with Store(path) as opened, pytest.raises(StoreError, match="such as summary, found logmel with up to 13 a clip"):
        opened.frame("logmel")


def test_a_description_says_what_is_in_it(path):
    with Store(path) as opened:
        lines = opened.describe().splitlines()
    size = path.stat().st_size
    raw = 2 * sum(LENGTHS)
    assert lines[0] == (f"{path}: 5 clips, 0.00 h, 0.0 MB, {size / raw:.2f} of raw 16-bit audio at 8000 Hz (0.0 MB)")
    text = "\n".join(lines)
    expected = (
        "licence   CC0",
        "audio     int16    2,606, 1 to 1,200 samples a clip, 0.0 MB",
        "logmel    float16  31 x 8, 1 to 13 frames a clip",
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


def test_a_changed_index_is_found(tmp_path, path):
    copy = shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(copy, "r+") as file:
        file["index/label"][1] = "x"
    assert [re.sub("[0-9a-f]{8}", "...", fault) for fault in verify(copy)] == [
        "index: expected checksum ..., found ..."
    ]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("offsets", lambda old: np.append(old[:-1], 2607), "/audio: offsets that do not rise from 0 to 2606"),
        ("offsets", lambda old: old[[0, 2, 1, 3, 4, 5]], "/audio: offsets that do not rise from 0 to 2606"),
        ("crc32", lambda old: old[:4], "/audio: 6 offsets and 4 checksums of 5 clips"),
        ("crc32", None, "crc32"),
    ],
)
def test_offsets_and_checksums_that_do_not_fit_are_found_at_once(tmp_path, path, name, change, words):
    copy = shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(copy, "r+") as file:
        old = file["audio"][name][:]
        del file["audio"][name]
        if change:
            file["audio"][name] = change(old)
    for read in (Store, verify):
        with pytest.raises(StoreError, match=rf"s\.h5: expected a whole store, found a damaged one \(.*{words}"):
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


# Files that are not whole, or not ours


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
            "expected an HDF5 file, found one .*make it again",
        ),
        (lambda path, whole: path.touch(), "expected an HDF5 file, found one .*make it again"),
        (lambda path, whole: path.mkdir(), "expected an HDF5 file"),
        (truncated, "expected an HDF5 file, found one that cannot be opened.*truncated.*make it again"),
        (foreign, "expected a store made by musiclab prepare, found another HDF5 file; make it again .* --replace"),
        (of_version(4), "expected store format 3, found 4; update musiclab, or make it again with.* --replace"),
        (of_version(2), "expected store format 3, found 2; make it again with"),
        (in_chunks, "expected a whole store, found a damaged one .*/audio: values that are not in one piece"),
        (without_classes, "expected a whole store, found a damaged one .*classes.*; make it again with"),
    ],
)
def test_a_file_that_is_no_store_is_an_error(tmp_path, path, make, words):
    file = tmp_path / "bad.h5"
    make(file, path)
    with pytest.raises(StoreError, match=f"(?s)^[^(]*bad\\.h5: {words}"):
        Store(file)


def test_a_folder_is_not_replaced_by_a_store(tmp_path):
    with pytest.raises(StoreError, match=r"expected the name of a store to make.*found a folder"):
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
