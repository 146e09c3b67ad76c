"""Docstrings as HTML: prose with inline markup, equations as MathML. All text is escaped before it becomes markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialwise.learners.docstring import GREEK, parts, pieces
from trialwise.reports import mathml
from trialwise.reports.blocks import Block, Equation, Text

if TYPE_CHECKING:
    from markupsafe import Markup

_TAGS = {"code": "code", "name": "code", "strong": "strong", "emphasis": "em"}


def blocks(docstring: str) -> list[Block]:
    """The paragraphs and displayed equations of a docstring."""
    return [
        Equation(mathml.displayed(text)) if is_equation else Text(prose(text)) for text, is_equation in parts(docstring)
    ]


def prose(text: str) -> Markup:
    """A paragraph with its inline markup converted to HTML."""
    from markupsafe import Markup, escape

    rendered = []
    for piece, kind in pieces(text):
        if kind == "math":
            rendered.append(mathml.inline(piece))
        elif kind == "text":
            rendered.append(escape(piece))
        else:
            rendered.append(Markup("<{0}>{1}</{0}>").format(Markup(_TAGS[kind]), piece))
    return Markup("").join(rendered)


def symbol(name: str) -> str:
    """A parameter in LaTeX: Greek letters with subscripts where the name begins with one (``alpha_high``), else the name itself."""
    stem, _, rest = name.partition("_")
    if stem not in GREEK:
        return rf"\mathrm{{{name.replace('_', ' ')}}}"
    return rf"\{stem}_{{\mathrm{{{rest.replace('_', ' ')}}}}}" if rest else rf"\{stem}"
