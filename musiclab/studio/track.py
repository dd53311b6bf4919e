"""Render a track and its ground truth from a genre and a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.audio import from_int16
from musiclab.core.checks import check_known, check_number, check_whole
from musiclab.core.errors import DatasetError, did_you_mean
from musiclab.studio import mixing
from musiclab.studio.artist import Artist, in_session, make_artist
from musiclab.studio.genre import STEMS, Genre
from musiclab.studio.genres import GENRES
from musiclab.studio.performance import PREROLL, perform, write
from musiclab.studio.plan import make_plan
from musiclab.studio.synthesis import SAMPLE_RATE

VERSION = "3"
"""Part of the name of cached data sets. Increase it with every change that alters the generated audio."""

TEMPO_RANGE = (40, 220)  # beats per minute
SWING_RANGE = (0.5, 0.75)
LOUDNESS_TRIM = 1.5  # dB: largest difference between the loudness of a track and that of its artist


@dataclass(frozen=True)
class Track:
    """A generated track with its ground truth.

    Attributes
    ----------
    samples : int16 array, shape (samples,)
        Mono audio.
    sample_rate : int, Hz
        Sample rate of the audio.
    record : dict
        Ground truth, such as tempo, key and chords, ready for JSON. :func:`render` lists its keys.

    Examples
    --------
    >>> track = render("jazz", seed=1, seconds=1)
    >>> track.samples.shape, track.record["genre"]
    ((22050,), 'jazz')
    """

    samples: np.ndarray
    sample_rate: int
    record: dict

    @property
    def waveform(self) -> np.ndarray:
        """Waveform of the track as a float32 array in [-1, 1], shape (samples,)."""
        return from_int16(self.samples)


def artists(genre: str | Genre) -> tuple[Artist, ...]:
    """List the artists of a genre: invented bands, each with its own instruments, habits and recording sound.

    Artist ``seed % len(artists(genre))`` writes the track with that seed.

    Parameters
    ----------
    genre : str or Genre
        Name in :data:`GENRES`, or your own :class:`Genre`.

    Returns
    -------
    tuple of Artist
        Artists in order. The attribute ``name`` identifies an artist.

    Raises
    ------
    DatasetError
        If the genre doesn't exist.

    Examples
    --------
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

    Each optional argument changes one property and keeps all others. For example, another tempo gives the same piece,
    only faster or slower.

    Parameters
    ----------
    genre : str or Genre
        Name in :data:`GENRES`, or your own :class:`Genre`.
    seed : int
        Random seed of the track, 0 or more. A seed always gives the same track.
    tempo : float, beats per minute, optional
        Tempo from 40 to 220. By default, the seed decides.
    key : str, optional
        Key such as ``"A minor"``. A tonic such as ``"Bb"`` keeps the mode (major or minor) of the track. By default,
        the seed decides.
    swing : float, optional
        Position of the off-beat within the beat, from 0.5 (straight) to 0.75. A value of 0.67 gives triplets. By
        default, the seed decides.
    mute : str or sequence of str
        Stems to leave out, by default none. A stem is one part of the mix, such as the drums; the
        names are in :data:`STEMS`. The other stems don't change, so all stems add up to the mix, except for rounding.
    artist : str, optional
        Name of the performing artist, from any genre. Another artist plays the same notes with other instruments and
        another recording sound. By default, the artist who wrote the track also plays it.
    seconds : float, s
        Duration from 0.05 to 3,600 s, by default 30 s. The excerpt starts at the same bar for every duration.

    Returns
    -------
    Track
        Track with a sample rate of 22,050 Hz. Its ``record`` has these keys:

        - ``genre``, ``seed``, ``seconds``, ``sample_rate``, ``mute``: the settings of the track
        - ``tempo`` (beats per minute), ``swing``, ``beats_per_bar``, ``key``: its musical properties
        - ``artist``: the artist who plays; ``writer``: the artist who chose tempo, key and patterns
        - ``beats``, ``downbeats``: lists of times in s
        - ``chords``, ``sections``: lists of (start, end, name), with times in s
        - ``groove``, ``patterns``, ``instruments``: names of what was played
        - ``version``: the version of the generator

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
    muted = (mute,) if isinstance(mute, str) else tuple(mute)
    for stem in muted:
        check_known(stem, STEMS, "stems to mute", DatasetError)
    kept = tuple(stem for stem in STEMS if stem not in muted)
    record, (mix,) = _render(genre, seed, [kept], tempo=tempo, key=key, swing=swing, artist=artist, seconds=seconds)
    samples = np.round(mix * 32767).astype(np.int16)
    return Track(samples, SAMPLE_RATE, record | {"mute": [stem for stem in STEMS if stem in muted]})


