"""Looking through a data set before anything is trained on it: what is unreadable, silent, clipped or there twice."""

import hashlib

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from musiclab.audio import load_audio
from musiclab.core.errors import AudioError
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets import Dataset
from musiclab.datasets.fingerprints import BITS, find_repeats, fingerprint

FULL_SCALE = 32767 / 32768
"""Level of the highest 16-bit sample."""

SILENCE = 1e-4
"""Peak, -80 dB, under which a clip is silent."""

CLIPPED = 1e-4
"""Share of samples from which a clip is clipped; the samples that count stand at full scale, three or more in a row."""


def scan(dataset: Dataset, workers: int = -1, progress: bool = True) -> pd.DataFrame:
    """Decode every clip of a data set and look at it.

    Parameters
    ----------
    dataset
        Any of :mod:`musiclab.datasets`.
    workers
        Processes that decode; -1 is one a core.
    progress
        Draw a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row a clip, in the order of ``dataset.index``:

        ============  ====================================================================================
        path          the file
        seconds       length; 0 where it cannot be read, as in the four columns that follow
        sample_rate   of the file, Hz
        channels      of the file
        peak, rms     over all channels, 1 is full scale
        clipped       whether stretches of it stand at full scale (:data:`CLIPPED`)
        silent        whether its peak is under -80 dB
        error         why it cannot be read, or ""
        duplicate     number from 1, the same for all clips that are the same sound (:mod:`.fingerprints`);
                      0 for a clip that is there once
        ============  ====================================================================================
    """
    paths = dataset.index["path"].tolist()
    tasks = (delayed(_look_at)(path) for path in paths)
    clips = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs", batch_size="auto")(tasks)
    looked = list(progress_bar(clips, "scanning", len(paths), unit="clip", show=progress))
    table = pd.DataFrame([facts for facts, _, _ in looked])
    table["duplicate"] = _number_repeats([bits for _, bits, _ in looked], [digest for *_, digest in looked], progress)
    return table


def list_faults(dataset: Dataset, table: pd.DataFrame) -> list[str]:
    """What is wrong, a line each: unreadable, silent and clipped clips, and those that are the same sound.

    Clips of one group that are merely alike, such as two slices of one siren, are no fault: splits keep them together.

    Parameters
    ----------
    dataset
        The one that was scanned.
    table
        What :func:`scan` has found.
    """
    faults = [f"unreadable: {error}" for error in table["error"] if error]
    for kind in ("silent", "clipped"):
        faults += [f"{kind}: {row.path} (peak {row.peak:.5f})" for row in table[table[kind]].itertuples()]
    table = table.reset_index(drop=True)  # rows are those of the data set, by position
    for _, same in table[table["duplicate"] > 0].groupby("duplicate"):
        about = dataset.index.iloc[same.index]
        notes = [
            f"{what} {', '.join(map(str, found))}"
            for what, found in (
                ("labels", sorted(set(about["label"]))),
                ("folds", sorted(set(about["fold"]) - {0})),
                ("splits", sorted(set(about["split"]) - {""})),
                ("groups", sorted(set(about["group"]))),
            )
            if len(found) > 1
        ]
        copies = (same[["seconds", "peak", "rms"]].nunique() == 1).all()
        if not notes and not copies:
            continue
        across = f" ({'; '.join(notes)})" if notes else ""
        faults.append(f"the same sound{across}: {', '.join(same['path'])}")
    return faults


def _look_at(path: str) -> tuple[dict, np.ndarray, str]:
    """Facts of a clip, its fingerprint, and a digest of its samples (empty where there is nothing to compare)."""
    facts = {"path": path, "seconds": 0.0, "sample_rate": 0, "channels": 0, "peak": 0.0, "rms": 0.0, "clipped": False}
    facts |= {"silent": False, "error": ""}
    try:
        waveform, sample_rate = load_audio(path, None, mono=False)
    except AudioError as error:
        return facts | {"error": str(error)}, np.zeros((0, BITS), np.int8), ""
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
        return facts, np.zeros((0, BITS), np.int8), ""
    mono = channels.mean(axis=0)
    return facts, fingerprint(mono, sample_rate), hashlib.sha256(mono.tobytes()).hexdigest()


def _share_at_full_scale(size: np.ndarray) -> float:
    """Share of samples, shape (channels, samples), in runs of three or more at full scale; one alone is just a peak."""
    full = size >= FULL_SCALE
    three = full[:, 2:] & full[:, 1:-1] & full[:, :-2]
    in_run = np.zeros_like(full)
    for shift in range(3):
        in_run[:, shift : shift + three.shape[1]] |= three
    return float(in_run.mean())


def _number_repeats(fingerprints: list[np.ndarray], digests: list[str], progress: bool) -> np.ndarray:
    """Group numbers from 1 of clips that are the same, 0 for the others, shape (clips,)."""
    pairs = [(one, other) for one, other, _ in find_repeats(fingerprints, progress=progress)]
    first = {}
    for clip, digest in enumerate(digests):  # sounds too short for a fingerprint
        if digest and first.setdefault(digest, clip) != clip:
            pairs.append((first[digest], clip))
    links = np.array(pairs, dtype=int).reshape(-1, 2).T
    count = len(digests)
    _, member = connected_components(coo_array((np.ones(links.shape[1]), tuple(links)), shape=(count, count)), False)
    repeated = np.bincount(member)[member] > 1
    numbers = np.zeros(count, dtype=int)
    numbers[repeated] = 1 + np.unique(member[repeated], return_inverse=True)[1]
    return numbers
