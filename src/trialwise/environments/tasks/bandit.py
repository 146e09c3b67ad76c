"""A restless bandit: the mean payoffs of the arms drift, so that learning has to continue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import INTEGER, NUMBER, check_fields
from trialwise.environments.environment import Environment, Shown


@dataclass(frozen=True)
class RestlessBandit(Environment):
    r"""Arms whose mean payoffs drift and return to a centre (Daw et al. 2006, Nature 441:876).

    .. math::

        m_{t+1} &= \lambda\, m_t + (1 - \lambda)\, \theta + \nu_t, \qquad \nu_t \sim \mathrm{Normal}(0, \mathrm{drift}) \\
        r_t &= m_t + \epsilon_t, \qquad \epsilon_t \sim \mathrm{Normal}(0, \mathrm{noise})

    independently for each arm, with payoffs rounded to whole points and clipped to 1 to 100. Drifts are drawn separately for each
    participant.

    Parameters
    ----------
    trials, arms
        Numbers of trials and arms.
    decay, centre
        :math:`\lambda`, from 0 to 1, and :math:`\theta`, in points.
    drift, noise
        Standard deviations of :math:`\nu` and :math:`\epsilon`, in points. Means start at a draw from their stationary
        distribution (at the centre if the decay is 1).

    Raises
    ------
    UsageError
        If a number is out of range.

    Examples
    --------
    >>> import trialwise as tw
    >>> bandit = tw.environments.RestlessBandit(trials=50)
    >>> tw.simulate(tw.QLearning(), bandit, {"alpha": 0.3, "beta": 0.2, "forget": 0}, participants=2, seed=1).trials.sizes
    {'action': 4}
    """

    trials: int = 300
    arms: int = 4
    decay: float = 0.9836
    centre: float = 50.0
    drift: float = 2.8
    noise: float = 4.0

    def __post_init__(self) -> None:
        check_fields(self, trials=INTEGER, arms=INTEGER, decay=NUMBER, centre=NUMBER, drift=NUMBER, noise=NUMBER)
        if self.trials < 1 or self.arms < 2 or not 0 <= self.decay <= 1 or min(self.drift, self.noise) < 0:
            raise UsageError(
                f"{self!r}: wanted at least one trial and two arms, a decay from 0 to 1 and standard deviations of 0 or more"
            )

    @property
    def levels(self) -> dict[str, tuple[int, ...]]:  # type: ignore[override]
        """The arms, numbered from 0."""
        return {"action": tuple(range(self.arms))}

    def show(self, random: np.random.Generator) -> Shown:
        """The number of trials; nothing else is shown.

        Parameters
        ----------
        random
            The participant's random generator.

        Returns
        -------
        Shown
            The sequence of one participant.
        """
        return Shown(self.trials)

    def means(self, trials: int, random: np.random.Generator) -> np.ndarray:
        """Draw the mean payoffs.

        Parameters
        ----------
        trials
            Number of trials.
        random
            A random generator.

        Returns
        -------
        array
            ``(trials, arms)``, in points.
        """
        steps = self.drift * random.standard_normal((trials, self.arms))
        if self.decay < 1:
            steps[0] /= np.sqrt(1 - self.decay**2)
        gap = np.zeros(self.arms)
        for t in range(trials):
            gap = self.decay * gap + steps[t] if t else steps[0] * (self.decay < 1)
            steps[t] = gap
        return self.centre + steps

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Draw the payoff of each arm.

        Parameters
        ----------
        shown
            What :meth:`show` returned.
        random
            The participant's random generator.

        Returns
        -------
        array
            ``(trials, arms)``: whole points from 1 to 100.
        """
        means = self.means(shown.trials, random)
        return np.clip(np.round(means + self.noise * random.standard_normal(means.shape)), 1.0, 100.0)
