"""Traces: the draws of each chain side by side with their densities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 24
"""Rows at the most: a wall of them shows nothing."""


def trace(axis: Axes, draws: np.ndarray, diverging: np.ndarray) -> None:
    """Draws of each chain in order, ``(chains, draws)``; divergent transitions are marked below them."""
    for chain, values in enumerate(draws):
        axis.plot(values, color=f"C{chain % 10}", linewidth=0.4, alpha=0.8)
        at = np.flatnonzero(diverging[chain])
        if len(at):
            axis.plot(at, np.full(len(at), draws.min()), "|", color="black", markersize=6)
    axis.margins(x=0)


def not_shown(count: int) -> str:
    """A remark that so many parameters are too many for a picture, if they are."""
    return f" ({count - MOST} more parameters not shown)" if count > MOST else ""


def trace_plot(parameters: Mapping[str, np.ndarray], diverging: np.ndarray) -> Figure:
    """A row a parameter: the density of each chain on the left, its draws in order on the right.

    Chains that agree lie on each other on the left and look like one band on the right.

    Parameters
    ----------
    parameters
        Draws of each, ``(chains, draws)``.
    diverging
        Of the same shape: whether the transition to that draw diverged.
    """
    from matplotlib.figure import Figure
    from scipy.stats import gaussian_kde

    rows = list(parameters.items())[:MOST]
    figure = Figure(figsize=(9, 1.5 * len(rows) + 0.6), layout="constrained")
    axes = figure.subplots(len(rows), 2, squeeze=False, gridspec_kw={"width_ratios": (1, 2)})
    for (label, draws), (density, right) in zip(rows, axes, strict=True):
        span = np.linspace(draws.min(), draws.max(), 200)
        for chain, values in enumerate(draws):
            if np.ptp(values) > 0:
                density.plot(span, gaussian_kde(values)(span), color=f"C{chain % 10}", linewidth=1)
        trace(right, draws, diverging)
        density.set_yticks([])
        density.set_ylabel(label, rotation=0, ha="right", va="center")
        density.tick_params(labelsize=7)
        right.tick_params(labelsize=7)
        for axis in (density, right):
            axis.spines[["top", "right"]].set_visible(False)
        density.spines["left"].set_visible(False)
    axes[0, 0].set_title("density, a line a chain", fontsize=9)
    axes[0, 1].set_title("draws in order" + not_shown(len(parameters)), fontsize=9)
    return figure
