"""GTZAN: ten genres of a hundred clips, with its known faults kept out by default."""

import re
import warnings
from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedKFold

from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
"""The ten genres."""

TRACKS = 1000
"""Tracks of the whole set."""

SPLITS = ("filtered", "filtered8", "kfold", "random")
"""Ways to divide it, see :class:`GTZAN`."""

_WHERE = (
    "GTZAN's own server is gone, but copies are about: genres.tar.gz (musiclab download gtzan DIR) or genres_original. "
    "Name the folder that holds genres/ or genres_original/, or the ten folders of the genres."
)
_PROTOCOLS = {
    "filtered": "the fault-filtered split (Kereliuk, Sturm and Larsen 2015): 443 tracks train, 197 validate, 290 test",
    "filtered8": "the fault-filtered split without blues and rock: 353 tracks train, 150 validate, 227 test",
    "kfold": "ten folds by track, stratified; artists and repeats are on both sides, so results are too good",
    "random": "one random split by track, 60/20/20; artists and repeats are on both sides, so results are too good",
}
_FOLDERS = ("genres", "genres_original", "Data/genres_original", ".")  # the third is how zip copies come
_TRACK = re.compile(r"(?P<genre>[a-z]+)\.000\d\d")


class GTZAN(Dataset):
    """GTZAN: 1000 clips of 30 s, ten genres (Tzanetakis and Cook 2002), or what is there of it.

    Parameters
    ----------
    root
        The folder that holds ``genres/`` or ``genres_original/``, or that is one of these.
    split
        ``"filtered"``: the fault-filtered split, by artist and without repeats; ``"filtered8"``: the same without
        blues and rock; ``"kfold"``: ten folds by track; ``"random"``: 60/20/20 by track, with a warning.

    Attributes
    ----------
    missing : list of str
        Tracks of the split that the folder lacks, such as ``"jazz.00054"``.

    Raises
    ------
    DatasetError
        No such folder, no track in it, too few tracks to divide, or no such split.

    Notes
    -----
    About 50 exact repeats, 43 mislabelled clips, many clips by one artist (Sturm 2013). The filtered lists are those
    of ``torchaudio.datasets.gtzan``. Their training part has ``jazz.00054``, which many copies hold in a form that
    cannot be decoded: then 442 tracks train. As everywhere, what cannot be read is listed and left out.

    The set itself does not name its artists, so the group of a track is the track itself: only the filtered splits
    keep an artist on one side.
    """

    def __init__(self, root: str | Path, split: str = "filtered"):
        if split not in SPLITS:
            raise DatasetError(f"gtzan: expected a split among {', '.join(SPLITS)}, found {split!r}")
        if split == "random":
            warnings.warn(
                "gtzan: a random split puts clips of one artist, and exact repeats, on both sides, so that accuracies "
                "come out far too high and compare with nothing; use the split filtered",
                stacklevel=2,
            )
        tracks = _find_tracks(existing_folder(root, "GTZAN", _WHERE))
        index, self.missing = _DIVIDE[split](tracks)
        super().__init__(
            name=f"gtzan-{split}",
            index=index,
            licence="none: for study only, not to be passed on",
            citation="G. Tzanetakis and P. Cook. Musical genre classification of audio signals. IEEE TSAP 10(5), 2002.",
            where=_WHERE,
            protocol=_PROTOCOLS[split],
        )
        self.notes = [f"{len(tracks)} of GTZAN's {TRACKS} tracks are here; the split {split} uses {len(self)} of them"]
        if self.missing:
            wanted = len(self) + len(self.missing)
            self.notes.append(
                f"{len(self.missing)} of the {wanted} tracks of the split are missing, such as {self.missing[0]}: "
                "results do not compare with those on all of it"
            )


def _find_tracks(root: Path) -> pd.DataFrame:
    """Rows ``path, label, group``, sorted; a track that is there as .au and as .wav is taken once, as .wav."""
    for folder in _FOLDERS:
        tracks = {}
        for genre in GENRES:
            for path in sorted((root / folder / genre).glob("*")):
                match = _TRACK.fullmatch(path.stem)
                if match and match["genre"] == genre and path.suffix.lower() in (".au", ".wav") and path.is_file():
                    tracks[path.stem] = path  # .wav is sorted after .au
        if tracks:
            return pd.DataFrame(
                {"path": str(path), "label": track.partition(".")[0], "group": track}
                for track, path in sorted(tracks.items())
            )
    raise DatasetError(f"{root}: expected tracks such as genres/blues/blues.00000.wav (or .au), found none. {_WHERE}")


def _filtered(tracks: pd.DataFrame, genres: tuple[str, ...] = GENRES) -> tuple[pd.DataFrame, list[str]]:
    from musiclab.features.torchaudio import torchaudio  # not at the top: it loads torch

    lists = torchaudio.datasets.gtzan
    parts = {"train": lists.filtered_train, "valid": lists.filtered_valid, "test": lists.filtered_test}
    part_of = {track: part for part, names in parts.items() for track in names if track.partition(".")[0] in genres}
    kept = tracks.assign(split=tracks["group"].map(part_of)).dropna(subset="split")
    if kept.empty:
        raise DatasetError(
            f"gtzan: expected tracks of the filtered split, found none among the {len(tracks)} that are there, such "
            f"as {tracks['path'].iloc[0]}; copy more of the set, or use the split kfold"
        )
    return kept, sorted(set(part_of) - set(tracks["group"]))


def _filtered8(tracks: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    return _filtered(tracks, tuple(genre for genre in GENRES if genre not in ("blues", "rock")))


def _kfold(tracks: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    return tracks.assign(fold=_fold_numbers(tracks, folds=10, needed=2)), _absent(tracks)


def _random(tracks: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    part_of = {1: "test", 2: "valid"}  # of five folds: 20 %, 20 %, and the rest trains
    parts = [part_of.get(fold, "train") for fold in _fold_numbers(tracks, folds=5, needed=3)]
    return tracks.assign(split=parts), _absent(tracks)


def _fold_numbers(tracks: pd.DataFrame, folds: int, needed: int) -> pd.Series:
    """Folds from 1, stratified by genre; fewer than ``folds`` where a genre has fewer tracks, at least ``needed``."""
    counts = tracks["label"].value_counts()
    if counts.min() < needed:
        raise DatasetError(
            f"gtzan: expected at least {needed} tracks of each genre to divide, found {counts.min()} of "
            f"{counts.idxmin()}; copy more of the set, or take that folder away"
        )
    numbers = pd.Series(0, index=tracks.index)
    splitter = StratifiedKFold(min(folds, int(counts.min())), shuffle=True, random_state=0)
    for number, (_, rows) in enumerate(splitter.split(tracks, tracks["label"]), start=1):
        numbers.iloc[rows] = number
    return numbers


def _absent(tracks: pd.DataFrame) -> list[str]:
    return sorted({f"{genre}.{number:05d}" for genre in GENRES for number in range(100)} - set(tracks["group"]))


_DIVIDE = {"filtered": _filtered, "filtered8": _filtered8, "kfold": _kfold, "random": _random}
