"""Save the training state after each epoch, so that interrupted training can be resumed."""

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
"""Exceptions that damaged or foreign files can raise, or files with more than tensors, numbers and strings."""


class State:
    """File that stores the training state after each epoch, so that interrupted training can be resumed.

    The state consists of weights, optimiser, schedule, history and best weights. The file contains only tensors,
    numbers and strings. It is loaded with ``weights_only=True``, so it cannot run code.

    Parameters
    ----------
    path : path
        Path of the file. An existing file is replaced only when the new one is complete.
    identity : dict, optional
        All settings that affect the result. Training can only be resumed with the same settings. Default: no settings.
    resume : bool, default False
        Continue from the file if it exists.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> model = torch.nn.Linear(4, 2)
    >>> with TemporaryDirectory() as folder:
    ...     State(f"{folder}/state.pt", identity={"seed": 0}).save({"model": model})
    ...     State(f"{folder}/state.pt", identity={"seed": 0}, resume=True).restore({"model": model})
    """

    def __init__(self, path: str | Path, identity: dict | None = None, resume: bool = False):
        identity = json.loads(json.dumps(identity or {}))  # tuples become lists, as in the saved file
        self.path, self.identity, self.resume = Path(path), identity, resume

    def save(self, parts: dict) -> None:
        """Write the training state to the file.

        Parameters
        ----------
        parts : dict
            Objects with a ``state_dict()`` method by name, such as the model and the optimiser.
        """
        with replacing(self.path) as unfinished:
            torch.save(
                {"identity": self.identity, **{name: part.state_dict() for name, part in parts.items()}}, unfinished
            )

    def restore(self, parts: dict) -> None:
        """Load the saved state into each of ``parts``, if ``resume`` is True and the file exists.

        Parameters
        ----------
        parts : dict
            Objects with a ``load_state_dict()`` method by name, as in :meth:`save`.

        Raises
        ------
        RunError
            The file is damaged, or was saved with other settings.
        """
        if not (self.resume and self.path.exists()):
            return
        with self._explain_damage():
            with zipfile.ZipFile(self.path) as archive:
                if damaged := archive.testzip():  # torch does not verify the checksums it writes
                    raise zipfile.BadZipFile(f"{damaged} is damaged")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            identity = saved.pop("identity")
        if difference := differing(self.identity, identity):
            expected, actual = difference
            raise RunError(
                f"{self.path}: expected a state saved with {expected}, found one saved with {actual}. "
                "Continue with the same settings, or train without --resume."
            )
        with self._explain_damage():
            for name, part in parts.items():
                part.load_state_dict(saved[name])

    @contextmanager
    def _explain_damage(self) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise RunError(
                f"{self.path}: this is not a valid training state ({reason}). Delete the file, or train without "
                "--resume."
            ) from error

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
