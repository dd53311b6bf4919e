"""Read the tables of data sets from CSV files, whether written by hand or by a program."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError, counted

_DELIMITERS = ",;\t|"
_UNDECODED = re.compile("[\ud800-\udfff]")  # Python's representation of bytes that are not UTF-8
_MAX_LISTED = 10  # faults in one message; the others are only counted


def read_table(path: Path, columns: Sequence[str], where: str) -> tuple[pd.DataFrame, list[str]]:
    """Read the table of a data set from a CSV file.

    The file is in UTF-8 and has a header. Its cells are separated by commas, semicolons, tabs or vertical bars. Empty
    lines and empty cells after the last column are ignored.

    Parameters
    ----------
    path : Path
        File to read.
    columns : sequence of str
        Required columns.
    where : str
        End of the error messages: how to fix the table, or where to get it.

    Returns
    -------
    table : pandas.DataFrame
        Valid rows as text, indexed by line number.
    faults : list of str
        Descriptions of the rows that were left out.

    Raises
    ------
    DatasetError
        If the file is missing, empty or unreadable, or if a required column is missing or a column appears twice.
    """
    text = _read_text(path, where)
    if not text.strip():
        raise DatasetError(f"{path}: expected a CSV file in UTF-8, found an empty one. {where}")
    headers = {delimiter: _read_header(text, delimiter) for delimiter in _DELIMITERS}
    delimiter = next((delimiter for delimiter, names in headers.items() if set(columns) <= set(names)), ",")
    header = headers[delimiter]
    require_columns(header, columns, path, f"{where} Its columns are: {', '.join(header)[:200]}")
    if repeated := ", ".join(sorted({name for name in header if name and header.count(name) > 1})):
        raise DatasetError(f"{path}: the column {repeated!r} appears more than once. {where}")
    rows, lines, faults, undecoded = [], [], [], []
    for line, cells, error in _parse(text, delimiter):
        if cell := next(filter(_UNDECODED.search, cells), None):
            undecoded.append(f"{cell.encode('utf-8', 'surrogateescape')[:80]!r} in line {line}")
        elif fault := error or _find_fault(cells, len(header)):
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
        raise DatasetError(f"{name}: expected the columns {', '.join(columns)}, but {missing} is missing. {what_to_do}")


def is_blank(column: pd.Series) -> pd.Series:
    """Return True for each cell that is missing or contains only spaces."""
    return column.isna() | (column.astype(str).str.strip() == "")


def line_of(table: pd.DataFrame) -> list[str]:
    """Return a text such as ``" in line 3"`` for each row of a table from :func:`read_table`, otherwise ``""``."""
    return [f" in line {line}" for line in table.index] if table.index.name == "line" else [""] * len(table)


def list_gaps(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Describe each empty cell in ``columns``."""
    lines = line_of(table)
    gaps = ((row, name) for name in columns for row, blank in enumerate(is_blank(table[name])) if blank)
    return [f"expected a {name} in every row, found none{lines[row]}" for row, name in gaps]


def read_folds(table: pd.DataFrame, last: int) -> tuple[pd.Series, list[str]]:
    """Return the column ``fold`` as integers from 1 to ``last``, or 0 if invalid, and describe the invalid cells."""
    folds = pd.to_numeric(table["fold"], errors="coerce")
    folds = folds.where(folds.isin(range(1, last + 1)), 0).astype(int)
    faults = [
        f"expected a fold from 1 to {last} in every row, found {repr(value) if value.strip() else 'none'}{line}"
        for fold, value, line in zip(folds, table["fold"], line_of(table), strict=True)
        if not fold
    ]
    return folds, faults


def raise_faults(name: str | Path, faults: Sequence[str], what_to_do: str = "") -> None:
    """Raise a DatasetError that lists all faults of a table, if there are any."""
    if not faults:
        return
    listed = faults[:1] if len(faults) == 1 else [f"{counted(len(faults), 'fault')}:", *faults[:_MAX_LISTED]]
    if len(faults) > _MAX_LISTED:
        listed.append(f"and {len(faults) - _MAX_LISTED:,} more")
    message = f"{name}: " + "\n  ".join(listed) + (f". {what_to_do}" if what_to_do else "")
    raise DatasetError(message.encode("utf-8", "backslashreplace").decode())  # names may not be in UTF-8


def _read_text(path: Path, where: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file; expected the table of the data set. {where}") from error
    except OSError as error:
        raise DatasetError(f"{path}: the table cannot be read ({error.strerror}). {where}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path}: expected a CSV file in UTF-8, found UTF-16; save it as UTF-8. {where}")
    return data.decode("utf-8-sig", "surrogateescape")  # keeps invalid bytes, so that messages can quote them


def _parse(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield the first line, the cells and an error message ("" if none) for each row that is not empty."""
    skips_spaces = f'{delimiter} "' in text  # quoted cells may follow a space
    file = io.StringIO(text, newline="")
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=skips_spaces, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, [], f"expected cells separated by {delimiter!r} with closed quotation marks, found {error}"
            continue
        is_excel_hint = line == 1 and cells and cells[0].startswith("sep=")  # Excel writes "sep=;" as the first line
        if any(_strip(cells)) and not is_excel_hint:
            yield line, cells, ""


def _read_header(text: str, delimiter: str) -> list[str]:
    return next((_strip(cells) for _, cells, _ in _parse(text, delimiter)), [])


def _strip(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _find_fault(cells: Sequence[str], columns: int) -> str:
    if any("\0" in cell for cell in cells):
        return "expected text, found a NUL character"
    if any(_strip(cells[columns:])):
        return f"expected {columns} cells, found {len(cells)} (put cells that contain a comma in quotation marks)"
    return ""
