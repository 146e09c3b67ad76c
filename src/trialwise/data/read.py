"""Reading trials: wide tables with participants in columns, or one long table with a row a trial."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import DataError, UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.reading.assemble import Gathered, assemble, declared_levels
from trialwise.data.reading.cells import missing
from trialwise.data.reading.formats import SUFFIXES
from trialwise.data.reading.names import role_of_file
from trialwise.data.reading.open_table import open_table
from trialwise.data.reading.ordering import put_in_order
from trialwise.data.reading.roles import Roles, as_list, find_roles
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems
from trialwise.data.reading.wide import gather_wide
from trialwise.data.trials import Trials

if TYPE_CHECKING:
    from trialwise.data.reading.open_table import Source
    from trialwise.data.reading.roles import Named, Several, Vectors


def read_wide(
    folder: str | PathLike[str] | None = None,
    /,
    *,
    context: Source | None = None,
    cue: Source | None = None,
    choice: Source | None = None,
    outcome: Source | Mapping[str, Source] | None = None,
    response: Source | Mapping[str, Source] | None = None,
    block: Source | None = None,
    reset: Source | bool = False,
    columns: Mapping[str, Source] | None = None,
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    actions: Sequence[Hashable] | None = None,
    missing: Collection[Hashable] = (),
) -> Trials:
    """Read tables with participants in columns and trials in rows, one table a role.

    Each table has a header row with the participants' labels. Participants may have different numbers of trials: the
    cells below a participant's last trial are empty in all tables. A first column with row or trial numbers is left out.

    Parameters
    ----------
    folder
        A folder whose files are recognised by their names (``seasons.csv``, ``aliens.csv``, ``actions.csv``,
        ``rewards.csv``; ``cue.csv``, ``choice.csv``, ...), for those roles that are not given.
    context, cue, choice, outcome, response, block
        Paths or DataFrames, each ``(trials, participants)``. Several outcomes (or responses) make a record:
        ``outcome={"gain": "gains.csv", "loss": "losses.csv"}``.
    reset
        A table of flags (1: the state is reset before this trial), or True to reset at each new block.
    columns
        Further tables known before the choice, by name. Numbers, unless `levels` declares labels or text is found.
    levels
        Declared labels by name, e.g. ``{"context": ["hot", "cold", "rainy"]}``; what is not declared is inferred.
    actions
        Declared labels of the choices, the same as ``levels={"action": ...}``.
    missing
        Codes taken as missing, besides empty cells, NA, n/a, NaN, None, null and -999. A choice of -1 is a missed one if
        the other choices are whole numbers from 0 or 1 on, unless -1 is declared.

    Returns
    -------
    Trials
        Participants in the order of the columns.

    Raises
    ------
    DataError
        With everything that is wrong with the tables.
    UsageError
        If the arguments do not fit together.

    Examples
    --------
    >>> trials = read_wide(context="seasons.csv", cue="aliens.csv", choice="actions.csv", outcome="rewards.csv")
    """
    declared = declared_levels(levels, actions)
    roles = {"context": context, "cue": cue, "choice": choice, "block": block}
    outcomes, responses = _several(outcome, "outcome"), _several(response, "response")
    if folder is not None:
        for role, path in _files(Path(fspath(folder)), roles.keys() | {"outcome"}).items():
            if role == "outcome":
                outcomes = outcomes or {"outcome": path}
            elif roles[role] is None:
                roles[role] = path
    if roles["choice"] is None and not responses:
        raise UsageError(
            "a table of choices is needed: ",
            Argument("choice", "actions.csv"),
            " (or ",
            Argument("response", "ratings.csv"),
            ")",
        )
    if reset is True and roles["block"] is None:
        raise UsageError(
            Argument("reset", True), " resets at each new block: give ", Argument("block", "blocks.csv"), ", or ",
            Argument("reset", "resets.csv"),
        )  # fmt: skip
    sources: dict[tuple[str, str], Source] = {
        (role, role): path for role, path in roles.items() if path is not None and path is not False
    }
    sources |= {("outcome", name): path for name, path in outcomes.items()}
    sources |= {("response", name): path for name, path in responses.items()}
    sources |= {("columns", name): path for name, path in (columns or {}).items()}
    if not isinstance(reset, bool):
        sources["reset", "reset"] = reset

    problems, missing = Problems(), as_list(missing)
    tables: dict[tuple[str, str], Table] = {}
    for place, source in sources.items():
        try:
            tables[place] = open_table(source, f"the table of {place[1]}")
        except DataError as error:
            problems.absorb(error)
    problems.raise_if_any()
    gathered = gather_wide(tables, declared, missing, problems)
    gathered.reset = ("block",) if reset is True else gathered.reset
    return assemble(gathered, declared, missing, problems)


def read_long(
    source: Source,
    *,
    participant: Named = None,
    trial: Named = None,
    session: Named = None,
    block: Named = None,
    context: Named = None,
    cue: Named = None,
    choice: Named = None,
    outcome: Several = None,
    response: Several = None,
    reset: bool | str = False,
    available: Sequence[str] | Mapping[Hashable, str] | None = None,
    vectors: Vectors | None = None,
    labels: Sequence[str] | Mapping[str, str] = (),
    numbers: Sequence[str] = (),
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    actions: Sequence[Hashable] | None = None,
    missing: Collection[Hashable] = (),
) -> Trials:
    """Read one table with one row a trial.

    A role that is not given is recognised by its column's name, as the field uses them (``subjID``, ``trialNum``,
    ``stimulus``, ``action``, ``reward``, ...: :data:`trialwise.data.reading.names.NAMES`); ``Trials.mapping`` tells what was
    taken. The rows of participants may be interleaved; each participant's are sorted by trial.

    Parameters
    ----------
    source
        A path (CSV, TSV, semicolons, decimal commas, gzip, Excel, Parquet) or a DataFrame.
    participant, trial, session, block, context, cue, choice
        A column's name; None to recognise it; False to do without it. With ``participant=False`` all rows are of one
        participant, with ``trial=False`` they are in order as they stand.
    outcome, response
        Likewise, or several columns, ``["win", "loss"]``, or with names of their own, ``{"gain": "win", "loss": "loss"}``.
        Columns ``gain`` and ``loss`` together are recognised as such a pair.
    reset
        True: the state is reset at each new block (and session); the name of a column of flags: before the trials it
        marks. A new block alone resets nothing.
    available
        Columns of 0 and 1, one an action: ``{"left": "left_offered", "right": "right_offered"}``, or a list in the order
        of the actions.
    vectors
        Columns known before the choice that belong together, by name: ``{"offers": ["left_amount", "right_amount"]}`` of
        numbers, ``{"options": (["left", "right"], "cue")}`` of labels that are the same as those of the cue.
    labels, numbers
        Further columns known before the choice, as labels or as real numbers, so that a learner can use
        ``trial.delay_later``. ``labels={"previous_cue": "cue"}`` shares the labels of the cue.
    levels
        Declared labels by name, e.g. ``{"context": ["hot", "cold", "rainy"]}``; what is not declared is inferred.
    actions
        Declared labels of the choices, the same as ``levels={"action": ...}``.
    missing
        Codes taken as missing, besides empty cells, NA, n/a, NaN, None, null and -999. A choice of -1 is a missed one if
        the other choices are whole numbers from 0 or 1 on, unless -1 is declared.

    Returns
    -------
    Trials
        Participants in the order of their first rows.

    Raises
    ------
    DataError
        With everything that is wrong with the table.
    UsageError
        If the arguments do not fit together.

    Examples
    --------
    >>> trials = read_long("bandit.csv", participant="subjID", outcome={"gain": "gain", "loss": "loss"})
    """
    declared = declared_levels(levels, actions)
    problems, missing = Problems(), as_list(missing)
    table = open_table(source)
    named = {"participant": participant, "session": session, "block": block, "trial": trial}
    named |= {"context": context, "cue": cue, "choice": choice}
    roles = find_roles(
        table,
        problems,
        named=named,
        outcome=outcome,
        response=response,
        reset=reset,
        available=available,
        vectors=vectors,
        labels=labels,
        numbers=numbers,
        extra_missing=missing,
    )
    gathered = _gather_long(table, roles, participant is False, missing, problems)
    if reset is True:
        gathered.reset = tuple(name for name in ("session", "block") if name in gathered.before)
        if not gathered.reset:
            message = Message(Argument("reset", True), " resets at each new block, and there is no column of blocks")
            problems.add("missing-column", table.name, message, Message("type ", Argument("block", "...")))
    return assemble(gathered, declared, missing, problems)


def _gather_long(
    table: Table, roles: Roles, alone: bool, also_missing: Collection[Hashable], problems: Problems
) -> Gathered:
    """The cells in their roles, in the order of participants and trials, without the rows that hold no trial."""
    empty = np.all([[cell is None for cell in column] for column in table.columns], axis=0)
    told = roles.every_trial_cell()
    if told:
        empty |= np.all([missing(cells, also_missing) for cells in told], axis=0)
    filled = np.flatnonzero(~empty)
    if not len(filled):
        problems.add("empty-table", table.name, "no row holds a trial", "check that these are the right columns")
        problems.raise_if_any()
    roles = roles.at(filled)
    runs = [roles.before[name].cells[0] for name in ("session", "block") if name in roles.before]
    trial = (
        roles.trial if roles.participant is not None or alone else None
    )  # whose trials they are is an open question otherwise
    order = put_in_order(roles.participant, trial, runs, len(filled), also_missing, problems)
    notes = [f"{table.name}: {table.note}"] if table.note else []
    if empty.any():
        notes.append(f"{int(empty.sum())} rows hold no trial and were left out")
    who = roles.participant.source if roles.participant else "all rows are of one"
    mapping = {"participant": f"{who}, {len(order.participants)} labels", "trial": order.how}
    if roles.unused:
        mapping["not used"] = ", ".join(roles.unused)
    sorted_roles = roles.at(order.index)
    return Gathered(
        participants=order.participants,
        offsets=order.offsets,
        rows=table.rows[filled][order.index],
        choice=sorted_roles.choice,
        outcome=sorted_roles.outcome,
        response=sorted_roles.response,
        before=sorted_roles.before,
        reset=sorted_roles.reset or (),
        available=sorted_roles.available,
        mapping=mapping,
        notes=notes,
    )


def _several(given: Source | Mapping[str, Source] | None, single: str) -> dict[str, Source]:
    if given is None or given is False:
        return {}
    return dict(given) if isinstance(given, Mapping) else {single: given}


def _files(folder: Path, roles: Collection[str]) -> dict[str, Path]:
    """The tables of a folder by role."""
    if not folder.is_dir():
        raise UsageError(
            f"{str(folder)!r} is no folder; name the tables: ", Argument("context", "seasons.csv"), ", ",
            Argument("choice", "actions.csv"), ", ...",
        )  # fmt: skip
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        role = role_of_file(path.name.split(".")[0]) if path.suffix.lower() in SUFFIXES else None
        if role in roles and role is not None:
            if role in found:
                raise UsageError(
                    f"{found[role].name} and {path.name} may both be the {role}; type ",
                    Argument(role, ...),
                    " with one",
                )
            found[role] = path
    if "choice" not in found:
        raise UsageError(
            f"no file of choices (actions.csv, choices.csv) is in {str(folder)!r}; type ", Argument("choice", "...")
        )
    return found
