"""The two-step task: a first choice leads, most of the time, to one of two places, where a second choice is rewarded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.environments.environment import Environment, Shown

FIRST, SECOND = 0, 1
COMMON, RARE, NOT_YET = range(3)


@dataclass(frozen=True)
class TwoStepTask(Environment):
    r"""The two-step task of Daw, Gershman, Seymour, Dayan & Dolan (2011, Neuron 69:1204).

    A trial is **two rows**. The first row is the first choice: ``cue`` 0, ``stage`` first, outcome 0. The second is the choice at the
    place reached: ``cue`` 1 or 2, ``stage`` second, outcome 1 or 0. First action 0 commonly leads to place 1 and action 1 to place
    2; which kind of ``transition`` it was is known in the second row. The chance of a reward drifts for each action of each
    place:

    .. math:: c_{t+1} = \mathrm{reflect}(c_t + \nu_t), \qquad \nu_t \sim \mathrm{Normal}(0, \mathrm{drift})

    between ``lowest`` and ``highest``, where it starts at any value, equally likely.

    Parameters
    ----------
    trials
        How many; there are twice as many rows.
    common
        Probability of the common transition.
    drift, lowest, highest
        Standard deviation and bounds of the chances.

    Raises
    ------
    UsageError
        For numbers that make no task.
    """

    trials: int = 201
    common: float = 0.7
    drift: float = 0.025
    lowest: float = 0.25
    highest: float = 0.75

    levels = {
        "cue": (0, 1, 2),
        "stage": ("first", "second"),
        "transition": ("common", "rare", "not yet"),
        "action": (0, 1),
    }
    reads = ("cue", "stage", "transition")

    def __post_init__(self) -> None:
        bounds = 0 <= self.lowest < self.highest <= 1
        if self.trials < 1 or not 0 <= self.common <= 1 or self.drift < 0 or not bounds:
            raise UsageError(
                f"{self!r}: wanted a trial, a common transition's probability from 0 to 1, a drift from 0 on, and chances that "
                "go upwards within 0 and 1"
            )

    def show(self, random: np.random.Generator) -> Shown:
        """Stages, and of which kind each transition is; the places are those that first action 0 leads to."""
        rare = (random.random(self.trials) >= self.common).astype(np.int64)
        transition = np.stack([np.full(self.trials, NOT_YET), rare], 1).ravel()
        shown = Shown(
            2 * self.trials,
            {
                "cue": np.zeros(2 * self.trials, np.int64),
                "stage": np.tile([FIRST, SECOND], self.trials),
                "transition": transition,
            },
        )
        return Shown(shown.trials, {**shown.columns, **self.follow(shown, np.zeros(shown.trials, np.int64))})

    def follow(self, shown: Shown, choice: np.ndarray) -> Mapping[str, np.ndarray]:
        """The place that the first choice leads to."""
        second = shown["stage"] == SECOND
        before = np.maximum(np.concatenate([[0], choice[:-1]]), 0)  # who missed it goes on as after action 0
        return {"cue": np.where(second, 1 + (before ^ (shown["transition"] == RARE)), 0)}

    def chances(self, trials: int, random: np.random.Generator) -> np.ndarray:
        """Chances of a reward, ``(trials, 2 places, 2 actions)``."""
        width = self.highest - self.lowest
        walk = self.drift * random.standard_normal((trials, 2, 2))
        walk[0] = width * random.random((2, 2))
        # a walk reflected at two walls is a free one folded between them: the law of a step is the same from either side
        folded = np.mod(np.cumsum(walk, 0), 2 * width)
        return self.lowest + np.minimum(folded, 2 * width - folded)

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Whether each action would be rewarded at the place reached, ``(rows, 2)``; 0 at the first stage."""
        second, place = shown["stage"] == SECOND, shown["cue"].astype(int)
        trial = np.maximum(np.cumsum(shown["stage"] == FIRST) - 1, 0)
        length = int(trial[-1]) + 1
        paid = random.random((length, 2, 2)) < self.chances(length, random)
        return (paid[trial, np.maximum(place - 1, 0)] * second[:, None]).astype(float)
