"""Downloads from a server that the test starts: checked, continued where they broke, unpacked whole or not at all."""

import errno
import gzip
import hashlib
import http.server
import importlib
import io
import logging
import tarfile
import threading
import zipfile
from importlib import resources
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from musiclab.core.errors import DatasetError
from musiclab.datasets import ESC50, FROM_FOLDER, GTZAN, UrbanSound8K, download
from musiclab.datasets.download import ATTEMPTS, REMOTES, SAMPLER, Remote

module = importlib.import_module("musiclab.datasets.download")  # musiclab.datasets.download is the function

NOISE = np.random.default_rng(0).bytes(400_000)  # cannot be compressed, so archives are about as large
FILES = {"tiny/a.bin": NOISE, "tiny/deep/ü.txt": b"text"}


def tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files``, and ``content`` at any other path.

    ``breaks`` are the numbers of bytes after which the next answers end early.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.takes_ranges, self.status = tar(FILES), [], True, None
        self.files = {}  # content by path, None for a file that the server lacks
        self.asked = []  # the Range of each request

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/tiny.tar.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        content = server.files.get(unquote(self.path), server.content)
        if server.status or content is None:
            return self.send_error(server.status or 404)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.takes_ranges else 0
        size = len(content)
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        end = start + server.breaks.pop(0) if server.breaks else size
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A running server whose archive is the data set ``tiny``."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        offer(monkeypatch, running, checksum=sha256(running.content))
        yield running
        running.shutdown()
        thread.join()


def offer(monkeypatch, server, **changes):
    settings = {"url": server.url, "archive": "tiny.tar.gz", "gigabytes": 0.001, "licence": "CC0"}
    monkeypatch.setitem(REMOTES, "tiny", Remote(**settings | changes))


