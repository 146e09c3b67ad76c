"""A row of panels for each parameter, all of one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 24
"""Rows at the most: a wall of them shows nothing."""


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
    figure = Figure(figsize=(width, height * len(shown) + 0.6), layout="constrained")
    axes = figure.subplots(len(shown), len(ratios), squeeze=False, gridspec_kw={"width_ratios": ratios})
    for label, row in zip(shown, axes, strict=True):
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for axis in row:
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
    return figure, axes, shown


def not_shown(count: int) -> str:
    """A remark that so many parameters are too many for a picture, if they are."""
    return f" ({count - MOST} more parameters not shown)" if count > MOST else ""
