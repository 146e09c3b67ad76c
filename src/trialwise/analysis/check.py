"""Posterior predictive checks: simulated against observed behaviour, and the calibration of predicted probabilities."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from trialwise.analysis.against_truth import INTERVAL
from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.calibration_curve import AVERAGED, calibration
from trialwise.analysis.outlying import outlying
from trialwise.analysis.predict import Kind, Prediction, predict
from trialwise.base.english import counted
from trialwise.base.errors import TrialwiseError, UsageError
from trialwise.base.expects import COUNT, FLAG, FUNCTION, TABLE, brief, expects
from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.progress import bars
from trialwise.base.result import NOT_DECIDED, Finding, Result, having
from trialwise.data.trials import Trials
from trialwise.environments.environment import ENVIRONMENT, Environment, Recorded
from trialwise.inference.diagnostics import unusable
from trialwise.inference.fitted import FIT, Fit

if TYPE_CHECKING:
    import pandas as pd

UNUSUAL = 0.05
"""Probability of a data set as unusual as the observed one, below which the learner is said not to reproduce it."""

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

    contents = {
        "check": "every measure: observed, predicted, 89 % interval, tail probability",
        "calibration": "how often responses were observed, by predicted probability",
    }

    @property
    def missed(self) -> pd.DataFrame:
        """The measures whose observed value is outside the interval, the farthest first."""
        low, high, observed = (self.table[name].to_numpy() for name in ("low", "high", "observed"))
        distance = np.maximum(low - observed, observed - high) / np.maximum(high - low, 1e-9)
        order = np.argsort(-distance, kind="stable")
        return self.table.iloc[order[(distance[order] > 0) & self.table["tail"].notna().to_numpy()[order]]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The verdict, whether the learner reproduces the measures or that this is not decided, and findings on calibration.

        The verdict weighs all measures at once, by :func:`~trialwise.analysis.outlying.outlying`, since they are correlated and
        some are always outside their intervals by chance.
        """
        undefined = [str(name) for name, tail in self.table["tail"].items() if np.isnan(tail)]
        found = [self._verdict(len(self.table) - len(undefined)), *self._off_diagonal()]
        if undefined:
            sentence = f"not compared, as they are undefined in the data or in almost all simulated data sets: {'; '.join(undefined)}"
            found.append(Finding("note", "measures-undefined", sentence, about=tuple(undefined)))
        return tuple(found)

    def _verdict(self, total: int) -> Finding:
        """Whether the observed data set is one that the learner might have produced, by ``total`` measures."""
        p = outlying(self.table["observed"].to_numpy(float), self.simulated.to_numpy(float))
        missed, sets = len(self.missed), len(self.simulated)
        expected = round(1 - INTERVAL, 3) * total
        measured = (
            f"{missed} of {total} measures lie outside their {100 * INTERVAL:.0f} % interval, where about {expected:.0f} would by "
            f"chance; as unusual a data set occurs in {p:.0%} of simulated ones"
        )
        about = tuple(map(str, self.missed.index))
        if not total:
            sentence = "not decided whether the learner reproduces the observed behaviour: no measure is defined in the data and in simulated data sets"
            return Finding("caution", NOT_DECIDED, sentence)
        if self.draws is not None and self.withheld:
            sentence = Message(
                "not decided whether the learner reproduces the observed behaviour: the draws of the fit are not reliable: ",
                self.draws.sentence, f" ({measured})",
            )  # fmt: skip
            return Finding("caution", NOT_DECIDED, sentence, self.draws.advice, about)
        if 2 / (sets + 1) > UNUSUAL:
            needed = int(np.ceil(2 / UNUSUAL))
            sentence = Message(
                f"not decided whether the learner reproduces the observed behaviour: {sets} simulated data sets are too few to call anything unusual: use {needed} or more, ",
                Argument("datasets", 100), f" ({measured})",
            )  # fmt: skip
            return Finding("caution", NOT_DECIDED, sentence, about=about)
        reproduces, code = ("does not reproduce", "deviates") if p <= UNUSUAL else ("reproduces", "reproduced")
        sentence = Message(f"the learner {reproduces} the observed behaviour: {measured}")
        if self.draws is None:
            return Finding("caution" if p <= UNUSUAL else "note", code, sentence, about=about)
        provisional = Message(
            sentence, "; this is provisional, since the draws of the fit have a problem: ", self.draws.sentence
        )
        return Finding("caution", code, provisional, self.draws.advice, about)

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
        """``check``, a row a measure, and ``calibration``."""
        return {"check": self.table, "calibration": self.calibration}

    @property
    def headline(self) -> str:
        """The kind of prediction, the number of data sets, and the number of measures outside their interval."""
        return f"Check({self.kind}, {counted(len(self.simulated), 'data set')}, {len(self.missed)} of {len(self.table)} measures outside 89 %)"

    def __repr__(self) -> str:
        return self.headline


