"""From cells in their roles to :class:`~trialwise.data.trials.Trials`: every reader ends here."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, flags, key, listed, missing
from trialwise.data.reading.validate import (
    Problems,
    check_levels,
    check_numbers,
    check_present,
    missed_choices,
    missing_text,
)
from trialwise.data.trials import Column, Trials


@dataclass(frozen=True)
class Before:
    """A column known before the choice: one column of cells, or several that make a vector.

    Attributes
    ----------
    cells
        One, or as many as the vector is long.
    levels
        The set of labels they point into; None for numbers.
    vector
        Whether it is a vector, be it of length 1.
    """

    cells: tuple[Cells, ...]
    levels: str | None
    vector: bool = False


@dataclass
class Gathered:
    """Cells in their roles, participant after participant, in the order of the trials."""

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    rows: np.ndarray
    choice: Cells | None = None
    outcome: Mapping[str, Cells] = field(default_factory=dict)
    response: Mapping[str, Cells] = field(default_factory=dict)
    before: dict[str, Before] = field(default_factory=dict)
    reset: Cells | tuple[str, ...] = ()  # flags, or the columns at whose change the state is reset
    available: Mapping[Hashable, Cells] | Sequence[Cells] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def assemble(
    gathered: Gathered,
    declared: Mapping[str, Sequence[Hashable]],
    also_missing: Collection[Hashable],
    problems: Problems,
) -> Trials:
    """Translate, check and code every column.

    Raises
    ------
    DataError
        With all problems, including those that `problems` holds already.
    """
    mapping, notes = gathered.mapping, gathered.notes
    choice, levels, columns = _coded(gathered, declared, also_missing, problems)
    outcome = _real(gathered.outcome, "outcome", also_missing, problems, mapping, notes)
    response = _real(gathered.response, "response", also_missing, problems, mapping, notes)
    reset = _resets(gathered, columns, problems)
    available = _available(gathered, choice, levels.get("action", ()), problems)
    problems.raise_if_any()
    return Trials(
        participants=gathered.participants,
        offsets=gathered.offsets,
        choice=choice,
        outcome=outcome,
        response=response,
        columns=columns,
        levels=levels,
        reset=reset,
        available=available,
        declared=frozenset(declared),
        row=gathered.rows,
        mapping=mapping,
        notes=tuple(notes),
    )


def declared_levels(
    levels: Mapping[str, Sequence[Hashable]] | None, actions: Sequence[Hashable] | None
) -> dict[str, tuple[Hashable, ...]]:
    """Both ways of declaring labels as one.

    Raises
    ------
    UsageError
        If the actions are declared twice, a label occurs twice, or text stands where a list of labels is wanted.
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
            twice = next(label for label, k in zip(labels, keys, strict=True) if keys.count(k) > 1)
            raise UsageError(f"the labels of {name} hold {twice!r} twice; give each label once")
    return {name: tuple(labels) for name, labels in declared.items()}


type _Member = tuple[str, int, Cells, np.ndarray]  # the column's name, its place in a vector, its cells, those missing
type _Coded = tuple[np.ndarray | None, dict[str, tuple[Hashable, ...]], dict[str, Column]]


def _coded(
    gathered: Gathered,
    declared: Mapping[str, Sequence[Hashable]],
    also_missing: Collection[Hashable],
    problems: Problems,
) -> _Coded:
    """Choices and all columns known before them, coded set of labels by set of labels."""
    members: dict[str, list[_Member]] = {}
    columns: dict[str, Column] = {}
    if gathered.choice is not None:
        cells, actions = gathered.choice, declared.get("action")
        absent = missing(cells, also_missing, actions or ())
        absent |= missed_choices(cells, absent, actions, problems)
        members["action"] = [("choice", 0, cells, absent)]
    for name, column in gathered.before.items():
        for k, cells in enumerate(column.cells):
            absent = missing(cells, also_missing, declared.get(column.levels or "", ()))
            check_present(cells, absent, problems, name, column.levels)
            members.setdefault(column.levels or "", []).append((name, k, cells, absent))
    for levels in [levels for levels in declared if levels not in members]:
        sets = listed(sorted(members.keys() - {""}))
        problems.add("unknown-levels", f'levels["{levels}"]', f"no column has these labels; there are {sets}")

    levels_of: dict[str, tuple[Hashable, ...]] = {}
    values: dict[tuple[str, int], np.ndarray] = {}
    for levels, group in members.items():
        if levels == "":
            for name, k, cells, absent in group:
                values[name, k], _ = check_numbers(cells, absent, problems, name)
        else:
            codes, labels = check_levels(
                levels, [m[2] for m in group], [m[3] for m in group], declared.get(levels), problems, gathered.notes
            )
            levels_of[levels] = labels
            values |= {(name, k): code for (name, k, _, _), code in zip(group, codes, strict=True)}
        for name, k, cells, absent in group:
            if k == 0:
                how = "declared" if levels in declared else "inferred"
                sources = " and ".join(part.source for part in _parts(gathered, name))
                gathered.mapping[name] = f"{sources}, {_told(levels_of.get(levels), how)}"
                if name == "choice":
                    gathered.mapping[name] += f", {missing_text(cells, absent)}"
    for name, column in gathered.before.items():
        parts = [values[name, k] for k in range(len(column.cells))]
        columns[name] = Column(np.stack(parts, axis=1) if column.vector else parts[0], column.levels)
    order = ["context", "cue", "action"]
    levels_of = {n: levels_of[n] for n in [*order, *levels_of] if n in levels_of}
    _note_missed(gathered.notes, members.get("action", []))
    return values.get(("choice", 0)), levels_of, columns


