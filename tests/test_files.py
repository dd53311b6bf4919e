"""Files that are whole or not there."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from musiclab.core.files import cache_folder, replacing, write_json


def test_a_file_appears_when_the_block_has_ended(tmp_path):
    path = tmp_path / "deep" / "down" / "notes.txt"
    with replacing(path) as unfinished:
        unfinished.write_text("all of it")
        assert unfinished.parent == path.parent  # a rename is only certain within one disk
        assert unfinished.suffix == ".txt"  # writers that go by the ending still work
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert os.listdir(path.parent) == ["notes.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def fail_half_way():
        with replacing(path) as unfinished:
            unfinished.write_text("half of the n")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["notes.txt"]


DIE_HALF_WAY = """
import os, signal, sys
from musiclab.core.files import replacing
with replacing(sys.argv[1]) as unfinished:
    unfinished.write_text("half of the n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_there(tmp_path):
    (tmp_path / "notes.txt").write_text("old")
    subprocess.run([sys.executable, "-c", DIE_HALF_WAY, tmp_path / "notes.txt"], timeout=60)
    (left,) = tmp_path.glob(".*")
    assert left.read_text() == "half of the n"
    of_a_living_process = tmp_path / left.name.replace(re.search(r"-(\d+)-", left.name)[1], str(os.getppid()))
    of_the_user = tmp_path / ".notes-1.txt"
    of_another_machine = tmp_path / re.sub(r"-[0-9a-f]{8}-", "-01234567-", left.name, count=1)
    for file in (of_a_living_process, of_the_user, of_another_machine):
        file.touch()
    with replacing(tmp_path / "other.txt") as other, replacing(tmp_path / "third.txt") as third:
        assert not left.exists()
        other.write_text("other")
        assert third.exists()
    names = {"notes.txt", "other.txt", "third.txt", of_a_living_process.name, of_the_user.name, of_another_machine.name}
    assert set(os.listdir(tmp_path)) == names
    assert (tmp_path / "notes.txt").read_text() == "old"


@pytest.fixture
def little_room():
    """No file may be larger than 1,000 bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("who", ["Python", "a library"])
def test_a_write_that_fails_names_the_file(tmp_path, little_room, who):
    path = tmp_path / "notes.txt"

    def write_much():
        with replacing(path) as unfinished:
            try:
                unfinished.write_bytes(bytes(2000))
            except OSError:
                if who == "Python":
                    raise
                raise RuntimeError("writer failed writing file data/0") from None

    with pytest.raises(OSError, match="File too large") as caught:
        write_much()
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert os.listdir(tmp_path) == []


def test_other_errors_stay_as_they_are(tmp_path):
    def read_another():
        with replacing(tmp_path / "notes.txt"):
            (tmp_path / "missing.txt").read_text()

    with pytest.raises(FileNotFoundError) as caught:
        read_another()
    assert caught.value.filename == str(tmp_path / "missing.txt")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder") as caught:
        write_json(tmp_path / "folder", {})
    assert caught.value.filename == str(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path):
    path = write_json(tmp_path / ("n" * 250 + ".json"), {})
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_the_file_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "a.json", {})
        assert os.umask(0o027) == 0o027  # and it is as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640


def test_json_is_readable_by_people_and_programs(tmp_path):
    value = {"class": "dörr", "numbers": [1, 2.5, None, True]}
    path = write_json(tmp_path / "value.json", value)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert '\n  "class": "dörr"' in text
    assert text.endswith("}\n")


def test_the_cache_is_where_the_variable_says_or_the_system(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    for unset in (lambda: monkeypatch.setenv("MUSICLAB_CACHE", ""), lambda: monkeypatch.delenv("MUSICLAB_CACHE")):
        unset()
        assert cache_folder() == Path(platformdirs.user_cache_dir("musiclab", appauthor=False))
