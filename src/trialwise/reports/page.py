"""The page: sections drawn by a template into one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from trialwise.base.rounding import is_number
from trialwise.reports.blocks import Section

if TYPE_CHECKING:
    from jinja2 import Environment


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole file; whatever is not markup by type is escaped."""
    return _environment().get_template("page.html").render(title=title, subtitle=subtitle, sections=sections)


@cache
def _environment() -> Environment:
    from importlib.resources import files

    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("trialwise.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["style"] = Markup((files("trialwise.reports") / "templates" / "style.css").read_text("utf-8"))
    made.tests["number"] = is_number
    made.tests["link"] = lambda item: hasattr(item, "address")
    return made
