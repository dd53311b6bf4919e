"""Plan and render recordings of a sound in a street, and cut them into slices.

Street, distance, room and microphone are drawn once per recording. The slices of a recording therefore share much that
has nothing to do with their class, which is why a random split of slices gives results that are too optimistic.
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
from musiclab.studio.street.surroundings import add_distance, apply_microphone, make_street_noise
from musiclab.studio.street.synthesis import SAMPLE_RATE, RenderedSound, n_samples, prefer, rms

SOUNDS: dict[str, Callable[..., RenderedSound]] = {
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
"""Function that synthesises each class, called as ``function(spans, seconds, rng, **settings)``."""

CLASSES = tuple(SOUNDS)
"""The ten classes in the order of their ``classID``, 0 to 9."""

# Probability that a recording has one long occurrence instead of several short ones; 0.65 for the other classes.
# Barks, horns and shots are often short, as in the real data set, but the length must not reveal the class.
LONG = {"air_conditioner": 0.75, "car_horn": 0.5, "dog_bark": 0.5, "gun_shot": 0.45}
WINDOW, HOP = 4.0, 2.0  # seconds
STEP = 0.02  # seconds (441 samples): all times are multiples of it, so that every cut falls on a sample

SNR = {1: (5.0, 65.0), 2: (2.0, 12.0)}  # lowest and highest signal-to-noise ratio in dB, by salience
FADE = 88  # samples (4 ms) at both ends of a slice


@dataclass(frozen=True)
class ScenePlan:
    """The layout of a recording; all times are in seconds."""

    seconds: float  # length of the recording
    spans: tuple[tuple[float, float], ...]  # start and end of each occurrence of the sound
    slices: tuple[tuple[int, int, float, float], ...]  # (occurrence, index within it, start, end) of each slice
    salience: int  # 1 if the sound is in the foreground, 2 if it is in the background


@dataclass(frozen=True)
class Recording:
    """A rendered recording with its ground truth."""

    samples: np.ndarray  # mono, int16, shape (n,), at `SAMPLE_RATE`
    plan: ScenePlan
    truth: dict  # settings of the sound, "snr_db", "street", "intruder" and "microphone"; ready for JSON


def make_plan(fsID: int, label: str, seed: int) -> ScenePlan:
    """Plan recording ``fsID`` of class ``label`` in the data set with this seed."""
    rng = stream(seed, fsID, "plan")
    salience = 1 if rng.random() < 0.65 else 2
    lead_in = _round_to_step(rng.uniform(0.2, 0.8))  # only the street
    spans, slices = [], []
    if rng.random() < LONG.get(label, 0.65):
        windows = int(rng.integers(1, 6))
        length = _round_to_step(WINDOW + HOP * (windows - 1) - rng.choice([0.0, rng.uniform(0, 1.8)]))
        spans.append((lead_in, _round_to_step(lead_in + length)))
        for window in range(windows):
            start = _round_to_step(lead_in + HOP * window)
            slices.append((0, window, start, min(_round_to_step(start + WINDOW), spans[0][1])))
    else:
        start = lead_in
        for occurrence in range(int(rng.integers(1, 6))):
            end = _round_to_step(start + rng.uniform(0.5, 4.0))
            spans.append((start, end))
            slices.append((occurrence, 0, start, end))
            start = _round_to_step(end + rng.uniform(0.2, 1.0))
    seconds = _round_to_step(spans[-1][1] + rng.uniform(0.2, 0.8))
    return ScenePlan(seconds, tuple(spans), tuple(slices), salience)


def _round_to_step(seconds):
    return round(round(seconds / STEP) * STEP, 2)


def render_recording(
    fsID: int, label: str, *, seed: int = 0, snr_db: float | None = None, settings: Mapping | None = None
) -> Recording:
    """Render a complete recording.

    Parameters
    ----------
    fsID, label
        Number and class of the recording, from the table.
    seed
        Random seed of the data set, as in :func:`catalogue`.
    snr_db
        Level of the sound relative to the street in dB; drawn at random by default. Everything else stays the same, so
        you get the same dog in the same street, only louder or softer.
    settings
        Fixed settings of the sound, such as ``{"rate": 14.0}`` for a jackhammer: keyword arguments of the class's
        function in ``SOUNDS``.

    Raises
    ------
    DatasetError
        If the class or a setting is unknown.

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
    rng = stream(seed, fsID, "place")
    sound = add_distance(sound, rng)
    snr_db = float(prefer(snr_db, rng.uniform(*SNR[plan.salience])))
    street, street_truth = make_street_noise(plan.seconds, stream(seed, fsID, "street"))
    sounding = np.concatenate([sound[n_samples(start) : n_samples(end)] for start, end in plan.spans])
    mix = street + sound / rms(sounding) * 10 ** (snr_db / 20)
    truth = {"class": label, **truth, "snr_db": round(snr_db, 2), "street": street_truth, "intruder": None}
    if plan.salience == 2:
        truth["intruder"], faint = _intruder(label, plan.seconds, stream(seed, fsID, "intruder"))
        mix += faint
    samples, truth["microphone"] = apply_microphone(mix, stream(seed, fsID, "microphone"))
    return Recording(samples, plan, truth)


def _intruder(label, seconds, rng):
    """Render a faint sound of another class; return its name and waveform, shape (n,)."""
    # Never street music, because rendering a band takes longer than everything else together.
    others = [name for name in CLASSES if name not in (label, "street_music")]
    name = others[rng.integers(len(others))]
    start = rng.uniform(0, 0.5) * seconds
    sound = SOUNDS[name]([(start, start + 0.5 * seconds)], seconds, rng).waveform
    return name, sound / rms(sound) * 10 ** (rng.uniform(-20, -12) / 20)


def render_slices(rows: pd.DataFrame, *, seed: int = 0) -> list[np.ndarray]:
    """Render the slices of one recording.

    Parameters
    ----------
    rows
        Rows of the table that belong to one recording, such as a group of ``table.groupby("fsID")``.
    seed
        Random seed of the table, as in :func:`catalogue`.

    Returns
    -------
    list of int16 array
        One array per row, in order, of shape (n,) with n = (end - start) * ``SAMPLE_RATE``.

    Raises
    ------
    DatasetError
        If the rows belong to several recordings, the class is unknown, or a slice lies outside the recording.
    """
    recordings = rows[["fsID", "class"]].drop_duplicates()
    if len(recordings) != 1:
        raise DatasetError(
            f"expected rows of one recording, found {len(recordings)} recordings; split them with table.groupby('fsID')"
        )
    fs_id, label = recordings.iloc[0]
    samples = render_recording(int(fs_id), label, seed=seed).samples
    return [_cut(samples, start, end, fs_id) for start, end in zip(rows["start"], rows["end"], strict=True)]


def _cut(samples, start, end, fs_id):
    first, n = n_samples(start), n_samples(end - start)
    if first < 0 or n <= 2 * FADE or first + n > len(samples):
        raise DatasetError(
            f"recording {fs_id} is {len(samples) / SAMPLE_RATE:.2f} s long, so it has no slice from {start} to {end} "
            "s; use rows of catalogue() with the same seed"
        )
    slice_samples = samples[first : first + n].astype(float)
    ramp = np.sin(np.linspace(0, np.pi / 2, FADE)) ** 2
    slice_samples[:FADE] *= ramp
    slice_samples[-FADE:] *= ramp[::-1]
    return np.round(slice_samples).astype(np.int16)
