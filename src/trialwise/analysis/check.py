"""Posterior predictive checks: simulated against observed behaviour, and the calibration of predicted probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from trialwise.analysis.calibration_curve import AVERAGED, calibration
from trialwise.analysis.check_levels import CheckByLevel, check_by_level
from trialwise.analysis.levels_of_trials import levels_of
from trialwise.analysis.predict import Kind, predict
from trialwise.analysis.replicated import mean_rewards_of, replicated
from trialwise.analysis.reproduced import Reliability, outside, reproduces
from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, FUNCTION, MAPPING, NAME, NONE, PATH, TABLE, expects
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.base.progress import bars
from trialwise.base.result import Finding, Result, having
from trialwise.data.trials import Trials
from trialwise.environments.environment import ENVIRONMENT, Environment, Recorded
from trialwise.inference.diagnostics import unusable
from trialwise.inference.fitted import FIT, Fit
from trialwise.population.designs.join import ParticipantsTable

if TYPE_CHECKING:
    import pandas as pd

OFF, CHANCE = 0.03, 0.00135
"""Predictions are called off where a frequency is farther than the first from its predicted probability, and a frequency as far in
its direction has less than the second probability, which is that of three standard errors in many trials."""


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
        or 1, the learner does not reproduce the measure. Simulated data sets without a finite value are left out; without an
        observed one, or with fewer than two simulated ones, ``tail`` is NaN, and the measure is not compared.
    simulated
        ``(draws, measures)``, the same means for every simulated data set.
    calibration
        One step ahead, averaged over posterior draws. Of choices, a row a bin of their probabilities, over all actions and trials:
        ``probability`` (mean), ``observed`` (share of choices), ``count``. Of continuous responses, a row a quantile of the
        prediction: ``probability``, ``observed`` (share of responses below it), ``count``.
    mean_rewards
        The mean rewards by which choices were called correct, those of the environment; None without.
    draws
        The first problem of the fit's draws; None if they are reliable.
    withheld
        Whether it is such that there is no verdict: other than that there might be more draws.
    levels
        The same at the levels of a group, session or condition, and of the differences between them; None without ``by``.
    anew
        Whether participants' parameters were drawn anew from the group, in place of their own.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> check = tw.check(fit, datasets=4, progress=False)
    >>> check.kind, len(check.simulated), list(check.calibration)
    ('one-step', 4, ['probability', 'observed', 'count'])
    """

    kind: Kind
    table: pd.DataFrame
    simulated: pd.DataFrame
    calibration: pd.DataFrame
    mean_rewards: np.ndarray | None = None
    draws: Finding | None = None
    withheld: bool = False
    levels: CheckByLevel | None = None
    anew: bool = False

    contents = {
        "check": "every measure: observed, predicted, 89 % interval, tail probability",
        "calibration": "how often responses were observed, by predicted probability",
        **CheckByLevel.contents,
    }

    @property
    def missed(self) -> pd.DataFrame:
        """The measures whose observed value is outside the interval, the farthest first."""
        return outside(self.table)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The verdict, whether the learner reproduces the measures or that this is not decided, and findings on calibration.

        The verdict weighs all measures at once, by :func:`~trialwise.analysis.outlying.outlying`, since they are correlated and
        some are always outside their intervals by chance.
        """
        undefined = [str(name) for name, tail in self.table["tail"].items() if np.isnan(tail)]
        found = [reproduces(self.table, self.simulated, self.reliability)]
        found += [] if self.levels is None else self.levels.findings
        found += self._off_diagonal()
        if undefined:
            sentence = f"not compared, as they are undefined in the data or in almost all simulated data sets: {'; '.join(undefined)}"
            found.append(Finding("note", "measures-undefined", sentence, about=tuple(undefined)))
        return tuple(found)

    @property
    def reliability(self) -> Reliability:
        """Whether the draws of the fit carry a verdict."""
        return Reliability(self.draws, self.withheld)

    def _off_diagonal(self) -> list[Finding]:
        """A caution if predicted probabilities are not those with which responses occur, beyond chance and by more than a trifle."""
        table = self.calibration[self.calibration["count"] > 0]
        said, happened = table["probability"].to_numpy(float), table["observed"].to_numpy(float)
        count = table["count"].to_numpy(float)
        times, off = np.round(happened * count), np.abs(happened - said)
        chance = np.minimum(binom.cdf(times, count, said), binom.sf(times - 1, count, said))
        bad = (off > OFF) & (chance < CHANCE)
        if not bad.any():
            return []
        worst = int(np.argmax(np.where(bad, off, 0.0)))
        sentence = (
            f"predicted probabilities are off: in {int(bad.sum())} of {len(table)} bins responses occur more or less often than predicted; "
            f"the worst: {said[worst]:.2f} predicted, {happened[worst]:.2f} observed"
        )
        return [Finding("caution", "calibration", sentence)]

    def tables(self) -> dict[str, pd.DataFrame]:
        """``check``, a row a measure, ``calibration``, and with ``by`` ``check_levels``."""
        tables = {"check": self.table, "calibration": self.calibration}
        return tables if self.levels is None else tables | self.levels.tables()

    @property
    def headline(self) -> str:
        """The kind of prediction, the number of data sets, and the number of measures outside their interval."""
        return f"Check({self.kind}, {counted(len(self.simulated), 'data set')}, {len(self.missed)} of {len(self.table)} measures outside 89 %)"

    def __repr__(self) -> str:
        return self.headline


@expects(
    fit=FIT, environment=ENVIRONMENT, datasets=COUNT, measures=FUNCTION, progress=FLAG, by=NAME | NONE,
    participants=PATH | TABLE | MAPPING | NONE, anew=FLAG,
)  # fmt: skip
def check(
    fit: Fit, environment: Environment | Recorded | None = None, *, datasets: int = 100,
    measures: Callable[[Trials], pd.DataFrame] | None = None, by: str | None = None, participants: ParticipantsTable | None = None,
    anew: bool = False, seed: int = 0, progress: bool = True,
) -> Check:  # fmt: skip
    """Compare simulated with observed behaviour: a posterior predictive check.

    Parameters
    ----------
    fit
        A fit of any learner.
    environment
        With an environment, agents act on their own along the fit's sequences and learn from the outcomes of their own choices
        (rollouts), the stricter test. Without, each response is drawn given the real responses and outcomes before it; such
        one-step predictions look good because they see the real past.
    datasets
        Number of simulated data sets, one for each posterior draw used; only one is in memory at a time.
    measures
        Function from trials to a table with a row a participant and a column a measure: by default
        :func:`~trialwise.analysis.behaviour.measures.measured`, with the mean rewards of the environment if it has them. Without an
        environment these are given by ``measures=lambda trials: tw.behaviour.measured(trials, means, fit.data)``: what precedes a
        one-step prediction is the recorded trial, never another prediction.
    by
        A group, session or condition, at whose levels behaviour is checked too, and the differences between them: a factor of the
        fit's formulas, a column of the trials that is known before the response, or a column of ``participants``. Measures of a level
        within participants are computed from its trials alone, such as those of a session; where it changes while the learner's state goes
        on, what came before a trial is the trial before it, whatever its level.
    participants
        A table with a row for each participant in which ``by`` is a column, as for :func:`trialwise.fit`.
    anew
        Whether participants' parameters are drawn anew from the group at their covariates, :func:`trialwise.predict`. Their own, the default,
        show whether the *learner* can behave so, and follow differences between levels that no formula has; drawn anew, they show
        whether the *group* expects these differences.
    seed
        The same seed gives the same data sets.
    progress
        Whether a progress bar is shown.

    Returns
    -------
    Check
        Its ``table`` has a row a measure; ``missed`` are those outside the 89 % interval of the simulated data sets; ``levels``
        is about the levels of ``by``.

    Raises
    ------
    UsageError
        If the learner is not available, the environment does not match the trials, or ``by`` is no column with levels.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> check = tw.check(fit, tw.environments.AlienTask(), datasets=4, progress=False)
    >>> list(check.table), "accuracy" in check.table.index
    (['observed', 'predicted', 'low', 'high', 'tail'], True)
    """
    learner = fit.learner_for("check")
    if participants is not None and by is None:
        raise UsageError(
            Argument("participants", NAME_ALONE), ": a table of groups is used by ", Argument("by", "group"), ", the name of one of its columns"
        )  # fmt: skip
    split = None if by is None else levels_of(fit, by, participants)
    kind: Kind = "one-step" if environment is None else "rollout"
    with bars(progress) as report:
        report("checking", 0.0)
        predictions = predict(fit, kind, environment, datasets=datasets, anew=anew, seed=seed)
        whole, *parts = replicated(fit.data, predictions, measures, partial(report, "checking"), split)
    posterior = fit.draws.thinned(AVERAGED)
    draws = np.stack([posterior.natural(name) for name in learner.names], -1)
    calibrated = calibration(learner, fit.trials, draws, seed)
    problem = next(iter(having(fit.findings, "problem")), None)
    withheld = unusable(fit.findings, fit.group())
    levels = None if split is None else check_by_level(fit, split, parts, Reliability(problem, withheld), anew)
    means = mean_rewards_of(predictions)
    return Check(kind, whole.table, whole.simulated, calibrated, means, problem, withheld, levels, anew)
