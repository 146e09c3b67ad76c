"""Convert ordered cells to :class:`~trialwise.data.trials.Trials`: the last step of every reader."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.expansion.declared import Expansion
from trialwise.data.reading.cells import Cells, MissingCodes, distinct_cells, key, missing_mask, quote_list, to_flags
from trialwise.data.reading.description import Description
from trialwise.data.reading.flag_columns import scored_flags, without_unmade
from trialwise.data.reading.response_times import read_response_times
from trialwise.data.reading.sorted_as_text import about_runs, combined
from trialwise.data.reading.suspicions import about_numbers
from trialwise.data.reading.validate import (
    Problems,
    check_levels,
    check_numbers,
    check_present,
    columns_of_table,
    missed_choices,
    missing_text,
)
from trialwise.data.trials import Column, Trials

RUNS = ("session", "block")
"""Roles of columns at whose changes the state of a learner may be reset."""


@dataclass(frozen=True)
class PreChoice:
    """A column known before the choice: one column of cells, or several that form a vector.

    Attributes
    ----------
    cells
        One column, or one per element of the vector.
    levels
        The set of labels that the cells belong to; None for numbers.
    vector
        Whether the column is a vector, even if its length is 1.
    """

    cells: tuple[Cells, ...]
    levels: str | None
    vector: bool = False


@dataclass
class OrderedCells:
    """The cells of every role, ordered by participant and trial."""

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    rows: np.ndarray
    choice: Cells | None = None
    outcome: Mapping[str, Cells] = field(default_factory=dict)
    response: Mapping[str, Cells] = field(default_factory=dict)
    pre_choice: dict[str, PreChoice] = field(default_factory=dict)
    reset: Cells | tuple[str, ...] = ()  # flags, or columns: the state is reset where they change
    available: Mapping[Hashable, Cells] | Sequence[Cells] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    responded: Cells | None = None
    scored: Cells | None = None
    rt: Cells | None = None
    rt_unit: str | None = None
    rt_given: bool = False
    rt_stated: Description | None = None
    carry: bool = False  # whether the state goes on from one session to the next
    trial: np.ndarray | None = None  # the file's own number or label of each trial
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)  # all columns of the table
    declared_in: Mapping[str, str] = field(default_factory=dict)  # the file that declares a set of labels
    expansion: Expansion | None = None  # how a row of the file became several trials
    without: Callable[[np.ndarray], str | None] = lambda wrong: None  # a condition that leaves out just these trials


def assemble(
    ordered: OrderedCells,
    declared: Mapping[str, Sequence[Hashable]],
    missing_codes: MissingCodes,
    problems: Problems,
) -> Trials:
    """Translate, validate and code every column.

    Raises
    ------
    DataError
        Lists all problems, including those already in `problems`.
    """
    mapping, notes = ordered.mapping, ordered.notes
    choice, levels, columns = _coded(ordered, declared, missing_codes, problems)
    outcome = _real(ordered.outcome, "outcome", missing_codes, problems, mapping, notes)
    response = _real(ordered.response, "response", missing_codes, problems, mapping, notes)
    rt = None
    if ordered.rt is not None:
        rt = read_response_times(
            ordered.rt, ordered.rt_unit, ordered.rt_given, missing_codes, problems, mapping, notes, ordered.rt_stated
        )
    choice, response, rt = without_unmade(
        ordered.responded, choice, response, rt, missing_codes, problems, mapping, notes
    )
    scored = scored_flags(ordered.scored, missing_codes, problems, mapping, notes)
    notes += _about_runs(ordered)
    reset = _resets(ordered, columns, problems)
    available = _available(ordered, choice, levels.get("action", ()), problems)
    problems.raise_if_any()
    return Trials(
        participants=ordered.participants,
        offsets=ordered.offsets,
        choice=choice,
        outcome=outcome,
        response=response,
        rt=rt,
        columns=columns,
        levels=levels,
        reset=reset,
        available=available,
        scored=scored,
        declared=frozenset(declared),
        row=ordered.rows,
        trial=ordered.trial,
        inputs=ordered.inputs,
        expansion=ordered.expansion,
        mapping=mapping,
        notes=tuple(notes),
    )


def _about_runs(ordered: OrderedCells) -> Iterator[str]:
    """Notes on sessions of a participant, and blocks of a session, that follow each other as text does."""
    within = np.repeat(np.arange(len(ordered.offsets) - 1), np.diff(ordered.offsets))
    for role in RUNS:
        if role in ordered.pre_choice:
            (cells,) = ordered.pre_choice[role].cells
            yield from about_runs(cells, within)
            within = combined(within, cells.column.codes)


def declared_levels(
    levels: Mapping[str, Sequence[Hashable]] | None, actions: Sequence[Hashable] | None
) -> dict[str, tuple[Hashable, ...]]:
    """Combine the two arguments that declare labels.

    Raises
    ------
    UsageError
        If the actions are declared twice, a label occurs twice, or the labels are a text instead of a list.
    """
    declared = dict(levels or {})
    if actions is not None:
        if "action" in declared:
            raise UsageError('actions=... and levels={"action": ...} both declare the actions; give one of them')
        declared["action"] = actions
    for name, labels in declared.items():
        if isinstance(labels, str):
            raise UsageError(f"the labels of {name} are {labels!r}; give a list, as in [{labels!r}, 'other']")
        keys = [key(label) for label in labels]
        if not keys:
            raise UsageError(f"the list of labels of {name} is empty; give all labels or leave it out")
        if len(set(keys)) < len(keys):
            repeated = next(label for label, k in zip(labels, keys, strict=True) if keys.count(k) > 1)
            raise UsageError(f"the labels of {name} contain {repeated!r} twice; give each label once")
    return {name: tuple(labels) for name, labels in declared.items()}


type _Member = tuple[
    str, int, Cells, np.ndarray
]  # the column's name, index in a vector, cells and mask of missing cells
type _Coded = tuple[np.ndarray | None, dict[str, tuple[Hashable, ...]], dict[str, Column]]


def _coded(
    ordered: OrderedCells,
    declared: Mapping[str, Sequence[Hashable]],
    missing_codes: MissingCodes,
    problems: Problems,
) -> _Coded:
    """Code the choices and all columns known before them, one set of labels at a time."""
    members: dict[str, list[_Member]] = {}
    columns: dict[str, Column] = {}
    if ordered.choice is not None:
        cells, actions = ordered.choice, declared.get("action")
        absent = missing_mask(cells, missing_codes, actions or ())
        absent |= missed_choices(cells, absent, actions, problems)
        members["action"] = [("choice", 0, cells, absent)]
    for name, column in ordered.pre_choice.items():
        for k, cells in enumerate(column.cells):
            absent = missing_mask(cells, missing_codes, declared.get(column.levels or "", ()))
            check_present(
                cells, absent, problems, name, column.levels, ordered.without(absent) if absent.any() else None
            )
            members.setdefault(column.levels or "", []).append((name, k, cells, absent))
    for levels in [levels for levels in declared if levels not in members]:
        sets = quote_list(sorted(members.keys() - {""}))
        problems.add("unknown-levels", f'levels["{levels}"]', f"no column has these labels; the sets are {sets}")

    levels_of: dict[str, tuple[Hashable, ...]] = {}
    values: dict[tuple[str, int], np.ndarray] = {}
    for levels, group in members.items():
        if levels == "":
            for name, k, cells, absent in group:
                values[name, k], _ = check_numbers(cells, absent, problems, name)
        else:
            codes, labels = check_levels(
                levels,
                [m[2] for m in group],
                [m[3] for m in group],
                declared.get(levels),
                problems,
                ordered.notes,
                ordered.declared_in.get(levels, ""),
            )
            levels_of[levels] = labels
            values |= {(name, k): code for (name, k, _, _), code in zip(group, codes, strict=True)}
        for name, k, cells, absent in group:
            if k == 0:
                how = "declared" if levels in declared else "inferred"
                how += f" in {ordered.declared_in[levels]}" if levels in ordered.declared_in else ""
                sources = " and ".join(part.source for part in _parts(ordered, name))
                ordered.mapping[name] = f"{sources}, {_description(levels_of.get(levels), how)}"
                if name == "choice":
                    ordered.mapping[name] += f", {missing_text(cells, absent)}"
    for name, column in ordered.pre_choice.items():
        parts = [values[name, k] for k in range(len(column.cells))]
        columns[name] = Column(np.stack(parts, axis=1) if column.vector else parts[0], column.levels)
    order = ["context", "cue", "action"]
    levels_of = {n: levels_of[n] for n in [*order, *levels_of] if n in levels_of}
    _note_missed(ordered.notes, members.get("action", []))
    return values.get(("choice", 0)), levels_of, columns


def _parts(ordered: OrderedCells, name: str) -> tuple[Cells, ...]:
    if name in ordered.pre_choice:
        return ordered.pre_choice[name].cells
    return (ordered.choice,) if ordered.choice is not None else ()


def _description(labels: Sequence[Hashable] | None, how: str) -> str:
    if labels is None:
        return "numbers"
    more = ", ..." if len(labels) > 8 else ""
    return f"{len(labels)} level{'' if len(labels) == 1 else 's'} {', '.join(map(str, labels[:8]))}{more} ({how})"


def _note_missed(notes: list[str], members: Sequence[_Member]) -> None:
    for name, _, cells, absent in members:
        minus = sum(count for cell, count in cells.column.tally(absent) if cell is not None and key(cell) == "-1")
        if name == "choice" and minus:
            notes.append(
                Message(
                    f"-1 was taken as a missed choice in {minus} trial{'s' if minus > 1 else ''}; if it is an action, declare"
                    " all actions: ", Argument("actions", [-1, ...]),
                )
            )  # fmt: skip


def _real(
    group: Mapping[str, Cells],
    what: str,
    missing_codes: MissingCodes,
    problems: Problems,
    mapping: dict[str, str],
    notes: list[str],
) -> dict[str, np.ndarray]:
    """Convert outcomes or responses to numbers, NaN where missing."""
    values = {}
    for name, cells in group.items():
        absent = missing_mask(cells, missing_codes)
        values[name], is_truth = check_numbers(cells, absent, problems, name)
        notes += about_numbers(name, values[name], columns_of_table([cells]))
        finite = values[name][np.isfinite(values[name])]
        description = f"numbers from {finite.min():g} to {finite.max():g}" if len(finite) else "no numbers"
        if is_truth:
            words = quote_list(distinct_cells(cells, ~absent), 4)
            description = f"{words} taken as 1 for true and 0 for false"
            notes.append(f"the {name} contains {words}: taken as 1 for true and 0 for false")
        role = name if name == what else f"{what} {name}"
        mapping[role] = f"{cells.source}, {description}, {missing_text(cells, absent)}"
    return values


def _resets(ordered: OrderedCells, columns: Mapping[str, Column], problems: Problems) -> np.ndarray:
    n_trials = int(ordered.offsets[-1])
    starts = np.zeros(n_trials, bool)
    starts[ordered.offsets[:-1][np.diff(ordered.offsets) > 0]] = True
    if isinstance(ordered.reset, Cells):
        cells = ordered.reset
        absent = missing_mask(cells)
        reset, wrong = to_flags(cells, absent)
        if ordered.expansion is not None:
            reset[1:] &= ordered.rows[1:] != ordered.rows[:-1]  # before the first of the trials of a row
        if absent.any():
            ordered.notes.append(f"{cells.where}: {counted(int(absent.sum()), 'empty cell')} taken as no reset")
        examples = quote_list(distinct_cells(cells, wrong), 3)
        wide = cells.participants is not None
        remedy = Message(
            f"write 1 where the state is reset; if it is reset wherever this {'table' if wide else 'column'} changes, type ",
            Argument("block", "..." if wide else cells.name), " and ", Argument("reset", wide or cells.name),
        )  # fmt: skip
        problems.in_cells("not-a-flag", cells, wrong, f"a reset must be 0 or 1; found {examples}", remedy)
        flags = f"{cells.source}, {int(reset.sum())} resets"
        if "session" not in columns:
            ordered.mapping["reset"] = flags
        elif ordered.carry:
            ordered.mapping["reset"] = f"{flags}; not at a new session"
        else:
            session = columns["session"].values
            reset[1:] |= (session[1:] != session[:-1]) & ~starts[1:]
            ordered.mapping["reset"] = f"{flags}; and at each new session, {int(reset.sum())} in all"
        return reset
    restarting = dict.fromkeys(ordered.reset)
    if "session" in columns and not ordered.carry:
        restarting["session"] = None
    reset = np.zeros(n_trials, bool)
    for name in restarting:
        codes = columns[name].values
        reset[1:] |= codes[1:] != codes[:-1]
    reset &= ~starts  # the state of a participant's first trial is new anyway
    if "session" in restarting:
        _note_returns(ordered, columns["session"].values, reset)
    going_on = [name for name in ("session", "block") if name in columns and name not in restarting]
    parts = [f"at each new {' or '.join(restarting)}, {int(reset.sum())} resets"] * bool(restarting)
    parts += [f"not at a new {' or '.join(going_on)}"] * bool(going_on)
    if parts:
        ordered.mapping["reset"] = "; ".join(parts)
    return reset


def _note_returns(ordered: OrderedCells, session: np.ndarray, reset: np.ndarray) -> None:
    """Note sessions that go on after another one: each return resets the state."""
    owner = np.repeat(np.arange(len(ordered.offsets) - 1), np.diff(ordered.offsets))
    runs = len(np.unique(np.stack([owner, session]), axis=1).T)
    returns = int(((session[1:] != session[:-1]) & (owner[1:] == owner[:-1])).sum()) + len(np.unique(owner)) - runs
    if returns > 0:
        ordered.notes.append(
            Message(
                f"sessions return {counted(returns, 'time')} after another session, and the state is reset each time: are the rows in the order of "
                "the trials? If it goes on, type ", Argument("carry", True),
            )
        )  # fmt: skip


def _available(
    ordered: OrderedCells, choice: np.ndarray | None, actions: Sequence[Hashable], problems: Problems
) -> np.ndarray | None:
    columns = ordered.available
    if not len(columns):
        return None
    index = {key(label): n for n, label in enumerate(actions)}
    if isinstance(columns, Mapping):
        unknown = [label for label in columns if key(label) not in index]
        indexed = [(index[key(label)], cells) for label, cells in columns.items() if key(label) in index]
    else:
        unknown, indexed = [], list(enumerate(columns))
    if unknown or len(indexed) != len(actions):
        message = f"{len(columns)} columns for {len(actions)} actions {quote_list(actions)}"
        problems.add("unknown-action", "available", message, f"give one column per action: {_example(actions)}")
        return None
    mask = np.zeros((int(ordered.offsets[-1]), len(actions)), bool)
    for n, cells in indexed:
        absent = missing_mask(cells)
        mask[:, n], wrong = to_flags(cells, absent)
        if absent.any():
            ordered.notes.append(
                f"{cells.where}: {counted(int(absent.sum()), 'empty cell')} taken as not available; write 1 where the action was available"
            )
        message = f"availability must be 0 or 1; found {quote_list(distinct_cells(cells, wrong), 3)}"
        problems.in_cells("not-a-flag", cells, wrong, message, "write 1 if available")
    first = indexed[0][1]
    ordered.mapping["available"] = " and ".join(cells.source for _, cells in indexed)
    problems.in_cells("nothing-available", first, ~mask.any(axis=1), "no action is available", "allow at least one")
    if choice is not None and ordered.choice is not None:
        chosen = (choice >= 0) & ~mask[np.arange(len(choice)), choice]
        problems.in_cells(
            "chosen-unavailable",
            ordered.choice,
            chosen,
            "the chosen action was not available",
            "correct the choice or the availability",
        )
    return mask


def _example(actions: Sequence[Hashable]) -> str:
    return "available={" + ", ".join(f"{label!r}: '...'" for label in actions[:4]) + "}"
