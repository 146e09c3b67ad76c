"""Text tables of any flavour: from bytes to rows of cells, whatever the encoding, the separator and the comments."""

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
"""Files that are often given but are not tables of text, by suffix."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip

Record = tuple[int, Sequence[Any]]
"""The row in the file, counted from 1, and its cells."""


def refused(name: str, code: str, message: str, remedy: str, rows: Sequence[int] = ()) -> DataError:
    """The error for a file that cannot be opened as a table."""
    return DataError([Problem(code, name, message, remedy, rows)])


def text_records(raw: bytes, name: str) -> tuple[Iterator[Record], str, str]:
    """Cut the bytes of a text table into rows of cells.

    Returns
    -------
    records
        The rows, cut as they are asked for.
    separator
        What stands between the cells; ``" "`` for any run of blanks.
    encoding
        The encoding it was read with.

    Raises
    ------
    DataError
        If it is not text; while the records are cut, if quotation marks do not match.
    """
    text, encoding = _decoded(raw, name)
    separator = _separator(text)
    if separator == " ":
        text = "\n".join(" ".join(line.split()) for line in _lines(text))
    return _records(text, separator, name), separator, encoding


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
        message = f"is a {kind} file, not a table of text" if kind else "is not text: it holds NUL or undefined bytes"
        rows = [] if kind or text is None else [n for n, line in enumerate(_lines(text), 1) if "\0" in line]
        raise refused(name, "not-text", message, "export the table as CSV, UTF-8", rows)
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
    """The separator that cuts the header into most cells and the other lines into as many; a blank if none does."""
    lines = [line for line in _lines(text[:200_000])[:200] if line.strip() and not line.lstrip().startswith("#")]

    def count(line: str, separator: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=separator, skipinitialspace=True)))
        except (csv.Error, StopIteration):
            return 0

    def merit(separator: str) -> tuple[bool, int]:
        counts = [count(line, separator) for line in lines]
        fitting = sum(n in (counts[0], counts[0] + 1) for n in counts)  # + 1: R writes row names without a heading
        return fitting >= 0.5 * len(counts), counts[0]

    if not lines:
        return ","
    best = max(SEPARATORS, key=merit)
    if count(lines[0], best) > 1:
        return best
    cut = [len(line.split()) for line in lines]
    return " " if cut[0] > 1 and all(n in (cut[0], cut[0] + 1) for n in cut) else ","


def _records(text: str, separator: str, name: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    start = 1
    try:
        for record in reader:
            yield start, record
            start = reader.line_num + 1
    except csv.Error as error:
        message = f"cannot be cut into cells: {error}"
        remedy = "look there for a quotation mark that opens or closes only once"
        raise refused(name, "damaged-file", message, remedy, [start]) from None
