"""The interval of every plot: central, with the probability of the intervals in tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trialwise.analysis.against_truth import INTERVAL

EDGES = ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2)
"""Probabilities of the ends."""

NAME = f"{100 * INTERVAL:.0f} % interval"
"""What it is called in plots."""


def half_width[Errors: (float, np.ndarray)](standard_error: Errors, count: int | None = None) -> Errors:
    """Half the width of the interval of an estimate with this standard error.

    Parameters
    ----------
    standard_error
        A number or an array.
    count
        Number of values that the standard error was estimated from, for Student's t; by default many (Normal).
    """
    from scipy.stats import norm, t

    quantile = float(norm.ppf(EDGES[1]) if count is None else t.ppf(EDGES[1], max(count - 1, 1)))
    return quantile * standard_error


def of_proportion(observed: ArrayLike, count: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the interval of a proportion (Jeffreys), which is not empty where all or none were observed.

    Parameters
    ----------
    observed
        Observed proportions.
    count
        Numbers of observations.
    """
    from scipy.stats import beta

    shares = np.asarray(observed, float)
    hits = shares * np.asarray(count, float)
    misses = np.asarray(count, float) - hits
    low, high = (beta.ppf(edge, hits + 0.5, misses + 0.5) for edge in EDGES)
    return np.minimum(low, shares), np.maximum(high, shares)
