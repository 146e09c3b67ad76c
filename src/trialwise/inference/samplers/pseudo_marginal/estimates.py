"""Estimates of log-likelihoods at many parameter points, kept, and where parameters make a difference to them."""

from __future__ import annotations

import numpy as np

from trialwise.likelihoods.emulator import Limits
from trialwise.likelihoods.likelihood import Likelihood

FAINT, FAR_BELOW = 0.3, 3.0
"""A rate of so much over the number of trials is next to none, as is a positive parameter by so much below its prior's mean."""


def limits_of(likelihood: Likelihood) -> Limits:
    """Unconstrained values beyond which parameters make no difference in so many trials."""
    trials, parameters = likelihood.trials.lengths.max(), likelihood.learner.parameters
    lower, upper = np.full(len(parameters), -np.inf), np.full(len(parameters), np.inf)
    for k, parameter in enumerate(parameters):
        if parameter.support in ("unit", "interval"):
            upper[k] = np.log(trials / FAINT)
            lower[k] = -upper[k]
        elif parameter.support == "positive":
            lower[k] = parameter.mean - FAR_BELOW
    return Limits(lower, upper)


class Archive:
    """All estimates so far of every unit: points ``u``, what was ``found`` and with how many ``particles``."""

    def __init__(self, units: int, parameters: int):
        self.u = [np.empty((0, parameters)) for _ in range(units)]
        self.found = [np.empty(0) for _ in range(units)]
        self.particles = [np.empty(0) for _ in range(units)]

    def add(self, u: np.ndarray, found: np.ndarray, particles: int) -> None:
        """Take in ``u (units, points, parameters)`` and ``found (units, points)``."""
        for n, (points, values) in enumerate(zip(u, found, strict=True)):
            self.add_to(n, points, values, particles)

    def add_to(self, n: int, u: np.ndarray, found: np.ndarray, particles: int) -> None:
        """Take in ``u (points, parameters)`` and ``found (points,)`` of one unit."""
        self.u[n] = np.concatenate([self.u[n], u])
        self.found[n] = np.concatenate([self.found[n], found])
        self.particles[n] = np.concatenate([self.particles[n], np.full(len(found), float(particles))])

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays for a file; all units have equally many estimates."""
        return {"u": np.stack(self.u), "found": np.stack(self.found), "particles": np.stack(self.particles)}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Archive:
        """The archive that :meth:`arrays` gave."""
        units, _, parameters = arrays["u"].shape
        made = cls(units, parameters)
        made.u, made.found, made.particles = (list(arrays[name]) for name in ("u", "found", "particles"))
        return made
