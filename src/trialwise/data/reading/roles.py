"""The roles of the columns of a long table: given by the user, or recognised by name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trialwise.base.message import Argument, Message, Whole
from trialwise.data.reading.assemble import RUNS, PreChoice
from trialwise.data.reading.cells import Cells, MissingCodes, missing_mask, quote, quote_list, to_numbers
from trialwise.data.reading.coded import are_all, coded_columns
from trialwise.data.reading.column_names import AFTER_CHOICE, MAY_BE_RATING, NAMES, closest, is_pair, plain, recognise
from trialwise.data.reading.several_trials import suggested
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems
from trialwise.data.reading.where import is_condition, rows_where

ColumnName = str | bool | None
"""The name of a column; None to recognise it; False for no such column."""
ColumnNames = str | Sequence[str] | Mapping[str, str] | bool | None
"""One column or several, optionally renamed: ``{"gain": "win", "loss": "loss"}``."""
Vectors = Mapping[str, Sequence[str] | tuple[Sequence[str], str]]
"""``{"offers": ["left_amount", "right_amount"]}`` of numbers; ``{"options": (["left", "right"], "cue")}`` of labels."""


PRE_CHOICE_ROLES = ("context", "cue", "block", "session")
"""Roles of columns of labels known before the choice."""


OF_RESULTS = ("participant", "file", "row", "trial", "number", "choice", "rt", "reset", "scored", "available")
"""Names of columns of every table of results, which no column known before the choice and no outcome can have."""


@dataclass
class Roles:
    """The cells of every role of a long table, in the order of the file."""

    participant: Cells | None = None
    trial: Cells | None = None
    choice: Cells | None = None
    outcome: dict[str, Cells] = field(default_factory=dict)
    response: dict[str, Cells] = field(default_factory=dict)
    pre_choice: dict[str, PreChoice] = field(default_factory=dict)
    rt: Cells | None = None
    responded: Cells | None = None
    scored: Cells | None = None
    reset: Cells | tuple[str, ...] = ()
    available: Mapping[Hashable, Cells] | Sequence[Cells] = ()
    unused: tuple[str, ...] = ()
    used: tuple[str, ...] = ()

    def at(self, index: np.ndarray, n_rows: int) -> Roles:
        """Select rows by index, for all roles."""
        if are_all(index, n_rows):
            return self

        def cut(cells: Cells | None) -> Cells | None:
            return None if cells is None else cells.at(index)

        available = self.available
        return replace(
            self,
            participant=cut(self.participant),
            trial=cut(self.trial),
            choice=cut(self.choice),
            rt=cut(self.rt),
            responded=cut(self.responded),
            scored=cut(self.scored),
            outcome={name: cells.at(index) for name, cells in self.outcome.items()},
            response={name: cells.at(index) for name, cells in self.response.items()},
            pre_choice={n: replace(b, cells=tuple(c.at(index) for c in b.cells)) for n, b in self.pre_choice.items()},
            reset=self.reset.at(index) if isinstance(self.reset, Cells) else self.reset,
            available={label: cells.at(index) for label, cells in available.items()}
            if isinstance(available, Mapping)
            else [cells.at(index) for cells in available],
        )

    def label_sets(self) -> list[tuple[str, Cells]]:
        """Each set of labels that a single column has for itself, with the column."""
        sets = [] if self.choice is None else [("action", self.choice)]
        return sets + [
            (column.levels, column.cells[0])
            for column in self.pre_choice.values()
            if column.levels is not None and len(column.cells) == 1
        ]

    def trial_cells(self) -> list[Cells]:
        """The cells that make a row a trial: all except participant, trial, block and session."""
        columns = [column for name, column in self.pre_choice.items() if name not in ("block", "session")]
        if not columns:  # without columns known before the choice, an empty row is a missed trial
            return []
        cells = [c for column in columns for c in column.cells]
        return [
            *cells,
            *([] if self.choice is None else [self.choice]),
            *self.outcome.values(),
            *self.response.values(),
        ]


class Columns:
    """Access to the columns of a table by name, with a record of the columns used and the problems encountered."""

    def __init__(self, table: Table, problems: Problems) -> None:
        self.table, self.problems = table, problems
        self.used: set[str] = set()

    def take(self, name: object, role: str, how: str = "given") -> Cells | None:
        """The cells of a column; None, with a problem noted, if no column or more than one has that name."""
        name, header, where = str(name), self.table.header, self.table.name  # a DataFrame may have numbers as names
        count = header.count(name)
        if count == 1:
            self.used.add(name)
            return self.table.column(name, how)
        if count > 1:
            self.problems.add(
                "repeated-column", where, f"{count} columns are called {quote(name)}", "rename all but one"
            )
            return None
        near = closest(name, header, role)
        names = quote_list([column for column in header if column], 30)
        argument = Argument(role, near[0] if near else "...")
        typed = argument if role.isidentifier() else str(argument)
        remedy = Message("did you mean ", typed, "?") if near else Message("type ", typed, " with one of these names")
        self.problems.add("missing-column", where, f"there is no column {quote(name)}; there are {names}", remedy)
        return None

    def take_all(self, names: Mapping[str, str], role: str, how: str = "given") -> dict[str, Cells]:
        """The cells of several columns, by their new names; columns with problems are left out."""
        columns = {new: self.take(name, role, how) for new, name in names.items()}
        return {new: cells for new, cells in columns.items() if cells is not None}


def find_roles(
    table: Table,
    problems: Problems,
    *,
    named: Mapping[str, ColumnName],
    outcome: ColumnNames = None,
    response: ColumnNames = None,
    reset: bool | str = False,
    available: Sequence[str] | Mapping[Hashable, str] | None = None,
    vectors: Vectors | None = None,
    labels: Sequence[str] | Mapping[str, str] = (),
    numbers: Sequence[str] = (),
    missing_codes: MissingCodes = (),
) -> Roles:
    """Find the columns of every role, and note missing or ambiguous columns as problems."""
    columns = Columns(table, problems)
    roles = Roles()
    single = {role: columns.take(name, role) for role, name in named.items() if name not in (None, False)}
    roles.outcome = columns.take_all(_by_name(outcome, "outcome"), "outcome")
    roles.response = columns.take_all(_by_name(response, "response"), "response")
    run_of = {} if isinstance(reset, bool) else _runs_by_column(table.header, named)
    if not isinstance(reset, bool) and reset not in run_of:
        roles.reset = columns.take(reset, "reset") or ()
    more = _further_columns(columns, vectors or {}, labels, numbers)
    roles.available = _availability(columns, available, missing_codes)

    open_roles = [role for role, name in named.items() if name is None]
    open_roles += [role for role, name in (("outcome", outcome), ("response", response)) if name is None]
    matches = recognise(table.header, [role for role in NAMES if role in open_roles], columns.used)
    if "response" in matches and (single.get("choice") is not None or "choice" in matches):
        del matches["response"]
    for role, names in matches.items():
        if role == "outcome" and is_pair(names):
            roles.outcome = columns.take_all({plain(name): name for name in names}, role, "recognised")
        elif len(names) > 1 and role == "rt":
            continue  # nothing depends on response times: which of them is meant need not be asked
        elif len(names) > 1:
            remedy = Message("type ", Argument(role, names[0]), ", or ", Argument(role, False), " for none of them")
            problems.add("ambiguous-column", table.name, f"any of {quote_list(names)} may be the {role}", remedy)
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
                and _is_rating(names[0], cells, missing_codes)
            ):
                roles.response, single[role] = {"response": cells}, None

    roles.participant, roles.trial, roles.choice = (single.get(role) for role in ("participant", "trial", "choice"))
    roles.rt, roles.responded, roles.scored = (single.get(role) for role in ("rt", "responded", "scored"))
    pre_choice = {role: cells for role in PRE_CHOICE_ROLES if (cells := single.get(role)) is not None}
    for name in sorted(pre_choice.keys() & more.keys()):
        message = f"two columns would have the name {quote(name)}"
        remedy = Message("type ", Argument(name, False), ", or rename the column in the file")
        problems.add("name-clash", table.name, message, remedy)
    roles.pre_choice = {role: PreChoice((cells,), role) for role, cells in pre_choice.items()} | more
    for name in [*roles.outcome, *roles.response]:
        both = name in roles.outcome and name in roles.response
        if both or name in OF_RESULTS or name in roles.pre_choice:
            remedy = Message("give it another name, as in ", Argument("outcome", {f"{name}_value": "its column"}))
            problems.add(
                "name-clash", table.name, f"{quote(name)} is the name of another column of results already", remedy
            )
    if isinstance(reset, str) and reset in run_of:
        roles.reset = (run_of[reset],)
    _check_required(roles, named, matches, response, columns, missing_codes)
    _check_pre_choice(roles, columns, [cells for column in roles.pre_choice.values() for cells in column.cells])
    roles.used = tuple(columns.used)
    added = None if problems.files is None else problems.files.column
    roles.unused = tuple(name for name in table.header if name and name not in columns.used and name != added)
    return roles


def _runs_by_column(header: Sequence[str], named: Mapping[str, ColumnName]) -> dict[str, str]:
    """Columns of sessions and blocks, given or recognised, with their roles."""
    matches = recognise(header, [role for role in RUNS if named[role] is None])
    found = {names[0]: role for role, names in matches.items() if len(names) == 1}
    return found | {str(named[role]): role for role in RUNS if isinstance(named[role], str)}


def as_name(name: str) -> str:
    """Turn a column's name into a Python name, to follow ``trial.`` in a learner: ``"delay later"`` becomes ``"delay_later"``."""
    name = re.sub(r"\W", "_", name)
    return f"_{name}" if not name or name[0].isdigit() or keyword.iskeyword(name) else name


