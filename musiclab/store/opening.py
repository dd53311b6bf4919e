"""Open a path, a source or a data set as a store."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from musiclab.core.files import cache_folder
from musiclab.datasets import GENERATED, Dataset, open_source
from musiclab.store.preparing import add_file_status, complete_configs, prepare
from musiclab.store.reading import Store
from musiclab.store.seal import VERSION
from musiclab.store.writing import current_versions


def open_data(data: str | Path | Dataset | Store, feature: str = "logmel", config=None) -> Store:
    """Open a store, or prepare one in the user's cache folder.

    Parameters
    ----------
    data
        Store, path of a store (``.h5``), data set, or source such as ``"esc10:DIR"``.
    feature
        Feature that the store must have.
    config
        Settings for preparing a data set. Default: the default settings of the feature. Existing stores are not
        affected.

    Returns
    -------
    Store
        Open store. Its ``failures`` list the clips that could not be read and were left out.

    Raises
    ------
    StoreError
        The store cannot be read or does not have the feature.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from musiclab.store import create
    >>> with TemporaryDirectory() as folder:
    ...     with create(f"{folder}/tones.h5", {"audio": {"sample_rate": 8000}}, {"name": "tones"}) as writer:
    ...         writer.append({"path": "a.wav", "label": "sine"}, {"audio": np.zeros(8000, np.int16)})
    ...     with open_data(f"{folder}/tones.h5", "audio") as store:
    ...         store.sample_rate
    8000
    """
    opened = open_index(data)
    if isinstance(opened, Store):
        opened.check_has(feature)
        return opened
    return Store(cached_store(opened, (feature,) if config is None else {feature: config}))


def open_index(data: str | Path | Dataset | Store) -> Dataset | Store:
    """Open a store, or the data set of a source, without decoding any clips. Both have an ``index`` table."""
    if isinstance(data, (Store, Dataset)):
        return data
    return Store(data) if str(data).lower().endswith((".h5", ".hdf5")) else open_source(str(data))


def must_render(data: str | Path | Dataset | Store) -> bool:
    """Return True if ``data`` is a generated data set, which takes time to render when it is opened."""
    return str(data).partition(":")[0] in GENERATED


def cached_store(dataset: Dataset, features: Sequence[str] | Mapping = ("logmel",)) -> Path:
    """Prepare a data set in the user's cache folder, and return the path of the store.

    A cached store is rebuilt if a file of the data set, the settings, or the version of musiclab or one of its
    dependencies has changed. Files are compared by size and modification time.

    Examples
    --------
    >>> cached_store(open_source("studio:tracks=12"), ["logmel"])  # doctest: +SKIP
    """
    configs = complete_configs(features)
    settings = {name: config.to_dict() for name, config in configs.items()}
    table = add_file_status(dataset.index).astype(str).to_numpy().tolist()
    identity = json.dumps([VERSION, dataset.describe(), table, settings, current_versions()])
    key = hashlib.sha256(identity.encode()).hexdigest()[:12]
    name = "".join(char if char.isalnum() or char in "-_" else "-" for char in dataset.name)
    path = cache_folder() / "stores" / f"{name}-{key}.h5"
    if not path.exists():
        prepare(dataset, path, configs, wait=True)
    return path
