"""Flags of resets that stand on rows which are left out, such as the instruction before each game."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.base.english import counted
from trialwise.data.reading.assemble import OrderedCells
from trialwise.data.reading.cells import Cells, MissingCodes, distinct_cells, key, missing_mask, quote_list, to_flags
from trialwise.data.reading.coded import coded
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems

ABSENT, UNCLEAR = -1, -2


def carry_flags(
    whole: Table, ordered: OrderedCells, participant: Cells | None, missing_codes: MissingCodes, problems: Problems
) -> None:
    """Give each flag on a row that is no trial to the next trial of its participant; a flag without a clear place is a problem.

    The next trial is that on the next row of the table. If a participant's trials are in another order than their rows, the place of
    a row among them is unknown, as is the participant of a row without a label between rows of two.

    Parameters
    ----------
    whole
        The table with all its rows.
    ordered
        The trials in their order; the flags are changed.
    participant
        Any rows of the column of participants.
    missing_codes
        Codes of missing values.
    problems
        Where problems are noted.
    """
    reset = ordered.reset
    if not isinstance(reset, Cells):
        return
    left_out = ~np.isin(whole.rows, ordered.rows)
    if not left_out.any():
        return
    every = whole.column(reset.name, reset.source)
    flags, wrong = to_flags(every, missing_mask(every))
    if (strange := wrong & left_out).any():
        ordered.notes.append(
            f"{reset.where}: {quote_list(distinct_cells(every, strange), 3)} in {counted(int(strange.sum()), 'row')} without a trial "
            "taken as no reset"
        )
    flagged = np.flatnonzero(flags & left_out)
    if not len(flagged):
        return
    place = np.argsort(whole.rows, kind="stable")[np.searchsorted(np.sort(whole.rows), ordered.rows)]
    owner = _owners(whole, ordered, place, participant, missing_codes)
    targets, unclear = [], np.zeros(len(whole.rows), bool)
    for row in flagged.tolist():
        if owner[row] < 0:
            unclear[row] = owner[row] == UNCLEAR
            continue
        start, end = ordered.offsets[owner[row] : owner[row] + 2].tolist()
        own = place[start:end]
        if (np.diff(own) < 0).any():
            unclear[row] = True
        elif (following := start + int(np.searchsorted(own, row))) < end:
            targets.append(following)
    problems.in_cells(
        "flag-without-a-place", every, unclear, "a reset stands on a row that was left out, and the next trial is not clear",
        "sort the rows by participant and trial in a copy of the file, each with its participant; or write the flag into the row of the "
        "trial that follows",
    )  # fmt: skip
    if targets:
        values = reset.values.copy()
        values[targets] = 1
        ordered.reset = replace(reset, column=coded(values))
        ordered.notes.append(carried_text(len(targets)))


def carried_text(carried: int) -> str:
    """A note on flags that count for another row than their own."""
    return (
        f"{counted(carried, 'flag')} of resets on rows that were left out count for the next trial of the participant"
    )


def _owners(
    whole: Table, ordered: OrderedCells, place: np.ndarray, participant: Cells | None, missing_codes: MissingCodes
) -> np.ndarray:
    """The index of the participant of each row; :data:`ABSENT` if it has no trials, :data:`UNCLEAR` for a row without one.

    The participant of a row without one is clear if it lies among the rows of one, or before the first row of one. ``place`` are
    the rows of the trials.
    """
    if participant is None:
        return np.zeros(len(whole.rows), np.int64)
    cells = whole.column(participant.name, participant.source)
    index = {key(label): n for n, label in enumerate(ordered.participants)}
    of_cells = [ABSENT if cell is None else index.get(key(cell), ABSENT) for cell in cells.column.distinct.cells]
    owner = np.array(of_cells, np.int64)[cells.column.codes]
    own, trials = owner[np.sort(place)], np.sort(place)
    begins = np.zeros(len(trials), bool)
    begins[np.unique(own, return_index=True)[1]] = True
    clear = np.r_[begins[:1], begins[1:] | (own[1:] == own[:-1])]
    without = np.flatnonzero(missing_mask(cells, missing_codes, ordered.participants))
    following = np.searchsorted(trials, without)
    owner[without] = ABSENT  # behind all trials, nothing is reset
    there = following < len(trials)
    owner[without[there]] = np.where(clear[following[there]], own[following[there]], UNCLEAR)
    return owner
