"""A DataFrame as a table of cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trialwise.data.reading.table import Table, plain_cell, table_of
from trialwise.data.reading.text import Record

if TYPE_CHECKING:
    import pandas as pd


def frame_table(frame: pd.DataFrame, name: str) -> Table:
    """The table that a DataFrame is; an index with names becomes columns."""
    if any(level is not None for level in frame.index.names):
        clash = [level for level in frame.index.names if level in frame.columns]
        frame = frame.reset_index() if not clash else frame.reset_index(drop=True)
    header: list[Any] = [" ".join(map(str, c)) if isinstance(c, tuple) else c for c in frame.columns]
    columns = []
    for n in range(frame.shape[1]):
        series = frame.iloc[:, n]
        gone = series.isna().to_numpy(bool)
        columns.append(
            [None if out else plain_cell(cell) for cell, out in zip(series.astype(object), gone, strict=True)]
        )
    records = ((row, cells) for row, cells in enumerate(zip(*columns, strict=True), 2))
    return table_of(name, _chain((1, header), records))


def _chain(first: Record, rest: Iterable[Record]) -> Iterator[Record]:
    yield first
    yield from rest
