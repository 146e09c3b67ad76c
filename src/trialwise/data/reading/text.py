"""Tables in text files: detection of encoding and separator, and splitting into rows of cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trialwise.base.errors import DataError, Problem

SEPARATORS = (",", "\t", ";", "|")
FOREIGN = {
    ".mat": "MATLAB", ".sav": "SPSS", ".rds": "R", ".rda": "R", ".rdata": "R", ".json": "JSON", ".xls": "old Excel",
    ".ods": "OpenDocument", ".npy": "NumPy", ".npz": "NumPy", ".pkl": "pickle", ".edf": "EDF", ".zip": "zip",
}  # fmt: skip
"""Common files that are not text tables: the name of the format, by suffix."""

_NETCDF = (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip

MOST_CELLS = 100_000
"""A line with more cells is no row of a table; each would become a column."""

Record = tuple[int, Sequence[Any]]
"""A row's position in the file, counted from 1, and its cells."""


def file_error(name: str, code: str, message: str, remedy: str, rows: Sequence[int] = ()) -> DataError:
    """An error for a file that cannot be opened as a table."""
    return DataError([Problem(code, name, message, remedy, rows)])


def decoded(raw: bytes, name: str) -> tuple[str, str, str]:
    """Decode the bytes of a text table.

    Returns
    -------
    text
        The text; where any number of blanks separates cells, with a single blank between them.
    separator
        The character between the cells.
    encoding
        The encoding used.

    Raises
    ------
    DataError
        If the bytes are not text.
    """
    text, encoding = _decoded(raw, name)
    separator = _separator(text)
    if separator == " ":
        text = "\n".join(" ".join(line.split()) for line in _lines(text))
    return text, separator, encoding


def check_width(separators: int, name: str, row: int) -> None:
    """Refuse a row with too many separators, before it is split."""
    if separators >= MOST_CELLS:
        message = f"a row has more than {MOST_CELLS} cells"
        remedy = "export the table again, with one row per trial and a line for each row"
        raise file_error(name, "too-many-columns", message, remedy, [row])


def _decoded(raw: bytes, name: str) -> tuple[str, str]:
    text, encoding = None, ""
    for encoding in _encodings(raw):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None or "\0" in text:
        kind = FOREIGN.get(Path(name).suffix.lower())
        if kind is None and raw.startswith(_NETCDF):
            message = "is a netCDF or HDF5 file, not a table"
            remedy = "if it is a saved fit, it is read by load(...) and trialwise diagnose; its data are in its attribute trials"
            raise file_error(name, "not-text", message, remedy)
        message = f"is a {kind} file, not a text table" if kind else "is not text: it contains NUL or undefined bytes"
        rows = [] if kind or text is None else [n for n, line in enumerate(_lines(text), 1) if "\0" in line]
        raise file_error(name, "not-text", message, "export the table as CSV, UTF-8", rows)
    return text, encoding


def _encodings(raw: bytes) -> tuple[str, ...]:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return (encoding,)
    sample = raw[:4096]
    if sample and len(raw) % 2 == 0 and max(sample[::2].count(0), sample[1::2].count(0)) > 0.4 * len(sample) / 2:
        return ("utf-16-le",) if sample[1::2].count(0) > sample[::2].count(0) else ("utf-16-be",)
    return "utf-8", "cp1252"


def _lines(text: str) -> list[str]:
    return re.split("\r\n|\r|\n", text)  # str.splitlines would also cut at form feeds and Unicode separators


def _separator(text: str) -> str:
    """The separator that gives the header the most cells and most other lines as many; a blank if none does."""
    lines = [line for line in _lines(text[:200_000])[:200] if line.strip() and not line.lstrip().startswith("#")]

    def count(line: str, separator: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=separator, skipinitialspace=True)))
        except (csv.Error, StopIteration):
            return 0

    def score(separator: str) -> tuple[bool, int]:
        counts = [count(line, separator) for line in lines]
        matching = sum(n in (counts[0], counts[0] + 1) for n in counts)  # + 1: R writes row names without a heading
        return matching >= 0.5 * len(counts), counts[0]

    if not lines:
        return ","
    best = max(SEPARATORS, key=score)
    if count(lines[0], best) > 1:
        return best
    words = [len(line.split()) for line in lines]
    return " " if words[0] > 1 and all(n in (words[0], words[0] + 1) for n in words) else ","


def text_records(text: str, separator: str, name: str) -> Iterator[Record]:
    """Split a text into rows of cells, each row when it is requested.

    Raises
    ------
    DataError
        From the iterator, if quotation marks do not match.
    """
    start, separators = 1, 0

    def lines() -> Iterator[str]:
        nonlocal separators
        for line in io.StringIO(text, newline=""):
            separators += line.count(separator)
            check_width(separators, name, start)
            yield line

    reader = csv.reader(lines(), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for record in reader:
            yield start, record
            start, separators = reader.line_num + 1, 0
    except csv.Error as error:
        message = f"cannot be split into cells: {error}"
        remedy = "look there for an unmatched quotation mark"
        raise file_error(name, "damaged-file", message, remedy, [start]) from None
