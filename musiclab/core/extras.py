"""Explain how to install the packages of an extra, such as ``lessons``, where they are missing."""

from importlib.util import find_spec

from musiclab.core.errors import MusiclabError


class MissingExtraError(MusiclabError, ImportError):
    """Error for a package that isn't installed because it belongs to an extra, such as ``lessons``."""


def require(purpose: str, extra: str, *modules: str) -> None:
    """Raise an error if modules that belong to an extra are missing. Nothing is imported.

    Parameters
    ----------
    purpose : str
        What needs the modules, as the start of the message.
    extra : str
        Extra in ``pyproject.toml``: "lessons", "dask", "export", "book" or "test".
    *modules : str
        Names of the modules.

    Raises
    ------
    MissingExtraError
        If at least one module isn't installed. The message names all of them and the command that installs the extra.

    Examples
    --------
    >>> require("plots", "lessons", "matplotlib")
    >>> require("plots", "lessons", "no_such_module")
    Traceback (most recent call last):
    musiclab.core.extras.MissingExtraError: plots: no_such_module is not installed. To fix this, run: pip install \
"musiclab[lessons]"
    """
    if missing := [name for name in modules if find_spec(name) is None]:
        names = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'}"
        raise MissingExtraError(f'{purpose}: {names} not installed. To fix this, run: pip install "musiclab[{extra}]"')
