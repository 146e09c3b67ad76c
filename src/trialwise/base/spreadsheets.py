"""Tables for people: texts that a spreadsheet would run as formulas are marked as texts, as OWASP advises against CSV injection."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters with which formulas begin, in their wide forms too."""

SEPARATORS = (",", ";")
"""Characters at which spreadsheets of some countries cut a line, so that a formula may stand behind them."""


def as_text[T](cell: T) -> T | str:
    """A cell, with an apostrophe before it if a spreadsheet may run it: ``'=1+1``. Numbers, as text too, are left as they are.

    Examples
    --------
    >>> [as_text(cell) for cell in ("=1+1", "-0.5", -0.5, "s-1", "@home")]
    ["'=1+1", '-0.5', -0.5, 's-1', "'@home"]
    """
    if not isinstance(cell, str) or not _is_dangerous(cell):
        return cell
    return f"'{cell}"


def _is_dangerous(text: str) -> bool:
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        return True
    return text.lstrip().startswith(FORMULA) and not _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def as_csv(data: pd.DataFrame, *, index: bool, for_people: bool = True) -> str:
    """A table as CSV.

    Parameters
    ----------
    data
        The table.
    index
        Whether to write its index.
    for_people
        Whether to mark texts that spreadsheets would run; without it, a program reads every label as it is.
    """
    quoting: Literal[0, 2] = csv.QUOTE_MINIMAL
    if for_people:
        marked = data.copy(deep=False)
        marked.columns, marked.index = _labels(data.columns), _labels(data.index)
        for n, kind in enumerate(data.dtypes):
            if kind.kind not in "biufcmM":
                marked.isetitem(n, data.iloc[:, n].astype(object).map(as_text).to_numpy())
        if any(mark in text for text in _texts(marked) for mark in SEPARATORS):
            quoting = csv.QUOTE_NONNUMERIC
        data = marked
    return data.to_csv(index=index, lineterminator="\n", quoting=quoting)


def _labels(index: pd.Index) -> pd.Index:
    names = [as_text(name) for name in index.names]
    if index.nlevels > 1:
        return index.map(lambda labels: tuple(map(as_text, labels))).set_names(names)
    return (index if index.dtype.kind in "biufcmM" else index.astype(object).map(as_text)).set_names(names)


def _texts(data: pd.DataFrame) -> list[str]:
    """The texts of a table that begin, behind a separator, as a formula would."""
    columns = [data.iloc[:, n].unique() for n, kind in enumerate(data.dtypes) if kind.kind not in "biufcmM"]
    cells = [cell for column in columns for cell in column] + [*data.columns, *data.index.unique()]
    return [cell for cell in cells if isinstance(cell, str) and any(sign in cell for sign in FORMULA)]
