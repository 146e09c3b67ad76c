"""Response times: their unit, and what is implausible about them."""

from __future__ import annotations

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import (
    Cells,
    MissingCodes,
    distinct_cells,
    missing_mask,
    quote,
    quote_list,
    to_numbers,
)
from trialwise.data.reading.description import Description
from trialwise.data.reading.validate import Problems, missing_text

UNITS = {"s": 1.0, "ms": 0.001}
"""Units in seconds."""
WORDS = {"s": ("", "sec", "second"), "ms": ("m", "msec", "millisecond")}
"""How sidecars write them, in lower case and without a last s."""
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
    stated: Description | None = None,
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
    stated
        What a sidecar says of the column; its unit is taken if none is given, and must agree with the median.
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
    how = "given"
    if unit is None and stated is not None and stated.unit:
        unit, how = _stated_unit(cells, stated, finite, problems), f"by {stated.file}"
        if unit is None:
            return None
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
    seconds = values * UNITS[unit or "s"]
    finite = finite * UNITS[unit or "s"]
    span = f", {finite.min():g} to {finite.max():g} s" if len(finite) else ""
    name = {"s": "seconds", "ms": "milliseconds"}[unit or "s"]
    mapping["rt"] = f"{cells.source}, {name} ({how}){span}, {missing_text(cells, absent)}"
    notes += _implausible(finite)
    return seconds


def _stated_unit(cells: Cells, stated: Description, finite: np.ndarray, problems: Problems) -> str | None:
    """The unit that a sidecar gives; None, with a problem noted, if it is no unit of time, or the median is that of another."""
    seconds, milliseconds = Argument("rt_unit", "s"), Argument("rt_unit", "ms")
    leave = Message("; or leave them out: ", Argument("rt", False))
    unit = next((unit for unit, words in WORDS.items() if stated.unit.casefold().removesuffix("s") in words), None)
    if unit is None:
        message = f"the unit of response times is {quote(stated.unit)} by {stated.file}, and must be s or ms"
        problems.add("unknown-unit", cells.where, message, Message("type ", seconds, " or ", milliseconds, leave))
        return None
    median = float(np.median(finite)) if len(finite) else np.nan
    if (unit == "ms" and median <= LARGEST_SECONDS) or (unit == "s" and median >= SMALLEST_MILLISECONDS):
        other = "seconds" if unit == "ms" else "milliseconds"
        typed = (seconds, milliseconds) if unit == "ms" else (milliseconds, seconds)
        message = (
            f"the unit of response times is {unit} by {stated.file}, but their median is {median:g}, as of {other}"
        )
        remedy = Message(
            f"if they are {other}, type ", typed[0], "; if not, ", typed[1], leave, "; and correct the unit in the file"
        )
        problems.add("unit-contradicted", cells.where, message, remedy)
        return None
    return unit


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
