"""Plot of a check: observed and predicted behaviour, and calibration of predicted probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.check import Check
from trialwise.plots.colours import BLUE, GREY
from trialwise.plots.intervals import NAME, of_proportion
from trialwise.plots.labels import folded
from trialwise.plots.measures import at_chance, curve_title, families, mark_chance, position, together
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 26
"""Letters in a line of a measure's name."""

LINE, HEAD, PANEL = 0.24, 0.6, 2.5
"""Inches: height of a measure, of a group's title and axis, and of a panel with a curve."""


@picture.register(Check)
def check_plot(check: Check, width: float = 12.6) -> Figure:
    """A panel per curve (points: observed, band: predicted), one per group of other measures, one for predicted probabilities.

    ``width``, in inches, determines the number of panels per row. Where the environment says which choices are correct, a dashed line
    marks chance.
    """
    from matplotlib.figure import Figure

    curves, _ = families([str(name) for name in check.table.index])
    defined = [str(name) for name in check.table.index[check.table["observed"].notna()]]
    groups = together([name for name in defined if not any(name in each for each in curves.values())])
    across = max(1, min(3, int(width / 2.4)))
    down, beside = -(-len(curves) // across), across > 1
    lines = {title: sum(_wrapped(name).count("\n") + 1 for name in names) for title, names in groups.items()}
    tall = max(3.0, sum(LINE * count + HEAD for count in lines.values()))
    heights = [*([PANEL * down] if curves else []), *([tall] if beside else [tall, 3.0])]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    if curves:
        _curves(parts.pop(0).subplots(down, across, squeeze=False).ravel(), check, curves)
    left, right = parts[0].subfigures(1, 2, width_ratios=(3, 2)) if beside else parts
    ratios = [LINE * count + HEAD for count in lines.values()]
    if groups:
        axes = left.subplots(len(groups), 1, squeeze=False, height_ratios=ratios).ravel()
        for axis, (title, names) in zip(axes, groups.items(), strict=True):
            _group(axis, check, title, names)
        if not curves:
            _legend(axes[0])
    _probabilities(right.subplots(), check)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _chance(check: Check) -> float | None:
    """Probability of a correct choice by chance; None if no choice is called correct."""
    return None if check.mean_rewards is None else 1 / check.mean_rewards.shape[2]


def _curves(axes: np.ndarray, check: Check, curves: dict[str, list[str]]) -> None:
    from matplotlib.ticker import MaxNLocator

    table: Any = check.table
    chance = _chance(check)
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    for axis, (family, names) in zip(axes, curves.items(), strict=False):
        rows, at = table.loc[names], [position(name) for name in names]
        axis.fill_between(at, rows["low"], rows["high"], alpha=0.3, linewidth=0, color=BLUE, label=f"predicted, {NAME}")
        axis.plot(at, rows["predicted"], linewidth=1, color=BLUE)
        axis.plot(at, rows["observed"], "o", color="black", markersize=4, label="observed")
        if chance is not None and at_chance(family):
            mark_chance(axis, chance)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_title(curve_title(family), fontsize=9)
    _legend(axes[0])


def _legend(axis: Axes) -> None:
    handles, names = axis.get_legend_handles_labels()
    axis.figure.legend(handles, names, loc="outside upper right", ncols=len(names), frameon=False, fontsize=8)


def _wrapped(name: str) -> str:
    return folded(name, LETTERS)


def _group(axis: Axes, check: Check, title: str, names: list[str]) -> None:
    table: Any = check.table
    rows, height, chance = table.loc[names], np.arange(len(names))[::-1], _chance(check)
    axis.hlines(height, rows["low"], rows["high"], linewidth=5, alpha=0.3, color=BLUE, label=f"predicted, {NAME}")
    axis.plot(rows["predicted"], height, "|", markersize=9, color=BLUE)
    axis.plot(rows["observed"], height, "o", color="black", markersize=4, label="observed")
    if chance is not None:
        at = [y for name, y in zip(names, height, strict=True) if at_chance(name)]
        ends = np.subtract(at, 0.4), np.add(at, 0.4)
        if at:
            axis.vlines([chance] * len(at), *ends, color=GREY, linewidth=1, linestyle="--", label="chance")
    axis.set_yticks(height, [_wrapped(name) for name in names], fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.set_title(title, fontsize=9, loc="left")


def _probabilities(axis: Axes, check: Check) -> None:
    cells = check.calibration
    low, high = of_proportion(cells["observed"], cells["count"])
    observed = cells["observed"].to_numpy()
    axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axis.errorbar(
        cells["probability"], observed, yerr=[observed - low, high - observed], fmt="o", color="black", markersize=4
    )
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", anchor="N")
    axis.set_xlabel("predicted probability", fontsize=9)
    axis.set_ylabel(f"observed proportion ({NAME})", fontsize=9)
    axis.set_title("calibration of one-step predictions", fontsize=9)
