"""Provide what all other subpackages use: errors, checks, progress bars, random streams and safe file writing.

:mod:`musiclab.core.environment` describes and checks the installation.

Examples
--------
>>> from musiclab.core.errors import Problems, RunError, did_you_mean
>>> did_you_mean("jaz", ["jazz", "rock"])
'; did you mean jazz?'
>>> problems = Problems()  # collects everything that is wrong before it raises
>>> with problems:
...     raise RunError("epochs: expected at least 1, found 0")
>>> problems.raise_if_any()
Traceback (most recent call last):
musiclab.core.errors.RunError: epochs: expected at least 1, found 0
"""
