"""Data sets: each has an index table, classes, a licence and an official protocol.

====================  ======================================================  ====================
source                data set                                                class
====================  ======================================================  ====================
``studio``            GTZAN's genres, generated: nothing to download          :class:`Studio`
``street``            UrbanSound8K's classes, generated                       :class:`Street`
``folder:DIR``        a folder of your own, ``DIR/<label>/<artist>/**/*``     :class:`AudioFolder`
``gtzan:DIR``         GTZAN, ten genres, 1000 tracks; fault-filtered split    :class:`GTZAN`
``gtzan-SPLIT:DIR``   the same, split ``filtered8``, ``kfold`` or ``random``  :class:`GTZAN`
``urbansound8k:DIR``  UrbanSound8K, ten sounds of the city, 8732 clips        :class:`UrbanSound8K`
``esc10:DIR``         ESC-10, ten sounds of the environment, 400 clips        :class:`ESC10`
``esc50:DIR``         ESC-50, fifty of them, 2000 clips                       :class:`ESC50`
====================  ======================================================  ====================

:func:`open_source` opens any of them, :func:`download` gets the public ones, :func:`scan` looks for faults in the
recordings, and :mod:`.splits` decides which of them train and test.
"""

import logging
import os
from functools import partial

from musiclab.core.errors import DatasetError, did_you_mean
from musiclab.datasets import splits
from musiclab.datasets.base import Dataset, check_index
from musiclab.datasets.download import download
from musiclab.datasets.esc import ESC10, ESC50
from musiclab.datasets.folder import AudioFolder
from musiclab.datasets.generated import Street, Studio
from musiclab.datasets.gtzan import GTZAN, SPLITS
from musiclab.datasets.scanning import find_split_problem, list_faults, scan
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


def open_source(source: str) -> Dataset:
    """Open the data set that ``source`` names.

    Parameters
    ----------
    source
        A name from the table above with its folder, such as ``"gtzan:DIR"``, or a generated set, with settings if you
        like: ``"studio:tracks=60,seconds=6"``, ``"street:slices=30,seed=1"``. The name of a folder alone is short for
        ``"folder:DIR"``; ``"folder:DIR,group=2"`` groups its clips by two levels of folders below the label.

    Raises
    ------
    DatasetError
        The name is unknown, or the folder or the settings do not fit.

    Examples
    --------
    >>> dataset = open_source("studio:tracks=12")  # doctest: +SKIP
    >>> dataset.index[["path", "label", "group"]]  # doctest: +SKIP
    """
    name, _, rest = source.partition(":")
    if name not in FROM_FOLDER and name not in GENERATED and os.path.isdir(_without_level(source)[0]):
        name, rest = "folder", source
    if name in GENERATED:
        return GENERATED[name](**_parse(source, rest, GENERATED[name].SETTINGS))
    if name not in FROM_FOLDER:
        raise DatasetError(
            f"{source}: expected a store (a file that ends in .h5) or one of studio, street, folder:DIR, gtzan:DIR, "
            f"urbansound8k:DIR, esc10:DIR, esc50:DIR{did_you_mean(name, [*FROM_FOLDER, *GENERATED])}"
        )
    if not rest:
        raise DatasetError(f"{source}: expected {name}:DIR with the folder of the data set")
    settings = {}
    if name == "folder":
        rest, level = _without_level(rest)
        settings = _parse(source, level, {"group": ("group_level", int)})
    dataset = FROM_FOLDER[name](rest, **settings)
    for note in dataset.notes:
        log.info("%s: %s", source, note)
    return dataset


def _without_level(folder: str) -> tuple[str, str]:
    """Divide ``"DIR,group=2"`` into ``("DIR", "group=2")``, but leave the name of an existing folder whole."""
    root, _, level = folder.rpartition(",group=")
    return (root, f"group={level}") if root and not os.path.isdir(folder) else (folder, "")


def _parse(source: str, rest: str, known: dict[str, tuple[str, type]]) -> dict:
    """Parse ``"tracks=20,seed=1"`` to ``{"tracks_per_genre": 20, "seed": 1}``."""
    settings = {}
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        if name not in known:
            raise DatasetError(f"{source}: unknown setting {name!r}; expected {', '.join(f'{k}=...' for k in known)}")
        parameter, parse = known[name]
        try:
            settings[parameter] = parse(value)
        except ValueError as error:
            expected = "a whole number" if parse is int else "a number"
            raise DatasetError(f"{source}: expected {name} to be {expected}, found {value!r}") from error
    return settings
