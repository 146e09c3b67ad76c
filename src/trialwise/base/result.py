"""The base class of all results: findings, tables and a plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trialwise.base.message import Message
from trialwise.base.notebook import as_html

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.plots import Figure as Figure

Severity = Literal["problem", "caution", "note"]
"""Severity of a finding: the result cannot be relied on; it should be interpreted with care; for information."""

NOT_DECIDED = "not-decided"
"""Code of the finding that takes the place of a verdict that the evidence does not support."""


@dataclass(frozen=True)
class Finding:
    """A problem with a result, or information about it.

    Attributes
    ----------
    severity
        ``"problem"``: the result cannot be relied on; ``"caution"``: interpret it with care; ``"note"``: for information.
    code
        Short stable name of the kind of finding, e.g. ``"r-hat"``.
    sentence
        Description without a full stop; the part before the first colon is a summary.
    advice
        Recommended action; may be empty.
    about
        Names of the parameters, participants, measures or fits concerned; may be empty.

    Examples
    --------
    >>> finding = tw.results.Finding("caution", "few", "few trials: 10 of each participant", "Collect more")
    >>> print(finding.brief, finding, sep="; ")
    few trials; few trials: 10 of each participant. Collect more
    """

    severity: Severity
    code: str
    sentence: str
    advice: str = ""
    about: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """The part of the sentence before the first colon."""
        return self.sentence.split(": ")[0]

    @property
    def text(self) -> Message:
        """Sentence and advice."""
        return Message(self.sentence, ". ", self.advice) if self.advice else Message(self.sentence)

    def __str__(self) -> str:
        return str(self.text)


class Result:
    """Base class of the results that verbs return.

    A notebook displays the headline, the findings and the first rows of the tables of a result.

    Examples
    --------
    >>> result = tw.simulate(
    ...     tw.QLearning(), tw.environments.AlienTask(trials=10), {"alpha": 0.1, "beta": 1, "forget": 0}, participants=2
    ... )
    >>> isinstance(result, tw.results.Result), result.headline
    (True, 'Simulation(QLearning(), Trials(2 participants, 20 trials; 3 contexts, 4 cues, 3 actions, 9 blocks), seed=0)')
    >>> {name: len(table) for name, table in result.tables().items()}, result.findings
    ({'trials': 20, 'true_parameters': 2}, ())
    """

    contents: ClassVar[Mapping[str, str]] = {}
    """Description of each table of :meth:`tables`."""

    @property
    def headline(self) -> str:
        """One-line description of the result."""
        return type(self).__name__

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Problems, cautions and notes on the result, most important first."""
        return ()

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables, by the names of the files that the command line writes (``"recovery"`` for ``recovery.csv``)."""
        return {}

    def plot(self, **how: Any) -> Figure:
        """Plot the result.

        Parameters
        ----------
        **how
            Options of the plot of this kind of result, e.g. ``width=`` in inches; see :mod:`trialwise.plots`.

        Returns
        -------
        Figure
            A figure of matplotlib, which a notebook displays if it is the last value of a cell; it is not saved.

        Raises
        ------
        UsageError
            If there is no plot for this kind of result.
        """
        from trialwise.plots import plot

        return plot(self, **how)

    def _repr_html_(self) -> str:
        tables = {self.contents.get(name, name): table for name, table in self.tables().items()}
        return as_html(self.headline, [(each.severity, each.sentence, each.advice) for each in self.findings], tables)

    def __repr__(self) -> str:
        return "\n".join([self.headline, *(f"  {finding}" for finding in self.findings)])


def having(findings: Iterable[Finding], severity: Severity) -> tuple[Finding, ...]:
    """The findings with this severity, in order."""
    return tuple(finding for finding in findings if finding.severity == severity)
