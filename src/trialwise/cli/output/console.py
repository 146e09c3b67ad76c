"""What is printed: results to standard output, whatever is about them to standard error; messages in the words of the command line."""

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
    """A line of the result."""
    Console(highlight=False).print(Text(in_options(text), style))


def show(thing: Any) -> None:
    """A table or other thing of rich's."""
    Console(highlight=False).print(thing)


def paragraph(text: str) -> None:
    """Lines of the result, cut at blanks."""
    console = Console(highlight=False)
    lines = in_options(text).split("\n")
    console.print(Text("\n".join(_wrapped(line, console.width - 1) for line in lines)), soft_wrap=True)


def note(text: str) -> None:
    """Something the user should know, to standard error."""
    _aside("note: ", text, "cyan")


def warn(text: str) -> None:
    """Something that is odd, to standard error."""
    _aside("warning: ", text, "yellow")


def fail(text: str) -> None:
    """Why the command stops, to standard error."""
    _aside("error: ", text, "bold red")


def _aside(head: str, text: str, style: str) -> None:
    console = Console(stderr=True, highlight=False)
    first, *lines = (head + in_options(text)).split("\n")
    wrapped = "\n".join(_wrapped(line, console.width - 1) for line in [first, *lines])
    console.print(Text.assemble((head, style), wrapped[len(head) :]), soft_wrap=True)


def _wrapped(line: str, width: int) -> str:
    """A line cut at blanks, the rest of it set in a little further."""
    lead = line[: len(line) - len(line.lstrip())]
    cut = textwrap.wrap(
        line, max(width, 20), subsequent_indent=f"{lead}   ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(cut)


def command(line: str) -> None:
    """What to type next, on a line of its own that can be copied whole; by way of uv, if that is how this was started."""
    start = "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""
    Console(highlight=False).print(Text(f"  {start}{line}", "bold"), soft_wrap=True)


def heading(text: str) -> None:
    """The title of what follows."""
    say()
    say(text, "bold")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 2) -> None:
    """A table without lines; columns of numbers stand to the right. Without a header, give a row of empty names."""
    rows = list(rows)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(header))
    for n, name in enumerate(header):
        cells = [row[n] for row in rows if row[n]]
        right = bool(cells) and all(is_number(cell) for cell in cells)
        drawn.add_column(Text(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    show(Padding(drawn, (0, 0, 0, indent), expand=False))


def frame(data: pd.DataFrame) -> None:
    """A table of estimates: three figures, whole numbers for effective draws, three decimals for R-hat."""
    rows = rows_of("", data)
    table(rows.header, rows.rows)
