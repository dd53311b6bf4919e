"""Rendering: genre, seed and what to change, to a track with its ground truth."""

from dataclasses import dataclass

import numpy as np

from musiclab.audio import from_int16
from musiclab.core.errors import DatasetError
from musiclab.core.random import stream
from musiclab.studio import mixing
from musiclab.studio.artist import artists_of, find_artist
from musiclab.studio.composition import PREROLL, make_plan, write
from musiclab.studio.genre import STEMS, Genre
from musiclab.studio.genres import GENRES
from musiclab.studio.performance import perform
from musiclab.studio.synthesis import SAMPLE_RATE
from musiclab.studio.theory import near_match, parse_key

# Raise it whenever a change alters a single sample: it is part of the name of a cached data set.
VERSION = "2"

TEMPO_RANGE = (40.0, 220.0)  # beats a minute
SWING_RANGE = (0.5, 0.75)
LOUDNESS_TRIM = 1.5  # dB by which the tracks of an artist differ in loudness


@dataclass(frozen=True)
class Track:
    """A rendered track.

    Parameters
    ----------
    samples : numpy.ndarray, shape (samples,), int16
        Mono.
    sample_rate : int
        Hz.
    record : dict
        What is true of the track, ready for JSON; see `render`.
    """

    samples: np.ndarray
    sample_rate: int
    record: dict

    @property
    def waveform(self):
        """The samples as float32 in [-1, 1], shape (samples,)."""
        return from_int16(self.samples)


def get_genre(genre):
    """The `Genre` of this name; a `Genre` is returned as it is.

    Raises
    ------
    DatasetError
        If the name is unknown.
    """
    if isinstance(genre, Genre):
        return genre
    if genre not in GENRES:
        raise DatasetError(f"genre is {genre!r}, which the studio does not play; {near_match(genre, GENRES)}")
    return GENRES[genre]


def artists(genre):
    """Artists of a genre.

    Parameters
    ----------
    genre : str or Genre

    Returns
    -------
    tuple of Artist
        Seed `s` belongs to artist ``s % len(artists(genre))``.
    """
    return artists_of(get_genre(genre))


def render(genre, seed, *, tempo=None, key=None, swing=None, mute=(), artist=None, seconds=30.0):
    """Compose, play and record a track.

    The same arguments give the same samples, in any process and in any order. Each keyword changes one thing
    and leaves all other choices as they were.

    Parameters
    ----------
    genre : str or Genre
        Name in `GENRES`, or a description of your own.
    seed : int
        Which track, 0 or more.
    tempo : float, optional
        Beats a minute, 40 to 220, instead of the track's own. The excerpt starts at the same bar.
    key : str, optional
        ``"A minor"``, or ``"A"`` to stay in the mode of the track.
    swing : float, optional
        Where the off-beat falls: 0.5 is straight, 0.67 triplets; at most 0.75.
    mute : str or sequence of str
        Stems to leave out, of `STEMS`: ``"drums"``, ``"bass"``, ``"chords"``, ``"pad"``, ``"lead"``,
        ``"noise"``. The others sound as in the full mix, so the six stems sum to it, but for rounding.
    artist : str, optional
        Name of the artist who plays, also one of another genre; the notes stay, the instruments and the
        recording change.
    seconds : float
        Length. A track starts somewhere in its arrangement, the same place whatever its length.

    Returns
    -------
    Track
        22,050 Hz; its record holds ``genre``, ``seed``, ``artist`` (who plays), ``writer`` (whose habits
        chose tempo, key and patterns), ``tempo`` (beats a minute), ``swing``, ``beats_per_bar``, ``key``,
        ``beats`` and ``downbeats`` (s), ``chords`` and ``sections`` (lists of start, end, name), ``groove``,
        ``patterns``, ``instruments``, ``mute``, ``seconds``, ``sample_rate`` and ``version``.

    Raises
    ------
    DatasetError
        If an argument is unknown or out of range.

    Examples
    --------
    >>> track = render("blues", seed=3, key="A", seconds=2)
    >>> track.samples.shape, track.record["key"]
    ((44100,), 'A major')
    """
    mute = _check_mute(mute)
    recording = _record(genre, seed, tempo, key, swing, artist, seconds)
    kept = {name: waveform for name, waveform in recording.stems.items() if name not in mute}
    mix = recording.mix if len(kept) == len(STEMS) else _mix(kept, recording)
    samples = np.round(mix * recording.gain * 32767).astype(np.int16)
    return Track(samples, SAMPLE_RATE, recording.record | {"mute": list(mute)})


