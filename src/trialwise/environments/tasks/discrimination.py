"""Two-alternative discrimination of a signed stimulus of varying strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import INTEGER, check_fields
from trialwise.environments.environment import Environment, Shown


@dataclass(frozen=True)
class Discrimination(Environment):
    """A stimulus on the left or on the right, of varying strength; the choice of its side pays 1, the other 0.

    The side and the strength of each trial are independent and uniform. ``stimulus`` is the signed strength, negative on the left. Where the
    strength is 0, the side that pays is random. The contrasts of the International Brain Laboratory's task (2021, eLife 10:e63711) without
    its blocks.

    Parameters
    ----------
    trials
        Number of trials.
    strengths
        Strengths of the stimulus, 0 or more.

    Raises
    ------
    UsageError
        Without a trial or a strength, or if a strength is negative or not finite.

    Examples
    --------
    >>> import trialwise as tw
    >>> task = tw.environments.Discrimination(trials=4, strengths=(0.5,))
    >>> np.abs(task.show(np.random.default_rng(1))["stimulus"]).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """

    trials: int = 500
    strengths: tuple[float, ...] = (0.0, 0.0625, 0.125, 0.25, 1.0)

    levels = {"action": ("left", "right")}
    reads = ("stimulus",)
    learners = ("GLMHMM",)

    def __post_init__(self) -> None:
        check_fields(self, trials=INTEGER)
        strengths = np.asarray(self.strengths, float)
        if (
            self.trials < 1
            or strengths.ndim != 1
            or not len(strengths)
            or not ((strengths >= 0) & (strengths < np.inf)).all()
        ):
            raise UsageError(f"{self!r}: wanted a trial or more, and one or more strengths of 0 or more")

    def show(self, random: np.random.Generator) -> Shown:
        """Draw the stimuli.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
        strength = random.choice(np.asarray(self.strengths, float), self.trials)
        return Shown(self.trials, {"stimulus": strength * random.choice([-1.0, 1.0], self.trials)})

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """What each side pays.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(trials, 2)`` of 0 and 1.
        """
        stimulus = shown["stimulus"]
        right = np.where(stimulus == 0, random.random(shown.trials) < 0.5, stimulus > 0)
        return np.stack([~right, right], 1).astype(float)
