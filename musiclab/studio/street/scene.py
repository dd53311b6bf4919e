"""A recording: the sound in its street, through a microphone; and the slices cut from it.

Street, distance, room and microphone are drawn once a recording, so the slices of a recording have much in common
that has nothing to do with the class. That is what makes a random split of slices look better than it is.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from musiclab.core.errors import DatasetError
from musiclab.core.random import stream
from musiclab.studio.street.machines import air_conditioner, drilling, engine_idling, jackhammer
from musiclab.studio.street.music import street_music
from musiclab.studio.street.place import far_off, microphone, street_bed
from musiclab.studio.street.signals import car_horn, gun_shot, siren
from musiclab.studio.street.synthesis import SAMPLE_RATE, n_samples, rms
from musiclab.studio.street.table import CLASSES, Plan, check_class, plan
from musiclab.studio.street.voices import children_playing, dog_bark

SOUNDS: dict[str, Callable] = {
    "air_conditioner": air_conditioner,
    "car_horn": car_horn,
    "children_playing": children_playing,
    "dog_bark": dog_bark,
    "drilling": drilling,
    "engine_idling": engine_idling,
    "gun_shot": gun_shot,
    "jackhammer": jackhammer,
    "siren": siren,
    "street_music": street_music,
}
"""The generator of each class: ``sound(spans, seconds, rng, **what_to_fix) -> Sound``.

A new class is such a function, entered here and, at the same place, in `musiclab.studio.street.table.CLASSES`.
"""

SNR = {1: (8.0, 22.0), 2: (1.0, 8.0)}  # dB over the street, while it sounds, by salience
FADE = 88  # samples, 4 ms, at both ends of a slice


@dataclass(frozen=True)
class Recording:
    """One rendered recording.

    Attributes
    ----------
    samples : ndarray of int16, shape (n,)
        Mono, at `SAMPLE_RATE`.
    plan : Plan
        Its occurrences and slices.
    truth : dict
        What was drawn: the sound's own facts, ``snr_db``, ``street``, ``intruder`` and ``microphone``; ready for JSON.
    """

    samples: np.ndarray
    plan: Plan
    truth: dict


def adjustable(label: str) -> tuple[str, ...]:
    """Names of what can be fixed in the sound of a class: the keyword arguments of its function.

    Examples
    --------
    >>> adjustable("engine_idling")
    ('rpm', 'cylinders')
    """
    parameters = inspect.signature(SOUNDS[check_class(label)]).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


def render_recording(
    fsID: int, label: str, *, seed: int = 0, snr_db: float | None = None, settings: Mapping | None = None
) -> Recording:
    """Render one recording, whole.

    Parameters
    ----------
    fsID : int
        Number of the recording, from the table.
    label : str
        Its class, from the table.
    seed : int
        Of the data set, as given to `catalogue`.
    snr_db : float, optional
        Level of the sound over the street in dB while it sounds, in place of the one drawn. All else stays as it was:
        the same dog on the same street, only louder.
    settings : mapping, optional
        What to fix in the sound, such as ``{"rate": 14.0}`` for a jackhammer; `adjustable` names what there is.

    Returns
    -------
    Recording

    Raises
    ------
    DatasetError
        If there is no such class, or it has no such setting.

    Examples
    --------
    >>> recording = render_recording(170000, "jackhammer", settings={"rate": 14.0})
    >>> recording.samples.dtype, recording.truth["rate"]
    (dtype('int16'), 14.0)
    """
    layout = plan(fsID, check_class(label), seed=seed)
    for name in settings or {}:
        if name not in adjustable(label):
            raise DatasetError(f"street: {label} has no setting {name!r}; it has {', '.join(adjustable(label))}")
    sound, truth = SOUNDS[label](layout.spans, layout.seconds, stream(seed, fsID, label), **(settings or {}))
    place = stream(seed, fsID, "place")
    sound = far_off(sound, place)
    drawn = float(place.uniform(*SNR[layout.salience]))
    snr_db = drawn if snr_db is None else float(snr_db)
    street, street_truth = street_bed(layout.seconds, stream(seed, fsID, "street"))
    sounding = np.concatenate([sound[n_samples(a) : n_samples(b)] for a, b in layout.spans])
    mix = street + sound / rms(sounding) * 10 ** (snr_db / 20)
    intruder = None
    if layout.salience == 2:
        intruder, faint = _intruder(label, layout.seconds, stream(seed, fsID, "intruder"))
        mix += faint
    samples, microphone_truth = microphone(mix, stream(seed, fsID, "microphone"))
    truth = {
        "class": label,
        **truth,
        "snr_db": round(snr_db, 2),
        "street": street_truth,
        "intruder": intruder,
        "microphone": microphone_truth,
    }
    return Recording(samples, layout, truth)


def render_slices(rows: pd.DataFrame, *, seed: int = 0) -> list[np.ndarray]:
    """All slices of one recording, from one rendering: the unit of work for a pool of processes.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of the table with one ``fsID`` and one ``class``, as ``table.groupby("fsID")`` gives them.
    seed : int
        Of the data set, as given to `catalogue`.

    Returns
    -------
    list of ndarray of int16
        One for each row, in order, shape (n,) with n = (end - start) * `SAMPLE_RATE`.

    Raises
    ------
    DatasetError
        If the rows are of several recordings, the class is unknown, or a slice lies outside the recording.
    """
    keys = rows[["fsID", "class"]].drop_duplicates()
    if len(keys) != 1:
        raise DatasetError(
            f"street: expected rows of one recording, found {len(keys)}; "
            "go through table.groupby('fsID') and render each group"
        )
    fs_id, label = int(keys["fsID"].iloc[0]), keys["class"].iloc[0]
    samples = render_recording(fs_id, label, seed=seed).samples
    return [_cut(samples, start, end, fs_id) for start, end in zip(rows["start"], rows["end"], strict=True)]


def render_slice(row: Mapping | pd.Series, *, seed: int = 0) -> np.ndarray:
    """One slice, int16, shape (n,), of a row of the table; for many slices see `render_slices`.

    It renders the whole recording to cut one slice from it. Parameters and errors are those of `render_slices`.
    """
    return render_slices(pd.DataFrame([dict(row)]), seed=seed)[0]


def _intruder(label: str, seconds: float, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Another class, faint, somewhere in a recording whose own sound is in the background: its name, shape (n,)."""
    # Never a second band: it would cost more than all the rest.
    others = [name for name in CLASSES if name not in (label, "street_music")]
    name = others[rng.integers(len(others))]
    start = rng.uniform(0, 0.5) * seconds
    sound = SOUNDS[name]([(start, start + 0.5 * seconds)], seconds, rng).waveform
    return name, sound / rms(sound) * 10 ** (rng.uniform(-20, -12) / 20)


def _cut(samples: np.ndarray, start: float, end: float, fs_id: int) -> np.ndarray:
    first, n = n_samples(start), n_samples(end - start)
    if first < 0 or n <= 2 * FADE or first + n > len(samples):
        raise DatasetError(
            f"street: recording {fs_id} lasts {len(samples) / SAMPLE_RATE:.2f} s, "
            f"found a slice from {start} to {end} s; take rows from catalogue() with the same seed"
        )
    piece = samples[first : first + n].astype(float)
    ramp = np.sin(np.linspace(0, np.pi / 2, FADE)) ** 2
    piece[:FADE] *= ramp
    piece[-FADE:] *= ramp[::-1]
    return np.round(piece).astype(np.int16)
