"""Play, show and explore sounds, clips and models in a notebook. If a widget can't run, a still picture replaces it.

Each name loads its module on first use, so that a widget doesn't import the dependencies of the others::

    from musiclab.widgets import Lane, Player, play

    Player(waveform, sample_rate, lanes=[Lane.beats(beat_times)])

================  ================================================================================  =============
name              purpose                                                                           module
================  ================================================================================  =============
Player, play      play, zoom and annotate a sound or several versions of it, or its first seconds     player
Lane              show beats, segments or predictions above the waveform of a Player                lanes
FeatureExplorer   see how ``n_fft``, ``hop_length``, window and mel bands change a spectrogram      explorer
ClipBrowser       choose a clip in a table, a confusion matrix or a map; hear and see it            browser
StudioMixer       change a generated track and watch the predictions of a model                     mixer
LiveClassifier    classify the sound of the microphone while it is on                               live
Still             replace a widget by picture, text and sound                                       still
================  ================================================================================  =============
"""

from importlib import import_module

from musiclab.core.extras import require

require("widgets", "lessons", "anywidget", "ipywidgets", "matplotlib")

_MODULES = {
    "ClipBrowser": "browser",
    "FeatureExplorer": "explorer",
    "Lane": "lanes",
    "LiveClassifier": "live",
    "Player": "player",
    "Still": "still",
    "StudioMixer": "mixer",
    "WithStill": "still",
    "play": "player",
}


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
