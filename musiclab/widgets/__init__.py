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

Which file holds what; a script or style sheet is named with the file whose widget brings it to the browser:

===========  ==========================================================================================
**a sound**
player       Player (player.js, player_parts.js, player.css)
playing      play
sound        checks a sound, and encodes it for the browser or for a still
picture      its outline and its mel levels as bytes, and colour maps
tracks       Track: what stands above the waveform
sound_still  the still of a sound
**settings**
explorer     FeatureExplorer (explorer.js, explorer_axes.js, explorer.css)
analysis     from a waveform to MFCC in steps, and the code that does the same
packing      the arrays of those steps as bytes
mixer        StudioMixer (mixer.js, mixer.css, explorer.css)
**clips**
browsing     DatasetBrowser
mistakes     MistakeBrowser and its matrix (matrix.js)
embedding    EmbeddingMap and its points (scatter.js)
hidden       what a model makes of clips before its last layer, laid on a plane: what the map shows
live         LiveClassifier and its microphone (microphone.js)
table        a list of clips in pages (table.js)
clip_view    the chosen clip with its player, and what the three browsers of clips have in common
clips        where their sounds are, their names, probabilities as bars (clips.css, of all of these)
**all**
still        Still, and how a widget gets one
scripts      scripts and style sheets put together (element.js for every widget, canvas.js for pictures)
===========  ==========================================================================================
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
