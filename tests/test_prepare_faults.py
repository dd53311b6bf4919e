"""Preparations that are killed, stopped, short of room or not alone: the store is the old one or the new one."""

import errno
import logging
import multiprocessing
import os
import resource
import shutil
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import SAMPLE_RATE, noisy_sine

from musiclab.audio import save_audio
from musiclab.core.errors import StoreError
from musiclab.datasets import AudioFolder
from musiclab.features import MelConfig
from musiclab.store import Store, cached_store, create, extraction, prepare, preparing, writing
from musiclab.store.extraction import extract
from musiclab.store.parts import open_parts, parts_folder

ALONE = {"workers": 1, "progress": False}
PRELOADED = [
    "musiclab.store.preparing", "musiclab.datasets.fingerprints", "musiclab.features.settings",
    "hypothesis", "pytest", "scipy.sparse.csgraph", "soundfile", "soxr", "torch",
]  # fmt: skip


@pytest.fixture(scope="module")
def sixty_clips(tmp_path_factory):
    """Two classes of 30 clips of half a second."""
    root = tmp_path_factory.mktemp("data") / "sixty"
    for number in range(60):
        path = root / ("low", "high")[number % 2] / f"{number:02d}.wav"
        save_audio(path, noisy_sine((200, 3200)[number % 2], number, 0.5), SAMPLE_RATE)
    return root


@pytest.fixture(scope="module")
def uninterrupted(sixty_clips, tmp_path_factory):
    """The bytes of the store of those."""
    path = tmp_path_factory.mktemp("whole") / "s.h5"
    prepare(AudioFolder(sixty_clips), path, **ALONE)
    return path.read_bytes()


@pytest.fixture
def small_parts(monkeypatch):
    """Of two clips: many parts."""
    monkeypatch.setattr(preparing, "PART_CLIPS", 2)


# Killed


