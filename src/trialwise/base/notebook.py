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
        What it is a result of; its first sentence is set in bold.
    findings
        Severity, sentence and advice of each.
    tables
        Of which the first rows are shown; empty ones are left out.
    """
    first, stop, rest = headline.partition(". ")
    items = "".join(_item(*finding) for finding in findings)
    return "".join(
        [
            f'<div style="max-width: 60em"><p><strong>{escape(first + stop)}</strong>{escape(rest)}</p>',
            f'<ul style="padding-left: 1.2em">{items}</ul>' if items else "",
            *(_table(rows) for rows in tables if rows.rows),
            "</div>",
        ]
    )


def _item(severity: str, sentence: str, advice: str) -> str:
    mark = f'<strong style="color: {COLOURS.get(severity, "inherit")}">{escape(severity)}</strong>'
    more = f"<br>&rarr; {escape(advice)}" if advice else ""
    return f"<li>{mark}: {escape(sentence)}{more}</li>"


def _table(rows: Rows) -> str:
    shown = rows.rows[:MOST]
    sides = [_side([cell for cell in cells if cell]) for cells in zip(*shown, strict=True)]
    head = _row("th", rows.header, sides)
    body = "".join(_row("td", row, sides) for row in shown)
    rest = len(rows.rows) - MOST
    more = f"<small>and {rest:,} more {'row' if rest == 1 else 'rows'}: .tables()</small>" if rest > 0 else ""
    return (
        '<div style="overflow-x: auto; margin-bottom: 1em"><table style="border-collapse: collapse; font-size: inherit">'
        f'<caption style="text-align: left; white-space: nowrap; padding: 0.2em 0"><em>{escape(rows.title)}</em></caption>'
        f"<thead>{head}</thead><tbody>{body}</tbody></table>{more}</div>"
    )


def _side(cells: Sequence[str]) -> str:
    """Where the cells of a column stand: numbers to the right."""
    return "right" if cells and all(map(is_number, cells)) else "left"


def _row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    style = "padding: 0.15em 1em 0.15em 0; vertical-align: baseline; text-align"
    drawn = (f'<{tag} style="{style}: {side}">{escape(cell)}</{tag}>' for cell, side in zip(cells, sides, strict=True))
    return f"<tr>{''.join(drawn)}</tr>"