def as_list[Item](items: Collection[Item] | str) -> list[Item] | list[str]:
    """Convert to a list; a single text becomes a list of one."""
    return [items] if isinstance(items, str | int) else list(items)


def _by_name(columns: ColumnNames, default: str) -> dict[str, str]:
    """One column or several, by their new names; a single column gets the default name."""
    if isinstance(columns, str):
        return {default: columns}
    if isinstance(columns, Mapping):
        return {as_name(new): name for new, name in columns.items()}
    return {as_name(str(name)): name for name in columns} if isinstance(columns, Sequence) else {}


def _further_columns(
    columns: Columns, vectors: Vectors, labels: Sequence[str] | Mapping[str, str], numbers: Sequence[str]
) -> dict[str, PreChoice]:
    """Vectors and further columns known before the choice, with the set of labels they belong to."""
    requests: list[tuple[str, Sequence[str], str | None, bool]] = []
    for name, members in vectors.items():
        parts, levels = members if isinstance(members, tuple) and not isinstance(members[0], str) else (members, None)
        requests.append((as_name(name), as_list(parts), levels, True))
    label_sets = (
        labels.items() if isinstance(labels, Mapping) else [(name, as_name(str(name))) for name in as_list(labels)]
    )
    requests += [(as_name(str(name)), [name], levels, False) for name, levels in label_sets]
    requests += [(as_name(str(name)), [name], None, False) for name in as_list(numbers)]
    more = {}
    for name, parts, levels, vector in requests:
        if name in more or name in (*OF_RESULTS, "outcome", "response"):
            message = f"{quote(name)} is the name of another column already"
            columns.problems.add("name-clash", columns.table.name, message, "rename the column in the file")
        role = f'vectors={{"{name}": ...}}' if vector else "numbers" if levels is None else "labels"
        cells = tuple(part for part in [columns.take(part, role) for part in parts] if part is not None)
        if cells and len(cells) == len(parts):
            more[name] = PreChoice(cells, levels, vector)
    return more


