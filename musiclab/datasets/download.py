"""Download and unpack public data sets."""

import errno
import gzip
import logging
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.core.progress import progress as progress_bar

log = logging.getLogger(__name__)

ATTEMPTS = 5
TIMEOUT = 30.0  # seconds without a byte after which a connection counts as broken
_BLOCK = 65536  # bytes
_NAMES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_DEEPEST = 50  # folders
_LONGEST_NAME = 2**20  # bytes of a name in a tar file, which is read into memory
_NOT_OF_THE_ARCHIVE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE)
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(RuntimeError, ValueError, LookupError, OSError),  # encrypted, an unknown method, names that can't be
)


@dataclass(frozen=True)
class Remote:
    """Address of an archive, and how to check it."""

    url: str
    archive: str  # name of the file; without its suffix, that of the only folder in it
    gigabytes: float  # about the size of the archive, and of the unpacked folder
    licence: str
    checksum: str | None = None  # "md5:..." or "sha256:..."; None if nobody publishes one for this address
    unchecked: str = ""  # the reason, if there is no checksum


REMOTES = {
    "esc50": Remote(
        url="https://github.com/karolpiczak/ESC-50/archive/master.zip",
        archive="ESC-50-master.zip",
        gigabytes=0.6,
        licence="CC BY-NC 3.0",
        unchecked="GitHub packs the archive again when the repository changes; we check every file in the zip",
    ),
    "gtzan": Remote(
        # the published checksums are of the .au files of the makers' server, which is gone; this mirror has .wav files
        url="https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",
        archive="genres.tar.gz",
        gigabytes=1.2,
        licence="none: for study only, not to be passed on",
        unchecked="compare the one below with the one that the mirror shows beside data/genres.tar.gz at "
        "https://huggingface.co/datasets/marsyas/gtzan",
    ),
    "urbansound8k": Remote(
        url="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz?download=1",
        archive="UrbanSound8K.tar.gz",
        gigabytes=6.0,
        licence="CC BY-NC 3.0",
        checksum="md5:9aa69802bbf37fb986f71ec1483a196e",
    ),
}
REMOTES["esc10"] = REMOTES["esc50"]  # which contains it


def download(name: str, root: str | Path, checksum: str | None = None, progress: bool = True) -> Path:
    """Download and unpack a data set, unless it exists already, and return its folder.

    If the download breaks off, the same call continues it.

    Parameters
    ----------
    name
        ``"esc10"``, ``"esc50"``, ``"gtzan"`` or ``"urbansound8k"``.
    root
        Folder that receives the folder of the data set.
    checksum
        ``"md5:..."`` or ``"sha256:..."`` of the archive, in place of the known one.
    progress
        Draw a progress bar.

    Raises
    ------
    DatasetError
        No such set, no answer or a broken connection, an archive other than the expected one, or a full disk.
    """
    check_known(name, sorted(REMOTES), "a data set", DatasetError)
    remote, root = REMOTES[name], Path(root).expanduser().absolute()
    folder = root / remote.archive.partition(".")[0]
    if folder.exists():
        log.info("%s: is there already, nothing was downloaded; to download it again, remove it first", folder)
        return folder
    log.info("%s: about %.1f GB, and as much again unpacked; licence %s", name, remote.gigabytes, remote.licence)
    try:
        root.mkdir(parents=True, exist_ok=True)
        archive = _retrieve(remote, root, checksum or remote.checksum, progress)
        _unpack(archive, folder, 3e9 * remote.gigabytes)
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
    """Download the archive into ``root`` unless it exists; pooch checks it before it gets its name."""
    import pooch  # not at the top, because training from a store works without it

    pooch.get_logger().setLevel(logging.WARNING)

    def fetch(url, output_file, _):
        part = root / f"{remote.archive}.part"
        _download_in_attempts(url, part, progress)
        os.replace(part, output_file)

    try:
        archive = Path(pooch.retrieve(remote.url, checksum, fname=remote.archive, path=root, downloader=fetch))
    except DatasetError:
        raise
    except ValueError as error:  # the checksums differ; pooch has removed the file
        raise DatasetError(
            f"{remote.url}: {error} If you download it again and that does not help, the file at this address is "
            "another one by now."
        ) from error
    if not checksum:
        log.info("%s: no checksum is known: %s; sha256:%s", archive.name, remote.unchecked, pooch.file_hash(archive))
    return archive


