"""The result of model recovery: how often each learner fits its own participants best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.result import NOT_DECIDED, Finding, Result, Severity
from trialwise.studies.resume import failures

if TYPE_CHECKING:
    import pandas as pd


DISTINGUISHED = 0.8
"""A learner counts as distinguished from the others if the whole interval of the share of its own participants that it fits best is
above this."""

TIED = 1e-3
"""Differences of a criterion that are not larger than this say nothing: optima of the same function are found with such errors."""

VERDICTS: Mapping[int, tuple[str, Severity]] = {
    1: ("distinguished", "note"),
    0: (NOT_DECIDED, "caution"),
    -1: ("not-distinguished", "caution"),
}
"""Code and severity of the finding if the interval lies above, across and below :data:`DISTINGUISHED`."""

WORDS = {
    "distinguished": "distinguished",
    NOT_DECIDED: "not decided whether it is distinguished",
    "not-distinguished": "not distinguished by single participants",
}


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Result):
    """The result of model recovery.

    Attributes
    ----------
    learners
        Labels of the learners.
    criterion
        The criterion by which learners were compared.
    scores
        A row a data set, participant and fitted learner: ``dataset``, ``simulated``, ``participant``, ``fitted``, ``score``, the
        criterion (smaller is better; with ``"integrated"`` it is -2 log p).
    seconds
        Computing time of each data set.
    failed
        Reasons why data sets could not be fitted, by number of the data set.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> learners = [tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)]
    >>> truth = {"alpha": (0.2, 0.5), "beta": (2, 4), "forget": (0, 0.1)}
    >>> confusion = tw.confuse(learners, task, truth, datasets=1, participants=4, workers=1, progress=False)
    >>> list(confusion.scores), len(confusion.scores)
    (['dataset', 'simulated', 'participant', 'fitted', 'score'], 16)
    """

    learners: tuple[str, ...]
    criterion: str
    scores: pd.DataFrame
    seconds: pd.Series
    failed: Mapping[int, str]

    contents = {
        "confusion": "shares of participants, simulated in rows, best fit in columns",
        "confusion_groups": "shares of data sets",
        "inversion": "probability of each simulated learner, given which one fits best",
        "confusion_scores": "all scores",
    }

    @property
    def confusion(self) -> pd.DataFrame:
        r"""The share of a learner's simulated participants (row) that each learner fits best (column).

        .. math:: p(\text{fitted} \mid \text{simulated})
        """
        return self._shares(self._best(["dataset", "simulated", "participant"]))

    @property
    def groups(self) -> pd.DataFrame:
        """The same for whole data sets, by the sum of the criterion over their participants."""
        return self._shares(self._best(["dataset", "simulated"]))

    @property
    def inversion(self) -> pd.DataFrame:
        r"""The share of the participants that a learner fits best (column) that were simulated by each learner (row).

        .. math:: p(\text{simulated} \mid \text{fitted})

        Since each learner simulates equally many participants, this is the posterior probability of each learner under equal
        prior probabilities. NaN where a learner never fits best.
        """
        matrix = self.confusion
        return matrix / matrix.sum(axis=0).replace(0.0, np.nan)

    def _best(self, by: list[str]) -> pd.DataFrame:
        """For each participant or data set, 1 in the column of the learner that fits best; learners that fit equally well share it."""
        wide: Any = self.scores.pivot_table(index=by, columns="fitted", values="score", aggfunc="sum", sort=False)
        wide = wide[list(self.learners)]
        best = wide.sub(wide.min(axis=1), axis=0) <= TIED
        return best.div(best.sum(axis=1), axis=0)  # type: ignore[no-any-return]

    def _shares(self, best: pd.DataFrame) -> pd.DataFrame:
        table = best.groupby(level="simulated").mean()
        return table.reindex(index=list(self.learners)).fillna(0.0).rename_axis(index="simulated", columns="fitted")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """For each learner, whether it is distinguished from the others, and how often it is the right one when it fits best.

        The 95 % interval of the share of participants that a learner fits best (Wilson 1927, JASA 22:209) decides only if it lies
        wholly on one side of .8.
        """
        confusion: Any = self.confusion
        inversion: Any = self.inversion
        groups: Any = self.groups
        counts = self._best(["dataset", "simulated", "participant"]).groupby(level="simulated").size()
        findings = []
        for name in self.learners:
            own, count = confusion.loc[name, name], counts.get(name, 0)
            low, high = _wilson(own, count)
            code, severity = VERDICTS[int(low >= DISTINGUISHED) - int(high < DISTINGUISHED)]
            text = f"{name}: {WORDS[code]}: fits {own:.0%} ({low:.0%} to {high:.0%}) of its own {count} participants best, {groups.loc[name, name]:.0%} of its own data sets"
            others = confusion.loc[name].drop(name)
            if len(others) and others.max() > 1 - DISTINGUISHED:
                text += f"; {others.max():.0%} are fitted best by {others.idxmax()}"
            right = inversion.loc[name, name]
            text += f"; when it fits best, it is right in {right:.0%}" if np.isfinite(right) else "; never fits best"
            if code == NOT_DECIDED:
                text = Message(text, ": simulate more, ", Argument("datasets", NAME_ALONE))
            findings.append(Finding(severity, code, text, about=(name,)))
        return (*findings, *failures(self.failed, len(self.seconds)))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings as text."""
        return tuple(finding.text for finding in self.findings)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``confusion``, ``confusion_groups`` (:attr:`groups`), ``inversion`` and ``confusion_scores``."""
        return {
            "confusion": self.confusion,
            "confusion_groups": self.groups,
            "inversion": self.inversion,
            "confusion_scores": self.scores,
        }

    @property
    def headline(self) -> str:
        """The number of learners, the criterion and the number of data sets."""
        return (
            f"Confusion of {len(self.learners)} learners by {self.criterion}, {counted(len(self.seconds), 'data set')}"
        )


def _wilson(share: float, count: int, errors: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share among ``count``."""
    if not count:
        return 0.0, 1.0
    centre, square = share + errors**2 / (2 * count), errors**2 / count
    half = errors * np.sqrt(share * (1 - share) / count + square / (4 * count))
    return float((centre - half) / (1 + square)), float((centre + half) / (1 + square))
