"""An archive of estimated log-likelihoods, and the limits beyond which parameters do not affect them."""

from __future__ import annotations

import numpy as np

from trialwise.likelihoods.emulator import Limits
from trialwise.likelihoods.likelihood import Likelihood

FAINT, FAR_BELOW = 0.3, 3.0
"""A rate of FAINT over the number of trials has practically no effect, nor has a positive parameter FAR_BELOW below its prior's mean."""


def limits_of(likelihood: Likelihood) -> Limits:
    """Unconstrained values beyond which parameters have no effect within the number of trials."""
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
    """All estimates so far of every unit: points ``u``, estimates ``found``, and their numbers of ``particles``."""

    def __init__(self, units: int, parameters: int):
        self.u = [np.empty((0, parameters)) for _ in range(units)]
        self.found = [np.empty(0) for _ in range(units)]
        self.particles = [np.empty(0) for _ in range(units)]

    def add(self, u: np.ndarray, found: np.ndarray, particles: int) -> None:
        """Add estimates ``found (units, points)`` at ``u (units, points, parameters)``."""
        for n, (points, values) in enumerate(zip(u, found, strict=True)):
            self.add_to(n, points, values, particles)

    def add_to(self, n: int, u: np.ndarray, found: np.ndarray, particles: int) -> None:
        """Add estimates ``found (points,)`` at ``u (points, parameters)`` of one unit."""
        self.u[n] = np.concatenate([self.u[n], u])
        self.found[n] = np.concatenate([self.found[n], found])
        self.particles[n] = np.concatenate([self.particles[n], np.full(len(found), float(particles))])

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays to save; all units have the same number of estimates."""
        return {"u": np.stack(self.u), "found": np.stack(self.found), "particles": np.stack(self.particles)}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Archive:
        """The archive from the result of :meth:`arrays`."""
        units, _, parameters = arrays["u"].shape
        archive = cls(units, parameters)
        archive.u, archive.found, archive.particles = (list(arrays[name]) for name in ("u", "found", "particles"))
        return archive
