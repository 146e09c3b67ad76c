"""Formatting of words and numbers in sections."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trialwise.base.english import listed
from trialwise.base.rows import Rows, rows_of

if TYPE_CHECKING:
    import pandas as pd


def interval(mean: Any, low: Any, high: Any) -> str:
    """``0.12 (0.08, 0.17)``."""
    return f"{mean:.3g} ({low:.3g}, {high:.3g})"


def names(labels: Iterable[str]) -> str:
    """Labels in a sentence; those with a comma in quotation marks, since it would read as the end of the label."""
    return listed(f"“{label}”" if "," in label else label for label in labels)


def rows(title: str, frame: pd.DataFrame, names: dict[str, str] | None = None, first: str = "") -> Rows:
    """A data frame as text; ``names`` selects and renames columns, ``first`` is the header of the index."""
    return rows_of(
        title, frame, names or {str(column): str(column).replace("_", " ") for column in frame.columns}, first
    )


def first_few(labels: Sequence[Hashable], most: int = 6) -> str:
    """The first few labels, and how many more there are."""
    texts = [str(label) for label in labels]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
