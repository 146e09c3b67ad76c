"""Recovery: true parameters against estimated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure


def recovery_plot(tree: xr.DataTree, truth: pd.DataFrame, table: pd.DataFrame, width: float = 12.0) -> Figure:
    """A panel a parameter: posterior mean and 89 % interval of each participant against the true value.

    Parameters
    ----------
    tree
        With the group ``posterior``.
    truth
        A row a participant, in the order of the posterior: a column for each parameter.
    table
        From :func:`trialwise.recovered.recovered`, for the figures in the panels.
    """
    from matplotlib.figure import Figure

    posterior = tree["posterior"]
    names = list(table.index)
    across = max(1, min(len(names), int(width / 3.0)))
    down = -(-len(names) // across)
    figure = Figure(figsize=(width, 1.06 * width / across * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, names, strict=False):
        draws = posterior[name]
        mean = draws.mean(("chain", "draw")).to_numpy()
        low, high = draws.quantile([0.055, 0.945], ("chain", "draw")).to_numpy()
        true = truth[name].to_numpy(float)
        ends = [true.min(), true.max()]
        axis.plot(ends, ends, color="0.7", linewidth=1, zorder=0)
        axis.errorbar(true, mean, yerr=[mean - low, high - mean], fmt="o", markersize=4, elinewidth=0.8, alpha=0.8)
        row = table.loc[name]
        axis.set_title(f"{name}    r = {row['correlation']:.2f}, coverage = {row['coverage']:.0%}", fontsize=10)
        axis.set_xlabel("true")
        axis.set_ylabel("estimated (mean, 89 % interval)")
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(0.05)
    return figure
