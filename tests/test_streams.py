"""Random numbers by name."""

import numpy as np

from musiclab.core.random import pick, stream


def test_a_stream_depends_on_seed_and_names_only():
    first = stream(1, "lead", 3).random(5)
    np.testing.assert_array_equal(first, stream(1, "lead", 3).random(5))
    for other in (stream(2, "lead", 3), stream(1, "bass", 3), stream(1, "lead", 4)):
        assert not np.array_equal(first, other.random(5))


def test_pick_takes_every_option_and_gives_the_object_itself():
    options = [["a"], ["b"], ["c"]]
    rng = np.random.default_rng(0)
    assert {id(pick(rng, options)) for _ in range(50)} == set(map(id, options))
