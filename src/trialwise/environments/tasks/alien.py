"""The alien task: three seasons, four aliens and three items; the correct item for an alien depends on the season.

This module contains the initial learning phase, the phase with public data, and the functions from which
:mod:`trialwise.environments.tasks.alien_phases` builds all other phases: :func:`season_order` and :func:`shuffled_groups`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, INTEGER, NONE, check, check_fields
from trialwise.base.message import Argument
from trialwise.environments.environment import Environment, Shown
from trialwise.environments.tasks.alien_rewards import ACTIONS, CONTEXTS, CUES, MEANS

SEASON_ORDERS = np.array(
    [
        [0, 1, 2, 1, 2, 0, 2, 0, 1],
        [1, 2, 0, 2, 0, 1, 0, 1, 2],
        [2, 0, 1, 0, 1, 2, 1, 2, 0],
        [0, 2, 1, 2, 1, 0, 1, 0, 2],
        [1, 0, 2, 0, 2, 1, 2, 1, 0],
        [2, 1, 0, 1, 0, 2, 0, 2, 1],
    ]
)
"""The six orders of seasons over nine blocks: each season occurs once in every three blocks, and never in two in a row."""
SEASON_ORDERS.setflags(write=False)

BLOCKS = SEASON_ORDERS.shape[1]


class Noise(NamedTuple):
    """Normal noise added to a mean reward; the sum is floored at 0 and rounded.

    Attributes
    ----------
    sd
        Standard deviation, 0 or larger, in points of reward.
    decimals
        Number of decimals that rewards are rounded to.

    Examples
    --------
    >>> noise = tw.environments.Noise(sd=0.0, decimals=1)
    >>> tw.environments.AlienTask(noise=noise).noise.sd
    0.0
    """

    sd: float
    decimals: int


NOISE = {"experiment": Noise(0.5, 1), "paper": Noise(0.05, 2)}
"""The noise in the experiment with human participants, and in the paper's simulations."""


def noise_of(noise: str | Noise) -> Noise:
    """Convert the name of a noise, or a :class:`Noise`, to a :class:`Noise`.

    Raises
    ------
    UsageError
        If the name is unknown, or the standard deviation is negative.
    """
    if isinstance(noise, str):
        if noise not in NOISE:
            raise UsageError(Argument("noise", noise), ': write "experiment", "paper" or Noise(0.5, 1)')
        return NOISE[noise]
    if not isinstance(noise, Noise) or not noise.sd >= 0:
        raise UsageError(
            Argument("noise", noise), ": write Noise(sd, decimals) with sd 0 or larger, e.g. Noise(0.5, 1)"
        )
    return noise


def season_order(random: np.random.Generator) -> np.ndarray:
    """Draw one of the six orders of seasons, ``(blocks,)``, with equal probability."""
    return SEASON_ORDERS[int(random.random() * len(SEASON_ORDERS))]


def shuffled_groups(presentations: int, random: np.random.Generator) -> np.ndarray:
    """Draw the aliens of one block, ``(4 x presentations,)``, in shuffled groups of all four.

    A group is drawn again as long as it begins with the last alien of the previous group, so that no alien occurs twice in a
    row.
    """
    groups = np.empty((presentations, CUES), np.int64)
    for n in range(presentations):
        groups[n] = random.random(CUES).argsort()
        while n and groups[n, 0] == groups[n - 1, -1]:
            groups[n] = random.random(CUES).argsort()
    return groups.ravel()


def initial_learning(presentations: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw nine blocks of one season each, with each alien presented ``presentations`` times per block."""
    length = CUES * presentations
    return {
        "block": np.repeat(np.arange(BLOCKS), length),
        "context": np.repeat(season_order(random), length),
        "cue": np.concatenate([shuffled_groups(presentations, random) for _ in range(BLOCKS)]),
    }


@dataclass(frozen=True)
class AlienTask(Environment):
    r"""The initial learning phase of the alien task of Eckstein & Collins (2020, PNAS 117(47):29381).

    On each trial, a participant sees a season (context) and an alien (cue), gives the alien one of three items (action) and
    receives a reward:

    .. math:: r = \mathrm{round}(\max(0,\ m[x, s, a] + \sigma z)), \qquad z \sim \mathrm{Normal}(0, 1)

    where :math:`m` is 2 to 10 for the one correct item of an alien in a season and 1 for the others
    (:data:`~trialwise.environments.tasks.alien_rewards.MEANS`). Labels are the codes 0, 1, 2, ...

    Parameters
    ----------
    presentations
        Number of presentations of each alien in each of the 9 blocks; 13 presentations make 468 trials.
    trials
        Number of trials, if the task ends early: 440 is the length of the public human data. By default all trials.
    noise
        ``"experiment"`` (SD 0.5, 1 decimal), ``"paper"`` (SD 0.05, 2 decimals) or ``Noise(sd, decimals)``.

    Raises
    ------
    UsageError
        If a number is out of range, or the noise is unknown.

    Examples
    --------
    >>> import trialwise as tw
    >>> truth = {"alpha": 0.2, "beta": 2, "forget": 0.05}
    >>> tw.simulate(tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=40), truth, participants=2, seed=1).trials.n_trials
    80
    """

    presentations: int = 13
    trials: int | None = None
    noise: str | Noise = "experiment"

    levels = {
        "context": tuple(range(CONTEXTS)),
        "cue": tuple(range(CUES)),
        "action": tuple(range(ACTIONS)),
        "block": tuple(range(BLOCKS)),
    }
    reads = ("context", "cue")
    mean_rewards = MEANS
    learners = ("TaskSets", "MixedTaskSets", "ArgmaxTaskSets")

    @classmethod
    def of_length(cls, trials: int | None = None) -> AlienTask:
        """A task of ``trials`` trials, 440 by default, the length of the public human data; with longer blocks if need be."""
        if trials is not None:
            check("AlienTask.of_length", "trials", trials, COUNT)
        length = 440 if trials is None else trials
        return cls(presentations=max(13, -(-length // (BLOCKS * CUES))), trials=length)

    def __post_init__(self) -> None:
        check_fields(self, presentations=INTEGER, trials=INTEGER | NONE)
        if self.presentations < 1:
            raise UsageError(
                Argument("presentations", self.presentations),
                ": each alien occurs at least once per block; in the experiment, 13 times",
            )
        most = BLOCKS * CUES * self.presentations
        if self.trials is not None and not 1 <= self.trials <= most:
            raise UsageError(
                Argument("trials", self.trials), f": with {self.presentations} presentations, wanted 1 to {most} trials"
            )
        noise_of(self.noise)

    def show(self, random: np.random.Generator) -> Shown:
        """Draw the block, season and alien of each trial.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
        columns = initial_learning(self.presentations, random)
        length = len(columns["cue"]) if self.trials is None else self.trials
        return Shown(length, {name: values[:length] for name, values in columns.items()})

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Draw the noisy reward of each item.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(trials, 3)``, in points, 0 or larger.
        """
        noise = noise_of(self.noise)
        means = MEANS[shown["context"], shown["cue"]]
        # floored before rounding, because rounding could return -0.0
        return np.round(np.maximum(means + noise.sd * random.standard_normal(means.shape), 0.0), noise.decimals)
