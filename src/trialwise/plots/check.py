"""Plot of a check: observed and predicted behaviour, and calibration of predicted probabilities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.check import Check
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAMILY = re.compile(r"^(?P<family>.*?)(?P<position>\d+)(?P<rest>.*)$")
"""Measures whose names differ only in a number form a curve."""

MIN_POINTS = 4
"""Minimum number of measures of a curve."""


def families(names: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Group measures into curves, by name without the number and in order of the numbers; also return the remaining measures."""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        match = FAMILY.match(name)
        if match:
            numbered.setdefault(f"{match['family']}…{match['rest']}", []).append((int(match["position"]), name))
    curves = {
        family: [name for _, name in sorted(each)] for family, each in numbered.items() if len(each) >= MIN_POINTS
    }
    in_curves = {name for each in curves.values() for name in each}
    return curves, [name for name in names if name not in in_curves]


def position(name: str) -> int:
    """The number in the name of a measure, which is its position on the curve."""
    return int(FAMILY.match(name)["position"])  # type: ignore[index]


def curve_title(family: str) -> str:
    """The title of a curve."""
    return family.replace("…", "").replace("trial  ", "trials ").strip(" ,")


@picture.register(Check)
def check_plot(check: Check, width: float = 12.6) -> Figure:
    """A panel per curve (points: observed, band: predicted), one for all other measures, one for predicted probabilities.

    ``width``, in inches, determines the number of panels per row.
    """
    from matplotlib.figure import Figure

    curves, rest = families([str(name) for name in check.table.index])
    across = max(1, min(3, int(width / 3.2)))
    down, beside = -(-len(curves) // across), across > 1
    tall = max(3.0, 0.2 * len(rest) + 0.6)
    heights = [*([3.0 * down] if curves else []), *([tall] if beside else [tall, 3.0])]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    if curves:
        _curves(parts.pop(0).subplots(down, across, squeeze=False).ravel(), check, curves)
    if beside:
        others, probabilities = parts[0].subplots(1, 2, width_ratios=(3, 2))
    else:
        others, probabilities = (part.subplots() for part in parts)
    _others(others, check, rest)
    _probabilities(probabilities, check)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _curves(axes: np.ndarray, check: Check, curves: dict[str, list[str]]) -> None:
    from matplotlib.ticker import MaxNLocator

    table: Any = check.table
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    for axis, (family, names) in zip(axes, curves.items(), strict=False):
        rows, at = table.loc[names], [position(name) for name in names]
        axis.fill_between(at, rows["low"], rows["high"], alpha=0.3, linewidth=0, label="predicted, 89 % interval")
        axis.plot(at, rows["predicted"], linewidth=1)
        axis.plot(at, rows["observed"], "o", color="black", markersize=4, label="observed")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_title(curve_title(family), fontsize=10)
    axes[0].legend(frameon=False, fontsize=8)


def _others(axis: Axes, check: Check, names: list[str]) -> None:
    table: Any = check.table
    rows, height = table.loc[names], np.arange(len(names))[::-1]
    axis.hlines(height, rows["low"], rows["high"], linewidth=4, alpha=0.3)
    axis.plot(rows["predicted"], height, "|", markersize=9)
    axis.plot(rows["observed"], height, "o", color="black", markersize=4)
    axis.set_yticks(height, names, fontsize=8)


def _probabilities(axis: Axes, check: Check) -> None:
    cells = check.calibration
    error = 2 * np.sqrt(cells["observed"] * (1 - cells["observed"]) / cells["count"])
    axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axis.errorbar(cells["probability"], cells["observed"], yerr=error, fmt="o", color="black", markersize=4)
    axis.set_xlabel("predicted probability")
    axis.set_ylabel("observed proportion")
    axis.set_title("calibration of one-step predictions", fontsize=10)
