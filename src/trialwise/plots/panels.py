"""Figures with one row of panels per parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_ROWS = 24
"""Maximum number of rows: more are not legible."""

LETTER, EDGE, TITLE, TICKS = 0.075, 0.15, 0.35, 0.3
"""Inches: width of a letter of a label; margin around all panels, above them, and for tick labels. They are fixed because the automatic
layout of dozens of panels takes Matplotlib longer than drawing them."""


def panels(
    parameters: Mapping[str, np.ndarray], width: float, height: float, ratios: Sequence[float]
) -> tuple[Figure, np.ndarray, dict[str, np.ndarray]]:
    """Create a figure; return it with its axes ``(rows, panels)`` and the parameters that have a row, labelled on the left.

    Parameters
    ----------
    parameters
        Posterior draws of each parameter, ``(chains, draws)``.
    width, height
        Width of the figure and height of a row, inches.
    ratios
        Relative widths of the panels of a row.
    """
    from matplotlib.figure import Figure

    displayed = dict(list(parameters.items())[:MAX_ROWS])
    tall = height * len(displayed) + TITLE + TICKS
    figure = Figure(figsize=(width, tall))
    left, right = (EDGE + LETTER * max(map(len, displayed), default=0) + TICKS) / width, 1 - EDGE / width
    across = (right - left) * width / len(ratios)  # mean width of a panel with its gap
    grid = {
        "width_ratios": ratios, "left": left, "right": right, "top": 1 - TITLE / tall, "bottom": TICKS / tall,
        "wspace": (TICKS + EDGE) / (across - TICKS - EDGE), "hspace": TICKS / (height - TICKS),
    }  # fmt: skip
    axes = figure.subplots(len(displayed), len(ratios), squeeze=False, gridspec_kw=grid)
    for label, row in zip(displayed, axes, strict=True):
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for axis in row:
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
    return figure, axes, displayed


def not_shown(count: int) -> str:
    """A remark on the number of parameters without a row; empty if all are shown."""
    return f" ({count - MAX_ROWS} more parameters not shown)" if count > MAX_ROWS else ""
