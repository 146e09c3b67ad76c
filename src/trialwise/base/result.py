"""What every verb gives back: a result, with findings in words, tables and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trialwise.base.message import Message
from trialwise.base.notebook import as_html
from trialwise.base.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.plots import Figure as Figure

Severity = Literal["problem", "caution", "note"]
"""Of a finding: the result cannot be relied on; it can, with care; to be known."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a result, or worth knowing about it.

    Attributes
    ----------
    severity
        ``"problem"``: what the result says cannot be relied on; ``"caution"``: it can, with care; ``"note"``: to be known.
    code
        Short stable name of the kind of finding, e.g. ``"r-hat"``.
    sentence
        What was found, without a full stop; what stands before the first colon says it in brief.
    advice
        What to do about it; may be empty.
    about
        Names of what it is about: parameters, participants, measures, fits. May be empty.
    """

    severity: Severity
    code: str
    sentence: str
    advice: str = ""
    about: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """The sentence without what it means."""
        return self.sentence.split(": ")[0]

    @property
    def text(self) -> Message:
        """Sentence and advice."""
        return Message(self.sentence, ". ", self.advice) if self.advice else Message(self.sentence)

    def __str__(self) -> str:
        return str(self.text)


class Result:
    """What a verb found; the base of all results.

    In a notebook a result shows its headline, its findings and the beginning of its tables.
    """

    contents: ClassVar[Mapping[str, str]] = {}
    """What each of :meth:`tables` holds, in words."""

    @property
    def headline(self) -> str:
        """What this is a result of, in a line."""
        return type(self).__name__

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the result, or worth knowing, the most important first."""
        return ()

    def tables(self) -> dict[str, pd.DataFrame]:
        """All numbers, by the names of the files that the command line writes (``"recovery"`` of ``recovery.csv``)."""
        return {}

    def plot(self, **how: Any) -> Figure:
        """A picture of the result.

        Parameters
        ----------
        how
            As the picture of this kind of result takes it, e.g. ``width=`` in inches; see :mod:`trialwise.plots`.

        Raises
        ------
        UsageError
            If there is no picture of this kind of result.
        """
        from trialwise.plots import plot

        return plot(self, **how)

    def _repr_html_(self) -> str:
        tables = [rows_of(self.contents.get(name, name), table) for name, table in self.tables().items()]
        return as_html(self.headline, [(each.severity, each.sentence, each.advice) for each in self.findings], tables)

    def __repr__(self) -> str:
        return "\n".join([self.headline, *(f"  {finding}" for finding in self.findings)])


def having(findings: Iterable[Finding], severity: Severity) -> tuple[Finding, ...]:
    """Those of the findings that have this severity, in their order."""
    return tuple(finding for finding in findings if finding.severity == severity)
