"""Prepare, read and verify the store, the HDF5 file with audio and features that models are trained on.

Any HDF5 program can read a store, for example h5py or HDFView. Clips may differ in length: clip ``i`` of a feature is
``values[offsets[i]:offsets[i + 1]]``. The layout of the file is::

    /                        attributes
        format               "musiclab-store"
        version              integer: version of this layout
        about                text: how to read the file, in two sentences
        classes              JSON list of class names; the class index of a clip is the position of its label
        config               JSON: settings of each feature; sample_rate in Hz, hop_length in samples
        source               JSON: name, licence, citation and protocol of the data set
        licence              text: licence of the data set
        failures             JSON list of [path, reason]: clips that could not be read and are not in the store
        versions             JSON: versions of musiclab and the libraries that influence the values
        as_of                text: modification time (UTC) of the newest source file
    /index                   one entry per clip in each array
        path label group     text
        fold                 integer: official fold from 1, or 0 if there is none
        split                text: train, valid, test, or empty if there is none
        size modified        integers: size (bytes) and modification time (ns since 1970) of the source file, or 0
        seconds              float: duration of the clip
        duplicate            integer from 1 that all copies of a recording share, or 0 for clips without copies
    /audio                   attribute names (JSON list of dimension names); values has an attribute sample_rate in Hz
        values               int16, shape (all samples,)
        offsets              int64, shape (clips + 1,)
        crc32                uint32, shape (clips,): CRC-32 (zlib) of each clip's bytes
    /features/logmel         same layout, as for any other feature
        values               float16 (logmel) or float32 (all others), shape (all frames, dimensions)
        offsets crc32

The first 4096 bytes of the file hold checksums of everything except the values; see :mod:`musiclab.store.seal`. A store
with a broken seal is not used. :func:`verify` lists the damage.

``values`` are contiguous and uncompressed, so any program can map them into memory and read a segment from anywhere.
Compression would save little, because int16 and float16 are already small.

The bytes of a store depend only on the source files, the settings and the library versions, so preparing the same files
twice gives identical stores. For the same reason, ``as_of`` is the time of the newest source file, not the current
time. The environment variable ``SOURCE_DATE_EPOCH`` (seconds since 1970) overrides it.

Examples
--------
>>> from musiclab import store
>>> report = store.prepare(dataset, "recordings.h5", {"logmel": MelConfig()})  # doctest: +SKIP
>>> recordings = store.Store("recordings.h5")  # doctest: +SKIP
>>> recordings.values("logmel").shape, recordings.labels.shape  # doctest: +SKIP
((51600, 128), (400,))
>>> segments = store.Segments.of_store(recordings, "logmel", length=128)  # doctest: +SKIP
>>> batch, labels = segments.batch([0, 1, 2])  # (3, 128, 128), (3,)  # doctest: +SKIP
"""

from importlib import import_module

# loaded on first use, because the subprocess that reads damaged stores must start fast and needs only one module
_MODULES = {
    "extract": "extraction",
    "cached_store": "opening",
    "must_render": "opening",
    "open_data": "opening",
    "open_index": "opening",
    "Report": "preparing",
    "prepare": "preparing",
    "Store": "reading",
    "verify": "reading",
    "Segments": "segments",
    "create": "writing",
}


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
