"""Where in the data something is, in words: the columns and rows of the file."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from trialwise.data.trials import Trials

MOST_ROWS = 20
"""Number of rows that are listed."""


def column_of(trials: Trials, role: str) -> str:
    """The name of the column of the file in which a role was found; the role itself if that is not known."""
    source = trials.mapping.get(role, "")
    return source.split("'")[1] if source.startswith("column '") else role


def rows_of(trials: Trials, places: np.ndarray) -> str:
    """The rows of the file, or else the trials of the participants."""
    if trials.row is not None and trials.file is None:
        return f"{'row' if len(places) == 1 else 'rows'} {some(tuple(trials.row[places]), MOST_ROWS)}"
    if trials.row is not None and trials.file is not None:
        return some(tuple(f"row {trials.row[t]} of {trials.file[t]}" for t in places), MOST_ROWS)
    numbers = trials.participant_index
    return some(
        tuple(f"trial {t - trials.offsets[numbers[t]] + 1} of {trials.participants[numbers[t]]}" for t in places),
        MOST_ROWS,
    )


def some(labels: Sequence[Hashable], most: int = 8) -> str:
    """The first labels of a list."""
    return ", ".join(map(str, labels[:most])) + (", ..." if len(labels) > most else "")
