"""The recorded choices from which all implementations compute the likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

INITIAL = 1.2
"""Q0, the value of every cell before any outcome."""

FILES = {"context": "seasons.csv", "cue": "aliens.csv", "choice": "actions.csv", "outcome": "rewards.csv"}
"""Wide files: one row per trial, one column per participant."""


@dataclass(frozen=True)
class Recorded:
    """Choices of N participants in T trials; every array is (N, T) and C-contiguous."""

    context: np.ndarray
    cue: np.ndarray
    choice: np.ndarray
    outcome: np.ndarray

    @property
    def participants(self) -> int:
        return self.choice.shape[0]

    @property
    def trials(self) -> int:
        """Trials per participant."""
        return self.choice.shape[1]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of contexts, cues and actions (S, A, K)."""
        return (int(self.context.max()) + 1, int(self.cue.max()) + 1, int(self.choice.max()) + 1)


@dataclass(frozen=True)
class RowVisits:
    """The same trials regrouped: one chain per (participant, context, cue), its visits in order.

    The flat model updates a cell only when its row is visited; between two visits, g trials apart, it only
    decays g times. Thus the M = N*S*A rows are independent chains of at most J visits, and a scan
    over visits is S*A times shorter than one over trials. Arrays are (J, M), padded at the end of short chains.
    This works only where no state is shared between rows: it cannot compute a hierarchical or task-set model.
    """

    participant: np.ndarray
    """(M,) the participant of each chain; chains are ordered by participant, then row."""
    gap: np.ndarray
    """Trials until the next visit of the row (1 where there is none)."""
    choice: np.ndarray
    outcome: np.ndarray
    counts: np.ndarray
    """Whether the visit exists (bool)."""


def read_wide(folder: Path) -> Recorded:
    """Read the four wide CSV files of a folder."""
    missing = [name for name in FILES.values() if not (folder / name).is_file()]
    if missing:
        raise SystemExit(f"{folder} holds no {', '.join(missing)}; expected {', '.join(FILES.values())}")
    wide = {role: pd.read_csv(folder / name).to_numpy().T for role, name in FILES.items()}
    labels = {role: np.ascontiguousarray(wide[role], dtype=np.int64) for role in ("context", "cue", "choice")}
    return Recorded(**labels, outcome=np.ascontiguousarray(wide["outcome"], dtype=np.float64))


def by_row(recorded: Recorded) -> RowVisits:
    """Regroup the trials by the row of the table they visit."""
    contexts, cues, _ = recorded.sizes
    rows = contexts * cues
    row = recorded.context * cues + recorded.cue
    visits = [np.flatnonzero(row[n] == m) for n in range(recorded.participants) for m in range(rows)]
    longest = max(len(trials) for trials in visits)
    shape = (longest, len(visits))
    participant = np.repeat(np.arange(recorded.participants), rows)
    gap, outcome = np.ones(shape), np.zeros(shape)
    choice, counts = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    for chain, trials in enumerate(visits):
        n, length = participant[chain], len(trials)
        gap[: max(length - 1, 0), chain] = np.diff(trials)
        choice[:length, chain] = recorded.choice[n, trials]
        outcome[:length, chain] = recorded.outcome[n, trials]
        counts[:length, chain] = True
    return RowVisits(participant, gap, choice, outcome, counts)
