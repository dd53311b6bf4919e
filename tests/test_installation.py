"""What is installed without extras: the wheel, in an environment with nothing but what the core needs."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import PITCHES, SAMPLE_RATE, noisy_sine
from packaging.requirements import Requirement

from musiclab.audio import save_audio
from musiclab.core.errors import MusiclabError
from musiclab.core.extras import require

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Folder with sdist and wheel, made by ``python -m build`` from a copy, so that other tests see no half of them."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "musiclab", source / "musiclab", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return out


@pytest.fixture(scope="module")
def core(distributions, tmp_path_factory):
    """Python of an environment with the wheel and what it needs without extras: links to what is installed here."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder, symlinks=os.name != "nt", with_pip=False)
    packages, scripts = (
        Path(sysconfig.get_path(name, "venv", {"base": folder, "installed_base": folder}))
        for name in ("purelib", "scripts")
    )
    (wheel,) = distributions.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(packages)
    linked = set()
    for name in needed():
        for file in importlib.metadata.files(name):
            top = file.parts[0]
            if top not in linked | {"..", "__pycache__"}:
                linked.add(top)
                (packages / top).symlink_to(importlib.metadata.distribution(name).locate_file(top))
    return scripts / "python"


def needed():
    """Names of the distributions that musiclab needs without extras, and of all that these need."""
    waiting = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name not in names and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            names.add(name)
            waiting += importlib.metadata.requires(name) or ()
    return names


def run(*arguments, status=0):
    settings = os.environ | {"LOKY_MAX_CPU_COUNT": "1", "OMP_NUM_THREADS": "1"}
    command = [*map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=settings, cwd=ROOT.anchor)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_wheel_and_sdist_hold_the_library_and_pass_twine(distributions):
    (wheel,), (sdist,) = distributions.glob("*.whl"), distributions.glob("*.tar.gz")
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "musiclab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == files
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as archive:
        assert files <= {name.partition("/")[2] for name in archive.getnames()}
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)


def test_what_the_core_needs_is_little():
    notebooks = {"jupyter", "ipython", "ipykernel", "ipywidgets", "anywidget", "matplotlib", "pillow", "nbformat"}
    heavy = {"librosa", "numba", "llvmlite", "torchaudio", "onnx", "onnxruntime", "distributed", "sphinx", "pytest"}
    assert not needed() & (notebooks | heavy)


PREDICT = """
import sys
import musiclab as ml

folder, run, store, new = sys.argv[1:]
predictions = ml.load(run).predict(new)
assert set(predictions.files["predicted"]) <= {"high", "low", "middle"}, predictions.files
sizes = {"cnn": {"width": 1, "frames": 64, "hidden": (4, 4)}, "m5": {"width": 2}, "lstm": {"hidden": 4}, "probe": {}}
for name in sizes:
    trained = ml.train(name, store, f"{folder}/{name}", epochs=1, device="cpu", show_progress=False, **sizes[name])
    assert ml.load(f"{folder}/{name}").evaluate(store, "cpu").result.accuracy == trained.result.accuracy
ml.transfer(store, f"{folder}/other", "mlp", f"{folder}/transfer", epochs=1, device="cpu")
piece = ml.studio.render("jazz", seed=0, seconds=1)
assert len(ml.umtn.translate("harmonic", piece.waveform, to="piano", sample_rate=piece.sample_rate))
for room in ("plots", "widgets", "lessons"):
    try:
        getattr(ml, room)
    except ml.core.errors.MusiclabError as error:
        print(error)
try:
    ml.features.log_mel(piece.waveform, engine="librosa")
except ImportError as error:
    print(error)
print(ml.__file__)
"""


@pytest.mark.slow
def test_the_core_alone_trains_and_predicts(core, all_features, small_folder, tmp_path):
    new, mlp = next(small_folder.rglob("*.wav")), tmp_path / "mlp"
    for label, frequency in PITCHES.items():
        for seed in range(100, 103):
            save_audio(tmp_path / f"other/{label}/{seed}.wav", noisy_sine(frequency, seed), SAMPLE_RATE)
    command = (core, "-E", "-m", "musiclab")
    trained = run(*command, "train", "mlp", small_folder, "--out", mlp, "--epochs", "1")
    assert "no report was written. report: matplotlib is not installed" in trained.stderr
    assert f"musiclab report {mlp}" in trained.stderr
    assert str(new) in run(*command, "predict", mlp, new).stdout
    assert run(*command, "report", mlp, status=2).stderr == (
        'musiclab: report: matplotlib is not installed. To fix this, run: pip install "musiclab[lessons]"\n'
    )
    printed = run(core, "-E", "-c", PREDICT, tmp_path, mlp, all_features.path, new).stdout
    assert str(core.parent.parent) in printed  # not from this checkout
    for purpose in ("plots", "widgets", "lessons", "engine librosa"):
        assert re.search(rf'^{purpose}: .* not installed\. .*pip install "musiclab\[lessons\]"$', printed, re.M)


def test_what_is_missing_is_named_with_the_command_that_installs_it():
    require("tests", "test", "pytest")
    words = r'export: none_such and nor_this are not installed\. To fix this, run: pip install "musiclab\[export\]"'
    with pytest.raises(MusiclabError, match=words):
        require("export", "export", "none_such", "pytest", "nor_this")
