"""Excel workbooks (.xlsx): the first sheet."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from trialwise.base.errors import TrialwiseError
from trialwise.base.unpacking import check_size, limit
from trialwise.data.reading.cells import quote
from trialwise.data.reading.coded import Cell, plain_cell
from trialwise.data.reading.file_format import FileFormat, require_package
from trialwise.data.reading.table import Table, table_of
from trialwise.data.reading.text import FOREIGN, Record, file_error
from trialwise.data.reading.workbook_parts import last_rows

BYTES_OF_ROW, BYTES_OF_CELL = 200, 8
"""A row takes so many bytes, and so many for each place up to its last cell, filled or not; a text, one for each character besides."""


def read(raw: bytes, name: str) -> Table:
    """Read the cells of the first sheet."""
    if b"xl/" not in raw:
        kind = FOREIGN.get(Path(name).suffix.lower(), "zip")
        raise file_error(name, "not-text", f"is a {kind} file, not a table", "unpack it, or export the table as CSV")
    require_package("openpyxl", name, "an Excel file")
    import openpyxl  # type: ignore[import-untyped, unused-ignore]

    try:
        last = last_rows(raw, name)
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        _check_size(BYTES_OF_ROW * last.get(sheet._worksheet_path, 0), len(raw), name)
        sheet.reset_dimensions()  # what a sheet says of its size may be wrong
        records = _records(sheet.iter_rows(values_only=True), len(raw), name)
    except TrialwiseError:
        raise
    except Exception as error:
        message = f"openpyxl cannot read it: {type(error).__name__}: {quote(str(error), 200)}"
        raise file_error(name, "damaged-file", message, "save it again from Excel, or export it as CSV") from None
    note = f"first sheet {sheet.title!r} of {len(book.worksheets)}" if len(book.worksheets) > 1 else ""
    return table_of(name, iter(records), note=note)


def _records(rows: Iterable[tuple[object, ...]], packed: int, name: str) -> list[Record]:
    """All rows, of the same length; a single cell in the last corner of a sheet would make them 130 GB."""
    records: list[list[Cell]] = []
    size, width = 0, 0
    for row in rows:
        size += BYTES_OF_ROW + BYTES_OF_CELL * len(row) + sum(len(cell) for cell in row if isinstance(cell, str))
        _check_size(size, packed, name)  # before cells are translated, each of which would have a copy of the same text
        cells = [None if cell is None else plain_cell(cell) for cell in row]
        while cells and cells[-1] is None:
            del cells[-1]
        records.append(cells)
        width = max(width, len(cells))
        _check_size(BYTES_OF_CELL * len(records) * width, packed, name)
    return [(number, cells + [None] * (width - len(cells))) for number, cells in enumerate(records, 1)]


def _check_size(size: int, packed: int, name: str) -> None:
    """Refuse a sheet of which so many bytes have been counted, if these are too many."""
    if size > (most := limit(packed)):
        by_hand = "clear the cells far from the table, or export it as CSV"
        check_size(name, packed, most + 1, by_hand, is_all=False)


EXCEL = FileFormat("Excel", (".xlsx",), lambda raw: raw[:4] == b"PK\x03\x04", read)
