"""What a module says that measures the behaviour in a task of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialwise.data.trials import Trials

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TaskMeasures:
    """Measures of a task that takes the place of those of correct choices.

    Attributes
    ----------
    applies
        Whether trials are of this task, by their columns and labels.
    tables
        Tables with a row a participant and a column a measure, of trials and, for one-step predictions, the recorded ones.
    """

    applies: Callable[[Trials], bool]
    tables: Callable[[Trials, Trials | None], list[pd.DataFrame]]
