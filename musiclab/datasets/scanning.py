"""Scan a data set for clips that are unreadable, silent, clipped, much too loud or duplicated."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from musiclab.audio import load_audio
from musiclab.core.errors import AudioError, DatasetError
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets.base import Dataset
from musiclab.datasets.fingerprints import NO_SOUND, SILENCE, Mark, mark, number_copies
from musiclab.datasets.splits import choose_split

FULL_SCALE = 32767 / 32768  # largest 16-bit sample
CLIPPED = 1e-4  # minimum fraction of clipped samples (three or more in a row at full scale) in a clipped clip
LOUD = 10.0  # peaks above this (20 dB) are far beyond full scale


def scan(dataset: Dataset, workers: int = -1, progress: bool = True) -> pd.DataFrame:
    """Decode all clips of a data set, and look for faults.

    The scan finds clips that are unreadable, silent, clipped, much too loud, or copies of each other.

    Parameters
    ----------
    dataset : Dataset
        Data set to scan.
    workers : int
        Number of processes. The default -1 uses one per core.
    progress : bool
        Show a progress bar. Default: True.

    Returns
    -------
    pandas.DataFrame
        One row per clip, in the order of ``dataset.index``, with these columns:

        - ``path``: path of the clip.
        - ``seconds``: duration in seconds.
        - ``sample_rate``: sample rate in Hz.
        - ``channels``: number of channels.
        - ``peak``: largest absolute sample. 1 is full scale, the largest value that a 16-bit file can store.
        - ``rms``: root mean square of all samples, on the same scale.
        - ``clipped``: True if at least 0.01 % of the samples are at full scale, three or more in a row.
        - ``silent``: True if the peak of the mean of all channels is below 0.0001 (-80 dB).
        - ``error``: reason why the clip can't be read, or ``""``.
        - ``duplicate``: number that all copies of a recording share, or 0 if there are no copies. Copies are found with
          audio fingerprints (see :mod:`musiclab.datasets.fingerprints`).

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.audio import save_audio
    >>> from musiclab.datasets import AudioFolder
    >>> with TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/silence/a.wav", np.zeros(8000), 8000)
    ...     dataset = AudioFolder(folder)
    ...     table = scan(dataset, workers=1, progress=False)
    >>> table[["seconds", "sample_rate", "peak", "silent"]]
       seconds  sample_rate  peak  silent
    0      1.0         8000   0.0    True
    >>> [fault.replace(folder, "DIR") for fault in list_faults(dataset, table)]
    ['silent: DIR/silence/a.wav (peak 0.00000)']
    """
    paths = dataset.index["path"].tolist()
    tasks = (delayed(_examine)(path) for path in paths)
    results = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs", batch_size="auto")(tasks)
    results = list(progress_bar(results, "scanning", len(paths), unit="clip", show=progress))
    rows, marks = zip(*results, strict=True)
    return pd.DataFrame(rows).assign(duplicate=number_copies(marks, progress))


def list_faults(dataset: Dataset, table: pd.DataFrame) -> list[str]:
    """Describe the faults that a scan has found.

    Copies are listed if they are identical, or if their label, fold, split or group differs. Similar clips of the same
    group, such as two slices of a siren, are not listed, because a split keeps groups together.

    Parameters
    ----------
    dataset : Dataset
        Data set that was scanned.
    table : pandas.DataFrame
        Result of :func:`scan` for this data set.

    Returns
    -------
    list of str
        One line per fault, such as ``"silent: DIR/silence/a.wav (peak 0.00000)"``.

    Examples
    --------
    >>> table = scan(dataset)  # doctest: +SKIP
    >>> list_faults(dataset, table)  # doctest: +SKIP
    """
    faults = [f"unreadable: {error}" for error in table["error"] if error]
    is_loud = table["peak"] > LOUD
    checks = {
        "silent": (table["silent"] & (table["peak"] < SILENCE), "peak {:.5f}"),
        "silent in mono": (table["silent"] & (table["peak"] >= SILENCE), "peak {:.5f}, but its channels cancel"),
        "clipped": (table["clipped"] & ~is_loud, "peak {:.5f}"),
        "far beyond full scale": (is_loud, "peak {:.5g}, where 1 is full scale; save it again at a lower level"),
    }
    for fault, (is_faulty, details) in checks.items():
        faults += [f"{fault}: {row.path} ({details.format(row.peak)})" for row in table[is_faulty].itertuples()]
    table = table.reset_index(drop=True)
    for _, copies in table[table["duplicate"] > 0].groupby("duplicate"):
        columns = dataset.index.iloc[copies.index][["label", "fold", "split", "group"]]
        values = {f"{name}s": sorted(set(column) - {0, ""}) for name, column in columns.items()}
        conflicts = "; ".join(f"{name} {', '.join(map(str, row))}" for name, row in values.items() if len(row) > 1)
        are_identical = (copies[["seconds", "peak", "rms"]].nunique() == 1).all()
        if conflicts or are_identical:
            faults.append(f"the same sound{f' ({conflicts})' if conflicts else ''}: {', '.join(copies['path'])}")
    return faults


def find_split_problem(dataset: Dataset, table: pd.DataFrame) -> str:
    """Explain why a data set can't be split for training.

    Unreadable clips are ignored. Copies of a recording count as one group, unless the data set has an official split or
    official folds.

    Parameters
    ----------
    dataset : Dataset
        Data set that was scanned.
    table : pandas.DataFrame
        Result of :func:`scan` for this data set.

    Returns
    -------
    str
        Explanation, or ``""`` if the data set can be split.

    Examples
    --------
    >>> find_split_problem(dataset, scan(dataset))  # doctest: +SKIP
    ''
    """
    index = dataset.index[["path", "label", "group", "fold", "split"]].reset_index(drop=True)
    if not index["fold"].any() and not index["split"].any():
        index = index.assign(duplicate=table["duplicate"])  # keeps copies in one group
    index = index[(table["error"] == "").to_numpy()].reset_index(drop=True)
    try:
        if len(index):
            choose_split(index)
    except DatasetError as error:
        return str(error)
    return ""


def _examine(path: str) -> tuple[dict, Mark]:
    """Return the table row of a clip, and its mark for finding copies."""
    row = {"path": path, "seconds": 0.0, "sample_rate": 0, "channels": 0, "peak": 0.0, "rms": 0.0, "clipped": False}
    row |= {"silent": False, "error": ""}
    try:
        waveform, sample_rate = load_audio(path, None, mono=False)
    except AudioError as error:
        return row | {"error": str(error)}, NO_SOUND
    channels = np.atleast_2d(waveform)
    magnitude = np.abs(channels)
    row |= {
        "seconds": channels.shape[1] / sample_rate,
        "sample_rate": sample_rate,
        "channels": len(channels),
        "peak": float(magnitude.max()),
        "rms": float(np.sqrt(np.square(channels, dtype=np.float64).mean())),
        "clipped": _measure_clipping(magnitude) >= CLIPPED,
        "silent": bool(np.abs(channels.mean(axis=0)).max() < SILENCE),  # as it is used, with the channels averaged
    }
    return row, mark(channels.mean(axis=0) / max(1.0, row["peak"] / LOUD), sample_rate)


def _measure_clipping(magnitude: np.ndarray) -> float:
    """Return the fraction of samples in runs of three or more at full scale."""
    from scipy.ndimage import binary_opening

    is_full = magnitude >= FULL_SCALE
    return float(binary_opening(is_full, np.ones((1, 3))).mean()) if is_full.any() else 0.0
