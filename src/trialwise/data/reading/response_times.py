"""Response times: their unit, and what is implausible about them."""

from __future__ import annotations

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, MissingCodes, distinct_cells, missing_mask, quote_list, to_numbers
from trialwise.data.reading.validate import Problems, missing_text

UNITS = {"s": 1.0, "ms": 0.001}
"""Units in seconds."""
LARGEST_SECONDS, SMALLEST_MILLISECONDS = 15.0, 60.0
"""A median up to the first is taken as seconds, from the second as milliseconds; between them the unit has to be told."""
FASTEST, SLOWEST = 0.1, 60.0
"""Seconds: nobody perceives, decides and presses a key in less than the first; more than the second are no decisions."""
GRIDS = (0.1, 0.05, 0.01)
"""Seconds to which rounding is noticed, beginning with the coarsest."""


def read_response_times(
    cells: Cells,
    unit: str | None,
    given: bool,
    missing_codes: MissingCodes,
    problems: Problems,
    mapping: dict[str, str],
    notes: list[str],
) -> np.ndarray | None:
    """Response times in seconds, ``float64 (trials,)``, NaN where missing; None for a recognised column that contains other things.

    Parameters
    ----------
    cells
        The column.
    unit
        ``"s"`` or ``"ms"``; None to infer it from the median.
    given
        Whether the user named the column, so that it must contain numbers.
    missing_codes, problems, mapping, notes
        As for the other roles.
    """
    absent = missing_mask(cells, missing_codes)
    values, wrong, _ = to_numbers(cells, absent)
    wrong |= np.isinf(values)
    if wrong.any():
        examples = quote_list(distinct_cells(cells, wrong), 3)
        if given:
            remedy = Message(
                "replace them by numbers, or declare them missing: ", Argument("missing", [cells.values[wrong][0]])
            )
            problems.in_cells(
                "not-a-number", cells, wrong, f"a response time must be a finite number; found {examples}", remedy
            )
        else:
            notes.append(f"{cells.where}: taken for response times, but contains {examples}; left out")
        return None
    finite = values[~np.isnan(values)]
    if unit is None and len(finite):
        median = float(np.median(finite))
        if LARGEST_SECONDS < median < SMALLEST_MILLISECONDS:
            if given:
                remedy = Message("type ", Argument("rt_unit", "s"), " or ", Argument("rt_unit", "ms"))
                message = f"response times with a median of {median:g} may be seconds or milliseconds"
                problems.add("unknown-unit", cells.where, message, remedy)
            else:
                notes.append(
                    Message(
                        f"response times with a median of {median:g} may be seconds or milliseconds; left out: type ",
                        Argument("rt_unit", ...),
                    )
                )
            return None
        unit, how = ("s" if median <= LARGEST_SECONDS else "ms"), f"by their median {median:g}"
    else:
        how = "given"
    seconds = values * UNITS[unit or "s"]
    finite = finite * UNITS[unit or "s"]
    span = f", {finite.min():g} to {finite.max():g} s" if len(finite) else ""
    name = {"s": "seconds", "ms": "milliseconds"}[unit or "s"]
    mapping["rt"] = f"{cells.source}, {name} ({how}){span}, {missing_text(cells, absent)}"
    notes += _implausible(finite)
    return seconds


def _implausible(seconds: np.ndarray) -> list[str]:
    """Notes on response times that are negative, zero, too fast, at a deadline, or rounded."""
    notes = []

    def note(rows: np.ndarray, what: str) -> None:
        if rows.any():
            notes.append(f"{counted(int(rows.sum()), 'response time')} of {len(seconds)} {what}")

    note(seconds < 0, "negative: no response, or measured from another moment?")
    note(seconds == 0, "exactly zero: a code of no response?")
    note((seconds > 0) & (seconds < FASTEST), f"below {FASTEST:g} s: pressed before the stimulus could be seen?")
    note(seconds > SLOWEST, f"above {SLOWEST:g} s: a break, or rows in another unit?")
    if len(seconds):
        at_end = seconds == seconds.max()
        if at_end.sum() >= max(5, len(seconds) / 100) and (seconds > 0).any() and not at_end.all():
            note(at_end, f"exactly {seconds.max():g} s, the longest: a deadline, or a code of no response?")
        for grid in GRIDS:
            steps = seconds / grid
            if np.allclose(steps, np.round(steps), atol=1e-6):
                if len(np.unique(seconds)) > 3:
                    notes.append(f"all response times are multiples of {grid * 1000:g} ms: rounded?")
                break
    return notes
