"""Plot of a calibration study: ranks of true values against the uniform distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialwise.plots.colours import BLUE, ORANGE
from trialwise.plots.picture import picture
from trialwise.studies.calibration import Calibration

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@picture.register(Calibration)
def calibration_plot(study: Calibration) -> Figure:
    """A panel per quantity: ECDF of its ranks minus the diagonal; grey, the joint 95 % band of all quantities."""
    from matplotlib.figure import Figure

    names = [str(name) for name in study.ranks]
    across = min(len(names), 3 if len(names) < 13 else 5)
    down = -(-len(names) // across)
    figure = Figure(figsize=(3 * across, 2.3 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    x, low, high = study.band(study.joint)
    table = study.table
    for axis, name in zip(axes, names, strict=False):
        outside = table.loc[name, "outside_joint"]
        axis.fill_between(x, low - x, high - x, color="0.9", linewidth=0)
        axis.axhline(0, color="0.7", linewidth=0.8)
        axis.step(x, study.ecdf(name) - x, where="post", color=ORANGE if outside else BLUE)
        axis.set_title(f"{name}{'  outside' if outside else ''}", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[max(len(names) - across, 0) : len(names)]:
        axis.tick_params(labelbottom=True)  # the panel below may be empty
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    figure.supxlabel(
        "rank of the true value among posterior draws (proportion); grey: 95 % band of all quantities together, if calibrated",
        fontsize=9,
    )
    figure.supylabel("ECDF minus the diagonal", fontsize=9)
    return figure
