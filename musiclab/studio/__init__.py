"""Generate music in ten genres, composed, played and recorded in code, with the ground truth of every track.

>>> from musiclab import studio
>>> track = studio.render("jazz", seed=2, seconds=1)
>>> track.record["beats_per_bar"], track.samples.dtype.name
(4, 'int16')

``genre`` and ``artist`` describe the music and the band. ``plan`` makes the musical decisions, ``parts`` writes the
notes, ``performance`` plays them and ``mixing`` records them. ``street`` generates ten classes of city sounds.
"""

from musiclab.studio.genre import STEMS, Genre, Groove
from musiclab.studio.genres import GENRES
from musiclab.studio.synthesis import SAMPLE_RATE
from musiclab.studio.track import VERSION, Track, artists, catalogue, render, stems
