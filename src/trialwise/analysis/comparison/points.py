"""Comparison of point estimates by AIC or BIC."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from trialwise.analysis.comparison.comparison import Comparison
from trialwise.analysis.comparison.sums import error_of_difference, frequency_table, standard_error
from trialwise.analysis.comparison.verdict import verdict
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.inference.point import Point

Criterion = Literal["bic", "aic"]


def check_criterion(method: str | None) -> str:
    """The criterion by which points are compared; raises an error for another one."""
    method = method or "bic"
    if method not in get_args(Criterion):
        raise UsageError(
            Argument("method", method),
            f": for points, wanted one of {', '.join(map(repr, get_args(Criterion)))}; other methods need fits",
        )
    return method


def compared_points(points: dict[str, Point], method: str | None) -> Comparison:
    """AIC and BIC, summed over participants."""
    import pandas as pd

    method = check_criterion(method)
    tables = {name: each.maximum_likelihood.set_index("participant") for name, each in points.items()}
    criterion = pd.DataFrame({name: each[method] for name, each in tables.items()})
    names = [str(criterion.columns[k]) for k in np.argsort(criterion.sum().to_numpy(), kind="stable")]
    criterion = criterion[names]
    difference = criterion.sub(criterion[names[0]], axis=0)
    error = pd.Series(
        {name: float(np.sqrt((tables[name].get("standard_error", pd.Series(0.0)) ** 2).sum())) for name in names}
    )
    table = pd.DataFrame(
        {
            "log_likelihood": pd.Series({name: points[name].log_likelihood for name in names}),
            "parameters": pd.Series({name: len(points[name].learner.names) * len(criterion) for name in names}),
            **{kind: pd.Series({name: tables[name][kind].sum() for name in names}) for kind in ("aic", "bic")},
            "difference": difference.sum(),
            "se_difference": np.hypot(standard_error(difference), 2 * error_of_difference(error)),
        }
    ).rename_axis("learner")
    evidence = -0.5 * criterion
    frequent, risk = frequency_table(evidence) if method == "bic" else (None, np.nan)
    given = verdict(evidence, error, np.zeros(len(evidence), bool), {})
    return Comparison(method, table, evidence, frequent, risk, (given,))
