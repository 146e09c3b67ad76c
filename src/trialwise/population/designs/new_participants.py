r"""Participants who were not fitted: the matrices of a fitted design at their covariates.

.. math:: u_{new} = x_{new} B + z_{new} v, \qquad v \sim \mathrm{Normal}(0, G)

Their covariates are coded as those of the fit were: with its levels, and standardised by the means and standard deviations of its
participants.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.by_rows import Rows
from trialwise.data.reading.cells import Cells, distinct_cells, key, missing_mask, quote, quote_list, to_numbers
from trialwise.data.reading.column_names import recognise
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems
from trialwise.population.design import Design
from trialwise.population.designs.at import At, checked_values
from trialwise.population.designs.coding import CallCode, FactorCode
from trialwise.population.designs.join import ParticipantsTable, opened
from trialwise.population.designs.parameter_design import BETWEEN, WITHIN
from trialwise.population.designs.stored import StoredDesign


def needed(stored: StoredDesign) -> dict[str, tuple[Hashable, ...]]:
    """The columns that the formulas read, by name, with the levels of factors; none for numbers."""
    columns: dict[str, tuple[Hashable, ...]] = {}
    for model in stored.models.values():
        owners = {name for coding in (model.coding, model.own) for owner in coding.owners() for name in owner}
        for code in (model.coding.codes[name] for name in sorted(owners)):
            if isinstance(code, CallCode):
                columns |= {name: columns.get(name, ()) for name in code.train}
            else:
                name = code.column.removesuffix(BETWEEN).removesuffix(WITHIN)
                columns[name] = code.levels if isinstance(code, FactorCode) else columns.get(name, ())
    return columns


_PARTICIPANT = "participant"


def new_design(stored: StoredDesign, source: ParticipantsTable) -> tuple[Design, Rows]:
    """The matrices of new participants.

    Parameters
    ----------
    stored
        The design of a fit.
    source
        A table with a row for each new participant, or for each of their sessions: a column ``participant`` of labels, and the columns
        that the formulas read.

    Returns
    -------
    tuple
        The design, and which rows each participant has.

    Raises
    ------
    UsageError
        If parameters change while the state goes on; if a formula has no finite value at some covariates.
    DataError
        With all problems of the table: columns, levels and values that are missing or unknown, repeated participants.
    """
    _check_slots(stored, Argument("participants", NAME_ALONE))
    design, rows = _designed(stored, source)
    if bad := _without_value(stored, design):
        formula, places = bad
        raise UsageError(
            f"the formula {formula} has no finite value at the covariates of the new {'participant' if len(places) == 1 else 'participants'} in row "
            f"{quote_list(n + 1 for n in places)} of the table"
        )
    return design, rows


def design_at(stored: StoredDesign, labels: Sequence[Hashable], at: At) -> tuple[Design, Rows]:
    """The matrices of new participants who all have the same covariates, and which rows each has.

    Raises
    ------
    UsageError
        If parameters change while the state goes on; for covariates and values that are not possible, with all of them.
    """
    _check_slots(stored, Argument("at", NAME_ALONE))
    values = checked_values(at, needed(stored), stored.rows.columns)
    combinations = [dict(zip(values, each, strict=True)) for each in itertools.product(*values.values())]
    every = [{_PARTICIPANT: label, **each} for label in labels for each in combinations]
    design, rows = _designed(stored, {name: [row[name] for row in every] for name in (_PARTICIPANT, *values)})
    if bad := _without_value(stored, design):
        raise UsageError(Argument("at", dict(at)), f": the formula {bad[0]} has no finite value there")
    return design, rows


def _check_slots(stored: StoredDesign, given: Argument) -> None:
    """Refuse a design in which parameters change while the state goes on."""
    slotted = [name for name, model in stored.models.items() if len(model.slots) > 1]
    if slotted:
        raise UsageError(
            f"{listed(slotted)} {'changes' if len(slotted) == 1 else 'change'} while the state goes on, so that new participants would need sequences of trials with these conditions; "
            "participants of the fit can be predicted: leave out ", given,
        )  # fmt: skip


def _designed(stored: StoredDesign, source: ParticipantsTable) -> tuple[Design, Rows]:
    """The matrices of a table of new participants, and which rows each has."""
    table, problems = opened(source), Problems()
    labels = _labels(table, problems)
    columns = {name: _column(table, name, levels, labels, problems) for name, levels in needed(stored).items()}
    problems.raise_if_any()
    values = {name: each for name, each in columns.items() if each is not None}
    participants = tuple(dict.fromkeys(labels))
    owner = np.array([participants.index(label) for label in labels])
    order = np.argsort(owner, kind="stable")
    owner, values = owner[order], {name: each[order] for name, each in values.items()}
    _check_rows(stored, table.name, participants, owner, values, problems)
    problems.raise_if_any()
    rows = {
        each.name: [each.levels[int(value)] if each.levels else float(value) for value in values[each.name]]
        for each in stored.covariates
        if each.place == "row"
    }
    return _matrices(stored, owner, values), Rows(participants, owner, rows)


def _without_value(stored: StoredDesign, design: Design) -> tuple[str, list[int]] | None:
    """The first formula without a finite value at some rows, and these rows; None if all have one."""
    for name, model in stored.models.items():
        own = slice(model.first, model.first + len(model.labels))
        places = np.flatnonzero(~np.isfinite(design.fixed[:, :, own]).all((1, 2)))
        if len(places):
            return f"{name} ~ {model.formula}", places.tolist()
    return None


def _labels(table: Table, problems: Problems) -> list[Hashable]:
    """The participant of each row; numbers, if the table has no labels."""
    found = recognise(table.header, [_PARTICIPANT]).get(_PARTICIPANT, [])
    if _PARTICIPANT in table.header:
        found = [_PARTICIPANT]
    if len(found) > 1:
        problems.add(
            "no-participant-column",
            table.name,
            f"columns {quote_list(found)} may all be that of participants",
            "call the column of their labels 'participant', and no other",
        )
    if len(found) != 1:
        return list(range(len(table.rows)))
    cells = table.column(found[0], "recognised")
    absent = missing_mask(cells)
    problems.in_cells("no-label", cells, absent, "the participant is missing", "fill it in")
    return [str(n) if gone else key(cell) for n, (cell, gone) in enumerate(zip(cells.values, absent, strict=True))]


def _column(
    table: Table, name: str, levels: Sequence[Hashable], labels: Sequence[Hashable], problems: Problems
) -> np.ndarray | None:
    """Codes of levels, or numbers; None with a problem noted."""
    if table.header.count(name) != 1:
        message = (
            f"there is no column {quote(name)}" if name not in table.header else f"two columns are called {quote(name)}"
        )
        known = [each for each in table.header if each]
        problems.add("unknown-covariate", table.name, message, did_you_mean(name, known, "columns"))
        return None
    cells = table.column(name, "given")
    absent = missing_mask(cells, labels=levels)
    who = quote_list(dict.fromkeys(label for label, gone in zip(labels, absent, strict=True) if gone))
    problems.in_cells("missing-covariate", cells, absent, f"{name} is missing for participants {who}", "fill it in")
    return _levels(cells, absent, name, levels, problems) if levels else _numbers(cells, absent, name, problems)


def _levels(cells: Cells, absent: np.ndarray, name: str, levels: Sequence[Hashable], problems: Problems) -> np.ndarray:
    index = {key(level): n for n, level in enumerate(levels)}
    codes = np.array(
        [-1 if gone else index.get(key(cell), -1) for cell, gone in zip(cells.values, absent, strict=True)]
    )
    unseen = (codes < 0) & ~absent
    problems.in_cells(
        "unseen-level", cells, unseen,
        f"{quote_list(distinct_cells(cells, unseen))}: the fit has seen no participant at {'this level' if len(distinct_cells(cells, unseen)) == 1 else 'these levels'} of {name}",
        f"its levels are {listed(map(quote, levels))}",
    )  # fmt: skip
    return codes


def _numbers(cells: Cells, absent: np.ndarray, name: str, problems: Problems) -> np.ndarray:
    values, wrong, _ = to_numbers(cells, absent)
    problems.in_cells(
        "not-a-number", cells, wrong,
        f"{name} must be a number; found {quote_list(distinct_cells(cells, wrong), 3)}", "replace each by its number",
    )  # fmt: skip
    problems.in_cells("infinite", cells, np.isinf(values), f"{name} is infinite", "correct it")
    return values


def _check_rows(
    stored: StoredDesign, where: str, participants: Sequence[Hashable], owner: np.ndarray, values: Mapping[str, np.ndarray],
    problems: Problems,
) -> None:  # fmt: skip
    """Note participants with two rows for the same session, or with two values of what does not change within participants."""
    within = [name for name in values if name in stored.rows.columns]
    keys = np.stack([owner, *(values[name] for name in within)], 1).astype(float)
    distinct, counts = np.unique(keys, axis=0, return_counts=True)
    repeated = list(dict.fromkeys(participants[int(n)] for n in distinct[counts > 1, 0]))
    if repeated:
        each = f" for each {' and '.join(within)}" if within else ""
        verb = "has" if len(repeated) == 1 else "have"
        problems.add(
            "repeated-participant", where, f"{quote_list(repeated)} {verb} several rows", f"leave one row{each}"
        )
        return
    for name, own in values.items():
        if name in within:
            continue
        changing = [label for n, label in enumerate(participants) if np.ptp(own[owner == n]) > 0]
        if changing:
            message = f"{name} is different in the rows of {quote_list(changing)}, and does not change within participants of the fit"
            problems.add("changing-covariate", where, message, "leave one value for each participant")


def _matrices(stored: StoredDesign, owner: np.ndarray, values: Mapping[str, np.ndarray]) -> Design:
    """The design with these rows, coded as the fit's."""
    d, count = stored.design, len(owner)
    fixed = np.zeros((count, len(d.columns), len(d.coefficients)))
    random = np.zeros((count, len(d.columns), len(d.effects)))
    columns = dict(values)
    for name in values:
        means = np.bincount(owner, values[name]) / np.bincount(owner)
        columns |= {f"{name}{BETWEEN}": means[owner], f"{name}{WITHIN}": values[name] - means[owner]}
    for name, model in stored.models.items():
        k = d.place[name]
        common, own = (coding.matrix(columns, count) for coding in (model.coding, model.own))
        fixed[:, k, model.first : model.first + common.shape[1]] = common
        random[:, k, model.first_effect : model.first_effect + own.shape[1]] = own
    return Design(
        d.columns, d.coefficients, d.effects, owner, fixed, random, tuple(map(str, owner)), d.blocks, d.average
    )
