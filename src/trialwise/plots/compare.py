"""Plot of a comparison: differences between learners in total and by participant, and frequencies of learners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.comparison.comparison import Comparison
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@picture.register(Comparison)
def compare_plot(comparison: Comparison) -> Figure:
    """Three panels: differences from the best learner with two standard errors; differences by participant; frequencies.

    In the second panel each column of points is a participant, ordered by the difference between the two best learners. The line at 0
    is the best learner overall: points above it are participants whom another learner describes better.
    """
    from matplotlib.figure import Figure

    elpd, frequencies = comparison.elpd, comparison.frequencies
    table: Any = comparison.table
    names = [str(name) for name in table.index]
    colours = {name: f"C{k % 10}" for k, name in enumerate(names)}
    sign = -0.5 if comparison.method in ("aic", "bic") else 1.0
    figure = Figure(
        figsize=(13 if frequencies is not None else 10, max(3.4, 0.5 * len(names) + 2.2)), layout="constrained"
    )
    ratio = [1.1, 1.6, 1.0] if frequencies is not None else [1.1, 1.6]
    first, second, *third = figure.subplots(1, len(ratio), gridspec_kw={"width_ratios": ratio})
    height = np.arange(len(names))[::-1]
    first.axvline(0, color="0.7", linewidth=1, zorder=0)
    for name, y in zip(names, height, strict=True):
        error = 2 * abs(sign) * table.loc[name, "se_difference"]
        first.errorbar(sign * table.loc[name, "difference"], y, xerr=error, fmt="o", color=colours[name], capsize=3)
    first.set_yticks(height, names)
    first.set_ylim(-0.6, len(names) - 0.4)
    criterion = {"aic": "-AIC/2", "bic": "-BIC/2"}.get(comparison.method, "log predictive density")
    first.set_xlabel(f"{criterion}, difference from {names[0]}\n(2 standard errors)")
    gap = elpd.sub(elpd[names[0]], axis=0)
    order = np.argsort(gap[names[1]].to_numpy(), kind="stable")
    second.axhline(0, color=colours[names[0]], linewidth=1.2, zorder=0, label=names[0])
    for name in names[1:]:
        second.plot(gap[name].to_numpy()[order], "o", markersize=4.5, color=colours[name], label=name, alpha=0.85)
    labels = [str(label) for label in elpd.index[order]]
    step = max(1, len(labels) // 31)
    ticks = np.arange(len(labels))[::step]
    second.set_xticks(ticks, labels[::step], rotation=90, fontsize=7)
    second.set_xlabel("participant")
    second.set_ylabel(f"difference from {names[0]} (above 0: better)")
    second.legend(frameon=False, fontsize=8)
    if frequencies is not None:
        (axis,) = third
        axis.barh(
            height, frequencies["frequency"], color=[colours[name] for name in names], alpha=0.45, label="frequency"
        )
        axis.plot(
            frequencies["protected"], height, "D", color="black", markersize=5, label="protected exceedance probability"
        )
        axis.set_yticks(height, [""] * len(names))
        axis.set_ylim(-0.6, len(names) - 0.4)
        axis.set_xlim(0, 1.02)
        axis.set_xlabel(f"probability\n(all equally frequent: {comparison.omnibus_risk:.2g})")
        axis.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    for axis in (first, second, *third):
        axis.spines[["top", "right"]].set_visible(False)
    return figure
