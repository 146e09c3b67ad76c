"""The two-step task: a first choice leads, with some probability, to one of two states, where a second choice is rewarded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import INTEGER, NUMBER, check_fields
from trialwise.data.expansion.declared import stages
from trialwise.environments.environment import Environment, Shown

FIRST, SECOND = 0, 1
COMMON, RARE, NOT_YET = range(3)


@dataclass(frozen=True)
class TwoStepTask(Environment):
    r"""The two-step task of Daw, Gershman, Seymour, Dayan & Dolan (2011, Neuron 69:1204).

    A trial is **two rows**. The first row is the first-stage choice: ``cue`` 0, ``stage`` first, outcome 0. The second row is the
    choice in the second-stage state: ``cue`` 1 or 2, ``stage`` second, outcome 1 or 0. First-stage action 0 commonly leads to
    state 1, and action 1 to state 2; the ``transition`` of the trial, common or rare, is known in the second row. The reward
    probability of each action in each state drifts:

    .. math:: c_{t+1} = \mathrm{reflect}(c_t + \nu_t), \qquad \nu_t \sim \mathrm{Normal}(0, \mathrm{drift})

    between ``lowest`` and ``highest``, from a start drawn uniformly in this range.

    Files with one row a trial are read with ``expand=TwoStepTask`` if they have the columns ``level1_choice`` (1, 2), ``level2_choice`` (1 and 2 in the one
    state, 3 and 4 in the other) and ``reward``; others with stages of their own (:func:`trialwise.stages`). To simulate along recorded
    transitions, the stages need them as well, ``transition=2`` in the first and ``transition=rare`` (a column of 0 and 1) in the second, and the reader
    ``labels=["transition"], levels={"transition": [0, 1, 2]}``.

    Parameters
    ----------
    trials
        Number of trials; there are twice as many rows.
    common
        Probability of the common transition.
    drift
        Standard deviation of the drift of reward probabilities per trial.
    lowest, highest
        Bounds of reward probabilities.

    Raises
    ------
    UsageError
        If a number is out of range.

    Examples
    --------
    >>> import trialwise as tw
    >>> truth = dict(alpha=0.5, alpha_second=0.5, beta=3, beta_second=3, omega=0.5, trace=0.6, perseveration=0.2)
    >>> tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(trials=50), truth, participants=2, seed=1).trials.n_trials
    200
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
    learners = ("HybridTwoStep",)
    expansion = stages(
        first={"choice": "level1_choice", "cue": 0, "outcome": 0},
        second={"choice": "level2_choice", "groups": [[1, 2], [3, 4]], "outcome": "reward"},
    )

    def __post_init__(self) -> None:
        check_fields(self, trials=INTEGER, common=NUMBER, drift=NUMBER, lowest=NUMBER, highest=NUMBER)
        bounds = 0 <= self.lowest < self.highest <= 1
        if self.trials < 1 or not 0 <= self.common <= 1 or self.drift < 0 or not bounds:
            raise UsageError(
                f"{self!r}: wanted a trial or more, a probability of the common transition from 0 to 1, a drift of 0 or more, "
                "and 0 <= lowest < highest <= 1"
            )

    def show(self, random: np.random.Generator) -> Shown:
        """Draw the transitions; the states shown are those that follow first-stage action 0.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
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
        """The state that the first-stage choice leads to.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        choice
            Codes of the choices, ``int64 (rows,)``.

        Returns
        -------
        dict
            The columns ``cue`` and ``transition``, ``int64 (rows,)`` each.
        """
        second = shown["stage"] == SECOND
        first_choice = np.maximum(np.concatenate([[0], choice[:-1]]), 0)  # a missed choice counts as action 0
        return {"cue": np.where(second, 1 + (first_choice ^ (shown["transition"] == RARE)), 0)}

    def chances(self, trials: int, random: np.random.Generator) -> np.ndarray:
        """Draw the reward probabilities.

        Parameters
        ----------
        trials
            Number of trials.
        random
            A random generator.

        Returns
        -------
        array
            ``(trials, 2 states, 2 actions)``, from ``lowest`` to ``highest``.
        """
        width = self.highest - self.lowest
        walk = self.drift * random.standard_normal((trials, 2, 2))
        walk[0] = width * random.random((2, 2))
        # a random walk reflected at two bounds is a free walk folded between them, because its steps are symmetric
        folded = np.mod(np.cumsum(walk, 0), 2 * width)
        return self.lowest + np.minimum(folded, 2 * width - folded)

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Draw whether each action is rewarded in the current state.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(rows, 2)``: 1 for a reward, otherwise 0; 0 at the first stage.
        """
        second, state = shown["stage"] == SECOND, shown["cue"].astype(int)
        trial = np.maximum(np.cumsum(shown["stage"] == FIRST) - 1, 0)
        length = int(trial[-1]) + 1
        rewarded = random.random((length, 2, 2)) < self.chances(length, random)
        return (rewarded[trial, np.maximum(state - 1, 0)] * second[:, None]).astype(float)
