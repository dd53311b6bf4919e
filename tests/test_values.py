"""Where values are read from, and how little memory the disk takes."""

import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch

from musiclab.core.errors import RunError, StoreError
from musiclab.store import values
from musiclab.store.values import OnDisk, open_values

LAYOUTS = {
    "chunks": {"chunks": (7, 3)},
    "growing chunks": {"chunks": (7, 3), "maxshape": (None, 3)},
    "one piece": {},
}


@pytest.fixture(params=LAYOUTS)
def on_disk(request, tmp_path):
    """100 rows of three numbers, in the file and in memory."""
    rows = np.random.default_rng(0).standard_normal((100, 3)).astype(np.float16)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file.create_dataset("group/values", data=rows, **LAYOUTS[request.param])
    return OnDisk(tmp_path / "rows.h5", "group/values"), rows


def test_rows_are_those_of_the_file(on_disk):
    found, rows = on_disk
    assert found.shape == rows.shape
    assert found.dtype == rows.dtype
    assert len(found) == 100
    np.testing.assert_array_equal(found[:], rows)
    np.testing.assert_array_equal(found[13:40], rows[13:40])
    assert found[40:13].shape == (0, 3)
    starts = [90, 0, 6, 7, 55, 0]  # in any order, twice, across the ends of chunks, and up to the last row
    stretches = found.stretches(starts, 10)
    np.testing.assert_array_equal(stretches, [rows[start : start + 10] for start in starts])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).stretches(starts, 10), stretches)


def test_only_what_is_asked_for_is_read(on_disk, monkeypatch):
    found, _ = on_disk
    wanted = []

    def opened(path, mode, buffering):
        file = open(path, mode, buffering)
        return Spy(file, wanted)

    monkeypatch.setattr(values, "open", opened, raising=False)
    found.stretches([50, 3], 2)
    assert [size for _, size in wanted] == [2 * 3 * 2, 2 * 3 * 2]  # rows x numbers x bytes
    assert wanted == sorted(wanted)  # in the order of the file


class Spy:
    """A file that notes where and how much is read."""

    def __init__(self, file, wanted):
        self.file, self.wanted = file, wanted

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def readinto(self, buffer):
        self.wanted.append((self.file.tell(), len(buffer)))
        return self.file.readinto(buffer)


def test_a_file_that_was_replaced_is_not_read_by_the_old_map(on_disk, tmp_path):
    found, rows = on_disk
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["group/values"] = rows[::-1]
    (tmp_path / "other.h5").replace(found.path)
    with pytest.raises(StoreError, match=r"rows\.h5: expected the store that was opened, found it changed"):
        found[:5]


def test_a_compressed_data_set_is_refused_but_read_into_memory(small_store, tmp_path):
    with h5py.File(tmp_path / "small.h5", "w") as file:
        file.create_dataset("values", data=np.zeros((10, 2)), compression="gzip")
    with pytest.raises(StoreError, match="expected values uncompressed, found it compressed"):
        OnDisk(tmp_path / "small.h5", "values")


def test_a_data_set_that_was_not_written_is_refused(tmp_path):
    with h5py.File(tmp_path / "half.h5", "w") as file:
        file.create_dataset("values", (10, 2), np.float32, chunks=(2, 2))[:4] = 1
    with pytest.raises(StoreError, match=r"expected 5 chunks of values, found 2; prepare the store again"):
        OnDisk(tmp_path / "half.h5", "values")


def test_what_is_larger_than_the_limit_stays_on_disk(small_store, monkeypatch):
    size = 24 * 65 * 128 * 2 / 2**20  # MiB
    assert isinstance(open_values(small_store, "logmel", limit=0.9 * size), OnDisk)
    assert isinstance(open_values(small_store, "logmel", limit=1.1 * size), np.ndarray)
    monkeypatch.setattr(values, "free_memory", lambda: 3.9 * size * 2**20)  # a quarter of that is too little
    assert isinstance(open_values(small_store, "logmel"), OnDisk)
    monkeypatch.setattr(values, "free_memory", lambda: 4.1 * size * 2**20)
    assert isinstance(open_values(small_store, "logmel"), np.ndarray)


@pytest.mark.parametrize("where", ["memory", "disk", "cpu", torch.device("cpu")])
@pytest.mark.parametrize("feature", ["audio", "logmel"])
def test_wherever_they_are_read_from_they_are_the_same(small_store, where, feature):
    found = open_values(small_store, feature, where)[100:200]
    np.testing.assert_array_equal(np.asarray(found), small_store.read_all(feature)[100:200])


def test_what_is_not_there(small_store):
    for where in ("auto", "memory", "disk", "cpu"):
        with pytest.raises(StoreError, match="expected 'mfcc' in the store, found audio, logmel"):
            open_values(small_store, "mfcc", where)
    with pytest.raises(RunError, match="expected auto, memory, disk or a torch device such as cuda, found 'dsik'"):
        open_values(small_store, "logmel", "dsik")


def test_free_memory_is_a_number_of_bytes():
    assert 64 * 2**20 < values.free_memory() < 2**50


READER = """
import sys
import h5py
import numpy as np
from torch.utils.data import DataLoader
from musiclab.store.segments import Segments
from musiclab.store.values import OnDisk

path, clip, clips = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
offsets, labels = clip * np.arange(clips + 1), np.arange(clips) % 10
segments = Segments(OnDisk(path, "values"), offsets, labels, np.arange(0, clips, 4), length=128)
batches = 0
for batch, labels in DataLoader(segments, batch_size=64, shuffle=True, collate_fn=lambda batch: batch):
    assert batch.shape == (64, 128, 128)
    batches += 1
print(batches)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_ten_gigabytes_are_read_within_500_megabytes(tmp_path):
    clip, clips, bands = 1292, 32_000, 128  # 30 s each, float16: 10.6 GB
    path = tmp_path / "large.h5"
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((clip, bands))
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # every chunk has its place, yet nothing is written:
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)  # the file has holes, which take no disk
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((clip * clips, bands))
        h5py.h5d.create(file.id, b"values", h5py.h5t.IEEE_F16LE, space, properties)
    status = path.stat()
    assert status.st_size > 10e9
    if status.st_blocks * 512 > 100e6:
        pytest.skip("this file system does not keep holes")
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(clip), str(clips)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    batches, peak = map(int, done.stdout.split())
    assert batches == clips // 4 // 64
    assert peak * 1024 < 500e6
