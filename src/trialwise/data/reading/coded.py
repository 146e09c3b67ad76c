"""A column as codes of its distinct cells: whatever depends on a cell alone is computed once for each of them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import cast

import numpy as np

type Cell = str | float | bool | None
"""A cell of a table; whole numbers are int."""


class Distinct:
    """The distinct cells of one or more columns.

    Attributes
    ----------
    cells
        ``object (distinct,)``: str, int, float, bool or None; cells are the same if their type and value are.
    """

    def __init__(self, cells: np.ndarray) -> None:
        self.cells = cells
        self._results: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def empty(self) -> np.ndarray:
        """Which of the cells are empty, ``bool (distinct,)``."""
        return np.array([cell is None for cell in self.cells], bool)

    def once[Result](self, purpose: Hashable, compute: Callable[[], Result]) -> Result:
        """What `compute` returned when it was first called for this purpose."""
        if purpose not in self._results:
            self._results[purpose] = compute()
        return cast("Result", self._results[purpose])


class Coded:
    """A column of cells.

    Attributes
    ----------
    distinct
        The cells that may occur in it.
    codes
        ``int64 (rows,)``: the index among them of the cell of each row.
    """

    def __init__(self, distinct: Distinct, codes: np.ndarray) -> None:
        self.distinct, self.codes = distinct, codes

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: np.ndarray | slice) -> Coded:
        """The column at some rows, by a mask, indices or a slice."""
        return Coded(self.distinct, self.codes[rows])

    @cached_property
    def values(self) -> np.ndarray:
        """The cells, ``object (rows,)``."""
        return self.distinct.cells[self.codes]

    @property
    def empty(self) -> np.ndarray:
        """Which of the rows are empty, ``bool (rows,)``."""
        return self.distinct.empty[self.codes]

    def occurring(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Codes that occur, in all rows or in those of a mask, in ascending order."""
        codes = self.codes if rows is None else self.codes[rows]
        if 10 * len(codes) < len(self.distinct):
            return np.unique(codes)
        return np.flatnonzero(np.bincount(codes, minlength=len(self.distinct)))

    def tally(self, rows: np.ndarray | None = None) -> list[tuple[Cell, int]]:
        """The cells that occur, in all rows or in those of a mask, in the order of their first rows, and how often they do."""
        codes = self.codes if rows is None else self.codes[rows]
        if not len(codes):
            return []
        import pandas as pd

        indices, first = pd.factorize(codes)
        counts = np.bincount(indices, minlength=len(first))
        return list(zip(self.distinct.cells[first].tolist(), counts.tolist(), strict=True))


def coded(values: np.ndarray) -> Coded:
    """A column of these cells, ``object (rows,)``."""
    indices, cells = _factorised(values)
    return Coded(Distinct(cells), indices)


def from_codes(codes: np.ndarray, cells: Sequence[object]) -> Coded:
    """A column of the cells of any library with these codes, where -1 is an empty cell."""
    rows = np.where(codes < 0, len(cells), codes).astype(np.int64)
    return translated(Coded(Distinct(objects([*cells, None])), rows), plain_cell)


def coded_columns(columns: Sequence[np.ndarray]) -> list[Coded]:
    """Columns of the same length; where there are more of them than rows, all share their distinct cells."""
    if not columns or len(columns) <= len(columns[0]):
        return [coded(values) for values in columns]
    together = coded(np.concatenate(columns))
    return [Coded(together.distinct, codes) for codes in np.split(together.codes, len(columns))]


def joined(columns: Sequence[Coded]) -> Coded:
    """One column below the other."""
    distinct = columns[0].distinct
    if all(column.distinct is distinct for column in columns):
        return Coded(distinct, np.concatenate([column.codes for column in columns]))
    return coded(np.concatenate([column.values for column in columns]))


def translated(column: Coded, translate: Callable[..., Cell]) -> Coded:
    """The column with every cell translated; cells that become the same share a code."""

    def compute() -> Coded:
        before = column.distinct.cells.tolist()
        after = [translate(cell) for cell in before]
        if all(map(operator.is_, before, after)):
            return Coded(column.distinct, np.arange(len(after)))
        return coded(objects(after))

    of_distinct = column.distinct.once(translate, compute)
    return of_distinct[column.codes]


def plain_cell(cell: object) -> Cell:
    """Convert a cell from any library to text, int, float, bool or None."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, str):
        return cell.strip() or None
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, int) and abs(cell) >= 2**63:
        return hex(cell)  # not a measurement, and Python refuses to print very large numbers in decimal
    return cell if isinstance(cell, int | float) else str(cell)


def are_all(rows: np.ndarray, count: int) -> bool:
    """Whether a mask or indices select all of ``count`` rows in their order."""
    return bool(rows.all()) if rows.dtype == bool else np.array_equal(rows, np.arange(count))


def objects(values: Sequence[object]) -> np.ndarray:
    """An array of Python objects, ``object (values,)``, whatever they are."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _factorised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and distinct cells; 1, 1.0 and True are equal in Python, as are 0.0 and -0.0, but different cells."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("string", "integer", "boolean"):
        codes, cells = pd.factorize(values)
    elif kind == "floating":
        present = np.array([cell is not None for cell in values], bool)
        codes = np.full(len(values), -1, np.int64)
        codes[present], bits = pd.factorize(values[present].astype(np.float64).view(np.int64))
        cells = objects(bits.view(np.float64).tolist())
    else:
        known: dict[tuple[type, str], int] = {}
        codes = np.array([known.setdefault((type(cell), repr(cell)), len(known)) for cell in values], np.int64)
        first = np.full(len(known), len(values))
        np.minimum.at(first, codes, np.arange(len(values)))
        return codes, values[first]
    if (codes < 0).any():  # pandas gives no code to None
        codes = np.where(codes < 0, len(cells), codes)
        cells = np.append(cells, objects([None]))
    return codes.astype(np.int64, copy=False), np.asarray(cells, object)
