"""Pictures as a browser draws them: a byte a cell, and where their axes begin and end."""

import numpy as np

from musiclab.features import MelConfig
from musiclab.widgets.analysis import FLOOR, MFCC_RANGE, Steps

COLUMNS, ROWS = 1000, 512
"""Cells of a picture, at most: more than there are pixels for."""


def packed(steps: Steps, config: MelConfig, decibels: float) -> dict:
    """The pictures for the browser: a byte a cell, and where its axes begin and end."""
    import librosa

    step, bin_width = config.hop_length / config.sample_rate, config.sample_rate / config.n_fft
    magnitude, down, along = largest(steps.spectrogram, COLUMNS, ROWS)  # before the logarithms: there are fewer then
    spectrum = bytes_of(*in_decibels(magnitude, decibels)) | {"down": down, "along": along}
    across = {"left": -step / 2, "step": step}  # a frame is centred on its time
    corners = librosa.mel_frequencies(n_mels=config.n_mels + 2, fmin=config.fmin, fmax=config.highest)
    return {  # the 0th coefficient is the level, and would pale all others
        "spectrogram": spectrum | across | {"bottom": -bin_width / 2, "height": bin_width},
        "mel": bytes_of(steps.mel, *mel_range(steps.mel, config, decibels)) | across | {"bottom": 0, "height": 1},
        "mfcc": bytes_of(steps.mfcc[1:], -MFCC_RANGE, MFCC_RANGE) | across | {"bottom": 0.5, "height": 1},
        "bank": weights(steps.bank) | {"step": bin_width, "empty": steps.empty.tolist()},
        "corners": np.float32(corners).tobytes(),
    }


def in_decibels(magnitude: np.ndarray, decibels: float) -> tuple[np.ndarray, float, float]:
    """A spectrogram in dB, the darkest and the brightest level."""
    level = 20 * np.log10(np.maximum(magnitude, FLOOR))
    high = max(float(level.max()), decibels + 20 * np.log10(FLOOR))  # silence is dark, not bright
    return level, high - decibels, high


def mel_range(mel: np.ndarray, config: MelConfig, decibels: float) -> tuple[float, float]:
    """The darkest and the brightest level of a mel picture."""
    if config.scaling == "log10(1+10x)":
        return 0.0, max(float(mel.max()), 1e-3)
    unit = 1.0 if config.scaling == "decibel" else np.log(10) / 20
    high = max(float(mel.max()), (decibels + 20 * np.log10(FLOOR)) * unit)
    return high - decibels * unit, high


def bytes_of(values: np.ndarray, low: float, high: float) -> dict:
    """Numbers as bytes, 0 for ``low`` and 255 for ``high``, with what is needed to turn them back."""
    cells, down, along = largest(values, COLUMNS, ROWS)
    scaled = np.clip((cells - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
    return {
        "cells": np.ascontiguousarray(scaled).tobytes(),
        "rows": scaled.shape[0],
        "columns": scaled.shape[1],
        "down": down,  # rows and columns of the array in one cell
        "along": along,
        "low": low,
        "high": high,
    }


def largest(values: np.ndarray, columns: int, rows: int) -> tuple[np.ndarray, int, int]:
    """The largest of each block, so that there are not more columns and rows than that; rows and columns of a block."""
    down, along = -(-values.shape[0] // rows), -(-values.shape[1] // columns)
    if along > 1:
        values = np.maximum.reduceat(values, np.arange(0, values.shape[1], along), axis=1)
    if down > 1:
        values = np.maximum.reduceat(values, np.arange(0, values.shape[0], down), axis=0)
    return values, down, along


def weights(bank: np.ndarray) -> dict:
    """Of each band its first bin that counts, how many do, and their weights one after another."""
    used = bank > 0
    counts = used.sum(axis=1)
    first = np.where(counts, used.argmax(axis=1), 0)
    return {
        "first": np.int32(first).tobytes(),
        "counts": np.int32(counts).tobytes(),
        "weights": np.float32(bank[used]).tobytes(),  # row by row
        "highest": float(bank.max()),
    }


def envelope(waveform: np.ndarray) -> bytes:
    """Lowest and highest sample of each of at most 1000 parts, float32, shape (2, parts)."""
    starts = np.unique(np.linspace(0, len(waveform), min(len(waveform), COLUMNS), endpoint=False).astype(int))
    return np.float32([np.minimum.reduceat(waveform, starts), np.maximum.reduceat(waveform, starts)]).tobytes()