def stems(genre, seed, *, tempo=None, key=None, swing=None, artist=None, seconds=30.0):
    """The stems of a track before rounding; the arguments are those of `render`.

    Returns
    -------
    dict of str to numpy.ndarray
        For each of `STEMS` a float32 waveform of shape (samples,); their sum is the mix.
    """
    recording = _record(genre, seed, tempo, key, swing, artist, seconds)
    return {name: _mix({name: recording.stems[name]}, recording) * recording.gain for name in STEMS}


def catalogue(tracks_per_genre=60, seconds=6.0, seed=0, genres=None):
    """List of the tracks of a data set; nothing is rendered.

    Parameters
    ----------
    tracks_per_genre : int
        Spread evenly over the artists of a genre.
    seconds : float
        Length of each.
    seed : int
        Another seed gives other tracks by the same artists.
    genres : sequence of str or Genre, optional
        All ten of `GENRES` unless given.

    Returns
    -------
    list of dict
        Each with ``genre``, ``seed``, ``artist`` and ``seconds``: ``render(**entry)`` renders it.

    Raises
    ------
    DatasetError
        If a number is not positive or a genre unknown.
    """
    if tracks_per_genre < 1 or seed < 0:
        raise DatasetError(f"tracks_per_genre is {tracks_per_genre} and seed {seed}; expected at least 1 and 0.")
    _check_range("seconds", seconds, 0.05, 3600.0)
    entries = []
    for genre in genres or GENRES:
        names = [artist.name for artist in artists(genre)]
        for number in range(tracks_per_genre):
            track_seed = int(seed) * 1_000_000 + number
            artist = names[track_seed % len(names)]
            entries.append({"genre": genre, "seed": track_seed, "artist": artist, "seconds": seconds})
    return entries


@dataclass(frozen=True)
class _Recording:
    """A recorded track: stems with their pre-roll, full mix, gain of the master, who plays, the record."""

    stems: dict
    mix: np.ndarray
    gain: np.ndarray
    player: object
    record: dict


def _record(genre, seed, tempo, key, swing, artist, seconds):
    genre = get_genre(genre)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DatasetError(f"seed is {seed!r}; expected a whole number, 0 or more.")
    _check_range("seconds", seconds, 0.05, 3600.0)
    if tempo is not None:
        _check_range("tempo", tempo, *TEMPO_RANGE)
    if swing is not None:
        _check_range("swing", swing, *SWING_RANGE)
    writer = artists_of(genre)[seed % genre.artist_count]
    player = writer if artist in (None, writer.name) else find_artist(artist, genre, GENRES.values())
    plan = make_plan(genre, writer, int(seed), tempo, parse_key(key) if key is not None else None, swing)
    score = write(plan, player, seconds)
    recorded = perform(score, player, seconds)
    size = round(seconds * SAMPLE_RATE)
    recorded["noise"] = mixing.hiss_and_hum(size + round(PREROLL * SAMPLE_RATE), player, seed)
    mix = mixing.desk(recorded, player)[-size:]
    trim = stream(seed, genre.name, "trim").uniform(-LOUDNESS_TRIM, LOUDNESS_TRIM)
    record = {
        "version": VERSION,
        "genre": genre.name,
        "seed": int(seed),
        "artist": player.name,
        "writer": writer.name,
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
    return _Recording(recorded, mix, mixing.master_gain(mix, player, trim), player, record)


def _mix(kept, recording):
    """Mix of some stems, without the pre-roll."""
    if not kept:
        return np.zeros_like(recording.mix)
    return mixing.desk(kept, recording.player)[-len(recording.mix) :]


def _check_mute(mute):
    mute = (mute,) if isinstance(mute, str) else tuple(mute)
    for stem in mute:
        if stem not in STEMS:
            raise DatasetError(f"mute holds {stem!r}, which is no stem; {near_match(stem, STEMS)}")
    return tuple(stem for stem in STEMS if stem in mute)


def _check_range(name, value, low, high):
    if not (isinstance(value, int | float | np.number) and low <= value <= high):
        raise DatasetError(f"{name} is {value!r}; expected a number from {low:g} to {high:g}.")
