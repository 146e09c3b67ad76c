"""Covariates: the columns that formulas name, from a table of participants or from the trials, as levels or numbers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trialwise.base.english import counted, listed
from trialwise.base.errors import did_you_mean
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import (
    Cells,
    distinct_cells,
    key,
    missing_mask,
    quote,
    quote_list,
    sorted_labels,
    to_labels,
    to_numbers,
)
from trialwise.data.reading.coded import coded, objects, plain_cell, translated
from trialwise.data.reading.validate import Problems
from trialwise.data.trials import MISSED, Trials
from trialwise.population.designs.formula import Formula
from trialwise.population.designs.join import Joined, ParticipantsTable, joined

Kind = Literal["factor", "number"]

FEWEST = 5
"""A level with fewer participants is noted."""

_WITH_UNIT = re.compile(r"\s*[+-]?\d+(?:[.,]\d+)?\s*([^\W\d]+)\.?\s*")
"""A number with a unit; a column of them is refused where all have the same."""


@dataclass(frozen=True, eq=False)
class Covariate:
    """A column that a formula names.

    Attributes
    ----------
    name
        Name of the column.
    kind
        Whether its values are levels or numbers.
    values
        ``int`` codes of levels or ``float``, ``(participants,)`` from a table, ``(trials,)`` from the trials.
    of_trials
        Whether it is from the trials.
    levels
        The labels of levels, in order; empty for numbers.
    """

    name: str
    kind: Kind
    values: np.ndarray
    of_trials: bool
    levels: tuple[Hashable, ...] = ()


@dataclass(frozen=True, eq=False)
class Covariates:
    """The columns of all formulas.

    Attributes
    ----------
    trials
        The trials, without participants who were dropped.
    columns
        The covariates, by name and kind.
    bare
        The kind of each column that a formula names outside calls.
    """

    trials: Trials
    columns: Mapping[tuple[str, Kind], Covariate]
    bare: Mapping[str, Kind]


@dataclass(frozen=True, eq=False)
class _Found:
    """The cells of a column, and the participant of each."""

    cells: Cells
    of_trials: bool
    participant: np.ndarray
    levels: tuple[Hashable, ...] = ()

    @property
    def absent(self) -> np.ndarray:
        return missing_mask(self.cells, labels=self.levels)


def covariates_of(
    trials: Trials,
    formulas: Iterable[Formula],
    participants: ParticipantsTable | None,
    missing: str,
    notes: list[str],
) -> Covariates:
    """Find the columns that formulas name.

    Parameters
    ----------
    trials
        Trials of all participants.
    formulas
        Formulas of parameters.
    participants
        A table with a row for each participant, or None.
    missing
        ``"refuse"``, or ``"drop"`` to leave out participants without a value.
    notes
        Receives what was decided.

    Returns
    -------
    Covariates
        The columns, of the participants who are left.

    Raises
    ------
    DataError
        With all problems: unknown and ambiguous names, participants without a row or value, text among numbers, infinite numbers.
    """
    problems = Problems()
    needs = _needs(formulas)
    table = (
        None
        if participants is None
        else joined(participants, trials.participants, trials.mapping.get("participant", ""), problems, notes)
    )
    found = {name: _find(name, trials, table, problems) for name in needs}
    cells = {name: each for name, each in found.items() if each is not None}
    kept = _kept(trials, table, cells, missing, problems, notes)
    columns: dict[tuple[str, Kind], Covariate] = {}
    bare: dict[str, Kind] = {}
    for name, each in cells.items():
        own = each if kept.all() else _without(each, kept)
        for want in sorted(needs[name]):
            covariate = _translated(name, own, want, problems, notes)
            if covariate is not None:
                columns[name, covariate.kind] = covariate
                bare |= {name: covariate.kind} if want == "any" else {}
    problems.raise_if_any()
    if not kept.all():
        trials = trials.select([label for label, keep in zip(trials.participants, kept, strict=True) if keep])
    for covariate in columns.values():
        _note_levels(covariate, trials, table, notes)
    return Covariates(trials, columns, bare)


def _needs(formulas: Iterable[Formula]) -> dict[str, set[str]]:
    """How each column is used: as a ``factor``, as a ``number``, or as ``any``."""
    needs: dict[str, set[str]] = {}
    for formula in formulas:
        for atom in formula.atoms:
            use = "any" if atom.call is None else "factor" if atom.call.makes_factor else "number"
            for name in atom.columns:
                needs.setdefault(name, set()).add(use)
    return needs


def _find(name: str, trials: Trials, table: Joined | None, problems: Problems) -> _Found | None:
    """The cells of a column, from the table or else from the trials."""
    of_table = [] if table is None else table.names
    own = [each for each, column in trials.columns.items() if column.values.ndim == 1]
    in_trials = name in own or name in trials.inputs
    if name in of_table:
        assert table is not None
        if of_table.count(name) > 1:
            problems.add(
                "repeated-column", table.table.name, f"several columns are called {quote(name)}", "rename all but one"
            )
            return None
        column = table.table.column(name, "given")
        cells = objects([None if n < 0 else column.values[n] for n in table.index])
        rows = np.where(table.index < 0, 0, table.table.rows[table.index])
        levels = table.table.levels.get(name, ())
        found = _Found(
            replace(column, column=coded(cells), rows=rows), False, np.arange(trials.n_participants), tuple(levels)
        )
        if in_trials:
            _check_same(name, found, _of_trials(name, trials), trials, problems)
        return found
    if in_trials:
        return _usable(name, _of_trials(name, trials), trials, problems)
    known = [*of_table, *own, *(each for each in trials.inputs if each not in own)]
    advice: tuple = (did_you_mean(name, known, "columns"),)
    if table is None:
        advice = (*advice, " A table with a row for each participant may have it: ", Argument("participants", ...))
    problems.add("unknown-covariate", "formulas", f"there is no column {quote(name)}", Message(*advice))
    return None


def _of_trials(name: str, trials: Trials) -> _Found:
    """The cells of a column of the trials."""
    column = trials.columns.get(name)
    rows = np.arange(1, trials.n_trials + 1) if trials.row is None else trials.row
    where = f"the trials, column {quote(name)}"
    levels: tuple[Hashable, ...] = ()
    if column is not None and column.values.ndim == 1:
        if column.levels is None:
            values = objects([None if np.isnan(value) else float(value) for value in column.values])
        else:
            levels = trials.levels[column.levels]
            values = np.array([*levels, None], object)[column.values]
    else:
        cells = Cells(translated(coded(trials.inputs[name]), plain_cell), rows, name, where, "")
        return _Found(cells, True, trials.participant_index)
    cells = Cells(coded(values), rows, name, where, "")
    return _Found(cells, True, trials.participant_index, levels)


def _usable(name: str, found: _Found, trials: Trials, problems: Problems) -> _Found | None:
    """A column of the trials, unless it is only known after the choice."""
    if _has_role(name, ("participant",), trials):
        problems.add(
            "participants-as-covariate", found.cells.where, "has the labels of the participants, who differ in every parameter anyway",
            "leave it out of the formula",
        )  # fmt: skip
        return None
    roles = [role for role in KNOWN_AFTER if name not in trials.columns and _has_role(name, (role,), trials)]
    if roles:
        problems.add(
            "known-after-choice", found.cells.where, f"is the {roles[0]} of the trials, which is known only after the choice",
            "parameters can depend on what is known before it: a condition, a session, a group",
        )  # fmt: skip
        return None
    return found


KNOWN_AFTER = ("choice", "rt", "outcome", "response")
"""Roles of columns that are known only after the choice."""


def _has_role(name: str, roles: Sequence[str], trials: Trials) -> bool:
    """Whether a column has one of these roles; one of several outcomes has the role ``"outcome win"``."""
    return any(f"column {name!r}" in source and role.split(" ")[0] in roles for role, source in trials.mapping.items())


def _check_same(name: str, found: _Found, other: _Found, trials: Trials, problems: Problems) -> None:
    """Note a column of the table that the trials have with other values."""
    own = [None if cell is None else key(cell) for cell in found.cells.values]
    different = sorted(
        {
            int(n)
            for n, cell in zip(other.participant, other.cells.values, strict=True)
            if cell is not None and key(cell) != own[n]
        }
    )
    if different:
        labels = [trials.participants[n] for n in different]
        problems.add(
            "two-columns", found.cells.where, f"the trials have a column of this name with other values, participants {quote_list(labels, 4)}",
            "rename one of them",
        )  # fmt: skip


def _kept(
    trials: Trials,
    table: Joined | None,
    found: Mapping[str, _Found],
    missing: str,
    problems: Problems,
    notes: list[str],
) -> np.ndarray:
    """Which participants have all values, ``bool (participants,)``; noted as a problem, or dropped by request."""
    drop = missing == "drop"
    without_row = np.zeros(trials.n_participants, bool)
    if table is not None and any(not each.of_trials for each in found.values()):
        without_row = table.index < 0
    absent = {name: each.absent & ~without_row[each.participant] for name, each in found.items()}
    kept = ~without_row
    for name, each in found.items():
        kept[each.participant[absent[name]]] = False
    reasons: dict[str, list[Hashable]] = {}
    remedy = Message("fill it in, or leave these participants out: ", Argument("missing_covariates", "drop"))
    if not kept.any():
        remedy = Message("fill it in; nobody would be left without such participants")
    if without_row.any():
        labels = [trials.participants[n] for n in np.flatnonzero(without_row)]
        reasons["have no row in the table of participants"] = labels
        if not drop:
            message = f"{counted(len(labels), 'participant')} of the trials {'has' if len(labels) == 1 else 'have'} no row: {quote_list(labels)}"
            assert table is not None
            problems.add("participant-without-row", table.table.name, message, remedy)
    for name, each in found.items():
        if not absent[name].any():
            continue
        labels = [trials.participants[n] for n in np.unique(each.participant[absent[name]])]
        reasons[f"have no {name}" if not each.of_trials else f"lack {name} on some trials"] = labels
        if not drop:
            gaps = f" on {counted(int(absent[name].sum()), 'trial')}" if each.of_trials else ""
            message = f"{name} is missing for {counted(len(labels), 'participant')}{gaps}: {quote_list(labels)}"
            own = Message(remedy, f", or leave {name} out of the formula") if not kept.any() else remedy
            problems.add("missing-covariate", each.cells.where, message, own, np.unique(each.cells.rows[absent[name]]))
    if drop and not kept.any():
        told = "; ".join(f"{counted(len(labels), 'participant')} {reason}" for reason, labels in reasons.items())
        lacking = [name for name in found if absent[name].any()]
        remedy = Message(
            f"fill in {listed(lacking)}, or leave it out of the formula"
            if lacking
            else "check the labels of participants"
        )
        problems.add("nobody-left", "participants", f"nobody has all covariates: {told}", remedy)
        return kept
    for reason, labels in reasons.items() if drop else ():
        notes.append(f"{counted(len(labels), 'participant')} left out, who {reason}: {quote_list(labels)}")
    return kept if drop else np.ones(trials.n_participants, bool)


def _without(found: _Found, kept: np.ndarray) -> _Found:
    """The cells of participants who are kept."""
    rows = kept[found.participant]
    index = np.cumsum(kept) - 1
    return replace(found, cells=found.cells.at(np.flatnonzero(rows)), participant=index[found.participant[rows]])


def _translated(name: str, found: _Found, want: str, problems: Problems, notes: list[str]) -> Covariate | None:
    """A column as levels or numbers; None with a problem noted."""
    absent = found.absent
    kind = _kind(name, found, absent, want, problems, notes)
    if kind is None:
        return None
    if kind == "number":
        values, wrong, _ = to_numbers(found.cells, absent)
        problems.in_cells(
            "not-a-number", found.cells, wrong,
            f"{name} must be a number; found {quote_list(distinct_cells(found.cells, wrong), 3)}",
            f"replace each by its number; if these are labels, write C({name})",
        )  # fmt: skip
        problems.in_cells(
            "infinite", found.cells, np.isinf(values), f"{name} is infinite", "correct it, or leave it empty"
        )
        return Covariate(name, "number", values, found.of_trials)
    labels = to_labels([found.cells], [absent])[0]
    occurring = [label for label, _ in labels.tally() if label is not None]
    own = {key(label): label for label in found.levels}
    levels = tuple(label for label in own.values() if key(label) in set(map(key, occurring)))
    if not own or len(levels) < len({key(label) for label in occurring}):
        levels = sorted_labels(occurring)
    if own and len(levels) < len(own):
        gone = [label for label in own.values() if key(label) not in set(map(key, levels))]
        notes.append(f"{name}: no trials at {quote_list(gone)}, which {'is' if len(gone) == 1 else 'are'} no level")
    index = {key(label): n for n, label in enumerate(levels)}
    codes = np.array([MISSED if label is None else index[key(label)] for label in labels.distinct.cells], int)
    return Covariate(name, "factor", codes[labels.codes], found.of_trials, levels)


def _kind(name: str, found: _Found, absent: np.ndarray, want: str, problems: Problems, notes: list[str]) -> Kind | None:
    """Whether a column is read as levels or numbers."""
    if want in ("factor", "number"):
        return "factor" if want == "factor" else "number"
    if found.levels:
        return "factor"
    values, wrong, is_truth = to_numbers(found.cells, absent)
    distinct = np.unique(values[np.isfinite(values)])
    if is_truth:
        return "factor"
    if not wrong.any():
        if set(distinct.tolist()) == {0.0, 1.0}:
            notes.append(f"{name}: 0 and 1 are taken as two levels of a factor")
            return "factor"
        if 2 <= len(distinct) <= 6 and np.all(distinct == np.round(distinct)):
            listed = ", ".join(f"{value:g}" for value in distinct)
            notes.append(
                f"{name}: {listed} are taken as numbers, with equal steps between them; write C({name}) for levels of a factor"
            )
        return "number"
    strange = distinct_cells(found.cells, wrong)
    units = {match[1] if match else "" for match in (_WITH_UNIT.fullmatch(str(cell)) for cell in strange)}
    if len(distinct) or (len(units) == 1 and units != {""}):
        content = "text among numbers" if len(distinct) else "numbers with a unit"
        problems.in_cells(
            "not-a-number", found.cells, wrong, f"{name} contains {content}: {quote_list(strange, 3)}",
            f"leave only numbers in this column; if these are labels, write C({name})",
        )  # fmt: skip
        return None
    return "factor"


def _note_levels(covariate: Covariate, trials: Trials, table: Joined | None, notes: list[str]) -> None:
    """Notes on levels that few participants have, and on those of the table that none has."""
    if covariate.kind != "factor":
        return
    owner = trials.participant_index if covariate.of_trials else np.arange(trials.n_participants)
    for n, level in enumerate(covariate.levels):
        count = len(np.unique(owner[covariate.values == n]))
        if count < FEWEST:
            notes.append(
                f"{covariate.name}: only {counted(count, 'participant')} at {quote(level)}; its estimate will lean on its prior"
            )
    if table is not None and not covariate.of_trials and covariate.name not in table.table.levels:
        cells = table.table.column(covariate.name, "given")
        every = [label for label, _ in to_labels([cells], [missing_mask(cells)])[0].tally() if label is not None]
        known = set(map(key, covariate.levels))
        gone = [label for label in dict.fromkeys(every) if key(label) not in known]
        if gone:
            notes.append(
                f"{covariate.name}: no trials at {quote_list(gone)}, which {'is' if len(gone) == 1 else 'are'} no level"
            )
