r"""Bayes factors from simulated summary statistics, for analyses without a likelihood: ratios of densities.

Each learner simulates many data sets with parameters drawn from its prior. The density of a statistic over these data sets, by a
Gaussian kernel of Scott's bandwidth b, at the observed value s is the learner's evidence with respect to this statistic,

.. math:: \hat p_k(s) = \frac{1}{J} \sum_{j=1}^{J} \mathrm{Normal}(s \mid s_{kj}, b_k), \qquad
    \mathrm{BF}_{kl} = \hat p_k(s) / \hat p_l(s)

(Eckstein & Collins 2020, PNAS 117(47):29381, Methods). It ignores whatever the statistic leaves out, and in the tails of the
simulated values it is an extrapolation: the table reports how many simulated values are near. Where there is a likelihood,
:func:`trialwise.compare` uses all of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import gaussian_kde, norm

from trialwise.base.errors import UsageError
from trialwise.base.expects import MAPPING, Kind, expects

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20
"""Fewest simulated values within two bandwidths of the observed one; with fewer, a density is an extrapolation."""


STATISTICS = Kind(
    "statistics by name, {'accuracy': 0.8}",
    lambda value: isinstance(value, Mapping) or type(value).__name__ == "Series",
)


@expects(simulated=MAPPING, observed=STATISTICS)
def bayes_factors(
    simulated: Mapping[str, pd.DataFrame | Mapping[str, np.ndarray]], observed: Mapping[str, float] | pd.Series
) -> pd.DataFrame:
    """How much more probable observed statistics are under one learner's prior than under another's.

    Parameters
    ----------
    simulated
        A table for each learner, by name, with a column a statistic and a row a data set: for instance the mean over participants
        of :func:`trialwise.analysis.behaviour.measures.measured`, for each data set of
        ``tw.predict(learner, "rollout", environment)``.
    observed
        The statistics of the participants.

    Returns
    -------
    pandas.DataFrame
        Rows ``statistic, learner, against``: ``bayes_factor``; its logarithm ``log`` and the Monte Carlo standard ``error`` of the
        logarithm; ``near``, the number of simulated values within two bandwidths of the observed one, for the learner with fewer
        of them; and ``known``, whether that number is sufficient.

    Raises
    ------
    UsageError
        If there are fewer than two learners, a learner lacks a statistic, or a statistic does not vary: then it has no density,
        and the ratio would depend on how missing values were filled in.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> simulated = {
    ...     "good": {"accuracy": random.normal(0.8, 0.05, 400)},
    ...     "poor": {"accuracy": random.normal(0.7, 0.05, 400)},
    ... }
    >>> table = tw.behaviour.bayes_factors(simulated, {"accuracy": 0.8})
    >>> bool(table.loc[("accuracy", "good", "poor"), "bayes_factor"] > 3)
    True
    """
    import pandas as pd

    strange = [name for name, table in simulated.items() if not hasattr(table, "keys")]
    if strange:
        raise UsageError(f"simulated[{strange[0]!r}] must be a table with a column a statistic and a row a data set")
    if len(simulated) < 2:
        raise UsageError("bayes_factors compares two or more learners: {'flat': table, 'task sets': table}")
    rows = []
    for statistic, value in dict(observed).items():
        density = {name: _density(name, str(statistic), table, float(value)) for name, table in simulated.items()}
        for one, other in permutations(density, 2):
            (log_one, error_one, near_one), (log_other, error_other, near_other) = density[one], density[other]
            log = log_one - log_other
            row = {"statistic": statistic, "learner": one, "against": other, "bayes_factor": np.exp(log), "log": log}
            rows.append(row | {"error": np.hypot(error_one, error_other), "near": min(near_one, near_other)})
    table = pd.DataFrame(rows).set_index(["statistic", "learner", "against"])
    return table.assign(known=table["near"] >= FEWEST)


def _density(
    name: str, statistic: str, table: pd.DataFrame | Mapping[str, np.ndarray], value: float
) -> tuple[float, float, int]:
    """Logarithm of the density at ``value``, its standard error, and the number of simulated values nearby."""
    if statistic not in table:
        raise UsageError(f"{name!r} has no {statistic!r}; it has {', '.join(map(str, table))}")
    values = np.asarray(table[statistic], float)
    values = values[np.isfinite(values)]
    if not np.isfinite(value) or len(values) < 2:
        raise UsageError(
            f"{statistic!r}: observed {value}, and {len(values)} numbers simulated by {name!r}; wanted a finite observed value "
            "and two or more simulated ones"
        )
    if values.std() <= 1e-12 * max(1.0, abs(float(values.mean()))):
        raise UsageError(
            f"{statistic!r} is {values[0]:.4g} in all {len(values)} data sets of {name!r}: a constant has no density. Was a value "
            "filled in?"
        )
    kernel = gaussian_kde(values)
    width = float(np.sqrt(kernel.covariance[0, 0]))
    log_density = float(kernel.logpdf(value)[0])
    relative = np.exp(norm.logpdf(value, values, width) - log_density)  # the mean is 1
    error = float(relative.std(ddof=1) / np.sqrt(len(values)))
    return log_density, error, int((np.abs(value - values) < 2 * width).sum())
