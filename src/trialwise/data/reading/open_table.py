"""Opening a table however people have it: text of any flavour, gzip, Excel, Parquet, a DataFrame.

Nothing is interpreted here: a :class:`Table` holds the cells as they stand and the row of each in the file.
"""

from __future__ import annotations

import difflib
import gzip
import importlib.util
import io
import itertools
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.reading.cells import Cells, key, shown
from trialwise.data.reading.text import FOREIGN, Record, refused, text_records

if TYPE_CHECKING:
    import pandas as pd

type Source = str | PathLike[str] | pd.DataFrame
"""What can be opened: a path or a DataFrame."""

_COMMA_CELL = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_POINT_CELL = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it stands.

    Attributes
    ----------
    name
        The file's name, for messages.
    header
        One name a column, without surrounding blanks; ``""`` if a column has no name.
    columns
        One array of cells a column, each ``(rows,)`` of str, int, float, bool or None.
    rows
        ``int64 (rows,)``: where each row stands in the file, counted from 1.
    free_comma
        Whether a comma may be a decimal comma, since something else separates the cells.
    note
        What had to be guessed to open it, e.g. ``"read as cp1252"``; may be empty.
    """

    name: str
    header: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    rows: np.ndarray
    free_comma: bool = False
    note: str = ""

    def column(self, name: str, how: str) -> Cells:
        """The column of that name (the first, if there are several); ``how`` it was found goes into the mapping."""
        values = self.columns[self.header.index(name)]
        where, source = f"{self.name}, column {shown(name)}", f"column {shown(name)} ({how})"
        return Cells(values, self.rows, name, where, source, self.has_decimal_comma([values]))

    def has_decimal_comma(self, columns: Sequence[np.ndarray]) -> bool:
        """Whether these columns write numbers with a decimal comma, and none with a point."""
        cells = [cell for column in columns for cell in column if isinstance(cell, str)] if self.free_comma else []
        return any(map(_COMMA_CELL.fullmatch, cells)) and not any(map(_POINT_CELL.fullmatch, cells))


def open_table(source: Source, name: str = "the table") -> Table:
    """Open a table: CSV, TSV, semicolons or blanks between the cells, decimal commas, any common encoding, gzip, Excel,
    Parquet or a DataFrame.

    `name` is what a DataFrame is called in messages. Comment lines (``#``), blank lines, empty trailing columns and the index column that pandas writes are left out.

    Raises
    ------
    DataError
        If there is no such file, or no table in it.
    UsageError
        If `source` is neither a path nor a DataFrame.
    """
    frame: Any = source
    if hasattr(frame, "to_pandas"):  # polars, pyarrow
        frame = frame.to_pandas()
    if hasattr(frame, "columns") and hasattr(frame, "iloc"):
        return _from_frame(frame, name)
    if not isinstance(source, str | PathLike):
        raise UsageError(
            f"a table is a path or a DataFrame, not {type(source).__name__}; give 'trials.csv', for example"
        )
    path = Path(fspath(source))
    raw, name = _bytes(path), path.name
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise refused(
                name, "damaged-file", f"not a whole gzip file: {error}", "copy or download it again"
            ) from None
        name = name.removesuffix(".gz")
    if raw[:4] == b"PK\x03\x04":
        return _from_excel(raw, name)
    if raw[:4] == b"PAR1" and b"\0" in raw:
        return _from_parquet(raw, name)
    return _from_text(raw, name)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise refused(str(path), "not-a-file", "is a folder, not a table", "name the file in it") from None
    except FileNotFoundError:
        raise refused(str(path), "no-file", "there is no such file", _nearest(path)) from None
    except (OSError, ValueError) as error:
        raise refused(shown(str(path)), "no-file", f"cannot be opened: {error}", "check its name and rights") from None


def _nearest(path: Path) -> str:
    folder = path.parent
    try:
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return f"there is no folder {shown(str(folder))} either"
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"did you mean {str(folder / close[0])!r}?" if close else f"looked in {folder.resolve()}"


def _from_text(raw: bytes, name: str) -> Table:
    records, separator, encoding = text_records(raw, name)
    note = "" if encoding.startswith("utf-8") else f"read as {encoding}"
    return _table(name, records, free_comma=separator != ",", note=note)


def _from_frame(frame: pd.DataFrame, name: str) -> Table:
    if any(level is not None for level in frame.index.names):
        clash = [level for level in frame.index.names if level in frame.columns]
        frame = frame.reset_index() if not clash else frame.reset_index(drop=True)
    header: list[Any] = [" ".join(map(str, c)) if isinstance(c, tuple) else c for c in frame.columns]
    columns = []
    for n in range(frame.shape[1]):
        series = frame.iloc[:, n]
        gone = series.isna().to_numpy(bool)
        columns.append([None if out else _plain(cell) for cell, out in zip(series.astype(object), gone, strict=True)])
    records = ((row, cells) for row, cells in enumerate(zip(*columns, strict=True), 2))
    return _table(name, _chain((1, header), records))


def _chain(first: Record, rest: Iterable[Record]) -> Iterator[Record]:
    yield first
    yield from rest


def _from_excel(raw: bytes, name: str) -> Table:
    if b"xl/" not in raw:
        kind = FOREIGN.get(Path(name).suffix.lower(), "zip")
        raise refused(name, "not-text", f"is a {kind} file, not a table", "unpack it, or export the table as CSV")
    _need("openpyxl", name, "an Excel file")
    import openpyxl  # type: ignore[import-untyped, unused-ignore]

    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        records = [
            (n, [_plain(cell) for cell in cells]) for n, cells in enumerate(sheet.iter_rows(values_only=True), 1)
        ]
    except Exception as error:
        message = f"openpyxl cannot read it: {type(error).__name__}: {shown(str(error), 200)}"
        raise refused(name, "damaged-file", message, "save it again from Excel, or export it as CSV") from None
    note = f"first sheet {sheet.title!r} of {len(book.worksheets)}" if len(book.worksheets) > 1 else ""
    return _table(name, iter(records), note=note)


def _from_parquet(raw: bytes, name: str) -> Table:
    _need("pyarrow", name, "a Parquet file")
    import pandas as pd

    try:
        frame = pd.read_parquet(io.BytesIO(raw), engine="pyarrow")
    except Exception as error:
        message = f"pyarrow cannot read it: {type(error).__name__}: {shown(str(error), 200)}"
        raise refused(name, "damaged-file", message, "write it again, or export it as CSV") from None
    return _from_frame(frame, name)


def _need(module: str, name: str, kind: str) -> None:
    if importlib.util.find_spec(module) is None:
        message = f"is {kind}, and reading it needs {module}, which is not installed"
        raise refused(name, "needs-package", message, "type: pip install 'trialwise[files]' (or export it as CSV)")


# --- from records to a table ------------------------------------------------------------------------------------------


def _plain(cell: Any) -> Any:
    """A cell as text, int, float, bool or None, whatever library it comes from."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, str):
        return cell.strip() or None
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, int) and abs(cell) >= 2**63:
        return hex(cell)  # no number of anything: Python refuses to print the largest
    return cell if isinstance(cell, int | float) else str(cell)


