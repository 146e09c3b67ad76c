"""The interval of every plot: central, with the probability of the intervals in tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from trialwise.analysis.against_truth import INTERVAL

EDGES = ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2)
"""Probabilities of the ends."""

NAME = f"{100 * INTERVAL:.0f} % interval"
"""What it is called in plots."""


def half_width(standard_error: Any, count: int | None = None) -> Any:
    """Half the width of the interval of an estimate with this standard error.

    Parameters
    ----------
    standard_error
        A number or an array.
    count
        Number of values that the standard error was estimated from, for Student's t; by default many (Normal).
    """
    from scipy.stats import norm, t

    return standard_error * (norm.ppf(EDGES[1]) if count is None else t.ppf(EDGES[1], max(count - 1, 1)))


def of_proportion(observed: Any, count: Any) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the interval of a proportion (Jeffreys), which is not empty where all or none were observed.

    Parameters
    ----------
    observed
        Observed proportions.
    count
        Numbers of observations.
    """
    from scipy.stats import beta

    observed, count = np.asarray(observed, float), np.asarray(count, float)
    hits = observed * count
    low, high = (beta.ppf(edge, hits + 0.5, count - hits + 0.5) for edge in EDGES)
    return np.minimum(low, observed), np.maximum(high, observed)