def read(folder):
    return {
        path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def left_in(root):
    return sorted(path.name for path in root.iterdir())


# What works


def test_a_set_is_downloaded_checked_and_unpacked(server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    root = tmp_path / "new" / "data sets 🎷"
    folder = download("tiny", root, progress=False)
    assert folder == root / "tiny"
    assert read(folder) == FILES
    assert left_in(root) == ["tiny"]  # nothing else: no archive, no beginning of one
    assert server.asked == [None]
    assert "licence CC0" in caplog.text
    assert "checksum" not in caplog.text


def test_a_set_that_is_there_is_left_as_it_is(server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "tiny").mkdir()
    assert download("tiny", tmp_path) == tmp_path / "tiny"
    assert server.asked == []
    assert "already downloaded; to download it again" in caplog.text


def test_a_zip_without_a_known_checksum_says_what_to_compare(server, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    server.content = zipped(FILES)
    offer(monkeypatch, server, archive="tiny.zip", unchecked="compare with the page")
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    assert f"tiny.zip: no published checksum: compare with the page; {sha256(server.content)}" in caplog.text


def test_an_md5_of_ones_own(server, monkeypatch, tmp_path):
    offer(monkeypatch, server)
    md5 = hashlib.md5(server.content).hexdigest()
    assert read(download("tiny", tmp_path, f"md5:{md5}", progress=False)) == FILES


def test_the_progress_is_shown_in_bytes(server, tmp_path, capsys):
    download("tiny", tmp_path)
    assert "downloading tiny.tar.gz: 400k/400k" in capsys.readouterr().err


def test_the_command(server, command, tmp_path):
    done = command("download", "tiny", tmp_path)
    assert (done.status, done.out) == (0, f"{tmp_path / 'tiny'}: use it as tiny:{tmp_path / 'tiny'}\n")
    done = command("download", "tini", tmp_path)
    assert done.status == 2
    assert (
        "expected a data set among esc10, esc50, gtzan, sampler, tiny, urbansound8k, found 'tini'; did you mean tiny?"
        in done.err
    )


# Connections that break


def test_a_broken_connection_is_continued(server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    server.breaks = [150_000, 100_000]
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    first, second, third = server.asked
    assert first is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in (second, third)]
    assert 150_000 - 2**16 < starts[0] <= 150_000  # what came in whole blocks was kept
    assert starts[0] < starts[1] <= starts[0] + 100_000
    assert "the connection broke after 0.1 MB; continuing" in caplog.text


def test_a_server_without_ranges_is_asked_again_from_the_beginning(server, tmp_path):
    server.takes_ranges, server.breaks = False, [150_000]
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    assert len(server.asked) == 2


def test_a_connection_that_breaks_for_good_leaves_a_beginning_to_go_on_from(server, tmp_path):
    server.breaks = [70_000] + [0] * (ATTEMPTS - 1)
    with pytest.raises(
        DatasetError,
        match=rf"broke {ATTEMPTS} times .*try again, the download continues from the 0\.1 MB in .*\.part",
    ):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == ["tiny.tar.gz.part"]
    kept = (tmp_path / "tiny.tar.gz.part").read_bytes()
    assert server.content.startswith(kept)
    server.asked.clear()
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    assert server.asked == [f"bytes={len(kept)}-"]
    assert left_in(tmp_path) == ["tiny"]


def test_a_beginning_that_is_all_of_it_is_taken(server, tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(server.content)
    assert read(download("tiny", tmp_path, progress=False)) == FILES


def test_a_beginning_that_is_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(server.content + b"more")
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    assert server.asked[1:] == [None]


def test_an_archive_that_is_there_is_not_downloaded_again(server, tmp_path):
    (tmp_path / "tiny.tar.gz").write_bytes(server.content)
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    assert server.asked == []


# What fails


def test_a_wrong_checksum_names_both_and_leaves_nothing(server, tmp_path):
    right, server.content = server.content, tar({"tiny/other": b"x"})
    with pytest.raises(DatasetError) as told:
        download("tiny", tmp_path, progress=False)
    actual = sha256(server.content).partition(":")[2]
    for words in (server.url, f"expected {sha256(right)} but got {actual}", "Download it again"):
        assert words in str(told.value)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("status", [404, 503])
def test_an_answer_that_is_no_file(server, tmp_path, status):
    server.status = status
    with pytest.raises(DatasetError, match=rf"tiny\.tar\.gz: the server answered {status} "):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == []
    assert len(server.asked) == 1


def test_no_server_at_all(server, monkeypatch, tmp_path):
    with Server() as gone:
        url = gone.url
    offer(monkeypatch, server, url=url)
    with pytest.raises(DatasetError, match=f"{url}: the connection broke"):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == []


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_while_downloading_keeps_nothing(server, monkeypatch, tmp_path):
    class Limited(io.FileIO):
        def write(self, block):
            return super().write(block) if self.tell() < 100_000 else full_disk()

    monkeypatch.setattr(module, "open", Limited, raising=False)
    with pytest.raises(DatasetError, match=r"the disk is full; unpacking tiny needs about 0\.0 GB.*Free some space"):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == []
    monkeypatch.undo()


def test_a_disk_that_is_full_while_unpacking_keeps_the_whole_archive_alone(server, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(tarfile, "copyfileobj", full_disk)  # the first file is opened, and cannot be filled
        with pytest.raises(DatasetError, match="the disk is full"):
            download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == ["tiny.tar.gz"]
    assert read(download("tiny", tmp_path, progress=False)) == FILES
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "content",
    [tar(FILES)[:-1000], tar(FILES)[:200_000] + b"\0" * 1000 + tar(FILES)[201_000:], zipped(FILES)[:-4000], b"<html>"],
    ids=["cut off", "damaged", "cut off zip", "no archive"],
)
def test_an_archive_that_cannot_be_unpacked_is_removed(server, monkeypatch, tmp_path, content):
    server.content = content
    offer(monkeypatch, server)
    with pytest.raises(
        DatasetError, match=r"tiny\.tar\.gz: the archive cannot be unpacked .*It was deleted; download it again"
    ):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == []


def test_nothing_is_unpacked_outside_of_the_folder(server, monkeypatch, tmp_path):
    server.content = tar({"tiny/a": b"x", "../../outside": b"x"})
    offer(monkeypatch, server)
    root = tmp_path / "deep" / "data"
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        download("tiny", root, progress=False)
    assert left_in(root) == []
    assert left_in(tmp_path) == ["deep"]


def linked(name, target):
    """A tar file with one symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        archive.addfile(entry)
    return buffer.getvalue()


def with_bytes(content, *changes):
    """Set bytes of a zip file, in its header at the beginning and in its table at the end."""
    content = bytearray(content)
    for signature, offset, value in changes:
        content[content.index(signature) + offset] = value
    return bytes(content)


HEADER, TABLE = b"PK\3\4", b"PK\1\2"
ENCRYPTED = with_bytes(zipped({"tiny/a": b"x"}), (HEADER, 6, 1), (TABLE, 8, 1))
UNKNOWN_METHOD = with_bytes(zipped({"tiny/a": b"x"}), (HEADER, 8, 77), (TABLE, 10, 77))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ENCRYPTED, "password required"),
        (UNKNOWN_METHOD, "compression method is not supported"),
        (zipped({"tiny/a": b"x", "tiny/../../b": b"x"}), "'tiny/../../b' is outside the folder"),
        (zipped({"tiny/a": b"x", "/b": b"x"}), "'/b' is outside the folder"),
        (zipped({"tiny/a": b"x", "C:\\b": b"x"}), "outside the folder"),
        (tar({"tiny/a": b"x", "/b": b"x"}), "'/b' is outside the folder"),
        (tar({"tiny/" + 300 * "a": b"x"}), "File name too long"),
        (tar({"tiny/a": b"x", "tiny/a/b": b"x"}), "cannot be unpacked"),
        (linked("tiny", "/etc"), "cannot be unpacked"),
        (tar({"tiny/" + 900 * "a/" + "b": b"x"}), "'tiny/a/.* is more than 50 folders deep"),
        (zipped({"tiny/a": bytes(4_000_000)}), "it has more than 0.003 GB"),
        (tar({"tiny/a": bytes(4_000_000)}), "it has more than 0.003 GB"),
        (tar({f"tiny/{number}": b"" for number in range(6000)}), "it has more than 0.003 GB"),
        (tar({"tiny/a": b"x"})[:-1] + gzip.compress(bytes(4_000_000)), "cannot be unpacked"),
        (gzip.compress(gzip.decompress(tar({"tiny/a": b"x"})) + bytes(4_000_000)), "it has more than 0.003 GB"),
        (tar({"tiny/" + 2_000_000 * "a": b"x"}), r"a header of 2,000,0\d\d bytes"),
    ],
    ids=lambda value: "archive" if isinstance(value, bytes) else None,  # whose bytes hold the time
)  # fmt: skip
def test_an_archive_that_could_do_harm_ends_in_a_message(server, monkeypatch, tmp_path, content, words):
    server.content = content
    offer(monkeypatch, server)
    with pytest.raises(DatasetError, match=rf"tiny\.tar\.gz: the archive .*{words}"):
        download("tiny", tmp_path / "data", progress=False)
    assert left_in(tmp_path / "data") == []
    assert left_in(tmp_path) == ["data"]


def test_a_folder_that_is_a_link_is_refused(server, monkeypatch, tmp_path):
    server.content = linked("tiny", "other")
    offer(monkeypatch, server)
    with pytest.raises(DatasetError, match="expected the folder tiny in the archive, found tiny; unpack it manually"):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == ["tiny.tar.gz"]


def test_an_archive_of_something_else_is_kept_for_a_look(server, monkeypatch, tmp_path):
    server.content = tar({"small/a": b"x"})
    offer(monkeypatch, server)
    with pytest.raises(DatasetError, match="expected the folder tiny in the archive, found small; unpack it manually"):
        download("tiny", tmp_path, progress=False)
    assert left_in(tmp_path) == ["tiny.tar.gz"]


def test_a_folder_that_cannot_be_made_is_an_error_of_its_own(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        download("tiny", tmp_path / "file", progress=False)


# What is known of the sets


@pytest.mark.parametrize(
    ("name", "kind", "inside"),
    [
        ("gtzan", GTZAN, ["blues/blues.00012.wav"]),
        ("urbansound8k", UrbanSound8K, ["audio/fold1/1-0-0-0.wav"]),
        ("esc50", ESC50, ["audio/1-1-A-0.wav"]),
    ],
)
def test_what_is_downloaded_is_what_the_class_opens(server, monkeypatch, tmp_path, name, kind, inside):
    tables = {
        "metadata/UrbanSound8K.csv": b"slice_file_name,fsID,start,end,salience,fold,classID,class\n"
        b"1-0-0-0.wav,1,0,4,1,1,0,air_conditioner\n",
        "meta/esc50.csv": b"filename,fold,target,category,esc10,src_file,take\n1-1-A-0.wav,1,0,dog,True,1,A\n",
    }
    real = REMOTES[name]
    top = real.archive.partition(".")[0]
    files = {f"{top}/{file}": b"x" for file in inside} | {f"{top}/{k}": v for k, v in tables.items()}
    server.content = zipped(files) if real.archive.endswith(".zip") else tar(files)
    monkeypatch.setitem(REMOTES, name, Remote(server.url, real.archive, real.gigabytes, real.licence))
    folder = download(name, tmp_path, progress=False)
    assert FROM_FOLDER[name] is kind
    assert len(kind(folder)) == 1


def test_every_set_has_a_checksum_or_says_why_not():
    for remote in REMOTES.values():
        assert remote.url.startswith("https://")
        assert bool(remote.checksum) != bool(remote.unchecked)
        assert remote.licence
    assert REMOTES["urbansound8k"].checksum == "md5:9aa69802bbf37fb986f71ec1483a196e"


# The sampler


@pytest.fixture
def sampler(server, monkeypatch, tmp_path):
    """The table of a sampler of three small files, which the server has."""
    server.files = {f"/{name}.hq.ogg": name.encode() * 50_000 for name in ("one", "two", "three (3)")}
    table = pd.read_csv(SAMPLER).head(3)
    table["url"] = [server.url.replace("/tiny.tar.gz", path) for path in server.files]
    table["checksum"] = [sha256(content) for content in server.files.values()]
    table.to_csv(tmp_path / "sampler.csv", index=False)
    monkeypatch.setattr(module, "SAMPLER", tmp_path / "sampler.csv")
    return table


def test_the_command_brings_a_sampler_with_its_licences(server, sampler, command, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    done = command("download", "sampler")
    folder = tmp_path / "data" / "sampler"
    assert (done.status, done.out.partition(":")[0]) == (0, str(folder))
    assert left_in(folder) == ["ATTRIBUTION.txt", "jazz.ogg", "song.ogg", "trumpet.ogg"]
    assert [(folder / name).read_bytes() for name in sampler["file"]] == list(server.files.values())
    attribution = (folder / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    assert attribution in caplog.text
    for line in ("jazz.ogg: Vibe Ace. Kevin MacLeod\n", "CC BY 3.0, https://creativecommons.org/licenses/by/3.0/\n"):
        assert line in attribution
    server.asked.clear()
    (folder / "jazz.ogg").write_bytes(b"damaged")
    assert command("download", "sampler", "data").status == 0
    assert (folder / "jazz.ogg").read_bytes() == server.files["/two.hq.ogg"]
    assert len(server.asked) == 1  # what is complete is not downloaded again
    done = command("download", "sampler", "--checksum", "md5:0")
    assert (done.status, "expected no checksum, because each recording has its own" in done.err) == (2, True)


def test_all_recordings_that_are_missing_or_changed_are_listed(server, sampler, tmp_path):
    server.files |= {"/one.hq.ogg": None, "/two.hq.ogg": b"other"}
    with pytest.raises(DatasetError, match=r"(?s)2 problems.*one\.hq\.ogg: the server answered 404.*two\.hq.*SHA256"):
        download("sampler", tmp_path, progress=False)
    assert left_in(tmp_path / "sampler") == ["ATTRIBUTION.txt", "song.ogg"]


def test_a_sampler_whose_server_stops_half_way_is_continued(server, sampler, tmp_path):
    server.breaks = [150_000, 100_000] + [0] * (ATTEMPTS - 1)
    with pytest.raises(DatasetError, match=rf"/two\.hq\.ogg: the connection broke {ATTEMPTS} times.*continues from"):
        download("sampler", tmp_path, progress=False)
    assert left_in(tmp_path / "sampler") == ["ATTRIBUTION.txt", "jazz.ogg.part", "trumpet.ogg"]
    assert len(server.asked) == 1 + ATTEMPTS  # the third recording is on the same server
    server.asked.clear()
    folder = download("sampler", tmp_path, progress=False)
    assert left_in(folder) == ["ATTRIBUTION.txt", "jazz.ogg", "song.ogg", "trumpet.ogg"]
    assert server.asked[0].startswith("bytes=")


def test_the_sampler_is_free_and_has_the_checksums_that_librosa_publishes():
    table = pd.read_csv(SAMPLER)
    assert set(table["licence"]) == {"CC BY 3.0", "CC BY 4.0", "public domain"}
    registry = (resources.files("librosa.util.example_data") / "registry.txt").read_text(encoding="utf-8")
    published = dict(line.rsplit(" ", 1) for line in registry.splitlines())
    for row in table.itertuples():
        assert row.checksum == f"sha256:{published[row.url.removeprefix('https://librosa.org/data/audio/')]}"


def test_real_recordings_are_those_of_the_sampler(recordings):
    hashes = {sha256(path.read_bytes()) for path in (recordings / "librosa-examples").glob("*.ogg")}
    assert hashes == set(pd.read_csv(SAMPLER)["checksum"])
