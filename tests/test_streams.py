"""Random numbers by name and by address."""

import numpy as np
import pytest

from musiclab.core.random import _hash, pick, stream, uniform


def test_a_stream_depends_on_seed_and_names_only():
    first = stream(1, "lead", 3).random(5)
    np.testing.assert_array_equal(first, stream(1, "lead", 3).random(5))
    for other in (stream(2, "lead", 3), stream(1, "bass", 3), stream(1, "lead", 4)):
        assert not np.array_equal(first, other.random(5))


def test_pick_takes_every_option_and_gives_the_object_itself():
    options = [["a"], ["b"], ["c"]]
    rng = np.random.default_rng(0)
    assert {id(pick(rng, options)) for _ in range(50)} == set(map(id, options))


@pytest.mark.parametrize(
    ("key", "output"),
    [(0, 0xE220A8397B1DCDAF), (0x9E3779B97F4A7C15, 0x6E789E6AA1B965F4)],  # its first two numbers, seeded with 0
)
def test_one_key_gives_what_splitmix64_gives(key, output):
    assert int(_hash(key)) == output
    assert uniform(key) == (output >> 11) / 2**53


def test_a_number_depends_on_its_keys_only_and_arrays_are_broadcast():
    table = uniform(3, np.arange(4)[:, None], np.arange(5))
    assert table.shape == (4, 5)
    assert table.dtype == np.float64
    assert all(table[i, j] == uniform(3, i, j) for i in range(4) for j in range(5))
    assert len(np.unique(table)) == 20
    assert len({float(uniform(*keys)) for keys in [(1, 2), (2, 1), (1, 2, 0), (0, 1, 2), (-1, 2)]}) == 5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_neighbouring_keys_give_even_and_unrelated_numbers(axis):
    keys = [7, 7, 7]
    keys[axis] = np.arange(100_000)
    values = uniform(*keys)
    assert 0 <= values.min() < 1e-4
    assert 1 - 1e-4 < values.max() < 1
    counts = np.histogram(values, 100, (0, 1))[0]
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert 61 < chi_square < 149  # 99 degrees of freedom: all but 1 in 1,000 of even draws, on each side
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.012  # 4 standard errors
