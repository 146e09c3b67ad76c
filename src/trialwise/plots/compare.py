"""Plot of a comparison: differences between learners in total and by participant, and frequencies of learners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.comparison.comparison import Comparison
from trialwise.plots.colours import distinct
from trialwise.plots.intervals import NAME, half_width
from trialwise.plots.labels import folded
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROW = 9.0
"""Width in inches below which participants have a row of their own."""

LETTERS = 24
"""Letters in a line of a learner's name."""

LABEL = 16
"""Letters of a participant's label that are shown."""


@picture.register(Comparison)
def compare_plot(comparison: Comparison, width: float | None = None) -> Figure:
    """Three panels: differences from the best learner with 89 % intervals; differences by participant; frequencies.

    In the panel of participants each column of points is a participant, ordered by the difference between the two best learners. The
    line at 0 is the best learner overall: points above it are participants whom another learner describes better.

    ``width`` is that of the figure, in inches; below 9, the participants stand below the other panels.
    """
    from matplotlib.figure import Figure

    frequencies = comparison.frequencies
    names = [str(name) for name in comparison.table.index]
    width = (13 if frequencies is not None else 10) if width is None else width
    tall = max(3.4, 0.5 * len(names) + 2.2)
    if width < NARROW:
        figure = Figure(figsize=(width, 0.75 * tall + 2.4), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=(0.75 * tall, 2.4), squeeze=False).ravel()
        parts = list(np.atleast_1d(above.subplots(1, 1 if frequencies is None else 2)))
        parts.insert(1, below.subplots())
    else:
        figure = Figure(figsize=(width, tall), layout="constrained")
        ratio = [1.1, 1.6] if frequencies is None else [1.1, 1.6, 1.0]
        parts = list(figure.subplots(1, len(ratio), gridspec_kw={"width_ratios": ratio}))
    _totals(parts[0], comparison, names)
    _participants(parts[1], comparison, names)
    if frequencies is not None:
        _frequencies(parts[2], comparison, names)
    for axis in parts:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _rows(axis: Axes, names: list[str], labelled: bool) -> np.ndarray:
    """A row a learner, the best on top; their heights."""
    height = np.arange(len(names))[::-1]
    labels = [folded(name, LETTERS) if labelled else "" for name in names]
    axis.set_yticks(height, labels, fontsize=9)
    axis.set_ylim(-0.6, len(names) - 0.4)
    return height


def _totals(axis: Axes, comparison: Comparison, names: list[str]) -> None:
    table: Any = comparison.table
    sign = -0.5 if comparison.method in ("aic", "bic") else 1.0
    axis.axvline(0, color="0.7", linewidth=1, zorder=0)
    for k, (name, y) in enumerate(zip(names, _rows(axis, names, True), strict=True)):
        error = half_width(abs(sign) * table.loc[name, "se_difference"])
        axis.errorbar(sign * table.loc[name, "difference"], y, xerr=error, fmt="o", color=distinct(k), capsize=3)
    criterion = {"aic": "-AIC/2", "bic": "-BIC/2"}.get(comparison.method, "log predictive density")
    axis.set_xlabel(f"{criterion}, difference\nfrom {folded(names[0], LETTERS)} ({NAME})", fontsize=9)


def _participants(axis: Axes, comparison: Comparison, names: list[str]) -> None:
    elpd = comparison.elpd
    gap = elpd.sub(elpd[names[0]], axis=0)
    order = np.argsort(gap[names[1]].to_numpy(), kind="stable")
    axis.axhline(0, color=distinct(0), linewidth=1.2, zorder=0, label=names[0])
    for k, name in enumerate(names[1:], 1):
        axis.plot(gap[name].to_numpy()[order], "o", markersize=4.5, color=distinct(k), label=name, alpha=0.85)
    labels = [_short(str(label)) for label in elpd.index[order]]
    step = max(1, len(labels) // 31)
    axis.set_xticks(np.arange(len(labels))[::step], labels[::step], rotation=90, fontsize=7)
    axis.set_xlabel("participant", fontsize=9)
    axis.set_ylabel("difference (above 0: better)", fontsize=9)
    axis.legend(frameon=False, fontsize=8)


def _short(label: str) -> str:
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


def _frequencies(axis: Axes, comparison: Comparison, names: list[str]) -> None:
    frequencies = comparison.frequencies
    assert frequencies is not None
    height, colours = _rows(axis, names, False), [distinct(k) for k in range(len(names))]
    axis.barh(height, frequencies["frequency"], color=colours, alpha=0.45, label="frequency")
    axis.plot(frequencies["protected"], height, "D", color="black", markersize=5, label="protected exceedance")
    axis.set_xlim(0, 1.02)
    axis.set_xlabel(f"probability\n(all equally frequent: {comparison.omnibus_risk:.2g})", fontsize=9)
    axis.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
