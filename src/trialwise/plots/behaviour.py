"""Plot of behavioural measures that form curves, for each participant and on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.plots.colours import BLUE
from trialwise.plots.intervals import half_width
from trialwise.plots.measures import at_chance, curve_title, families, mark_chance, position
from trialwise.plots.picture import displayable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def behaviour_plot(table: pd.DataFrame, width: float = 10.0, chance: float | None = None) -> Figure:
    """A panel per curve: means over participants with their 89 % intervals, and participants as lines behind them.

    Parameters
    ----------
    table
        From :func:`trialwise.analysis.behaviour.measures.measured`: one row per participant, one column per measure.
    width
        Width of the figure, inches.
    chance
        Probability of a correct choice by chance, drawn as a line in the panels of correct choices.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves, _ = families([str(name) for name in table.columns])
    across = max(1, min(len(curves), int(width / 2.4)))
    down = -(-len(curves) // across)
    figure = Figure(figsize=(width, 2.3 * down))
    figure.set_layout_engine("constrained", hspace=0.06)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    for axis, (family, names) in zip(axes, curves.items(), strict=False):
        at, values = [position(name) for name in names], table[names].to_numpy(float)
        axis.plot(at, values.T, color="0.6", linewidth=0.6, alpha=max(0.15, min(0.5, 15 / len(values))))
        curve: Any = table[names]
        error = half_width(curve.sem().to_numpy(), len(values))
        axis.errorbar(at, curve.mean(), yerr=error, fmt="o-", color=BLUE, markersize=4, linewidth=1.2)
        if chance is not None and at_chance(family):
            mark_chance(axis, chance)
        axis.set_ylim(-0.03, 1.03)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_title(curve_title(family), fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    handles = next((each for axis in axes if (each := axis.get_legend_handles_labels()[0])), None)
    if handles:
        figure.legend(handles, ["chance"], loc="outside upper right", frameon=False, fontsize=8)
    return displayable(figure)
