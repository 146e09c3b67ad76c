"""A row of panels for each parameter, all of one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 24
"""Rows at the most: a wall of them shows nothing."""

LETTER, EDGE, TITLE, TICKS = 0.075, 0.15, 0.35, 0.3
"""Inches: of a letter of a label; left free around all panels, above them, and for the numbers between them. All rows are alike: to
let Matplotlib find the margins of dozens of panels takes longer than to draw them."""


def panels(
    parameters: Mapping[str, np.ndarray], width: float, height: float, ratios: Sequence[float]
) -> tuple[Figure, np.ndarray, dict[str, np.ndarray]]:
    """A figure, its axes ``(rows, panels)``, and the parameters that have a row, each named at its left.

    Parameters
    ----------
    parameters
        Draws of each, ``(chains, draws)``.
    width, height
        Of the figure, and of a row, inches.
    ratios
        Widths of the panels of a row, relative to each other.
    """
    from matplotlib.figure import Figure

    shown = dict(list(parameters.items())[:MOST])
    tall = height * len(shown) + TITLE + TICKS
    figure = Figure(figsize=(width, tall))
    left, right = (EDGE + LETTER * max(map(len, shown), default=0) + TICKS) / width, 1 - EDGE / width
    across = (right - left) * width / len(ratios)  # of a panel, on average, with its gap
    grid = {
        "width_ratios": ratios, "left": left, "right": right, "top": 1 - TITLE / tall, "bottom": TICKS / tall,
        "wspace": (TICKS + EDGE) / (across - TICKS - EDGE), "hspace": TICKS / (height - TICKS),
    }  # fmt: skip
    axes = figure.subplots(len(shown), len(ratios), squeeze=False, gridspec_kw=grid)
    for label, row in zip(shown, axes, strict=True):
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for axis in row:
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
    return figure, axes, shown


def not_shown(count: int) -> str:
    """A remark that so many parameters are too many for a picture, if they are."""
    return f" ({count - MOST} more parameters not shown)" if count > MOST else ""
