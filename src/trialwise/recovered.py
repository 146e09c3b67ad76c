"""How well known parameters came back: correlation, bias, error and coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.fitted import Fit

INTERVAL = 0.89
"""Probability of the equal-tailed interval whose coverage is told."""


def recovered(fit: Fit, truth: pd.DataFrame, interval: float = INTERVAL) -> pd.DataFrame:
    """Posterior means and intervals of participants against the true values.

    Parameters
    ----------
    fit
        With participants of its own: ``pooling`` other than ``"complete"``.
    truth
        A row a participant, column ``participant`` and one for each parameter, as :class:`Simulation` has it.
    interval
        Probability of the equal-tailed interval whose coverage is told.

    Returns
    -------
    DataFrame
        A row a parameter: ``correlation`` (NaN where the truth does not vary), ``bias`` (estimate minus truth), ``rmse``
        and ``coverage``, the share of participants whose interval holds the truth.

    Raises
    ------
    UsageError
        If participants or parameters are missing from the truth, or all participants share their parameters.
    """
    import pandas as pd

    if fit.pooling == "complete":
        raise UsageError("pooling='complete' has no participants' parameters to hold against the truth")
    truth = in_order(fit, truth)
    rows = {}
    for name in fit.parameters:
        draws = fit.tree["posterior"][name]
        mean = draws.mean(("chain", "draw")).to_numpy()
        low, high = draws.quantile([(1 - interval) / 2, (1 + interval) / 2], ("chain", "draw")).to_numpy()
        true = truth[name].to_numpy(float)
        varies = len(true) > 1 and np.ptp(true) > 0 and np.ptp(mean) > 0
        rows[name] = {
            "correlation": np.corrcoef(true, mean)[0, 1] if varies else np.nan,
            "bias": (mean - true).mean(),
            "rmse": np.sqrt(np.square(mean - true).mean()),
            "coverage": ((low <= true) & (true <= high)).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def in_order(fit: Fit, truth: pd.DataFrame) -> pd.DataFrame:
    """The true values in the order of the fit's participants, matched by label."""
    missing = [name for name in ["participant", *fit.parameters] if name not in truth]
    if missing:
        raise UsageError(f"the table of true parameters has no column {', '.join(missing)}")
    by_label = truth.assign(participant=truth["participant"].astype(str)).set_index("participant")
    labels = [str(label) for label in fit.trials.participants]
    unknown = [label for label in labels if label not in by_label.index]
    if unknown:
        raise UsageError(f"the table of true parameters has no participant {unknown[0]!r}")
    return by_label.loc[labels].reset_index()
