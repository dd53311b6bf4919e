"""Report installed versions and devices, and explain how to fix an incomplete installation."""

import importlib
import os
import platform
import shutil
import sys
from importlib import metadata

from musiclab.core.errors import MusiclabError
from musiclab.core.files import cache_folder

# packages whose versions can influence results
PACKAGES = ("torch", "torchaudio", "librosa", "soundfile", "soxr", "h5py", "numpy", "pandas", "scikit-learn",
            "matplotlib", "ipywidgets", "jupyterlab", "accelerate")  # fmt: skip
NATIVE = ("numpy", "torch", "soundfile", "h5py")  # packages with compiled code, which may fail to load
ROOM = 1.0  # gigabytes that the lessons need in the cache folder
_OLDEST_PYTHON = (3, 11)  # as in pyproject.toml, which is not available if musiclab is not installed


def describe() -> dict[str, str]:
    """Return a dictionary of versions, devices and folders."""
    return {
        "musiclab": metadata.version("musiclab"),
        "python": platform.python_version(),
        "system": platform.platform(),
        **{package: _version(package) or 'missing: pip install "musiclab[lessons]"' for package in PACKAGES},
        "devices": _devices(),
        "cache": str(cache_folder()),
        "MUSICLAB_DATA": os.environ.get("MUSICLAB_DATA", "not set"),
    }


def check() -> None:
    """Confirm that the installation is complete, or raise MusiclabError with the list of :func:`troubles`."""
    if problems := troubles():
        raise MusiclabError("\n".join(["the installation is not ready for the lessons:", *problems]))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "librosa", "numpy"))
    print("Everything is ready for the lessons.")
    print(f"Python {platform.python_version()}, musiclab {metadata.version('musiclab')}, {versions}")
    print(f"Devices: {_devices()}")


def troubles() -> list[str]:
    """List problems that would stop a lesson, one per line, with their remedies.

    Checks the versions of Python and all required packages, imports the packages with compiled code, and checks that
    the cache folder is writable and has enough space. It works even if these packages are missing.
    """
    problems = []
    if sys.version_info[:2] < _OLDEST_PYTHON:
        problems.append(
            f"Python: expected {'.'.join(map(str, _OLDEST_PYTHON))} or newer, found {platform.python_version()}; "
            "create a new environment with a newer Python, as described in the README"
        )
    return problems + _package_problems() + _cache_problems()


def _package_problems() -> list[str]:
    try:
        requirements = metadata.requires("musiclab") or []
    except metadata.PackageNotFoundError:
        return ["musiclab: not installed; in the folder with the README, run: pip install -r requirements.txt"]
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return [
            "packaging: not installed, so the versions of the other packages cannot be checked; "
            "run  %pip install packaging  in a separate cell, then restart the kernel"
        ]
    problems, to_install = [], []
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": "lessons"}):  # of another extra
            continue
        name, versions = requirement.name, requirement.specifier
        version = _version(name)
        if version is None or not versions.contains(version, prereleases=True):
            problems.append(f"{name}: expected {versions or 'any version'}, found {version or 'none'}")
            to_install.append(f'"{name}{versions}"')
        elif name in NATIVE and (reason := _import_failure(name)):
            problems.append(
                f"{name}: version {version} is installed but cannot be imported ({reason}); run in a separate cell: "
                f"%pip install --force-reinstall --no-deps {name}=={version}"
            )
    if to_install:
        command = f"%pip install {' '.join(to_install)}"
        problems.append(f"to fix this, run  {command}  in a separate cell, then restart the kernel")
    return problems


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _import_failure(package: str) -> str:
    """Return the first line of the error when a package is imported, or "" if the import succeeds."""
    try:
        importlib.import_module(package)
    except (ImportError, OSError) as error:  # OSError: a system library is missing
        return next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ""


def _cache_problems() -> list[str]:
    try:
        folder = cache_folder()
    except ModuleNotFoundError:
        return []  # platformdirs is missing, which is already listed as a package problem
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    remedy = "choose another folder with the environment variable MUSICLAB_CACHE, and restart JupyterLab"
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        return [f"cache: the folder {existing} is not writable; {remedy}"]
    free = shutil.disk_usage(existing).free / 1e9
    if free < ROOM:
        return [f"cache: {folder} needs {ROOM:g} GB of free space, found {free:.2f} GB; free some space, or {remedy}"]
    return []


def _devices() -> str:
    import torch

    devices = [f"cpu ({os.cpu_count()} cores)"]
    if torch.cuda.is_available():
        devices += [f"cuda ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return ", ".join(devices)
