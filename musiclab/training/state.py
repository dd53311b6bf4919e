"""The state of a training, saved after each epoch, so that a stopped or killed one can be resumed."""

import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from musiclab.core.errors import RunError, differing
from musiclab.core.files import replacing

DAMAGE = (
    *(AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error),
)
"""Exceptions from files that torch did not write, or that contain more than tensors, numbers and texts."""


class State:
    """File with the state of a training: weights, optimiser, schedule, history and the best weights so far.

    It contains tensors, numbers and texts only, and is read with ``weights_only=True``: nothing in it can run.

    Parameters
    ----------
    path, resume
        The file, and whether to continue from it, if it exists. A new one replaces it only once it is complete.
    identity : dict
        Everything that decides the result; a training resumes only if it is unchanged.
    """

    def __init__(self, path: str | Path, identity: dict | None = None, resume: bool = False):
        identity = json.loads(json.dumps(identity or {}))  # as it comes back: lists for tuples
        self.path, self.identity, self.resume = Path(path), identity, resume

    def save(self, parts: dict) -> None:
        """Write the ``state_dict()`` of each of ``parts``."""
        with replacing(self.path) as unfinished:
            torch.save(
                {"identity": self.identity, **{name: part.state_dict() for name, part in parts.items()}}, unfinished
            )

    def restore(self, parts: dict) -> None:
        """Load the saved state into each of ``parts``; do nothing unless ``resume`` is set and the file exists.

        Raise RunError if the file is damaged, or show the differences if it belongs to another training.
        """
        if not (self.resume and self.path.exists()):
            return
        with self._damage_named():
            with zipfile.ZipFile(self.path) as archive:
                if damaged := archive.testzip():  # torch does not look at the checksums it has written
                    raise zipfile.BadZipFile(f"{damaged} is damaged")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            identity = saved.pop("identity")
        if difference := differing(self.identity, identity):
            expected, actual = difference
            raise RunError(
                f"{self.path}: expected a training with {expected}, found one with {actual}; "
                "go on with the same settings, or train without --resume"
            )
        with self._damage_named():
            for name, part in parts.items():
                part.load_state_dict(saved[name])

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise RunError(
                f"{self.path}: expected the state of a training, found something else ({reason}); "
                "remove it, or train without --resume"
            ) from error

    def remove(self) -> None:
        """Remove the file, because the training is over."""
        self.path.unlink(missing_ok=True)
