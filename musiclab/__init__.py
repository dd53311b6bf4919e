"""musiclab: from waveform to trained classifier, the library behind the musiclab notebooks.

Submodules load when they are first used, so ``import musiclab`` alone costs nothing::

    import musiclab as ml

    waveform, sample_rate = ml.audio.load_audio("song.ogg")
    picture = ml.features.log_mel(waveform)

===============================================  ===================================================
audio, features, fingerprint, augment            sound and numbers
datasets, studio, street, streams, scan, splits  what there is, what is wrong with it, how it is divided
store, prepare, values, segments                 one HDF5 file that everything trains from
models                                           waveform, log-mel, summary, sequence -> logits
training, recipes, metrics, checkpoint           fit, evaluate, keep
runs, outcome, experiments, leakage, prediction  whole runs, and naming new sounds
attribution                                      what of a sound a model goes by
umtn                                             the data pipeline of UMTN, and its two classifiers
plots, runfolder, report, compare, widgets       what people look at
exercises                                        what says whether an answer is right
cli                                              the command ``musiclab``
===============================================  ===================================================
"""

from importlib import import_module

__version__ = "0.1.0"

_SUBMODULES = (
    "attribution",
    "audio",
    "augment",
    "checkpoint",
    "cli",
    "compare",
    "datasets",
    "environment",
    "errors",
    "exercises",
    "experiments",
    "features",
    "files",
    "fingerprint",
    "leakage",
    "metrics",
    "models",
    "notebooks",
    "outcome",
    "plots",
    "prediction",
    "prepare",
    "progress",
    "recipes",
    "report",
    "runfolder",
    "runs",
    "scan",
    "segments",
    "splits",
    "store",
    "streams",
    "street",
    "studio",
    "training",
    "umtn",
    "values",
    "widgets",
)


def __getattr__(name: str):
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBMODULES])
