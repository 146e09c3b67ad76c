r"""Bayes factors from simulated summary statistics, where a paper has no likelihood: ratios of densities (R24).

Each learner simulates many data sets with parameters drawn from its prior. The density of a statistic over them, by a Gaussian
kernel of Scott's bandwidth b, at the value s that was observed is the learner's evidence as far as this statistic goes,

.. math:: \hat p_k(s) = \frac{1}{J} \sum_{j=1}^{J} \mathrm{Normal}(s \mid s_{kj}, b_k), \qquad
    \mathrm{BF}_{kl} = \hat p_k(s) / \hat p_l(s)

(Eckstein & Collins 2020, PNAS 117(47):29381, Methods). It says nothing of whatever the statistic leaves out, and in the tails of what
was simulated it is an extrapolation: the table tells how many simulated values are near. Where there is a likelihood,
:func:`trialwise.compare` uses all of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import gaussian_kde, norm

from trialwise.base.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20
"""Simulated values within two bandwidths of the observed one, below which a density is an extrapolation."""


def bayes_factors(
    simulated: Mapping[str, pd.DataFrame | Mapping[str, np.ndarray]], observed: Mapping[str, float] | pd.Series
) -> pd.DataFrame:
    """How much more probable an observed statistic is under one learner's prior than under another's.

    Parameters
    ----------
    simulated
        Of each learner, by name, a column a statistic and a row a data set: for instance the participants' mean of
        :func:`trialwise.analysis.behaviour.measures.measured` of each data set of ``tw.predict(learner, "rollout", environment)``.
    observed
        The statistics of the people.

    Returns
    -------
    pandas.DataFrame
        Rows ``statistic, learner, against``: ``bayes_factor``, its logarithm ``log`` and that one's Monte Carlo standard ``error``;
        ``near``, the smaller number of simulated values within two bandwidths of the observed one, and whether that is enough to
        rely on (``known``).

    Raises
    ------
    UsageError
        If there are fewer than two learners, one lacks a statistic, or a statistic does not vary: then it has no density, and
        a ratio tells of what was filled in.
    """
    import pandas as pd

    if len(simulated) < 2:
        raise UsageError("bayes_factors compares two or more learners: {'flat': table, 'task sets': table}")
    rows = []
    for statistic, value in dict(observed).items():
        found = {name: _density(name, str(statistic), table, float(value)) for name, table in simulated.items()}
        for one, other in permutations(found, 2):
            (top, error, near), (below, noise, few) = found[one], found[other]
            row = {"statistic": statistic, "learner": one, "against": other, "bayes_factor": np.exp(top - below)}
            rows.append(row | {"log": top - below, "error": np.hypot(error, noise), "near": min(near, few)})
    table = pd.DataFrame(rows).set_index(["statistic", "learner", "against"])
    return table.assign(known=table["near"] >= FEWEST)


def _density(
    name: str, statistic: str, table: pd.DataFrame | Mapping[str, np.ndarray], value: float
) -> tuple[float, float, int]:
    """Logarithm of the density at ``value``, its standard error, and how many simulated values are near."""
    if statistic not in table:
        raise UsageError(f"{name!r} has no {statistic!r}; it has {', '.join(map(str, table))}")
    values = np.asarray(table[statistic], float)
    values = values[np.isfinite(values)]
    if not np.isfinite(value) or len(values) < 2:
        raise UsageError(
            f"{statistic!r}: observed {value}, and {len(values)} numbers simulated by {name!r}; wanted is more"
        )
    if values.std() <= 1e-12 * max(1.0, abs(float(values.mean()))):
        raise UsageError(
            f"{statistic!r} is {values[0]:.4g} in all {len(values)} data sets of {name!r}: what cannot vary has no density. Was a value "
            "filled in?"
        )
    kernel = gaussian_kde(values)
    width = float(np.sqrt(kernel.covariance[0, 0]))
    height = float(kernel.logpdf(value)[0])
    share = np.exp(norm.logpdf(value, values, width) - height)  # the mean is 1
    return height, float(share.std(ddof=1) / np.sqrt(len(values))), int((np.abs(value - values) < 2 * width).sum())
