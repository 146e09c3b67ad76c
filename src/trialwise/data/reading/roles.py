"""Which column of a long table plays which role: named by the user, or recognised by its name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.reading.assemble import Before
from trialwise.data.reading.cells import Cells, listed, missing, numbers, shown
from trialwise.data.reading.names import AFTER_CHOICE, MAY_BE_RATING, NAMES, closest, is_pair, plain, recognise
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems

Named = str | bool | None
"""A column by name; None to recognise it; False to do without it."""
Several = str | Sequence[str] | Mapping[str, str] | bool | None
"""One column or several, or the names they are to have: ``{"gain": "win", "loss": "loss"}``."""
Vectors = Mapping[str, Sequence[str] | tuple[Sequence[str], str]]
"""``{"offers": ["left_amount", "right_amount"]}`` of numbers; ``{"options": (["left", "right"], "cue")}`` of labels."""

BEFORE = ("context", "cue", "block", "session")
"""Roles that are columns of labels known before the choice."""


@dataclass
class Roles:
    """The columns of a long table in their roles, as cells in the order of the file."""

    participant: Cells | None = None
    trial: Cells | None = None
    choice: Cells | None = None
    outcome: dict[str, Cells] = field(default_factory=dict)
    response: dict[str, Cells] = field(default_factory=dict)
    before: dict[str, Before] = field(default_factory=dict)
    reset: Cells | None = None
    available: Mapping[Hashable, Cells] | Sequence[Cells] = ()
    unused: tuple[str, ...] = ()

    def at(self, index: np.ndarray) -> Roles:
        """The same roles, with the rows of the table at the given places."""

        def cut(cells: Cells | None) -> Cells | None:
            return None if cells is None else cells.at(index)

        available = self.available
        return replace(
            self,
            participant=cut(self.participant),
            trial=cut(self.trial),
            choice=cut(self.choice),
            outcome={name: cells.at(index) for name, cells in self.outcome.items()},
            response={name: cells.at(index) for name, cells in self.response.items()},
            before={n: replace(b, cells=tuple(c.at(index) for c in b.cells)) for n, b in self.before.items()},
            reset=cut(self.reset),
            available={label: cells.at(index) for label, cells in available.items()}
            if isinstance(available, Mapping)
            else [cells.at(index) for cells in available],
        )

    def every_trial_cell(self) -> list[Cells]:
        """The cells that make a row a trial: all but who, when and in which block."""
        told = [c for name, column in self.before.items() if name not in ("block", "session") for c in column.cells]
        if not told:  # without anything shown before the choice, an empty row is a missed trial
            return []
        return [*told, *([] if self.choice is None else [self.choice]), *self.outcome.values(), *self.response.values()]


class Columns:
    """The columns of one table, as they are asked for; remembers which were used and what went wrong."""

    def __init__(self, table: Table, problems: Problems) -> None:
        self.table, self.problems = table, problems
        self.used: set[str] = set()

    def take(self, name: object, role: str, how: str = "given") -> Cells | None:
        """The cells of a column by its name; None and a problem if there is no such column, or more than one."""
        name, header, where = str(name), self.table.header, self.table.name  # a DataFrame may have numbers as names
        count = header.count(name)
        if count == 1:
            self.used.add(name)
            return self.table.column(name, how)
        if count > 1:
            self.problems.add(
                "repeated-column", where, f"{count} columns are called {shown(name)}", "rename all but one"
            )
            return None
        near = closest(name, header)
        there = listed([column for column in header if column], 30)
        written = Argument(role, near[0] if near else "...")
        typed = written if role.isidentifier() else str(written)
        remedy = Message("did you mean ", typed, "?") if near else Message("type ", typed, " with one of these names")
        self.problems.add("missing-column", where, f"there is no column {shown(name)}; there are {there}", remedy)
        return None

    def take_all(self, names: Mapping[str, str], role: str, how: str = "given") -> dict[str, Cells]:
        """Several columns, by the names they are to have."""
        taken = {own: self.take(name, role, how) for own, name in names.items()}
        return {own: cells for own, cells in taken.items() if cells is not None}


def find_roles(
    table: Table,
    problems: Problems,
    *,
    named: Mapping[str, Named],
    outcome: Several = None,
    response: Several = None,
    reset: bool | str = False,
    available: Sequence[str] | Mapping[Hashable, str] | None = None,
    vectors: Vectors | None = None,
    labels: Sequence[str] | Mapping[str, str] = (),
    numbers: Sequence[str] = (),
    extra_missing: Collection[Hashable] = (),
) -> Roles:
    """Find the column of every role, and note whatever is missing or ambiguous as a problem."""
    columns = Columns(table, problems)
    roles = Roles()
    single = {role: columns.take(name, role) for role, name in named.items() if name not in (None, False)}
    roles.outcome = columns.take_all(_by_name(outcome, "outcome"), "outcome")
    roles.response = columns.take_all(_by_name(response, "response"), "response")
    roles.reset = columns.take(reset, "reset") if not isinstance(reset, bool) else None
    more = _more_before(columns, vectors or {}, labels, numbers)
    roles.available = _availability(columns, available)

    wanted = [role for role, name in named.items() if name is None]
    wanted += [role for role, name in (("outcome", outcome), ("response", response)) if name is None]
    found = recognise(table.header, [role for role in NAMES if role in wanted], columns.used)
    if "response" in found and (single.get("choice") is not None or "choice" in found):
        del found["response"]
    for role, names in found.items():
        if role == "outcome" and is_pair(names):
            roles.outcome = columns.take_all({plain(name): name for name in names}, role, "recognised")
        elif len(names) > 1:
            remedy = Message("type ", Argument(role, names[0]), ", or ", Argument(role, False), " for none of them")
            problems.add("ambiguous-column", table.name, f"any of {listed(names)} may be the {role}", remedy)
            single[role] = None
        elif role == "outcome":
            roles.outcome = columns.take_all({"outcome": names[0]}, role, "recognised")
        elif role == "response":
            roles.response = columns.take_all({"response": names[0]}, role, "recognised")
        else:
            single[role] = columns.take(names[0], role, "recognised")
            cells = single[role]
            if (
                role == "choice"
                and response is None
                and cells is not None
                and _is_rating(names[0], cells, extra_missing)
            ):
                roles.response, single[role] = {"response": cells}, None

    roles.participant, roles.trial, roles.choice = (single.get(role) for role in ("participant", "trial", "choice"))
    given = {role: cells for role in BEFORE if (cells := single.get(role)) is not None}
    for name in sorted(given.keys() & more.keys()):
        message = f"two columns are to be called {shown(name)}"
        remedy = Message("type ", Argument(name, False), ", or rename the column in the file")
        problems.add("name-clash", table.name, message, remedy)
    roles.before = {role: Before((cells,), role) for role, cells in given.items()} | more
    _check_needed(roles, named, found, response, columns)
    _check_after(roles, columns, [cells for column in roles.before.values() for cells in column.cells])
    roles.unused = tuple(name for name in table.header if name and name not in columns.used)
    return roles


def as_name(name: str) -> str:
    """A column's name as a learner can write it after ``trial.``: ``"delay later"`` becomes ``"delay_later"``."""
    name = re.sub(r"\W", "_", name)
    return f"_{name}" if not name or name[0].isdigit() or keyword.iskeyword(name) else name


