"""A check in pictures: observed behaviour over what a fitted learner does, and how well its probabilities hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from trialwise.check import Check

FAMILY = re.compile(r"^(?P<family>.*?)(?P<place>\d+)(?P<rest>.*)$")
"""Measures whose names differ in a number alone make a curve."""

CURVE = 4
"""Measures that make one."""


def families(names: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Curves by their name without the number, each in the order of its numbers; and what belongs to none."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        match = FAMILY.match(name)
        if match:
            found.setdefault(f"{match['family']}…{match['rest']}", []).append((int(match["place"]), name))
    curves = {family: [name for _, name in sorted(each)] for family, each in found.items() if len(each) >= CURVE}
    taken = {name for each in curves.values() for name in each}
    return curves, [name for name in names if name not in taken]


def check_plot(check: Check) -> Figure:
    """A panel a curve (points observed, band what is predicted), one for all other measures, one for probabilities."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    table: Any = check.table
    curves, rest = families([str(name) for name in table.index])
    count, across = len(curves) + 2, 3
    down = -(-count // across)
    figure = Figure(figsize=(4.2 * across, max(3.3 * down, 0.28 * len(rest) + 1)), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    for axis, (family, names) in zip(axes, curves.items(), strict=False):
        rows = table.loc[names]
        place = np.array([int(FAMILY.match(name)["place"]) for name in names])  # type: ignore[index]
        axis.fill_between(place, rows["low"], rows["high"], alpha=0.3, linewidth=0, label="predicted, 89 %")
        axis.plot(place, rows["predicted"], linewidth=1)
        axis.plot(place, rows["observed"], "o", color="black", markersize=4, label="observed")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_title(family.replace("…", "").replace("trial  ", "trials ").strip(" ,"), fontsize=10)
    if curves:
        axes[0].legend(frameon=False, fontsize=8)
    others, probable = axes[len(curves)], axes[len(curves) + 1]
    rows, height = table.loc[rest], np.arange(len(rest))[::-1]
    others.hlines(height, rows["low"], rows["high"], linewidth=4, alpha=0.3)
    others.plot(rows["predicted"], height, "|", markersize=9)
    others.plot(rows["observed"], height, "o", color="black", markersize=4)
    others.set_yticks(height, rest, fontsize=8)
    cells = check.calibration
    error = 2 * np.sqrt(cells["chosen"] * (1 - cells["chosen"]) / cells["count"])
    probable.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    probable.errorbar(cells["probability"], cells["chosen"], yerr=error, fmt="o", color="black", markersize=4)
    probable.set_xlabel("probability of an action")
    probable.set_ylabel("how often it was chosen")
    probable.set_title("probabilities, one step ahead", fontsize=10)
    for axis in axes[:count]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure
