"""Conversion of a DataFrame to a table of cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.data.reading.coded import Coded, coded, coded_columns, from_codes, objects, plain_cell, translated
from trialwise.data.reading.table import Table, is_header, table_of, table_of_columns

if TYPE_CHECKING:
    import pandas as pd


def frame_table(frame: pd.DataFrame, name: str) -> Table:
    """Convert a DataFrame to a table; the levels of a named index become columns."""
    import pandas as pd

    if any(level is not None for level in frame.index.names):
        clash = [level for level in frame.index.names if level in frame.columns]
        frame = frame.reset_index() if not clash else frame.reset_index(drop=True)
    header: list[Any] = [" ".join(map(str, c)) if isinstance(c, tuple) else c for c in frame.columns]
    series = [frame.iloc[:, n] for n in range(frame.shape[1])]
    names = [str(each).strip() for each in header]
    levels = {
        own: tuple(plain_cell(label) for label in each.cat.categories)
        for own, each in zip(names, series, strict=True)
        if isinstance(each.dtype, pd.CategoricalDtype)
    }
    if len(header) > len(frame):
        columns = coded_columns([_plain_cells(each) for each in series])
    else:
        columns = [_coded(each) for each in series]
    if len(header) < 2 or not is_header(header):
        rows = zip(*(column.values for column in columns), strict=True)
        table = table_of(name, iter([(1, header), *enumerate(rows, 2)]))
    else:
        names = ["" if own is None else given for own, given in zip(header, names, strict=True)]
        table = table_of_columns(name, names, columns, _rows(frame))
    return replace(table, levels=levels)


def _rows(frame: pd.DataFrame) -> np.ndarray:
    """The rows of the file that a table was read from by pandas, ``int64 (rows,)``: after a header, and numbered by the index still."""
    import pandas as pd

    index = frame.index
    numbered = pd.api.types.is_integer_dtype(index.dtype) and index.is_monotonic_increasing and index.is_unique
    counts = numbered and len(index) > 0 and index[0] >= 0
    return (index.to_numpy(np.int64) if counts else np.arange(len(frame), dtype=np.int64)) + 2


def _coded(series: pd.Series) -> Coded:
    """A column of cells; of text, labels, whole numbers and truth values each distinct one is looked at once."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return from_codes(series.cat.codes.to_numpy(), series.cat.categories.tolist())
    if isinstance(series.dtype, pd.StringDtype) or series.dtype.kind in "iub":
        codes, cells = pd.factorize(series)
        return from_codes(codes, cells.tolist())
    values = _or_none(series)
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        return translated(coded(values), plain_cell)
    return coded(_plain_cells(series))


def _plain_cells(series: pd.Series) -> np.ndarray:
    """The cells, ``object (rows,)``."""
    values = _or_none(series)
    if series.dtype in (np.float32, np.float64):
        return values  # these are Python's own numbers already
    return objects([plain_cell(cell) for cell in values])


def _or_none(series: pd.Series) -> np.ndarray:
    values = np.array(series.astype(object), object)
    values[series.isna().to_numpy(bool)] = None
    return values
