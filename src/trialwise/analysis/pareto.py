"""Pareto-smoothed importance weights (Vehtari et al. 2024, Journal of Machine Learning Research 25:72)."""

from __future__ import annotations

import numpy as np

FEWEST = 30
"""With fewer draws the tail of their weights has fewer than the six to which a Pareto distribution is fitted."""


def pareto_smoothed(log_likelihood: np.ndarray, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of weights inverse to likelihoods ``(units, draws)``, smoothed, up to a constant of each unit; and their k-hats ``(units,)``.

    ``share`` is the number of effective draws per draw. Of fewer than 30 draws the weights are as they are, and k-hats infinite: nothing is
    known of their tails.
    """
    from arviz_stats.base import array_stats

    if log_likelihood.shape[1] < FEWEST:
        return -log_likelihood, np.full(len(log_likelihood), np.inf)
    weight, khat = array_stats.psislw(np.ascontiguousarray(log_likelihood), r_eff=share)
    return np.asarray(weight), np.asarray(khat)
