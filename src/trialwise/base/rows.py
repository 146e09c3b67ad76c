"""A small table of text for the command line, notebooks and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialwise.base.rounding import figure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rows:
    """A table for printing: all cells are text, and all rows have the length of the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        widths = [max(map(len, cells)) for cells in zip(self.header, *self.rows, strict=True)]
        lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in (self.header, *self.rows)]
        return "\n  ".join([self.title, *lines])


def rows_of(title: str, frame: pd.DataFrame, names: Mapping[str, str] | None = None, index: str = "") -> Rows:
    """A frame as text, its numbers rounded for reading.

    Parameters
    ----------
    title
        Of the table.
    frame
        Its index comes first, unless it only counts the rows and has no name.
    names
        Columns that are shown, and how they are called; all by their own names if not given.
    index
        Heading of the index.
    """
    names = {str(column): str(column) for column in frame.columns} if names is None else names
    columns = [column for column in frame.columns if str(column) in names]
    columns.sort(key=lambda column: list(names).index(str(column)))
    body = [
        tuple(figure(str(column), value) for column, value in zip(columns, values, strict=True))
        for values in frame[columns].to_numpy(object)
    ]
    header = tuple(names[str(column)] for column in columns)
    if counts_rows(frame):
        return Rows(title, header, tuple(body))
    labelled = ((_label(label), *cells) for label, cells in zip(frame.index, body, strict=True))
    return Rows(title, (index, *header), tuple(labelled))


def counts_rows(frame: pd.DataFrame) -> bool:
    """Whether the index of a frame says no more than the number of each row."""
    import pandas as pd

    return isinstance(frame.index, pd.RangeIndex) and frame.index.name is None


def _label(label: object) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)
