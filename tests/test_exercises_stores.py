"""The checks of lesson 04: sizes, chunks, checksums, and packing without loss."""

import shutil

import h5py
import numpy as np
import pytest
from exercise_cases import check_right, check_wrong

SIZES = (1323.0, 5292.0, 1000 * 1292 * 128 * 2 / 1e6)  # MB


def test_sizes_in_megabytes_and_other_units():
    check_right("04.1", SIZES)
    check_wrong("04.1", [size * 1e6 / 2**20 for size in SIZES], "int16: in units of 2**20", hidden=(1323, 5292, 330))
    check_wrong("04.1", [size / 1000 for size in SIZES], "float64: a thousand times too small", hidden=(1323, 5292))
    check_wrong("04.1", (SIZES[0], SIZES[1] / 2, SIZES[2]), "float64: half", hidden=(5292,))
    check_wrong("04.1", SIZES[:2], "expected 3 numbers")


def test_the_cost_of_chunks_is_what_a_trial_gives():
    begins = np.random.default_rng(0).integers(10_000_000, size=200_000)
    chunks = (begins + 66_150 - 1) // 10_000 - begins // 10_000 + 1
    np.testing.assert_allclose(10_000 * chunks.mean(), 76_149, rtol=1e-3)
    check_right("04.2", 76_149)
    check_wrong("04.2", 76_150, "off by one", hidden=(76149,))
    check_wrong("04.2", 70_000, "too small", hidden=(76149,))
    check_wrong("04.2", 80_000, "too large", hidden=(76149,))


@pytest.fixture
def worn(small_store, tmp_path):
    """A copy of a store in which a bit of clips 3 and 7 has been flipped."""
    path = tmp_path / "worn.h5"
    shutil.copy(small_store.path, path)
    with h5py.File(path, "r+") as file:
        values, offsets = file["features/logmel/values"], file["features/logmel/offsets"][:]
        for clip in (3, 7):
            row = values[offsets[clip]]
            row.view(np.uint8)[0] ^= 1
            values[offsets[clip]] = row
    return path


def test_damaged_clips_are_those_whose_checksums_do_not_hold(worn):
    check_right("04.3", [("logmel", 3), ("logmel", 7)], path=worn)
    check_right("04.3", {("logmel", np.int64(7)), ("logmel", np.int64(3))}, path=worn)
    check_wrong("04.3", [("logmel", 3)], "1 damaged not found, 0 named", path=worn, hidden=("7",))
    check_wrong("04.3", [("logmel", 3), ("logmel", 7), ("logmel", 8)], "1 named that are whole", path=worn)
    check_wrong("04.3", [], "2 damaged not found", path=worn, hidden=("3", "7"))
    check_wrong("04.3", [("mel", 3)], "no feature 'mel'", "logmel", path=worn)
    check_wrong("04.3", "logmel 3", "list of pairs", path=worn)
    check_wrong("04.3", [3, 7], "list of pairs", path=worn)


@pytest.fixture(scope="module")
def sample():
    """Two seconds of a wandering tone, which packs well by its steps."""
    phase = np.cumsum(2 * np.pi * np.linspace(100, 900, 44100) / 22050)
    return np.round(12000 * np.sin(phase)).astype(np.int16)


def written(file, samples):
    file.create_dataset("steps", data=np.diff(samples, prepend=np.int16(0)), shuffle=True, compression="gzip")


def read(file):
    return np.cumsum(file["steps"][:], dtype=np.int16)


def test_packing_must_be_small_and_lose_nothing(sample):
    assert "of the size" in check_right("04.4", (written, read), sample=sample)
    plain = (lambda file, samples: file.create_dataset("all", data=samples), lambda file: file["all"][:])
    check_wrong("04.4", plain, "aim: below 78 %", sample=sample)
    halved = (lambda file, samples: written(file, samples // 2), lambda file: 2 * read(file))
    check_wrong("04.4", halved, "do not come back the same", sample=sample)
    check_wrong("04.4", (written, lambda file: read(file).astype(float)), "do not come back", sample=sample)
    check_wrong("04.4", (written, lambda file: sample), "do not come back the same", sample=sample)
    check_wrong("04.4", written, "pair of functions", sample=sample)
    check_wrong("04.4", (written, 3), "pair of functions", sample=sample)
