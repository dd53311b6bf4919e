"""``play``: a sound in a notebook, everywhere."""

from importlib.util import find_spec

import numpy as np

from musiclab.core.errors import AudioError
from musiclab.widgets.sound import checked

PREVIEW_SECONDS = 5.0
"""A preview is at most so long, so that a notebook stays small."""


def play(waveform: np.ndarray, sample_rate: int, seconds: float = PREVIEW_SECONDS):
    """A player for the beginning of a sound, at the level it has: nothing is made louder.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
    sample_rate
        Hz.
    seconds
        Length of what is played and shown.

    Returns
    -------
    Player
        Its still, in a committed notebook and wherever widgets cannot be shown, holds a picture and all that is played
        as 16-bit WAV of at most 22,050 Hz.
    Still
        The same alone, where the package anywidget is not installed.

    Raises
    ------
    AudioError
        There is no sample to play, one that is not finite, or the shape is another.
    """
    waveform = checked(waveform, sample_rate, "play")
    samples = round(seconds * sample_rate)
    if samples < 1:
        raise AudioError(f"play: expected seconds enough for one sample, found {seconds}; leave it out for 5 s")
    beginning = waveform[..., :samples]
    if find_spec("anywidget") is None:
        from musiclab.widgets.sound_still import still_of

        return still_of(beginning, sample_rate, seconds=seconds)
    from musiclab.widgets.player import Player

    return Player(beginning, sample_rate, preview=seconds)
