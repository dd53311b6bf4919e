"""Recordings: their layout, the sound in its street, through a microphone, and the slices cut from them.

Street, distance, room and microphone are drawn once per recording, so the slices of a recording have much in common
that has nothing to do with the class. This is why a random split of slices gives results that are too good.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.core.random import stream
from musiclab.studio.street import sounds
from musiclab.studio.street.surroundings import far_off, microphone, street_bed
from musiclab.studio.street.synthesis import SAMPLE_RATE, Sound, n_samples, prefer, rms

SOUNDS: dict[str, Callable[..., Sound]] = {
    "air_conditioner": sounds.air_conditioner,
    "car_horn": sounds.car_horn,
    "children_playing": sounds.children_playing,
    "dog_bark": sounds.dog_bark,
    "drilling": sounds.drilling,
    "engine_idling": sounds.engine_idling,
    "gun_shot": sounds.gun_shot,
    "jackhammer": sounds.jackhammer,
    "siren": sounds.siren,
    "street_music": sounds.street_music,
}
"""The function that makes the sound of each class, called as ``sound(spans, seconds, rng, **settings)``."""

CLASSES = tuple(SOUNDS)
"""The ten classes in the order of their ``classID``, 0 to 9."""

# Probability that a recording holds one long occurrence instead of several short ones, 0.65 for other classes. Barks,
# horns and shots are often short, as in the real set, but not always: the length must not give away the class.
LONG = {"air_conditioner": 0.75, "car_horn": 0.5, "dog_bark": 0.5, "gun_shot": 0.45}
WINDOW, HOP = 4.0, 2.0  # seconds
STEP = 0.02  # seconds: all times are multiples of it, 441 samples at 22,050 Hz, so that every cut falls on a sample

SNR = {1: (8.0, 22.0), 2: (1.0, 8.0)}  # dB over the street, while it sounds, by salience
FADE = 88  # samples, 4 ms, at both ends of a slice


@dataclass(frozen=True)
class Plan:
    """The layout of a recording; all times are in seconds."""

    seconds: float  # length of the recording
    spans: tuple[tuple[float, float], ...]  # start and end of each occurrence of the sound
    slices: tuple[tuple[int, int, float, float], ...]  # occurrence, index in the occurrence, start and end of each
    salience: int  # 1 where the sound is in the foreground, 2 where it is in the background


@dataclass(frozen=True)
class Recording:
    """A rendered recording."""

    samples: np.ndarray  # mono, int16, shape (n,), at `SAMPLE_RATE`
    plan: Plan
    truth: dict  # the sound's own facts, "snr_db", "street", "intruder" and "microphone"; ready for JSON


def make_plan(fsID: int, label: str, seed: int) -> Plan:
    """Lay out recording ``fsID`` of a class, in the data set of ``seed``."""
    rng = stream(seed, fsID, "plan")
    salience = 1 if rng.random() < 0.65 else 2
    lead = _rounded(rng.uniform(0.2, 0.8))  # the street is heard alone first
    spans, slices = [], []
    if rng.random() < LONG.get(label, 0.65):
        windows = int(rng.integers(1, 6))
        length = _rounded(WINDOW + HOP * (windows - 1) - rng.choice([0.0, rng.uniform(0, 1.8)]))
        spans.append((lead, _rounded(lead + length)))
        for window in range(windows):
            start = _rounded(lead + HOP * window)
            slices.append((0, window, start, min(_rounded(start + WINDOW), spans[0][1])))
    else:
        start = lead
        for occurrence in range(int(rng.integers(1, 6))):
            end = _rounded(start + rng.uniform(0.5, 4.0))
            spans.append((start, end))
            slices.append((occurrence, 0, start, end))
            start = _rounded(end + rng.uniform(0.2, 1.0))
    seconds = _rounded(spans[-1][1] + rng.uniform(0.2, 0.8))
    return Plan(seconds, tuple(spans), tuple(slices), salience)


def _rounded(seconds):
    return round(round(seconds / STEP) * STEP, 2)


def render_recording(
    fsID: int, label: str, *, seed: int = 0, snr_db: float | None = None, settings: Mapping | None = None
) -> Recording:
    """Render a whole recording.

    Parameters
    ----------
    fsID, label, seed
        The recording's number and class, from the table, and the data set's seed, as in :func:`catalogue`.
    snr_db
        Level of the sound above the street in dB, in place of the one drawn. All else stays: the same dog on the same
        street, only louder.
    settings
        Settings to fix, such as ``{"rate": 14.0}`` for a jackhammer: keyword arguments of its function in ``SOUNDS``.

    Raises
    ------
    DatasetError
        The class or one of the settings is unknown.

    Examples
    --------
    >>> recording = render_recording(170000, "jackhammer", settings={"rate": 14.0})
    >>> recording.samples.dtype, recording.truth["rate"]
    (dtype('int16'), 14.0)
    """
    check_known(label, CLASSES, "a class", DatasetError)
    settings = settings or {}
    for name in settings:
        check_known(name, inspect.getfullargspec(SOUNDS[label]).kwonlyargs, f"settings of {label}", DatasetError)
    plan = make_plan(fsID, label, seed)
    sound, truth = SOUNDS[label](plan.spans, plan.seconds, stream(seed, fsID, label), **settings)
    distance = stream(seed, fsID, "place")
    sound = far_off(sound, distance)
    snr_db = float(prefer(snr_db, distance.uniform(*SNR[plan.salience])))
    street, street_truth = street_bed(plan.seconds, stream(seed, fsID, "street"))
    sounding = np.concatenate([sound[n_samples(start) : n_samples(end)] for start, end in plan.spans])
    mix = street + sound / rms(sounding) * 10 ** (snr_db / 20)
    truth = {"class": label, **truth, "snr_db": round(snr_db, 2), "street": street_truth, "intruder": None}
    if plan.salience == 2:
        truth["intruder"], faint = _intruder(label, plan.seconds, stream(seed, fsID, "intruder"))
        mix += faint
    samples, truth["microphone"] = microphone(mix, stream(seed, fsID, "microphone"))
    return Recording(samples, plan, truth)


def _intruder(label, seconds, rng):
    """Render another class somewhere in a recording, faintly: its name and waveform, shape (n,)."""
    # Never a second band: it would cost more than all the rest.
    others = [name for name in CLASSES if name not in (label, "street_music")]
    name = others[rng.integers(len(others))]
    start = rng.uniform(0, 0.5) * seconds
    sound = SOUNDS[name]([(start, start + 0.5 * seconds)], seconds, rng).waveform
    return name, sound / rms(sound) * 10 ** (rng.uniform(-20, -12) / 20)


def render_slices(rows: pd.DataFrame, *, seed: int = 0) -> list[np.ndarray]:
    """Render all slices of one recording, as one task for a pool of processes.

    Parameters
    ----------
    rows, seed
        Rows of one recording, as ``table.groupby("fsID")`` gives them, and the table's seed, as in :func:`catalogue`.

    Returns
    -------
    list of int16 array
        One per row, in order, shape (n,) with n = (end - start) * ``SAMPLE_RATE``.

    Raises
    ------
    DatasetError
        The rows are of several recordings, the class is unknown, or a slice lies outside the recording.
    """
    recordings = rows[["fsID", "class"]].drop_duplicates()
    if len(recordings) != 1:
        raise DatasetError(
            f"expected rows of one recording, found {len(recordings)}; render each group of table.groupby('fsID')"
        )
    fs_id, label = recordings.iloc[0]
    samples = render_recording(int(fs_id), label, seed=seed).samples
    return [_cut(samples, start, end, fs_id) for start, end in zip(rows["start"], rows["end"], strict=True)]


def _cut(samples, start, end, fs_id):
    first, n = n_samples(start), n_samples(end - start)
    if first < 0 or n <= 2 * FADE or first + n > len(samples):
        raise DatasetError(
            f"recording {fs_id} lasts {len(samples) / SAMPLE_RATE:.2f} s, found a slice from {start} to {end} s; "
            "take rows from catalogue() with the same seed"
        )
    piece = samples[first : first + n].astype(float)
    ramp = np.sin(np.linspace(0, np.pi / 2, FADE)) ** 2
    piece[:FADE] *= ramp
    piece[-FADE:] *= ramp[::-1]
    return np.round(piece).astype(np.int16)
