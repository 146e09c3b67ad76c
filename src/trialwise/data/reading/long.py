"""A long table, with one row per trial: its rows in order, one column of cells per role."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.assemble import RUNS, OrderedCells
from trialwise.data.reading.cells import Cells, MissingCodes, missing_mask, to_labels
from trialwise.data.reading.ordering import Order, put_in_order
from trialwise.data.reading.roles import Roles
from trialwise.data.reading.sorted_as_text import about_numbered_rows, combined
from trialwise.data.reading.suspicions import about_participants
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems
from trialwise.data.reading.where import both, practice_rows, separating, written


def order_long(
    table: Table,
    roles: Roles,
    single_participant: bool,
    missing_codes: MissingCodes,
    problems: Problems,
    declared: Mapping[str, Sequence[Hashable]] = MappingProxyType({}),
    where: str | None = None,
) -> OrderedCells:
    """Order the cells of every role by participant and trial, without the rows that contain no trial.

    `declared` are labels by role, of which participants are never codes of missing values; `where` is the
    condition by which rows were left out already, to which further ones are added.
    """
    filled = _with_a_trial(table, roles, missing_codes)
    if not filled.any():
        problems.add("empty-table", table.name, "no row contains a trial", "check that these are the right columns")
        problems.raise_if_any()
    notes = [f"{table.name}: {table.note}"] if table.note else []
    if not filled.all():
        left = int((~filled).sum())
        notes.append(
            f"{counted(left, 'row')} {'contains no trial and was' if left == 1 else 'contain no trial and were'} left out"
        )
    table, roles = table.keep(filled), roles.at(np.flatnonzero(filled), len(filled))
    # trials that come from one row of the file, which follow each other, are ordered as one
    first = np.flatnonzero(np.diff(table.rows, prepend=-1))
    trials, every, made = len(table.rows), (table, roles), list(table.sources)
    table, roles = table.keep(first), roles.at(first, trials)
    runs = {name: roles.pre_choice[name].cells[0] for name in RUNS if name in roles.pre_choice}
    # without a participant column, repeated trial numbers may belong to different participants
    trial = roles.trial if roles.participant is not None or single_participant else None

    flags = (
        [roles.reset.name] if isinstance(roles.reset, Cells) else []
    )  # they say when to reset, not which rows are trials

    def without(wrong: np.ndarray) -> str | None:
        return separating(table, wrong, missing_codes, where, [*flags, *made])

    others = _others(table, roles, [*runs.values()])
    behaviour = (roles.choice, *roles.outcome.values(), *roles.response.values())
    shown = [cells for column in roles.pre_choice.values() for cells in column.cells]
    # rows without a choice or a context may be missed trials
    of_trials = flags + [cells.name for cells in (*behaviour, *shown) if cells is not None]
    order = put_in_order(
        roles.participant, trial, runs, len(table.rows), missing_codes, problems, others, without, declared
    )
    notes += [*order.notes, *_about_practice(table, roles, where), *_about_participants(table, roles, order)]
    notes += _about_numbered_rows(table, roles, order, [*runs.values()])
    source = roles.participant.source if roles.participant else "all rows belong to one"
    mapping = {"participant": f"{source}, {len(order.participants)} labels", "trial": order.description}
    if roles.unused:
        mapping["not used"] = ", ".join(roles.unused)
    order, (table, roles) = order.of_trials(first, trials), every
    roles, table = roles.at(order.index, len(table.rows)), table.keep(order.index)
    return OrderedCells(
        participants=order.participants,
        offsets=order.offsets,
        rows=table.rows,
        choice=roles.choice,
        outcome=roles.outcome,
        response=roles.response,
        rt=roles.rt,
        responded=roles.responded,
        scored=roles.scored,
        pre_choice=roles.pre_choice,
        reset=roles.reset,
        available=roles.available,
        mapping=mapping,
        notes=notes,
        trial=_labels_of(roles.trial, missing_codes),
        inputs={name: column.values for name, column in zip(table.header, table.columns, strict=True) if name},
        without=lambda wrong: separating(table, wrong, missing_codes, where, [*of_trials, *made]),
    )


def check_outcomes(
    whole: Table, kept: np.ndarray, ordered: OrderedCells, missing_codes: MissingCodes, problems: Problems
) -> None:
    """Note outcomes that stand on other rows than the choices: read like this, nothing would ever be learnt from them.

    `kept` tells the rows of the whole table that ``where`` left.
    """
    behaviour = [*([] if ordered.choice is None else [ordered.choice]), *ordered.response.values()]
    if not behaviour:
        return
    responded = ~np.all([missing_mask(cells, missing_codes) for cells in behaviour], axis=0)
    for name, cells in ordered.outcome.items():
        present = ~missing_mask(cells, missing_codes)
        elsewhere = ~missing_mask(whole.column(cells.name, "given"), missing_codes) & ~kept
        count = int(present.sum() + elsewhere.sum())
        if responded.any() and not present[responded].any() and count:
            problems.add(
                "outcome-on-another-row",
                cells.where,
                f"no row with a choice has an outcome, and {count} rows without a choice have one",
                f"write the {name} into the row of the choice that it followed, in a copy of the file; rows of feedback are not joined",
            )


def _with_a_trial(table: Table, roles: Roles, missing_codes: MissingCodes) -> np.ndarray:
    """Whether each row contains a trial, ``bool (rows,)``."""
    empty = np.all([column.empty for column in table.columns], axis=0)
    trial_cells = roles.trial_cells()
    if trial_cells:
        empty |= np.all([missing_mask(cells, missing_codes) for cells in trial_cells], axis=0)
    return ~empty


def _others(table: Table, roles: Roles, runs: Sequence[Cells]) -> list[Cells]:
    """Columns with which trial numbers may restart: all but those that order the rows, and results."""
    results = (roles.choice, roles.rt, roles.responded, roles.scored, *roles.outcome.values(), *roles.response.values())
    known = {cells.name for cells in (roles.participant, roles.trial, *runs, *results) if cells is not None}
    names = [name for name in table.header if name and name not in known and table.header.count(name) == 1]
    return [table.column(name, "") for name in names]


def _about_practice(table: Table, roles: Roles, where: str | None) -> Iterator[str]:
    for name, label, count in practice_rows(table, roles.used):
        what = f"{name} is {label!r} in {counted(count, 'row')}: if these are no trials of the task, leave them out, "
        yield Message(what, Argument("where", both(where, f"{written(name)} != {label!r}")))


def _about_participants(table: Table, roles: Roles, order: Order) -> Iterator[str]:
    """Notes on participants; where trials are numbered, rows of one participant may lie anywhere."""
    if roles.participant is None:
        return
    owner = np.empty(len(table.rows), np.int64)
    owner[order.index] = np.repeat(np.arange(len(order.offsets) - 1), np.diff(order.offsets))
    if roles.trial is not None:
        owner = np.sort(owner)
    columns = [column for name, column in zip(table.header, table.columns, strict=True) if name]
    yield from about_participants(
        order.participants, owner, lambda rows: list(zip(*(column[rows].values for column in columns), strict=True))
    )


def _about_numbered_rows(table: Table, roles: Roles, order: Order, runs: Sequence[Cells]) -> Iterator[Message]:
    """Notes on columns that may be the trial number, if none is and the rows are read in the order of the table."""
    if roles.trial is None:
        within = np.repeat(np.arange(len(order.offsets) - 1), np.diff(order.offsets))
        for cells in runs:
            within = combined(within, cells.column.codes[order.index])
        unused = (table.column(name, "") for name in roles.unused if table.header.count(name) == 1)
        yield from about_numbered_rows((cells.at(order.index) for cells in unused), within)


def _labels_of(trial: Cells | None, missing_codes: MissingCodes) -> np.ndarray | None:
    """The file's own numbers or labels of the trials, ``object (trials,)``."""
    if trial is None:
        return None
    return to_labels([trial], [missing_mask(trial, missing_codes)])[0].values
