"""musiclab: from waveform to trained classifier, the library behind the musiclab notebooks.

Rooms load when they are first used, so ``import musiclab`` alone costs nothing::

    import musiclab as ml

    waveform, sample_rate = ml.audio.load_audio("song.ogg")
    picture = ml.features.log_mel(waveform)

The rooms stand in the order in which a sound passes through them; a lower one never imports a higher one:

==========  =====================================================================================================
core        what serves every room: errors, files, progress bars, random numbers, the environment
audio       read, write and resample sound files
features    waveform -> log-mel, MFCC, chroma, summary: settings, units, two engines that agree
studio      music and street sounds, generated with everything known about them
datasets    index tables ``path, label, group, fold, split``; how they are split, and what is wrong with them
store       one HDF5 file that everything trains from, and segments cut from it
models      waveform, log-mel, summary, sequence -> logits
metrics     accuracy with its interval, confusion, mistakes, differences
training    recipes, augmentation, and the training loop
plots       one Axes, labelled
runs        train, cross-validate, load, predict, compare, report
umtn        the data pipeline of the Universal Music Translation Network
widgets     what people listen to and look at in a notebook
lessons     checks of the exercises; running the notebooks
cli         the command ``musiclab``
==========  =====================================================================================================
"""

from importlib import import_module

__version__ = "0.1.0"

_ROOMS = (
    "core",
    "audio",
    "features",
    "studio",
    "datasets",
    "store",
    "models",
    "metrics",
    "training",
    "plots",
    "runs",
    "umtn",
    "widgets",
    "lessons",
    "cli",
)
_FUNCTIONS = ("train", "crossval", "load", "compare")  # of musiclab.runs


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.runs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS, *_FUNCTIONS])
