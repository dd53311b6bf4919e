"""What is installed here, what it can compute on, and what to do where something is missing."""

import importlib
import os
import platform
import re
import shutil
import sys
from importlib import metadata

from musiclab.core.errors import MusiclabError
from musiclab.core.files import cache_folder

PACKAGES = ("torch", "torchaudio", "librosa", "soundfile", "soxr", "h5py", "numpy", "pandas", "scikit-learn",
            "matplotlib", "ipywidgets", "jupyterlab", "accelerate")  # fmt: skip
"""Packages whose versions matter to a result."""

NATIVE = ("numpy", "torch", "soundfile", "h5py")
"""Packages with parts in machine code that can be there and yet not load: another system, another processor."""

ROOM = 1.0
"""Gigabytes that the lessons want in the cache folder, for the sounds that they render and the stores of these."""

_OLDEST_PYTHON = (3, 11)  # as pyproject.toml says; it stands here too, since musiclab may be there uninstalled


def describe() -> dict[str, str]:
    """Versions, devices and folders, as texts by name; a package that is missing says so."""
    facts = {
        "musiclab": metadata.version("musiclab"),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    for package in PACKAGES:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[package] = "missing: pip install -r requirements.txt"
    facts["devices"] = ", ".join(_devices())
    facts["cache"] = str(cache_folder())
    facts["MUSICLAB_DATA"] = os.environ.get("MUSICLAB_DATA", "not set")
    return facts


def troubles() -> list[str]:
    """What would stop a lesson, a line each, with what to do about it; an empty list where all is well.

    Looked at are the version of Python, every package that musiclab names as required (is it there, is its version in
    range, and does it load where it is in machine code), and the cache folder (can it be written to, is there room).
    It needs none of these packages itself, so it can be asked before anything else is imported.
    """
    found = []
    if sys.version_info[:2] < _OLDEST_PYTHON:
        found.append(
            f"Python: expected {'.'.join(map(str, _OLDEST_PYTHON))} or newer, found {platform.python_version()}; make "
            "the environment again with a newer one, as the README says"
        )
    return found + _packages() + _cache()


def check() -> None:
    """Print that all is well and what there is, or raise with everything that is missing and how to mend it.

    For the first cell of a notebook, before its imports.

    Raises
    ------
    MusiclabError
        Something would stop a lesson; the message has a line for each thing.
    """
    if found := troubles():
        raise MusiclabError("\n".join(["not everything that the lessons need is here:", *found]))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "librosa", "numpy"))
    print("All that the lessons need is here.")
    print(f"Python {platform.python_version()}, musiclab {metadata.version('musiclab')}, {versions}")
    print(f"computes on: {', '.join(_devices())}")


def _packages() -> list[str]:
    """Troubles with required packages. One command mends those that are missing, or of another version, together."""
    try:
        required = metadata.requires("musiclab") or []
    except metadata.PackageNotFoundError:
        return [
            "musiclab: found as a folder, not installed; in the folder of its README: pip install -r requirements.txt"
        ]
    found, wanted = [], []
    for line in required:
        if "extra ==" in line:  # what only tests or clusters need
            continue
        requirement = line.split(";")[0].strip()
        name, versions = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.append(f"{name}: expected {versions or 'any version'}, found none")
            wanted.append(requirement)
            continue
        if not _fits(version, versions):
            found.append(f"{name}: expected {versions}, found {version}")
            wanted.append(requirement)
        elif name in NATIVE and (reason := _does_not_load(name)):
            found.append(
                f"{name}: expected one that loads, found {version}, which does not ({reason}); in a cell of its own: "
                f"%pip install --force-reinstall --no-deps {name}=={version}"
            )
    if wanted:
        names = " ".join(f'"{requirement}"' for requirement in wanted)
        found.append(f"to mend: run  %pip install {names}  in a cell of its own, then restart the kernel")
    return found


def _fits(version: str, versions: str) -> bool:
    """Whether a version is in a range such as ``<3,>=2.7``; these two operators are all that pyproject.toml uses."""
    bounds = re.findall(r"(>=|<(?!=))\s*([\d.]+)", versions)
    return all((_release(version) >= _release(bound)) == (operator == ">=") for operator, bound in bounds)


def _release(version: str) -> tuple[int, ...]:
    """``"2.13.0+cpu"`` -> ``(2, 13)``: zeros at the end count for nothing."""
    numbers = [int(number) for number in re.match(r"[\d.]*", version)[0].strip(".").split(".") if number]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _does_not_load(package: str) -> str:
    """Why a package does not load, in one line, or nothing."""
    try:
        importlib.import_module(package)
    except (ImportError, OSError) as error:  # OSError: a library of the system that it needs is not there
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ""


def _cache() -> list[str]:
    """Troubles with the folder that keeps rendered sounds and stores."""
    try:
        folder = cache_folder()
    except ModuleNotFoundError:
        return []  # platformdirs, which is named among the packages
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    moves = "name another folder with the environment variable MUSICLAB_CACHE, and start JupyterLab again"
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return [f"cache: expected a folder that can be written to, found that {there} cannot; {moves}"]
    free = shutil.disk_usage(there).free / 1e9
    if free < ROOM:
        return [f"cache: expected {ROOM:g} GB of room in {folder}, found {free:.2f} GB; make room, or {moves}"]
    return []


def _devices() -> list[str]:
    import torch

    devices = [f"cpu ({os.cpu_count()} cores)"]
    if torch.cuda.is_available():
        devices += [f"cuda ({torch.cuda.get_device_name(number)})" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices
