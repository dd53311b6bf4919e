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

import pandas as pd

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.core.files import replacing
from musiclab.core.progress import progress as progress_bar

log = logging.getLogger(__name__)

ATTEMPTS = 5
TIMEOUT = 30.0  # seconds without data until a connection counts as broken
_BLOCK = 65536  # bytes
_NAME_TYPES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_NAME_TYPES += (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_MAX_DEPTH = 50  # folders
_MAX_NAME_LENGTH = 2**20  # bytes; names in a tar file are read into memory
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE)
_ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(RuntimeError, ValueError, LookupError, OSError),  # encrypted, unknown compression method, impossible names
)


@dataclass(frozen=True)
class Remote:
    """Download address of a data set, with its checksum."""

    url: str
    archive: str  # file name; without its suffix, it is also the name of the only folder in the archive
    gigabytes: float  # approximate size of the archive, and also of the unpacked folder
    licence: str
    checksum: str | None = None  # "md5:..." or "sha256:...", or None if no checksum is published for this address
    unchecked: str = ""  # explanation for the user if there is no checksum


REMOTES = {
    "esc50": Remote(
        url="https://github.com/karolpiczak/ESC-50/archive/master.zip",
        archive="ESC-50-master.zip",
        gigabytes=0.6,
        licence="CC BY-NC 3.0",
        unchecked="GitHub repacks the archive when the repository changes; instead, every file in the zip is checked",
    ),
    "gtzan": Remote(
        # The published checksums belong to .au files on the authors' server, which is gone. This mirror has .wav files.
        url="https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",
        archive="genres.tar.gz",
        gigabytes=1.2,
        licence="none: for study only, not to be passed on",
        unchecked="compare the checksum below with the one shown next to data/genres.tar.gz at "
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
REMOTES["esc10"] = REMOTES["esc50"]  # ESC-10 is part of ESC-50

# Addresses and checksums are those of librosa.example. Its recordings for non-commercial use only are left out.
SAMPLER = Path(__file__).with_name("sampler.csv")
_ATTRIBUTION = """\
These recordings are examples of librosa (https://librosa.org): Ogg Vorbis versions of the originals, or of parts of
them. If you pass on a recording, pass on its paragraph, too.

"""


def download(name: str, root: str | Path = "data", checksum: str | None = None, progress: bool = True) -> Path:
    """Download a public data set and unpack it, or a sampler of recordings.

    If its folder exists already, nothing is downloaded. Calling the function again continues an interrupted download.
    The sampler is not a data set to train with, but ten recordings of music, speech and animals to listen to (6 MB).
    You may pass them on together with ``ATTRIBUTION.txt``, which names their authors and licences.

    Parameters
    ----------
    name : str
        ``"esc10"``, ``"esc50"``, ``"gtzan"``, ``"urbansound8k"`` or ``"sampler"``.
    root : str or Path
        Folder in which the folder of the data set is created. Default: ``"data"``.
    checksum : str, optional
        Expected checksum of the archive, ``"md5:..."`` or ``"sha256:..."``. Default: the published one, if any. The
        sampler isn't an archive: each of its recordings is compared with a checksum of its own.
    progress : bool
        Show a progress bar. Default: True.

    Returns
    -------
    Path
        Folder of the data set or sampler, as an absolute path. Open a data set with :func:`open_source`, and a
        recording with :func:`musiclab.audio.load_audio`.

    Raises
    ------
    DatasetError
        If the name is unknown, the server reports an error, the connection breaks, the archive is damaged or has
        another checksum, or the disk is full. For the sampler, all faulty files are listed.

    Examples
    --------
    >>> folder = download("esc50", "data")  # about 0.6 GB  # doctest: +SKIP
    >>> dataset = open_source(f"esc50:{folder}")  # doctest: +SKIP
    >>> download("sampler")  # doctest: +SKIP
    >>> waveform, sample_rate = load_audio("data/sampler/trumpet.ogg")  # doctest: +SKIP
    """
    check_known(name, sorted([*REMOTES, "sampler"]), "a data set", DatasetError)
    root = Path(root).expanduser().absolute()
    if name == "sampler":
        if checksum:
            raise DatasetError("sampler: expected no checksum, because each recording has its own; leave it out")
        return _download_sampler(root / "sampler", progress)
    remote = REMOTES[name]
    folder = root / remote.archive.partition(".")[0]
    if folder.exists():
        log.info("%s: already downloaded; to download it again, delete the folder first", folder)
        return folder
    log.info("%s: about %.1f GB, plus the same again unpacked; licence %s", name, remote.gigabytes, remote.licence)
    try:
        root.mkdir(parents=True, exist_ok=True)
        archive = root / remote.archive
        _retrieve(remote.url, archive, checksum or remote.checksum, progress, remote.unchecked)
        _unpack(archive, folder, 3e9 * remote.gigabytes)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DatasetError(
            f"{root}: the disk is full; unpacking {name} needs about {2 * remote.gigabytes:.1f} GB. Incomplete files "
            "were deleted. Free some space or choose another folder, and try again"
        ) from error
    archive.unlink()
    return folder


def _download_sampler(folder: Path, progress: bool) -> Path:
    """Download the recordings that ``folder`` lacks, and list all that cannot be downloaded in one error."""
    import requests

    recordings = pd.read_csv(SAMPLER)
    lines = "{file}: {title}. {author}\n{page}\n{licence}, {licence_page}\n"
    attribution = _ATTRIBUTION + "\n".join(lines.format(**row._asdict()) for row in recordings.itertuples())
    log.info("%s", attribution)
    with replacing(folder / "ATTRIBUTION.txt") as unfinished:
        unfinished.write_text(attribution, encoding="utf-8")
    problems = []
    for row in recordings.itertuples():
        try:
            _retrieve(row.url, folder / row.file, row.checksum, progress)
        except DatasetError as error:
            problems.append(str(error))
            if not isinstance(error.__cause__, (requests.HTTPError, ValueError)):
                break  # the connection broke, and all recordings come from the same server
    if problems:
        raise DatasetError(*problems)
    return folder


def _retrieve(url: str, path: Path, checksum: str | None, progress: bool, unchecked: str = "") -> None:
    """Download a file unless ``path`` has this checksum. pooch verifies the download before the final rename."""
    import pooch  # not at the top, because it is rarely needed

    pooch.get_logger().setLevel(logging.WARNING)

    def fetch(url, output_file, _):
        part = path.with_name(f"{path.name}.part")
        _download_in_attempts(url, part, progress)
        os.replace(part, output_file)

    try:
        pooch.retrieve(url, checksum, fname=path.name, path=path.parent, downloader=fetch)
    except DatasetError:
        raise
    except ValueError as error:  # wrong checksum; pooch has deleted the file
        raise DatasetError(
            f"{url}: {error} Download it again. If this does not help, the file at this address has changed."
        ) from error
    if not checksum:
        log.info("%s: no published checksum: %s; sha256:%s", path.name, unchecked, pooch.file_hash(path))


def _download_in_attempts(url: str, part: Path, progress: bool) -> None:
    """Download ``url`` to ``part``, continuing an earlier download and retrying if the connection breaks."""
    import requests

    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _stream(url, part, progress)
        except requests.HTTPError as error:
            raise DatasetError(
                f"{url}: the server answered {error.response.status_code} {error.response.reason}; "
                "try again later, or download the data set manually"
            ) from error
        except requests.RequestException as error:
            megabytes = part.stat().st_size / 1e6 if part.exists() else 0
            if attempt == ATTEMPTS:
                kept = f"the download continues from the {megabytes:.1f} MB in {part}"
                raise DatasetError(
                    f"{url}: the connection broke {ATTEMPTS} times ({error}); check that you are online and try again, "
                    f"{kept if megabytes else 'nothing was downloaded yet'}"
                ) from error
            log.info("%s: the connection broke after %.1f MB; continuing", url, megabytes)
        except OSError:  # the disk is full
            part.unlink(missing_ok=True)
            raise


def _stream(url: str, part: Path, progress: bool) -> None:
    import requests

    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # uncompressed, so that byte counts match
    if start:
        headers["Range"] = f"bytes={start}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            if content_range == f"bytes */{start}":
                return  # already complete
            part.unlink()
            raise requests.ConnectionError(f"{part} has {start} bytes, more than the file on the server")
        response.raise_for_status()
        if not content_range.startswith(f"bytes {start}-"):
            start = 0  # the server sends the whole file
        total = start + int(response.headers.get("Content-Length", 0)) or None
        bar = progress_bar(None, f"downloading {part.stem}", total, unit="B", show=progress)
        with open(part, "ab" if start else "wb") as file, bar:
            bar.unit_scale = True  # show MB and GB
            bar.update(start)
            for block in response.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))


class _TarInfo(tarfile.TarInfo):
    """Tar header that rejects excessively long names, because tarfile reads names into memory."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        header = super().frombuf(buf, encoding, errors)
        if header.type in _NAME_TYPES and header.size > _MAX_NAME_LENGTH:
            raise tarfile.ReadError(f"it has a header of {header.size:,} bytes")
        return header


class _Budget:
    """Limit on the total size of unpacked files. It also rejects paths outside the folder."""

    def __init__(self, limit: float):
        self.limit = self.remaining = limit  # bytes

    def spend(self, name: str, size: int) -> None:
        """Subtract the size of a file. Raise ValueError if the file must not be unpacked."""
        self.remaining -= 512 + size  # even an empty file takes up space
        if self.remaining < 0:
            raise ValueError(f"it has more than {self.limit / 1e9:.3g} GB")
        if PureWindowsPath(name).drive or name.startswith(("/", "\\")) or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{name!r} is outside the folder")
        if len(PurePosixPath(name).parts) > _MAX_DEPTH:
            raise ValueError(f"{name[:40]!r}... is more than {_MAX_DEPTH} folders deep")


def _unpack(archive: Path, folder: Path, limit: float) -> None:
    """Unpack at most ``limit`` bytes into a temporary folder, and rename it to ``folder``."""
    budget = _Budget(limit)

    def filter_member(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        budget.spend(member.name, member.size)
        return tarfile.data_filter(member, path)  # rejects devices and links to files outside the folder

    root, prefix = folder.parent, f".{folder.name}-"
    with tempfile.TemporaryDirectory(dir=root, prefix=prefix, ignore_cleanup_errors=True) as temporary:
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as file:
                    for member in file.infolist():
                        budget.spend(member.filename, member.file_size)
                    file.extractall(temporary)
            else:
                with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo) as file:
                    file.extractall(temporary, filter=filter_member)
                    while block := stream.read(_BLOCK):  # tar stops early, but gzip's checksum is at the end
                        budget.spend("", len(block))
        except _ARCHIVE_ERRORS as error:
            if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
                raise
            archive.unlink()
            raise DatasetError(
                f"{archive}: the archive cannot be unpacked ({error}). It was deleted; download it again"
            ) from error
        unpacked = Path(temporary) / folder.name
        if unpacked.is_symlink() or not unpacked.is_dir():
            names = ", ".join(sorted(os.listdir(temporary))[:5]) or "nothing"
            raise DatasetError(
                f"{archive}: expected the folder {folder.name} in the archive, found {names}; unpack it manually and "
                "use the folder as the source"
            )
        unpacked.rename(folder)
