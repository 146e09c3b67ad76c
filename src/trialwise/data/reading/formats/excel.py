"""Excel workbooks (.xlsx): the first sheet."""

from __future__ import annotations

import io
from pathlib import Path

from trialwise.data.reading.cells import quote
from trialwise.data.reading.coded import plain_cell
from trialwise.data.reading.file_format import FileFormat, require_package
from trialwise.data.reading.table import Table, table_of
from trialwise.data.reading.text import FOREIGN, file_error


def read(raw: bytes, name: str) -> Table:
    """Read the cells of the first sheet."""
    if b"xl/" not in raw:
        kind = FOREIGN.get(Path(name).suffix.lower(), "zip")
        raise file_error(name, "not-text", f"is a {kind} file, not a table", "unpack it, or export the table as CSV")
    require_package("openpyxl", name, "an Excel file")
    import openpyxl  # type: ignore[import-untyped, unused-ignore]

    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        records = [
            (n, [plain_cell(cell) for cell in cells]) for n, cells in enumerate(sheet.iter_rows(values_only=True), 1)
        ]
    except Exception as error:
        message = f"openpyxl cannot read it: {type(error).__name__}: {quote(str(error), 200)}"
        raise file_error(name, "damaged-file", message, "save it again from Excel, or export it as CSV") from None
    note = f"first sheet {sheet.title!r} of {len(book.worksheets)}" if len(book.worksheets) > 1 else ""
    return table_of(name, iter(records), note=note)


EXCEL = FileFormat("Excel", (".xlsx",), lambda raw: raw[:4] == b"PK\x03\x04", read)
