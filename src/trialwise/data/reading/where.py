"""Conditions on rows, such as ``phase == 'main' and rt < 3``: read as a sentence of a small language, never run as code."""

from __future__ import annotations

import ast
import keyword
import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import MOST, Argument
from trialwise.data.reading.cells import (
    Cells,
    MissingCodes,
    cells_equal,
    distinct_cells,
    is_missing_code,
    key,
    missing_mask,
    quote,
    quote_list,
    to_numbers,
)
from trialwise.data.reading.column_names import closest
from trialwise.data.reading.suspicions import one_edit
from trialwise.data.reading.table import Table

GRAMMAR = "a column, ==, !=, <, <=, >, >=, in or not in, and a value: "
EXAMPLES = {"where": "phase == 'main' and rt < 3", "exclude": "missed > 0.2 or same > 0.9"}
"""A condition for each argument that takes one."""
MISSING_WORDS = ("None", "missing")
FEW_LABELS = 20
"""A column with more labels than this is not offered for leaving out rows."""
_BACKQUOTED = re.compile(r"`([^`]+)`")
_ORDERED: dict[type, Callable[[np.ndarray, float], np.ndarray]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def rows_where(
    table: Table,
    condition: str,
    missing_codes: MissingCodes = (),
    note: Callable[[str], object] = lambda text: None,
    argument: str = "where",
) -> np.ndarray:
    """Whether each row of a table satisfies a condition.

    Parameters
    ----------
    table
        The table.
    condition
        Comparisons of a column with a value, joined by ``and``, ``or``, ``not`` and brackets. A column is written by its name
        (``phase``, ``trials.thisN``), in backquotes if it contains blanks (```Trial Number` > 0``). ``==``, ``!=``, ``in [...]`` and
        ``not in [...]`` compare labels, where ``1``, ``'1'`` and ``1.0`` are the same; ``<``, ``<=``, ``>``, ``>=`` compare numbers;
        ``is missing`` and ``is not missing`` ask whether a cell is empty or has a code of missing values. A missing cell satisfies no
        other comparison, except ``!=`` and ``not in``; it equals every code of missing values, and ``''``. ``True`` and ``False`` are
        compared with truth values and flags (TRUE, yes, 1), whatever their spelling.
    missing_codes
        Codes of missing values in addition to those of :data:`~trialwise.data.reading.cells.MISSING`.
    note
        Called with a sentence about each label of the condition that does not occur in its column.
    argument
        The argument that the condition was given by, for messages.

    Returns
    -------
    array
        ``bool (rows,)``.

    Raises
    ------
    UsageError
        If the condition cannot be read, names a column that the table does not have, or a label that differs from one in the column
        only by a slip.
    """
    reading = _Condition(table, condition, missing_codes, note, argument)
    return reading.satisfied(reading.tree)


class Decided(NamedTuple):
    """Which rows satisfy a condition, which of the others might if their missing cells were known, ``bool (rows,)``, and the columns
    that it is about; ``bounds`` are the numbers that columns are compared with."""

    satisfied: np.ndarray
    undecided: np.ndarray
    columns: tuple[str, ...]
    bounds: tuple[tuple[str, float], ...]


def decided_where(table: Table, condition: str, note: Callable[[str], object], argument: str) -> Decided:
    """As :func:`rows_where`, but a comparison with a missing cell is neither true nor false, also below ``not`` and with ``!=``."""
    reading = _Condition(table, condition, (), note, argument)
    surely, possibly = reading.bounds(reading.tree)
    return Decided(surely, possibly & ~surely, tuple(dict.fromkeys(reading.columns)), tuple(reading.numbers))


class _Condition:
    """A condition as a syntax tree, of which only comparisons, ``and``, ``or`` and ``not`` are understood."""

    def __init__(
        self, table: Table, condition: str, missing_codes: MissingCodes, note: Callable[[str], object], argument: str
    ) -> None:
        self.argument = argument
        self.columns: list[str] = []
        self.numbers: list[tuple[str, float]] = []
        self.table, self.condition, self.missing_codes, self.note = table, condition, missing_codes, note
        self.names = _BACKQUOTED.findall(condition)
        self.mark = "_quoted"
        while self.mark in condition:
            self.mark += "_"
        places = iter(range(len(self.names)))
        try:
            text = _BACKQUOTED.sub(lambda _: f"{self.mark}{next(places)}", condition).strip()
            self.tree = ast.parse(text, mode="eval").body
            self.labels = {each.value for each in ast.walk(self.tree) if isinstance(each, ast.Constant)}
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self.wrong("this is no condition") from None
        if any(isinstance(each, int) and each.bit_length() > sys.float_info.max_exp for each in self.labels):
            raise self.wrong(f"a number in it is larger than {sys.float_info.max:.2g}")

    def wrong(self, what: str) -> UsageError:
        example = Argument(self.argument, EXAMPLES[self.argument])
        return UsageError(Argument(self.argument, self.condition), f": {what}; write {GRAMMAR}", example)

    def satisfied(self, node: ast.expr) -> np.ndarray:
        """Whether each row satisfies a part of the condition."""
        if isinstance(node, ast.BoolOp):
            parts = [self.satisfied(each) for each in node.values]
            return np.all(parts, axis=0) if isinstance(node.op, ast.And) else np.any(parts, axis=0)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.satisfied(node.operand)
        if isinstance(node, ast.Compare):
            terms = [node.left, *node.comparators]
            triples = zip(terms, node.ops, terms[1:], strict=False)
            return np.all([self._compared(*triple) for triple in triples], axis=0)
        raise self.wrong(f"{quote(ast.unparse(node))} is no comparison")

    def bounds(self, node: ast.expr) -> tuple[np.ndarray, np.ndarray]:
        """Which rows surely, and which possibly, satisfy a part of the condition, whatever their missing cells are."""
        if isinstance(node, ast.BoolOp):
            of_all = np.all if isinstance(node.op, ast.And) else np.any
            surely, possibly = zip(*map(self.bounds, node.values), strict=True)
            return of_all(surely, axis=0), of_all(possibly, axis=0)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            surely, possibly = self.bounds(node.operand)
            return ~possibly, ~surely
        true = self.satisfied(node)
        if not isinstance(node, ast.Compare) or any(ast.unparse(each) in MISSING_WORDS for each in node.comparators):
            return true, true
        terms = [each for each in (node.left, *node.comparators) if isinstance(each, ast.Name | ast.Attribute)]
        absent = np.any([missing_mask(self.table.column(self._column(each), "where")) for each in terms], axis=0)
        return true & ~absent, true | absent

    def _compared(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> np.ndarray:
        if isinstance(left, ast.Constant) and type(operator) in _MIRRORED:
            left, operator, right = right, _MIRRORED[type(operator)](), left
        cells = self.table.column(self._column(left), "where")
        absent = missing_mask(cells, self.missing_codes)
        about_missing = ast.unparse(right) in MISSING_WORDS
        if isinstance(operator, ast.Is | ast.IsNot) and not about_missing:
            raise self.wrong(f"'is' is followed by missing or not missing, not by {quote(ast.unparse(right))}")
        if about_missing and isinstance(operator, ast.Is | ast.Eq):
            return absent
        if about_missing and isinstance(operator, ast.IsNot | ast.NotEq):
            return ~absent
        if isinstance(operator, ast.In | ast.NotIn):
            values = self._value(right)
            if not isinstance(values, list):
                raise self.wrong(f"'in' is followed by a list such as ['a', 'b'], not by {quote(ast.unparse(right))}")
            return self._equal(cells, absent, values) ^ isinstance(operator, ast.NotIn)
        if isinstance(operator, ast.Eq | ast.NotEq):
            label = self._value(right)
            if isinstance(label, list):
                raise self.wrong(
                    f"one label is expected after == and !=, not {quote(ast.unparse(right))}; for several write in"
                )
            return self._equal(cells, absent, [label]) ^ isinstance(operator, ast.NotEq)
        bound = self._value(right)
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise self.wrong(f"{quote(ast.unparse(right))} is no number")
        self.numbers.append((cells.name, bound))
        numbers, strange, _ = to_numbers(cells, absent)
        if strange.any():
            examples = quote_list(distinct_cells(cells, strange), 3)
            raise self.wrong(f"{quote(cells.name)} contains {examples}, which are no numbers")
        with np.errstate(invalid="ignore"):
            return _ORDERED[type(operator)](numbers, bound)

    def _equal(self, cells: Cells, absent: np.ndarray, wanted: Collection[Hashable]) -> np.ndarray:
        """Whether each cell is one of the labels; a missing cell is each of the codes of missing values."""
        equal = np.zeros(len(absent), bool)
        for label in wanted:
            rows = absent if is_missing_code(label, cells, self.missing_codes) else cells_equal(cells, label) & ~absent
            if not rows.any():
                self._explain(cells, absent, label, alone=len(wanted) == 1)
            equal |= rows
        return equal

    def _explain(self, cells: Cells, absent: np.ndarray, label: Hashable, alone: bool) -> None:
        """Say that a label does not occur, as in a condition that leaves out nothing; refuse what is probably a slip.

        Numbers are no slips of each other, nor are short words; nor a label that is one of several, or stands beside the other in the
        condition.
        """
        there = distinct_cells(cells, ~absent)
        words = [each for each in there if isinstance(each, str)] if isinstance(label, str) and alone else []
        near = [
            each for each in words
            if (each.casefold() == str(label).casefold() or (min(len(each), len(str(label))) > 3 and one_edit(each, str(label))))
            and each not in self.labels
        ]  # fmt: skip
        if near:
            raise UsageError(
                Argument(self.argument, self.condition),
                f": {quote(cells.name)} is never {quote(label)}; did you mean {quote_list(near, 3)}?",
            )
        self.note(f"{self.argument}: {cells.name} is never {quote(label)}; it is {quote_list(there, 5)}")

    def _column(self, node: ast.expr) -> str:
        name, header = ast.unparse(node), self.table.header
        if not isinstance(node, ast.Name | ast.Attribute) or not re.fullmatch(r"[^\W\d]\w*(\.\w+)*", name):
            raise self.wrong(f"{quote(name)} is no column")
        if name.startswith(self.mark):
            name = self.names[int(name.removeprefix(self.mark))]
        count = header.count(name)
        if count != 1:
            near = closest(name, header)
            there = f"did you mean {near[0]}?" if near else f"there are {quote_list([n for n in header if n], 30)}"
            what = (
                f"{count} columns are called {quote(name)}" if count else f"there is no column {quote(name)}; {there}"
            )
            raise UsageError(Argument(self.argument, self.condition), f": {what}")
        self.columns.append(name)
        return name

    def _value(self, node: ast.expr) -> Hashable | list[Hashable]:
        if isinstance(node, ast.Constant) and node.value is ...:
            raise self.wrong("put a value in place of the three dots")
        try:
            value = ast.literal_eval(node)
            return list(value) if isinstance(value, list | tuple | set) else value
        except (ValueError, TypeError, SyntaxError, RecursionError):
            raise self.wrong(f"{quote(ast.unparse(node))} is no value; text stands in quotes") from None


_MIRRORED: dict[type, type] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq
}  # fmt: skip


def is_condition(text: str) -> bool:
    """Whether a text has the form of a condition, and not of a name."""
    try:
        tree = ast.parse(_BACKQUOTED.sub("quoted", text).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp)


def separating(
    table: Table,
    unwanted: np.ndarray,
    missing_codes: MissingCodes = (),
    where: str | None = None,
    apart_from: Collection[str] = (),
) -> str | None:
    """A condition that keeps all rows but the unwanted ones, by the labels of one column; None if there is none.

    Parameters
    ----------
    table
        The table.
    unwanted
        ``bool (rows,)``.
    missing_codes
        Codes of missing values.
    where
        A condition that holds for the table already, to which the new one is added.
    apart_from
        Columns that the condition must not ask for.
    """
    if unwanted.all() or not unwanted.any():
        return None
    found: list[tuple[int, str]] = []
    for name in table.header:
        if not name or name in apart_from or table.header.count(name) > 1:
            continue
        cells = table.column(name, "where")
        absent = missing_mask(cells, missing_codes)
        if (absent == unwanted).all():
            found.append((2, f"{written(name)} is not missing"))
            continue
        kept, left_out = (
            {key(cell) for cell, _ in cells.column.tally(~absent & rows)} for rows in (~unwanted, unwanted)
        )
        distinct = len(kept | left_out) + bool(absent.any())
        if kept & left_out or (absent & ~unwanted).any() or distinct > min(FEW_LABELS, max(2, len(cells) / 2)):
            continue
        shown = sorted(str(label) for label in kept)
        condition = f"== {shown[0]!r}" if len(shown) == 1 else f"in {shown!r}"
        found.append((0 if len(shown) == 1 else 1, f"{written(name)} {condition}"))
    short = [(rank, both(where, text)) for rank, text in found if len(both(where, text)) < MOST - 2]
    return min(short)[1] if short else None


def written(name: str) -> str:
    """A column's name as a condition spells it."""
    parts = name.split(".")  # Python reads other forms of letters, such as ligatures, as plain ones
    plain = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts) and unicodedata.is_normalized(
        "NFKC", name
    )
    return name if plain else f"`{name}`"


def both(where: str | None, condition: str) -> str:
    """A condition in addition to one that was given already."""
    if where is None:
        return condition
    return f"({where}) and {condition}" if re.search(r"\bor\b", where) else f"{where} and {condition}"


def practice_rows(table: Table, used: Sequence[str]) -> list[tuple[str, str, int]]:
    """Columns without a role in which some rows, not all, say that they are practice, with the label and the number of rows."""
    found = []
    for name in table.header:
        if not name or name in used or table.header.count(name) > 1:
            continue
        cells = table.columns[table.header.index(name)].tally()
        labels = [cell.casefold() if isinstance(cell, str) else None for cell, _ in cells]
        if len(set(labels)) <= FEW_LABELS:
            for label in sorted({each for each in labels if each and _PRACTICE.search(each)}):
                count = sum(n for own, (_, n) in zip(labels, cells, strict=True) if own == label)
                if count < len(table.rows):
                    original = next(cell for cell, _ in cells if str(cell).casefold() == label)
                    found.append((name, str(original), count))
    return found


_PRACTICE = re.compile(
    r"practi[cs]e|\btraining\b|\btrain\b|tutorial|instruction|warm.?up|familiari|\bdemo\b|\bexample\b|fixation"
)
