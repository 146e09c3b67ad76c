"""A restless bandit: arms whose worth drifts, so that learning never ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.environments.environment import Environment, Shown


@dataclass(frozen=True)
class RestlessBandit(Environment):
    r"""Four arms whose mean payoffs drift back to a centre (Daw et al. 2006, Nature 441:876).

    .. math::

        m_{t+1} &= \lambda\, m_t + (1 - \lambda)\, \theta + \nu_t, \qquad \nu_t \sim \mathrm{Normal}(0, \mathrm{drift}) \\
        r_t &= m_t + \epsilon_t, \qquad \epsilon_t \sim \mathrm{Normal}(0, \mathrm{noise})

    each arm by itself, payoffs rounded to whole points from 1 to 100. Each participant has drifts of its own.

    Parameters
    ----------
    trials, arms
        How many.
    decay, centre, drift, noise
        :math:`\lambda`, :math:`\theta` and the two standard deviations; means start at a draw of their stationary distribution
        (at the centre for a decay of 1).

    Raises
    ------
    UsageError
        For numbers that make no bandit.
    """

    trials: int = 300
    arms: int = 4
    decay: float = 0.9836
    centre: float = 50.0
    drift: float = 2.8
    noise: float = 4.0

    def __post_init__(self) -> None:
        if self.trials < 1 or self.arms < 2 or not 0 <= self.decay <= 1 or min(self.drift, self.noise) < 0:
            raise UsageError(
                f"{self!r}: wanted a trial, two arms, a decay from 0 to 1 and standard deviations from 0 on"
            )

    @property
    def levels(self) -> dict[str, tuple[int, ...]]:  # type: ignore[override]
        """Arms are numbered."""
        return {"action": tuple(range(self.arms))}

    def show(self, random: np.random.Generator) -> Shown:
        """Nothing but the number of trials."""
        return Shown(self.trials)

    def means(self, trials: int, random: np.random.Generator) -> np.ndarray:
        """Mean payoffs ``(trials, arms)``."""
        steps = self.drift * random.standard_normal((trials, self.arms))
        if self.decay < 1:
            steps[0] /= np.sqrt(1 - self.decay**2)
        gap = np.zeros(self.arms)
        for t in range(trials):
            gap = self.decay * gap + steps[t] if t else steps[0] * (self.decay < 1)
            steps[t] = gap
        return self.centre + steps

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """What each arm would pay, ``(trials, arms)``."""
        means = self.means(shown.trials, random)
        return np.clip(np.round(means + self.noise * random.standard_normal(means.shape)), 1.0, 100.0)
