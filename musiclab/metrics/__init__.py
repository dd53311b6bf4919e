"""Results that say how sure they are: accuracy with n and an interval, mistakes, and which model is better."""

from musiclab.metrics.intervals import RESAMPLES, difference_interval, group_interval, mean_and_deviation
from musiclab.metrics.result import Result
from musiclab.metrics.significance import FEW, McNemar, mcnemar

__all__ = [
    "FEW",
    "RESAMPLES",
    "McNemar",
    "Result",
    "difference_interval",
    "group_interval",
    "mcnemar",
    "mean_and_deviation",
]
