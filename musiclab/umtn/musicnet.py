"""The six domains of the UMTN paper, out of MusicNet (Thickstun, Harchaoui and Kakade, 2017, arXiv 1611.09827)."""

import shutil
from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError

DOMAINS = (
    ("Bach", "Solo Cello"),
    ("Beethoven", "Solo Piano"),
    ("Cambini", "Wind Quintet"),
    ("Bach", "Solo Piano"),
    ("Beethoven", "Accompanied Violin"),
    ("Beethoven", "String Quartet"),
)
"""Composer and ensemble, in the order of ``train.sh``."""
METADATA = "musicnet_metadata.csv"
SOUND = ("musicnet/train_data", "musicnet/test_data", "train_data", "test_data")
"""Where the recordings lie below the root, with the archive's own folder or without."""
COLUMNS = ("id", "composer", "composition", "ensemble", "seconds")


def musicnet_domains(root: str | Path, output: str | Path | None = None) -> pd.DataFrame:
    """List the recordings of the six domains and, if asked, copy them into a folder a domain.

    Parameters
    ----------
    root
        Folder with ``musicnet_metadata.csv`` and the wav folders of MusicNet (CC BY 4.0).
    output
        Folder that gets ``Bach_Solo_Cello/<id>.wav`` and so on; left out, nothing is copied.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``path``, ``domain`` (such as ``"Bach_Solo_Cello"``), ``group`` (the composition: its movements
        share it) and ``seconds``. To keep movements together: ``split_dir(..., group=dict(zip(table["id"],
        table["group"])))``.

    Raises
    ------
    DatasetError
        The metadata are missing or lack a column, a domain has no recording, or recordings are missing.
    """
    root = Path(root)
    if not (root / METADATA).is_file():
        raise DatasetError(f"{root / METADATA}: no such file; MusicNet's metadata lie beside its archive of recordings")
    metadata = pd.read_csv(root / METADATA, dtype={"id": str})
    lacking = [name for name in COLUMNS if name not in metadata]
    if lacking:
        raise DatasetError(
            f"{root / METADATA}: expected the columns {', '.join(COLUMNS)}, found no {', '.join(lacking)}"
        )
    rows, missing = [], []
    for composer, ensemble in DOMAINS:
        chosen = metadata[(metadata["composer"] == composer) & (metadata["ensemble"] == ensemble)]
        domain = f"{composer}_{ensemble.replace(' ', '_')}"
        if chosen.empty:
            raise DatasetError(f"{root / METADATA}: expected recordings of {composer}, {ensemble}, found none")
        for row in chosen.itertuples():
            places = [root / folder / f"{row.id}.wav" for folder in SOUND]
            path = next((place for place in places if place.is_file()), None)
            if path is None:
                missing.append(f"{row.id}.wav")
            rows.append(
                {"id": row.id, "path": path, "domain": domain, "group": row.composition, "seconds": row.seconds}
            )
    if missing:
        raise DatasetError(
            f"{root}: expected {len(rows)} recordings below {SOUND[0]} and {SOUND[1]}, found {len(missing)} missing: "
            f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; unpack the archive again"
        )
    for row in rows if output is not None else ():
        target = Path(output) / row["domain"] / row["path"].name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(row["path"], target)
    return pd.DataFrame(rows)
