"""Render a track and its ground truth from a genre and a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.audio import from_int16
from musiclab.core.checks import check_known, check_number, check_whole
from musiclab.core.errors import DatasetError, did_you_mean
from musiclab.studio import mixing
from musiclab.studio.artist import Artist, make_artist
from musiclab.studio.genre import STEMS, Genre
from musiclab.studio.genres import GENRES
from musiclab.studio.performance import PREROLL, perform, write
from musiclab.studio.plan import make_plan
from musiclab.studio.synthesis import SAMPLE_RATE

VERSION = "2"
"""Part of the name of a cached data set: raise it whenever a change alters a sample."""

TEMPO_RANGE = (40, 220)  # beats per minute
SWING_RANGE = (0.5, 0.75)
LOUDNESS_TRIM = 1.5  # dB by which the tracks of an artist differ in loudness


@dataclass(frozen=True)
class Track:
    """A rendered track: ``samples`` (mono, int16, shape (samples,)), ``sample_rate`` in Hz, and the ``record``.

    The record is the ground truth, ready for JSON; :func:`render` lists its keys.
    """

    samples: np.ndarray
    sample_rate: int
    record: dict

    @property
    def waveform(self) -> np.ndarray:
        """The samples as float32 in [-1, 1], shape (samples,)."""
        return from_int16(self.samples)


def artists(genre: str | Genre) -> tuple[Artist, ...]:
    """List the artists of a genre; the track of seed ``s`` is written by artist ``s % len(artists(genre))``.

    >>> artists("jazz")[3].name
    'jazz-03'
    """
    genre = _find_genre(genre)
    return tuple(make_artist(genre, index) for index in range(genre.artist_count))


def render(
    genre: str | Genre,
    seed: int,
    *,
    tempo: float | None = None,
    key: str | None = None,
    swing: float | None = None,
    mute: str | Sequence[str] = (),
    artist: str | None = None,
    seconds: float = 30.0,
) -> Track:
    """Compose, play and record a track.

    Every argument after genre and seed changes one thing and leaves the rest as it was: the same seed at another
    tempo is the same piece, played slower or faster.

    Parameters
    ----------
    genre, seed
        Name in ``GENRES`` or a :class:`Genre` of your own, and the number of the track, 0 or more.
    tempo, key
        Beats per minute, 40 to 220, and a key such as ``"A minor"``; a tonic alone (``"Bb"``) keeps the track's mode.
    swing
        Position of the off-beat within the beat, 0.5 (straight) to 0.75; triplets are at 0.67.
    mute
        Names in ``STEMS`` to leave out. The others stay as they are, so all stems sum to the mix, up to rounding.
    artist
        Name of the artist who plays, of any genre. The notes stay; instruments and recording change.
    seconds
        Length. The excerpt starts at the same bar whatever its length.

    Returns
    -------
    Track
        At 22,050 Hz. Its record holds ``genre``, ``seed``, ``artist`` (who plays), ``writer`` (the artist who chose
        tempo, key and patterns), ``tempo`` (beats per minute), ``swing``, ``beats_per_bar``, ``key``, ``beats`` and
        ``downbeats`` (s), ``chords`` and ``sections`` (lists of start, end, name), ``groove``, ``patterns``,
        ``instruments``, ``mute``, ``seconds``, ``sample_rate`` and ``version``.

    Raises
    ------
    DatasetError
        An argument is unknown or out of range.

    Examples
    --------
    >>> track = render("blues", seed=3, key="A", seconds=2)
    >>> track.samples.shape, track.record["key"]
    ((44100,), 'A major')
    """
    muted = (mute,) if isinstance(mute, str) else tuple(mute)
    for stem in muted:
        check_known(stem, STEMS, "stems to mute", DatasetError)
    kept = tuple(stem for stem in STEMS if stem not in muted)
    record, (mix,) = _record(genre, seed, [kept], tempo=tempo, key=key, swing=swing, artist=artist, seconds=seconds)
    samples = np.round(mix * 32767).astype(np.int16)
    return Track(samples, SAMPLE_RATE, record | {"mute": [stem for stem in STEMS if stem in muted]})


def stems(genre: str | Genre, seed: int, **changes) -> dict[str, np.ndarray]:
    """Render each of ``STEMS`` as a float32 waveform, shape (samples,); their sum is the mix before rounding.

    The arguments are those of :func:`render`, except ``mute``.
    """
    _, mixes = _record(genre, seed, [(stem,) for stem in STEMS], **changes)
    return dict(zip(STEMS, mixes, strict=True))


def catalogue(
    tracks_per_genre: int = 60, seconds: float = 6.0, seed: int = 0, genres: Sequence[str | Genre] = tuple(GENRES)
) -> list[dict]:
    """List the tracks of a data set without rendering them: ``render(**entry)`` renders one.

    Parameters
    ----------
    tracks_per_genre, seconds
        Number of tracks, spread evenly over the artists of a genre, and length of each.
    seed
        Another seed gives other tracks by the same artists.
    genres
        All ten by default.

    Returns
    -------
    list of dict
        Each with ``genre``, ``seed``, ``artist`` and ``seconds``.

    Raises
    ------
    DatasetError
        A number is out of range or a genre unknown.
    """
    settings = {"tracks_per_genre": tracks_per_genre, "seed": seed, "seconds": seconds}
    check_whole(settings, "tracks_per_genre", error=DatasetError)
    check_whole(settings, "seed", least=0, error=DatasetError)
    check_number(settings, "seconds", least=0.05, most=3600, error=DatasetError)
    seeds = range(seed * 1_000_000, seed * 1_000_000 + tracks_per_genre)
    entries = []
    for genre in genres:
        names = [artist.name for artist in artists(genre)]
        entries += [{"genre": genre, "seed": s, "artist": names[s % len(names)], "seconds": seconds} for s in seeds]
    return entries


def _record(genre, seed, mixes, *, tempo=None, key=None, swing=None, artist=None, seconds=30.0):
    """Make the record of a track, and one master for each selection of stems in ``mixes``."""
    genre = _find_genre(genre)
    settings = {"seed": seed, "seconds": seconds, "tempo": tempo, "swing": swing}
    check_whole(settings, "seed", least=0, error=DatasetError)
    check_number(settings, "seconds", least=0.05, most=3600, error=DatasetError)
    for name, (least, most) in (("tempo", TEMPO_RANGE), ("swing", SWING_RANGE)):
        if settings[name] is not None:
            check_number(settings, name, least=least, most=most, error=DatasetError)
    plan = make_plan(genre, int(seed), tempo, key, swing)
    player = plan.writer if artist in (None, plan.writer.name) else _find_artist(artist, genre)
    score = write(plan, player, seconds)
    size = round(seconds * SAMPLE_RATE)
    recorded = perform(score, player, seconds)
    recorded["noise"] = mixing.hiss_and_hum(size + round(PREROLL * SAMPLE_RATE), player, seed)
    full = mixing.desk(recorded, player)[-size:]
    gain = mixing.master_gain(full, player, plan.draw("trim").uniform(-LOUDNESS_TRIM, LOUDNESS_TRIM))

    def master(names):
        if names == STEMS:
            return full * gain
        kept = {name: recorded[name] for name in names}
        return mixing.desk(kept, player)[-size:] * gain if kept else np.zeros_like(full)

    record = {
        "version": VERSION,
        "genre": genre.name,
        "seed": int(seed),
        "artist": player.name,
        "writer": plan.writer.name,
        "seconds": float(seconds),
        "sample_rate": SAMPLE_RATE,
        "tempo": plan.tempo,
        "swing": plan.swing,
        "beats_per_bar": plan.groove.beats,
        "key": plan.key,
        "groove": plan.groove.name,
        "patterns": plan.patterns,
        "instruments": player.instruments,
        "beats": score.beats,
        "downbeats": score.downbeats,
        "chords": score.chords,
        "sections": score.sections,
    }
    return record, [master(names) for names in mixes]


def _find_genre(genre: str | Genre) -> Genre:
    if isinstance(genre, Genre):
        return genre
    check_known(genre, GENRES, "a genre", DatasetError)
    return GENRES[genre]


def _find_artist(name: str, genre: Genre) -> Artist:
    known = {
        f"{other.name}-{index:02d}": (other, index)
        for other in (*GENRES.values(), genre)
        for index in range(other.artist_count)
    }
    if name not in known:
        raise DatasetError(f"expected an artist such as {genre.name}-00, found {name!r}{did_you_mean(name, known)}")
    return make_artist(*known[name])
