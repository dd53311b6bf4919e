"""Open data of any form as a store: a path, a source, a data set, or a store itself."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from musiclab.core.files import cache_folder
from musiclab.datasets import GENERATED, Dataset, open_source
from musiclab.store.preparing import chosen_configs, prepare, with_files
from musiclab.store.reading import Store
from musiclab.store.seal import VERSION
from musiclab.store.writing import current_versions


def open_data(data: str | Path | Dataset | Store, feature: str = "logmel", config=None) -> Store:
    """Open a store, or prepare one in the user's cache folder.

    Parameters
    ----------
    data
        A store or its path (``.h5``), a data set, or a source such as ``"esc10:DIR"``.
    feature
        What must be in it.
    config
        Settings that a data set is prepared with, default the usual ones. A store is taken as it is.

    Returns
    -------
    Store
        Its ``failures`` are the clips that could not be read and were left out.

    Raises
    ------
    StoreError
        The store cannot be read, or lacks the feature.
    """
    opened = open_index(data)
    if isinstance(opened, Store):
        opened.check_has(feature)
        return opened
    return Store(cached_store(opened, (feature,) if config is None else {feature: config}))


def open_index(data: str | Path | Dataset | Store) -> Dataset | Store:
    """Open a store, or the data set that a source names, for its table of clips; no clip is decoded yet."""
    if isinstance(data, (Store, Dataset)):
        return data
    return Store(data) if str(data).lower().endswith((".h5", ".hdf5")) else open_source(str(data))


def must_render(data: str | Path | Dataset | Store) -> bool:
    """Return True if ``data`` is the source of generated sound, which takes time to open."""
    return str(data).partition(":")[0] in GENERATED


def cached_store(dataset: Dataset, features: Sequence[str] | Mapping = ("logmel",)) -> Path:
    """Prepare a data set in the user's cache folder, unless that is done already.

    It is prepared anew when a file of the data set has changed (its size or its time), or the settings, or the version
    of musiclab or of a library that the numbers come from.

    Returns
    -------
    pathlib.Path
        Of the store.
    """
    configs = chosen_configs(features)
    settings = {name: config.to_dict() for name, config in configs.items()}
    table = with_files(dataset.index).astype(str).to_numpy().tolist()
    identity = json.dumps([VERSION, dataset.describe(), table, settings, current_versions()])
    key = hashlib.sha256(identity.encode()).hexdigest()[:12]
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in dataset.name)
    path = cache_folder() / "stores" / f"{name}-{key}.h5"
    if not path.exists():
        prepare(dataset, path, configs, wait=True)
    return path
