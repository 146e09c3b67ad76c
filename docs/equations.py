"""Equations of the site in MathML, written when it is built: browsers render it without scripts and without a network.

The build fails if an equation contains a command that the converter does not know, or if a page loads anything from elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging

from trialwise.reports import mathml


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_displayed, None))
    app.connect("build-finished", check_offline)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def visit_inline(translator, node):
    translator.body.append(converted(mathml.inline, node, node.astext()))
    raise nodes.SkipNode


def visit_displayed(translator, node):
    latex = re.sub(
        r"\\(sum|prod)(?=[_^])", r"\\\1\\limits", node.astext()
    )  # bounds below and above, as in displayed equations
    translator.body += ['<div class="equation">', converted(mathml.displayed, node, latex), "</div>\n"]
    raise nodes.SkipNode


def converted(convert, node, latex: str) -> str:
    result = str(convert(latex))
    if "\\" in re.sub(r"<[^>]*>", "", result):
        logging.getLogger(__name__).warning("this equation cannot be converted: %s", latex, location=node)
    return result


LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//|<link\b[^>]*\bhref=\"(?:https?:)?//|@import"
)
"""What a browser would load from a network; links that a reader follows are not among it."""


def check_offline(app, exception):
    """Check that no page loads scripts, styles or images from elsewhere."""
    if exception is not None or app.builder.format != "html":
        return
    pages = sorted(Path(app.outdir).rglob("*.html"))
    found = [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))]
    if found:
        raise ExtensionError(f"pages that load something from a network: {', '.join(found)}")
