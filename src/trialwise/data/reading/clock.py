"""Times of day without dates as the order of trials: they begin anew at midnight, or on another day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, distinct_cells

NIGHT = 10.0
"""Hours without trials between the first and the last trial of a day, from which trials before and after are taken for those of two
days: a clock that passes midnight (or noon, if it has 12 hours) leaves as much."""

STRETCH = 4
"""Rows on average, from which stretches in which times rise are taken for days, rather than for rows in any order."""


def hours_of_day(cells: Cells, absent: np.ndarray) -> np.ndarray | None:
    """The hour of each row, ``float64 (rows,)``, NaN where absent; None if not all cells are times of day in ISO form without a date."""
    if any(
        ":" not in str(cell) for cell in distinct_cells(cells, ~absent)
    ):  # numbers such as 0930 are times of ISO 8601 too
        return None
    try:
        moments = [
            None if skip else time.fromisoformat(str(cell)) for cell, skip in zip(cells.values, absent, strict=True)
        ]
        present = [each for each in moments if each is not None]
        if not present or min(present) > max(present):  # some with and some without time zones cannot be compared
            return None
    except (ValueError, TypeError):
        return None
    return np.array([np.nan if each is None else _hours(each) for each in moments])


def _hours(moment: time) -> float:
    since = datetime.combine(datetime.min.replace(day=2), moment.replace(tzinfo=None)) - datetime.min.replace(day=2)
    return (since - (moment.utcoffset() or timedelta())) / timedelta(hours=1)


def about_clock(trial: Cells, hours: np.ndarray, group: np.ndarray) -> Iterator[Message]:
    """A note if rows that were sorted by times of day may be of several days.

    They may be if, within a group of rows that was sorted, times fall from one row of the table to the next, and either there is a
    night between the earliest and the latest, or times rise in few long stretches.

    Parameters
    ----------
    trial
        The column of times.
    hours
        ``float64 (rows,)``.
    group
        ``int64 (rows,)``: rows that were sorted together, those of a participant or of one of the sessions.
    """
    index = np.lexsort((np.arange(len(group)), group))
    same = np.diff(group[index]) == 0
    falls = np.bincount(group[index][1:][same & (np.diff(hours[index]) < 0)], minlength=int(group.max()) + 1)
    index = np.lexsort((hours, group))
    night = (np.diff(group[index]) == 0) & (np.diff(hours[index]) >= NIGHT)
    over_night = np.bincount(group[index][1:][night], minlength=len(falls)) > 0
    days = STRETCH * falls < np.bincount(group, minlength=len(falls))
    if ((falls > 0) & (over_night | days)).any():
        yield Message(
            f"{trial.where}: times of day begin anew within a participant, and the rows were sorted by them; if the clock passed midnight, or noon on "
            "a clock of 12 hours, or if there are several days, type ", Argument("trial", False), ", which keeps the order of the rows",
        )  # fmt: skip