def stems(genre: str | Genre, seed: int, **changes) -> dict[str, np.ndarray]:
    """Render the stems of a track separately.

    A stem is one part of the mix, such as the drums. The stems add up to the mix before rounding.

    Parameters
    ----------
    genre : str or Genre
        As in :func:`render`.
    seed : int
        As in :func:`render`.
    **changes
        Other arguments of :func:`render`, except ``mute``.

    Returns
    -------
    dict from str to float32 array, shape (samples,)
        Waveform of each stem by its name in :data:`STEMS`.

    Raises
    ------
    DatasetError
        If an argument is unknown or out of range.

    Examples
    --------
    >>> list(stems("jazz", seed=1, seconds=0.5))
    ['drums', 'bass', 'chords', 'pad', 'lead', 'vocals', 'noise']
    """
    _, mixes = _render(genre, seed, [(stem,) for stem in STEMS], **changes)
    return dict(zip(STEMS, mixes, strict=True))


def catalogue(
    tracks_per_genre: int = 60, seconds: float = 6.0, seed: int = 0, genres: Sequence[str | Genre] = tuple(GENRES)
) -> list[dict]:
    """List the tracks of a data set without rendering them.

    ``render(**entry)`` renders an entry of the list.

    Parameters
    ----------
    tracks_per_genre : int
        Number of tracks per genre, by default 60. They are spread evenly over the artists of the genre.
    seconds : float, s
        Duration of each track, by default 6 s.
    seed : int
        Random seed of the data set, by default 0. Another seed gives other tracks by the same artists.
    genres : sequence of str or Genre
        Genres to include, by default all ten.

    Returns
    -------
    list of dict
        One dict per track, with ``genre``, ``seed``, ``artist`` and ``seconds``.

    Raises
    ------
    DatasetError
        If a number is out of range or a genre is unknown.

    Examples
    --------
    >>> catalogue(tracks_per_genre=2, genres=["jazz"])[1]
    {'genre': 'jazz', 'seed': 1, 'artist': 'jazz-01', 'seconds': 6.0}
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


def _render(genre, seed, mixes, *, tempo=None, key=None, swing=None, artist=None, seconds=30.0):
    """Render a track: return its record, and one master for each selection of stems in ``mixes``."""
    genre = _find_genre(genre)
    settings = {"seed": seed, "seconds": seconds, "tempo": tempo, "swing": swing}
    check_whole(settings, "seed", least=0, error=DatasetError)
    check_number(settings, "seconds", least=0.05, most=3600, error=DatasetError)
    for name, (least, most) in (("tempo", TEMPO_RANGE), ("swing", SWING_RANGE)):
        if settings[name] is not None:
            check_number(settings, name, least=least, most=most, error=DatasetError)
    plan = make_plan(genre, int(seed), tempo, key, swing)
    player = plan.writer if artist in (None, plan.writer.name) else _find_artist(artist, genre)
    player = in_session(player, plan.draw("session"))
    score = write(plan, player, seconds)
    size = round(seconds * SAMPLE_RATE)
    recordings = perform(score, player, seconds)
    recordings["noise"] = mixing.make_noise(size + round(PREROLL * SAMPLE_RATE), player, seed)
    full = mixing.desk(recordings, player)[-size:]
    bands = mixing.band_gains(full, player)
    full = mixing.apply_gains(full, bands)
    gain = mixing.master_gain(full, player, plan.draw("trim").uniform(-LOUDNESS_TRIM, LOUDNESS_TRIM))

    def master(names):
        if names == STEMS:
            return full * gain
        kept = {name: recordings[name] for name in names}
        return mixing.apply_gains(mixing.desk(kept, player)[-size:], bands) * gain if kept else np.zeros_like(full)

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
    by_name = {
        f"{other.name}-{index:02d}": (other, index)
        for other in (*GENRES.values(), genre)
        for index in range(other.artist_count)
    }
    if name not in by_name:
        raise DatasetError(f"expected an artist such as {genre.name}-00, found {name!r}{did_you_mean(name, by_name)}")
    return make_artist(*by_name[name])
