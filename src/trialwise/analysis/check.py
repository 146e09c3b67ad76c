"""Does a fitted learner do what the participants did? Simulated against observed behaviour, and how well its probabilities hold."""

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
"""Into which choice probabilities are sorted."""


@dataclass(frozen=True, eq=False, repr=False)
class Check(Result):
    """What a check found.

    Attributes
    ----------
    kind
        ``"rollout"`` or ``"one-step"``: see :mod:`trialwise.predict`.
    table
        A row a measure, means over participants: ``observed``; of the simulated data sets ``predicted`` (mean), ``low`` and
        ``high`` (89 %); and ``tail``, the share of them at least as large as observed: near 0 or 1 the learner does otherwise.
    simulated
        ``(draws, measures)``, the same means of every data set.
    calibration
        A row a bin of choice probabilities: ``probability`` (mean), ``chosen`` (how often), ``count``, over all actions and trials.
    """

    kind: Kind
    table: pd.DataFrame
    simulated: pd.DataFrame
    calibration: pd.DataFrame

    contents = {
        "check": "every measure: observed, predicted, 89 % interval, tail probability",
        "choice_probabilities": "how often actions were chosen that had so much probability",
    }

    @property
    def missed(self) -> pd.DataFrame:
        """The measures whose observed value is outside the interval, the farthest first."""
        low, high, observed = (self.table[name].to_numpy() for name in ("low", "high", "observed"))
        far = np.maximum(low - observed, observed - high) / np.maximum(high - low, 1e-9)
        order = np.argsort(-far, kind="stable")
        return self.table.iloc[order[far[order] > 0]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """How many measures are outside, and whether these are more than chance explains."""
        missed, total = len(self.missed), len(self.table)
        expected = round(1 - INTERVAL, 3) * total
        sentence = (
            f"{missed} of {total} measures lie outside their {100 * INTERVAL:.0f} % interval; about {expected:.0f} would by chance, "
            "though measures go together"
        )
        severity: Severity = "note" if missed <= max(1.5 * expected, 1) else "caution"
        return (Finding(severity, "measures-outside", sentence, about=tuple(map(str, self.missed.index))),)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``check``, a row a measure, and ``choice_probabilities``, the calibration."""
        return {"check": self.table, "choice_probabilities": self.calibration}

    @property
    def headline(self) -> str:
        """Kind, data sets, and how many measures are outside."""
        return f"Check({self.kind}, {len(self.simulated)} data sets, {len(self.missed)} of {len(self.table)} measures outside 89 %)"

    def __repr__(self) -> str:
        return self.headline


def check(
    fit: Fit, environment: Environment | Recorded | None = None, *, datasets: int = 100,
    measures: Callable[[Trials], pd.DataFrame] = measured, seed: int = 0, progress: bool = True,
) -> Check:  # fmt: skip
    """Hold simulated behaviour against what was observed.

    Parameters
    ----------
    fit
        Of a learner that chooses.
    environment
        With one, agents live through the task by themselves, along the fit's sequences (rollouts): the test that a learner can
        fail. Without, each choice is drawn given the real ones before it (one step), which forgives more.
    datasets
        How many, one for each of so many draws of the posterior; one is in memory at a time.
    measures
        Trials to a table with a row a participant and a column a measure: by default all of :mod:`trialwise.analysis.behaviour.measures`.
    seed
        The same seed gives the same data sets.
    progress
        Whether a bar is shown.

    Raises
    ------
    UsageError
        If the learner does not choose, or the environment does not suit the trials.
    """
    import pandas as pd

    learner = fit._learner("check")
    if not learner.family.acts:
        raise UsageError(f"check is about choices, and {learner} makes none")
    kind: Kind = "one-step" if environment is None else "rollout"
    predictions = predict(fit, kind, environment, datasets=datasets, seed=seed)
    observed = measures(fit.trials).mean()
    rows = []
    with bars(progress) as tell:
        for number, trials in enumerate(predictions):
            rows.append(measures(trials).mean())
            tell("checking", (number + 1) / datasets)
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
    """How often actions were chosen to which so much probability was given, ``probabilities (trials, actions)``."""
    import pandas as pd

    assert trials.choice is not None
    made = trials.choice != MISSED
    p = probabilities[made]
    chosen: Any = np.arange(p.shape[1]) == trials.choice[made][:, None]
    where = np.minimum((p * bins).astype(int), bins - 1).ravel()
    frame = pd.DataFrame({"bin": where, "probability": p.ravel(), "chosen": chosen.ravel().astype(float)})
    table = frame.groupby("bin").agg(
        probability=("probability", "mean"), chosen=("chosen", "mean"), count=("chosen", "size")
    )
    return table.reset_index(drop=True)
