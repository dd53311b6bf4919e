"""Times that can be compared: what is compared is run in turn, and the median of the rounds counts."""

import statistics
import time
from collections.abc import Callable

REST = 0.3  # s


def rates(rounds: int, **works: Callable[[], int]) -> dict[str, float]:
    """Items a second of each work, the median of ``rounds``.

    Parameters
    ----------
    rounds
        In each, every work is done once, one after the other, so that whatever else the machine does meets all alike.
        Between them is a short rest, because threads of a library may spin for 0.2 s after their work.
    **works
        By name: functions that do some work and return how many items it was. Each is done once more beforehand,
        so that what is built or cached once stays out of the figure.
    """
    for work in works.values():
        work()
    found = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            time.sleep(REST)
            started = time.perf_counter()
            items = work()
            found[name].append(items / (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in found.items()}
