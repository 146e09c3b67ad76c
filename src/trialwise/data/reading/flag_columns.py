"""Columns of flags about responses: whether there was one (``responded``), and whether it was the participant's own (``scored``)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, MissingCodes, distinct_cells, missing_mask, quote_list, to_flags
from trialwise.data.reading.column_names import plain
from trialwise.data.reading.validate import Problems
from trialwise.data.trials import MISSED

MEANINGS = {
    "responded": "write 1 where the participant responded, 0 where not",
    "scored": "write 1 where the response was the participant's own, 0 where it was forced or instructed",
}

ELSE = {"responded": "a time or a key", "scored": "points"}
"""What else columns of these names may hold."""

CONTRARY = ("forced", "isforced", "instructed", "isinstructed", "yoked")
"""Names of columns that are probably 1 where the response was not the participant's own."""


def without_unmade(
    cells: Cells | None,
    choice: np.ndarray | None,
    response: Mapping[str, np.ndarray],
    rt: np.ndarray | None,
    missing_codes: MissingCodes,
    problems: Problems,
    mapping: dict[str, str],
    notes: list[str],
) -> tuple[np.ndarray | None, dict[str, np.ndarray], np.ndarray | None]:
    """Choices, responses and their times, missing where the column ``responded`` says that there was no response.

    An empty cell says nothing. A row that is said to have a response and has none is a problem.
    """
    if cells is None:
        return choice, dict(response), rt
    responded, silent = _flags("responded", cells, missing_codes, problems, notes, "taken as saying nothing")
    present = np.zeros(len(responded), bool) if choice is None else choice != MISSED
    for values in response.values():
        present |= ~np.isnan(values)
    message = f"{cells.name} is 1 and there is no response"
    remedy = Message("correct either column, or type ", Argument("responded", False))
    problems.in_cells("contradictory-flags", cells, responded & ~silent & ~present, message, remedy)
    unmade = ~responded & ~silent
    if (dropped := int((unmade & present).sum())) > 0:
        taken = f"{counted(dropped, 'response')} not taken, since {cells.name} is 0 on these rows"
        notes.append(Message(taken, *_declined("responded", cells)))
    mapping["responded"] = f"{cells.source}, {counted(int(unmade.sum()), 'trial')} without a response"
    return (
        None if choice is None else np.where(unmade, MISSED, choice),
        {name: np.where(unmade, np.nan, values) for name, values in response.items()},
        None if rt is None else np.where(unmade, np.nan, rt),
    )


def scored_flags(
    cells: Cells | None, missing_codes: MissingCodes, problems: Problems, mapping: dict[str, str], notes: list[str]
) -> np.ndarray | None:
    """Which responses were the participant's own, ``bool (trials,)``; None if all."""
    if cells is None:
        return None
    scored, silent = _flags("scored", cells, missing_codes, problems, notes, "taken as 1")
    scored = scored | silent
    unscored = counted(int((~scored).sum()), "trial")
    mapping["scored"] = f"{cells.source}, {unscored} not scored"
    if not scored.all() and (declined := _declined("scored", cells)):
        notes.append(
            Message(f"{unscored} taken as not the participant's own, since {cells.name} is 0 on these rows", *declined)
        )
    if plain(cells.name) in CONTRARY:
        notes.append(
            f"{cells.where}: 1 was taken as the participant's own response; is it the other way round? If so, turn it round in the file or with "
            f"pandas: table['free'] = 1 - table[{cells.name!r}]"
        )
    return None if scored.all() else scored


def _declined(role: str, cells: Cells) -> tuple[str | Argument, ...]:
    """What to type if a column that was recognised by its name holds something else; nothing for a column that was given."""
    recognised = cells.source.endswith("(recognised)")
    return (
        (f"; if the column holds something else, such as {ELSE[role]}, type ", Argument(role, False))
        if recognised
        else ()
    )


def _flags(
    role: str, cells: Cells, missing_codes: MissingCodes, problems: Problems, notes: list[str], empty: str
) -> tuple[np.ndarray, np.ndarray]:
    """The flags of a column, and which cells are empty."""
    absent = missing_mask(cells, missing_codes)
    flags, wrong = to_flags(cells, absent)
    message = f"{role} must be 0 or 1; found {quote_list(distinct_cells(cells, wrong), 3)}"
    problems.in_cells("not-a-flag", cells, wrong, message, Message(MEANINGS[role], *_declined(role, cells)))
    if absent.any():
        notes.append(f"{cells.where}: {counted(int(absent.sum()), 'empty cell')} {empty}")
    return flags, absent
