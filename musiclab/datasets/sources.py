"""``kind:rest``: how a data set is named on the command line and in notebooks."""

import logging
from functools import partial

from musiclab.core.errors import DatasetError, did_you_mean
from musiclab.datasets.base import Dataset
from musiclab.datasets.esc import ESC10, ESC50
from musiclab.datasets.folder import AudioFolder
from musiclab.datasets.generated import Street, Studio
from musiclab.datasets.gtzan import GTZAN, SPLITS
from musiclab.datasets.urbansound import UrbanSound8K

FROM_FOLDER = {
    "folder": AudioFolder,
    "esc10": ESC10,
    "esc50": ESC50,
    "gtzan": GTZAN,
    **{f"gtzan-{split}": partial(GTZAN, split=split) for split in SPLITS},
    "urbansound8k": UrbanSound8K,
}
GENERATED = {"studio": Studio, "street": Street}
log = logging.getLogger(__name__)

USAGE = "studio, street, folder:DIR, gtzan:DIR, urbansound8k:DIR, esc10:DIR, esc50:DIR"


def open_source(source: str) -> Dataset:
    """Open the data set that ``source`` names.

    Parameters
    ----------
    source
        ``"folder:DIR"``, ``"gtzan:DIR"``, ``"urbansound8k:DIR"``, ``"esc10:DIR"`` or ``"esc50:DIR"``, where
        ``"gtzan-kfold:DIR"`` is GTZAN with another of its :data:`~musiclab.datasets.gtzan.SPLITS`; or a generated
        set with settings if wanted: ``"studio"``, ``"studio:tracks=60,seconds=6"``, ``"street:slices=30,seed=1"``.

    Raises
    ------
    DatasetError
        There is no such kind of source, or its folder, names or settings do not fit.
    """
    kind, _, rest = source.partition(":")
    if kind in FROM_FOLDER:
        if not rest:
            raise DatasetError(f"{source}: expected {kind}:DIR with the folder of the data set")
        dataset = FROM_FOLDER[kind](rest)
        for note in dataset.notes:
            log.info("%s: %s", source, note)
        return dataset
    if kind in GENERATED:
        return GENERATED[kind](**_settings(source, rest, GENERATED[kind].SETTINGS))
    raise DatasetError(
        f"{source}: expected a store (a file that ends in .h5) or one of {USAGE}"
        f"{did_you_mean(kind, [*FROM_FOLDER, *GENERATED])}"
    )


def _settings(source: str, rest: str, known: dict[str, tuple[str, type]]) -> dict:
    """``"tracks=20,seed=1"`` -> ``{"tracks_per_genre": 20, "seed": 1}``."""
    settings = {}
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        if name not in known:
            raise DatasetError(f"{source}: unknown setting {name!r}; expected {', '.join(f'{k}=...' for k in known)}")
        parameter, kind = known[name]
        try:
            settings[parameter] = kind(value)
        except ValueError as error:
            what = {int: "a whole number", float: "a number"}[kind]
            raise DatasetError(f"{source}: expected {name} to be {what}, found {value!r}") from error
    return settings
