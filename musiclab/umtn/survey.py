"""What a folder of preprocessed domains holds, and what is wrong with it."""

from pathlib import Path

import h5py
import pandas as pd

from musiclab.core.errors import DatasetError, StoreError
from musiclab.umtn.encoded import WAV_FREQ
from musiclab.umtn.h5 import examine


def inspect(
    top: str | Path, seq_len: int = 12000, dataset_name: str = "wav"
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Count the ``.h5`` files below a folder, folder by folder.

    Parameters
    ----------
    top
        Folder of domains, of parts, or of files.
    seq_len
        Samples of a segment: shorter files cannot be trained from.
    dataset_name
        Dataset in each file.

    Returns
    -------
    table : pandas.DataFrame
        One row a folder that holds files: ``folder`` (relative), ``files``, ``minutes``, ``shortest`` (samples),
        ``kind`` (of the samples), ``sample_rate`` (Hz; 16,000 is assumed where files do not say), ``left_out``.
    failures : list of (path, reason)
        Files that training leaves out.

    Raises
    ------
    DatasetError
        There are no ``.h5`` files.
    """
    top = Path(top)
    paths = sorted(top.rglob("*.h5"))
    if not paths:
        raise DatasetError(f"{top}: expected .h5 files, found none; make them with: musiclab umtn preprocess")
    rows, failures = [], []
    for path in paths:
        folder = path.parent.relative_to(top).as_posix()
        try:
            length, rate = examine(path, dataset_name, seq_len)
        except StoreError as error:
            failures.append((str(path), str(error)))
            rows.append({"folder": folder, "samples": None, "left_out": 1})
            continue
        with h5py.File(path, "r") as file:
            kind = str(file[dataset_name].dtype)
        rows.append({"folder": folder, "samples": length, "rate": rate or WAV_FREQ, "kind": kind, "left_out": 0})
    frame = pd.DataFrame(rows, columns=["folder", "samples", "rate", "kind", "left_out"])
    table = [
        {
            "folder": folder,
            "files": len(files),
            "minutes": round(float((files["samples"] / files["rate"]).sum() / 60), 3),
            "shortest": None if files["samples"].isna().all() else int(files["samples"].min()),
            "kind": ", ".join(sorted(files["kind"].dropna().unique())),
            "sample_rate": ", ".join(str(int(rate)) for rate in sorted(files["rate"].dropna().unique())),
            "left_out": int(files["left_out"].sum()),
        }
        for folder, files in frame.groupby("folder", sort=True)
    ]
    return pd.DataFrame(table), failures
