"""Time several functions so that their speeds can be compared."""

import statistics
import time
from collections.abc import Callable

PAUSE = 0.3  # s; threads of some libraries keep spinning for 0.2 s after their work


def measure_rates(rounds: int, **functions: Callable[[], int]) -> dict[str, float]:
    """Measure how many items per second each function processes.

    Every function runs once per round, in turn, so that other load on the machine affects all of them alike.

    Parameters
    ----------
    rounds
        Number of rounds. Each rate is the median over the rounds.
    **functions
        Functions that do some work and return the number of processed items. One call before the first round is not
        timed, because it may build or cache what later calls reuse.

    Returns
    -------
    dict
        Items per second, by name of the function.
    """
    for function in functions.values():
        function()
    measured = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            time.sleep(PAUSE)
            started = time.perf_counter()
            items = function()
            measured[name].append(items / (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in measured.items()}
