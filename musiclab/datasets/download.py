"""Getting a data set: download its archive, check it, unpack it whole or not at all."""

import errno
import gzip
import logging
import os
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from musiclab.core.errors import DatasetError
from musiclab.core.progress import progress as progress_bar

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often a connection that breaks is taken up again."""

TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as broken."""

_BLOCK = 65536  # bytes written at once


@dataclass(frozen=True)
class Remote:
    """Where an archive is.

    Attributes
    ----------
    url : str
    archive : str
        Name of the file.
    top : str
        The one folder in it, which is what the data set's class opens.
    gigabytes : float
        Size of the archive, about; unpacked, none of them is much larger.
    licence : str
    checksum : str or None
        ``"md5:..."`` or ``"sha256:..."``; None where nobody publishes one for this address.
    unchecked : str
        Where there is no checksum: why, and what to compare the file with.
    """

    url: str
    archive: str
    top: str
    gigabytes: float
    licence: str
    checksum: str | None = None
    unchecked: str = ""


REMOTES: dict[str, Remote] = {
    "esc50": Remote(
        url="https://github.com/karolpiczak/ESC-50/archive/master.zip",
        archive="ESC-50-master.zip",
        top="ESC-50-master",
        gigabytes=0.6,
        licence="CC BY-NC 3.0",
        unchecked="GitHub packs the archive anew when the repository changes, and the sums that are about differ; "
        "the zip's own sum of every file is checked",
    ),
    "gtzan": Remote(
        # the makers' server (opihi.cs.uvic.ca), whose archive of .au files has published checksums, is gone;
        # this mirror's archive holds .wav files, so those do not fit it
        url="https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",
        archive="genres.tar.gz",
        top="genres",
        gigabytes=1.2,
        licence="none: for study only, not to be passed on",
        unchecked="compare the sum below with the one that the mirror shows beside data/genres.tar.gz at "
        "https://huggingface.co/datasets/marsyas/gtzan",
    ),
    "urbansound8k": Remote(
        url="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz?download=1",
        archive="UrbanSound8K.tar.gz",
        top="UrbanSound8K",
        gigabytes=6.0,
        licence="CC BY-NC 3.0",
        checksum="md5:9aa69802bbf37fb986f71ec1483a196e",
    ),
}
REMOTES["esc10"] = REMOTES["esc50"]  # of which it is a part
"""The sets that :func:`download` knows, by the name of their source."""


