"""Show, play and explore sounds, clips and models in a notebook; each widget leaves a still picture where it can't run.

A name loads its module when it is first used, so that one widget never imports what another needs::

    from musiclab.widgets import Player, Track, play

    Player(waveform, sample_rate, tracks=[Track.beats(beat_times)])

================  ================================================================================  =============
name              purpose                                                                           module
================  ================================================================================  =============
Player, play      a sound with its waveform and log-mel spectrogram; the first seconds of a sound   player
Track             events, segments and predictions above a Player's sound                           tracks
FeatureExplorer   the effect of ``n_fft``, ``hop_length``, window and mel bands on a picture        explorer
ClipBrowser       choose a clip in a table, a confusion matrix or a map; hear and see it            browser
StudioMixer       change a generated track, and watch a model's predictions for it                  mixer
LiveClassifier    a model's predictions while the microphone is open                                live
Still             picture, text and sound that replace a widget                                     still
================  ================================================================================  =============
"""

from importlib import import_module

_MODULES = {
    "ClipBrowser": "browser",
    "FeatureExplorer": "explorer",
    "LiveClassifier": "live",
    "Player": "player",
    "Still": "still",
    "StudioMixer": "mixer",
    "Track": "tracks",
    "WithStill": "still",
    "play": "player",
}


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
