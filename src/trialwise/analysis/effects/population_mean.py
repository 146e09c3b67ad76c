"""Means over participants on the natural scale, which are not the natural values of means: the inverse links are curved."""

from __future__ import annotations

import numpy as np

from trialwise.learners.parameters import Parameter

POINTS = 32
"""Points of the Gauss-Hermite quadrature."""


def population_mean(parameter: Parameter, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    r"""The mean of a parameter's natural value over participants.

    .. math:: E\,g(u), \quad u \sim \mathrm{Normal}(m, s^2)

    It is exact where a closed form exists (:math:`m`, :math:`e^{m + s^2/2}`), and a Gauss-Hermite sum of 32 points otherwise.

    Parameters
    ----------
    parameter
        The parameter, with the inverse link g.
    mean, spread
        m and s on the unconstrained scale, of the same shape.

    Returns
    -------
    ndarray
        On the natural scale, of that shape.
    """
    if parameter.support == "real":
        return np.array(mean, float)
    if parameter.support == "positive":
        return np.asarray(np.exp(mean + spread**2 / 2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    total = np.zeros(np.shape(mean))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        total += weight * parameter.constrain(mean + spread * node)
    return total