def download(name: str, root: str | Path, checksum: str | None = None, progress: bool = True) -> Path:
    """Download a data set into a folder of yours.

    A download that was broken off goes on from where it was when the same call is made again. The archive is removed
    once it is unpacked; a set that is there already is left as it is.

    Parameters
    ----------
    name
        Of :data:`REMOTES`: ``"esc10"``, ``"esc50"``, ``"gtzan"`` or ``"urbansound8k"``.
    root
        The folder that gets the data set's own; it is made when it is not there.
    checksum
        ``"md5:..."`` or ``"sha256:..."`` to hold the archive against, in place of the known one.
    progress
        Draw a progress bar.

    Returns
    -------
    pathlib.Path
        The data set's folder, ``root/<top>``, as its class opens it.

    Raises
    ------
    DatasetError
        No such set; the server does not answer or the connection breaks for good; the archive is not the one that
        is expected; the disk is full. What is left then is a beginning to go on from, or a whole archive, or nothing.
    """
    if name not in REMOTES:
        raise DatasetError(f"{name}: expected a data set among {', '.join(sorted(REMOTES))}, found no such name")
    remote, root = REMOTES[name], Path(root).expanduser().absolute()
    folder = root / remote.top
    if folder.exists():
        log.info("%s: is there already, nothing was downloaded; to have it anew, remove it first", folder)
        return folder
    log.info("%s: about %.1f GB, and as much again unpacked; licence %s", name, remote.gigabytes, remote.licence)
    try:
        root.mkdir(parents=True, exist_ok=True)
        archive = _retrieve(remote, root, checksum or remote.checksum, progress)
        if not (checksum or remote.checksum):
            log.info("%s: no checksum is known: %s; sha256:%s", archive.name, remote.unchecked, _sha256(archive))
        _unpack(archive, folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DatasetError(
            f"{root}: expected room for {name}, about {2 * remote.gigabytes:.1f} GB while it is unpacked, found the "
            "disk full; what was half written is removed: make room, or name another folder, and try again"
        ) from error
    archive.unlink()
    return folder


def _retrieve(remote: Remote, root: Path, checksum: str | None, progress: bool) -> Path:
    """The archive in ``root``, downloaded unless it is there; pooch checks it before it gets its name."""
    import pooch  # not at the top: it loads requests

    pooch.get_logger().setLevel(logging.WARNING)  # it speaks of its own arguments

    def fetch(url, output_file, _):
        part = root / f"{remote.archive}.part"
        _download_in_attempts(url, part, progress)
        os.replace(part, output_file)

    try:
        return Path(pooch.retrieve(remote.url, checksum, fname=remote.archive, path=root, downloader=fetch))
    except ValueError as error:  # pooch has removed the file
        if isinstance(error, DatasetError):
            raise
        found = str(error).partition("but got ")[2].partition(".")[0]
        raise DatasetError(
            f"{remote.url}: expected a file with the checksum {checksum}, found {found or error}; it is removed: "
            "download it again, and if that does not help, the file at this address is another one by now"
        ) from error


def _download_in_attempts(url: str, part: Path, progress: bool) -> None:
    """Write the file at ``url`` to ``part``, going on with what is there; a broken connection is taken up again."""
    import requests

    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _stream(url, part, progress)
        except requests.HTTPError as error:
            raise DatasetError(
                f"{url}: expected a file, found the answer {error.response.status_code} {error.response.reason}; "
                "try again later, or get the data set by hand"
            ) from error
        except requests.RequestException as error:
            size = part.stat().st_size if part.exists() else 0
            if attempt == ATTEMPTS:
                kept = (
                    f"{size / 1e6:.1f} MB are kept in {part}, and the download goes on from there"
                    if size
                    else "nothing is kept"
                )
                raise DatasetError(
                    f"{url}: expected the whole file, found a connection that broke {ATTEMPTS} times ({error}); "
                    f"see that you are online, and try again: {kept}"
                ) from error
            log.info("%s: the connection broke after %.1f MB; going on", url, size / 1e6)
        except OSError:  # no room on the disk: what is there is of no use, and takes room
            part.unlink(missing_ok=True)
            raise


def _stream(url: str, part: Path, progress: bool) -> None:
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # the file's own bytes, so that they can be counted
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return  # all of it is there
            part.unlink()
            raise requests.ConnectionError(f"{have} bytes are there, which is more than the server has")
        response.raise_for_status()
        if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0  # the server sends the file from its beginning
        total = have + int(response.headers.get("Content-Length", 0)) or None
        with (
            open(part, "ab" if have else "wb") as file,
            progress_bar(None, f"downloading {part.stem}", total, unit="B", show=progress) as bar,
        ):
            bar.unit_scale = True  # MB and GB
            bar.update(have)
            for block in response.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))


def _sha256(path: Path) -> str:
    import pooch

    return pooch.file_hash(str(path), alg="sha256")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside ``folder`` and rename, so that the data set is there whole or not at all."""
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}-", ignore_cleanup_errors=True
    ) as beside:
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as file:
                    file.extractall(beside)
            else:
                with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as file:
                    file.extractall(beside, filter="data")  # nothing outside of the folder, no devices
                    while stream.read(_BLOCK):
                        pass  # gzip compares its own checksum at the very end, which tar does not read
        except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            archive.unlink()
            raise DatasetError(
                f"{archive}: expected a whole archive, found one that cannot be unpacked ({error}); it is removed: "
                "download it again"
            ) from error
        unpacked = Path(beside) / folder.name
        if not unpacked.is_dir():
            found = ", ".join(sorted(os.listdir(beside))[:5]) or "nothing"
            raise DatasetError(
                f"{archive}: expected the folder {folder.name} in it, found {found}; unpack it by hand and name its "
                "folder as the source"
            )
        unpacked.rename(folder)
