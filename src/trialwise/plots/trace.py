"""Trace plot: densities and traces of each chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.inference.draws import labelled
from trialwise.inference.fitted import Fit
from trialwise.plots.colours import distinct
from trialwise.plots.panels import not_shown, panels
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 3
"""Number of parameters up to which each has a row; more stand in pairs, such as mean and spread of the group."""


def trace(axis: Axes, draws: np.ndarray, diverging: np.ndarray) -> None:
    """Plot the draws of each chain in order, ``(chains, draws)``, and mark divergent transitions below them."""
    for chain, values in enumerate(draws):
        axis.plot(values, color=distinct(chain), linewidth=0.4, alpha=0.8)
        at = np.flatnonzero(diverging[chain])
        if len(at):
            axis.plot(at, np.full(len(at), draws.min()), "|", color="black", markersize=6)
    axis.margins(x=0)


@picture.register(Fit)
def trace_plot(fit: Fit, width: float = 9.0) -> Figure:
    """Two panels per group parameter: the density of each chain on the left, its trace on the right.

    If chains have converged, densities coincide on the left and traces form one band on the right. Black marks below a trace are
    divergent transitions.

    Parameters
    ----------
    fit
        The fit whose chains are plotted.
    width
        Width of the figure, inches.
    """
    from scipy.stats import gaussian_kde

    parameters = labelled(fit.tree, fit.group_names)
    diverging = fit.tree["sample_stats"]["diverging"].to_numpy()
    across = 1 if len(parameters) <= FEW or width < 6 else 2
    marks = ", black: divergent transitions" if diverging.any() else ""
    heads = {"density of each chain": 1, f"trace, by draw{marks}{not_shown(len(parameters))}": 2}
    if across > 1:
        heads = {"density": 1, f"trace, by draw{marks}": 2}
    figure, axes, displayed = panels(parameters, width, 1.05, heads, across)
    for draws, (density, right) in zip(displayed.values(), axes, strict=True):
        span = np.linspace(draws.min(), draws.max(), 200)
        for chain, values in enumerate(draws):
            if np.ptp(values) > 0:
                density.plot(span, gaussian_kde(values)(span), color=distinct(chain), linewidth=1)
        trace(right, draws, diverging)
        density.set_yticks([])
        density.spines["left"].set_visible(False)
    if across > 1 and (remark := not_shown(len(parameters))):
        figure.text(0.01, 0.995, remark.strip(" ()"), fontsize=8, va="top")
    return figure