@expects(fit=FIT, environment=ENVIRONMENT, datasets=COUNT, measures=FUNCTION, progress=FLAG)
def check(
    fit: Fit, environment: Environment | Recorded | None = None, *, datasets: int = 100,
    measures: Callable[[Trials], pd.DataFrame] | None = None, seed: int = 0, progress: bool = True,
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
        environment these are given by ``measures=lambda trials: tw.behaviour.measured(trials, means, fit.trials)``: what precedes a
        one-step prediction is the recorded trial, never another prediction.
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
        If the learner is not available, or the environment does not match the trials.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> check = tw.check(fit, tw.environments.AlienTask(), datasets=4, progress=False)
    >>> list(check.table), "accuracy" in check.table.index
    (['observed', 'predicted', 'low', 'high', 'tail'], True)
    """
    learner = fit.learner_for("check")
    kind: Kind = "one-step" if environment is None else "rollout"
    with bars(progress) as report:
        report("checking", 0.0)
        predictions = predict(fit, kind, environment, datasets=datasets, seed=seed)
        observed, simulated = observed_and_predicted(fit.trials, predictions, measures, partial(report, "checking"))
    table = compared(observed, simulated)
    posterior = fit.draws.thinned(AVERAGED)
    draws = np.stack([posterior.natural(name) for name in learner.names], -1)
    calibrated = calibration(learner, fit.trials, draws, seed)
    problem = next(iter(having(fit.findings, "problem")), None)
    withheld = unusable(fit.findings, fit.group())
    return Check(kind, table, simulated, calibrated, mean_rewards_of(predictions), problem, withheld)


def mean_rewards_of(predictions: Prediction) -> np.ndarray | None:
    """The mean rewards of the environment in which agents act; None if it has none, and for one-step predictions."""
    place = predictions.environment
    place = place.environment if isinstance(place, Recorded) else place
    means = place.mean_rewards if isinstance(place, Environment) else None
    return None if means is None else np.asarray(means, float)


def observed_and_predicted(
    trials: Trials, predictions: Prediction, measures: Callable[[Trials], pd.DataFrame] | None = None,
    report: Callable[[float], object] = lambda share: None,
) -> tuple[pd.Series, pd.DataFrame]:  # fmt: skip
    """Every measure, as means over participants: of the trials, and of each data set predicted for them.

    Parameters
    ----------
    trials
        What was observed.
    predictions
        Rollouts or one-step predictions along these trials, at any parameters.
    measures
        As in :func:`check`.
    report
        Called after each data set with the share of them that is done.

    Returns
    -------
    tuple
        A value a measure, and a row a data set with a column a measure.
    """
    import pandas as pd

    past = trials if predictions.kind == "one-step" else None  # what came before a redrawn response is the real past
    measure = partial(measured, means=mean_rewards_of(predictions), past=past) if measures is None else _own(measures)
    observed = _over_participants(measure(trials))
    rows = []
    for number, simulated in enumerate(predictions):
        rows.append(_over_participants(measure(simulated)))
        if not rows[-1].index.isin(observed.index).any():
            raise UsageError(
                Argument("measures", NAME_ALONE),
                f" returned {', '.join(map(str, observed.index))} for the data, and {', '.join(map(str, rows[-1].index))} for a "
                "simulated data set: return the same columns for all",
            )
        report((number + 1) / len(predictions))
    return observed, pd.DataFrame(rows).reset_index(drop=True).reindex(columns=observed.index)


def _own(measures: Callable[[Trials], pd.DataFrame]) -> Callable[[Trials], pd.DataFrame]:
    """A user's function of measures, whose exceptions say what raised them."""

    def measure(trials: Trials) -> pd.DataFrame:
        try:
            return measures(trials)
        except TrialwiseError:
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise UsageError(
                Argument("measures", NAME_ALONE),
                f" raised {type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno}); it must take trials, also "
                "simulated ones, and return a table",
            ) from error

    return measure


def _over_participants(table: Any) -> pd.Series:
    """Means of measures over participants."""
    if not TABLE.holds(table):
        raise UsageError(
            Argument("measures", NAME_ALONE),
            f" returned {brief(table)}: wanted a table (DataFrame), a row a participant and a column a measure",
        )
    table = table.drop(columns="participant", errors="ignore")
    words = [str(name) for name, kind in table.dtypes.items() if kind.kind not in "biuf"]
    repeated = list(dict.fromkeys(map(str, table.columns[table.columns.duplicated()])))
    if repeated:
        raise UsageError(
            Argument("measures", NAME_ALONE),
            f" returned several columns called {', '.join(repeated)}: give each measure a name of its own",
        )
    if words or not len(table.columns):
        raise UsageError(
            Argument("measures", NAME_ALONE),
            f" returned the columns {', '.join(map(str, table.columns)) or 'none'}: wanted numbers in each"
            + (f", and {', '.join(words)} holds something else" if words else ""),
        )
    return table.mean()  # type: ignore[no-any-return]


def compared(observed: pd.Series, simulated: pd.DataFrame) -> pd.DataFrame:
    """The table of a :class:`Check`.

    Parameters
    ----------
    observed
        A value a measure.
    simulated
        ``(data sets, measures)``.

    Returns
    -------
    DataFrame
        A row a measure. Values that are undefined (NaN) or infinite are neither above nor below: they are left out.
    """
    import pandas as pd

    edge = (1 - INTERVAL) / 2
    finite = simulated.where(np.isfinite(simulated))
    values = finite.loc[:, np.isfinite(observed) & (finite.notna().sum() > 1)]
    tail = (values >= observed[values.columns]).where(values.notna()).astype(float).mean()
    return pd.DataFrame(
        {
            "observed": observed,
            "predicted": finite.mean(),
            "low": finite.quantile(edge),
            "high": finite.quantile(1 - edge),
            "tail": tail.reindex(observed.index),
        }
    ).rename_axis("measure")
