"""Rows that were sorted by a number as if it were text: 1, 10, 11, 2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, key, quote
from trialwise.data.reading.coded import Coded

_DIGITS = re.compile(r"\d+", re.ASCII)
LOOKED_AT = 20
"""So many changes of a column show most orders that are not those of text."""


def about_runs(cells: Cells, within: np.ndarray) -> Iterator[str]:
    """A note on blocks or sessions that follow each other as text does.

    Parameters
    ----------
    cells
        The labels of the rows, in the order in which they are read.
    within
        ``int64 (rows,)``: labels of different stretches are not compared, such as those of different participants.
    """
    fall = _first_fall(cells.column, within)
    if fall is not None:
        labels = cells.column.distinct.cells[cells.column.codes[fall : fall + 2]]
        yield (
            f"{cells.where}: {quote(labels[0])} comes before {quote(labels[1])} and the others likewise, as if the rows were sorted by text, and they are "
            "read in this order: is it the order in which they happened? If not, sort the rows by these numbers in a copy of the file"
        )


def about_numbered_rows(columns: Iterable[Cells], within: np.ndarray) -> Iterator[Message]:
    """Notes on columns that number the rows of each stretch, in the order of text; as for :func:`about_runs`."""
    for cells in columns:
        fall = _first_fall(cells.column, within)
        if fall is None:
            continue
        codes = cells.column.codes[within == within[fall]]
        numbers = sorted(int(text) for text in map(key, cells.column.distinct.cells[codes]) if text.isdecimal())
        if len(numbers) == len(codes) and numbers in (list(range(len(codes))), list(range(1, len(codes) + 1))):
            labels = cells.column.distinct.cells[cells.column.codes[fall : fall + 2]]
            yield Message(
                f"{cells.where}: {quote(labels[0])} comes before {quote(labels[1])} and the others likewise, as if the rows were sorted by text, and they "
                "are read in this order: if these are the numbers of the trials, type ", Argument("trial", cells.name),
            )  # fmt: skip


def combined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Labels of all combinations of two kinds of labels, ``int64``."""
    return one * (int(other.max(initial=0)) + 1) + other


def _first_fall(column: Coded, within: np.ndarray) -> int | None:
    """The first row before a smaller number, if the rows are in the order of text wherever the column changes within a stretch."""
    codes = column.codes
    steps = np.flatnonzero((codes[1:] != codes[:-1]) & (within[1:] == within[:-1]))
    cells = column.distinct.cells
    if not len(steps) or any(_text(cells[codes[t + 1]]) < _text(cells[codes[t]]) for t in steps[:LOOKED_AT]):
        return None
    occurring = column.occurring()
    texts = [_text(cell) for cell in cells[occurring]]
    if len({_DIGITS.sub("#", text) for text in texts}) > 1:  # other words than numbers
        return None
    as_text, as_numbers = np.zeros((2, len(cells)), np.int64)
    as_text[occurring] = _ranks(texts)
    as_numbers[occurring] = _ranks([tuple(map(int, _DIGITS.findall(text))) for text in texts])
    before, after = codes[steps], codes[steps + 1]
    falls = steps[as_numbers[after] < as_numbers[before]]
    return int(falls[0]) if len(falls) and (as_text[after] > as_text[before]).all() else None


def _text(cell: object) -> str:
    return "" if cell is None else key(cell)


def _ranks(values: list) -> list[int]:
    rank = {value: n for n, value in enumerate(sorted(set(values)))}
    return [rank[value] for value in values]
