"""Recovery of known parameters: correlation, bias, error and coverage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import TABLE, expects
from trialwise.base.message import Argument
from trialwise.data.reading.cells import key
from trialwise.inference.fitted import FIT

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.inference.fitted import Fit

INTERVAL = 0.89
"""Probability of the equal-tailed interval whose coverage is computed."""


TRUTH = replace(
    TABLE,
    remedy=lambda value: (
        TABLE.remedy(value) or "simulation.parameters, the true values of a simulation = tw.simulate(...)"
    ),
)
"""What recovered expects."""


@expects(fit=FIT, truth=TRUTH)
def recovered(fit: Fit, truth: pd.DataFrame, interval: float = INTERVAL) -> pd.DataFrame:
    """Compare posterior means and intervals of participants with the true values.

    Parameters
    ----------
    fit
        A fit with parameters of each participant: ``pooling`` other than ``"complete"``.
    truth
        The true values, a row a participant: column ``participant`` and one for each parameter, on the natural scale, like
        ``parameters`` of a :class:`Simulation`.
    interval
        Probability of the equal-tailed interval whose coverage is computed.

    Returns
    -------
    DataFrame
        A row a parameter: ``correlation`` (NaN where the true value does not vary), ``bias`` (estimate minus true value),
        ``rmse`` and ``coverage``, the share of participants whose interval contains the true value.

    Raises
    ------
    UsageError
        If participants or parameters are missing from ``truth``, or if all participants share their parameters.

    Examples
    --------
    >>> truth = {"alpha": [0.1, 0.3, 0.5], "beta": [1, 2, 3], "forget": 0}
    >>> simulation = tw.simulate(tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=60), truth, seed=1)
    >>> learner = tw.QLearning(initial=1.2).fix(forget=0)
    >>> fit = tw.fit(learner, simulation.trials, draws=50, tune=100, chains=2, progress=False)
    >>> table = tw.recovered(fit, simulation.parameters)
    >>> list(table.index), list(table)
    (['alpha', 'beta'], ['correlation', 'bias', 'rmse', 'coverage'])
    """
    return summarised(points(fit, truth, interval))


def points(fit: Fit, truth: pd.DataFrame, interval: float = INTERVAL) -> pd.DataFrame:
    """True and estimated values on the natural scale, a row a participant and parameter.

    Columns: ``participant``, ``parameter``, ``true``, posterior ``mean``, ``low`` and ``high``, the ends of the equal-tailed
    interval. Arguments and errors as for :func:`recovered`.
    """
    import pandas as pd

    if fit.draws.shared:
        raise UsageError(
            Argument("pooling", "complete"), " has no participants' parameters to compare with the true values"
        )
    truth = in_order(fit, truth)
    parts = []
    for name in fit.parameters:
        draws = fit.draws[name]
        low, high = draws.quantile([(1 - interval) / 2, (1 + interval) / 2], ("chain", "draw")).to_numpy()
        mean = draws.mean(("chain", "draw")).to_numpy()
        columns = {"true": truth[name].to_numpy(float), "mean": mean, "low": low, "high": high}
        parts.append(pd.DataFrame({"participant": truth["participant"], "parameter": name, **columns}))
    return pd.concat(parts, ignore_index=True)


def summarised(points: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`recovered` for any number of data sets, from the rows of :func:`points`."""
    import pandas as pd

    rows = {}
    for name, estimates in points.groupby("parameter", sort=False):
        true, mean = estimates["true"].to_numpy(), estimates["mean"].to_numpy()
        rows[name] = {
            "correlation": correlation(true, mean),
            "bias": (mean - true).mean(),
            "rmse": np.sqrt(np.square(mean - true).mean()),
            "coverage": inside(estimates).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def inside(points: pd.DataFrame) -> pd.Series:
    """Whether the interval contains the true value, for each row."""
    return (points["low"] <= points["true"]) & (points["true"] <= points["high"])


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation; NaN where one of the two does not vary."""
    varies = len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
    return float(np.corrcoef(x, y)[0, 1]) if varies else np.nan


def in_order(fit: Fit, truth: pd.DataFrame) -> pd.DataFrame:
    """The true values in the order of the fit's participants, or of their sessions if these have parameters of their own, matched by label."""
    labels = fit.rows.labelled()
    names = list(map(str, labels))
    missing = [name for name in [*names, *fit.parameters] if name not in truth]
    if missing:
        raise UsageError(f"the table of true parameters has no column {', '.join(missing)}")
    row_of = {tuple(map(key, row)): n for n, row in enumerate(truth[names].to_numpy(object).tolist())}
    wanted = [tuple(map(key, row)) for row in labels.to_numpy(object).tolist()]
    unknown = [row for row in wanted if row not in row_of]
    if unknown:
        other = "".join(f", {name} {value!r}" for name, value in zip(names[1:], unknown[0][1:], strict=True))
        raise UsageError(f"the table of true parameters has no participant {unknown[0][0]!r}{other}")
    found = truth.iloc[[row_of[row] for row in wanted]].reset_index(drop=True)
    return found.assign(participant=found["participant"].astype(str))
