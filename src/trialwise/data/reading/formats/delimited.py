"""Delimited text: cells separated by commas, tabs, semicolons, bars or blanks, in any common encoding."""

from __future__ import annotations

import numpy as np

from trialwise.data.reading.file_format import FileFormat
from trialwise.data.reading.table import Table, table_of, table_of_columns
from trialwise.data.reading.text import decoded, text_records
from trialwise.data.reading.text_columns import text_columns


def read(raw: bytes, name: str) -> Table:
    """Split the lines of the file into cells."""
    text, separator, encoding = decoded(raw, name)
    note = "" if encoding.startswith("utf-8") else f"read as {encoding}"
    clean = text_columns(text, separator, name)
    if clean is None:
        return table_of(name, text_records(text, separator, name), free_comma=separator != ",", note=note)
    rows = np.arange(len(clean.columns[0]), dtype=np.int64) + clean.first_row
    return table_of_columns(name, clean.header, clean.columns, rows, free_comma=separator != ",", note=note)


DELIMITED = FileFormat("delimited text", (".csv", ".tsv", ".txt"), None, read)
