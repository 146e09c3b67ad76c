"""Aversive conditioning: two cues, of which one is sometimes followed by a shock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, INTEGER, check, check_fields
from trialwise.base.message import Argument
from trialwise.environments.environment import Environment, Shown


@dataclass(frozen=True)
class Conditioning(Environment):
    """Two cues in random order; a shock (outcome 1, otherwise 0) follows some of the CS+ and never the CS-.

    There are no choices: the environment is for learners with a continuous response, such as skin conductance. The defaults
    are those of a public simulation of aversive learning: 30 trials, with 7 shocks after 18 CS+ (39 %).

    Parameters
    ----------
    plus, minus
        Number of trials with each cue.
    shocks
        Number of CS+ trials that end with a shock; these trials are drawn at random for each participant.

    Raises
    ------
    UsageError
        If a number is negative, there are no trials, or there are more shocks than CS+ trials.

    Examples
    --------
    >>> import trialwise as tw
    >>> truth = {"alpha": 0.2, "intercept": 0, "slope": 1, "noise": 0.1}
    >>> tw.simulate(tw.learners.RescorlaWagner(), tw.environments.Conditioning(), truth, participants=2, seed=1).trials.n_trials
    60
    """

    plus: int = 18
    minus: int = 12
    shocks: int = 7

    levels = {"cue": ("CS+", "CS-")}
    reads = ("cue",)
    learners = ("RescorlaWagner", "PearceHall")

    @classmethod
    def of_length(cls, trials: int | None = None) -> Conditioning:
        """A task of ``trials`` trials, 30 by default, three fifths of them CS+, 39 % of which end with a shock."""
        if trials is not None:
            check("Conditioning.of_length", "trials", trials, COUNT)
        length = 30 if trials is None else trials
        plus = round(0.6 * length)
        return cls(plus, length - plus, round(plus * 7 / 18))

    def __post_init__(self) -> None:
        check_fields(self, plus=INTEGER, minus=INTEGER, shocks=INTEGER)
        if min(self.plus, self.minus, self.shocks) < 0 or self.plus + self.minus == 0 or self.shocks > self.plus:
            raise UsageError(
                f"{self!r}: wanted numbers of 0 or more, at least one trial and at most {self.plus} shocks"
            )

    def show(self, random: np.random.Generator) -> Shown:
        """Draw the cue of each trial, 0 for CS+ and 1 for CS-.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
        cues = np.repeat([0, 1], [self.plus, self.minus])
        return Shown(len(cues), {"cue": cues[random.random(len(cues)).argsort()]})

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Draw whether a shock follows each trial.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(trials, 1)``: 1 for a shock, otherwise 0; exactly ``shocks`` in total.

        Raises
        ------
        UsageError
            If a recorded sequence has fewer CS+ trials than there are shocks.
        """
        plus = np.flatnonzero(shown["cue"] == 0)
        if len(plus) < self.shocks:
            raise UsageError(
                f"{self!r}: a participant has {len(plus)} CS+ trials for {self.shocks} shocks; write fewer, ",
                Argument("shocks", ...),
            )
        outcome = np.zeros((shown.trials, 1))
        outcome[plus[random.random(len(plus)).argsort()[: self.shocks]]] = 1.0
        return outcome
