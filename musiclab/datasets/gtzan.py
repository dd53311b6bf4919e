"""GTZAN: ten genres with a hundred clips each, by default without the known faults."""

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
    "filtered": "fault-filtered split (Kereliuk, Sturm and Larsen 2015): 443 training, 197 validation, 290 test tracks",
    "filtered8": "fault-filtered split without blues and rock: 353 training, 150 validation, 227 test tracks",
    "kfold": "ten folds by track, stratified; folds share artists and repeats, so results are too optimistic",
    "random": "random split by track, 60/20/20; the sets share artists and repeats, so results are too optimistic",
}
"""Splits of GTZAN by name, with their descriptions."""

_WHERE = (
    "GTZAN's original server is gone, but there are copies: genres.tar.gz (musiclab download gtzan DIR) or "
    "genres_original. Give the folder that contains genres/ or genres_original/, or the ten genre folders."
)
_FOLDERS = ("genres", "genres_original", "Data/genres_original", ".")  # zip copies have the third one


class GTZAN(Dataset):
    """GTZAN: music in ten genres, 1000 clips of 30 s (Tzanetakis and Cook 2002), by default without the known faults.

    GTZAN has about 50 exact repeats, 43 mislabelled clips, and many clips by the same artist (Sturm 2013). The artists
    are not annotated, so each track is a group of its own. Only the two fault-filtered splits keep artists together and
    leave out the repeats.

    The fault-filtered splits come from C. Kereliuk, B. L. Sturm and J. Larsen, Deep Learning and Music Adversaries,
    IEEE Transactions on Multimedia 17(11), 2015. They are the same as in ``torchaudio.datasets.gtzan``. In many copies,
    the training track ``jazz.00054`` cannot be decoded. An incomplete copy can be used, too.

    Parameters
    ----------
    root : str or Path
        Folder that contains ``genres/`` or ``genres_original/``, or one of these two folders.
    split : str
        How to split the tracks:

        - ``"filtered"`` (the default): the fault-filtered split.
        - ``"filtered8"``: the fault-filtered split without blues and rock.
        - ``"kfold"``: ten folds by track. The folds share artists and repeats, so results are too optimistic.
        - ``"random"``: 60 % of the tracks for training, 20 % for validation and 20 % for testing. The sets share
          artists and repeats, so a warning is issued.

    Attributes
    ----------
    missing : list of str
        Tracks of the split that are not in the folder, such as ``"jazz.00054"``.

    Raises
    ------
    DatasetError
        If the split is unknown, the folder is missing or has no tracks, or there are too few tracks for the split.

    Examples
    --------
    >>> dataset = GTZAN("genres")  # doctest: +SKIP
    >>> dataset.index["split"].value_counts()  # doctest: +SKIP
    """

    def __init__(self, root: str | Path, split: str = "filtered"):
        check_known(split, SPLITS, "a split of GTZAN", DatasetError)
        if split == "random":
            warnings.warn(
                "gtzan: in a random split, training and test set share artists and exact repeats, so results are far "
                "too high and not comparable with others; use the split filtered",
                stacklevel=2,
            )
        tracks, expected = _find_tracks(existing_folder(root, "GTZAN", _WHERE)), TRACKS
        if split == "kfold":
            index = tracks.assign(fold=_make_folds(tracks, folds=10, needed=2))
        elif split == "random":
            split_of_fold = {1: "test", 2: "valid"}  # folds 3 to 5 are the training set
            folds = _make_folds(tracks, folds=5, needed=3)
            index = tracks.assign(split=[split_of_fold.get(fold, "train") for fold in folds])
        else:
            left_out = ("blues", "rock") if split == "filtered8" else ()
            expected = {track: name for track, name in read_filtered().items() if not track.startswith(left_out)}
            index = tracks.assign(split=tracks["group"].map(expected)).dropna(subset="split")
            if index.empty:
                raise DatasetError(
                    f"gtzan: none of the {len(tracks)} tracks, such as {tracks['path'].iloc[0]}, are in the filtered "
                    "split; get the complete data set, or use the split kfold"
                )
        self.missing = sorted(set(expected) - set(tracks["group"]))
        super().__init__(
            name=f"gtzan-{split}",
            index=index,
            licence="none: for study only, not to be passed on",
            citation="G. Tzanetakis and P. Cook. Musical genre classification of audio signals. IEEE TSAP 10(5), 2002.",
            where=_WHERE,
            protocol=SPLITS[split],
            notes=[f"found {len(tracks)} of {len(TRACKS)} tracks; the split {split} uses {len(index)} of them"],
        )
        if self.missing:
            self.notes.append(
                f"{len(self.missing)} of the {len(expected)} tracks of the split are missing, such as "
                f"{self.missing[0]}, so results are not comparable with those on the complete split"
            )


def read_filtered() -> dict[str, str]:
    """Read the fault-filtered split: a dictionary of 930 tracks with the values "train", "valid" and "test"."""
    splits = {}
    for row in pd.read_csv(Path(__file__).with_name("gtzan_filtered.csv")).itertuples():
        for first, _, last in (numbers.partition("-") for numbers in row.tracks.split()):  # "0-11 27 50-60"
            splits |= {f"{row.genre}.{track:05d}": row.split for track in range(int(first), int(last or first) + 1)}
    return splits


def _find_tracks(root: Path) -> pd.DataFrame:
    """List the tracks as a sorted table of ``path, label, group``. If a track has both formats, use the .wav file."""
    for folder in _FOLDERS:
        paths = {
            path.stem: str(path)
            for genre in GENRES
            for path in sorted((root / folder / genre).glob(f"{genre}.*"))  # .wav comes after .au and replaces it
            if path.stem in TRACKS and path.suffix.lower() in (".au", ".wav") and path.is_file()
        }
        if paths:
            labels = [track.partition(".")[0] for track in paths]
            return pd.DataFrame({"path": list(paths.values()), "label": labels, "group": list(paths)})
    raise DatasetError(f"{root}: expected tracks such as genres/blues/blues.00000.wav (or .au), found none. {_WHERE}")


def _make_folds(tracks: pd.DataFrame, folds: int, needed: int) -> np.ndarray:
    """Assign tracks to folds, stratified by genre and counted from 1.

    The number of folds is ``folds``, or the size of the smallest genre, which must have ``needed`` tracks.
    """
    from sklearn.model_selection import StratifiedKFold  # not at the top, because it takes most of a second

    counts = tracks["label"].value_counts(sort=False)
    if few := [f"{count} of {genre}" for genre, count in counts.items() if count < needed]:
        raise DatasetError(
            f"gtzan: expected at least {needed} tracks of each genre, found {', '.join(few)}; get the complete data "
            "set, or remove these folders"
        )
    fold_of = np.zeros(len(tracks), dtype=int)
    splitter = StratifiedKFold(min(folds, int(counts.min())), shuffle=True, random_state=0)
    for fold, (_, rows) in enumerate(splitter.split(tracks, tracks["label"]), start=1):
        fold_of[rows] = fold
    return fold_of
