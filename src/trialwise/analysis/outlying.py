"""How unusual one data set is among others, in many correlated measures at once."""

from __future__ import annotations

import numpy as np

CAP = 5.0
"""Deviations beyond this many standard deviations count as this many in their mean, which one measure alone cannot fill."""


def outlying(observed: np.ndarray, simulated: np.ndarray) -> float:
    r"""The probability of a data set at least as unusual as the observed one, were it one of the simulated.

    For each data set, the observed one and all S simulated, :math:`z_j = (x_j - m_j) / s_j` with mean and standard deviation of
    all *other* data sets; its deviations are :math:`\max_j |z_j|` and the mean of :math:`z_j^2`. The observed data set has as many
    ranks from the end as data sets are at least as deviant, and :math:`p = \min(1, 2 \min_k (1 + \#_k) / (S + 1))` over both
    deviations. If the observed data set were simulated in the same way, all would be exchangeable: p is valid for any number of
    measures, however correlated or skewed.

    Parameters
    ----------
    observed
        ``(measures,)``; NaN where undefined.
    simulated
        ``(data sets, measures)``; NaN where undefined.

    Returns
    -------
    float
        Between ``2 / (S + 1)`` and 1; 1 without a measure.
    """
    defined = np.isfinite(observed) & (np.isfinite(simulated).sum(0) >= 2)
    values = np.vstack([observed[defined], simulated[:, defined]])
    if not values.size or len(values) < 3:
        return 1.0
    z = np.abs(_deviations(values))
    largest = np.where(np.isfinite(z), z, 0.0).max(1, initial=0.0)
    largest[np.isposinf(z).any(1)] = np.inf
    squares = np.minimum(z, CAP) ** 2
    mean = np.nansum(squares, 1) / np.maximum((~np.isnan(squares)).sum(1), 1)
    shares = [float((each[1:] >= each[0]).sum() + 1) / len(values) for each in (largest, mean)]
    return min(1.0, 2 * min(shares))


def _deviations(values: np.ndarray) -> np.ndarray:
    """Deviation of each row from all others, in their standard deviations; infinite where the others are equal and it differs."""
    there = np.isfinite(values)
    filled = np.where(there, values, 0.0)
    count = np.maximum(there.sum(0) - there, 1)
    centre = filled.sum(0) / np.maximum(there.sum(0), 1)
    moved = np.where(there, values - centre, 0.0)  # sums of squares of small numbers keep their digits
    mean = (moved.sum(0) - moved) / count
    variance = np.maximum((np.square(moved).sum(0) - np.square(moved)) / count - mean**2, 0.0)
    distance = moved - mean
    scale = np.abs(moved).max(0, initial=0.0) * 1e-7
    spread = np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > scale, distance / spread, np.where(np.abs(distance) > scale, np.inf, 0.0))
    return np.where(there, z, np.nan)
