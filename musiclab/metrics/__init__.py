"""Metrics with their uncertainty: accuracies with intervals, mistakes, and tests of which model is better."""

from musiclab.metrics.intervals import difference_interval, group_interval
from musiclab.metrics.result import Result
from musiclab.metrics.significance import McNemar, mcnemar
