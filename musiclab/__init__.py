"""Teach music and sound classification, from the waveform to a trained classifier.

This is the library behind the musiclab notebooks. Its subpackages (the "rooms") load on first use, so
``import musiclab`` is fast::

    import musiclab as ml

    waveform, sample_rate = ml.audio.load_audio("song.ogg")
    log_mel = ml.features.log_mel(waveform)

A sound passes through the rooms in this order, and each room imports only from the rooms above it:

==========  =====================================================================================================
core        helpers for every room: errors, files, progress bars, random numbers, the environment
audio       read, write and resample sound files
features    compute log-mel, MFCC, chroma and other features, with torch or librosa
models      neural networks that classify waveforms, log-mels, summaries, sequences or embeddings
encoders    networks that have already been trained, and turn sound into embeddings
studio      generate music and street sounds together with their ground truth
datasets    index tables ``path, label, group, fold, split``; splitting and checking data sets
store       one HDF5 file per data set, with audio and features, and segments cut from it
metrics     accuracy with its confidence interval, confusion matrices, comparisons of models
training    recipes, augmentation, and the training loop
plots       figures: waveforms, spectrograms, learning curves, confusion matrices
runs        train, cross-validate, load, predict, compare, transfer, report
umtn        the data pipeline of the Universal Music Translation Network
widgets     interactive players and explorers for notebooks
lessons     check the exercises, record the progress, ask quiz questions, open and run the notebooks
cli         the ``musiclab`` command
==========  =====================================================================================================
"""

from importlib import import_module

__version__ = "0.1.0"

_ROOMS = (
    "core",
    "audio",
    "features",
    "models",
    "encoders",
    "studio",
    "datasets",
    "store",
    "metrics",
    "training",
    "plots",
    "runs",
    "umtn",
    "widgets",
    "lessons",
    "cli",
)
_FUNCTIONS = ("train", "crossval", "load", "compare", "transfer")  # of musiclab.runs


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.runs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS, *_FUNCTIONS])
