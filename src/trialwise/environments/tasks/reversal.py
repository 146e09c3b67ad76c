"""Probabilistic reversal learning: the better of two options changes without notice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.environments.environment import Environment, Shown


@dataclass(frozen=True)
class ProbabilisticReversal(Environment):
    """Two options, one of which pays (outcome 1, else 0) more often, until they change places.

    Option 0 is the better one in the first block, option 1 in the second, and so on. Blocks are told in the column ``block``,
    for analyses: participants are not told.

    Parameters
    ----------
    trials
        How many.
    chance
        Probability that the better option pays; the other pays with one minus that.
    shortest, longest
        Lengths of blocks, each equally likely.

    Raises
    ------
    UsageError
        For numbers that make no task.
    """

    trials: int = 120
    chance: float = 0.8
    shortest: int = 15
    longest: int = 25

    def __post_init__(self) -> None:
        if self.trials < 1 or not 0 <= self.chance <= 1 or not 1 <= self.shortest <= self.longest:
            raise UsageError(f"{self!r}: wanted a trial, a chance from 0 to 1, and blocks of a trial that grow longer")

    @property
    def levels(self) -> dict[str, tuple[int, ...]]:  # type: ignore[override]
        """Options, and as many blocks as there may be."""
        return {"action": (0, 1), "block": tuple(range(-(-self.trials // self.shortest)))}

    reads = ("block",)

    def show(self, random: np.random.Generator) -> Shown:
        """The block of each trial."""
        most = len(self.levels["block"])
        lengths = self.shortest + (random.random(most) * (self.longest - self.shortest + 1)).astype(int)
        return Shown(self.trials, {"block": np.repeat(np.arange(most), lengths)[: self.trials]})

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Whether each option would pay, ``(trials, 2)``."""
        better = np.arange(2) == (shown["block"] % 2)[:, None]
        return (random.random(better.shape) < np.where(better, self.chance, 1 - self.chance)).astype(float)
