"""A comparison in pictures: differences between learners, each participant's, and how frequent each learner is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.comparison.compare import Comparison
from trialwise.plots import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@picture.register(Comparison)
def compare_plot(comparison: Comparison) -> Figure:
    """Three panels: differences from the best with two standard errors; every participant's differences; frequencies.

    In the second a column of points is a participant, in the order of the best learner's lead over the next; the line at 0 is
    the best learner overall, so points above it are participants whom another one describes better.
    """
    from matplotlib.figure import Figure

    elpd, known = comparison.elpd, comparison.frequencies
    table: Any = comparison.table
    names = [str(name) for name in table.index]
    colours = {name: f"C{k % 10}" for k, name in enumerate(names)}
    sign = -0.5 if comparison.method in ("aic", "bic") else 1.0
    figure = Figure(figsize=(13 if known is not None else 10, max(3.4, 0.5 * len(names) + 2.2)), layout="constrained")
    ratio = [1.1, 1.6, 1.0] if known is not None else [1.1, 1.6]
    first, second, *third = figure.subplots(1, len(ratio), gridspec_kw={"width_ratios": ratio})
    height = np.arange(len(names))[::-1]
    first.axvline(0, color="0.7", linewidth=1, zorder=0)
    for name, y in zip(names, height, strict=True):
        error = 2 * abs(sign) * table.loc[name, "se_difference"]
        first.errorbar(sign * table.loc[name, "difference"], y, xerr=error, fmt="o", color=colours[name], capsize=3)
    first.set_yticks(height, names)
    first.set_ylim(-0.6, len(names) - 0.4)
    what = {"aic": "-AIC/2", "bic": "-BIC/2"}.get(comparison.method, "log predictive density")
    first.set_xlabel(f"{what}, less than that of {names[0]}\n(2 standard errors)")
    gap = elpd.sub(elpd[names[0]], axis=0)
    order = np.argsort(gap[names[1]].to_numpy(), kind="stable")
    second.axhline(0, color=colours[names[0]], linewidth=1.2, zorder=0, label=names[0])
    for name in names[1:]:
        second.plot(gap[name].to_numpy()[order], "o", markersize=4.5, color=colours[name], label=name, alpha=0.85)
    labels = [str(label) for label in elpd.index[order]]
    step = max(1, len(labels) // 31)
    place = np.arange(len(labels))[::step]
    second.set_xticks(place, labels[::step], rotation=90, fontsize=7)
    second.set_xlabel("participant")
    second.set_ylabel(f"above 0: better described than by {names[0]}")
    second.legend(frameon=False, fontsize=8)
    if known is not None:
        (axis,) = third
        axis.barh(height, known["frequency"], color=[colours[name] for name in names], alpha=0.45, label="frequency")
        axis.plot(known["protected"], height, "D", color="black", markersize=5, label="protected exceedance")
        axis.set_yticks(height, [""] * len(names))
        axis.set_ylim(-0.6, len(names) - 0.4)
        axis.set_xlim(0, 1.02)
        axis.set_xlabel(f"probability\n(all equally frequent: {comparison.omnibus_risk:.2g})")
        axis.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    for axis in (first, second, *third):
        axis.spines[["top", "right"]].set_visible(False)
    return figure
