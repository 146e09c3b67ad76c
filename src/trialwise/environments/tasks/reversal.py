"""Probabilistic reversal learning: which of two options is better changes without notice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import INTEGER, NUMBER, check_fields
from trialwise.environments.environment import Environment, Shown


@dataclass(frozen=True)
class ProbabilisticReversal(Environment):
    """Two options, of which one is rewarded (outcome 1, otherwise 0) more often, until the contingencies reverse.

    Option 0 is the better one in the first block, option 1 in the second, and so on. The column ``block`` is for analyses only:
    participants do not see it.

    Parameters
    ----------
    trials
        Number of trials.
    chance
        Probability of a reward for the better option; the other is rewarded with one minus this probability.
    shortest, longest
        Range of block lengths, in trials; all lengths in it are equally likely.

    Raises
    ------
    UsageError
        If a number is out of range.

    Examples
    --------
    >>> import trialwise as tw
    >>> task = tw.environments.ProbabilisticReversal(trials=60)
    >>> tw.simulate(tw.QLearning(), task, {"alpha": 0.3, "beta": 3, "forget": 0}, participants=2, seed=1).trials.n_trials
    120
    """

    trials: int = 120
    chance: float = 0.8
    shortest: int = 15
    longest: int = 25

    def __post_init__(self) -> None:
        check_fields(self, trials=INTEGER, chance=NUMBER, shortest=INTEGER, longest=INTEGER)
        if self.trials < 1 or not 0 <= self.chance <= 1 or not 1 <= self.shortest <= self.longest:
            raise UsageError(
                f"{self!r}: wanted at least one trial, a chance from 0 to 1, and blocks of at least one trial with shortest not "
                "above longest"
            )

    @property
    def levels(self) -> dict[str, tuple[int, ...]]:  # type: ignore[override]
        """Labels of options and blocks, up to the largest possible number of blocks."""
        return {"action": (0, 1), "block": tuple(range(-(-self.trials // self.shortest)))}

    reads = ("block",)

    def show(self, random: np.random.Generator) -> Shown:
        """Draw the block of each trial.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
        most = len(self.levels["block"])
        lengths = self.shortest + (random.random(most) * (self.longest - self.shortest + 1)).astype(int)
        return Shown(self.trials, {"block": np.repeat(np.arange(most), lengths)[: self.trials]})

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Draw whether each option is rewarded.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(trials, 2)``: 1 for a reward, otherwise 0.
        """
        better = np.arange(2) == (shown["block"] % 2)[:, None]
        return (random.random(better.shape) < np.where(better, self.chance, 1 - self.chance)).astype(float)
