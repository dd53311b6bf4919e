"""What moves and sounds in a notebook; each of these also leaves a still picture where widgets cannot be shown.

Names load their module when they are first used, so that one widget never imports what another needs::

    from musiclab.widgets import Player, Track, play

    Player(waveform, sample_rate, tracks=[Track.beats(beat_times)])

====================  ==================================================================================
Player, Track         a sound with its waveform and log-mel spectrogram; what goes above them
play                  a player for the first seconds of a sound, everywhere
FeatureExplorer       what ``n_fft``, ``hop_length``, window and mel bands do to a picture
StudioMixer           a generated track taken apart, and what a model makes of it
DatasetBrowser        the clips of a data set: filter, sort, hear
MistakeBrowser        a confusion matrix that opens on the clips behind it
EmbeddingMap          clips as points, near where a model takes them for alike
LiveClassifier        the microphone, named as it sounds
Still                 picture, text and sound that stand in for a widget
====================  ==================================================================================
"""

from importlib import import_module

_MODULES = {
    "DatasetBrowser": "browsing",
    "EmbeddingMap": "embedding",
    "FeatureExplorer": "explorer",
    "LiveClassifier": "live",
    "MistakeBrowser": "mistakes",
    "PREVIEW_RATE": "sound",
    "PREVIEW_SECONDS": "playing",
    "Player": "player",
    "Still": "still",
    "StudioMixer": "mixer",
    "Track": "tracks",
    "WithStill": "still",
    "play": "playing",
}


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