@pytest.fixture(scope="module")
def start():
    """Starts ``function(*arguments)`` in a process of its own, at once: all is imported already where it forks from."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no fork server")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def run(function, *arguments):
        process = context.Process(target=function, args=arguments)
        process.start()
        return process

    return run


def prepare_in_parts_of_two(root, path):
    preparing.PART_CLIPS = 2
    prepare(AudioFolder(root), path, workers=2, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("before", ["nothing", "an old store"])
def test_killed_at_random_moments_it_goes_on_and_ends_with_the_same_bytes(
    start, sixty_clips, uninterrupted, tmp_path, before, small_parts
):
    path, old = tmp_path / "s.h5", None
    if before == "an old store":
        prepare(AudioFolder(sixty_clips), path, ["audio"], **ALONE)
        old = path.read_bytes()
    rng = np.random.default_rng(len(before))
    finished = 0
    for more in rng.integers(0, 8, 5):  # parts to wait for; 30 make the store
        process = start(prepare_in_parts_of_two, sixty_clips, path)
        while len(list(parts_folder(path).glob("0*.h5"))) < finished + more:
            assert process.is_alive(), "it ended before it was killed"
        for _ in range(rng.integers(0, 3000)):  # and somewhere within the next
            pass
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert (path.read_bytes() if path.exists() else None) == old
        finished = len(list(parts_folder(path).glob("0*.h5")))
    assert 0 < finished < 30
    report = prepare(AudioFolder(sixty_clips), path, workers=2, progress=False)
    assert report.clips == 60
    assert path.read_bytes() == uninterrupted
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]


def kill_oneself(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def prepare_and_die(root, path, moment):
    """Killed after the second of two columns has begun, before the new store has its name, and after that."""
    if moment == "while it is put together":
        column = preparing.make_column
        broken_off = {"audio": column, "logmel": lambda *clips: column(*clips)._replace(blocks=map(kill_oneself, "1"))}
        preparing.make_column = lambda feature, clips: broken_off[feature](feature, clips)
    elif moment == "before it has its name":
        rename = os.replace
        os.replace = lambda here, there: kill_oneself() if Path(there) == Path(path) else rename(here, there)
    else:
        shutil.rmtree = kill_oneself
    prepare_in_parts_of_two(root, path)


@pytest.mark.parametrize("moment", ["while it is put together", "before it has its name", "after it has its name"])
def test_killed_at_the_end_it_has_nothing_to_compute(start, sixty_clips, uninterrupted, tmp_path, moment, monkeypatch):
    path = tmp_path / "s.h5"
    process = start(prepare_and_die, sixty_clips, path, moment)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert path.exists() == (moment == "after it has its name")
    monkeypatch.setattr(extraction, "extract", None)  # cannot be called
    assert prepare(AudioFolder(sixty_clips), path, **ALONE).clips == 60
    assert path.read_bytes() == uninterrupted
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]


# Stopped


def stop_at(clip, error, monkeypatch):
    """Raise ``error`` in the place of reading that clip; gives the list of those that were read."""
    calls = []

    def count(path, configs):
        if len(calls) == clip:
            raise error
        calls.append(path)
        return extract(path, configs)

    monkeypatch.setattr(extraction, "extract", count)
    return calls


def test_ctrl_c_says_how_to_go_on(sixty_clips, uninterrupted, tmp_path, monkeypatch, small_parts):
    path = tmp_path / "s.h5"
    stop_at(31, KeyboardInterrupt, monkeypatch)
    with pytest.raises(
        KeyboardInterrupt, match=r"s\.h5: stopped; finished clips are kept in .*\.s\.h5\.parts, and the"
    ):
        prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert not path.exists()
    calls = stop_at(None, None, monkeypatch)
    report = prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert len(calls) == 30  # 15 parts of two are there, and the half one is not
    assert report.computed == 60
    assert path.read_bytes() == uninterrupted


def test_a_feature_more_takes_over_what_was_finished_before_a_stop(sixty_clips, tmp_path, monkeypatch, small_parts):
    path = tmp_path / "s.h5"
    stop_at(31, KeyboardInterrupt, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        prepare(AudioFolder(sixty_clips), path, ["audio"], **ALONE)
    calls = []
    monkeypatch.setattr(extraction, "extract", lambda name, configs: calls.append(configs) or extract(name, configs))
    prepare(AudioFolder(sixty_clips), path, ["audio", "logmel"], **ALONE)
    assert [list(configs) for configs in calls] == 30 * [["logmel"]] + 30 * [["audio", "logmel"]]


@pytest.mark.parametrize("fault", ["other settings", "other versions", "a wrong bit", "cut off"])
def test_parts_that_do_not_fit_are_thrown_away(
    sixty_clips, uninterrupted, tmp_path, monkeypatch, caplog, fault, small_parts
):
    path = tmp_path / "s.h5"
    stop_at(5, KeyboardInterrupt, monkeypatch)
    features = {"logmel": MelConfig(n_mels=16)} if fault == "other settings" else ("audio", "logmel")
    with monkeypatch.context() as patch:
        if fault == "other versions":
            patch.setattr(writing, "current_versions", lambda: {"musiclab": "0"})
        with pytest.raises(KeyboardInterrupt):
            prepare(AudioFolder(sixty_clips), path, features, **ALONE)
    first, second = sorted(parts_folder(path).glob("*.h5"))
    if fault == "a wrong bit":
        with h5py.File(first, "r+") as file:
            file["audio/values"][5] ^= 1
    elif fault == "cut off":
        os.truncate(second, 1000)
    calls = stop_at(None, None, monkeypatch)
    with caplog.at_level(logging.INFO, "musiclab"):
        prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert path.read_bytes() == uninterrupted
    thrown = [record.message for record in caplog.records if "deleted" in record.message]
    expected = {"other settings": 2, "other versions": 2, "a wrong bit": 1, "cut off": 1}[fault]
    assert (len(thrown), len(calls)) == (expected, 56 + 2 * expected)


# No room, no place


def test_a_full_disk_keeps_what_is_finished(sixty_clips, uninterrupted, tmp_path, monkeypatch, small_parts):
    path, full = tmp_path / "s.h5", OSError(errno.ENOSPC, "No space left on device")
    words = r"s\.h5: the store cannot be written \(.*No space left.*; free some disk space.*and the same call"

    def create_some(part, *settings):
        if part.stem == "00000011":
            raise full
        return create(part, *settings)

    def fail(file, *_):
        Path(file).write_bytes(bytes(1000))
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "create", create_some)
        with pytest.raises(StoreError, match=words):
            prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert len(list(parts_folder(path).glob("*.h5"))) == 10
    calls = stop_at(None, None, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "write", fail)
        with pytest.raises(StoreError, match=words):
            prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert len(calls) == 40
    assert not path.exists()
    assert len(list(parts_folder(path).glob("*.h5"))) == 30  # and what was begun takes no room
    prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert len(calls) == 40
    assert path.read_bytes() == uninterrupted


def prepare_with_little_room(root, path, size, answers):
    """HDF5's own writes fail: no file may be larger than ``size``."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        prepare_in_parts_of_two(root, path)
    except StoreError as error:
        answers.send(str(error))
    else:
        answers.send("made")


@pytest.mark.parametrize(("size", "kept"), [(20_000, 0), (500_000, 30)])
def test_where_a_write_fails_nothing_half_is_left(start, sixty_clips, uninterrupted, tmp_path, size, kept):
    path = tmp_path / "s.h5"
    answers, theirs = multiprocessing.Pipe()
    process = start(prepare_with_little_room, sixty_clips, path, size, theirs)
    assert answers.poll(300)
    assert "s.h5: the store cannot be written (" in answers.recv()
    process.join()
    assert process.exitcode == 0
    assert not path.exists()
    assert len(list(parts_folder(path).glob("*.h5"))) == kept
    prepare(AudioFolder(sixty_clips), path, **ALONE)
    assert path.read_bytes() == uninterrupted


