"""Cells of a text in which every line has the same number of them, as codes of distinct cells, without an object for each cell.

The bytes of a cell are compared as whole numbers of eight bytes each, of which longer cells have several; only distinct cells become text.
"""

from __future__ import annotations

import csv
from collections.abc import Callable

import numpy as np

from trialwise.data.reading.coded import Cell, Coded, Distinct, coded, objects, translated

BYTES = 8
"""Bytes of a number."""
MOST_NUMBERS = 8
"""Cells of a column whose longest has more numbers than this become text at once."""
_BLANK, _NEWLINE = 32, 10
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(BYTES + 1)], np.uint64)
"""A mask of the first bytes of a number, for 0 to 8 of them."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def split_text(
    body: str, separator: str, width: int, height: int, content: Callable[[str], Cell]
) -> list[Coded] | None:
    """The columns of a text of `height` lines, with as many separators as ``height * (width - 1)``.

    Parameters
    ----------
    body
        The text, without a NUL, and without a newline at its end.
    separator
        One ASCII character.
    width, height
        Numbers of columns and rows.
    content
        What a cell contains; not called where it is only the cell itself, without blanks and quotation marks.

    Returns
    -------
    list of Coded
        None if a line has another number of cells, or a cell is longer than a reader of quoted cells allows. Where there are more columns than rows, all share their distinct cells.
    """
    text = body.encode()
    raw = np.frombuffer(text, np.uint8)
    cuts = np.flatnonzero((raw == ord(separator)) | (raw == _NEWLINE))
    bounds = np.concatenate([[-1], cuts, [len(raw)]])
    starts, ends = bounds[:-1].reshape(height, width) + 1, bounds[1:].reshape(height, width)
    if (raw[ends[:-1, -1]] != _NEWLINE).any():
        return None
    inner = height - 1 + (height * (width - 1) if ord(separator) <= _BLANK else 0)
    has_blanks = not body.isascii() or np.count_nonzero(raw <= _BLANK) > inner
    has_marks = '"' in body and (has_blanks or not _without_marks(raw, starts, ends, body.count('"')))
    cells = _Bytes(text, body if body.isascii() else None)
    try:
        if width > height:
            together = cells.column(starts.T.ravel(), ends.T.ravel())
            columns = [Coded(together.distinct, codes) for codes in np.split(together.codes, width)]
        else:
            columns = [cells.column(starts[:, n], ends[:, n]) for n in range(width)]
    except _TooLong:
        return None
    return [translated(column, content) for column in columns] if has_blanks or has_marks else columns


def _without_marks(raw: np.ndarray, starts: np.ndarray, ends: np.ndarray, count: int) -> bool:
    """Move starts and ends inside quotation marks, if each column has them around all its cells or nowhere."""
    mark = ord('"')
    quoted = ends[0] - starts[0] >= 2  # an empty cell at the end of the text starts behind it
    quoted[quoted] = raw[starts[0, quoted]] == mark
    first, last = starts[:, quoted], ends[:, quoted] - 1
    if count != 2 * first.size or (last <= first).any() or (raw[first] != mark).any() or (raw[last] != mark).any():
        return False
    starts[:, quoted] += 1
    ends[:, quoted] -= 1
    return True


class _TooLong(Exception):
    """A cell is longer than a reader of quoted cells allows."""


class _Bytes:
    """A text as bytes, as ASCII characters if it has no others, and the number that begins at each byte."""

    def __init__(self, text: bytes, characters: str | None) -> None:
        self.text, self.characters = text, characters
        padded = text + bytes(BYTES * MOST_NUMBERS)
        self.number_at = np.ndarray(len(padded) - BYTES + 1, "<u8", padded, strides=(1,))

    def column(self, starts: np.ndarray, ends: np.ndarray) -> Coded:
        """The cells from these starts to these ends."""
        lengths = ends - starts
        longest = int(lengths.max())
        if longest > csv.field_size_limit():
            raise _TooLong
        count = -(-longest // BYTES)
        if count > MOST_NUMBERS:
            return coded(self.cells(starts, ends))
        numbers = [
            self.number_at[starts + BYTES * n] & _FIRST_BYTES[np.clip(lengths - BYTES * n, 0, BYTES)]
            for n in range(max(count, 1))
        ]
        codes, first = _factorised(numbers)
        if any((each != each[first][codes]).any() for each in numbers[:-1]):  # unlike cells with the same key
            return coded(self.cells(starts, ends))
        return Coded(Distinct(self.cells(starts[first], ends[first])), codes)

    def cells(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The cells as text, None where empty."""
        places = zip(starts.tolist(), ends.tolist(), strict=True)
        if self.characters is not None:
            return objects([self.characters[start:end] or None for start, end in places])
        return objects([self.text[start:end].decode() or None for start, end in places])


def _factorised(numbers: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Codes of equal cells in the order of their first rows, and these rows; unlike cells of several numbers share a code by a rare chance."""
    import pandas as pd

    key, *others = numbers
    for other in others:
        key = (key ^ (key >> np.uint64(29))) * _FACTOR ^ other
    codes, distinct = pd.factorize(key)
    first = np.empty(len(distinct), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes.astype(np.int64, copy=False), first
