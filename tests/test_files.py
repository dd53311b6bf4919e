"""Files that are whole or not there."""

import json
import os
import stat
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
