"""Whether two samplers, or two settings of one, draw from the same posterior: what scripts that compare fits share."""

from __future__ import annotations

from typing import Any

import numpy as np


def group_draws(fit: Any) -> tuple[list[str], np.ndarray]:
    """Names of the group's means and spreads and their draws, ``(names, chains, draws)``."""
    posterior = fit.tree["posterior"]
    names = [str(name) for name in posterior if str(name).endswith(("_mu", "_sd"))]
    return names, np.stack([posterior[name].values for name in names])


def distances(one: Any, other: Any) -> np.ndarray:
    """Distances between the posteriors of the group of two fits, in units of their Monte Carlo errors, ``(2, names)``: of the means, and of
    the mean absolute deviations. If both draw from one posterior, their mean square is 1."""
    from arviz_stats.base import array_stats

    estimates, variances = [], []
    for fit in (one, other):
        _, draws = group_draws(fit)
        deviations = np.abs(draws - draws.mean((1, 2), keepdims=True))
        both = np.stack([draws, deviations])
        ess = np.array([array_stats.ess(part, chain_axis=1, draw_axis=2, method="mean") for part in both])
        estimates.append(both.mean((2, 3)))
        variances.append(both.var((2, 3)) / ess)
    return (estimates[0] - estimates[1]) / np.sqrt(variances[0] + variances[1])
