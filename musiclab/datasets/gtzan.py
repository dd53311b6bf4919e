"""GTZAN: ten genres of a hundred clips; its known faults are left out by default."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
TRACKS = frozenset(f"{genre}.{track:05d}" for genre in GENRES for track in range(100))
SPLITS = {
    "filtered": "the fault-filtered split (Kereliuk, Sturm and Larsen 2015): 443 tracks train, 197 validate, 290 test",
    "filtered8": "the fault-filtered split without blues and rock: 353 tracks train, 150 validate, 227 test",
    "kfold": "ten folds by track, stratified; artists and repeats are on both sides, so results are too good",
    "random": "one random split by track, 60/20/20; artists and repeats are on both sides, so results are too good",
}

_WHERE = (
    "GTZAN's own server is gone, but there are copies: genres.tar.gz (musiclab download gtzan DIR) or genres_original. "
    "Name the folder that holds genres/ or genres_original/, or the ten folders of the genres."
)
_FOLDERS = ("genres", "genres_original", "Data/genres_original", ".")  # the third is in zip copies


class GTZAN(Dataset):
    """GTZAN: 1000 clips of 30 s, ten genres (Tzanetakis and Cook 2002), or as much of it as the folder holds.

    GTZAN has about 50 exact repeats, 43 mislabelled clips, and many clips by one artist (Sturm 2013). It does not name
    its artists, so each track is a group of its own, and only the filtered splits keep an artist on one side. Their
    lists, in ``gtzan_filtered.csv``, are those of C. Kereliuk, B. L. Sturm and J. Larsen, Deep Learning and Music
    Adversaries, IEEE Transactions on Multimedia 17(11), 2015, as in ``torchaudio.datasets.gtzan``. In many copies one
    of their training tracks, ``jazz.00054``, cannot be decoded.

    Parameters
    ----------
    root
        Folder that holds ``genres/`` or ``genres_original/``, or that is one of these.
    split
        ``"filtered"``: the fault-filtered split, by artist and without repeats; ``"filtered8"``: the same without
        blues and rock; ``"kfold"``: ten folds by track; ``"random"``: 60/20/20 by track, with a warning.

    Attributes
    ----------
    missing : list of str
        Tracks of the split that the folder lacks, such as ``"jazz.00054"``.
    """

    def __init__(self, root: str | Path, split: str = "filtered"):
        check_known(split, SPLITS, "a split of GTZAN", DatasetError)
        if split == "random":
            warnings.warn(
                "gtzan: a random split puts clips of one artist, and exact repeats, on both sides, so that accuracies "
                "come out far too high and compare with nothing; use the split filtered",
                stacklevel=2,
            )
        tracks, wanted = _find_tracks(existing_folder(root, "GTZAN", _WHERE)), TRACKS
        if split == "kfold":
            index = tracks.assign(fold=_make_folds(tracks, folds=10, needed=2))
        elif split == "random":
            sides = {1: "test", 2: "valid"}  # of five folds: 20 %, 20 %, and the rest trains
            index = tracks.assign(split=[sides.get(fold, "train") for fold in _make_folds(tracks, folds=5, needed=3)])
        else:
            left_out = ("blues", "rock") if split == "filtered8" else ()
            wanted = {track: side for track, side in read_filtered().items() if not track.startswith(left_out)}
            index = tracks.assign(split=tracks["group"].map(wanted)).dropna(subset="split")
            if index.empty:
                raise DatasetError(
                    f"gtzan: expected tracks of the filtered split, found none among these {len(tracks)}, such "
                    f"as {tracks['path'].iloc[0]}; copy more of the set, or use the split kfold"
                )
        self.missing = sorted(set(wanted) - set(tracks["group"]))
        super().__init__(
            name=f"gtzan-{split}",
            index=index,
            licence="none: for study only, not to be passed on",
            citation="G. Tzanetakis and P. Cook. Musical genre classification of audio signals. IEEE TSAP 10(5), 2002.",
            where=_WHERE,
            protocol=SPLITS[split],
            notes=[
                f"{len(tracks)} of GTZAN's {len(TRACKS)} tracks are here; the split {split} uses {len(index)} of them"
            ],
        )
        if self.missing:
            self.notes.append(
                f"{len(self.missing)} of the {len(wanted)} tracks of the split are missing, such as {self.missing[0]}: "
                "results do not compare with those on all of it"
            )


def read_filtered() -> dict[str, str]:
    """Read the fault-filtered split: "train", "valid" or "test" by track, 930 in all."""
    sides = {}
    for row in pd.read_csv(Path(__file__).with_name("gtzan_filtered.csv")).itertuples():
        for first, _, last in (numbers.partition("-") for numbers in row.tracks.split()):  # "0-11 27 50-60"
            sides |= {f"{row.genre}.{track:05d}": row.split for track in range(int(first), int(last or first) + 1)}
    return sides


def _find_tracks(root: Path) -> pd.DataFrame:
    """List the tracks as ``path, label, group``, sorted; if one has both formats, we take the .wav."""
    for folder in _FOLDERS:
        paths = {
            path.stem: str(path)
            for genre in GENRES
            for path in sorted((root / folder / genre).glob(f"{genre}.*"))  # .wav is sorted after .au
            if path.stem in TRACKS and path.suffix.lower() in (".au", ".wav") and path.is_file()
        }
        if paths:
            labels = [track.partition(".")[0] for track in paths]
            return pd.DataFrame({"path": list(paths.values()), "label": labels, "group": list(paths)})
    raise DatasetError(f"{root}: expected tracks such as genres/blues/blues.00000.wav (or .au), found none. {_WHERE}")


def _make_folds(tracks: pd.DataFrame, folds: int, needed: int) -> np.ndarray:
    """Make folds from 1, stratified by genre: ``folds``, or as many as a genre has tracks, but at least ``needed``."""
    from sklearn.model_selection import StratifiedKFold  # not at the top, because it takes most of a second

    counts = tracks["label"].value_counts(sort=False)
    if few := [f"{count} of {genre}" for genre, count in counts.items() if count < needed]:
        raise DatasetError(
            f"gtzan: expected at least {needed} tracks of each genre to divide, found {', '.join(few)}; copy more of "
            "the set, or take those folders away"
        )
    fold_of = np.zeros(len(tracks), dtype=int)
    splitter = StratifiedKFold(min(folds, int(counts.min())), shuffle=True, random_state=0)
    for fold, (_, rows) in enumerate(splitter.split(tracks, tracks["label"]), start=1):
        fold_of[rows] = fold
    return fold_of
