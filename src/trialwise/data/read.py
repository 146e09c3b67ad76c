"""Read trials from wide tables with participants in columns, or from one long table with one row per trial."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import DataError, UsageError, did_you_mean
from trialwise.base.expects import (
    FLAG,
    INTEGER,
    LABELS,
    MAPPING,
    NAME,
    PATH,
    Kind,
    expects,
    mapping_to,
    several,
)
from trialwise.base.message import Argument, Message
from trialwise.data.expansion.given import EXPAND, as_expansion
from trialwise.data.reading.assemble import OrderedCells, assemble, declared_levels
from trialwise.data.reading.carried_flags import carry_flags
from trialwise.data.reading.cells import MissingCodes
from trialwise.data.reading.column_names import role_of_file
from trialwise.data.reading.exclusion import Rules, excluding
from trialwise.data.reading.expand.expand_table import expand_table
from trialwise.data.reading.expand.expanded import Asked
from trialwise.data.reading.formats import SUFFIXES
from trialwise.data.reading.long import check_outcomes, order_long
from trialwise.data.reading.open_table import open_table
from trialwise.data.reading.own_levels import about_described, declare_own_levels
from trialwise.data.reading.response_times import UNITS
from trialwise.data.reading.roles import as_list, find_roles
from trialwise.data.reading.several import open_tables
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems
from trialwise.data.reading.where import rows_where
from trialwise.data.reading.wide import codes_by_table, order_wide
from trialwise.data.trials import Trials

if TYPE_CHECKING:
    from trialwise.data.expansion.given import Expand
    from trialwise.data.reading.open_table import Source
    from trialwise.data.reading.roles import ColumnName, ColumnNames, Vectors
    from trialwise.data.reading.several import Sources


NO_COLUMN = Kind("False for no such column", lambda value: value is False)
COLUMN = NAME | INTEGER
COLUMNS = several(COLUMN)
ONE_OR_MORE = COLUMN | NO_COLUMN | COLUMNS | mapping_to(COLUMN)
"""What readers expect of the names of columns; those of a DataFrame may be numbers."""

SHARED = {
    "levels": mapping_to(LABELS | NAME),
    "actions": LABELS | NAME,
    "missing": LABELS | NAME | mapping_to(LABELS | NAME | INTEGER),
    "exclude": NAME | LABELS | MAPPING,
    "carry": FLAG,
}


@expects(folder=PATH, columns=MAPPING, where=NAME, **SHARED)
def read_wide(
    folder: str | PathLike[str] | None = None,
    /,
    *,
    context: Source | None = None,
    cue: Source | None = None,
    choice: Source | None = None,
    outcome: Source | Mapping[str, Source] | None = None,
    response: Source | Mapping[str, Source] | None = None,
    session: Source | None = None,
    block: Source | None = None,
    reset: Source | bool = False,
    columns: Mapping[str, Source] | None = None,
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    actions: Sequence[Hashable] | None = None,
    missing: MissingCodes = (),
    where: str | None = None,
    exclude: Rules | None = None,
    carry: bool = False,
) -> Trials:
    """Read tables with participants in columns and trials in rows, one table per role.

    Each table has a header row with the participants' labels. Participants may have different numbers of trials: the
    cells below a participant's last trial are empty in all tables. A first column of row or trial numbers is ignored.

    Parameters
    ----------
    folder
        A folder whose files are recognised by name (``contexts.csv``, ``cues.csv``, ``choices.csv``, ``outcomes.csv``;
        ``actions.csv``, ``rewards.csv``, ...), for the roles that are not given as arguments.
    context, cue, choice, outcome, response, session, block
        Paths or DataFrames, each ``(trials, participants)``. Several outcomes (or responses) form a record:
        ``outcome={"gain": "gains.csv", "loss": "losses.csv"}``.
    reset
        A table of flags (1: the learner's state is reset before this trial), or True to reset it at each new block. At each new
        session it is reset in any case, unless ``carry``.
    columns
        Further tables known before the choice, by name. They contain numbers, unless `levels` declares labels for them or
        they contain text.
    levels
        Declared labels by name, e.g. ``{"context": ["hot", "cold", "rainy"]}``; labels not declared are inferred from the
        data.
    actions
        Declared labels of the choices, the same as ``levels={"action": ...}``.
    missing
        Codes of missing values, ``[99]``, or by table, ``{"choice": [99]}``, under its role or the name of its file, in addition to empty cells, NA, n/a, NaN, None, null and -999. A choice of -1 is a missed
        choice if the other choices are whole numbers from 0 or 1 upwards, unless -1 is a declared action.
    where
        A condition on the trials to read, ``"trial > 20 and participant != 'ann'"``, as in :func:`read_long` of a table with a column
        for each role: ``choice``, ``outcome`` (or its name), ``block``, the names of `columns`; ``participant`` is a label of the header,
        ``trial`` the number in the first column, if the tables have one, or counted from 1. A trial is left out for the participants for whom
        the condition does not hold; a participant without trials is left out.
    exclude
        Rules that leave out participants, ``"missed > 0.2"`` or ``{reason: rule}``: see :func:`~trialwise.data.exclude.exclude`.
    carry
        Whether the learner's state goes on from one session to the next.

    Returns
    -------
    Trials
        Participants in the order of the columns.

    Raises
    ------
    DataError
        Lists all problems with the tables.
    UsageError
        If the arguments contradict each other, or the choices are missing.

    Examples
    --------
    >>> import pandas as pd
    >>> choices = pd.DataFrame({"ann": [0, 1, 1], "ben": [1, -1, 0]})  # -1: a missed choice
    >>> rewards = pd.DataFrame({"ann": [1.0, 0.0, 1.0], "ben": [0.0, None, 1.0]})
    >>> trials = tw.read_wide(choice=choices, outcome=rewards)
    >>> trials.participants, trials.choice.tolist()
    (('ann', 'ben'), [0, 1, 1, 1, -1, 0])
    """
    declared = declared_levels(levels, actions)
    roles = {"context": context, "cue": cue, "choice": choice, "session": session, "block": block}
    outcomes, responses = _by_name(outcome, "outcome"), _by_name(response, "response")
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

    problems, missing = Problems(), _codes_of_columns(missing)
    tables: dict[tuple[str, str], Table] = {}
    for role_and_name, source in sources.items():
        try:
            tables[role_and_name] = open_table(source, f"the table of {role_and_name[1]}")
        except DataError as error:
            problems.absorb(error)
    problems.raise_if_any()
    missing = codes_by_table(missing, tables)
    ordered = order_wide(tables, declared, missing, problems, where)
    ordered.reset = ("block",) if reset is True else ordered.reset
    ordered.carry = carry
    trials = assemble(ordered, declared, missing, problems)
    return trials if exclude is None else excluding(trials, exclude)


@expects(
    **dict.fromkeys(
        ("participant", "trial", "session", "block", "context", "cue", "choice", "rt", "responded", "scored"),
        COLUMN | NO_COLUMN,
    ),
    outcome=ONE_OR_MORE,
    response=ONE_OR_MORE,
    rt_unit=NAME,
    reset=FLAG | COLUMN,
    available=COLUMN | COLUMNS | MAPPING,
    vectors=mapping_to(COLUMN | COLUMNS | several(COLUMN | COLUMNS)),
    labels=COLUMN | COLUMNS | mapping_to(NAME),
    numbers=COLUMN | COLUMNS,
    where=NAME,
    expand=EXPAND,
    **SHARED,
)
def read_long(
    source: Sources,
    *,
    participant: ColumnName = None,
    trial: ColumnName = None,
    session: ColumnName = None,
    block: ColumnName = None,
    context: ColumnName = None,
    cue: ColumnName = None,
    choice: ColumnName = None,
    outcome: ColumnNames = None,
    response: ColumnNames = None,
    rt: ColumnName = None,
    rt_unit: str | None = None,
    responded: ColumnName = None,
    scored: ColumnName = None,
    reset: bool | str = False,
    available: Sequence[str] | Mapping[Hashable, str] | None = None,
    vectors: Vectors | None = None,
    labels: Sequence[str] | Mapping[str, str] = (),
    numbers: Sequence[str] = (),
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    actions: Sequence[Hashable] | None = None,
    missing: MissingCodes = (),
    where: str | None = None,
    exclude: Rules | None = None,
    carry: bool = False,
    expand: Expand | None = None,
) -> Trials:
    """Read one table with one row per trial.

    A role that is not given is recognised by the name of its column, from the names in common use (``subjID``, ``trialNum``,
    ``stimulus``, ``action``, ``reward``, ...: :data:`trialwise.data.reading.column_names.NAMES`); ``Trials.mapping`` lists the
    columns used. The rows of different participants may be interleaved; those of each participant are sorted by trial.

    Parameters
    ----------
    source
        A path (CSV, TSV, semicolons, decimal commas, gzip, Excel, Parquet) or a DataFrame. Tables of BIDS (``*_beh.tsv``, ``*_events.tsv``)
        are read with their sidecars, whose levels are declared labels and whose unit is that of the response times. Several tables with the same columns are
        read as one, such as one file per participant: a list of paths, a folder, or a pattern, ``"data/*.csv"``. A column ``file``
        contains their names; with ``participant="file"`` each file is one participant, with ``session="file"`` one session.
        A file that unpacks to far more than its size is refused; the environment variable ``TRIALWISE_UNPACK_MB`` sets the limit.
    participant, trial, session, block, context, cue, choice
        The name of a column; None to recognise it; False for no such column. With ``participant=False`` all rows belong to
        a single participant; with ``trial=False`` the rows are taken in the order of the table.
    outcome, response
        Likewise; or several columns, ``["win", "loss"]``, optionally renamed, ``{"gain": "win", "loss": "loss"}``.
        Columns ``gain`` and ``loss`` together are recognised as such a pair.
    rt, rt_unit
        Response times, and their unit, ``"s"`` or ``"ms"``; by default seconds if their median is at most 15 and milliseconds if it
        is at least 60. They are kept in seconds, checked and passed through; no learner reads them yet.
    responded
        A column of flags: 1 on trials with a response, 0 on those where the choice or response that is in the table was not made.
    scored
        A column of flags: 1 on trials where the response was the participant's own, 0 where it was forced or instructed. The learner
        learns from forced choices, they do not enter the likelihood, and simulations take them from the data.
    reset
        True to reset the learner's state at each new block and session; or the name of a column: that of the blocks (or sessions), at
        whose changes the state is reset, or one of flags (1: the state is reset before this trial). By default the state is
        reset at each new session, and a new block resets nothing.
    available
        Columns of 0 and 1, one per action: ``{"left": "left_offered", "right": "right_offered"}``, or a list in the order
        of the actions. In place of a column, a condition on rows as in ``where``: ``{"red": "stage == 'colour'", "50 %": "stage == 'bet'"}``.
    vectors
        Columns known before the choice that form a vector, by name: ``{"offers": ["left_amount", "right_amount"]}`` of
        numbers, ``{"options": (["left", "right"], "cue")}`` of labels shared with the cue.
    labels, numbers
        Further columns known before the choice, as labels or as real numbers, so that a learner can use
        ``trial.delay_later``. ``labels={"previous_cue": "cue"}`` shares the labels of the cue.
    levels
        Declared labels by name, e.g. ``{"context": ["hot", "cold", "rainy"]}``; labels not declared are inferred from the
        data.
    actions
        Declared labels of the choices, the same as ``levels={"action": ...}``.
    missing
        Codes of missing values, ``[99]``, or by column, ``{"key": [99]}``, in addition to empty cells, NA, n/a, NaN, None, null and -999. A choice of -1 is a missed
        choice if the other choices are whole numbers from 0 or 1 upwards, unless -1 is a declared action.
    where
        A condition on the rows to read, ``"phase == 'main' and rt < 3"``: rows that are no trials (practice, instructions, feedback)
        are left out. It is read as a sentence, never run as code: :func:`trialwise.data.reading.where.rows_where`.
    exclude
        Rules that leave out participants, ``"missed > 0.2"`` or ``{reason: rule}``: see :func:`~trialwise.data.exclude.exclude`.
    carry
        Whether the learner's state goes on from one session to the next.
    expand
        How one row of the table becomes several trials, if it has a row a trial of which a learner needs a row for each stage:
        :func:`trialwise.stages` or :func:`trialwise.repeats`, their text form, ``"first: choice=choice1; second: choice=choice2, outcome=reward"``,
        a mapping of stages, or an environment that declares it. It is done after ``where``; :func:`trialwise.collapse` undoes it in tables of results.

    Returns
    -------
    Trials
        Participants in the order of their first rows. ``row``, ``trial`` and ``inputs`` join results back to the table; of several
        files, ``file`` and ``row``.

    Raises
    ------
    DataError
        Lists all problems with the table.
    UsageError
        If the arguments contradict each other.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subjID": [1, 1, 2, 2], "choice": ["left", "right", "left", "left"], "reward": [1, 0, 0, 1]})
    >>> trials = tw.read_long(table, outcome="reward", trial=False)
    >>> trials
    Trials(2 participants, 4 trials; 2 actions)
    >>> trials.choice.tolist(), trials.levels["action"]
    ([0, 1, 0, 0], ('left', 'right'))
    """
    declared = declared_levels(levels, actions)
    whole, files = open_tables(source)
    problems, missing = Problems(files), _missing_codes(missing, whole.header)
    notes: list[str] = []
    kept = np.ones(len(whole.rows), bool) if where is None else rows_where(whole, where, missing, notes.append)
    if not kept.any():
        raise UsageError(
            Argument("where", where),
            f" leaves none of the {len(kept)} rows of {whole.name}",
            *(f"; {each}" for each in notes),
        )
    table = whole.keep(kept)
    named = {"participant": participant, "session": session, "block": block, "trial": trial}
    named |= {"context": context, "cue": cue, "choice": choice, "rt": rt, "responded": responded, "scored": scored}
    if rt_unit not in (None, *UNITS):
        raise UsageError(Argument("rt_unit", rt_unit), ": the unit of response times is 's' or 'ms'")
    asked: Asked = {
        "named": named,
        "outcome": outcome,
        "response": response,
        "labels": labels,
        "numbers": numbers,
    }
    expansion = as_expansion(expand)
    wide = None if expansion is None else expand_table(table, expansion, missing, declared, where, problems)
    if wide is not None:
        table, asked, missing = wide.table, wide.asked(asked), wide.missing(missing)
    roles = find_roles(
        table, problems, **asked, reset=reset, available=available, vectors=vectors, missing_codes=missing
    )
    if wide is not None:
        wide.declare(roles, declared)
    declared_in = declare_own_levels(roles, table, missing, declared)
    notes += about_described(roles, table, missing)
    ordered = order_long(table, roles, participant is False, missing, problems, declared, where)
    declared.pop("participant", None)  # a label of its own, not one of a column
    ordered.notes += notes
    if wide is not None:
        wide.complete(ordered)
    carry_flags(whole, ordered, roles.participant, missing, problems)
    ordered.carry, ordered.rt_unit, ordered.rt_given = carry, rt_unit, rt not in (None, False)
    ordered.declared_in = declared_in
    ordered.rt_stated = None if roles.rt is None else table.described.get(roles.rt.name)
    if where is not None:
        ordered.mapping["where"] = f"{where}: {int((~kept).sum())} of {len(kept)} rows left out"
    if wide is None:
        check_outcomes(whole, kept, ordered, missing, problems)
    _set_resets(ordered, reset, table.name, problems)
    trials = assemble(ordered, declared, missing, problems)
    trials = trials if files is None else files.located(trials, roles.used)
    return trials if exclude is None else excluding(trials, exclude)


def _set_resets(ordered: OrderedCells, reset: bool | str, name: str, problems: Problems) -> None:
    """Reset the state at each new session and block, if that was asked for."""
    if ordered.carry and isinstance(reset, str) and ordered.reset == ("session",):
        raise UsageError(
            Argument("reset", reset),
            " resets at each new session, ",
            Argument("carry", True),
            " does not: give one of them",
        )
    if reset is True:
        ordered.reset = tuple(
            run for run in ("session", "block") if run in ordered.pre_choice and (run == "block" or not ordered.carry)
        )
        if not ordered.reset:
            message = Message(Argument("reset", True), " resets at each new block, but there is no column of blocks")
            problems.add("missing-column", name, message, Message("type ", Argument("block", "...")))


def _codes_of_columns(missing: MissingCodes | str) -> MissingCodes:
    """Codes of missing values as lists, for all columns or by column."""
    if not isinstance(missing, Mapping):
        return as_list(missing)
    return {name: as_list(codes) if isinstance(codes, Collection) else [codes] for name, codes in missing.items()}


def _missing_codes(missing: MissingCodes | str, header: Collection[str]) -> MissingCodes:
    """Codes of missing values for all columns or by column of a table with this header.

    Raises
    ------
    UsageError
        If a column does not exist.
    """
    if isinstance(missing, Mapping):
        for name in missing:
            if name not in header:
                raise UsageError(
                    Argument("missing", dict(missing)),
                    f": there is no column {name!r}. {did_you_mean(str(name), list(header), 'columns')}",
                )
    return _codes_of_columns(missing)


def _by_name(sources: Source | Mapping[str, Source] | None, default: str) -> dict[str, Source]:
    """One source or several, by name; a single source gets the default name."""
    if sources is None or sources is False:
        return {}
    return dict(sources) if isinstance(sources, Mapping) else {default: sources}


def _files(folder: Path, roles: Collection[str]) -> dict[str, Path]:
    """The tables of a folder by role."""
    if not folder.is_dir():
        raise UsageError(
            f"{str(folder)!r} is not a folder; name the tables: ", Argument("context", "contexts.csv"), ", ",
            Argument("choice", "actions.csv"), ", ...",
        )  # fmt: skip
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        role = role_of_file(path.name.split(".")[0]) if path.suffix.lower() in SUFFIXES else None
        if role in roles and role is not None:
            if role in files:
                raise UsageError(
                    f"{files[role].name} and {path.name} may both be the {role}; type ",
                    Argument(role, ...),
                    " with one",
                )
            files[role] = path
    if "choice" not in files:
        raise UsageError(
            f"no file of choices (actions.csv, choices.csv) in {str(folder)!r}; type ", Argument("choice", "...")
        )
    return files
