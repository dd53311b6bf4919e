"""Test results with their uncertainty: accuracies with intervals, mistakes, and significance tests.

Examples
--------
>>> import numpy as np
>>> from musiclab import metrics
>>> is_correct = np.array([True] * 15 + [False] * 5)  # 20 clips by ten artists
>>> low, high = metrics.group_interval(is_correct, np.repeat(np.arange(10), 2))
>>> bool(low < is_correct.mean() < high)
True
"""

from musiclab.metrics.calibration import Calibration, calibrate, calibration_error, reliability
from musiclab.metrics.distance import frechet_distance
from musiclab.metrics.intervals import difference_interval, group_interval
from musiclab.metrics.result import Result
from musiclab.metrics.significance import McNemar, mcnemar
