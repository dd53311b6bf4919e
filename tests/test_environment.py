"""What is installed: every name there, true versions, and a plain word about what is missing and how to fix it."""

import json
import platform
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest
import torch

import musiclab
from musiclab.core import environment
from musiclab.core.environment import PACKAGES, check, describe, troubles
from musiclab.core.errors import MusiclabError


@pytest.fixture
def graphics(monkeypatch):
    """Sets which accelerators there seem to be: names of CUDA devices, and whether Apple's is there."""

    def pretend(cuda=(), mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cuda))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cuda))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: cuda[number])
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(environment.os, "cpu_count", lambda: 4)

    return pretend


def test_it_states_the_versions_that_are_installed():
    facts = describe()
    assert facts["musiclab"] == musiclab.__version__
    assert facts["python"] == platform.python_version()
    assert {name: facts[name] for name in PACKAGES} == {name: metadata.version(name) for name in PACKAGES}


def test_all_of_it_is_text_that_json_keeps():
    facts = describe()
    assert all(isinstance(value, str) and value for value in facts.values())
    assert json.loads(json.dumps(facts)) == facts


def test_a_package_that_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package"))
    facts = describe()
    assert facts["no-such-package"] == 'missing: pip install "musiclab[lessons]"'
    assert facts["numpy"] == metadata.version("numpy")


def test_folders_are_those_in_use(cache, monkeypatch):
    monkeypatch.delenv("MUSICLAB_DATA", raising=False)
    assert (describe()["cache"], describe()["MUSICLAB_DATA"]) == (str(cache), "not set")
    monkeypatch.setenv("MUSICLAB_DATA", "recordings")
    assert describe()["MUSICLAB_DATA"] == "recordings"
    monkeypatch.delenv("MUSICLAB_CACHE")
    assert Path(describe()["cache"]).name == "musiclab"


@pytest.mark.parametrize(
    ("there", "devices"),
    [
        ({}, "cpu (4 cores)"),
        ({"cuda": ["Fast One", "Slow One"]}, "cpu (4 cores), cuda (Fast One), cuda (Slow One)"),
        ({"mps": True}, "cpu (4 cores), mps"),
    ],
)
def test_devices_are_listed_by_name(graphics, there, devices):
    graphics(**there)
    assert describe()["devices"] == devices


@pytest.fixture
def required(monkeypatch):
    """Sets what musiclab names as required, as pip's metadata have it."""
    return lambda *lines: monkeypatch.setattr(environment.metadata, "requires", lambda name: list(lines))


def test_nothing_is_wrong_where_the_tests_run(capsys):
    assert troubles() == []
    check()
    printed = capsys.readouterr().out
    assert "Everything is ready for the lessons." in printed
    assert f"torch {metadata.version('torch')}" in printed


def test_one_command_fixes_all_that_is_missing_or_of_another_version(required):
    required("numpy>=1", "no-such-package<2,>=0.11", "pandas>=999", 'no-other; extra == "test"')
    missing, other, command = troubles()
    assert missing == "no-such-package: expected <2,>=0.11, found none"
    assert other == f"pandas: expected >=999, found {metadata.version('pandas')}"
    assert '%pip install "no-such-package<2,>=0.11" "pandas>=999"' in command
    assert "restart the kernel" in command


def test_a_check_that_fails_names_everything_at_once(required):
    required("no-such-package", "no-such-either>=2")
    with pytest.raises(MusiclabError, match=r"(?s)no-such-package: expected any version.*no-such-either: expected >=2"):
        check()


@pytest.mark.parametrize(
    ("version", "versions", "fits"),
    [
        ("2.13.0+cpu", "<3,>=2.7", True),
        ("3.0.1", "<3,>=2.7", False),
        ("3.0.0", "<3,>=2.7", False),
        ("2.6.9", "<3,>=2.7", False),
        ("2.7", "<3,>=2.7.0", True),
        ("2.10", "<3,>=2.9", True),
        ("2", ">=2.0", True),
        ("1.1rc1", "<2,>=1.0", True),
        ("1.0rc1", "<2,>=1.0", False),
        ("3.0.0rc1", "<3,>=2.7", False),
        ("0.0.1", "", True),
    ],
)
def test_versions_are_compared_as_numbers(required, monkeypatch, version, versions, fits):
    required(f"some-package{versions}")
    monkeypatch.setattr(environment.metadata, "version", lambda name: version)
    assert (troubles() == []) == fits


def test_without_packaging_it_is_asked_for_first(required, monkeypatch):
    required("no-such-package")
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)  # as if it were not installed
    (line,) = troubles()
    assert line.startswith("packaging: not installed")
    assert "%pip install packaging" in line


@pytest.mark.parametrize("error", [ImportError("DLL load failed"), OSError("libsndfile.so: cannot open\nmore")])
def test_a_package_that_is_there_and_does_not_load_is_named_with_the_reason(required, monkeypatch, error):
    def fail(name):
        raise error

    required("soundfile>=0.1")
    monkeypatch.setattr(environment.importlib, "import_module", fail)
    (line,) = troubles()
    assert line.startswith(f"soundfile: version {metadata.version('soundfile')} is installed but cannot be imported (")
    assert f"({str(error).splitlines()[0]})" in line
    assert f"--force-reinstall --no-deps soundfile=={metadata.version('soundfile')}" in line


def test_musiclab_that_is_not_installed_is_told(monkeypatch):
    def not_installed(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(environment.metadata, "requires", not_installed)
    (line,) = troubles()
    assert re.search(r"not installed.*pip install -r requirements\.txt", line)


def test_an_old_python_is_told(monkeypatch):
    monkeypatch.setattr(environment, "_OLDEST_PYTHON", (99, 1))
    (line,) = troubles()
    assert f"expected 99.1 or newer, found {platform.python_version()}" in line


def test_a_cache_without_room_or_permission_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "not" / "there"))
    assert troubles() == []  # it can be made
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 2 * 10**8))
    (line,) = troubles()
    assert "needs 1 GB of free space" in line
    assert "found 0.20 GB" in line
    (tmp_path / "file").touch()
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "file"))
    (line,) = troubles()
    assert "is not writable; choose another folder with the environment variable MUSICLAB_CACHE" in line


def test_looking_at_what_is_missing_needs_none_of_it():
    code = "import sys; import musiclab.core.environment; print([n for n in ('numpy', 'torch') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
