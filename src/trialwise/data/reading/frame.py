"""Conversion of a DataFrame to a table of cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.data.reading.coded import Coded, coded, from_codes, objects, plain_cell, translated
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
        columns = _wide_columns(frame)
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
    values = np.array(series.astype(object), object)
    values[series.isna().to_numpy(bool)] = None
    return _coded_cells(values, series.dtype in (np.float32, np.float64))


def _wide_columns(frame: pd.DataFrame) -> list[Coded]:
    """The columns of a frame with more columns than rows, which share their distinct cells."""
    values = np.array(frame.astype(object), object)
    values[frame.isna().to_numpy(bool)] = None
    together = _coded_cells(values.T.ravel(), all(dtype in (np.float32, np.float64) for dtype in frame.dtypes))
    return [Coded(together.distinct, codes) for codes in np.split(together.codes, frame.shape[1])]


def _coded_cells(values: np.ndarray, is_plain: bool) -> Coded:
    """A column of cells of any kind, None where empty; `is_plain` if they are Python's own numbers already."""
    import pandas as pd

    if is_plain:
        return coded(values)
    if pd.api.types.infer_dtype(values, skipna=True) in ("string", "integer", "boolean"):
        return translated(coded(values), plain_cell)
    return coded(objects([plain_cell(cell) for cell in values]))
