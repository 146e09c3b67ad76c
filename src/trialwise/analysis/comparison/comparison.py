"""The result of a comparison of learners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialwise.base.result import Finding, Result

if TYPE_CHECKING:
    import pandas as pd


ABOUT = {
    "participant": "a new participant's choices, parameters integrated out under the group",
    "future": "each participant's later choices, one step ahead, parameters integrated out given the earlier ones",
    "trial": "another choice of the same participants, conditional on their parameters",
    "integrated": "each participant's choices, parameters integrated out under the group that was fitted to them too",
    "bic": "-BIC/2, an approximation of log evidence from point estimates",
    "aic": "-AIC/2, from point estimates",
}
"""What each method predicts or approximates."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """The result of a comparison of learners.

    Attributes
    ----------
    method
        See :func:`compare`.
    table
        A row a learner, the best first: ``elpd``, the log predictive density of all held-out data; ``se``, its standard error over
        participants; ``difference`` from the best learner and ``se_difference``; ``error``, the Monte Carlo error that is part of
        both standard errors; ``p``, the effective number of parameters; ``weight``, by stacking; ``worst_k``, the largest Pareto
        k-hat, and ``bad_k``, the number of bad ones; ``draws``, the number of posterior draws used. For points:
        ``log_likelihood``, ``parameters`` (of all participants), ``aic``, ``bic``, ``difference`` in the criterion and
        ``se_difference``.
    elpd
        ``(participants, learners)``: each participant's log predictive density; for points -BIC/2 or -AIC/2.
    frequencies
        A row a learner: expected ``frequency``, ``exceedance`` and ``protected`` exceedance probability
        (:mod:`trialwise.analysis.comparison.frequencies`). None with ``method="trial"`` and ``"aic"``, which do not approximate
        log evidence.
    omnibus_risk
        Probability that all learners are equally frequent; NaN without frequencies.
    findings
        First the verdict: which learner predicts best, or that this is not decided; then problems and cautions.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2])
    >>> flat, stimulus = tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)
    >>> comparison = tw.compare({"flat": tw.point(flat, trials), "stimulus": tw.point(stimulus, trials)})
    >>> comparison.best, list(comparison.participants)
    ('flat', ['winner', 'flat', 'stimulus'])
    """

    method: str
    table: pd.DataFrame
    elpd: pd.DataFrame
    frequencies: pd.DataFrame | None
    omnibus_risk: float
    findings: tuple[Finding, ...] = ()

    contents = {
        "comparison": "a row a learner, the best first",
        "participants": "a row a participant: the learner that predicts it best, and by how much",
        "frequencies": "how frequent each learner is",
    }

    @property
    def problems(self) -> tuple[str, ...]:
        """The findings other than notes as text, each with advice."""
        return tuple(finding.text for finding in self.findings if finding.severity != "note")

    @property
    def participants(self) -> pd.DataFrame:
        """A row a participant, with the ``winner`` and each learner's difference from the winner (0 for the winner itself)."""
        differences = self.elpd.sub(self.elpd.max(axis=1), axis=0)
        differences.insert(0, "winner", self.elpd.idxmax(axis=1))
        return differences

    @property
    def best(self) -> str:
        """The name of the learner that predicts best."""
        return str(self.table.index[0])

    def tables(self) -> dict[str, pd.DataFrame]:
        """``comparison`` (:attr:`table`); ``participants``, with each one's predictive densities; ``frequencies``, if available."""
        tables = {"comparison": self.table, "participants": self.participants.join(self.elpd.add_prefix("elpd_"))}
        return tables if self.frequencies is None else tables | {"frequencies": self.frequencies}

    @property
    def headline(self) -> str:
        """The method of comparison."""
        return f"Comparison by {self.method}: {ABOUT[self.method]}"

    def __repr__(self) -> str:
        lines = [self.headline, self.table.round(2).to_string()]
        if self.frequencies is not None:
            lines += ["", self.frequencies.round(3).to_string(), f"all equally frequent: {self.omnibus_risk:.3f}"]
        return "\n".join(
            [*lines, *(f"{'' if finding.severity == 'note' else '! '}{finding}" for finding in self.findings)]
        )
