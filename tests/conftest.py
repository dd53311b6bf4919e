"""What several tests need: a tone, real recordings where there are some, a small data set, and its store."""

import json
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("MPLBACKEND", "Agg")  # before matplotlib is imported: no screen is needed
os.environ["MUSICLAB_PROGRESS"] = ""  # answers in tests are nobody's progress
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes test at once: one thread each, and for what they start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from browsing_rig import browser, lab, notebook_of_module_with, notebook_with  # noqa: F401 (fixtures)
from hypothesis import settings

from musiclab import features
from musiclab.audio import save_audio
from musiclab.datasets import AudioFolder
from musiclab.store import Store, prepare

# the same examples at every run, and no time limit for one: machines differ
settings.register_profile("musiclab", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("musiclab")

SAMPLE_RATE = 22050
SECONDS = 1.5
PITCHES = {"low": 200.0, "middle": 800.0, "high": 3200.0}  # Hz
PLAYERS = {"low": "player", "middle": "singer", "high": "flutist"}  # others in each class

TINY = {
    **{name: {"width": 2, "length": 8000} for name in ("m3", "m5", "m11", "m18", "m34res")},
    "mlp": {"hidden": (8, 8, 8)},
    "cnn": {"width": 1, "frames": 64, "hidden": (4, 4)},
    "crnn": {"width": 1, "frames": 64, "hidden": 4, "dense": (4, 4), "last_pool": (8, 1)},
    "lstm": {"hidden": 4, "frames": 64},
    "resnet": {"width": 2, "frames": 64},
    "musicnn": {"width": 2, "hidden": 4, "frames": 64},
    "probe": {},
}
"""Sizes of every model that make it as small as can be."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let a file name that is not UTF-8 stand in a log: reports travel between processes as UTF-8."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """The cache folder of this run, of all its processes: nothing is read from or left in the user's own."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICLAB_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings (ESC-10 and librosa's examples)."""
    folder = os.environ.get("MUSICLAB_DATA")
    if not folder:
        pytest.skip("set MUSICLAB_DATA to the folder of real recordings (esc10/, librosa-examples/) to run this")
    return Path(folder).absolute()


@pytest.fixture
def tone() -> np.ndarray:
    """One second of 440 Hz at 22,050 Hz, amplitude 0.5."""
    return sine(440.0)


def stopping_command(epochs: int, signal: str) -> str:
    """Code of the command ``musiclab`` that gets a signal once so many epochs are saved."""
    return f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is not so in a job in the background
from musiclab.cli import main
from musiclab.training import State

save = State.save
def save_and_stop(state, kept):
    save(state, kept)
    if len(kept["history"].epochs) == {epochs}:
        os.kill(os.getpid(), signal.{signal})
State.save = save_and_stop
sys.argv[0] = "musiclab"
main()
"""


def sine(frequency: float, seconds: float = 1.0, sample_rate: int = SAMPLE_RATE, amplitude: float = 0.5) -> np.ndarray:
    """A sine tone, float32, shape (seconds * sample_rate,)."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def noisy_sine(frequency: float, seed: int, seconds: float = SECONDS) -> np.ndarray:
    """A sine tone near ``frequency``, with some noise: what a clip of the small data set sounds like."""
    rng = np.random.default_rng(seed)
    waveform = sine(frequency * rng.uniform(0.9, 1.1), seconds, amplitude=rng.uniform(0.2, 0.7))
    return waveform + 0.01 * rng.standard_normal(len(waveform)).astype(np.float32)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory) -> Path:
    """Three classes (low, middle, high) x four players x two clips of 1.5 s: ``low/player0/0.wav``."""
    root = tmp_path_factory.mktemp("data") / "small"
    seed = 0
    for label, frequency in PITCHES.items():
        for player in range(4):
            for clip in range(2):
                path = root / label / f"{PLAYERS[label]}{player}" / f"{clip}.wav"
                save_audio(path, noisy_sine(frequency, seed), SAMPLE_RATE)
                seed += 1
    return root


@pytest.fixture(scope="session")
def small_store(small_folder, tmp_path_factory) -> Store:
    """The store of :func:`small_folder`: 24 clips of 65 frames."""
    path = tmp_path_factory.mktemp("stores") / "small.h5"
    prepare(AudioFolder(small_folder), path, workers=1, progress=False)
    with Store(path) as store:
        yield store


@pytest.fixture(scope="session")
def all_features(small_folder, tmp_path_factory) -> Store:
    """The store of :func:`small_folder` with what each model hears, audio at 8 kHz."""
    configs = {name: features.config(name) for name in ("audio", "logmel", "summary", "sequence")}
    configs["audio"] = features.AudioConfig(sample_rate=8000)
    configs["embedding"] = features.EmbeddingConfig(encoder="summary")
    path = tmp_path_factory.mktemp("stores") / "all.h5"
    prepare(AudioFolder(small_folder), path, configs, workers=1, progress=False)
    with Store(path) as store:
        yield store


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs ``musiclab ARGUMENTS`` in this process: gives its ``status``, ``out`` and ``err``."""
    from musiclab.cli import main

    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # clips as few as these are not worth a pool of processes

    def run(*arguments) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["musiclab", *map(str, arguments)])
        capsys.readouterr()
        handler = logging.StreamHandler(sys.stderr)  # pytest has taken the root logger, which the command would set up
        logging.getLogger("musiclab").addHandler(handler)
        try:
            with pytest.raises(SystemExit) as end:
                main()
        finally:
            logging.getLogger("musiclab").removeHandler(handler)
        printed = capsys.readouterr()
        return SimpleNamespace(status=end.value.code or 0, out=printed.out, err=printed.err)

    return run


def last_line(done: SimpleNamespace) -> dict:
    """What a command has printed for ``--json``."""
    return json.loads(done.out.splitlines()[-1])


def check_refused(done: SimpleNamespace, *words: str) -> None:
    """Status 2, one message on stderr with all the words, nothing that looks like a program's inside."""
    assert done.status == 2
    assert "Traceback" not in done.err + done.out
    message = done.err[done.err.rindex("musiclab: ") :]
    for word in words:
        assert word in message
    assert done.out == ""
