"""Report what is installed, what it can compute on, and how to fix what is missing."""

import importlib
import os
import platform
import shutil
import sys
from importlib import metadata

from musiclab.core.errors import MusiclabError
from musiclab.core.files import cache_folder

# packages whose versions matter to a result
PACKAGES = ("torch", "torchaudio", "librosa", "soundfile", "soxr", "h5py", "numpy", "pandas", "scikit-learn",
            "matplotlib", "ipywidgets", "jupyterlab", "accelerate")  # fmt: skip
NATIVE = ("numpy", "torch", "soundfile", "h5py")  # with compiled parts, which may be installed and yet fail to load
ROOM = 1.0  # gigabytes that the lessons need in the cache folder
_OLDEST_PYTHON = (3, 11)  # repeats pyproject.toml, because musiclab may be used without being installed


def describe() -> dict[str, str]:
    """Return versions, devices and folders by name."""
    return {
        "musiclab": metadata.version("musiclab"),
        "python": platform.python_version(),
        "system": platform.platform(),
        **{package: _version(package) or "missing: pip install -r requirements.txt" for package in PACKAGES},
        "devices": _devices(),
        "cache": str(cache_folder()),
        "MUSICLAB_DATA": os.environ.get("MUSICLAB_DATA", "not set"),
    }


def check() -> None:
    """Print that everything is in place, or raise MusiclabError with a line for each of the :func:`troubles`."""
    if problems := troubles():
        raise MusiclabError("\n".join(["not everything that the lessons need is here:", *problems]))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "librosa", "numpy"))
    print("All that the lessons need is here.")
    print(f"Python {platform.python_version()}, musiclab {metadata.version('musiclab')}, {versions}")
    print(f"computes on: {_devices()}")


def troubles() -> list[str]:
    """List what would stop a lesson, and how to fix it, one line for each problem.

    It checks the versions of Python and of all packages that musiclab requires, whether those with compiled parts
    load, and whether the cache folder can be written to and has room. It needs none of these packages itself.
    """
    problems = []
    if sys.version_info[:2] < _OLDEST_PYTHON:
        problems.append(
            f"Python: expected {'.'.join(map(str, _OLDEST_PYTHON))} or newer, found {platform.python_version()}; "
            "create the environment again with a newer one, as the README shows"
        )
    return problems + _package_problems() + _cache_problems()


def _package_problems() -> list[str]:
    try:
        requirements = metadata.requires("musiclab") or []
    except metadata.PackageNotFoundError:
        return ["musiclab: a folder, but not installed; in the folder of its README: pip install -r requirements.txt"]
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return [
            "packaging: not installed, so the versions of the other packages cannot be checked; "
            "run  %pip install packaging  in a cell of its own, then restart the kernel"
        ]
    problems, wanted = [], []
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):  # only tests or clusters need it
            continue
        name, versions = requirement.name, requirement.specifier
        version = _version(name)
        if version is None or not versions.contains(version, prereleases=True):
            problems.append(f"{name}: expected {versions or 'any version'}, found {version or 'none'}")
            wanted.append(f'"{name}{versions}"')
        elif name in NATIVE and (reason := _import_failure(name)):
            problems.append(
                f"{name}: expected one that loads, found {version}, which does not ({reason}); in a cell of its own: "
                f"%pip install --force-reinstall --no-deps {name}=={version}"
            )
    if wanted:
        command = f"%pip install {' '.join(wanted)}"
        problems.append(f"to fix this: run  {command}  in a cell of its own, then restart the kernel")
    return problems


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _import_failure(package: str) -> str:
    """Return in one line why a package does not load, or an empty text."""
    try:
        importlib.import_module(package)
    except (ImportError, OSError) as error:  # OSError: a library of the system that it needs is missing
        return next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ""


def _cache_problems() -> list[str]:
    try:
        folder = cache_folder()
    except ModuleNotFoundError:
        return []  # no platformdirs, which is listed among the packages
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    remedy = "name another folder with the environment variable MUSICLAB_CACHE, and start JupyterLab again"
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        return [f"cache: expected a folder that can be written to, found that {existing} cannot; {remedy}"]
    free = shutil.disk_usage(existing).free / 1e9
    if free < ROOM:
        return [f"cache: expected {ROOM:g} GB of room in {folder}, found {free:.2f} GB; make room, or {remedy}"]
    return []


def _devices() -> str:
    import torch

    devices = [f"cpu ({os.cpu_count()} cores)"]
    if torch.cuda.is_available():
        devices += [f"cuda ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return ", ".join(devices)
