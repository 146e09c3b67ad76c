"""Rounding of numbers in output: three significant figures, whole effective sample sizes, R-hat to three decimals."""

from __future__ import annotations

import re
from numbers import Integral, Real
from typing import Any

_PLAIN = r"(?:[-+]?[\d.,]*\d(?:e[-+]?\d+)?%?|nan|-?inf)"
_NUMBER = re.compile(rf"{_PLAIN}(?: \({_PLAIN}, {_PLAIN}\))?", re.IGNORECASE)

THREE_DECIMALS = ("correlation", "coverage")
"""Columns shown with three decimals, in addition to R-hat."""


def figure(column: str, value: Any) -> str:
    """Format a value of a table's column as text; values that are not numbers are unchanged."""
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    value = float(value) + 0.0  # -0 is 0
    if str(column).startswith(("ess", "effective")):
        return f"{value:.0f}"
    if str(column).startswith("r_hat") or str(column) in THREE_DECIMALS:
        return f"{value:.3f}"
    return f"{value:.3g}"


def is_number(cell: str) -> bool:
    """Whether a cell of a table is a number, with or without an interval in brackets, to be aligned to the right."""
    return _NUMBER.fullmatch(cell) is not None