def _parts(gathered: Gathered, name: str) -> tuple[Cells, ...]:
    if name in gathered.before:
        return gathered.before[name].cells
    return (gathered.choice,) if gathered.choice is not None else ()


def _told(labels: Sequence[Hashable] | None, how: str) -> str:
    if labels is None:
        return "numbers"
    more = ", ..." if len(labels) > 8 else ""
    return f"{len(labels)} level{'' if len(labels) == 1 else 's'} {', '.join(map(str, labels[:8]))}{more} ({how})"


def _note_missed(notes: list[str], members: Sequence[_Member]) -> None:
    for name, _, cells, absent in members:
        minus = sum(key(cell) == "-1" for cell in cells.values[absent] if cell is not None)
        if name == "choice" and minus:
            notes.append(
                Message(
                    f"-1 was taken as a missed choice in {minus} trial{'s' if minus > 1 else ''}; if it is an action, name"
                    " all actions: ", Argument("actions", [-1, ...]),
                )
            )  # fmt: skip


def _real(
    group: Mapping[str, Cells],
    what: str,
    also_missing: Collection[Hashable],
    problems: Problems,
    mapping: dict[str, str],
    notes: list[str],
) -> dict[str, np.ndarray]:
    """Outcomes or responses: NaN where missing."""
    values = {}
    for name, cells in group.items():
        absent = missing(cells, also_missing)
        values[name], truth = check_numbers(cells, absent, problems, name)
        finite = values[name][np.isfinite(values[name])]
        span = f"numbers from {finite.min():g} to {finite.max():g}" if len(finite) else "no numbers at all"
        if truth:
            words = listed(dict.fromkeys(cells.values[~absent]), 4)
            span = f"{words} taken as 1 for true and 0 for false"
            notes.append(f"the {name} says {words}: taken as 1 for true and 0 for false")
        mapping[name if name == what else f"{what} {name}"] = f"{cells.source}, {span}, {missing_text(cells, absent)}"
    return values


def _resets(gathered: Gathered, columns: Mapping[str, Column], problems: Problems) -> np.ndarray:
    n_trials = int(gathered.offsets[-1])
    starts = np.zeros(n_trials, bool)
    starts[gathered.offsets[:-1][np.diff(gathered.offsets) > 0]] = True
    if isinstance(gathered.reset, Cells):
        cells = gathered.reset
        reset, wrong = flags(cells, missing(cells))
        found = listed(dict.fromkeys(cells.values[wrong]), 3)
        problems.in_cells("not-a-flag", cells, wrong, f"a reset is 0 or 1; found {found}", "write 1 where it resets")
        gathered.mapping["reset"] = f"{cells.source}, {int(reset.sum())} resets"
        return reset
    reset = np.zeros(n_trials, bool)
    for name in gathered.reset:
        codes = columns[name].values
        reset[1:] |= codes[1:] != codes[:-1]
    reset &= ~starts  # a participant's first trial starts anew anyway
    if gathered.reset:
        gathered.mapping["reset"] = f"at each new {' or '.join(gathered.reset)}, {int(reset.sum())} resets"
    return reset


def _available(
    gathered: Gathered, choice: np.ndarray | None, actions: Sequence[Hashable], problems: Problems
) -> np.ndarray | None:
    given = gathered.available
    if not len(given):
        return None
    places = {key(label): n for n, label in enumerate(actions)}
    if isinstance(given, Mapping):
        unknown = [label for label in given if key(label) not in places]
        order = [(places[key(label)], cells) for label, cells in given.items() if key(label) in places]
    else:
        unknown, order = [], list(enumerate(given))
    if unknown or len(order) != len(actions):
        message = f"{len(given)} columns for {len(actions)} actions {listed(actions)}"
        problems.add("unknown-action", "available", message, f"give one column an action: {_example(actions)}")
        return None
    mask = np.zeros((int(gathered.offsets[-1]), len(actions)), bool)
    for n, cells in order:
        mask[:, n], wrong = flags(cells, missing(cells))
        found = listed(dict.fromkeys(cells.values[wrong]), 3)
        problems.in_cells("not-a-flag", cells, wrong, f"availability is 0 or 1; found {found}", "write 1 if available")
    first = order[0][1]
    gathered.mapping["available"] = " and ".join(cells.source for _, cells in order)
    problems.in_cells("nothing-available", first, ~mask.any(axis=1), "no action is available", "allow at least one")
    if choice is not None and gathered.choice is not None:
        chosen = (choice >= 0) & ~mask[np.arange(len(choice)), choice]
        problems.in_cells(
            "chosen-unavailable", gathered.choice, chosen, "chose what was not available", "correct either"
        )
    return mask


def _example(actions: Sequence[Hashable]) -> str:
    return "available={" + ", ".join(f"{label!r}: '...'" for label in actions[:4]) + "}"
