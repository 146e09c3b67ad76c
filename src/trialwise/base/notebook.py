"""Results in a notebook: a headline, findings and tables as HTML, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from trialwise.base.rounding import is_number
from trialwise.base.rows import Rows

MOST = 10
"""Rows of a table that are shown."""

COLOURS = {"problem": "#b3332a", "caution": "#a86a00", "note": "#59626d"}
"""Of severities; readable on light and dark ground alike."""


def as_html(headline: str, findings: Sequence[tuple[str, str, str]], tables: Sequence[Rows]) -> str:
    """A result as a piece of HTML.

    Parameters
    ----------
    headline
        What it is a result of.
    findings
        Severity, sentence and advice of each.
    tables
        Of which the first rows are shown; empty ones are left out.
    """
    items = "".join(_item(*finding) for finding in findings)
    listed = f'<ul style="padding-left: 1.2em">{items}</ul>' if items else ""
    return "".join(
        [
            f'<div style="max-width: 60em"><p><strong>{escape(headline)}</strong></p>',
            listed,
            *(_table(rows) for rows in tables if rows.rows),
            "</div>",
        ]
    )


def _item(severity: str, sentence: str, advice: str) -> str:
    mark = f'<strong style="color: {COLOURS.get(severity, "inherit")}">{escape(severity)}</strong>'
    more = f"<br><span>&rarr; {escape(advice)}</span>" if advice else ""
    return f"<li>{mark}: {escape(sentence)}{more}</li>"


def _table(rows: Rows) -> str:
    head = "".join(_cell("th", cell, False) for cell in rows.header)
    body = "".join(
        f"<tr>{''.join(_cell('td', cell, is_number(cell)) for cell in row)}</tr>" for row in rows.rows[:MOST]
    )
    rest = len(rows.rows) - MOST
    more = f"<p><small>and {rest:,} more {'row' if rest == 1 else 'rows'}: .tables()</small></p>" if rest > 0 else ""
    return (
        f'<div style="overflow-x: auto"><table><caption style="text-align: left; white-space: nowrap">{escape(rows.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _cell(tag: str, text: str, right: bool) -> str:
    return f'<{tag} style="text-align: {"right" if right else "left"}">{escape(text)}</{tag}>'
