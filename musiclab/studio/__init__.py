"""Studio: ten genres composed, played and recorded by a procedural band, with the truth about every track.

>>> from musiclab import studio
>>> track = studio.render("jazz", seed=1, seconds=1)
>>> track.record["beats_per_bar"], track.samples.dtype.name
(4, 'int16')

`genre` and `genres` say what a genre is, `artist` who plays it, `composition` and `parts` write the notes
from the rhythms in `patterns` and the harmony in `theory`, `synthesis`, `instruments` and `drums` make the
sounds, `performance` plays them, `mixing` records them, and `track` holds `render`.
"""

from musiclab.studio.artist import Artist
from musiclab.studio.genre import STEMS, Genre, Groove
from musiclab.studio.genres import GENRES
from musiclab.studio.synthesis import SAMPLE_RATE
from musiclab.studio.track import VERSION, Track, artists, catalogue, render, stems

__all__ = [
    "GENRES",
    "SAMPLE_RATE",
    "STEMS",
    "VERSION",
    "Artist",
    "Genre",
    "Groove",
    "Track",
    "artists",
    "catalogue",
    "render",
    "stems",
]
