"""A table as read from a file: its header, its cells and the position of each row, without any interpretation."""

from __future__ import annotations

import operator
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from trialwise.base.errors import DataError
from trialwise.data.reading.cells import Cells, key, quote
from trialwise.data.reading.coded import Coded, are_all, coded_columns, objects, plain_cell
from trialwise.data.reading.description import Description
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
        The cells of each column.
    rows
        ``int64 (rows,)``: the position of each row in the file, counted from 1.
    free_comma
        Whether a comma may be a decimal comma, because the cells are separated by another character.
    levels
        Labels in order of the columns that bring their own, such as a Categorical of pandas, by name.
    described
        What a sidecar says of columns, by name.
    sources
        The columns of the file from which a column was made, by its name; only of columns that were made.
    note
        An assumption made when opening the file, e.g. ``"read as cp1252"``; may be empty.
    """

    name: str
    header: tuple[str, ...]
    columns: tuple[Coded, ...]
    rows: np.ndarray
    free_comma: bool = False
    note: str = ""
    levels: Mapping[str, tuple[Hashable, ...]] = field(default_factory=dict)
    described: Mapping[str, Description] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def column(self, name: str, how: str) -> Cells:
        """The first column of that name; ``how`` it was identified is stated in the mapping."""
        values = self.columns[self.header.index(name)]
        text = self.described[name].text if name in self.described else ""
        how += f"; {quote(text, 60)}" if text else ""
        own = self.sources.get(name) or (name,)
        how = "expand" if name in self.sources else how
        columns = f"column{'' if len(own) == 1 else 's'} {' and '.join(map(quote, own))}"
        where, source = f"{self.name}, {columns}", f"{columns} ({how})"
        return Cells(values, self.rows, name, where, source, self.has_decimal_comma([values]), sources=own)

    def keep(self, rows: np.ndarray) -> Table:
        """The same table with some of its rows, by a mask or by indices."""
        if are_all(rows, len(self.rows)):
            return self
        return replace(self, columns=tuple(column[rows] for column in self.columns), rows=self.rows[rows])

    def has_decimal_comma(self, columns: Sequence[Coded]) -> bool:
        """Whether these columns contain numbers with a decimal comma, and none with a decimal point."""
        occurring = (column.distinct.cells[column.occurring()] for column in columns if self.free_comma)
        cells = [cell for some in occurring for cell in some if isinstance(cell, str)]
        return any(map(_COMMA_CELL.fullmatch, cells)) and not any(map(_POINT_CELL.fullmatch, cells))


def table_of(name: str, records: Iterator[Record], *, free_comma: bool = False, note: str = "") -> Table:
    """Build a table from its rows, without comment lines, blank lines, empty trailing columns and leading row numbers.

    Raises
    ------
    DataError
        If there is no header or no row below it, or a row has more cells than the header.
    """
    first = next((record for record in records if is_header(record[1])), None)
    if first is None:
        raise file_error(name, "empty-table", "is empty", "expected a header row with names, then one row per trial")
    header = ["" if cell is None else str(cell).strip() for cell in first[1]]
    width = len(header)
    body = [(row, [plain_cell(cell) for cell in cells]) for row, cells in records if _is_row(cells, width)]
    if not any(_has_text(cells) for _, cells in body):
        raise _only_a_header(name)
    if len(body[0][1]) == width + 1 and all(len(cells) == width + 1 for _, cells in body):
        header = ["", *header]
        width += 1
    ragged = [(row, cells) for row, cells in body if _has_text(cells[width:])]
    if ragged:
        message = f"a row has {len(ragged[0][1])} cells where the header row has {width}"
        remedy = "put cells that contain the separator into quotation marks (a decimal comma between commas?)"
        raise file_error(name, "ragged-rows", message, remedy, [row for row, _ in ragged])
    columns = [objects([cells[n] if n < len(cells) else None for _, cells in body]) for n in range(width)]
    rows = np.array([row for row, _ in body], np.int64)
    return table_of_columns(name, header, coded_columns(columns), rows, free_comma=free_comma, note=note)


def table_of_columns(
    name: str,
    header: Sequence[str],
    columns: Sequence[Coded],
    rows: np.ndarray,
    *,
    free_comma: bool = False,
    note: str = "",
) -> Table:
    """Build a table from its columns, without empty trailing columns and leading row numbers.

    Raises
    ------
    DataError
        If all cells are empty.
    """
    if all(column.empty.all() for column in columns):
        raise _only_a_header(name)
    used = [n for n in range(len(header)) if not _is_filler(header[n], columns[n], first=n == 0)]
    return Table(name, tuple(header[n] for n in used), tuple(columns[n] for n in used), rows, free_comma, note)


def is_header(cells: Sequence[object]) -> bool:
    """Whether a row may be the header row: it has text and is no comment."""
    return _has_text(cells) and not _is_comment(cells)


def _only_a_header(name: str) -> DataError:
    return file_error(name, "empty-table", "contains only a header row", "expected one row per trial below it")


def _has_text(cells: Sequence[object]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in cells)


def _is_row(cells: Sequence[Any], width: int) -> bool:
    """Whether a line is neither blank nor a comment; a quoted empty cell is a row of a table with one column."""
    if not cells or (width > 1 and len(cells) == 1 and not cells[0]):
        return False
    return not (_is_comment(cells) and (width == 1 or len(cells) != width))  # "#1,left,0" may be participant "#1"


def _is_comment(cells: Sequence[object]) -> bool:
    return len(cells) > 0 and isinstance(cells[0], str) and cells[0].lstrip().startswith("#")


def _is_filler(name: str, column: Coded, first: bool) -> bool:
    """Whether a column without a name is empty, or contains the row numbers that pandas and R write in front."""
    if name and not name.startswith("Unnamed:"):
        return False
    empty = column.empty
    if empty.all():
        return True
    if not first or empty.any():
        return False
    counts = [cell if isinstance(cell, str) and cell.isdecimal() else key(cell) for cell in column.values]
    if not all(count.isdecimal() for count in counts):
        return False
    numbers = list(map(int, counts))
    return all(map(operator.lt, numbers, numbers[1:]))