def _availability(
    columns: Columns, available: Sequence[str] | Mapping[Hashable, str] | None, missing_codes: MissingCodes
) -> Mapping[Hashable, Cells] | Sequence[Cells]:
    """Flags of each action, from columns or from conditions on rows."""
    if available is None:
        return ()
    names = available if isinstance(available, Mapping) else dict(enumerate(as_list(available)))
    cells = {label: _flags(columns, str(name), missing_codes) for label, name in names.items()}
    found = {label: column for label, column in cells.items() if column is not None}
    return found if isinstance(available, Mapping) else list(found.values())


def _flags(columns: Columns, name: str, missing_codes: MissingCodes) -> Cells | None:
    """The cells of a column of flags, or those of the condition ``stage == 'bet'``: 1 where it is satisfied."""
    table = columns.table
    if name in table.header or not is_condition(name):
        return columns.take(name, "available")

    def never(text: str) -> None:
        columns.problems.add("unknown-label", table.name, text, "correct the condition")

    (flags,) = coded_columns(
        [rows_where(table, name, missing_codes, never, "available").astype(np.int64).astype(object)]
    )
    return Cells(flags, table.rows, name, f"{table.name}, condition {quote(name)}", f"condition {quote(name)}")


def _is_rating(name: str, cells: Cells, missing_codes: MissingCodes) -> bool:
    if plain(name) not in MAY_BE_RATING:
        return False
    values, wrong, _ = to_numbers(cells, missing_mask(cells, missing_codes))
    finite = values[np.isfinite(values)]
    return not wrong.any() and bool((finite != np.round(finite)).any())


