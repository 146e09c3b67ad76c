"""HTML of results for notebooks: headline, findings and tables, with all text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from trialwise.base.rounding import is_number
from trialwise.base.rows import Rows

MAX_ROWS = 10
"""Maximum number of displayed rows of a table."""

COLOURS = {"problem": "#b3332a", "caution": "#a86a00", "note": "#59626d"}
"""Colours of severities, legible on light and dark backgrounds."""


def as_html(headline: str, findings: Sequence[tuple[str, str, str]], tables: Sequence[Rows]) -> str:
    """A result as an HTML fragment.

    Parameters
    ----------
    headline
        Description of the result; its first sentence is set in bold.
    findings
        Severity, sentence and advice of each finding.
    tables
        Tables, of which the first rows are displayed; empty tables are omitted.
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
    label = f'<strong style="color: {COLOURS.get(severity, "inherit")}">{escape(severity)}</strong>'
    advice_html = f"<br>&rarr; {escape(advice)}" if advice else ""
    return f"<li>{label}: {escape(sentence)}{advice_html}</li>"


def _table(rows: Rows) -> str:
    displayed = rows.rows[:MAX_ROWS]
    alignments = [_alignment([cell for cell in cells if cell]) for cells in zip(*displayed, strict=True)]
    head = _row("th", rows.header, alignments)
    body = "".join(_row("td", row, alignments) for row in displayed)
    remaining = len(rows.rows) - MAX_ROWS
    remark = (
        f"<small>and {remaining:,} more {'row' if remaining == 1 else 'rows'}: .tables()</small>"
        if remaining > 0
        else ""
    )
    return (
        '<div style="overflow-x: auto; margin-bottom: 1em"><table style="border-collapse: collapse; font-size: inherit">'
        f'<caption style="text-align: left; white-space: nowrap; padding: 0.2em 0"><em>{escape(rows.title)}</em></caption>'
        f"<thead>{head}</thead><tbody>{body}</tbody></table>{remark}</div>"
    )


def _alignment(cells: Sequence[str]) -> str:
    """Alignment of the cells of a column: right for numbers, else left."""
    return "right" if cells and all(map(is_number, cells)) else "left"


def _row(tag: str, cells: Sequence[str], alignments: Sequence[str]) -> str:
    style = "padding: 0.15em 1em 0.15em 0; vertical-align: baseline; text-align"
    html = (
        f'<{tag} style="{style}: {alignment}">{escape(cell)}</{tag}>'
        for cell, alignment in zip(cells, alignments, strict=True)
    )
    return f"<tr>{''.join(html)}</tr>"
