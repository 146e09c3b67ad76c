"""Posterior predictive checks: simulated against observed behaviour, and the calibration of choice probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.against_truth import INTERVAL
from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.predict import Kind, choice_probabilities, predict
from trialwise.base.errors import UsageError
from trialwise.base.progress import bars
from trialwise.base.result import Finding, Result, Severity
from trialwise.data.trials import MISSED, Trials
from trialwise.environments.environment import Environment, Recorded
from trialwise.inference.fitted import Fit

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
"""Number of bins of choice probabilities."""


@dataclass(frozen=True, eq=False, repr=False)
class Check(Result):
    """The result of a posterior predictive check.

    Attributes
    ----------
    kind
        ``"rollout"`` or ``"one-step"``: see :mod:`trialwise.predict`.
    table
        A row a measure, means over participants: ``observed``; for the simulated data sets ``predicted`` (mean), ``low`` and
        ``high`` (89 % interval); and ``tail``, the share of data sets whose value is at least as large as the observed one: near 0
        or 1, the learner does not reproduce the measure.
    simulated
        ``(draws, measures)``, the same means for every simulated data set.
    calibration
        A row a bin of choice probabilities, over all actions and trials: ``probability`` (mean), ``chosen`` (share of choices),
        ``count``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> check = tw.check(fit, datasets=4, progress=False)
    >>> check.kind, len(check.simulated), list(check.calibration)
    ('one-step', 4, ['probability', 'chosen', 'count'])
    """

    kind: Kind
    table: pd.DataFrame
    simulated: pd.DataFrame
    calibration: pd.DataFrame

    contents = {
        "check": "every measure: observed, predicted, 89 % interval, tail probability",
        "choice_probabilities": "how often actions were chosen, by predicted probability",
    }

    @property
    def missed(self) -> pd.DataFrame:
        """The measures whose observed value is outside the interval, the farthest first."""
        low, high, observed = (self.table[name].to_numpy() for name in ("low", "high", "observed"))
        distance = np.maximum(low - observed, observed - high) / np.maximum(high - low, 1e-9)
        order = np.argsort(-distance, kind="stable")
        return self.table.iloc[order[distance[order] > 0]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The number of measures outside their interval, a caution if it is larger than chance explains."""
        missed, total = len(self.missed), len(self.table)
        expected = round(1 - INTERVAL, 3) * total
        sentence = (
            f"{missed} of {total} measures lie outside their {100 * INTERVAL:.0f} % interval; about {expected:.0f} would by chance, "
            "though measures are correlated"
        )
        severity: Severity = "note" if missed <= max(1.5 * expected, 1) else "caution"
        return (Finding(severity, "measures-outside", sentence, about=tuple(map(str, self.missed.index))),)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``check``, a row a measure, and ``choice_probabilities``, the calibration."""
        return {"check": self.table, "choice_probabilities": self.calibration}

    @property
    def headline(self) -> str:
        """The kind of prediction, the number of data sets, and the number of measures outside their interval."""
        return f"Check({self.kind}, {len(self.simulated)} data sets, {len(self.missed)} of {len(self.table)} measures outside 89 %)"

    def __repr__(self) -> str:
        return self.headline


def check(
    fit: Fit, environment: Environment | Recorded | None = None, *, datasets: int = 100,
    measures: Callable[[Trials], pd.DataFrame] = measured, seed: int = 0, progress: bool = True,
) -> Check:  # fmt: skip
    """Compare simulated with observed behaviour: a posterior predictive check.

    Parameters
    ----------
    fit
        Fit of a learner that chooses.
    environment
        With an environment, agents act on their own along the fit's sequences and learn from the outcomes of their own choices
        (rollouts), the stricter test. Without, each choice is drawn given the real choices and outcomes before it; such one-step
        predictions look good because they see the real past.
    datasets
        Number of simulated data sets, one for each posterior draw used; only one is in memory at a time.
    measures
        Function from trials to a table with a row a participant and a column a measure: by default all of
        :mod:`trialwise.analysis.behaviour.measures`.
    seed
        The same seed gives the same data sets.
    progress
        Whether a progress bar is shown.

    Returns
    -------
    Check
        Its ``table`` has a row a measure; ``missed`` are those outside the 89 % interval of the simulated data sets.

    Raises
    ------
    UsageError
        If the learner does not choose, or the environment does not match the trials.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> check = tw.check(fit, tw.environments.AlienTask(), datasets=4, progress=False)
    >>> list(check.table), "accuracy" in check.table.index
    (['observed', 'predicted', 'low', 'high', 'tail'], True)
    """
    import pandas as pd

    learner = fit.learner_for("check")
    if not learner.family.acts:
        raise UsageError(f"check is about choices, and {learner} makes none")
    kind: Kind = "one-step" if environment is None else "rollout"
    predictions = predict(fit, kind, environment, datasets=datasets, seed=seed)
    observed = measures(fit.trials).mean()
    rows = []
    with bars(progress) as report:
        for number, trials in enumerate(predictions):
            rows.append(measures(trials).mean())
            report("checking", (number + 1) / datasets)
    simulated = pd.DataFrame(rows).reset_index(drop=True)[list(observed.index)]
    edge = (1 - INTERVAL) / 2
    table = pd.DataFrame(
        {
            "observed": observed,
            "predicted": simulated.mean(),
            "low": simulated.quantile(edge),
            "high": simulated.quantile(1 - edge),
            "tail": (simulated >= observed).mean(),
        }
    ).rename_axis("measure")
    return Check(
        kind, table, simulated, calibration(fit.trials, choice_probabilities(learner, fit.trials, fit.means()))
    )


def calibration(trials: Trials, probabilities: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """How often actions were chosen, by predicted probability.

    Parameters
    ----------
    trials
        Trials with choices.
    probabilities
        ``(trials, actions)``, between 0 and 1.
    bins
        Number of equally wide bins of probability.

    Returns
    -------
    DataFrame
        A row a bin: mean ``probability``, share ``chosen``, ``count``; missed choices are left out.
    """
    import pandas as pd

    assert trials.choice is not None
    responded = trials.choice != MISSED
    p = probabilities[responded]
    chosen: Any = np.arange(p.shape[1]) == trials.choice[responded][:, None]
    bin_of = np.minimum((p * bins).astype(int), bins - 1).ravel()
    frame = pd.DataFrame({"bin": bin_of, "probability": p.ravel(), "chosen": chosen.ravel().astype(float)})
    table = frame.groupby("bin").agg(
        probability=("probability", "mean"), chosen=("chosen", "mean"), count=("chosen", "size")
    )
    return table.reset_index(drop=True)
