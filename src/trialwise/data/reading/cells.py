"""Cells: a column of a table, and its translation into numbers, labels and flags.

A cell is text, a number, a truth value or None (empty). No function here raises: each translation returns a mask of the
cells that it could not translate, so that all of them can be reported together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trialwise.data.reading.coded import Coded, Distinct, objects

MISSING = ("NA", "N/A", "#N/A", "<NA>", "NaN", "None", "null", ".", "-999")
"""Codes of missing values in addition to an empty cell, regardless of case."""

type MissingCodes = Collection[Hashable] | Mapping[str, Collection[Hashable]]
"""Codes of missing values in addition to :data:`MISSING`: in all columns, or by the name of the column."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})([.,]0+)?", re.ASCII)  # no leading zeros: "007" is text
_REAL = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of cells and its position in the file.

    Attributes
    ----------
    column
        The cells.
    rows
        ``int64 (cells,)``: the row of each cell in the file (header = row 1).
    name
        The name of the column, or that of the role if the file contains one role.
    where
        The position for messages, e.g. ``"trials.csv, column 'choice'"``.
    source
        The source for the mapping, e.g. ``"column 'choice' (recognised)"``.
    comma
        Whether numbers may be written with a decimal comma.
    participants
        Label of each cell's participant for tables with participants in columns, otherwise None.
    sources
        The columns of the file that the cells come from, if they were made from others; otherwise it is the name.
    """

    column: Coded
    rows: np.ndarray
    name: str
    where: str
    source: str
    comma: bool = False
    participants: np.ndarray | None = None
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.column)

    @property
    def values(self) -> np.ndarray:
        """The cells, ``object (cells,)``: str, int, float, bool or None."""
        return self.column.values

    @property
    def in_file(self) -> tuple[str, ...]:
        """The columns of the file, by which codes of missing values are declared."""
        return self.sources or (self.name,)

    def at(self, index: np.ndarray) -> Cells:
        """Select cells by index, in the order of the indices."""
        participants = None if self.participants is None else self.participants[index]
        return replace(self, column=self.column[index], rows=self.rows[index], participants=participants)


def quote(value: object, limit: int = 40) -> str:
    """Quote a cell or a label for a message, truncated to ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 4]}...{text[-1]}"


def quote_list(values: Iterable[object], limit: int = 8) -> str:
    """Quote at most ``limit`` labels for a message: ``'left', 'right', ...``."""
    values = list(values)
    return ", ".join(quote(value) for value in values[:limit]) + (", ..." if len(values) > limit else "")


def distinct_cells(cells: Cells, rows: np.ndarray | None = None) -> list[Hashable]:
    """The distinct cells of all rows, or of those of a mask, in the order of their first rows."""
    return list(dict.fromkeys(cell for cell, _ in cells.column.tally(rows)))


def key(value: Hashable) -> str:
    """The text by which labels are compared: ``1``, ``1.0``, ``"1"`` and ``"1.0"`` are the same label, ``"01"`` is another."""
    label = _label(value.strip() if isinstance(value, str) else value)
    if isinstance(label, int):
        return str(label)
    return label if isinstance(label, str) else repr(label)


def missing_mask(cells: Cells, extra: MissingCodes = (), labels: Collection[Hashable] = ()) -> np.ndarray:
    """Whether each cell is missing, ``bool (cells,)``.

    Parameters
    ----------
    cells
        The column.
    extra
        Codes of missing values in addition to :data:`MISSING`.
    labels
        Declared labels: these are never missing, even ``"None"``.
    """
    codes = _codes(cells, extra) - {key(label).casefold() for label in labels}
    distinct = cells.column.distinct
    return distinct.once(("missing", frozenset(codes)), lambda: _missing(distinct, codes))[cells.column.codes]


def _codes(cells: Cells, extra: MissingCodes) -> set[str]:
    """The codes of missing values in a column."""
    own = extra.get(cells.name, ()) if isinstance(extra, Mapping) else extra
    return {code.casefold() for code in MISSING} | {key(code).casefold() for code in own}


def is_missing_code(label: Hashable, cells: Cells, extra: MissingCodes = ()) -> bool:
    """Whether a label is empty or a code of missing values in a column."""
    return label is None or label == "" or key(label).casefold() in _codes(cells, extra)


def cells_equal(cells: Cells, label: Hashable) -> np.ndarray:
    """Whether each cell is this label, ``bool (cells,)``: a truth value in any spelling, a number in any notation, otherwise by :func:`key`."""
    wanted = key(label)

    def equal(cell: Hashable) -> bool:
        if cell is None:
            return False
        if isinstance(label, bool):
            return _flag(cell) is label
        number = _number(cell, cells.comma) if isinstance(label, float) else None
        return key(cell) == wanted or (number is not None and number == label)

    return np.array([equal(cell) for cell in cells.column.distinct.cells], bool)[cells.column.codes]


def _missing(distinct: Distinct, codes: Collection[str]) -> np.ndarray:
    """Which of the distinct cells are empty or have one of the codes."""
    missing = distinct.empty.copy()
    numbers, plain = _plain_numbers(distinct)
    of_codes = [number for code in codes if (number := _number(code, comma=False)) is not None]
    doubtful = ~missing & (~plain | np.isin(numbers, of_codes))  # a plain number has the code of an equal number only
    missing[doubtful] = [key(cell).casefold() in codes for cell in distinct.cells[doubtful]]
    return missing


