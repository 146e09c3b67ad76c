"""Printing: results to standard output, notes, warnings and errors to standard error, with arguments written as options.

With ``--raw`` standard output holds nothing but tables, as CSV; whatever else is said goes to standard error.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from trialwise.base.rounding import is_number
from trialwise.base.rows import counts_rows, rows_of
from trialwise.base.spreadsheets import as_csv
from trialwise.cli.output.words import in_options

if TYPE_CHECKING:
    import pandas as pd


_RAW: ContextVar[bool] = ContextVar("raw", default=False)


@contextmanager
def tables_as_csv(raw: bool) -> Iterator[None]:
    """Within this context, print tables as CSV with all digits, and everything else to standard error, if ``raw`` is true."""
    token = _RAW.set(raw)
    try:
        yield
    finally:
        _RAW.reset(token)


def is_raw() -> bool:
    """Whether tables are printed for scripts."""
    return _RAW.get()


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Show on a terminal that something of unknown length is under way; nothing is left of it."""
    from rich.live import Live
    from rich.spinner import Spinner

    # what is printed meanwhile stays on its own stream: rich would move it to this one
    with Live(Spinner("dots", Text(text, "dim")), console=Console(stderr=True), transient=True, redirect_stdout=False):
        yield


def _screen() -> Console:
    """Where texts go that belong to the result."""
    return Console(stderr=_RAW.get(), highlight=False)


def say(text: str = "", style: str = "") -> None:
    """Print a line of the result, wrapped at spaces if it is longer than the screen."""
    console = _screen()
    line = in_options(text)
    if "\n" not in line and cell_len(line) > console.width:
        line = _wrapped(line, console.width - 1, hanging="")
    console.print(Text(line, style), soft_wrap=True)


def paragraph(text: str) -> None:
    """Print lines of the result, wrapped at spaces."""
    console = _screen()
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


def _wrapped(line: str, width: int, hanging: str = "   ") -> str:
    """A line wrapped at spaces, its continuation lines indented by ``hanging``."""
    indent = line[: len(line) - len(line.lstrip())]
    wrapped = textwrap.wrap(
        line, max(width, 20), subsequent_indent=indent + hanging, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapped)


def command(line: str) -> None:
    """Print a command to type next, on a line of its own; it starts with ``uv run`` if this process was started that way."""
    prefix = "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""
    _screen().print(Text(f"  {prefix}{line}", "bold"), soft_wrap=True)


def heading(text: str) -> None:
    """Print a heading after an empty line."""
    say()
    say(text, "bold")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", indent: int = 2) -> None:
    """Print a table of the result, under its title if it has one. For a table without header, pass empty names."""
    if _RAW.get():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows] if any(header) else rows)
        _print_csv(title, text.getvalue())
        return
    if title:
        heading(title)
    _print_rows(header, rows, indent)


def frame(data: pd.DataFrame, title: str = "", formats: Mapping[str | None, str] | None = None) -> None:
    """Print a table of estimates: three significant digits, whole effective sample sizes, three decimals for R-hat.

    Other formats may be given by column, that of all others under None.
    """
    if _RAW.get():
        _print_csv(title, as_csv(data, index=not counts_rows(data), for_people=False))
        return
    if formats is not None:
        data = data.apply(lambda each: each.map(lambda value: format(value, formats.get(each.name, formats[None]))))
    rows = rows_of("", data, index=", ".join(str(name) for name in data.index.names if name is not None))
    table(rows.header, rows.rows, title=title)


