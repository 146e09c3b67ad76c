"""Printing: results to standard output, notes, warnings and errors to standard error, with arguments written as options."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trialwise.base.rounding import is_number
from trialwise.base.rows import rows_of
from trialwise.cli.output.words import in_options

if TYPE_CHECKING:
    import pandas as pd


def say(text: str = "", style: str = "") -> None:
    """Print a line of the result."""
    Console(highlight=False).print(Text(in_options(text), style))


def show(renderable: Any) -> None:
    """Print a table or another renderable of rich."""
    Console(highlight=False).print(renderable)


def paragraph(text: str) -> None:
    """Print lines of the result, wrapped at spaces."""
    console = Console(highlight=False)
    lines = in_options(text).split("\n")
    console.print(Text("\n".join(_wrapped(line, console.width - 1) for line in lines)), soft_wrap=True)


def note(text: str) -> None:
    """Print a note to standard error."""
    _print_message("note: ", text, "cyan")


def warn(text: str) -> None:
    """Print a warning to standard error."""
    _print_message("warning: ", text, "yellow")


def fail(text: str) -> None:
    """Print the error that ends the command to standard error."""
    _print_message("error: ", text, "bold red")


def _print_message(label: str, text: str, style: str) -> None:
    console = Console(stderr=True, highlight=False)
    first, *lines = (label + in_options(text)).split("\n")
    wrapped = "\n".join(_wrapped(line, console.width - 1) for line in [first, *lines])
    console.print(Text.assemble((label, style), wrapped[len(label) :]), soft_wrap=True)


def _wrapped(line: str, width: int) -> str:
    """A line wrapped at spaces, with its continuation lines indented."""
    indent = line[: len(line) - len(line.lstrip())]
    wrapped = textwrap.wrap(
        line, max(width, 20), subsequent_indent=f"{indent}   ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapped)


def command(line: str) -> None:
    """Print a command to type next, on a line of its own; it starts with ``uv run`` if this process was started that way."""
    prefix = "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""
    Console(highlight=False).print(Text(f"  {prefix}{line}", "bold"), soft_wrap=True)


def heading(text: str) -> None:
    """Print a heading after an empty line."""
    say()
    say(text, "bold")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 2) -> None:
    """Print a table without rules, numeric columns right-aligned. For a table without header, pass empty names."""
    rows = list(rows)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(header))
    for n, name in enumerate(header):
        cells = [row[n] for row in rows if row[n]]
        numeric = bool(cells) and all(is_number(cell) for cell in cells)
        grid.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    show(Padding(grid, (0, 0, 0, indent), expand=False))


def frame(data: pd.DataFrame) -> None:
    """Print a table of estimates: three significant digits, whole effective sample sizes, three decimals for R-hat."""
    rows = rows_of("", data)
    table(rows.header, rows.rows)
