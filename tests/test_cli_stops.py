"""Ctrl-C at any moment, and a disk that is full: one message, status 130 or 2, and nothing that is lost."""

import os
import subprocess
import sys

import pytest
from conftest import SAMPLE_RATE, noisy_sine

import musiclab
from musiclab.audio import save_audio
from musiclab.datasets import AudioFolder
from musiclab.store import prepare

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor these limits")

MAIN = """
sys.argv[0] = "musiclab"
from musiclab.cli import main
main()
"""

STOP_AT_A_CLIP = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is not so in a job in the background
moment = int(sys.argv.pop(1))
import musiclab.store.extraction as extraction
extract, calls = extraction.extract, []
def extract_or_stop(*arguments):
    calls.append(arguments)
    if len(calls) == moment:
        os.kill(os.getpid(), signal.SIGINT)
    return extract(*arguments)
extraction.extract = extract_or_stop
"""

STOP_AT_AN_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
moment = sys.argv.pop(1)
class Stop:
    def find_spec(self, name, *_):
        if name == moment:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Stop())
"""

LITTLE_ROOM = """
import resource, sys
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
"""


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code + MAIN, *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert "Traceback" not in done.stderr
    assert "terminate" not in done.stderr
    return done


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two classes of 30 clips of half a second."""
    root = tmp_path_factory.mktemp("data") / "sixty"
    for number in range(60):
        path = root / ("low", "high")[number % 2] / f"{'ab'[number % 2]}{number % 10}" / f"{number:02d}.wav"
        save_audio(path, noisy_sine((200, 3200)[number % 2], number, 0.5), SAMPLE_RATE)
    return root


@pytest.mark.parametrize("moment", [1, 33])
def test_ctrl_c_in_the_middle_of_decoding(clips, tmp_path, moment):
    path = tmp_path / "s.h5"
    done = run(STOP_AT_A_CLIP, moment, "prepare", f"folder:{clips}", path, "--workers", 3)
    assert done.returncode == 130
    *_, message = done.stderr.splitlines()
    parts = tmp_path / ".s.h5.parts"
    kept = f"finished clips are kept in {parts}, and the same call continues from there"
    assert message == f"musiclab: {path}: stopped; {kept if parts.exists() else 'nothing was kept'}"
    assert not path.exists()
    prepare(AudioFolder(clips), path, workers=1, progress=False)
    prepare(AudioFolder(clips), tmp_path / "whole.h5", workers=1, progress=False)
    assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize("moment", ["typer", "pandas", "torch"])
def test_ctrl_c_while_something_is_imported(small_store, tmp_path, moment):
    done = run(STOP_AT_AN_IMPORT, moment, "train", "mlp", small_store.path, "--out", tmp_path / "run")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "musiclab: stopped\n")
    assert not (tmp_path / "run").exists()


def test_a_full_disk_in_prepare(clips, tmp_path):
    for size, has_parts in ((5_000, False), (500_000, True)):  # of the first part, of the whole
        done = run(LITTLE_ROOM, size, "prepare", f"folder:{clips}", tmp_path / "s.h5", "--workers", 3)
        assert done.returncode == 2
        *_, message = done.stderr.splitlines()
        words = f"musiclab: {tmp_path / 's.h5'}: the store cannot be written ([Errno 27] File too large"
        assert message.startswith(words)
        assert (tmp_path / ".s.h5.parts").exists() == has_parts
        assert not (tmp_path / "s.h5").exists()


@pytest.fixture(scope="module")
def trained(all_features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "mlp"
    musiclab.train("mlp", all_features, folder, epochs=1, device="cpu")
    return folder


@pytest.mark.parametrize("command", ["train", "predict", "inspect", "report", "rendering"])
def test_a_full_disk_elsewhere(all_features, trained, tmp_path, clips, command):
    arguments, size, unwritten = {
        "train": (["train", "mlp", all_features.path, "--epochs", 1, "--out", tmp_path], 9000, "state.pt"),
        "predict": (["predict", trained, clips / "low", "--csv", tmp_path / "p.csv"], 500, "p.csv"),
        "inspect": (["inspect", all_features.path, "--csv", tmp_path / "i.csv"], 500, "i.csv"),
        "report": (["report", trained], 500, ".png"),
        "rendering": (["prepare", "studio:tracks=1,seconds=1", tmp_path / "s.h5"], 500, ".wav"),
    }[command]
    done = run(LITTLE_ROOM, size, *arguments, MUSICLAB_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    *_, message = done.stderr.splitlines()
    assert message.startswith(f"musiclab: {trained if command == 'report' else tmp_path}")
    assert message.endswith(f"{unwritten}: cannot be read or written (File too large)")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_the_output(small_store, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import sys" + MAIN, "inspect", small_store.path], text=True, timeout=300,
            stdout=full, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "musiclab: standard output: cannot be read or written (No space left on device)\n"


def test_whoever_reads_the_output_may_stop(small_store):
    command = [sys.executable, "-c", "import sys" + MAIN, "inspect", str(small_store.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_names_that_a_terminal_cannot_show(clips, tmp_path):
    (tmp_path / "data" / "dörr\x1b[2J").mkdir(parents=True)
    save_audio(tmp_path / "data" / "dörr\x1b[2J" / "ŧ.wav", noisy_sine(200, 1), SAMPLE_RATE)
    prepare(AudioFolder(tmp_path / "data"), tmp_path / "s.h5", ["audio"], workers=1, progress=False)
    done = run("import sys", "inspect", tmp_path / "s.h5", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert r"d\xf6rr\x1b[2J" in done.stdout
    assert "\x1b" not in done.stdout
