"""Plot of a check by level: observed and predicted behaviour at each level, and the differences between levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.check_levels import CheckByLevel, LevelCheck
from trialwise.base.english import counted
from trialwise.plots.colours import GREY, distinct
from trialwise.plots.intervals import NAME
from trialwise.plots.labels import folded
from trialwise.plots.measures import curve_title, families, position, together
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 26
"""Letters in a line of a measure's name."""

LINE, HEAD, PANEL, KEY = 0.16, 0.75, 2.4, 0.5
"""Inches: height of a level of a measure, of a group's title and axis, of a panel with a curve, and of the legend."""


@picture.register(CheckByLevel)
def check_levels_plot(check: CheckByLevel, width: float = 12.6) -> Figure:
    """Curves by level above; below, other measures at each level on the left, and their differences between levels on the right.

    Points: observed; bars and bands: intervals of simulated data sets. ``width`` is in inches.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    first = max(len(check.levels), 3)  # a colour unlike those of two levels
    names = [name for name in _names(check.levels[0]) if any(_defined(each, name) for each in check.levels)]
    curves, others = families(names)
    groups = together(others)
    across = max(1, min(3, int(width / 2.4)))
    down = -(-len(curves) // across)
    most = max(len(check.levels), len(check.differences)) + 1
    heights = [HEAD + LINE * most * len(each) for each in groups.values()]
    parts = [*([PANEL * down] if curves else []), *([sum(heights)] if groups else [])]
    figure = Figure(figsize=(width, sum(parts) + KEY), layout="constrained")
    figures = list(figure.subfigures(len(parts), 1, height_ratios=parts, squeeze=False)[:, 0])
    if curves:
        axes = figures.pop(0).subplots(down, across, squeeze=False).ravel()
        for axis in axes[len(curves) :]:
            axis.set_axis_off()
        for axis, (family, own) in zip(axes, curves.items(), strict=False):
            _curve(axis, check.levels, family, own)
    if groups:
        grid = figures[0].subplots(len(groups), 2, squeeze=False, height_ratios=heights, width_ratios=(3, 2))
        for (left, right), (title, own) in zip(grid, groups.items(), strict=True):
            _bars(left, check.levels, own, title, 0)
            _bars(right, check.differences, own, "difference of levels", first)
            right.axvline(0.0, color=GREY, linewidth=0.8, zorder=0)
            right.set_yticklabels([])
            right.locator_params(axis="x", nbins=4)
    shown = [(n, each, f" ({counted(each.participants, 'participant')})") for n, each in enumerate(check.levels)]
    shown += [(first + n, each, "") for n, each in enumerate(check.differences)]
    keys = [Line2D([], [], color=distinct(n), marker="o", label=f"{each.label}{more}") for n, each, more in shown]
    figure.legend(
        handles=keys, loc="outside upper center", ncols=min(len(keys), max(2, int(width / 2.6))), frameon=False, fontsize=8,
        title=f"{check.name} (points: observed; bars and bands: predicted, {NAME})", title_fontsize=8,
    )  # fmt: skip
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _names(part: LevelCheck) -> list[str]:
    return [str(name) for name in part.table.index]


def _defined(part: LevelCheck, name: str) -> bool:
    return name in part.table.index and bool(np.isfinite(part.table["observed"][name]))


def _bars(axis: Axes, parts: Sequence[LevelCheck], names: list[str], title: str, first: int) -> None:
    """Observed values and predicted intervals of each measure, those of several levels below each other."""
    step = 0.8 / max(len(parts), 1)
    heights = np.arange(len(names))[::-1]
    for n, part in enumerate(parts):
        rows = part.table.reindex(names)
        at, colour = heights + 0.4 - step * (n + 0.5), distinct(first + n)
        axis.hlines(at, rows["low"], rows["high"], linewidth=4, alpha=0.35, color=colour)
        axis.plot(rows["predicted"], at, "|", markersize=7, color=colour)
        axis.plot(rows["observed"], at, "o", markersize=4, color=colour, markeredgecolor="black", markeredgewidth=0.5)
    axis.set_yticks(heights, [folded(name, LETTERS) for name in names], fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_title(title, fontsize=9, loc="left")


def _curve(axis: Axes, parts: Sequence[LevelCheck], family: str, names: list[str]) -> None:
    """A curve for each level."""
    from matplotlib.ticker import MaxNLocator

    at = [position(name) for name in names]
    for n, part in enumerate(parts):
        rows = part.table.reindex(names)
        axis.fill_between(at, rows["low"], rows["high"], alpha=0.25, linewidth=0, color=distinct(n))
        axis.plot(
            at, rows["observed"], "o", markersize=4, color=distinct(n), markeredgecolor="black", markeredgewidth=0.5
        )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.tick_params(labelsize=8)
    axis.set_title(curve_title(family), fontsize=9)