def as_list[Item](given: Collection[Item] | str) -> list[Item] | list[str]:
    """A list, also of one text given alone."""
    return [given] if isinstance(given, str) else list(given)


def _by_name(given: Several, single: str) -> dict[str, str]:
    if isinstance(given, str):
        return {single: given}
    if isinstance(given, Mapping):
        return {as_name(own): name for own, name in given.items()}
    return {as_name(str(name)): name for name in given} if isinstance(given, Sequence) else {}


def _more_before(
    columns: Columns, vectors: Vectors, labels: Sequence[str] | Mapping[str, str], numbers: Sequence[str]
) -> dict[str, Before]:
    """The further columns known before the choice, with the set of labels they point into."""
    wanted: list[tuple[str, Sequence[str], str | None, bool]] = []
    for name, given in vectors.items():
        parts, levels = given if isinstance(given, tuple) and not isinstance(given[0], str) else (given, None)
        wanted.append((as_name(name), as_list(parts), levels, True))
    shared = labels.items() if isinstance(labels, Mapping) else [(name, as_name(name)) for name in as_list(labels)]
    wanted += [(as_name(name), [name], levels, False) for name, levels in shared]
    wanted += [(as_name(name), [name], None, False) for name in as_list(numbers)]
    more = {}
    for name, parts, levels, vector in wanted:
        if name in more or name in ("choice", "outcome", "response", "available", "participant"):
            message = f"{shown(name)} is taken already, as the name of another column"
            columns.problems.add("name-clash", columns.table.name, message, "rename the column in the file")
        role = f'vectors={{"{name}": ...}}' if vector else "numbers" if levels is None else "labels"
        cells = [columns.take(part, role) for part in parts]
        found = tuple(part for part in cells if part is not None)
        if found and len(found) == len(parts):
            more[name] = Before(found, levels, vector)
    return more


