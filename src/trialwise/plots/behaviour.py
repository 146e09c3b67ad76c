"""Plot of behavioural measures that form curves, for each participant and on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.plots.check import curve_title, families, position

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def behaviour_plot(table: pd.DataFrame, width: float = 10.0) -> Figure:
    """A panel per curve: means over participants with two standard errors, and participants as lines behind them.

    Parameters
    ----------
    table
        From :func:`trialwise.analysis.behaviour.measures.measured`: one row per participant, one column per measure.
    width
        Width of the figure, inches.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves, _ = families([str(name) for name in table.columns])
    across = max(1, min(len(curves), int(width / 3.2)))
    down = -(-len(curves) // across)
    figure = Figure(figsize=(width, 2.7 * down))
    figure.set_layout_engine("constrained", hspace=0.06)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    for axis, (family, names) in zip(axes, curves.items(), strict=False):
        at, values = [position(name) for name in names], table[names].to_numpy(float)
        axis.plot(at, values.T, color="0.6", linewidth=0.6, alpha=max(0.15, min(0.5, 15 / len(values))))
        curve: Any = table[names]
        axis.errorbar(at, curve.mean(), yerr=2 * curve.sem(), fmt="o-", color="C0", markersize=4, linewidth=1.2)
        axis.set_ylim(-0.03, 1.03)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_title(curve_title(family), fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    return figure
