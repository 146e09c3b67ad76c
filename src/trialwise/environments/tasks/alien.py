"""The alien task: three seasons, four aliens, three items; which item an alien wants depends on the season.

Here is the phase whose data are public, initial learning, and the pieces of which :mod:`trialwise.environments.tasks.alien_phases`
makes all others too: :func:`season_order` and :func:`shuffled_groups`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
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
"""The six orders of seasons over nine blocks: each season once in three blocks, never twice in a row."""
SEASON_ORDERS.setflags(write=False)

BLOCKS = SEASON_ORDERS.shape[1]


class Noise(NamedTuple):
    """Normal noise on a mean reward, floored at 0 and rounded."""

    sd: float
    decimals: int


NOISE = {"experiment": Noise(0.5, 1), "paper": Noise(0.05, 2)}
"""What participants were given, and what the paper's simulations used."""


def noise_of(noise: str | Noise) -> Noise:
    """The noise that a word or a :class:`Noise` says.

    Raises
    ------
    UsageError
        For other words, or a negative standard deviation.
    """
    if isinstance(noise, str):
        if noise not in NOISE:
            raise UsageError(f'noise={noise!r}: write "experiment", "paper" or Noise(sd=0.5, decimals=1)')
        return NOISE[noise]
    if not isinstance(noise, Noise) or not noise.sd >= 0:
        raise UsageError(f"noise={noise!r}: write Noise(sd, decimals) with sd 0 or larger, e.g. Noise(0.5, 1)")
    return noise


def season_order(random: np.random.Generator) -> np.ndarray:
    """One of the six orders, ``(blocks,)``, each equally likely."""
    return SEASON_ORDERS[int(random.random() * len(SEASON_ORDERS))]


def shuffled_groups(presentations: int, random: np.random.Generator) -> np.ndarray:
    """The aliens of one block, ``(4 x presentations,)``: shuffled groups of all four.

    A group is drawn again while it would begin with the alien that ended the last one: none comes twice in a row.
    """
    groups = np.empty((presentations, CUES), np.int64)
    for n in range(presentations):
        groups[n] = random.random(CUES).argsort()
        while n and groups[n, 0] == groups[n - 1, -1]:
            groups[n] = random.random(CUES).argsort()
    return groups.ravel()


def initial_learning(presentations: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Nine blocks of one season each, announced; each alien ``presentations`` times a block."""
    length = CUES * presentations
    return {
        "block": np.repeat(np.arange(BLOCKS), length),
        "context": np.repeat(season_order(random), length),
        "cue": np.concatenate([shuffled_groups(presentations, random) for _ in range(BLOCKS)]),
    }


@dataclass(frozen=True)
class AlienTask(Environment):
    r"""The initial-learning phase of the alien task of Eckstein & Collins (2020, PNAS 117(47):29381).

    A participant sees a season (context) and an alien (cue), gives it one of three items (action) and is rewarded:

    .. math:: r = \mathrm{round}(\max(0,\ m[x, s, a] + \sigma z)), \qquad z \sim \mathrm{Normal}(0, 1)

    with :math:`m` 2 to 10 for the one correct item of an alien in a season and 1 for the others
    (:data:`~trialwise.environments.tasks.alien_rewards.MEANS`). Labels are the codes 0, 1, 2, ...

    Parameters
    ----------
    presentations
        How often each alien comes in each of the 9 blocks; 13 make 468 trials.
    trials
        Only the first so many: 440 is the length of the public human data. Default all.
    noise
        ``"experiment"`` (SD 0.5, 1 decimal), ``"paper"`` (SD 0.05, 2 decimals) or ``Noise(sd, decimals)``.

    Raises
    ------
    UsageError
        For other words or numbers.
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

    def __post_init__(self) -> None:
        if self.presentations < 1:
            raise UsageError(
                f"presentations={self.presentations!r}: each alien comes at least once a block; the task has 13"
            )
        most = BLOCKS * CUES * self.presentations
        if self.trials is not None and not 1 <= self.trials <= most:
            raise UsageError(f"trials={self.trials!r}: {self.presentations} presentations make 1 to {most} trials")
        noise_of(self.noise)

    def show(self, random: np.random.Generator) -> Shown:
        """Block, season and alien of each trial."""
        columns = initial_learning(self.presentations, random)
        length = len(columns["cue"]) if self.trials is None else self.trials
        return Shown(length, {name: values[:length] for name, values in columns.items()})

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """The noisy reward of each item, ``(trials, 3)``."""
        noise = noise_of(self.noise)
        means = MEANS[shown["context"], shown["cue"]]
        # floored before rounding: rounding would leave -0.0 otherwise
        return np.round(np.maximum(means + noise.sd * random.standard_normal(means.shape), 0.0), noise.decimals)