def to_numbers(cells: Cells, absent: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Translate cells into ``float64``.

    Parameters
    ----------
    cells
        The column.
    absent
        ``bool (cells,)``: the missing cells.

    Returns
    -------
    values
        ``float64 (cells,)``; NaN where missing or not a number.
    wrong
        ``bool (cells,)``: neither missing nor a number.
    is_truth
        Whether all cells are truth values (True/False, yes/no), translated to 1 and 0. In a mixture of truth values and
        other numbers the truth values are wrong.
    """
    column = cells.column
    numbers, plain = _plain_numbers(column.distinct)
    values, wrong = numbers.copy(), ~plain
    occurring = column.occurring(~absent)
    strange = occurring[~plain[occurring]]
    contents = column.distinct.cells[strange].tolist()
    is_truth = 0 < len(contents) == len(occurring) and all(_truth(cell) is not None for cell in contents)
    translations = [_truth(cell) if is_truth else _number(cell, cells.comma) for cell in contents]
    values[strange] = [math.nan if number is None else number for number in translations]
    wrong[strange] = [number is None for number in translations]
    return np.where(absent, math.nan, values[column.codes]), wrong[column.codes] & ~absent, is_truth


def _plain_numbers(distinct: Distinct) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in plain notation among the distinct cells, ``float64 (distinct,)``, and which cells they are, ``bool (distinct,)``."""
    return distinct.once("numbers", lambda: _plainly_translated(distinct.cells))


def _plainly_translated(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def is_plain(cell: object) -> bool:
        return _NUMBER.fullmatch(cell) is not None if isinstance(cell, str) else type(cell) in (int, float)

    numbers = _numbers_if_all_plain(cells)
    if numbers is not None:
        return numbers, np.ones(len(cells), bool)
    plain = np.array([is_plain(cell) for cell in cells], bool)
    values = np.full(len(cells), math.nan)
    values[plain] = [float(cell) for cell in cells[plain]]
    return values, plain


def to_flags(cells: Cells, absent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Translate 0/1, True/False, yes/no into ``bool (cells,)``, missing as False; also returns a mask of all other cells."""
    flags = [_flag(cell) for cell in cells.column.distinct.cells]
    wrong = np.array([flag is None for flag in flags], bool)[cells.column.codes]
    return np.array([bool(flag) for flag in flags], bool)[cells.column.codes] & ~absent, wrong & ~absent


def to_labels(columns: Sequence[Cells], absent: Sequence[np.ndarray]) -> list[Coded]:
    """Translate columns that share one set of labels; None where missing.

    Whole numbers become ``int`` (``"1"``, and ``"1.0"`` as written for a column with missing values) only if all text cells
    are numbers: a single ``"left"`` makes all of them text. ``"007"`` remains text.
    """
    occurring = [cells.column.occurring(~mask) for cells, mask in zip(columns, absent, strict=True)]
    contents = [cells.column.distinct.cells[codes] for cells, codes in zip(columns, occurring, strict=True)]
    numeric = all(
        _WHOLE.fullmatch(cell) or _REAL.fullmatch(cell) for part in contents for cell in part if isinstance(cell, str)
    )
    translations = []
    for cells, mask, codes, part in zip(columns, absent, occurring, contents, strict=True):
        labels = [cell if isinstance(cell, str) and not numeric else _label(cell) for cell in part]
        index = np.zeros(len(cells.column.distinct), np.int64)
        index[codes] = np.arange(len(codes))
        translations.append(
            Coded(Distinct(objects([*labels, None])), np.where(mask, len(labels), index[cells.column.codes]))
        )
    return translations


def sorted_labels(labels: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Distinct labels: numbers first, in ascending order, then text in alphabetical order."""
    distinct = {key(label): label for label in reversed(list(labels))}  # reversed: the first spelling wins
    return tuple(sorted(distinct.values(), key=lambda label: (isinstance(label, str), label)))


def _numbers_if_all_plain(cells: np.ndarray) -> np.ndarray | None:
    """The numbers, if every cell is text and a number in plain notation: float() accepts other signs as well."""
    try:
        if "".join(cells).encode("ascii").translate(None, b"0123456789.+-eE"):
            return None
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except (TypeError, ValueError):
        return None


def _number(cell: object, comma: bool) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell)
    if not isinstance(cell, str):
        return None
    text = cell.replace("\N{MINUS SIGN}", "-")
    if _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text)
    if comma and _COMMA_NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    return None


def _truth(cell: object) -> float | None:
    if isinstance(cell, bool):
        return float(cell)
    return _TRUTH.get(cell.casefold()) if isinstance(cell, str) else None


def _flag(cell: object) -> bool | None:
    truth = _truth(cell)
    if truth is None:
        truth = _number(cell, comma=False)
    return bool(truth) if truth in (0.0, 1.0) else None


def _label(cell: Hashable) -> Hashable:
    if isinstance(cell, bool):  # as in the same table read from a CSV file
        return str(cell)
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 2**53 else cell
    if isinstance(cell, str):
        if whole := _WHOLE.fullmatch(cell):
            return int(cell[: whole.start(2)] if whole[2] else cell)
        if _REAL.fullmatch(cell):
            return float(cell)
        return cell
    return cell.item() if isinstance(cell, np.generic) else cell
