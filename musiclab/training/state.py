"""What is kept after each epoch, so that a training that was stopped or killed goes on as if nothing had been."""

import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from musiclab.core.errors import RunError, apart
from musiclab.core.files import replacing

DAMAGE = (
    *(AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error),
)
"""What is raised when a file is not what torch wrote, or holds more than tensors, numbers and texts."""


class State:
    """A file that holds where a training is: weights, optimiser, schedule, history and the best weights so far.

    It holds tensors, numbers and texts only, and is read with ``weights_only=True``: nothing in it can run. Order,
    segments, dropout and augmentation are drawn from the seed and the number of the epoch, so that no generator's
    state needs to be kept. Of several processes only the main one writes it, and all go on from it: they must all
    see the file.

    Parameters
    ----------
    path
        The file; written beside it and renamed, so that a kill leaves the last whole one.
    identity : dict
        All that decides the result (texts and numbers); a training goes on only with the same.
    resume
        Whether to go on from the file, if it is there.
    """

    def __init__(self, path: str | Path, identity: dict | None = None, resume: bool = False):
        identity = json.loads(json.dumps(identity or {}))  # as it comes back: lists for tuples
        self.path, self.identity, self.resume = Path(path), identity, resume

    def save(self, kept: dict) -> None:
        """Keep what each of ``kept`` says of itself by its ``state_dict()``."""
        with replacing(self.path) as unfinished:
            torch.save(
                {"identity": self.identity, **{name: part.state_dict() for name, part in kept.items()}}, unfinished
            )

    def restore(self, kept: dict) -> None:
        """Give it back to each by ``load_state_dict``; nothing happens when the training is to begin anew.

        Raises
        ------
        RunError
            The file is damaged, or is of another training; the differences stand side by side.
        """
        if not (self.resume and self.path.exists()):
            return
        with self._damage_named():
            with zipfile.ZipFile(self.path) as archive:
                if damaged := archive.testzip():  # torch does not look at the checksums it has written
                    raise zipfile.BadZipFile(f"{damaged} is damaged")
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            identity = found.pop("identity")
        if differing := apart(self.identity, identity):
            wanted, there = differing
            raise RunError(
                f"{self.path}: expected a training with {wanted}, found one with {there}; "
                "go on with the same settings, or train without --resume"
            )
        with self._damage_named():
            for name, part in kept.items():
                part.load_state_dict(found[name])

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
        """Remove the file: the training is over."""
        self.path.unlink(missing_ok=True)
