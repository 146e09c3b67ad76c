"""One stage of a table that is expanded: its cells in the rows of the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.data.expansion.declared import Stage
from trialwise.data.reading.cells import Cells
from trialwise.data.reading.expand.grouped import Grouped

SETS = {"choice": "action", "cue": "cue", "context": "context"}
"""The sets of labels of roles."""


@dataclass
class Part:
    """The cells of one stage, in the rows of the file.

    Attributes
    ----------
    stage
        As it was declared.
    cells, absent
        The cells of each role that has a column, and which of them are missing.
    chosen
        Whether a choice was made; None without a choice.
    unfilled
        Where no choice is in the file; -1 may be the code of a missed one, which is said where labels are read.
    grouped
        What labels that are coded over several cues stand for; None if they are not.
    """

    stage: Stage
    cells: dict[str, Cells]
    absent: dict[str, np.ndarray]
    chosen: np.ndarray | None
    unfilled: np.ndarray
    grouped: Grouped | None = None

    @property
    def present(self) -> np.ndarray:
        """Whether the stage has anything in each row of the file, ``bool (rows,)``."""
        return ~np.all([*self.absent.values()], axis=0)
