"""The example that serves a model: good sounds, uploads that are too large or stop early, and files without sound."""

import json
import runpy
import socket
import sys
import threading
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE_RATE, noisy_sine
from run_folders import CLASSES, make_run

from musiclab.audio import save_audio
from musiclab.runs import load

EXAMPLE = Path(__file__).parent.parent / "docs/serve.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving")
    make_run(folder / "run")
    save_audio(folder / "new.wav", noisy_sine(440, seed=0, seconds=2), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """The server of the example, on a free port, in a thread that ends with the module."""
    started, servers = threading.Event(), []

    class Noted(ThreadingHTTPServer):
        def serve_forever(self):
            servers.append(self)
            started.set()
            super().serve_forever(poll_interval=0.01)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("http.server.ThreadingHTTPServer", Noted)
        patch.setattr(sys, "argv", ["serve.py", str(folder / "run"), "0"])
        thread = threading.Thread(target=runpy.run_path, args=(str(EXAMPLE),), daemon=True)
        thread.start()
        assert started.wait(60)
    yield servers[0]
    servers[0].shutdown()
    servers[0].server_close()
    thread.join(60)


def post(server, body, length=None):
    """Status and body of the answer; ``length`` is what the header says, by default the true length."""
    connection = HTTPConnection(*server.server_address, timeout=60)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", len(body) if length is None else length)
    connection.endheaders(body or None)
    if length is not None:
        connection.sock.shutdown(socket.SHUT_WR)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_the_example_is_short_and_only_for_this_computer(server):
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 40
    assert server.server_address[0] == "127.0.0.1"


def test_a_sound_file_gets_the_prediction_of_the_run(server, folder):
    status, body = post(server, (folder / "new.wav").read_bytes())
    assert status == 200
    answer, (expected,) = json.loads(body), load(folder / "run").predict(folder / "new.wav").to_dict()["predictions"]
    assert answer["predicted"] == expected["predicted"]
    for name in CLASSES:
        assert answer[f"p({name})"] == pytest.approx(expected[f"p({name})"], abs=1e-4)


def test_only_the_first_minute_is_classified(server, folder):
    tone = noisy_sine(440, seed=0, seconds=1)
    for name, seconds in (("minute", 60), ("longer", 90)):
        save_audio(
            folder / f"{name}.wav",
            np.concatenate([np.tile(tone, 60), np.zeros((seconds - 60) * SAMPLE_RATE)]),
            SAMPLE_RATE,
        )
    minute, longer = (post(server, (folder / f"{name}.wav").read_bytes()) for name in ("minute", "longer"))
    assert minute == longer


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(server):
    status, message = post(server, b"", length=20_000_001)
    assert (status, message) == (413, "expected a sound file of 1 to 20,000,000 bytes, found 20,000,001\n")
    assert post(server, b"")[0] == 413


def test_an_upload_that_stops_early_is_refused(server):
    assert post(server, b"RIFF", length=100) == (408, "received 4 of 100 bytes\n")


def test_an_upload_that_is_too_slow_is_refused(server, monkeypatch):
    monkeypatch.setitem(server.RequestHandlerClass.do_POST.__globals__, "PATIENCE", 0)
    assert post(server, b"RIFF") == (408, "received 0 of 4 bytes\n")


def test_a_client_that_sends_nothing_is_left(server, monkeypatch):
    monkeypatch.setattr(server.RequestHandlerClass, "timeout", 0.05)
    with socket.create_connection(server.server_address, timeout=60) as client:
        assert client.recv(1) == b""


def test_a_file_without_sound_is_refused_with_the_reason(server):
    status, message = post(server, b"this is a letter")
    assert status == 400
    assert message.startswith("upload: the file cannot be decoded")
