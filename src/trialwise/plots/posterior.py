"""Posteriors: what is known of each parameter after the data, of the group and of every participant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGES = (0.055, 0.945)
"""Of equal-tailed 89 % intervals."""


class Shown(NamedTuple):
    """One parameter on its natural scale.

    Attributes
    ----------
    name
        Of the parameter.
    group
        Draws of the group's median, or of the value that all share; None without a group.
    people
        Draws of participants ``(draws, participants)``; None if all share one value.
    prior
        The prior's density of what ``group`` is, where it is known.
    """

    name: str
    group: np.ndarray | None
    people: np.ndarray | None
    prior: Callable[[np.ndarray], np.ndarray] | None = None


def posterior_plot(parameters: Sequence[Shown], width: float = 10.0) -> Figure:
    """A panel a parameter: above, the density of the group's median over its prior; below, each participant's mean and 89 % interval.

    Participants are in order of their means. The range is that of the posterior: a wide prior lies mostly outside.
    """
    from matplotlib.figure import Figure

    most = max((s.people.shape[1] for s in parameters if s.people is not None), default=0)
    ratios = [1.1 * any(s.group is not None for s in parameters), min(4.0, 0.5 + 0.09 * most) if most else 0.0]
    across = max(1, min(len(parameters), int(width / 3.0)))
    down = -(-len(parameters) // across)
    figure = Figure(figsize=(width, (sum(ratios) + 0.75) * down), layout="constrained")
    outer = figure.add_gridspec(down, across)
    for k, shown in enumerate(parameters):
        parts = [n for n, height in enumerate(ratios) if height]
        inner = outer[divmod(k, across)].subgridspec(
            len(parts), 1, height_ratios=[ratios[n] for n in parts], hspace=0.0
        )
        axes: list[Any] = [figure.add_subplot(inner[n]) for n in range(len(parts))]
        low, high = _range(shown)
        for part, axis in zip(parts, axes, strict=True):
            (_group if part == 0 else _people)(axis, shown, low, high)
            axis.set_xlim(low, high)
            axis.set_yticks([])
            axis.spines[["top", "right", "left"]].set_visible(False)
        axes[0].set_title(shown.name, fontsize=10)
        for axis in axes[:-1]:
            axis.tick_params(labelbottom=False)
    return figure


def _range(shown: Shown) -> tuple[float, float]:
    ends = []
    if shown.group is not None:
        ends += list(np.quantile(shown.group, [0.001, 0.999]))
    if shown.people is not None:
        ends += [np.quantile(shown.people, EDGES[0], axis=0).min(), np.quantile(shown.people, EDGES[1], axis=0).max()]
    margin = 0.03 * (max(ends) - min(ends)) or 1e-6
    return float(min(ends) - margin), float(max(ends) + margin)


def _group(axis: Axes, shown: Shown, low: float, high: float) -> None:
    from scipy.stats import gaussian_kde

    grid = np.linspace(low, high, 280)
    if shown.group is not None and np.ptp(shown.group) > 0:
        density = gaussian_kde(shown.group)(grid)
        axis.fill_between(grid, density, alpha=0.35, linewidth=0)
        axis.plot(grid, density, linewidth=1.2)
    if shown.prior is not None:
        with np.errstate(all="ignore"):
            believed = shown.prior(grid)
        axis.plot(grid, np.where(np.isfinite(believed), believed, np.nan), color="0.45", linewidth=1, linestyle="--")
    axis.set_ylim(0, None)


def _people(axis: Axes, shown: Shown, low: float, high: float) -> None:
    assert shown.people is not None
    if shown.group is not None:
        axis.axvspan(*np.quantile(shown.group, EDGES), alpha=0.15, linewidth=0)
    means = shown.people.mean(0)
    order = np.argsort(means)
    ends = np.quantile(shown.people, EDGES, axis=0)[:, order]
    height = np.arange(len(order))
    axis.hlines(height, ends[0], ends[1], color="0.55", linewidth=1)
    axis.plot(means[order], height, "o", color="black", markersize=2.5)
    axis.set_ylim(-1, len(order))
