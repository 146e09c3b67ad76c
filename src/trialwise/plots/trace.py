"""Traces: the draws of each chain side by side with their densities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

MOST = 24
"""Rows at the most: a wall of them shows nothing."""


def trace_plot(tree: xr.DataTree, names: Sequence[str], width: float = 9.0) -> Figure:
    """A row a parameter: the density of each chain on the left, its draws in order on the right.

    Chains that agree lie on each other on the left and look like one band on the right; divergent transitions are
    marked below the draws.
    """
    from matplotlib.figure import Figure
    from scipy.stats import gaussian_kde

    posterior = tree["posterior"]
    rows: list[tuple[str, np.ndarray]] = []
    for name in names:
        values = posterior[name].transpose("chain", "draw", ...)
        flat = values.to_numpy().reshape(*values.shape[:2], -1)
        labels = posterior["participant"].to_numpy() if values.ndim == 3 else [""]
        rows += [(f"{name}[{label}]" if values.ndim == 3 else name, flat[:, :, k]) for k, label in enumerate(labels)]
    rows, left_out = rows[:MOST], len(rows) - MOST
    diverging = tree["sample_stats"]["diverging"].to_numpy()

    figure = Figure(figsize=(width, min(1.5, 0.22 * width) * len(rows) + 0.6), layout="constrained")
    axes = figure.subplots(len(rows), 2, squeeze=False, gridspec_kw={"width_ratios": (1, 2)})
    for (label, draws), (density, trace) in zip(rows, axes, strict=True):
        span = np.linspace(draws.min(), draws.max(), 200)
        for chain, values in enumerate(draws):
            colour = f"C{chain % 10}"
            if np.ptp(values) > 0:
                density.plot(span, gaussian_kde(values)(span), color=colour, linewidth=1)
            trace.plot(values, color=colour, linewidth=0.4, alpha=0.8)
            at = np.flatnonzero(diverging[chain])
            if len(at):
                trace.plot(at, np.full(len(at), draws.min()), "|", color="black", markersize=6)
        density.set_yticks([])
        density.set_ylabel(label, rotation=0, ha="right", va="center")
        density.tick_params(labelsize=7)
        trace.tick_params(labelsize=7)
        trace.margins(x=0)
        for axis in (density, trace):
            axis.spines[["top", "right"]].set_visible(False)
        density.spines["left"].set_visible(False)
    axes[0, 0].set_title("density, a line a chain", fontsize=9)
    axes[0, 1].set_title(
        "draws in order" + (f" ({left_out} more parameters not shown)" if left_out > 0 else ""), fontsize=9
    )
    return figure