def _availability(
    columns: Columns, available: Sequence[str] | Mapping[Hashable, str] | None
) -> Mapping[Hashable, Cells] | Sequence[Cells]:
    if available is None:
        return ()
    if isinstance(available, Mapping):
        cells = {label: columns.take(name, "available") for label, name in available.items()}
        return {label: column for label, column in cells.items() if column is not None}
    return [column for name in as_list(available) if (column := columns.take(name, "available")) is not None]


def _is_rating(name: str, cells: Cells, extra_missing: Collection[Hashable]) -> bool:
    if plain(name) not in MAY_BE_RATING:
        return False
    values, wrong, _ = numbers(cells, missing(cells, extra_missing))
    finite = values[np.isfinite(values)]
    return not wrong.any() and bool((finite != np.round(finite)).any())


def _check_needed(
    roles: Roles, named: Mapping[str, Named], found: Collection[str], response: Several, columns: Columns
) -> None:
    """A table without participants or choices is told so, unless its column was named (and perhaps misspelt)."""
    where, there = columns.table.name, listed([name for name in columns.table.header if name], 30)
    if named["participant"] is None and "participant" not in found:
        message = f"no column is recognised as the participant; there are {there}"
        remedy = Message(
            "type ",
            Argument("participant", "..."),
            ", or ",
            Argument("participant", False),
            " if all rows are of one participant",
        )
        columns.problems.add("missing-column", where, message, remedy)
    nothing = roles.choice is None and not roles.response
    if nothing and named["choice"] in (None, False) and "choice" not in found and response in (None, False):
        message = f"no column is recognised as the choice; there are {there}"
        remedy = Message(
            "type ",
            Argument("choice", "..."),
            " with the column of choices, or ",
            Argument("response", "..."),
            " with one of ratings",
        )
        columns.problems.add("missing-column", where, message, remedy)


def _check_after(roles: Roles, columns: Columns, asked: Sequence[Cells | None]) -> None:
    """What is known only after the choice is not offered before it."""
    results = [*([] if roles.choice is None else [roles.choice]), *roles.outcome.values(), *roles.response.values()]
    after = {cells.name for cells in results}
    for cells in asked:
        if cells is not None and (cells.name in after or plain(cells.name) in AFTER_CHOICE):
            message = "is known only after the choice, so no learner may see it before"
            remedy = Message(
                "leave it out here (outcomes go into ",
                Argument("outcome", ...),
                "); if it was shown beforehand, rename the column",
            )
            columns.problems.add("after-choice", cells.where, message, remedy)
