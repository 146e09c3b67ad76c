"""HTML of results, data and progress for notebooks: headline, findings, tables and bars, with all text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from trialwise.base.rounding import is_number
from trialwise.base.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 10
"""Maximum number of displayed rows of a table."""

COLOURS = {"problem": "#b3332a", "caution": "#a86a00", "note": "#59626d"}
"""Colours of severities, legible on light and dark backgrounds."""


def as_html(
    headline: str, findings: Sequence[tuple[str, str, str]], tables: Mapping[str, pd.DataFrame], rest: str = ".tables()"
) -> str:
    """A result as an HTML fragment.

    Parameters
    ----------
    headline
        Description of the result; its first sentence is set in bold.
    findings
        Severity, sentence and advice of each finding.
    tables
        Tables by their titles, of which the first rows are displayed; empty tables are omitted.
    rest
        What to write for the remaining rows of a table.
    """
    first, stop, others = headline.partition(". ")
    items = "".join(_item(*finding) for finding in findings)
    return "".join(
        [
            f'<div style="max-width: 60em"><p><strong>{escape(first + stop)}</strong>{escape(others)}</p>',
            f'<ul style="padding-left: 1.2em">{items}</ul>' if items else "",
            *(_table(title, frame, rest) for title, frame in tables.items() if len(frame)),
            "</div>",
        ]
    )


def bar_of(stage: str, share: float, clock: str) -> str:
    """A progress bar: the name of its stage, its share from 0 to 1, and the time."""
    bar = f'<progress value="{share:.4f}" max="1" style="vertical-align: middle"></progress>'
    return f"<div>{escape(stage)} {bar} <small>{escape(clock)}</small></div>"


def remark_of(text: str) -> str:
    """A line of small print."""
    return f"<div><small>{escape(text)}</small></div>"


def _item(severity: str, sentence: str, advice: str) -> str:
    label = f'<strong style="color: {COLOURS.get(severity, "inherit")}">{escape(severity)}</strong>'
    advice_html = f"<br>&rarr; {escape(advice)}" if advice else ""
    return f"<li>{label}: {escape(sentence)}{advice_html}</li>"


def _table(title: str, frame: pd.DataFrame, rest: str) -> str:
    rows = rows_of(title, frame.head(MAX_ROWS))
    alignments = [_alignment([cell for cell in cells if cell]) for cells in zip(*rows.rows, strict=True)]
    head = _row("th", rows.header, alignments)
    body = "".join(_row("td", row, alignments) for row in rows.rows)
    remaining = len(frame) - MAX_ROWS
    remark = (
        f"<small>and {remaining:,} more {'row' if remaining == 1 else 'rows'}: {escape(rest)}</small>"
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
