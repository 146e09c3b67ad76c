"""Conditions on the trials of wide tables: as on those of a long table with a column for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.reading.assemble import OrderedCells
from trialwise.data.reading.carried_flags import carried_text
from trialwise.data.reading.cells import Cells, MissingCodes, missing_mask, to_flags, to_labels
from trialwise.data.reading.coded import Coded, Distinct, coded, objects
from trialwise.data.reading.table import Table
from trialwise.data.reading.where import rows_where

RoleName = tuple[str, str]
"""A role and a name, such as ``("outcome", "gain")``."""


def as_long(ordered: OrderedCells, cells: Mapping[RoleName, Cells], trial: Coded) -> Table:
    """The long table of all trials, with the columns ``participant``, ``trial`` (the number of each), and one of the name of each role."""
    owner = np.repeat(np.arange(len(ordered.participants)), np.diff(ordered.offsets))
    columns = {"participant": Coded(Distinct(objects(ordered.participants)), owner), "trial": trial}
    header = (*columns, *(name for _, name in cells))
    has_comma = any(each.comma for each in cells.values())
    return Table(
        "the tables", header, (*columns.values(), *(c.column for c in cells.values())), ordered.rows, has_comma
    )


def keep_where(
    where: str, ordered: OrderedCells, cells: Mapping[RoleName, Cells], whole: Table, missing_codes: MissingCodes
) -> tuple[OrderedCells, dict[RoleName, Cells], Table]:
    """Leave out trials, one by one: a row of the tables may be left out for one participant and stay for another.

    The condition may name ``participant``, the label in the header; ``trial``, the number in the tables' first column or counted from 1;
    and every table by the name of its role.

    Parameters
    ----------
    where
        The condition: see :func:`~trialwise.data.reading.where.rows_where`.
    ordered
        Participants, offsets and rows of all trials.
    cells
        The cells of each table, in the order of the trials.
    whole
        The same as a long table.
    missing_codes
        Codes of missing values.

    Returns
    -------
    tuple
        Participants who have trials left, with offsets, rows and numbers of these trials; the cells that are left; and their long table.

    Raises
    ------
    UsageError
        If the condition cannot be read, or leaves no trial.
    """
    owner = whole.columns[0].codes
    notes: list[str] = []
    kept = rows_where(whole, where, missing_codes, notes.append)
    if not kept.any():
        raise UsageError(
            Argument("where", where), f" leaves none of the {len(kept)} trials", *(f"; {each}" for each in notes)
        )
    left = {role_name: each.at(np.flatnonzero(kept)) for role_name, each in cells.items()}
    if ("reset", "reset") in left:
        flags, carried = _carried(cells["reset", "reset"], owner, kept)
        left["reset", "reset"] = flags
        if carried:
            notes.append(carried_text(carried))
    lengths = np.bincount(owner[kept], minlength=len(ordered.participants))
    present = [label for label, length in zip(ordered.participants, lengths, strict=True) if length]
    remaining = whole.keep(kept)
    numbers = remaining.column("trial", "")
    result = replace(
        ordered,
        participants=tuple(present),
        offsets=np.concatenate([[0], np.cumsum(lengths[lengths > 0])]).astype(np.int64),
        rows=ordered.rows[kept],
        trial=to_labels([numbers], [missing_mask(numbers)])[0].values,
        mapping={"where": f"{where}: {int((~kept).sum())} of {len(kept)} trials left out"},
        notes=notes,
    )
    return result, left, remaining


def _carried(reset: Cells, owner: np.ndarray, kept: np.ndarray) -> tuple[Cells, int]:
    """The flags of the trials that are kept, each of a trial that is not now on the participant's next one; and how many these were.

    Trials are in the order of participants, and of each in their own.
    """
    flags, _ = to_flags(reset, missing_mask(reset))
    lost, present = np.flatnonzero(flags & ~kept), np.flatnonzero(kept)
    following = np.searchsorted(present, lost)
    lost, following = lost[following < len(present)], following[following < len(present)]
    following = following[owner[present[following]] == owner[lost]]
    values = reset.values[kept]
    values[following] = 1
    return replace(reset.at(present), column=coded(values)), len(following)
