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
    """Open a store, or prepare one from a data set.

    A store is a file with the features of a data set, and often its audio. If ``data`` is a data set, its store is
    prepared in the user's cache folder and reused the next time.

    Parameters
    ----------
    data : str, Path, Dataset or Store
        Store, path of a store (``.h5``), data set, or source of a data set, such as ``"esc10:DIR"``.
    feature : str, default "logmel"
        Feature that the store must have.
    config : settings of the feature, optional
        Settings for preparing a data set, such as ``MelConfig(n_mels=64)``. Default: the default settings of the
        feature. Existing stores are not affected.

    Returns
    -------
    Store
        Open store. Its ``failures`` list the clips that could not be read and were left out.

    Raises
    ------
    StoreError
        If the store cannot be read or does not have the feature.
    DatasetError
        If the data set cannot be opened, or none of its clips can be read.

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
    """Open the list of clips of a store or a data set, without decoding any of them.

    The sound of a generated data set has to be rendered before its clips can be listed (see :func:`must_render`).

    Parameters
    ----------
    data : str, Path, Dataset or Store
        As in :func:`open_data`.

    Returns
    -------
    Dataset or Store
        Store if ``data`` is a store or the path of one, otherwise the data set. Both have a table ``index`` with one
        row per clip.

    Raises
    ------
    StoreError
        If the store cannot be read.
    DatasetError
        If the data set cannot be opened.

    Examples
    --------
    >>> len(open_index("studio:tracks=12").index)  # doctest: +SKIP
    120
    """
    if isinstance(data, (Store, Dataset)):
        return data
    return Store(data) if str(data).lower().endswith((".h5", ".hdf5")) else open_source(str(data))


def must_render(data: str | Path | Dataset | Store) -> bool:
    """Return True if opening ``data`` takes time because its sound has to be generated first.

    Parameters
    ----------
    data : str, Path, Dataset or Store
        As in :func:`open_data`.

    Returns
    -------
    bool
        True for the source of a generated data set, such as ``"studio:tracks=12"``.

    Examples
    --------
    >>> must_render("studio:tracks=12"), must_render("tones.h5")
    (True, False)
    """
    return str(data).partition(":")[0] in GENERATED


def cached_store(dataset: Dataset, features: Sequence[str] | Mapping = ("logmel",)) -> Path:
    """Prepare the store of a data set in the user's cache folder, unless it is already there.

    A cached store is rebuilt if a file of the data set, the settings, or the version of musiclab or one of its
    dependencies has changed. Files are compared by size and modification time.

    Parameters
    ----------
    dataset : Dataset
        Data set from :func:`musiclab.datasets.open_source`.
    features : sequence of str or dict, default ("logmel",)
        As in :func:`prepare`.

    Returns
    -------
    pathlib.Path
        Path of the store.

    Raises
    ------
    StoreError
        As in :func:`prepare`.
    DatasetError
        As in :func:`prepare`.

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
