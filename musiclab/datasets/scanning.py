"""Scan a data set for clips that are unreadable, silent, clipped or repeated."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from musiclab.audio import load_audio
from musiclab.core.errors import AudioError
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets.base import Dataset
from musiclab.datasets.fingerprints import BITS, find_repeats, fingerprint

FULL_SCALE = 32767 / 32768  # the highest 16-bit sample
SILENCE = 1e-4  # peak below which a clip is silent: -80 dB
CLIPPED = 1e-4  # share of samples in runs of three or more at full scale, from which a clip is clipped


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
    facts, fingerprints, digests = zip(*clips, strict=True)
    return pd.DataFrame(facts).assign(duplicate=_match(fingerprints, digests, progress))


def list_faults(dataset: Dataset, table: pd.DataFrame) -> list[str]:
    """List the faults of a data set that :func:`scan` put into ``table``, one line for each.

    Clips of one group that are merely alike, such as two slices of a siren, are not listed: splits keep them together.
    """
    faults = [f"unreadable: {error}" for error in table["error"] if error]
    for fault in ("silent", "clipped"):
        faults += [f"{fault}: {row.path} (peak {row.peak:.5f})" for row in table[table[fault]].itertuples()]
    table = table.reset_index(drop=True)
    for _, same in table[table["duplicate"] > 0].groupby("duplicate"):
        columns = dataset.index.iloc[same.index][["label", "fold", "split", "group"]]
        values = {f"{name}s": sorted(set(column) - {0, ""}) for name, column in columns.items()}
        spans = "; ".join(f"{name} {', '.join(map(str, each))}" for name, each in values.items() if len(each) > 1)
        are_copies = (same[["seconds", "peak", "rms"]].nunique() == 1).all()
        if spans or are_copies:
            faults.append(f"the same sound{f' ({spans})' if spans else ''}: {', '.join(same['path'])}")
    return faults


def _examine(path: str) -> tuple[dict, np.ndarray, str]:
    """Return facts about a clip, its fingerprint and a digest of its samples (empty if it has no sound)."""
    facts = {"path": path, "seconds": 0.0, "sample_rate": 0, "channels": 0, "peak": 0.0, "rms": 0.0, "clipped": False}
    facts |= {"silent": False, "error": ""}
    nothing = np.zeros((0, BITS), np.int8), ""
    try:
        waveform, sample_rate = load_audio(path, None, mono=False)
    except AudioError as error:
        return facts | {"error": str(error)}, *nothing
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
    if facts["silent"]:
        return facts, *nothing
    mono = channels.mean(axis=0)
    return facts, fingerprint(mono, sample_rate), hashlib.sha256(mono.tobytes()).hexdigest()


def _share_at_full_scale(size: np.ndarray) -> float:
    from scipy.ndimage import binary_opening

    full = size >= FULL_SCALE
    return float(binary_opening(full, np.ones((1, 3))).mean()) if full.any() else 0.0


def _match(fingerprints: Sequence[np.ndarray], digests: Sequence[str], progress: bool) -> np.ndarray:
    """Number the clips that are the same from 1, and all others 0: shape (clips,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = [(one, other) for one, other, _ in find_repeats(fingerprints, progress=progress)]
    first = {}
    for clip, digest in enumerate(digests):  # sounds too short for a fingerprint
        if digest and first.setdefault(digest, clip) != clip:
            pairs.append((first[digest], clip))
    one, other = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (one, other)), shape=(len(digests), len(digests)))
    _, member = connected_components(graph, directed=False)
    repeated = np.bincount(member)[member] > 1
    numbers = np.zeros(len(digests), dtype=int)
    numbers[repeated] = 1 + np.unique(member[repeated], return_inverse=True)[1]
    return numbers
