"""What sections are made of: paragraphs, tables, pictures, ...; the page's template knows how to draw each kind.

Whatever is a plain string is text and is escaped where it is drawn; only :class:`~markupsafe.Markup`, which :mod:`trialwise.reports.docstring`
alone makes, is not.
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
    """A part of a section; ``draw`` names what draws it in the template."""

    draw: ClassVar[str]


@dataclass(frozen=True)
class Text(Block):
    """A paragraph; ``tone`` is empty, ``"muted"`` or ``"missing"`` (what is left out, and what to type for it)."""

    draw = "text"
    words: str | Markup
    tone: str = ""


@dataclass(frozen=True)
class Heading(Block):
    """Of a part of a section."""

    draw = "heading"
    words: str


@dataclass(frozen=True)
class Verdict(Block):
    """A judgement: ``tone`` is ``"good"``, ``"careful"`` or ``"bad"``, and ``brief`` says it in a few words."""

    draw = "verdict"
    tone: str
    brief: str
    words: str


@dataclass(frozen=True)
class Table(Block):
    """A table of text; columns of numbers stand to the right, but not where rows are ``facts`` of different kinds."""

    draw = "table"
    rows: Rows
    note: str = ""
    facts: bool = False


@dataclass(frozen=True)
class Beside(Block):
    """Blocks side by side, where there is room."""

    draw = "beside"
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Picture(Block):
    """A plot as two data URIs, one for wide pages and one for narrow ones, what it shows for those who cannot see it, and its caption."""

    draw = "picture"
    wide: str
    narrow: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Listing(Block):
    """Items in order."""

    draw = "listing"
    items: Sequence[str | Markup | Link]
    numbered: bool = False


def listing(title: str, findings: Iterable[Finding], numbered: bool = False) -> list[Block]:
    """Findings of a result under a title; nothing if there are none."""
    items = [finding.text for finding in findings]
    return [Text(title), Listing(items, numbered)] if items else []


@dataclass(frozen=True)
class Link:
    """A work and where it is found: the only addresses in a report, and followed only if clicked."""

    words: str
    address: str


@dataclass(frozen=True)
class Equation(Block):
    """A displayed equation in MathML."""

    draw = "equation"
    markup: Markup


@dataclass(frozen=True)
class Quotation(Block):
    """Text that is meant to be copied."""

    draw = "quotation"
    words: str


@dataclass(frozen=True)
class Code(Block):
    """Source text."""

    draw = "code"
    words: str


@dataclass(frozen=True)
class Folded(Block):
    """Blocks that are shown when asked for, and in print."""

    draw = "folded"
    summary: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """A numbered section; ``name`` is its anchor."""

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