def test_a_place_that_cannot_be_written_to_is_refused(small_folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"s\.h5: the store cannot be written .*; choose a folder that you can"):
        prepare(AudioFolder(small_folder), tmp_path / "file" / "s.h5", **ALONE)

    def refuse(self, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"Read-only file system: .*; choose a folder that you can write to"):
        prepare(AudioFolder(small_folder), tmp_path / "s.h5", **ALONE)
    monkeypatch.undo()
    with pytest.raises(StoreError, match=r"expected the name of a new store, such as .*, found a folder"):
        prepare(AudioFolder(small_folder), tmp_path, **ALONE)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("what", ["nothing in it", "text", "another HDF5 file", "cut off", "of a newer format"])
def test_what_is_no_store_is_replaced_only_when_that_is_said(small_folder, small_store, tmp_path, what):
    path = tmp_path / "s.h5"
    shutil.copy(small_store.path, path)
    if what == "nothing in it":
        os.truncate(path, 0)
    elif what == "text":
        path.write_text("dear diary")
    elif what == "cut off":
        os.truncate(path, 10_000)
    else:
        with h5py.File(path, "r+") as file:
            file.attrs["version" if what == "of a newer format" else "format"] = 99
    before = path.read_bytes()
    words = r"s\.h5: (not a readable HDF5 file|expected .*, found ).*make it again with: musiclab prepare .* --replace"
    with pytest.raises(StoreError, match=words):
        prepare(AudioFolder(small_folder), path, **ALONE)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]
    prepare(AudioFolder(small_folder), path, replace=True, **ALONE)
    assert path.read_bytes() == small_store.path.read_bytes()


# Not alone


def test_a_second_writer_is_refused_at_once(small_folder, small_store, tmp_path):
    path = tmp_path / "s.h5"
    with open_parts(path), pytest.raises(StoreError, match=r"another process is preparing this store; wait"):
        prepare(AudioFolder(small_folder), path, **ALONE)
    prepare(AudioFolder(small_folder), path, **ALONE)
    assert path.read_bytes() == small_store.path.read_bytes()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EIO])
def test_where_files_cannot_be_locked_it_works_without(small_folder, small_store, tmp_path, monkeypatch, code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    prepare(AudioFolder(small_folder), tmp_path / "s.h5", **ALONE)
    assert (tmp_path / "s.h5").read_bytes() == small_store.path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]


def open_cached(root, answers):
    calls = []
    extraction.extract = lambda path, configs: calls.append(path) or extract(path, configs)
    path = cached_store(AudioFolder(root), ["logmel"])
    answers.send((str(path), len(calls)))


def test_of_two_that_need_the_same_cached_store_one_makes_it(start, sixty_clips, tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    pipes = [multiprocessing.Pipe() for _ in range(2)]
    processes = [start(with_cache, tmp_path, open_cached, sixty_clips, theirs) for _, theirs in pipes]
    assert all(ours.poll(300) for ours, _ in pipes)
    (first, one), (second, other) = (ours.recv() for ours, _ in pipes)
    for process in processes:
        process.join()
    assert first == second
    assert sorted((one, other)) == [0, 60]
    with Store(first) as store:
        assert len(store) == 60


def with_cache(folder, function, *arguments):
    os.environ["MUSICLAB_CACHE"] = str(folder)
    function(*arguments)


# Memory


def peak_of(root, path, answers):
    """Growth of this process's largest size in memory (MB) by a preparation."""
    prepare(AudioFolder(root / "few"), path.with_name("first.h5"), workers=2, progress=False)  # what is there anyway
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = prepare(AudioFolder(root / "many"), path, workers=2, progress=False)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers.send((report.clips, path.stat().st_size / 1e6, (after - before) / 1e3))


def test_memory_does_not_grow_with_the_number_of_clips(start, tmp_path):
    sound = save_audio(tmp_path / "one.wav", noisy_sine(200, 0, 1.0), SAMPLE_RATE)
    for name, count in (("few", 200), ("many", 1000)):
        for number in range(count):
            path = tmp_path / name / ("a", "b")[number % 2] / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(sound, path)
    answers, theirs = multiprocessing.Pipe()
    process = start(peak_of, tmp_path, tmp_path / "s.h5", theirs)
    assert answers.poll(300)
    clips, size, growth = answers.recv()
    process.join()
    assert clips == 1000
    assert size > 50
    assert growth < 22  # MB; the 800 clips more are 44 MB as they are stored
