"""Plot of a recovery study: estimated against true parameters, and parameters that trade off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.plots.colours import BLUE, GREY, ORANGE
from trialwise.plots.picture import displayable, picture
from trialwise.studies.recovery import Recovery

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY, PAIRS, PANEL = 120, 3, 3.4
"""Number of points from which markers are small and intervals faint; number of pairs of parameters shown; width of a panel, inches."""


def recovery_plot(
    points: pd.DataFrame, table: pd.DataFrame, interval: float = 0.89, width: float | None = None
) -> Figure:
    """A panel per parameter: posterior mean and interval of each participant against the true value.

    Parameters
    ----------
    points
        From :func:`trialwise.analysis.against_truth.points`, for one or more data sets.
    table
        From :func:`trialwise.analysis.against_truth.recovered`, for the values in the titles of the panels.
    interval
        Probability of the intervals.
    width
        Width of the figure, inches, which determines the number of panels per row.
    """
    figure, axes = _panels(len(table), width)
    for axis, name in zip(axes, table.index, strict=False):
        _against_truth(axis, points[points["parameter"] == name], str(name), table.loc[name], interval)
    return displayable(figure)


@picture.register(Recovery)
def study_plot(study: Recovery, width: float | None = None) -> Figure:
    """The panels of :func:`recovery_plot`, and estimation errors of the parameter pairs with the strongest posterior correlations."""
    table = study.table
    pairs = study.pairs.assign(size=study.pairs["posterior_correlation"].abs()).nlargest(PAIRS, "size")
    figure, axes = _panels(len(table) + len(pairs), width)
    for axis, name in zip(axes, table.index, strict=False):
        _against_truth(
            axis, study.points[study.points["parameter"] == name], str(name), table.loc[name], study.interval
        )
    error = study.points.assign(error=study.points["mean"] - study.points["true"])
    wide = error.pivot(index=["dataset", "participant"], columns="parameter", values="error")
    for axis, row in zip(axes[len(table) :], pairs.itertuples(), strict=False):
        few = len(wide) < MANY
        axis.axhline(0, color="0.8", linewidth=1, zorder=0)
        axis.axvline(0, color="0.8", linewidth=1, zorder=0)
        axis.plot(
            wide[row.first], wide[row.second], "o", color=ORANGE, markersize=4 if few else 2, alpha=0.8 if few else 0.5
        )
        axis.set_xlabel(f"error of {row.first}", fontsize=9)
        axis.set_ylabel(f"error of {row.second}", fontsize=9)
        axis.set_title(
            f"{row.first} and {row.second}\nposterior correlation {row.posterior_correlation:.2f}", fontsize=9
        )
    return figure


def _panels(count: int, width: float | None) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    across = count if count < 5 else 3
    if width is not None:
        across = max(1, min(across, int(width / 2.4)))
    down, each = -(-count // across), PANEL if width is None else width / across
    figure = Figure(figsize=(each * across, 1.06 * each * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(0.05)
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes


def _against_truth(axis: Axes, points: pd.DataFrame, name: str, row: pd.Series, interval: float) -> None:
    true, mean = points["true"].to_numpy(), points["mean"].to_numpy()
    few = len(points) < MANY
    low, high = _ends(points)
    axis.axline((low, low), slope=1, color=GREY, linewidth=1, zorder=3 if not few else 0)
    axis.errorbar(
        true, mean, yerr=[(mean - points["low"]).clip(0), (points["high"] - mean).clip(0)], fmt="o", markersize=4 if few else 2,
        elinewidth=0.8 if few else 0.4, alpha=0.8 if few else 0.35, color=BLUE,
    )  # fmt: skip
    axis.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axis.locator_params(nbins=5)
    axis.set_title(f"{name}\nr = {row['correlation']:.2f}, coverage {row['coverage']:.0%}", fontsize=9)
    axis.set_xlabel("true", fontsize=9)
    axis.set_ylabel(f"estimated ({100 * interval:.0f} % interval)", fontsize=9)


def _ends(points: pd.DataFrame) -> tuple[float, float]:
    """The ends of both axes: all points, and intervals as far as they do not exceed the range of the points by more than its size."""
    values = points[["true", "mean"]].to_numpy()
    low, high = values.min(), values.max()
    size = high - low or abs(high) or 1.0
    low = max(low - size, min(low, points["low"].min()))
    high = min(high + size, max(high, points["high"].max()))
    margin = 0.05 * (high - low)
    return float(low - margin), float(high + margin)
