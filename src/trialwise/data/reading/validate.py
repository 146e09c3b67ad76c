"""Validation: every problem of a data set is collected first and raised once.

The checks translate cells and report to a :class:`Problems`; what they return in spite of a problem is only good for
finding further problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from trialwise.base.errors import DataError, Problem
from trialwise.base.message import Argument, Message
from trialwise.data.reading import cells as _cells
from trialwise.data.reading.cells import Cells, key, listed, shown
from trialwise.data.trials import MISSED

MOST_ACTIONS = 50
"""More different choices than this are taken for a mistake: a response time, an identifier."""


class Problems:
    """A collector of problems."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, code: str, where: str, message: str, remedy: str = "", rows: Iterable[int] = ()) -> None:
        """Note a problem; see :class:`trialwise.base.errors.Problem`."""
        self.found.append(Problem(code, where, message, remedy, tuple(int(row) for row in rows)))

    def in_cells(self, code: str, cells: Cells, wrong: np.ndarray, message: str, remedy: str = "") -> None:
        """Note a problem with some cells of a column, if there are any; names rows and participants."""
        if not wrong.any():
            return
        where = cells.where
        if cells.participants is not None:
            whose = list(dict.fromkeys(cells.participants[wrong]))
            where += f", participant{'s' if len(whose) > 1 else ''} {listed(whose, 4)}"
        self.add(code, where, message, remedy, np.unique(cells.rows[wrong]))

    def absorb(self, error: DataError) -> None:
        """Take over the problems of an error that was raised elsewhere."""
        self.found.extend(error.problems)

    def raise_if_any(self) -> None:
        """Raise all of them as one :class:`DataError`."""
        if self.found:
            raise DataError(self.found)


def declare(levels: str, labels: Iterable[object]) -> Argument:
    """What to type in order to declare a set of labels; ``...`` among them stands for others."""
    return Argument("actions", list(labels)) if levels == "action" else Argument("levels", {levels: list(labels)})


def check_numbers(cells: Cells, absent: np.ndarray, problems: Problems, what: str) -> tuple[np.ndarray, bool]:
    """Numbers, ``float64 (cells,)`` with NaN where missing; and whether they were truth values turned into 1 and 0."""
    values, wrong, truth = _cells.numbers(cells, absent)
    odd = list(dict.fromkeys(cells.values[wrong]))
    examples = listed(odd, 3)
    mixed = cells.comma is False and any(isinstance(c, str) and "," in c for c in cells.values[wrong])
    remedy = (
        "write decimals with a point and no thousands separator"
        if mixed
        else Message("replace them by numbers, or say that they are missing: ", Argument("missing", odd[:3]))
    )
    problems.in_cells("not-a-number", cells, wrong, f"the {what} must be a number; found {examples}", remedy)
    infinite = np.isinf(values)
    problems.in_cells(
        "infinite", cells, infinite, f"the {what} is infinite", "correct it, or leave it empty if it is missing"
    )
    return values, truth


def check_present(cells: Cells, absent: np.ndarray, problems: Problems, name: str, levels: str | None) -> None:
    """A column known before the choice has no gaps: a learner cannot do without it."""
    tokens = [cell for cell in dict.fromkeys(cells.values[absent]) if cell is not None]
    without = Argument(name, False) if name in ("context", "cue", "block", "session") else f"do not name {name!r}"
    remedy = Message("fill it in, remove these rows, or do without the column (", without, ")")
    if tokens and levels is not None:
        remedy = Message(remedy, f"; if {shown(tokens[0])} is a label, declare it: ", declare(levels, [tokens[0], ...]))
    problems.in_cells("missing-before-choice", cells, absent, f"the {name} is missing", remedy)


def missed_choices(
    cells: Cells, absent: np.ndarray, declared: Sequence[Hashable] | None, problems: Problems
) -> np.ndarray:
    """Which cells say -1 for a choice that was not made, ``bool (cells,)``.

    With declared actions, -1 is a missed choice unless it is among them. Otherwise it is one if the other codes are at
    least two non-negative whole numbers (0, 1 or 1, 2, 3); beside 1 alone it is an action (-1/1 coding), and beside 0 or
    one other number alone nobody can tell, which is a problem.
    """
    codes = np.array([None if gone else key(cell) for cell, gone in zip(cells.values, absent, strict=True)], object)
    minus = codes == "-1"
    others = {code for code in codes[~minus] if code is not None}
    if not minus.any():
        return minus
    if declared is not None:
        return np.zeros(len(codes), bool) if "-1" in {key(label) for label in declared} else minus
    if others == {"1"} or not others or not all(code.isdecimal() for code in others):
        return np.zeros(len(codes), bool)
    if len(others) == 1:
        other = others.pop()
        both = sorted([other, "0" if other != "0" else "1"])
        problems.in_cells(
            "ambiguous-missing",
            cells,
            minus,
            f"the only choices are {other} and -1: is -1 an action, or a choice that was not made?",
            Message(
                "type ",
                Argument("actions", [-1, _number(other)]),
                " if it is an action; else name all actions, as in ",
                Argument("actions", [_number(code) for code in both]),
            ),
        )
    return minus


