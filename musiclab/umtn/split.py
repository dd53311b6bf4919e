"""Dividing a folder of recordings into train, val and test: by file, or by whatever belongs together."""

import logging
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from musiclab.core.errors import DatasetError
from musiclab.umtn.encoded import find_encoded

PARTS = ("train", "val", "test")
Group = str | Mapping[str, str] | Callable[[Path], str] | None
log = logging.getLogger(__name__)


def divide(groups: Sequence[str], train: float = 0.8, val: float = 0.1, seed: int = 18) -> dict[str, list[int]]:
    """Numbers of the files of each part; files of one group stay together.

    The groups are shuffled; train takes its share of them, rounded down, val its share or one, test the rest.

    Parameters
    ----------
    groups
        Group of each file.
    train, val
        Shares of the groups; what they leave is test's, and with ``train + val == 1`` there is no test part.
    seed
        Another seed, another split; the same names in any folder are split alike.

    Raises
    ------
    DatasetError
        The shares do not fit, or there are fewer groups than parts.

    Examples
    --------
    >>> {part: len(files) for part, files in divide([str(n) for n in range(20)]).items()}
    {'train': 16, 'val': 2, 'test': 2}
    """
    if not (0 < train < 1 and 0 < val < 1 and train + val <= 1 + 1e-9):
        raise DatasetError(f"expected shares over 0, together at most 1, found train {train} and val {val}")
    names = sorted(set(groups))
    parts = PARTS if train + val < 1 - 1e-9 else PARTS[:2]
    if len(names) < len(parts):
        raise DatasetError(
            f"expected {len(parts)} files or groups at least, one for each of {', '.join(parts)}, found {len(names)}; "
            "add recordings, or group them less coarsely"
        )
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    validated = max(1, int(len(names) * val + 1e-9))
    trained = len(names) - validated if len(parts) == 2 else max(1, int(len(names) * train + 1e-9))
    trained = min(trained, len(names) - validated - (len(parts) - 2))
    part_of = {
        name: "train" if n < trained else "val" if n < trained + validated else "test" for n, name in enumerate(order)
    }
    return {part: [n for n, group in enumerate(groups) if part_of[group] == part] for part in parts}


def split_dir(
    input: str | Path,
    output: str | Path,
    train: float = 0.8,
    val: float = 0.1,
    seed: int = 18,
    filetype: str | None = None,
    group: Group = None,
) -> dict[str, list[Path]]:
    """Copy the recordings below ``input`` to ``output/train``, ``output/val`` and ``output/test``.

    Parameters
    ----------
    input
        Folder of one domain; subfolders are kept.
    output
        Its parts must be empty or not there: a second split on top of a first would mix train and test.
    train, val, seed
        See :func:`divide`.
    filetype
        Ending to take alone, such as ``"wav"``; left out, every one that can be decoded.
    group
        What stays together: ``None`` every file by itself; a regular expression, whose match in a file's relative
        path (its first bracket, if it has one) is the group; a mapping from a file's name without ending; or a
        function of the relative path.

    Returns
    -------
    dict of part to list of pathlib.Path
        The copies.

    Raises
    ------
    DatasetError
        No recordings, too few groups, a file that has no group, or parts that hold files.
    """
    input, output = Path(input), Path(output)
    files = find_encoded(input, filetype)
    relative = [file.relative_to(input) for file in files]
    parts = divide([_group_of(path, group) for path in relative], train, val, seed)
    for part in PARTS:
        if (output / part).is_dir() and any((output / part).iterdir()):
            raise DatasetError(
                f"{output / part}: expected an empty folder or none, found files; remove it, or name another"
            )
    copies = {part: [output / part / relative[n] for n in numbers] for part, numbers in parts.items()}
    for part, numbers in parts.items():
        for n, copy in zip(numbers, copies[part], strict=True):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(files[n], copy)
    counts = ", ".join(f"{part} {len(paths)}" for part, paths in copies.items())
    log.info(
        "%s: %d files: %s%s", input, len(files), counts, "" if "test" in copies else "; no test part was asked for"
    )
    return copies


def _group_of(path: Path, group: Group) -> str:
    if group is None:
        return path.as_posix()
    if callable(group):
        return str(group(path))
    if isinstance(group, str):
        try:
            match = re.search(group, path.as_posix())
        except re.error as error:
            raise DatasetError(f"group: expected a regular expression, found {group!r} ({error})") from error
        found = (match[1] if match.re.groups else match[0]) if match else None
    else:
        found = group.get(path.stem)
    if found is None:
        raise DatasetError(
            f"{path}: expected a group by {group if isinstance(group, str) else 'the mapping'}, found none"
        )
    return str(found)
