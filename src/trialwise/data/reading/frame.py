"""Conversion of a DataFrame to a table of cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialwise.data.reading.table import Table, plain_cell, table_of
from trialwise.data.reading.text import Record

if TYPE_CHECKING:
    import pandas as pd


def frame_table(frame: pd.DataFrame, name: str) -> Table:
    """Convert a DataFrame to a table; the levels of a named index become columns."""
    import pandas as pd

    if any(level is not None for level in frame.index.names):
        clash = [level for level in frame.index.names if level in frame.columns]
        frame = frame.reset_index() if not clash else frame.reset_index(drop=True)
    header: list[Any] = [" ".join(map(str, c)) if isinstance(c, tuple) else c for c in frame.columns]
    columns = []
    levels = {}
    for n in range(frame.shape[1]):
        series = frame.iloc[:, n]
        if isinstance(series.dtype, pd.CategoricalDtype):
            levels[str(header[n]).strip()] = tuple(plain_cell(label) for label in series.cat.categories)
        absent = series.isna().to_numpy(bool)
        columns.append(
            [None if skip else plain_cell(cell) for cell, skip in zip(series.astype(object), absent, strict=True)]
        )
    records = ((row, cells) for row, cells in enumerate(zip(*columns, strict=True), 2))
    return replace(table_of(name, _chain((1, header), records)), levels=levels)


def _chain(first: Record, rest: Iterable[Record]) -> Iterator[Record]:
    yield first
    yield from rest
