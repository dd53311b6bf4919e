"""Open, download, scan and split data sets.

====================  =======================================================  ====================
source                data set                                                 class
====================  =======================================================  ====================
``studio``            generated music in GTZAN's ten genres                    :class:`Studio`
``street``            generated sounds in UrbanSound8K's ten classes           :class:`Street`
``folder:DIR``        your own recordings, ``DIR/<label>/<artist>/**/*``       :class:`AudioFolder`
``gtzan:DIR``         GTZAN, ten genres, 1000 tracks, fault-filtered split     :class:`GTZAN`
``gtzan-SPLIT:DIR``   GTZAN with split ``filtered8``, ``kfold`` or ``random``  :class:`GTZAN`
``urbansound8k:DIR``  UrbanSound8K, ten classes of urban sounds, 8732 clips    :class:`UrbanSound8K`
``esc10:DIR``         ESC-10, ten classes of environmental sounds, 400 clips   :class:`ESC10`
``esc50:DIR``         ESC-50, 50 classes of environmental sounds, 2000 clips   :class:`ESC50`
====================  =======================================================  ====================

A data set has an index table, classes, a licence and an official evaluation protocol. :func:`open_source` opens a data
set, :func:`download` downloads the public ones (and ten recordings to listen to), :func:`scan` looks for faulty
recordings, and :mod:`.splits` creates training, validation and test sets.

Examples
--------
>>> from musiclab import datasets
>>> dataset = datasets.open_source("recordings")  # one folder per class  # doctest: +SKIP
>>> dataset.index[["path", "label", "group"]]  # doctest: +SKIP
>>> datasets.scan(dataset)  # one row per file with its faults  # doctest: +SKIP
>>> split = datasets.splits.by_group(dataset.index, seed=0)  # doctest: +SKIP
>>> len(split.train), len(split.valid), len(split.test)  # doctest: +SKIP
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
"""Sources that are a name and a folder, ``NAME:DIR``: a dictionary of classes."""

GENERATED = {"studio": Studio, "street": Street}
"""Sources that are generated: a dictionary of classes."""

log = logging.getLogger(__name__)


def open_source(source: str) -> Dataset:
    """Open a data set by its name.

    Parameters
    ----------
    source : str
        What to open:

        - ``"NAME:DIR"``: a data set on disk, such as ``"gtzan:DIR"``. :mod:`musiclab.datasets` lists the names.
        - ``"NAME"`` or ``"NAME:SETTINGS"``: a generated data set, such as ``"studio"``,
          ``"studio:tracks=60,seconds=6"`` or ``"street:slices=30,seed=1"``.
        - ``"DIR"``: your own recordings, short for ``"folder:DIR"``. ``"folder:DIR,group=2"`` groups clips by the
          folders two levels below the label.

    Returns
    -------
    Dataset
        The data set. Remarks on it, for example on missing clips, are logged.

    Raises
    ------
    DatasetError
        If the name is unknown, the folder is missing or has another layout, or a setting is invalid.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for label in ("jazz", "rock"):
    ...         Path(folder, label).mkdir()
    ...         Path(folder, label, "song.wav").touch()
    ...     open_source(f"folder:{folder}").classes
    ['jazz', 'rock']
    >>> dataset = open_source("studio:tracks=12")  # doctest: +SKIP
    """
    name, _, options = source.partition(":")
    if name not in FROM_FOLDER and name not in GENERATED and os.path.isdir(_split_group_level(source)[0]):
        name, options = "folder", source
    if name in GENERATED:
        return GENERATED[name](**_parse_settings(source, options, GENERATED[name].SETTINGS))
    if name not in FROM_FOLDER:
        raise DatasetError(
            f"{source}: expected a store (a file that ends in .h5) or one of studio, street, folder:DIR, gtzan:DIR, "
            f"urbansound8k:DIR, esc10:DIR, esc50:DIR{did_you_mean(name, [*FROM_FOLDER, *GENERATED])}"
        )
    if not options:
        raise DatasetError(f"{source}: the folder is missing; write {name}:DIR with the folder of the data set")
    settings = {}
    if name == "folder":
        options, level = _split_group_level(options)
        settings = _parse_settings(source, level, {"group": ("group_level", int)})
    dataset = FROM_FOLDER[name](options, **settings)
    for note in dataset.notes:
        log.info("%s: %s", source, note)
    return dataset


def _split_group_level(folder: str) -> tuple[str, str]:
    """Split ``"DIR,group=2"`` into ``("DIR", "group=2")``, unless it is the name of an existing folder."""
    root, _, level = folder.rpartition(",group=")
    return (root, f"group={level}") if root and not os.path.isdir(folder) else (folder, "")


def _parse_settings(source: str, text: str, parsers: dict[str, tuple[str, type]]) -> dict:
    """Parse a text such as ``"tracks=20,seed=1"`` to ``{"tracks_per_genre": 20, "seed": 1}``."""
    settings = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        if name not in parsers:
            raise DatasetError(f"{source}: unknown setting {name!r}; use {', '.join(f'{key}=...' for key in parsers)}")
        parameter, parse = parsers[name]
        if parameter in settings:
            raise DatasetError(f"{source}: {name} is set twice")
        try:
            settings[parameter] = parse(value)
        except ValueError as error:
            expected = "a whole number" if parse is int else "a number"
            raise DatasetError(f"{source}: expected {name} to be {expected}, found {value!r}") from error
    return settings