def _download_in_attempts(url: str, part: Path, progress: bool) -> None:
    """Download ``url`` to ``part``; continue if an earlier call left a part, or if the connection breaks."""
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
            megabytes = part.stat().st_size / 1e6 if part.exists() else 0
            if attempt == ATTEMPTS:
                kept = f"{megabytes:.1f} MB are kept in {part}, and the download goes on from there"
                raise DatasetError(
                    f"{url}: expected the complete file, found a connection that broke {ATTEMPTS} times ({error}); "
                    f"see that you are online, and try again: {kept if megabytes else 'nothing is kept'}"
                ) from error
            log.info("%s: the connection broke after %.1f MB; going on", url, megabytes)
        except OSError:  # the disk is full
            part.unlink(missing_ok=True)
            raise


def _stream(url: str, part: Path, progress: bool) -> None:
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # uncompressed, so that bytes can be counted
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            if content_range == f"bytes */{have}":
                return  # it is complete
            part.unlink()
            raise requests.ConnectionError(f"{part} had {have} bytes, more than the server has")
        response.raise_for_status()
        if not content_range.startswith(f"bytes {have}-"):
            have = 0  # the server sends the file from its beginning
        total = have + int(response.headers.get("Content-Length", 0)) or None
        bar = progress_bar(None, f"downloading {part.stem}", total, unit="B", show=progress)
        with open(part, "ab" if have else "wb") as file, bar:
            bar.unit_scale = True  # MB and GB
            bar.update(have)
            for block in response.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))


class _TarInfo(tarfile.TarInfo):
    """A header of a tar file, which refuses to read a name of gigabytes into memory."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        header = super().frombuf(buf, encoding, errors)
        if header.type in _NAMES and header.size > _LONGEST_NAME:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


class _Budget:
    """Files that may be unpacked: inside of the folder, and together not much larger than the data set."""

    def __init__(self, most: float):
        self.most = self.left = most  # bytes

    def take(self, name: str, size: int) -> None:
        """Count a file, or raise ValueError if it may not be unpacked."""
        self.left -= 512 + size  # a file without contents takes room, too
        if self.left < 0:
            raise ValueError(f"it has more than {self.most / 1e9:.3g} GB")
        if PureWindowsPath(name).drive or name.startswith(("/", "\\")) or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{name!r} lies outside of its folder")
        if len(PurePosixPath(name).parts) > _DEEPEST:
            raise ValueError(f"{name[:40]!r}... lies more than {_DEEPEST} folders deep")


def _unpack(archive: Path, folder: Path, most: float) -> None:
    """Unpack at most so many bytes beside ``folder`` and rename."""
    budget = _Budget(most)

    def checked(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        budget.take(member.name, member.size)
        return tarfile.data_filter(member, path)  # no links to the outside, no devices

    root, prefix = folder.parent, f".{folder.name}-"
    with tempfile.TemporaryDirectory(dir=root, prefix=prefix, ignore_cleanup_errors=True) as beside:
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as file:
                    for member in file.infolist():
                        budget.take(member.filename, member.file_size)
                    file.extractall(beside)
            else:
                with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo) as file:
                    file.extractall(beside, filter=checked)
                    while block := stream.read(_BLOCK):
                        budget.take("", len(block))  # gzip's own checksum is at the very end, which tar does not read
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno in _NOT_OF_THE_ARCHIVE:
                raise
            archive.unlink()
            raise DatasetError(
                f"{archive}: expected a complete archive, found one that cannot be unpacked ({error}); "
                "it is removed: download it again"
            ) from error
        unpacked = Path(beside) / folder.name
        if unpacked.is_symlink() or not unpacked.is_dir():
            names = ", ".join(sorted(os.listdir(beside))[:5]) or "nothing"
            raise DatasetError(
                f"{archive}: expected the folder {folder.name} in it, found {names}; unpack it by hand and name its "
                "folder as the source"
            )
        unpacked.rename(folder)
