"""Figures with one row of panels per parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from trialwise.plots.colours import DISTINCT, distinct

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_ROWS = 24
"""Maximum number of parameters: more are not legible."""

LEFT, EDGE, TOP, GAP, TICKS, BETWEEN = 0.35, 0.12, 0.45, 0.36, 0.3, 0.42
"""Inches: margin on the left of all panels, on the right, above them for the legend, between panels of a parameter, for the labels of
ticks, and between the parameters of a row. They are fixed because the automatic layout of dozens of panels takes Matplotlib longer than
drawing them."""

NAME = 0.24
"""Inches for the name of a parameter above its panels."""


def panels(
    parameters: Mapping[str, np.ndarray], width: float, height: float, heads: Mapping[str, float], across: int = 1
) -> tuple[Figure, np.ndarray, dict[str, np.ndarray]]:
    """Create a figure; return it with its axes ``(parameters, panels)`` and the parameters that are shown, named above their panels.

    Parameters
    ----------
    parameters
        Posterior draws of each parameter, ``(chains, draws)``.
    width, height
        Width of the figure and height of a row, inches.
    heads
        What each panel of a parameter shows, with its relative width.
    across
        Number of parameters in a row.
    """
    from matplotlib.figure import Figure

    displayed = dict(list(parameters.items())[:MAX_ROWS])
    across = min(across, len(displayed))
    down = -(-len(displayed) // across)
    tall = height * down + TOP
    figure = Figure(figsize=(width, tall))
    each = (width - LEFT - EDGE - (across - 1) * BETWEEN) / across  # width of all panels of a parameter
    unit = (each - (len(heads) - 1) * GAP) / sum(heads.values())
    axes = np.empty((len(displayed), len(heads)), object)
    for k, label in enumerate(displayed):
        row, column = divmod(k, across)
        left, bottom = LEFT + column * (each + BETWEEN), tall - TOP - (row + 1) * height + TICKS
        for panel, share in enumerate(heads.values()):
            place = (left / width, bottom / tall, share * unit / width, (height - TICKS - NAME) / tall)
            axis = axes[k, panel] = figure.add_axes(place)
            left += share * unit + GAP
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
        axes[k, 0].set_title(label, fontsize=9, loc="left", pad=4)
        if row == 0:
            for axis, head in zip(axes[k], heads, strict=True):
                axis.annotate(
                    head, (0, 1), (0, 20), "axes fraction", "offset points", fontsize=8, color="0.35", va="bottom"
                )
    _legend(figure, len(next(iter(displayed.values()))))
    return figure, axes, displayed


def _legend(figure: Figure, chains: int) -> None:
    """Name the colour of each chain, as far as colours differ."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=distinct(k), linewidth=2) for k in range(min(chains, len(DISTINCT)))]
    names = [f"chain {k + 1}" for k in range(len(handles))]
    figure.legend(
        handles, names, loc="upper right", ncols=len(handles), frameon=False, fontsize=8, borderpad=0.2,
        handlelength=1.2, columnspacing=1.2,
    )  # fmt: skip


def not_shown(count: int) -> str:
    """A remark on the number of parameters without panels; empty if all are shown."""
    return f" ({count - MAX_ROWS} more parameters not shown)" if count > MAX_ROWS else ""