def _table(name: str, records: Iterator[Record], *, free_comma: bool = False, note: str = "") -> Table:
    first = next((record for record in records if _text(record[1]) and not _is_comment(record[1])), None)
    if first is None:
        raise refused(name, "empty-table", "is empty", "expected a header row with names, then one row a trial")
    header = ["" if cell is None else str(cell).strip() for cell in first[1]]
    width = len(header)
    body = [(row, [_plain(cell) for cell in cells]) for row, cells in records if _is_row(cells, width)]
    if not any(_text(cells) for _, cells in body):
        raise refused(name, "empty-table", "holds a header row and nothing below", "expected one row a trial")
    if len(body[0][1]) == width + 1 and all(len(cells) == width + 1 for _, cells in body):
        header = ["", *header]
        width += 1
    ragged = [(row, cells) for row, cells in body if _text(cells[width:])]
    if ragged:
        message = f"{len(ragged[0][1])} cells in a row where the header row has {width}"
        remedy = "put cells that contain the separator into quotation marks (a decimal comma between commas?)"
        raise refused(name, "ragged-rows", message, remedy, [row for row, _ in ragged])
    columns = []
    for n in range(width):
        column = np.empty(len(body), object)
        column[:] = [cells[n] if n < len(cells) else None for _, cells in body]
        columns.append(column)
    kept = [n for n in range(width) if not _is_filler(header[n], columns[n], first=n == 0)]
    table_columns = tuple(columns[n] for n in kept)
    rows = np.array([row for row, _ in body], np.int64)
    return Table(name, tuple(header[n] for n in kept), table_columns, rows, free_comma, note)


def _text(cells: Sequence[Any]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in cells)


def _is_row(cells: Sequence[Any], width: int) -> bool:
    """Neither a blank line nor a comment. One quoted empty cell is a row of a table of one column."""
    if not cells or (width > 1 and len(cells) == 1 and not cells[0]):
        return False
    return not (_is_comment(cells) and (width == 1 or len(cells) != width))  # "#1,left,0" may be participant "#1"


def _is_comment(cells: Sequence[Any]) -> bool:
    return len(cells) > 0 and isinstance(cells[0], str) and cells[0].lstrip().startswith("#")


def _is_filler(name: str, column: np.ndarray, first: bool) -> bool:
    """An empty column without a name, or the row numbers that pandas and R write in front."""
    if name and not name.startswith("Unnamed:"):
        return False
    if all(cell is None for cell in column):
        return True
    counts = [key(cell) for cell in column if cell is not None]
    if not first or len(counts) < len(column) or not all(count.isdecimal() for count in counts):
        return False
    return all(int(b) > int(a) for a, b in itertools.pairwise(counts))
