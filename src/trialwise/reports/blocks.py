"""Building blocks of sections: paragraphs, tables, pictures, ...; the template of the page renders each kind.

Plain strings are text and are escaped when rendered, :class:`~markupsafe.Markup` is not; in sections, it comes only
from :mod:`trialwise.reports.docstring` and :mod:`trialwise.reports.mathml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from trialwise.base.result import Finding
from trialwise.base.rows import Rows

if TYPE_CHECKING:
    from markupsafe import Markup


class Block:
    """A part of a section; ``draw`` is the name of the template macro that renders it."""

    draw: ClassVar[str]


@dataclass(frozen=True)
class Text(Block):
    """A paragraph; ``tone`` is empty, ``"muted"`` or ``"missing"`` (a part that was left out, and how to obtain it)."""

    draw = "text"
    words: str | Markup
    tone: str = ""


@dataclass(frozen=True)
class Heading(Block):
    """The heading of a part of a section."""

    draw = "heading"
    words: str


@dataclass(frozen=True)
class Verdict(Block):
    """An assessment: ``tone`` is ``"good"``, ``"careful"`` or ``"bad"``, ``brief`` a summary and ``words`` the full text."""

    draw = "verdict"
    tone: str
    brief: str
    words: str


TONES: dict[str, str] = {"problem": "bad", "caution": "careful", "note": "good"}
"""The tone of a finding, by its severity."""


@dataclass(frozen=True)
class Said:
    """A part of an answer: ``tone`` as of a :class:`Verdict`, or empty for what is neither good nor bad."""

    words: str
    tone: str = ""


@dataclass(frozen=True)
class Answer:
    """The answer to a question of the first screen, with the section that gives the details."""

    topic: str
    section: str
    said: Sequence[Said]


@dataclass(frozen=True)
class Answers(Block):
    """Questions with their answers, a line each."""

    draw = "answers"
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Table(Block):
    """A table of text; numeric columns are right-aligned unless the rows are ``facts`` of different kinds.

    Headings of columns are words of the glossary unless they are ``labels``, such as names of parameters; those of rows are if the rows
    are facts or measures.
    """

    draw = "table"
    rows: Rows
    note: str = ""
    facts: bool = False
    labels: bool = False

    @property
    def explains_columns(self) -> bool:
        """Whether headings of columns may be words of the glossary."""
        return not (self.facts or self.labels)

    @property
    def explains_rows(self) -> bool:
        """Whether headings of rows may be words of the glossary."""
        return self.facts or self.rows.header[0] == "measure"


@dataclass(frozen=True)
class Beside(Block):
    """Blocks side by side where the page is wide enough."""

    draw = "beside"
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Picture(Block):
    """A plot as a data URI, its size in pixels, with alternative text and a caption."""

    draw = "picture"
    source: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Findings(Block):
    """Findings of a result, each in the tone of its severity."""

    draw = "findings"
    findings: Sequence[Said]


def findings(found: Iterable[Finding]) -> list[Block]:
    """A block of findings with their advice; none if there are none."""
    said = [Said(str(finding.text), TONES[finding.severity]) for finding in found]
    return [Findings(said)] if said else []


@dataclass(frozen=True)
class Listing(Block):
    """A list of items."""

    draw = "listing"
    items: Sequence[str | Markup | Link]
    numbered: bool = False


def listing(title: str, findings: Iterable[Finding], numbered: bool = False) -> list[Block]:
    """A list of findings under a title; no blocks if there are none."""
    items = [finding.text for finding in findings]
    return [Text(title), Listing(items, numbered)] if items else []


@dataclass(frozen=True)
class Link:
    """A reference with its address; reports contain no other addresses, and none is loaded unless clicked."""

    words: str
    address: str


@dataclass(frozen=True)
class Equation(Block):
    """A displayed equation in MathML."""

    draw = "equation"
    markup: Markup


@dataclass(frozen=True)
class Quotation(Block):
    """Text to be copied."""

    draw = "quotation"
    words: str


@dataclass(frozen=True)
class Code(Block):
    """Source code."""

    draw = "code"
    words: str


@dataclass(frozen=True)
class Folded(Block):
    """Collapsible blocks, which are printed only if they were opened."""

    draw = "folded"
    summary: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """A numbered section; ``name`` is its anchor."""

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
