"""Delimited text: cells separated by commas, tabs, semicolons, bars or blanks, in any common encoding."""

from __future__ import annotations

from trialwise.data.reading.file_format import FileFormat
from trialwise.data.reading.table import Table, table_of
from trialwise.data.reading.text import text_records


def read(raw: bytes, name: str) -> Table:
    """Split the lines of the file into cells."""
    records, separator, encoding = text_records(raw, name)
    note = "" if encoding.startswith("utf-8") else f"read as {encoding}"
    return table_of(name, records, free_comma=separator != ",", note=note)


DELIMITED = FileFormat("delimited text", (".csv", ".tsv", ".txt"), None, read)
