"""A table as read from a file: its header, its cells and the position of each row, without any interpretation."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from trialwise.data.reading.cells import Cells, key, quote
from trialwise.data.reading.text import Record, file_error

_COMMA_CELL = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_POINT_CELL = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Table:
    """A table as read from a file.

    Attributes
    ----------
    name
        The name of the file, for messages.
    header
        One name per column, without surrounding blanks; ``""`` if a column has no name.
    columns
        One array of cells per column, each ``(rows,)`` of str, int, float, bool or None.
    rows
        ``int64 (rows,)``: the position of each row in the file, counted from 1.
    free_comma
        Whether a comma may be a decimal comma, because the cells are separated by another character.
    levels
        Labels in order of the columns that bring their own, such as a Categorical of pandas, by name.
    note
        An assumption made when opening the file, e.g. ``"read as cp1252"``; may be empty.
    """

    name: str
    header: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    rows: np.ndarray
    free_comma: bool = False
    note: str = ""
    levels: Mapping[str, tuple[Hashable, ...]] = field(default_factory=dict)

    def column(self, name: str, how: str) -> Cells:
        """The first column of that name; ``how`` it was identified is stated in the mapping."""
        values = self.columns[self.header.index(name)]
        where, source = f"{self.name}, column {quote(name)}", f"column {quote(name)} ({how})"
        return Cells(values, self.rows, name, where, source, self.has_decimal_comma([values]))

    def keep(self, rows: np.ndarray) -> Table:
        """The same table with some of its rows, by a mask or by indices."""
        return replace(self, columns=tuple(column[rows] for column in self.columns), rows=self.rows[rows])

    def has_decimal_comma(self, columns: Sequence[np.ndarray]) -> bool:
        """Whether these columns contain numbers with a decimal comma, and none with a decimal point."""
        cells = [cell for column in columns for cell in column if isinstance(cell, str)] if self.free_comma else []
        return any(map(_COMMA_CELL.fullmatch, cells)) and not any(map(_POINT_CELL.fullmatch, cells))


def plain_cell(cell: Any) -> Any:
    """Convert a cell from any library to text, int, float, bool or None."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, str):
        return cell.strip() or None
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, int) and abs(cell) >= 2**63:
        return hex(cell)  # not a measurement, and Python refuses to print very large numbers in decimal
    return cell if isinstance(cell, int | float) else str(cell)


def table_of(name: str, records: Iterator[Record], *, free_comma: bool = False, note: str = "") -> Table:
    """Build a table from its rows, without comment lines, blank lines, empty trailing columns and leading row numbers.

    Raises
    ------
    DataError
        If there is no header or no row below it, or a row has more cells than the header.
    """
    first = next((record for record in records if _has_text(record[1]) and not _is_comment(record[1])), None)
    if first is None:
        raise file_error(name, "empty-table", "is empty", "expected a header row with names, then one row per trial")
    header = ["" if cell is None else str(cell).strip() for cell in first[1]]
    width = len(header)
    body = [(row, [plain_cell(cell) for cell in cells]) for row, cells in records if _is_row(cells, width)]
    if not any(_has_text(cells) for _, cells in body):
        raise file_error(name, "empty-table", "contains only a header row", "expected one row per trial below it")
    if len(body[0][1]) == width + 1 and all(len(cells) == width + 1 for _, cells in body):
        header = ["", *header]
        width += 1
    ragged = [(row, cells) for row, cells in body if _has_text(cells[width:])]
    if ragged:
        message = f"a row has {len(ragged[0][1])} cells where the header row has {width}"
        remedy = "put cells that contain the separator into quotation marks (a decimal comma between commas?)"
        raise file_error(name, "ragged-rows", message, remedy, [row for row, _ in ragged])
    columns = []
    for n in range(width):
        column = np.empty(len(body), object)
        column[:] = [cells[n] if n < len(cells) else None for _, cells in body]
        columns.append(column)
    used = [n for n in range(width) if not _is_filler(header[n], columns[n], first=n == 0)]
    rows = np.array([row for row, _ in body], np.int64)
    return Table(name, tuple(header[n] for n in used), tuple(columns[n] for n in used), rows, free_comma, note)


def _has_text(cells: Sequence[Any]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in cells)


def _is_row(cells: Sequence[Any], width: int) -> bool:
    """Whether a line is neither blank nor a comment; a quoted empty cell is a row of a table with one column."""
    if not cells or (width > 1 and len(cells) == 1 and not cells[0]):
        return False
    return not (_is_comment(cells) and (width == 1 or len(cells) != width))  # "#1,left,0" may be participant "#1"


def _is_comment(cells: Sequence[Any]) -> bool:
    return len(cells) > 0 and isinstance(cells[0], str) and cells[0].lstrip().startswith("#")


def _is_filler(name: str, column: np.ndarray, first: bool) -> bool:
    """Whether a column without a name is empty, or contains the row numbers that pandas and R write in front."""
    if name and not name.startswith("Unnamed:"):
        return False
    if all(cell is None for cell in column):
        return True
    counts = [key(cell) for cell in column if cell is not None]
    if not first or len(counts) < len(column) or not all(count.isdecimal() for count in counts):
        return False
    return all(int(b) > int(a) for a, b in itertools.pairwise(counts))
