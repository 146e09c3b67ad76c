"""Columns of a text table with one row a line and the same number of cells in each: most files, split as a whole.

A table is clean if every line has as many separators as the first below the header, and every quotation mark stands at an end of a cell
between separators, with its partner at the other end. Then no quotation mark holds a separator or the end of a line, and splitting there
gives what a reader of quoted cells gives; other tables are left to that reader.
"""

from __future__ import annotations

from typing import NamedTuple

from trialwise.data.reading.coded import Coded
from trialwise.data.reading.split_text import split_text
from trialwise.data.reading.table import is_header
from trialwise.data.reading.text import check_width


class CleanText(NamedTuple):
    """A header, columns of cells, and the row of the file of their first cells, counted from 1."""

    header: list[str]
    columns: list[Coded]
    first_row: int


def text_columns(text: str, separator: str, name: str) -> CleanText | None:
    """The columns of a clean table; None for any other.

    Raises
    ------
    DataError
        If the header has too many names.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        header, start, above = _header(text, separator, name)
        body = text[start:].rstrip("\n")
        width, height = body.partition("\n")[0].count(separator) + 1, body.count("\n") + 1
        extra = width - len(header)  # pandas and R write row numbers in front, R without a name for them
        if min(width, len(header)) < 2 or extra not in (0, 1) or body.count(separator) != height * (width - 1):
            return None
        columns = split_text(body, separator, width, height, _content)
        if columns is None:
            return None
        if extra and "#" in body and any(str(cell).startswith("#") for cell in columns[0].distinct.cells):
            return None  # a line with another number of cells than the header may be a comment
        return CleanText([""] * extra + header, columns, above + 1)
    except _Unclean:
        return None


class _Unclean(Exception):
    """The table is not clean."""


def _header(text: str, separator: str, name: str) -> tuple[list[str], int, int]:
    """The header's names, where the next line starts, and the number of lines above that."""
    start, above = 0, 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        check_width(text.count(separator, start, end), name, above + 1)
        cells = [_content(cell) for cell in text[start:end].split(separator)]
        start, above = end + 1, above + 1
        if is_header(cells):
            return ["" if cell is None else cell for cell in cells], start, above
    raise _Unclean


def _content(cell: str | None) -> str | None:
    """A cell without blanks around it and quotation marks at its ends."""
    if cell is None:
        return None
    if '"' in cell:
        cell = cell.lstrip(" ")
        if len(cell) < 2 or not cell[0] == cell[-1] == '"' or cell.count('"') > 2:
            raise _Unclean
        cell = cell[1:-1]
    return cell.strip() or None
