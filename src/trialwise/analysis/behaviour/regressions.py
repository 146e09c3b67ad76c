"""Logistic regressions of correct choices on values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.behaviour.scored import SCORED
from trialwise.base.expects import ARRAY, POSITIVE, expects

if TYPE_CHECKING:
    import pandas as pd


@expects(frame=SCORED, ridge=POSITIVE)
def value_regression(frame: pd.DataFrame, ridge: float = 1.0) -> pd.DataFrame:
    r"""Slopes of a logistic regression of ``correct`` on ``value`` and ``context_value`` for each participant.

    Maximises the log-likelihood minus :math:`\tfrac{1}{2 \mathrm{ridge}} \sum \mathrm{slope}^2`, as the published analysis did
    (``ridge`` 1, unstandardised). A participant may respond without errors; without a ridge the slopes then have no maximum.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.
    ridge
        Variance of the penalty, above 0; ``np.inf`` for none.

    Returns
    -------
    DataFrame
        A row a participant, slopes ``value`` and ``context_value``, in logits per unit of reward.

    References
    ----------
    Eckstein & Collins (2020), PNAS 117(47):29381.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.value_regression(frame).round(2)
                 value  context_value
    participant
    0             0.06           0.17
    1             0.21          -0.07
    """
    import pandas as pd

    rows = {}
    for label, trials in frame.dropna(subset="correct").groupby("participant", observed=True):
        x = trials[["value", "context_value"]].to_numpy()
        rows[label] = logistic(x - x.mean(0), trials["correct"].to_numpy(), np.zeros(len(x), int), ridge)[0]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "context_value"])
    return table.rename_axis(index="participant")


@expects(frame=SCORED)
def pooled_value_regression(frame: pd.DataFrame) -> pd.DataFrame:
    """The regression of :func:`value_regression` over all participants, with an intercept for each and no penalty.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.

    Returns
    -------
    DataFrame
        Rows ``value`` and ``context_value``: ``slope``, in logits per unit of reward, and ``z``, slope by standard error.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.pooled_value_regression(frame).round(1)
                   slope    z
    value            0.1  4.3
    context_value    0.0  0.6
    """
    import pandas as pd

    responded = frame.dropna(subset="correct")
    x = responded[["value", "context_value"]].to_numpy()
    codes = responded["participant"].cat.codes.to_numpy()
    slopes, errors = logistic(x, responded["correct"].to_numpy(), codes, np.inf)
    return pd.DataFrame({"slope": slopes, "z": slopes / errors}, index=["value", "context_value"])


@expects(x=ARRAY, y=ARRAY, group=ARRAY, ridge=POSITIVE)
def logistic(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, ridge: float, turns: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression with an intercept for each group, by Newton's method; intercepts are not penalised.

    Parameters
    ----------
    x
        Predictors, ``(rows, columns)``.
    y
        Outcomes, ``(rows,)``, 0 or 1.
    group
        Codes of groups, ``(rows,)``.
    ridge
        Variance of the penalty on slopes, above 0; ``np.inf`` for none.
    turns
        Largest number of steps.

    Returns
    -------
    slopes : array
        ``(columns,)``, in logits per unit of the predictor.
    errors : array
        ``(columns,)``, their standard errors.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    >>> slopes, errors = tw.behaviour.logistic(x, y, np.zeros(4, int), ridge=1.0)
    >>> slopes.round(2), errors.round(2)
    (array([0.45]), array([0.69]))
    """
    own = (group[:, None] == np.unique(group)).astype(float)
    design, count = np.concatenate([x, own], 1), x.shape[1]
    penalty = np.concatenate([np.full(count, 1.0 / ridge), np.full(own.shape[1], 1e-9)])
    weight = np.zeros(design.shape[1])
    for _ in range(turns):
        p = 1.0 / (1.0 + np.exp(-design @ weight))
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, design.T @ (y - p) - penalty * weight)
        weight = weight + step * min(1.0, 5.0 / (abs(step).max() + 1e-12))
        if abs(step).max() < 1e-9:
            break
    return weight[:count], np.sqrt(np.diag(np.linalg.inv(curvature))[:count])