def _number(code: str) -> Hashable:
    return int(code) if str(int(code)) == code else code


def check_levels(
    name: str,
    columns: Sequence[Cells],
    absent: Sequence[np.ndarray],
    declared: Sequence[Hashable] | None,
    problems: Problems,
    notes: list[str],
) -> tuple[list[np.ndarray], tuple[Hashable, ...]]:
    """Code columns that share one set of labels.

    Returns
    -------
    codes
        One ``int64 (cells,)`` a column, :data:`~trialwise.data.trials.MISSED` where missing.
    labels
        The declared labels, or those found: numbers first and in order, then text.
    """
    translated = _cells.labels(columns, absent)
    found = [label for column in translated for label in column if label is not None]
    if declared is None:
        labels = _cells.sorted_labels(found)
        if name == "action" and not found:
            message = "every choice is missing"
            remedy = Message("type ", Argument("choice", "..."), " with the column of choices")
            problems.add("no-choices", columns[0].where, message, remedy)
        _check_plausible(name, columns, labels, len(found), problems)
        notes += _odd_labels(name, labels)
    else:
        labels = tuple(declared)
    place = {key(label): n for n, label in enumerate(labels)}
    place_or_none = [[None if label is None else place.get(key(label)) for label in column] for column in translated]
    for cells, column, places in zip(columns, translated, place_or_none, strict=True):
        pairs = zip(column, places, strict=True)
        unknown = np.array([label is not None and n is None for label, n in pairs], bool)
        if unknown.any():
            names = list(dict.fromkeys(label for label, odd in zip(column, unknown, strict=True) if odd))
            problems.in_cells(
                "undeclared-label",
                cells,
                unknown,
                f"found {listed(names)}, but the labels of {name} were declared as {listed(labels)}",
                Message("correct the cells, or declare them too: ", declare(name, [*labels, *names][:8])),
            )
    codes = [np.array([MISSED if n is None else n for n in places], np.int64) for places in place_or_none]
    return codes, labels


def check_duplicates(keys: Sequence[tuple[Hashable, ...]], cells: Cells, problems: Problems, remedy: str) -> None:
    """No participant has the same trial twice; `keys` hold (participant, ..., trial) of each row."""
    counts = Counter(keys)
    twice = np.array([counts[row] > 1 for row in keys], bool)
    if twice.any():
        first = keys[int(np.argmax(twice))]
        message = f"the same trial number more than once, first trial {first[-1]} of participant {shown(first[0])}"
        problems.in_cells("duplicate-trial", cells, twice, message, remedy)


def missing_text(cells: Cells, absent: np.ndarray) -> str:
    """What was taken as missing, for the mapping: ``"missing: 12 x '-1', 3 x empty"``."""
    if not absent.any():
        return "none missing"
    counts = Counter("empty" if cell is None else shown(cell) for cell in cells.values[absent])
    return "missing: " + ", ".join(f"{count} x {cell}" for cell, count in counts.most_common(4))


def _check_plausible(
    name: str, columns: Sequence[Cells], labels: Sequence[Hashable], count: int, problems: Problems
) -> None:
    where = columns[0].where
    fractions = [label for label in labels if isinstance(label, float)]
    examples = listed(labels, 3).removesuffix(", ...")
    if name == "action" and len(labels) > MOST_ACTIONS:
        kind = "numbers with fractions, perhaps response times" if fractions else "values"
        problems.add(
            "too-many-labels",
            where,
            f"{len(labels)} different {kind}, such as {examples}; a choice has few labels (at most {MOST_ACTIONS})",
            Message(
                "type ",
                Argument("choice", "..."),
                " with the column of choices, or ",
                Argument("response", "..."),
                " if it is a rating",
            ),
        )
    elif len(labels) > MOST_ACTIONS and (len(fractions) > len(labels) / 2 or len(labels) > count / 2):
        problems.add(
            "too-many-labels",
            where,
            f"{len(labels)} different labels in {count} cells, such as {examples}: nothing can be learnt about each",
            Message(
                "type ",
                Argument(name, "..."),
                " with another column, ",
                Argument(name, False),
                " for none, or ",
                Argument("numbers", [...]),
                " if these are numbers",
            ),
        )


def _odd_labels(name: str, labels: Sequence[Hashable]) -> list[str]:
    notes: list[str] = []
    whole = [label for label in labels if isinstance(label, int)]
    if (
        len(whole) == len(labels) > 1
        and whole != [-1, 1]
        and whole[-1] - whole[0] < 20
        and name not in ("block", "session")
    ):
        every = range(whole[0], whole[-1] + 1)
        gaps = [code for code in every if code not in whole]
        if gaps:
            told = f"the codes of {name} skip {listed(gaps, 4)}"
            notes.append(Message(f"{told}; if those exist but never occurred, type ", declare(name, every)))
    spellings = Counter(label.casefold() for label in labels if isinstance(label, str))
    for twice in [spelling for spelling, count in spellings.items() if count > 1][:3]:
        same = [label for label in labels if isinstance(label, str) and label.casefold() == twice]
        notes.append(f"{name} has {listed(same)} as different labels: one spelling too many?")
    return notes
