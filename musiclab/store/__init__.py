"""The store: one HDF5 file that everything trains from.

Anything that reads HDF5 reads it, h5py alone or HDFView. Clip ``i`` of a feature is
``values[offsets[i]:offsets[i + 1]]``, whatever the clips' lengths::

    /                        attributes
        format               "musiclab-store"
        version              integer, the version of this layout
        about                text: how to read the file, in two sentences
        classes              JSON list: a clip's class number is the position of its label
        config               JSON: the settings of each feature; sample_rate is in Hz, hop_length in samples
        source               JSON: name, licence, citation and protocol of the data set
        licence              text: the data set's
        failures             JSON list of [path, reason]: clips that could not be read, which are not in the store
        versions             JSON: of musiclab and of the libraries that the numbers come from
        as_of                text: time (UTC) of the newest source file
    /index                   one entry per clip in each of
        path label group     text
        fold                 integer, the official fold from 1, or 0 for none
        split                text: train, valid, test, or empty for none
        size modified        integers: of the source file, in bytes and in ns since 1970 (0 when not from a file)
        seconds              length of the clip
        duplicate            integer: 0, or a number from 1 that all clips of the same sound share
    /audio                   attribute names (JSON: one for each dimension); values also have sample_rate, in Hz
        values               int16, shape (all samples,)
        offsets              int64, shape (clips + 1,)
        crc32                uint32, shape (clips,): zlib's CRC-32 of the clip's bytes as they are stored
    /features/logmel         likewise, and likewise any other feature
        values               float16 (logmel) or float32 (all others), shape (all frames, dimensions)
        offsets crc32

The first 4096 bytes of the file, which HDF5 leaves to us, hold checksums of everything except the values: see
:mod:`musiclab.store.seal`. A store with a broken seal is not used. :func:`verify` says what is damaged in it.

``values`` lie in one piece, not in chunks, and are not compressed: int16 and float16 already take little space, and
any program can map them into memory and read a segment from anywhere.

The bytes of a store follow from the source files, the settings and the versions alone: no clock is read, so two
preparations of the same files are equal byte for byte. ``as_of`` is the time of the newest source file for that reason;
the environment variable ``SOURCE_DATE_EPOCH`` (seconds since 1970) overrides it.
"""

from importlib import import_module

# each loads when it is first used, because another process reads damaged stores and needs one small part at once
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
