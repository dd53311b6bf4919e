"""Segments of a fixed length out of clips of any length."""

import os
import pickle
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from musiclab.core.errors import RunError, StoreError
from musiclab.core.random import uniform
from musiclab.store import Store
from musiclab.store.segments import Segments

SILENCE = -7.0


def make(lengths, length, **settings):
    """Clips whose frames count from 1000 * clip upwards, in both of two dimensions."""
    offsets = np.cumsum([0, *lengths])
    values = np.concatenate([1000 * clip + np.arange(count) for clip, count in enumerate(lengths)])
    values = np.stack([values, -values], axis=1).astype(np.float32)
    labels = np.arange(len(lengths)) % 3
    return Segments(values, offsets, labels, length=length, silence=SILENCE, **settings)


def whole(segments):
    return segments.batch(range(len(segments)))


def as_given(batch):
    return batch  # Segments gives whole batches


clip_lengths = st.lists(st.integers(1, 60), min_size=1, max_size=6)


# Places


@given(lengths=clip_lengths, length=st.integers(1, 50))
def test_covering_segments_cover_every_clip_and_nothing_else(lengths, length):
    segments = make(lengths, length, places="covering")
    batch, labels = whole(segments)
    assert batch.shape == (len(segments), 2, length)
    assert batch.dtype == torch.float32
    assert labels.tolist() == [clip % 3 for clip in segments.clips]
    for clip, count in enumerate(lengths):
        mine = batch[segments.clips == clip, 0]
        heard = mine[mine != SILENCE]
        assert set(heard.tolist()) == {1000 * clip + frame for frame in range(count)}
        assert (mine == SILENCE).sum() == len(mine) * max(0, length - count)  # padded only where too short
        starts = mine[:, 0].diff()
        assert (starts > 0).all()
        assert (starts <= max(1, length // 2)).all()  # about half a segment apart


@given(
    lengths=clip_lengths,
    length=st.integers(1, 50),
    seed=st.integers(0, 99),
    places=st.sampled_from(["random", "centred"]),
)
def test_otherwise_an_item_is_one_stretch_of_its_clip_padded_at_its_end(lengths, length, seed, places):
    segments = make(lengths, length, seed=seed, places=places)
    assert len(segments) == len(lengths)
    batch, labels = whole(segments)
    assert labels.tolist() == [clip % 3 for clip in range(len(lengths))]
    for clip, (count, (upper, lower)) in enumerate(zip(lengths, batch, strict=True)):
        filled = min(count, length)
        start = upper[0] - 1000 * clip
        assert 0 <= start <= count - filled
        if places == "centred":
            assert start == (count - filled) // 2
        torch.testing.assert_close(upper[:filled], 1000.0 * clip + start + torch.arange(filled))
        torch.testing.assert_close(lower[:filled], -upper[:filled])
        assert (upper[filled:] == SILENCE).all()
        assert (lower[filled:] == SILENCE).all()


def starts_of(segments, epochs, items=None):
    """Where segments begin in their clips, shape (epochs, items)."""
    found = []
    for epoch in epochs:
        segments.set_epoch(epoch)
        batch, _ = whole(segments) if items is None else segments.batch(items)
        found.append(batch[:, 0, 0].numpy() % 1000)
    return np.array(found)


@given(lengths=clip_lengths, length=st.integers(1, 50), step=st.integers(1, 60))
def test_covering_segments_can_be_a_step_apart(lengths, length, step):
    segments = make(lengths, length, places="covering", step=step)
    starts = whole(segments)[0][:, 0, 0] % 1000
    for clip, count in enumerate(lengths):
        spare = max(0, count - length)
        assert starts[segments.clips == clip].tolist() == [*range(0, spare, step), spare]  # the last ends with the clip


def test_random_places_are_those_of_the_generator_that_is_documented():
    starts = starts_of(make([100, 50, 10], 16, seed=5, clips=[2, 0]), [7])
    draws = uniform(5, 7, np.arange(3))
    assert starts.tolist() == [[0, np.floor(draws[0] * 85)]]


def test_random_places_depend_on_seed_epoch_and_clip_alone():
    lengths = [100] * 40
    every = starts_of(make(lengths, 16, seed=3), range(5))
    np.testing.assert_array_equal(every, starts_of(make(lengths, 16, seed=3), range(5)))
    backwards = starts_of(make(lengths, 16, seed=3), [4, 2, 0])  # a resumed run, or one that does an epoch again
    np.testing.assert_array_equal(backwards, every[[4, 2, 0]])
    some = make(lengths, 16, seed=3, clips=[30, 7, 8])  # another machine's share of the clips, in another order
    np.testing.assert_array_equal(starts_of(some, range(5)), every[:, [30, 7, 8]])
    one_by_one = np.array([[int(some[item][0][0, 0]) % 1000 for item in range(3)]])
    np.testing.assert_array_equal(one_by_one, every[[4]][:, [30, 7, 8]])
    other = starts_of(make(lengths, 16, seed=4), range(5))
    assert (every == other).mean() < 0.1
    assert (every[0] == every[1]).mean() < 0.1  # 85 places: about 1 in 85 is the same


def test_each_clip_gets_other_places_in_other_epochs():
    starts = starts_of(make([100] * 40, 16), range(50))
    assert all(len(np.unique(clip)) > 30 for clip in starts.T)  # of 50 draws from 85 places
    assert len(np.unique(starts, axis=1).T) == 40  # and no two clips the same


def test_random_places_are_even():
    segments = make([20] * 500, 16)  # five places
    counts = np.bincount(starts_of(segments, range(20)).astype(int).ravel(), minlength=5)
    assert len(counts) == 5
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert chi_square < 18.5  # 4 degrees of freedom: all but 1 in 1,000 of even draws


def test_only_the_clips_that_are_named():
    segments = make([10, 10, 10, 10], 8, clips=[3, 1], places="covering")
    assert set(segments.clips) == {1, 3}
    batch, labels = whole(segments)
    assert set((batch[:, 0] // 1000).flatten().tolist()) == {1, 3}
    assert sorted(set(labels.tolist())) == [0, 1]
    for places in ("random", "covering"):
        assert len(make([10, 10], 8, clips=[], places=places)) == 0


# What a batch holds


def test_audio_is_scaled_to_a_waveform():
    values = np.array([-32768, -1, 0, 1, 16384, 32767], dtype=np.int16)
    batch, _ = whole(Segments(values, [0, 6, 6], [0, 1], length=6))
    assert batch.shape == (2, 6)
    assert batch.dtype == torch.float32
    assert batch[0].tolist() == [-1, -1 / 32768, 0, 1 / 32768, 0.5, 32767 / 32768]
    assert batch[1].tolist() == [0] * 6  # a clip without a sample is silence


def test_whole_numbers_of_several_dimensions_are_no_audio():
    batch, _ = whole(Segments(np.array([[1, 2], [3, 4]], dtype=np.int16), [0, 2], [0], length=2))
    assert batch.tolist() == [[[1, 3], [2, 4]]]


def test_half_precision_is_read_exactly():
    values = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float16)
    batch, _ = whole(Segments(values, [0, 50], [0], length=50))
    np.testing.assert_array_equal(batch[0].numpy(), values.T.astype(np.float32))


def test_each_dimension_can_have_a_silence_of_its_own():
    silence = np.array([-100.0, 0.5], dtype=np.float32)
    values = np.ones((3, 2), dtype=np.float32)
    segments = Segments(values, [0, 1, 3], [0, 1], length=4, silence=silence)
    batch, _ = whole(segments)
    assert batch[0].tolist() == [[1, -100, -100, -100], [1, 0.5, 0.5, 0.5]]
    assert batch[1].tolist() == [[1, 1, -100, -100], [1, 1, 0.5, 0.5]]
    np.testing.assert_array_equal(segments.silence, silence)


def test_a_summary_is_a_segment_of_one_frame():
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    batch, labels = whole(Segments(values, range(5), [0, 1, 0, 1], length=1))
    np.testing.assert_array_equal(batch[:, :, 0].numpy(), values)
    assert labels.tolist() == [0, 1, 0, 1]


def test_a_batch_is_a_copy():
    values = torch.ones(8, 2)
    batch, _ = whole(Segments(values, [0, 8], [0], length=8))
    batch.zero_()
    assert values.eq(1).all()


def test_number_of_classes():
    assert make([5, 5, 5], 4).classes == 3
    assert make([5, 5, 5], 4, classes=10).classes == 10


def test_values_of_one_tensor_are_shared():
    values = torch.zeros(100, 2)
    parts = [Segments(values, [0, 50, 100], [0, 1], clips=[clip], length=10) for clip in (0, 1)]
    assert {part.values.data_ptr() for part in parts} == {values.data_ptr()}


# With a loader


def test_a_loader_takes_whole_batches():
    segments = make([30, 40, 50], 16, places="covering")
    shapes = [tuple(batch.shape) for batch, _ in DataLoader(segments, batch_size=4, collate_fn=as_given)]
    assert shapes[0] == (4, 2, 16)
    assert sum(shape[0] for shape in shapes) == len(segments)


def first_of_each(loader):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of a fork in a process with threads
        return [batch[:, 0, 0].tolist() for batch, _ in loader]


def test_workers_draw_what_a_plain_loader_draws(small_store):
    segments = Segments.of_store(small_store, "logmel", length=16)
    segments.set_epoch(2)
    plain = first_of_each(DataLoader(segments, batch_size=5, collate_fn=as_given))
    assert plain == first_of_each(DataLoader(segments, batch_size=5, collate_fn=as_given, num_workers=2))
    assert plain == first_of_each(DataLoader(pickle.loads(pickle.dumps(segments)), batch_size=5, collate_fn=as_given))
    segments.set_epoch(3)
    assert plain != first_of_each(DataLoader(segments, batch_size=5, collate_fn=as_given, num_workers=2))


# Of a store


def test_segments_of_a_store(small_store):
    segments = Segments.of_store(small_store, "logmel", clips=[5], length=64, places="covering")
    assert len(segments) == 2  # 65 frames: at 0 and at 1
    assert segments.classes == 3
    batch, labels = segments.batch([0, 1])
    picture = torch.from_numpy(small_store.read("logmel", 5)).float()
    torch.testing.assert_close(batch, torch.stack([picture[:, :64], picture[:, 1:]]))
    assert labels.tolist() == [small_store.labels[5]] * 2


@pytest.mark.parametrize(("length", "places"), [(16, "random"), (64, "covering"), (100, "centred"), (5000, "random")])
def test_mapped_values_and_values_in_memory_give_the_same(small_store, length, places):
    settings = {"length": length, "silence": SILENCE, "places": places, "clips": [23, 0, 11, 11]}
    mapped = Segments.of_store(small_store, "logmel", **settings)
    values, offsets = np.array(small_store.values("logmel")), small_store.offsets("logmel")
    memory = Segments(values, offsets, small_store.labels, **settings)
    for expected, found in zip(whole(memory), whole(mapped), strict=True):
        assert torch.equal(expected, found)
    picture = torch.from_numpy(small_store.read("logmel", 23)).float()
    assert torch.equal(whole(mapped)[0][0][:, : min(length, 65)], picture if length > 64 else whole(memory)[0][0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same(small_store):
    settings = {"length": 100, "silence": SILENCE, "clips": [23, 0, 11, 11]}
    segments = Segments.of_store(small_store, "logmel", device="cuda", **settings)
    assert segments.values.device.type == segments.device.type == "cuda"
    for expected, found in zip(
        whole(Segments.of_store(small_store, "logmel", **settings)), whole(segments), strict=True
    ):
        assert found.device.type == "cuda"
        assert torch.equal(expected, found.cpu())


def test_a_pickle_holds_the_path_and_not_the_values(small_store, tmp_path):
    path = shutil.copy(small_store.path, tmp_path / "s.h5")
    segments = Segments.of_store(Store(path), "audio", length=100, places="centred")
    assert small_store.values("audio").nbytes > 1e6
    packed = pickle.dumps(segments)
    assert len(packed) < 10_000
    for expected, found in zip(whole(segments), whole(pickle.loads(packed)), strict=True):
        assert torch.equal(expected, found)
    shutil.copy(small_store.path, path.with_name("new.h5")).replace(path)
    with pytest.raises(
        StoreError, match=r"s\.h5: the store was replaced or changed after it was opened; open it again"
    ):
        pickle.loads(packed)
    whole(segments)  # it goes on with the file that it has mapped


READER = """
import resource, sys
import numpy as np
from torch.utils.data import DataLoader
from musiclab.store import Store
from musiclab.store.segments import Segments

path, clip, clips = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
offsets, labels = clip * np.arange(clips + 1), np.arange(clips) % 10
used = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + 500_000_000,) * 2)  # of which a map that is only read takes none
values = np.memmap(path, np.float16, "r", shape=(clip * clips, 128))
segments = Segments(values, offsets, labels, np.arange(0, clips, 64), length=128)
batches = 0
for batch, labels in DataLoader(segments, batch_size=64, shuffle=True, collate_fn=lambda batch: batch):
    assert batch.shape[1:] == (128, 128)
    batches += 1
print(batches)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what memory a process takes is read from /proc")
def test_ten_gigabytes_are_read_within_500_megabytes(tmp_path):
    clip, clips, bands = 1292, 32_000, 128  # 30 s each, float16: 10.6 GB
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 2 * clip * clips * bands)
    if path.stat().st_blocks * 512 > 100e6:
        pytest.skip("this file system does not keep holes")
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(clip), str(clips)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == -(-clips // (64 * 64))


# What cannot be


def test_unknown_places_and_lengths():
    with pytest.raises(RunError, match="among random, centred, covering, found 'centered'; did you mean centred"):
        make([10], 5, places="centered")
    with pytest.raises(RunError, match="expected length to be a whole number of at least 1, found 0"):
        make([10], 0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"labels": [0]}, "expected one label for each of 2 clips, found 1"),
        ({"offsets": [0, 5, 11]}, "expected offsets that increase from 0 to at most 10"),
        ({"offsets": [0, 5, 4]}, "expected offsets that increase"),
        ({"clips": [0, 2]}, "expected clip indices from 0 to 1, found 0 to 2"),
        ({"clips": [-1]}, "expected clip indices from 0 to 1, found -1 to -1"),
    ],
)
def test_what_does_not_belong_together(settings, words):
    with pytest.raises(StoreError, match=words):
        Segments(**{"values": np.zeros((10, 1)), "offsets": [0, 5, 10], "labels": [0, 1], **settings})
