"""Validation: all problems with a data set are collected and raised together.

The checks translate cells and add problems to a :class:`Problems`; values returned in spite of a problem serve only to find
further problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from trialwise.base.errors import DataError, Problem
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import (
    Cells,
    MissingCodes,
    distinct_cells,
    key,
    missing_mask,
    quote,
    quote_list,
    sorted_labels,
    to_labels,
    to_numbers,
)
from trialwise.data.reading.coded import coded, objects
from trialwise.data.reading.several import Files
from trialwise.data.reading.suspicions import about_labels
from trialwise.data.trials import MISSED

MAX_ACTIONS = 50
"""A column with more distinct values than this is not accepted as choices: it may contain response times or identifiers."""


class Problems:
    """A collection of problems; those with a table that was joined from several ``files`` name the file of each row."""

    def __init__(self, files: Files | None = None) -> None:
        self.entries: list[Problem] = []
        self.files = files

    def add(self, code: str, where: str, message: str, remedy: str = "", rows: Iterable[int] = ()) -> None:
        """Note a problem; see :class:`trialwise.base.errors.Problem`."""
        places: tuple[str, ...] = ()
        if self.files is not None:
            names, rows = self.files.places(np.array(list(rows), np.int64))
            places = tuple(names)
        self.entries.append(Problem(code, where, message, remedy, tuple(int(row) for row in rows), places))

    def in_cells(self, code: str, cells: Cells, wrong: np.ndarray, message: str, remedy: str = "") -> None:
        """Note a problem with the wrong cells of a column, if there are any, with their rows and participants."""
        if not wrong.any():
            return
        where = cells.where
        if cells.participants is not None:
            participants = list(dict.fromkeys(cells.participants[wrong]))
            where += f", participant{'s' if len(participants) > 1 else ''} {quote_list(participants, 4)}"
        self.add(code, where, message, remedy, np.unique(cells.rows[wrong]))

    def absorb(self, error: DataError) -> None:
        """Add the problems of an error that was raised elsewhere."""
        self.entries.extend(error.problems)

    def raise_if_any(self) -> None:
        """Raise all problems as one :class:`DataError`."""
        if self.entries:
            raise DataError(self.entries)


def declare(levels: str, labels: Iterable[object]) -> Argument:
    """The argument by which a set of labels is declared, for messages; ``...`` among the labels stands for others."""
    return Argument("actions", list(labels)) if levels == "action" else Argument("levels", {levels: list(labels)})


def check_numbers(cells: Cells, absent: np.ndarray, problems: Problems, what: str) -> tuple[np.ndarray, bool]:
    """Translate cells into numbers, ``float64 (cells,)``, NaN where missing; and whether they were truth values (1 and 0)."""
    values, wrong, is_truth = to_numbers(cells, absent)
    not_numbers = distinct_cells(cells, wrong)
    examples = quote_list(not_numbers, 3)
    has_comma = cells.comma is False and any(isinstance(c, str) and "," in c for c in not_numbers)
    remedy = (
        "write decimals with a point and no thousands separator"
        if has_comma
        else "replace each by its number (only you can say which), in a copy of the file, or name another column"
        if not np.isfinite(values).any()  # declared missing, they would leave nothing
        else Message("replace them by numbers, or declare them missing: ", Argument("missing", not_numbers[:3]))
    )
    problems.in_cells("not-a-number", cells, wrong, f"the {what} must be a number; found {examples}", remedy)
    infinite = np.isinf(values)
    problems.in_cells(
        "infinite", cells, infinite, f"the {what} is infinite", "correct it, or leave it empty if it is missing"
    )
    return values, is_truth


def check_present(
    cells: Cells,
    absent: np.ndarray,
    problems: Problems,
    name: str,
    levels: str | None,
    without: str | None = None,
    omission: str | Argument | None = None,
) -> None:
    """Note missing cells in a column known before the choice: a learner needs its value on every trial.

    ``without`` is a condition that leaves out just these rows; ``omission`` what to type to do without the column, empty if that cannot be.
    """
    codes = [cell for cell in distinct_cells(cells, absent) if cell is not None]
    if omission is None:
        omission = Argument(name, False) if name in ("context", "cue", "block", "session") else f"do not name {name!r}"
    remedy = Message(
        "if these rows are no trials (instructions, feedback), leave them out, ", Argument("where", without or "..."),
        "; otherwise fill it in", *([", or do without the column: ", omission] if omission else []),
    )  # fmt: skip
    if codes and levels is not None:
        remedy = Message(remedy, f"; if {quote(codes[0])} is a label, declare it: ", declare(levels, [codes[0], ...]))
    problems.in_cells("missing-before-choice", cells, absent, f"the {name} is missing", remedy)


def missed_choices(
    cells: Cells, absent: np.ndarray, declared: Sequence[Hashable] | None, problems: Problems
) -> np.ndarray:
    """Whether each cell is -1 as the code of a missed choice, ``bool (cells,)``.

    With declared actions, -1 is a missed choice unless it is one of them. Otherwise it is a missed choice if the other codes are
    at least two non-negative whole numbers (0, 1 or 1, 2, 3). If the only other code is 1, it is an action (-1/1 coding); if the
    only other code is 0 or another number, its meaning is ambiguous, which is a problem.
    """
    column = cells.column
    keys = {code: key(column.distinct.cells[code]) for code in column.occurring(~absent).tolist()}
    minus = np.isin(column.codes, [code for code, text in keys.items() if text == "-1"]) & ~absent
    others = {*keys.values()} - {"-1"}
    if not minus.any():
        return minus
    if declared is not None:
        return np.zeros(len(cells), bool) if "-1" in {key(label) for label in declared} else minus
    if others == {"1"} or not others or not all(code.isdecimal() for code in others):
        return np.zeros(len(cells), bool)
    if len(others) == 1:
        other = others.pop()
        both = sorted([other, "0" if other != "0" else "1"])
        problems.in_cells(
            "ambiguous-missing",
            cells,
            minus,
            f"the only choices are {other} and -1: is -1 an action, or a missed choice?",
            Message(
                "type ",
                Argument("actions", [-1, _number(other)]),
                " if it is an action; otherwise declare all actions, as in ",
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
    declared_in: str = "",
) -> tuple[list[np.ndarray], tuple[Hashable, ...]]:
    """Code columns that share one set of labels; `declared_in` is the file that declares them, if one does.

    Returns
    -------
    codes
        One array ``int64 (cells,)`` per column, :data:`~trialwise.data.trials.MISSED` where missing.
    labels
        The declared labels, or those in the data: numbers first, in ascending order, then text.
    """
    translations = to_labels(columns, absent)
    occurring: Counter[Hashable] = Counter()
    for column in translations:
        for label, count in column.tally():
            if label is not None:
                occurring[label] += count
    if declared is None:
        labels = sorted_labels(occurring)
        if name == "action" and not occurring:
            message = "every choice is missing"
            remedy = Message("type ", Argument("choice", "..."), " with the column of choices")
            problems.add("no-choices", columns[0].where, message, remedy)
        _check_plausible(name, columns, labels, occurring.total(), problems)
        notes += [*_notes_on_labels(name, labels), *about_labels(name, occurring, columns_of_table(columns))]
    else:
        labels = tuple(declared)
    index = {key(label): n for n, label in enumerate(labels)}
    codes = []
    for cells, column in zip(columns, translations, strict=True):
        names_of = column.distinct.cells
        indices = np.array([MISSED if n is None else index.get(key(n), MISSED) for n in names_of], np.int64)
        codes.append(indices[column.codes])
        unknown = (codes[-1] == MISSED) & ~column.empty
        if unknown.any():
            names = list(dict.fromkeys(label for label, _ in column.tally(unknown)))
            every, by = [*labels, *names], f"in {declared_in} " if declared_in else ""
            problems.in_cells(
                "undeclared-label",
                cells,
                unknown,
                f"found {quote_list(names)}, but the labels of {name} were declared {by}as {quote_list(labels)}",
                Message(
                    "correct the cells, or declare these labels as well: ",
                    declare(name, every if len(every) <= MAX_ACTIONS else [...]),
                ),
            )
    return codes, labels


def note_duplicates(
    keys: Sequence[tuple[Hashable, ...]], repeated: np.ndarray, cells: Cells, problems: Problems, remedy: str
) -> None:
    """Note trials that a participant has more than once; `keys` contains (participant, ..., trial) of each row."""
    first = keys[int(np.argmax(repeated))]
    message = f"the same trial number occurs more than once, first trial {first[-1]} of participant {quote(first[0])}"
    problems.in_cells("duplicate-trial", cells, repeated, message, remedy)


def categories(
    cells: Cells, labels: Sequence[Hashable], missing_codes: MissingCodes, choices: bool
) -> tuple[Hashable, ...] | None:
    """The labels of a Categorical of pandas in order, without codes of missing values, which it contains without meaning them as labels.

    None if it is ambiguous whether -1 is a label, which is asked where the column itself is read.
    """
    column = coded(objects(labels))
    every = replace(cells, column=column, rows=np.zeros(len(column), np.int64))
    absent = missing_mask(every, missing_codes)
    if choices:
        doubts = Problems()
        absent |= missed_choices(every, absent, None, doubts)
        if doubts.entries:
            return None
    return tuple(label for label in to_labels([every], [absent])[0].values if label is not None)


def columns_of_table(columns: Sequence[Cells]) -> list[str]:
    """Names of columns, or of tables with participants in columns, by which codes of missing values are declared."""
    return list(dict.fromkeys(name for cells in columns for name in cells.in_file))


def missing_text(cells: Cells, absent: np.ndarray) -> str:
    """A description of the missing cells, for the mapping: ``"missing: 12 x '-1', 3 x empty"``."""
    if not absent.any():
        return "none missing"
    counts: Counter[str] = Counter()
    for cell, count in cells.column.tally(absent):
        counts["empty" if cell is None else quote(cell)] += count
    return "missing: " + ", ".join(f"{count} x {cell}" for cell, count in counts.most_common(4))


def _check_plausible(
    name: str, columns: Sequence[Cells], labels: Sequence[Hashable], count: int, problems: Problems
) -> None:
    where = columns[0].where
    fractions = [label for label in labels if isinstance(label, float)]
    examples = quote_list(labels, 3).removesuffix(", ...")
    if name == "action" and len(labels) > MAX_ACTIONS:
        kind = "numbers with fractions, perhaps response times" if fractions else "values"
        problems.add(
            "too-many-labels",
            where,
            f"{len(labels)} different {kind}, such as {examples}; a choice has few labels (at most {MAX_ACTIONS})",
            Message(
                "type ",
                Argument("choice", "..."),
                " with the column of choices, or ",
                Argument("response", "..."),
                " if it is a rating",
            ),
        )
    elif len(labels) > MAX_ACTIONS and (len(fractions) > len(labels) / 2 or len(labels) > count / 2):
        problems.add(
            "too-many-labels",
            where,
            f"{len(labels)} different labels in {count} cells, such as {examples}: too few trials to learn about each",
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


def _notes_on_labels(name: str, labels: Sequence[Hashable]) -> list[str]:
    """Notes on codes that never occur and on labels that differ only in case."""
    notes: list[str] = []
    whole = [label for label in labels if isinstance(label, int)]
    if (
        len(whole) == len(labels) > 1
        and whole != [-1, 1]
        and whole[-1] - whole[0] < 20
        and name not in ("block", "session")
    ):
        codes = range(whole[0], whole[-1] + 1)
        gaps = [code for code in codes if code not in whole]
        if gaps:
            note = f"the codes of {name} skip {quote_list(gaps, 4)}"
            notes.append(Message(f"{note}; if those exist but never occurred, type ", declare(name, codes)))
    spellings = Counter(label.casefold() for label in labels if isinstance(label, str))
    for repeated in [spelling for spelling, count in spellings.items() if count > 1][:3]:
        variants = [label for label in labels if isinstance(label, str) and label.casefold() == repeated]
        notes.append(
            f"{name} has {quote_list(variants)} as different labels: are these different spellings of one label?"
        )
    return notes
