"""Scan a data set for clips that are unreadable, silent, clipped, far too loud or repeated."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from musiclab.audio import load_audio
from musiclab.core.errors import AudioError, DatasetError
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets.base import Dataset
from musiclab.datasets.fingerprints import NO_SOUND, SILENCE, Mark, mark, number_copies
from musiclab.datasets.splits import choose_split

FULL_SCALE = 32767 / 32768  # the highest 16-bit sample
CLIPPED = 1e-4  # share of samples in runs of three or more at full scale, from which a clip is clipped
LOUD = 10.0  # peak above which a clip is far over full scale: 20 dB


def scan(dataset: Dataset, workers: int = -1, progress: bool = True) -> pd.DataFrame:
    """Decode every clip of a data set and describe it.

    Parameters
    ----------
    dataset
        Any of :mod:`musiclab.datasets`.
    workers
        Processes that decode; -1 is one per core.
    progress
        Draw a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row per clip, in the order of ``dataset.index``: ``path``, ``seconds``, ``sample_rate`` (Hz), ``channels``,
        ``peak`` and ``rms`` (1 is full scale), ``clipped`` and ``silent`` (bool), ``error`` (why it cannot be read, or
        ""), and ``duplicate``: 0, or a number from 1 that all clips of the same sound share (:mod:`.fingerprints`).

    Examples
    --------
    >>> table = scan(dataset, workers=1)  # doctest: +SKIP
    >>> table[table["duplicate"] > 0]  # doctest: +SKIP
    """
    paths = dataset.index["path"].tolist()
    tasks = (delayed(_examine)(path) for path in paths)
    clips = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs", batch_size="auto")(tasks)
    clips = list(progress_bar(clips, "scanning", len(paths), unit="clip", show=progress))
    facts, marks = zip(*clips, strict=True)
    return pd.DataFrame(facts).assign(duplicate=number_copies(marks, progress))


def list_faults(dataset: Dataset, table: pd.DataFrame) -> list[str]:
    """List the faults of a data set that :func:`scan` put into ``table``, one line for each.

    Clips of one group that are merely alike, such as two slices of a siren, are not listed: splits keep them together.
    """
    faults = [f"unreadable: {error}" for error in table["error"] if error]
    loud = table["peak"] > LOUD
    texts = {
        "silent": (table["silent"], "peak {:.5f}"),
        "clipped": (table["clipped"] & ~loud, "peak {:.5f}"),
        "far over full scale": (loud, "peak {:.5g} where 1 is full scale; save it again at a lower level"),
    }
    for fault, (rows, text) in texts.items():
        faults += [f"{fault}: {row.path} ({text.format(row.peak)})" for row in table[rows].itertuples()]
    table = table.reset_index(drop=True)
    for _, same in table[table["duplicate"] > 0].groupby("duplicate"):
        columns = dataset.index.iloc[same.index][["label", "fold", "split", "group"]]
        values = {f"{name}s": sorted(set(column) - {0, ""}) for name, column in columns.items()}
        spans = "; ".join(f"{name} {', '.join(map(str, each))}" for name, each in values.items() if len(each) > 1)
        are_copies = (same[["seconds", "peak", "rms"]].nunique() == 1).all()
        if spans or are_copies:
            faults.append(f"the same sound{f' ({spans})' if spans else ''}: {', '.join(same['path'])}")
    return faults


def find_split_problem(dataset: Dataset, table: pd.DataFrame) -> str:
    """Say why the clips that :func:`scan` could read cannot be split for a training, or return "" if they can."""
    index = dataset.index[["path", "label", "group", "fold", "split"]].reset_index(drop=True)
    if not index["fold"].any() and not index["split"].any():
        index = index.assign(duplicate=table["duplicate"])  # copies are kept in one group
    index = index[(table["error"] == "").to_numpy()].reset_index(drop=True)
    try:
        if len(index):
            choose_split(index)
    except DatasetError as error:
        return str(error)
    return ""


def _examine(path: str) -> tuple[dict, Mark]:
    """Return facts about a clip, and the mark that its copies share."""
    facts = {"path": path, "seconds": 0.0, "sample_rate": 0, "channels": 0, "peak": 0.0, "rms": 0.0, "clipped": False}
    facts |= {"silent": False, "error": ""}
    try:
        waveform, sample_rate = load_audio(path, None, mono=False)
    except AudioError as error:
        return facts | {"error": str(error)}, NO_SOUND
    channels = np.atleast_2d(waveform)
    size = np.abs(channels)
    facts |= {
        "seconds": channels.shape[1] / sample_rate,
        "sample_rate": sample_rate,
        "channels": len(channels),
        "peak": float(size.max()),
        "rms": float(np.sqrt(np.square(channels, dtype=np.float64).mean())),
        "clipped": _share_at_full_scale(size) >= CLIPPED,
        "silent": bool(size.max() < SILENCE),
    }
    return facts, mark(channels.mean(axis=0) / max(1.0, facts["peak"] / LOUD), sample_rate)


def _share_at_full_scale(size: np.ndarray) -> float:
    from scipy.ndimage import binary_opening

    full = size >= FULL_SCALE
    return float(binary_opening(full, np.ones((1, 3))).mean()) if full.any() else 0.0
