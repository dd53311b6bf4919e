"""Read the tables of data sets: CSV files that people write by hand, and programs of all kinds."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError, counted

_DELIMITERS = ",;\t|"
_UNDECODED = re.compile("[\ud800-\udfff]")  # how Python keeps bytes that are not UTF-8
_MOST_FAULTS = 10  # listed at once; the others are counted


def read_table(path: Path, columns: Sequence[str], where: str) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV file with a header, in UTF-8, with commas, semicolons, tabs or bars between its cells.

    Parameters
    ----------
    path
        The file. Its empty lines, and empty cells after the last column, do not count.
    columns
        Columns that it must have.
    where
        End of the messages: what to do, or where to get the table.

    Returns
    -------
    table, faults
        The rows as text, with the line of each as their index, and what is wrong with the rows that are left out.

    Raises
    ------
    DatasetError
        The file is missing or empty, or lacks a column.
    """
    text = _read_text(path, where)
    if not text.strip():
        raise DatasetError(f"{path}: expected a CSV file in UTF-8, found an empty one. {where}")
    headers = {mark: _first_row(text, mark) for mark in _DELIMITERS}
    delimiter = next((mark for mark, names in headers.items() if set(columns) <= set(names)), ",")
    header = headers[delimiter]
    require_columns(header, columns, path, f"{where} Its columns are: {str(header)[1:200]}")
    if twice := ", ".join(sorted({name for name in header if name and header.count(name) > 1})):
        raise DatasetError(f"{path}: expected each column once, found {twice!r} more than once. {where}")
    rows, lines, faults, undecoded = [], [], [], []
    for line, cells, error in _parse(text, delimiter):
        if coded := next(filter(_UNDECODED.search, cells), None):
            undecoded.append(f"{coded.encode('utf-8', 'surrogateescape')[:80]!r} in line {line}")
        elif fault := error or _fault_of(cells, len(header)):
            faults.append(f"{fault} in line {line}")
        elif _strip(cells) != header:
            cells = [*cells, *[""] * len(header)]
            rows.append([cell if name == "path" else cell.strip() for name, cell in zip(header, cells, strict=False)])
            lines.append(line)
    if undecoded:
        more = f" and in {counted(len(undecoded) - 1, 'other line')}" if len(undecoded) > 1 else ""
        faults.insert(0, f"expected a CSV file in UTF-8, found {undecoded[0]}{more}; save the table as UTF-8")
    table = pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line", dtype=int), dtype=object)
    return table[[name for name in header if name]], faults


def require_columns(header: Collection[str], columns: Sequence[str], name: str | Path, what_to_do: str) -> None:
    """Raise DatasetError if a table lacks any of ``columns``."""
    if missing := ", ".join(column for column in columns if column not in header):
        raise DatasetError(
            f"{name}: expected the columns {', '.join(columns)}, found none named {missing}. {what_to_do}"
        )


def is_blank(column: pd.Series) -> pd.Series:
    """Return True for each cell that is missing or holds nothing but spaces."""
    return column.isna() | (column.astype(str).str.strip() == "")


def line_of(table: pd.DataFrame) -> list[str]:
    """Return ``" in line 3"`` for each row of a table that :func:`read_table` read, and ``""`` for each of another."""
    return [f" in line {line}" for line in table.index] if table.index.name == "line" else [""] * len(table)


def list_gaps(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """List the empty cells in some columns, as faults."""
    lines = line_of(table)
    gaps = ((row, name) for name in columns for row, blank in enumerate(is_blank(table[name])) if blank)
    return [f"expected a {name} in every row, found none{lines[row]}" for row, name in gaps]


def read_folds(table: pd.DataFrame, last: int) -> tuple[pd.Series, list[str]]:
    """Return the column ``fold`` as numbers, 0 where it is not one from 1 to ``last``, and those as faults."""
    folds = pd.to_numeric(table["fold"], errors="coerce")
    folds = folds.where(folds.isin(range(1, last + 1)), 0).astype(int)
    faults = [
        f"expected a fold from 1 to {last} in every row, found {repr(value) if value.strip() else 'none'}{line}"
        for fold, value, line in zip(folds, table["fold"], line_of(table), strict=True)
        if not fold
    ]
    return folds, faults


def raise_faults(name: str | Path, faults: Sequence[str], what_to_do: str = "") -> None:
    """Raise one DatasetError for all faults of a table, if there are any."""
    if not faults:
        return
    listed = faults[:1] if len(faults) == 1 else [f"{counted(len(faults), 'fault')}:", *faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        listed.append(f"and {len(faults) - _MOST_FAULTS:,} more")
    message = f"{name}: " + "\n  ".join(listed) + (f". {what_to_do}" if what_to_do else "")
    raise DatasetError(message.encode("utf-8", "backslashreplace").decode())  # names may not be in UTF-8


def _read_text(path: Path, where: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file; expected the table of the data set. {where}") from error
    except OSError as error:
        raise DatasetError(f"{path}: this table cannot be read ({error.strerror}). {where}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path}: expected a CSV file in UTF-8, found UTF-16; save it as UTF-8. {where}")
    return data.decode("utf-8-sig", "surrogateescape")  # so that the faulty lines can be named


def _parse(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield the line in which each row begins, its cells, and why it cannot be read, or ""; but no empty rows."""
    spaced = f'{delimiter} "' in text  # then a quotation mark after a space begins a cell, too
    file = io.StringIO(text, newline="")
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=spaced, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, [], f"expected cells with {delimiter!r} between them and closed quotation marks, found {error}"
            continue
        is_hint = line == 1 and cells and cells[0].startswith("sep=")  # Excel's own first line, "sep=;"
        if any(_strip(cells)) and not is_hint:
            yield line, cells, ""


def _first_row(text: str, delimiter: str) -> list[str]:
    return next((_strip(cells) for _, cells, _ in _parse(text, delimiter)), [])


def _strip(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _fault_of(cells: Sequence[str], columns: int) -> str:
    if any("\0" in cell for cell in cells):
        return "expected text, found a NUL character"
    if any(_strip(cells[columns:])):
        return f"expected {columns} cells, found {len(cells)} (put quotation marks around a cell that holds a comma)"
    return ""
