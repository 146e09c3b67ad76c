"""Cells: a column as it stands in a table, and its translation into numbers, labels and flags.

A cell is text, a number, a truth value or None (empty). Nothing here raises: every translation hands back a mask of the
cells that it could not translate, so that all of them can be reported together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

MISSING = ("NA", "N/A", "#N/A", "<NA>", "NaN", "None", "null", ".", "-999")
"""What is taken as missing besides an empty cell, in any mixture of capitals."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})([.,]0+)?", re.ASCII)  # no leading zeros: "007" is a name
_REAL = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of cells and where it stands.

    Attributes
    ----------
    values
        Shape ``(cells,)``, dtype object: str, int, float, bool or None.
    rows
        ``int64 (cells,)``: the row of each cell in the file (header = row 1).
    name
        The column's name, or the file's if a file holds one role.
    where
        For messages, e.g. ``"trials.csv, column 'choice'"``.
    source
        For the mapping, e.g. ``"column 'choice' (recognised)"``.
    comma
        Whether numbers may be written with a decimal comma.
    participants
        Label of each cell's participant, for tables with participants in columns; else None.
    """

    values: np.ndarray
    rows: np.ndarray
    name: str
    where: str
    source: str
    comma: bool = False
    participants: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def at(self, index: np.ndarray) -> Cells:
        """The cells at the given places, in that order."""
        participants = None if self.participants is None else self.participants[index]
        return replace(self, values=self.values[index], rows=self.rows[index], participants=participants)


def shown(value: object, most: int = 40) -> str:
    """A cell or a label as it is quoted in a message, however long it is."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 4]}...{text[-1]}"


def listed(values: Iterable[object], most: int = 8) -> str:
    """Several labels, quoted and cut short: ``'left', 'right', ...``."""
    values = list(values)
    return ", ".join(shown(value) for value in values[:most]) + (", ..." if len(values) > most else "")


@lru_cache(maxsize=2**16, typed=True)  # cells repeat: a table has many more cells than labels
def key(value: Hashable) -> str:
    """The text by which labels are compared: ``1``, ``1.0``, ``"1"`` and ``"1.0"`` are one label; ``"01"`` is another."""
    label = _label(value.strip() if isinstance(value, str) else value)
    if isinstance(label, int):
        return str(label)
    return label if isinstance(label, str) else repr(label)


def missing(cells: Cells, extra: Collection[Hashable] = (), keep: Collection[Hashable] = ()) -> np.ndarray:
    """Which cells are missing, ``bool (cells,)``.

    Parameters
    ----------
    extra
        Codes taken as missing besides :data:`MISSING`.
    keep
        Declared labels: never missing, even if they read ``"None"``.
    """
    tokens = {token.casefold() for token in MISSING} | {key(token).casefold() for token in extra}
    kept = {key(label).casefold() for label in keep}
    return _mask(cells.values, lambda cell: cell is None or ((k := key(cell).casefold()) not in kept and k in tokens))


def numbers(cells: Cells, absent: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Translate into ``float64``.

    Returns
    -------
    values
        ``float64 (cells,)``; NaN where missing or not a number.
    wrong
        ``bool (cells,)``: neither missing nor a number.
    truth
        Whether the cells were truth values (True/False, yes/no), translated to 1 and 0. A mixture of truth values and
        other numbers is not a column of truth values: there they are wrong.
    """
    values = np.full(len(cells), math.nan)
    present = np.flatnonzero(~absent)
    found = [cells.values[n] for n in present]
    truth = bool(found) and all(_truth(cell) is not None for cell in found)
    translated = [_truth(cell) if truth else _number(cell, cells.comma) for cell in found]
    values[present] = [math.nan if number is None else number for number in translated]
    wrong = np.zeros(len(cells), bool)
    wrong[present] = [number is None for number in translated]
    return values, wrong, truth


def flags(cells: Cells, absent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Translate 0/1, True/False, yes/no into ``bool (cells,)``, missing as False; and which cells are none of these."""
    translated = [None if gone else _flag(cell) for cell, gone in zip(cells.values, absent, strict=True)]
    wrong = np.array([flag is None for flag in translated], bool) & ~absent
    return np.array([bool(flag) for flag in translated], bool), wrong


def labels(columns: Sequence[Cells], absent: Sequence[np.ndarray]) -> list[list[Hashable]]:
    """Translate columns that share one set of labels; None where missing.

    Whole numbers become ``int`` (``"1"``, and the ``"1.0"`` that a missing value makes of it) only if all text cells are
    numbers: one ``"left"`` among them makes all of them text. ``"007"`` stays text.
    """
    text = [cell for c, gone in zip(columns, absent, strict=True) for cell in c.values[~gone] if isinstance(cell, str)]
    whole = all(_WHOLE.fullmatch(cell) for cell in text)
    numeric = whole or all(_WHOLE.fullmatch(cell) or _REAL.fullmatch(cell) for cell in text)

    def translate(cell: Hashable) -> Hashable:
        return cell if isinstance(cell, str) and not numeric else _label(cell)

    return [
        [None if out else translate(cell) for cell, out in zip(c.values, gone, strict=True)]
        for c, gone in zip(columns, absent, strict=True)
    ]


def sorted_labels(found: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Distinct labels, numbers first and in their order, then text in alphabetical order."""
    distinct = {key(label): label for label in reversed(list(found))}  # reversed: the first spelling wins
    return tuple(sorted(distinct.values(), key=lambda label: (isinstance(label, str), label)))


def _mask(values: np.ndarray, test: Callable[[object], bool]) -> np.ndarray:
    return np.fromiter((bool(test(value)) for value in values), bool, len(values))


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


@lru_cache(maxsize=2**16, typed=True)
def _label(cell: Hashable) -> Hashable:
    if isinstance(cell, bool):  # as the same table reads from a CSV file
        return str(cell)
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 2**53 else cell
    if isinstance(cell, str):
        if _WHOLE.fullmatch(cell):
            return int(re.split("[.,]", cell)[0])
        if _REAL.fullmatch(cell):
            return float(cell)
        return cell
    return cell.item() if isinstance(cell, np.generic) else cell
