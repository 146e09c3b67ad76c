"""The page: sections rendered by a template into one self-contained file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from trialwise.base.rounding import is_number
from trialwise.reports.blocks import Section
from trialwise.reports.glossary import Glossary, Linked

if TYPE_CHECKING:
    from jinja2 import Environment


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The HTML of the whole report; everything that is not of type ``Markup`` is escaped."""
    return (
        _environment()
        .get_template("page.html")
        .render(title=title, subtitle=subtitle, sections=sections, glossary=Glossary())
    )


BRIEF = 24
"""Characters up to which a cell with numbers, such as ``0 to 1``, stays on one line."""


@cache
def _environment() -> Environment:
    from importlib.resources import files

    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("trialwise.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = Markup((files("trialwise.reports") / "templates" / "style.css").read_text("utf-8"))
    environment.tests["number"] = is_number
    environment.tests["brief"] = lambda cell: len(cell) <= BRIEF and any(map(str.isdigit, cell))
    environment.tests["linked"] = lambda part: isinstance(part, Linked)
    environment.tests["link"] = lambda item: hasattr(item, "address")
    return environment
