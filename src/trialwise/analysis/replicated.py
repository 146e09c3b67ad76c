"""Measures of behaviour of the observed trials, and of data sets that were simulated in their place."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.against_truth import INTERVAL
from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.levels_of_trials import LevelsOfTrials
from trialwise.analysis.predict import Prediction
from trialwise.base.errors import TrialwiseError, UsageError
from trialwise.base.expects import TABLE, brief
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, Recorded

if TYPE_CHECKING:
    import pandas as pd

Measures = Callable[[Trials], "pd.DataFrame"]
"""A user's function from trials to a table with a row a participant and a column a measure."""


@dataclass(frozen=True, eq=False)
class Replicated:
    """Measures of one data set, observed and simulated.

    Attributes
    ----------
    observed
        A value a measure.
    simulated
        ``(data sets, measures)``.
    """

    observed: pd.Series
    simulated: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """As the table of a :class:`~trialwise.analysis.check.Check`."""
        return compared(self.observed, self.simulated)

    def minus(self, other: Replicated) -> Replicated:
        """The differences of all measures."""
        simulated = self.simulated.reindex(columns=self.observed.index) - other.simulated.reindex(
            columns=self.observed.index
        )
        return Replicated(self.observed - other.observed.reindex(self.observed.index), simulated)


def mean_rewards_of(predictions: Prediction) -> np.ndarray | None:
    """The mean rewards of the environment in which agents act; None if it has none, and for one-step predictions."""
    place = predictions.environment
    place = place.environment if isinstance(place, Recorded) else place
    means = place.mean_rewards if isinstance(place, Environment) else None
    return None if means is None else np.asarray(means, float)


def observed_and_predicted(
    trials: Trials, predictions: Prediction, measures: Measures | None = None,
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
    (whole,) = replicated(trials, predictions, measures, report)
    return whole.observed, whole.simulated


def replicated(
    trials: Trials, predictions: Prediction, measures: Measures | None = None,
    report: Callable[[float], object] = lambda share: None, levels: LevelsOfTrials | None = None,
) -> list[Replicated]:  # fmt: skip
    """As :func:`observed_and_predicted`: of all trials, then of those at each level."""
    import pandas as pd

    past = trials if predictions.kind == "one-step" else None  # what came before a redrawn response is the real past
    means = mean_rewards_of(predictions)
    measure = (
        _Measure(lambda each, past: measured(each, means=means, past=past)) if measures is None else _own(measures)
    )
    observed = measure.everywhere(trials, past, levels)
    rows: list[list[pd.Series]] = [[] for _ in observed]
    for number, simulated in enumerate(predictions):
        for own, values in zip(rows, measure.everywhere(simulated, past, levels), strict=True):
            own.append(values)
        if not rows[0][-1].index.isin(observed[0].index).any():
            raise UsageError(
                Argument("measures", NAME_ALONE),
                f" returned {', '.join(map(str, observed[0].index))} for the data, and {', '.join(map(str, rows[0][-1].index))} for a "
                "simulated data set: return the same columns for all",
            )
        report((number + 1) / len(predictions))
    tables = (pd.DataFrame(own).reset_index(drop=True) for own in rows)
    return [Replicated(o, table.reindex(columns=o.index)) for o, table in zip(observed, tables, strict=True)]


@dataclass(frozen=True, eq=False)
class _Measure:
    """A function from trials, and the past of one-step predictions, to a table with a row a participant."""

    of: Callable[[Trials, Trials | None], pd.DataFrame]
    users: bool = False
    """Whether it is a function of the user's, which may not look at which trials are scored."""

    def everywhere(self, trials: Trials, past: Trials | None, levels: LevelsOfTrials | None) -> list[pd.Series]:
        """Means over participants: of all trials, then at each level."""
        table = self.of(trials, past)
        parts = [_over_participants(table)]
        if levels is None:
            return parts
        if levels.between:  # every participant is at one level
            if len(table) != trials.n_participants:
                raise UsageError(
                    Argument("measures", NAME_ALONE),
                    f" returned {len(table)} rows for {trials.n_participants} participants: participants at a level are found by the rows, return "
                    "one for each, in their order",
                )
            return [*parts, *(_over_participants(table.loc[chosen]) for chosen in levels.participants)]
        apart = levels.divided
        if levels.within_runs(trials):
            if self.users:
                raise UsageError(
                    Argument("measures", NAME_ALONE),
                    f": {levels.name} changes while the learner's state goes on, so that trials of a level cannot be cut out of their past; compute "
                    f"measures of each level in the function, without ",
                    Argument("by", levels.name),
                )
            apart = levels.marked
        sets = zip(apart(trials), apart(past or trials), strict=True)
        return [*parts, *(_over_participants(self.of(own, before if past else None)) for own, before in sets)]


def _own(measures: Measures) -> _Measure:
    """A user's function of measures, whose exceptions say what raised them."""

    def measure(trials: Trials, past: Trials | None) -> pd.DataFrame:
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

    return _Measure(measure, users=True)


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