def listing(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print rows that are about the command rather than about the result, such as the files it wrote."""
    rows = list(rows)
    heading(title)
    _print_rows(["" for _ in rows[0]] if rows else [], rows)


def _print_csv(title: str, text: str) -> None:
    """Print a table for scripts; its title is a line of its own, which begins with ``#``."""
    sys.stdout.write(f"# {title}\n{text}\n" if title else text)


def _print_rows(header: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 2) -> None:
    """Print rows without rules, numeric columns right-aligned.

    The first column, numbers and words are never broken, nor are words with a no-break space between them. Texts are wrapped at spaces; columns that do not fit beside each other are
    printed below an empty line, after the first column again; a single text that does not fit beside the first column is printed below
    its cell.
    """
    console = _screen()
    columns = [[in_options(cell) for cell in column] for column in zip(*rows, strict=True)] or [[] for _ in header]
    space = max(console.width, 40) - indent
    kinds = list(map(Column.of, header, columns))
    gap = _gap(kinds, space)
    for number, block in enumerate(_blocks(kinds, space, gap)):
        if number:
            console.print()
        for line, is_header in _lines(block, space, gap, any(header)):
            text = Text(" " * indent + line.rstrip(), "dim" if is_header else "")
            console.print(text, soft_wrap=True)


@dataclass(frozen=True)
class Column:
    """A column of a table: its cells, its natural width, and the least width that breaks no word."""

    name: str
    cells: Sequence[str]
    numeric: bool
    width: int
    least: int

    @classmethod
    def of(cls, name: str, cells: Sequence[str]) -> Column:
        """A column with its widths."""
        filled = [cell for cell in cells if cell]
        numeric = bool(filled) and all(map(is_number, filled))
        lines = [line for cell in (name, *cells) for line in cell.split("\n")]
        words = [word for line in lines for word in line.split(" ")]
        width = max(map(cell_len, lines), default=0)
        least = max([*map(cell_len, words), min(width, TEXT)], default=0)
        return cls(name, cells, numeric, width, width if numeric else least)


TEXT = 16
"""Characters that a column of texts has at least, unless all of them are shorter."""
GAP = 2
"""Spaces between columns; a single one where numbers then fit beside each other that would not otherwise."""


def _gap(columns: Sequence[Column], space: int) -> int:
    """Spaces between the columns of a table."""
    width, between = sum(column.least for column in columns), len(columns) - 1
    closer = all(column.numeric for column in columns[1:]) and width + between <= space < width + GAP * between
    return 1 if closer else GAP


def _blocks(columns: Sequence[Column], space: int, gap: int) -> list[list[tuple[Column, int]]]:
    """The columns that stand beside each other, with their widths; the first column begins every block."""
    if not columns:
        return []
    first, *others = columns
    blocks: list[list[Column]] = [[]]
    left = space - first.width
    for column in others:
        if blocks[-1] and gap + column.least > left:
            blocks.append([])
            left = space - first.width
        blocks[-1].append(column)
        left -= gap + column.least
    return [[(first, first.width), *_widths(block, space - first.width, gap)] for block in blocks]


def _widths(columns: Sequence[Column], space: int, gap: int) -> list[tuple[Column, int]]:
    """Widths of columns: what they need if there is space for it, otherwise the least and a share of the rest."""
    rest = space - sum(gap + column.least for column in columns)
    widths = []
    for n, column in enumerate(columns):
        wanted = column.width - column.least
        others = sum(each.width - each.least for each in columns[n + 1 :])
        more = max(0, min(wanted, max(rest - others, rest * wanted // max(wanted + others, 1))))
        rest -= more
        widths.append((column, column.least + more))
    return widths


def _lines(block: Sequence[tuple[Column, int]], space: int, gap: int, named: bool) -> Iterator[tuple[str, bool]]:
    """The lines of a block, and whether each belongs to the header."""
    (first, width), *others = block
    below = len(others) == 1 and not others[0][0].numeric and width + GAP + others[0][1] > space
    if below:
        others = [(others[0][0], max(space - 2 * GAP, 20))]
    records = [(True, [column.name for column, _ in block])] if named else []
    records += [(False, [column.cells[n] for column, _ in block]) for n in range(len(first.cells))]
    for is_header, (name, *cells) in records:
        parts = [_cell(text, each, column) for text, (column, each) in zip(cells, others, strict=True)]
        if below:
            yield name, is_header
            yield from ((" " * 2 * GAP + line, is_header) for line in parts[0] if line.strip())
            continue
        start = [_padded(line, width, first.numeric) for line in name.split("\n")]
        height = max(map(len, (start, *parts)))
        for k in range(height):
            pieces = [part[k] if k < len(part) else " " * each for part, (_, each) in zip(parts, others, strict=True)]
            yield (" " * gap).join([start[k] if k < len(start) else " " * width, *pieces]), is_header


def _cell(text: str, width: int, column: Column) -> list[str]:
    """The lines of a cell."""
    lines = [
        part
        for line in text.split("\n")
        for part in (
            [line]
            if cell_len(line) <= width
            else textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        )
    ]
    return [_padded(line, width, column.numeric) for line in lines]


def _padded(text: str, width: int, right: bool) -> str:
    space, text = " " * (width - cell_len(text)), text.replace("\N{NO-BREAK SPACE}", " ")
    return space + text if right else text + space
