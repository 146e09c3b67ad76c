"""Flags of resets that stand on rows which a condition leaves out, such as the instruction before each game."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.base.english import counted
from trialwise.data.reading.cells import Cells, missing_mask, to_flags
from trialwise.data.reading.coded import coded
from trialwise.data.reading.table import Table


def with_carried_flags(whole: Table, reset: Cells, participant: Cells | None, kept: np.ndarray) -> tuple[Cells, int]:
    """The flags of the rows that are kept, with those of the rows before them that are not.

    Parameters
    ----------
    whole
        The table with all its rows.
    reset, participant
        The flags and the participants of the rows that are kept.
    kept
        ``bool (rows of the whole table,)``.

    Returns
    -------
    tuple
        The flags, each of a row that was left out now on the participant's next row; and how many these were.
    """
    every = whole.column(reset.name, "")
    flags, _ = to_flags(every, missing_mask(every))
    lost = np.flatnonzero(flags & ~kept)
    if not len(lost):
        return reset, 0
    size = len(kept)
    owner = np.zeros(size, np.int64) if participant is None else whole.column(participant.name, "").column.codes
    place = owner * size + np.arange(size)  # rows in the order of participants, of each in that of the table
    present = np.sort(place[kept])
    following = np.searchsorted(present, place[lost])
    inside = following < len(present)
    targets = present[following[inside]]
    targets = targets[targets // size == owner[lost[inside]]] % size
    values = every.values.copy()
    values[targets] = 1
    return replace(reset, column=coded(values[kept])), len(targets)


def note_of_carried(carried: int) -> list[str]:
    """A note on flags that count for another row than their own, if there are any."""
    rest = "of resets on rows that were left out count for the next row of the participant"
    return [f"{counted(carried, 'flag')} {rest}"] * bool(carried)
