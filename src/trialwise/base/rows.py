"""A small table of text, as inspection and reports print it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """One table for printing: every cell is text, every row as long as the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        widths = [max(map(len, cells)) for cells in zip(self.header, *self.rows, strict=True)]
        lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in (self.header, *self.rows)]
        return "\n  ".join([self.title, *lines])
