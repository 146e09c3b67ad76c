"""Plot of the posterior of each parameter, for the group and for every participant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trialwise.plots.colours import BLUE
from trialwise.plots.intervals import EDGES
from trialwise.plots.picture import displayable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class PosteriorPanel(NamedTuple):
    """The posterior of one parameter on its natural scale.

    Attributes
    ----------
    name
        Name of the parameter.
    group
        Posterior draws ``(draws,)`` of the group median, or of the shared value; None without a group.
    participants
        Posterior draws ``(draws, participants)``; None if all participants share one value.
    prior
        Prior density of the group median or shared value; None if not known.
    """

    name: str
    group: np.ndarray | None
    participants: np.ndarray | None
    prior: Callable[[np.ndarray], np.ndarray] | None = None


def posterior_plot(parameters: Sequence[PosteriorPanel], width: float = 10.0) -> Figure:
    """A panel per parameter: above, the density of the group median and its prior; below, mean and 89 % interval of each participant.

    Participants are ordered by their means. The axis covers the range of the posterior, so that a wide prior lies mostly outside.
    """
    from matplotlib.figure import Figure

    most = max((s.participants.shape[1] for s in parameters if s.participants is not None), default=0)
    ratios = [1.1 * any(s.group is not None for s in parameters), min(4.0, 0.5 + 0.07 * most) if most else 0.0]
    across = max(1, min(len(parameters), int(width / 2.4)))
    down = -(-len(parameters) // across)
    figure = Figure(figsize=(width, (sum(ratios) + 0.75) * down), layout="constrained")
    outer = figure.add_gridspec(down, across)
    for k, panel in enumerate(parameters):
        parts = [n for n, height in enumerate(ratios) if height]
        inner = outer[divmod(k, across)].subgridspec(
            len(parts), 1, height_ratios=[ratios[n] for n in parts], hspace=0.0
        )
        axes: list[Any] = [figure.add_subplot(inner[n]) for n in range(len(parts))]
        low, high = _range(panel)
        for part, axis in zip(parts, axes, strict=True):
            (_group if part == 0 else _participants)(axis, panel, low, high)
            axis.set_xlim(low, high)
            axis.set_yticks([])
            axis.spines[["top", "right", "left"]].set_visible(False)
        axes[0].set_title(panel.name, fontsize=10)
        for axis in axes[:-1]:
            axis.tick_params(labelbottom=False)
    return displayable(figure)


def _range(panel: PosteriorPanel) -> tuple[float, float]:
    ends = []
    if panel.group is not None:
        ends += list(np.quantile(panel.group, [0.001, 0.999]))
    if panel.participants is not None:
        ends += [
            np.quantile(panel.participants, EDGES[0], axis=0).min(),
            np.quantile(panel.participants, EDGES[1], axis=0).max(),
        ]
    margin = 0.03 * (max(ends) - min(ends)) or 1e-6
    return float(min(ends) - margin), float(max(ends) + margin)


def _group(axis: Axes, panel: PosteriorPanel, low: float, high: float) -> None:
    from scipy.stats import gaussian_kde

    grid = np.linspace(low, high, 160)
    if panel.group is not None and np.ptp(panel.group) > 0:
        density = gaussian_kde(panel.group)(grid)
        axis.fill_between(grid, density, alpha=0.35, linewidth=0, color=BLUE)
        axis.plot(grid, density, linewidth=1.2, color=BLUE)
    if panel.prior is not None:
        with np.errstate(all="ignore"):
            prior = panel.prior(grid)
        axis.plot(grid, np.where(np.isfinite(prior), prior, np.nan), color="0.45", linewidth=1, linestyle="--")
    axis.set_ylim(0, None)


def _participants(axis: Axes, panel: PosteriorPanel, low: float, high: float) -> None:
    assert panel.participants is not None
    if panel.group is not None:
        axis.axvspan(*np.quantile(panel.group, EDGES), alpha=0.15, linewidth=0, color=BLUE)
    means = panel.participants.mean(0)
    order = np.argsort(means)
    ends = np.quantile(panel.participants, EDGES, axis=0)[:, order]
    height = np.arange(len(order))
    axis.hlines(height, ends[0], ends[1], color="0.55", linewidth=1)
    axis.plot(means[order], height, "o", color="black", markersize=2.5)
    axis.set_ylim(-1, len(order))
