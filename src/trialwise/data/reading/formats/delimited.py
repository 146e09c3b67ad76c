"""Text with a separator between cells: CSV, TSV, semicolons, bars or blanks, any common encoding."""

from __future__ import annotations

from trialwise.data.reading.file_format import FileFormat
from trialwise.data.reading.table import Table, table_of
from trialwise.data.reading.text import text_records


def read(raw: bytes, name: str) -> Table:
    """The lines of the file, cut into cells."""
    records, separator, encoding = text_records(raw, name)
    note = "" if encoding.startswith("utf-8") else f"read as {encoding}"
    return table_of(name, records, free_comma=separator != ",", note=note)


DELIMITED = FileFormat("delimited text", (".csv", ".tsv", ".txt"), None, read)
