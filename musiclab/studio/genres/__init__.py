"""The ten genres of GTZAN, as the studio plays them: a file each, short enough to copy and change.

They share tempos, keys and instruments on purpose. An eleventh genre needs no registration: describe it with
`Genre`, or change one of these with `dataclasses.replace`, and hand it to `render`.
"""

from musiclab.studio.genres.blues import BLUES
from musiclab.studio.genres.classical import CLASSICAL
from musiclab.studio.genres.country import COUNTRY
from musiclab.studio.genres.disco import DISCO
from musiclab.studio.genres.hiphop import HIPHOP
from musiclab.studio.genres.jazz import JAZZ
from musiclab.studio.genres.metal import METAL
from musiclab.studio.genres.pop import POP
from musiclab.studio.genres.reggae import REGGAE
from musiclab.studio.genres.rock import ROCK

GENRES = {genre.name: genre for genre in (BLUES, CLASSICAL, COUNTRY, DISCO, HIPHOP, JAZZ, METAL, POP, REGGAE, ROCK)}
