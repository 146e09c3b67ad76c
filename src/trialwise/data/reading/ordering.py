"""Ordering of the rows of a long table by participant and trial."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import (
    Cells,
    MissingCodes,
    distinct_cells,
    key,
    missing_mask,
    quote,
    quote_list,
    to_labels,
    to_numbers,
)
from trialwise.data.reading.clock import about_clock, hours_of_day
from trialwise.data.reading.coded import translated
from trialwise.data.reading.several import Files
from trialwise.data.reading.validate import Problems, check_numbers, note_duplicates
from trialwise.data.reading.where import written


@dataclass(frozen=True)
class Order:
    """The order of the rows by participant and trial.

    Attributes
    ----------
    participants
        Labels, in the order of their first rows.
    offsets
        ``int64 (participants + 1,)``: the first element of `index` for each participant, and its length.
    index
        ``int64 (trials,)``: rows of the table in the new order.
    description
        How the rows were ordered, for the mapping.
    notes
        What a user should know of the order.
    """

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    index: np.ndarray
    description: str
    notes: tuple[Message, ...] = ()

    def of_trials(self, first: np.ndarray, count: int) -> Order:
        """The order of ``count`` trials, of which those of one row follow each other; ``first`` is the first trial of each row."""
        if len(first) == count:
            return self
        starts, lengths = first[self.index], np.diff(first, append=count)[self.index]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        index = np.arange(count) + np.repeat(starts - ends[:-1], lengths)
        return replace(self, offsets=ends[self.offsets].astype(np.int64), index=index)


def put_in_order(
    participant: Cells | None,
    trial: Cells | None,
    runs: Mapping[str, Cells],
    n_rows: int,
    missing_codes: MissingCodes,
    problems: Problems,
    others: Sequence[Cells] = (),
    without: Callable[[np.ndarray], str | None] = lambda wrong: None,
    declared: Mapping[str, Sequence[Hashable]] = MappingProxyType({}),
) -> Order:
    """Order the rows by participant and sort those of each participant by trial.

    `others` are columns in which the trial numbers may restart, `without` gives a condition that leaves out just these rows, and
    `declared` are labels by role: participants, which are never codes of missing values, and sessions and blocks in their order.

    If trial numbers restart within a participant, rows are sorted within `runs` (session, block, by role), and the runs keep their order
    in the table; times of day, which may be those of several days, are sorted within sessions in any case. Without trial numbers, rows
    keep their order in the table.
    """
    participants, owner = _owners(
        participant, n_rows, missing_codes, problems, without, declared.get("participant", ())
    )
    run = np.zeros(n_rows, np.int64)
    order = np.arange(n_rows, dtype=float)
    description = "no column, rows in the order of the table"
    notes: tuple[Message, ...] = ()
    if trial is not None:
        absent = missing_mask(trial, missing_codes)
        hours = hours_of_day(trial, absent)
        order = (
            _times(trial, absent, problems) if hours is None else np.unique(hours, return_inverse=True)[1].astype(float)
        )
        if absent.any():
            remedy = Message(
                "if these rows are no trials (practice, instructions), leave them out, ", Argument("where", without(absent) or "..."),
                "; otherwise fill it in",
            )  # fmt: skip
            problems.in_cells("missing-trial", trial, absent, "the trial number is missing", remedy)
        description = f"{trial.source}, rows sorted"
        restarts = _repeated(owner, order).any()
        within = {role: cells for role, cells in runs.items() if restarts or (role == "session" and hours is not None)}
        if within:
            run = _runs(owner, within, declared, problems)
            description += f" within {' and '.join(cells.source for cells in within.values())}"
        if not absent.any():
            repeated = _repeated(owner, run, order)
            if repeated.any():
                labels = np.array([*participants, None], object)[owner]
                keys = list(zip(labels, run.tolist(), (_plain(t) for t in order.tolist()), strict=True))
                note_duplicates(
                    keys, repeated, trial, problems, _remedy_of_restarts(keys, [*runs.values()], others, problems.files)
                )
        if hours is not None:
            notes = tuple(about_clock(trial, hours, np.unique([owner, run], axis=1, return_inverse=True)[1]))
    index = np.lexsort((order, run, owner))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner))])
    return Order(participants, offsets.astype(np.int64), index, description, notes)


def _times(trial: Cells, absent: np.ndarray, problems: Problems) -> np.ndarray:
    """The order of the trials: numbers, or dates in ISO form by their rank."""
    _, wrong, _ = to_numbers(trial, absent)
    if wrong.any() and wrong.sum() == (~absent).sum():
        try:
            dates = [
                None if skip else datetime.fromisoformat(str(cell))
                for cell, skip in zip(trial.values, absent, strict=True)
            ]
            ranks = {date: float(n) for n, date in enumerate(sorted({each for each in dates if each is not None}))}
            return np.array([np.nan if date is None else ranks[date] for date in dates])
        except (ValueError, TypeError):  # another form; or some with and some without time zones
            pass
        examples = quote_list(distinct_cells(trial, wrong), 3)
        remedy = Message(
            "type ", Argument("trial", "..."), " with a column of numbers or of times such as 09:30:00, or ", Argument("trial", False),
            " if the rows are in the order of the trials",
        )  # fmt: skip
        problems.in_cells("not-a-number", trial, wrong, f"the trial number must be a number; found {examples}", remedy)
        return np.arange(len(trial), dtype=float)
    return check_numbers(trial, absent, problems, "trial number")[0]


def _remedy_of_restarts(
    keys: Sequence[tuple], runs: Sequence[Cells], others: Sequence[Cells], files: Files | None
) -> Message:
    """What to type where trial numbers occur twice: the column with which they restart, if there is one."""
    copies = max(Counter(keys).values())
    for cells in others:
        labels = [key_or_none(cell) for cell in cells.values]
        within = list(zip((each[0] for each in keys), labels, strict=True))
        stretches = 1 + sum(one != two for one, two in itertools.pairwise(within))
        distinct = Counter(owner for owner, _ in set(within))
        if len({*zip(keys, labels, strict=True)}) < len(keys) or max(distinct.values()) != copies:
            continue
        if stretches == len(set(within)):
            if files is not None and cells.name == files.column:
                return Message("they restart in each file: ", files.meanings)
            return Message(
                f"they restart in each {cells.name}: if learning starts anew there, type ", Argument("block", cells.name), " and ",
                Argument("reset", cells.name), "; if it goes on, only ", Argument("block", cells.name),
            )  # fmt: skip
        return Message(
            f"a trial has a row for each {cells.name} ({quote_list(distinct_cells(cells), 4)}): if only some of them are choices, "
            "keep those, ", Argument("where", f"{written(cells.name)} == ..."),
        )  # fmt: skip
    given = f" within {' and '.join(cells.name for cells in runs)}" if runs else ""
    return Message(
        f"if these are copies{given}, remove them; if the numbers restart in each session or block, type ", Argument("session", "..."),
        " or ", Argument("block", "..."), " with its column; if the rows are in the order of the trials, type ", Argument("trial", False),
    )  # fmt: skip


def key_or_none(cell: Hashable) -> str | None:
    """The text by which a label is compared; None for an empty cell."""
    return None if cell is None else key(cell)


def _owners(
    participant: Cells | None,
    n_rows: int,
    missing_codes: MissingCodes,
    problems: Problems,
    without: Callable[[np.ndarray], str | None],
    declared: Sequence[Hashable],
) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """The labels of the participants, and the index of the participant of each row, ``int64 (rows,)``."""
    if participant is None:
        return (1,), np.zeros(n_rows, np.int64)
    absent = missing_mask(participant, missing_codes, declared)
    if absent.any():
        codes = [cell for cell in distinct_cells(participant, absent) if cell is not None]
        remedy = Message(
            "if these rows are no trials, leave them out, ", Argument("where", without(absent) or "..."), "; otherwise fill it in",
        )  # fmt: skip
        if codes:
            names = [cell for cell in distinct_cells(participant) if cell is not None]
            remedy = Message(
                f"if {quote(codes[0])} is a participant, declare all: ",
                Argument("levels", {"participant": names}),
                "; ",
                remedy,
            )
        problems.in_cells("missing-participant", participant, absent, "the participant is missing", remedy)
    (labels,) = to_labels([participant], [absent])
    first: dict[str, Hashable] = {}
    for label, _ in labels.tally():
        if label is not None:
            first.setdefault(key(label), label)
    index = {k: n for n, k in enumerate(first)}
    unknown = len(index)  # rows without a participant are a problem already, and are kept to find further problems
    owner = [unknown if label is None else index[key(label)] for label in labels.distinct.cells]
    return tuple(first.values()), np.array(owner, np.int64)[labels.codes]


def _runs(
    owner: np.ndarray, runs: Mapping[str, Cells], levels: Mapping[str, Sequence[Hashable]], problems: Problems
) -> np.ndarray:
    """Number the runs (sessions, blocks) of each participant: the run of each row, ``int64 (rows,)``.

    In the order of their first rows; but if a participant's runs lie scattered over the table, so that first rows mean nothing, in the
    order of their ``levels`` (by role) or of their numbers. Runs in words have no other order: a problem.
    """
    import pandas as pd

    parts = [translated(cells.column, key_or_none) for cells in runs.values()]
    run = owner
    for part in parts:
        run = pd.factorize(run * len(part.distinct) + part.codes)[0]
    first = np.unique(run, return_index=True)[1]
    labels = list(zip(owner[first].tolist(), *(part[first].values for part in parts), strict=True))
    by_owner = np.argsort(owner, kind="stable")
    starts = np.r_[True, np.diff(run[by_owner]) != 0]
    stretches = np.bincount(owner[by_owner][starts], minlength=int(owner.max()) + 1)
    scattered = stretches > np.bincount(owner[first], minlength=len(stretches))
    if not scattered.any():
        return run
    keys: list[tuple[float, ...]] = [(own,) for own, *_ in labels]
    for k, (role, cells) in enumerate(runs.items(), 1):
        order = {key(label): float(n) for n, label in enumerate(levels.get(role, ()))}
        try:
            keys = [
                (*before, order[label[k]] if order else float(label[k])) if scattered[label[0]] else (*before, float(n))
                for n, (before, label) in enumerate(zip(keys, labels, strict=True))
            ]
        except (KeyError, TypeError, ValueError):
            words = [label for label in distinct_cells(cells) if label is not None]
            remedy = Message(
                "sort the rows by session or block in a copy of the file; or declare the order, ",
                Argument("levels", {role: words}),
            )
            message = f"rows lie scattered, and {quote_list(words, 4)} have no order: which came first?"
            problems.add("unordered-runs", cells.where, message, remedy)
            return run
    rank = {label: n for n, label in enumerate(sorted(set(keys)))}
    return np.array([rank[label] for label in keys], np.int64)[run]


def _repeated(*keys: np.ndarray) -> np.ndarray:
    """Which rows have the same keys as another, ``bool (rows,)``; NaN is the same as nothing."""
    index = np.lexsort(keys[::-1])
    same = np.all([each[index][1:] == each[index][:-1] for each in keys], axis=0)
    repeated = np.zeros(len(index), bool)
    repeated[index[1:]] |= same
    repeated[index[:-1]] |= same
    return repeated


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number