def _check_required(
    roles: Roles,
    named: Mapping[str, ColumnName],
    recognised: Collection[str],
    response: ColumnNames,
    columns: Columns,
    missing_codes: MissingCodes,
) -> None:
    """Note missing participants or choices, unless their column was given (and perhaps misspelt)."""
    where, names = columns.table.name, quote_list([name for name in columns.table.header if name], 30)
    if named["participant"] is None and "participant" not in recognised:
        message = f"no column is recognised as the participant; there are {names}"
        remedy = Message(
            "type ",
            Argument("participant", "..."),
            ", or ",
            Argument("participant", False),
            " if all rows belong to one participant",
        )
        if columns.problems.files is not None:
            file = Argument("participant", columns.problems.files.column)
            remedy = Message("if each file is one participant, type ", file, "; otherwise ", remedy)
        columns.problems.add("missing-column", where, message, remedy)
    no_behaviour = roles.choice is None and not roles.response
    if no_behaviour and named["choice"] in (None, False) and "choice" not in recognised and response in (None, False):
        message = f"no column is recognised as the choice; there are {names}"
        remedy = Message(
            "type ",
            Argument("choice", "..."),
            " with the column of choices, or ",
            Argument("response", "..."),
            " with a column of ratings",
        )
        if (expansion := suggested(columns.table, missing_codes)) is not None:
            several = Argument("expand", Whole(expansion))
            remedy = Message("if each row is several choices, type ", several, "; otherwise ", remedy)
        columns.problems.add("missing-column", where, message, remedy)


def _check_pre_choice(roles: Roles, columns: Columns, pre_choice: Sequence[Cells | None]) -> None:
    """Note columns known only after the choice that were given as known before it."""
    results = [*([] if roles.choice is None else [roles.choice]), *roles.outcome.values(), *roles.response.values()]
    after = {cells.name for cells in results}
    for cells in pre_choice:
        if cells is not None and (cells.name in after or plain(cells.name) in AFTER_CHOICE):
            message = "is known only after the choice, so a learner must not see it before"
            remedy = Message(
                "leave it out here (outcomes go into ",
                Argument("outcome", ...),
                "); if it was shown beforehand, rename the column",
            )
            columns.problems.add("after-choice", cells.where, message, remedy)
