"""Plot of contrasts: levels or slopes with participants as dots, and the differences."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.contrasts import Contrasts
from trialwise.analysis.effects.evidence import HDI, summarised
from trialwise.analysis.effects.question import values_at
from trialwise.analysis.effects.spread_at import columns_of, rows_at
from trialwise.plots.colours import GREY, distinct
from trialwise.plots.labels import folded
from trialwise.plots.picture import picture
from trialwise.population.designs.differences import Axis, Place, place_text, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = 25
"""Points of a slope."""

MOST = 20
"""Differences that are shown."""


@picture.register(Contrasts)
def contrasts_plot(contrasts: Contrasts, width: float | None = None) -> Figure:
    """A panel for each parameter and place, and one of the differences; ``width`` of the picture in inches, by default as many as the panels need.

    A panel of levels shows medians on the natural scale with 95 % highest-density intervals, and participants (posterior means) as dots; those of
    one participant at several levels are joined, and none are shown at values of a number, which are not theirs. With a covariate that is a number it shows the slope with a band. The last panel shows
    the differences on the unconstrained scale, or those of medians if parameters have different scales.
    """
    from matplotlib.figure import Figure

    asked = contrasts.means.asked
    cells = [(parameter, place) for parameter in asked.parameters for place in asked.places]
    shown = [c for c in contrasts.contrasts if not re.search(r"\+ 1\)?$", c.label)][:MOST]
    figure = Figure(figsize=(width or 3.4 * len(cells) + 4.2, max(3.2, 0.32 * len(shown) + 1.4)), layout="constrained")
    ratios = [*(1.0 for _ in cells), 1.2]
    *axes, last = figure.subplots(1, len(ratios), gridspec_kw={"width_ratios": ratios}, squeeze=False)[0]
    for axis, (parameter, _), (other, _) in zip(axes[1:], cells[1:], cells[:-1], strict=True):
        if parameter == other:
            axis.sharey(axes[0] if len(asked.parameters) == 1 else axes[cells.index((other, cells[0][1]))])
    for axis, (parameter, place) in zip(axes, cells, strict=True):
        if any(_is_number(contrasts, each) for each in asked.axes[1:]):
            _slopes(axis, contrasts, parameter, place)
        else:
            _levels(axis, contrasts, parameter, place)
        axis.set_ylabel(parameter)
        axis.set_title(place_text(place), fontsize="medium", pad=20 if place and axis.get_legend() else None)
        axis.spines[["top", "right"]].set_visible(False)
    _differences(last, contrasts, shown)
    return figure


def _is_number(contrasts: Contrasts, axis: Axis) -> bool:
    models = contrasts.means.asked.models.values()
    return any(model is not None and axis.name in model.numbers for model in models)


def _levels(axis: Axes, contrasts: Contrasts, parameter: str, place: Place) -> None:
    """Levels of the first factor, in colours of the second."""
    first, second = _two_axes(contrasts)
    model = contrasts.means.asked.models[parameter]
    elsewhere = model is not None and any(
        name in model.numbers for name, _ in place
    )  # participants are at values of their own
    joined: dict[int, list[tuple[float, float]]] = {}
    for k, level in enumerate(first.levels):
        for c, other in enumerate(second.levels):
            at = k + 0.7 * ((c + 0.5) / len(second.levels) - 0.5)
            full = _full(first, level, second, other, place)
            for owner, value in [] if elsewhere else _participants(contrasts, parameter, full):
                joined.setdefault(owner, []).append((at + 0.12, value))
            row = summarised(contrasts.means.mean(parameter, full).median)
            errors = [[row["median"] - row["hdi_low"]], [row["hdi_high"] - row["median"]]]
            label = f"{second.name} {value_text(other)}" if second.name and not k else None
            axis.errorbar([at], [row["median"]], errors, fmt="o", color=distinct(c), capsize=3, label=label, zorder=3)
    for points in joined.values():
        x, y = zip(*points, strict=True)
        axis.plot(x, y, ".-" if len(points) > 1 else ".", color=GREY, alpha=0.45, linewidth=0.6, markersize=4, zorder=1)
    axis.set_xticks(range(len(first.levels)), [folded(value_text(level), 14) for level in first.levels])
    axis.set_xlabel(first.name)
    if second.name:
        _legend(axis)


def _legend(axis: Axes) -> None:
    """The levels of the other covariate, above the panel, where nothing is covered."""
    count = len(axis.get_legend_handles_labels()[1])
    axis.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=min(count, 3), columnspacing=1.0, handlelength=1.2, borderpad=0.2)  # fmt: skip


def _slopes(axis: Axes, contrasts: Contrasts, parameter: str, place: Place) -> None:
    """The slope of the first number, in colours of the other covariate."""
    one, two = _two_axes(contrasts)
    number, other = (one, two) if _is_number(contrasts, one) else (two, one)
    models = contrasts.means.asked.models.values()
    mean, sd = next(m.numbers[number.name] for m in models if m is not None and number.name in m.numbers)
    own = [
        _numbers(contrasts, parameter, number.name, _full(number, mean, other, level, place)) for level in other.levels
    ]
    seen = [x for values in own for _, x, _ in values] or [mean - 2 * sd, mean + 2 * sd]
    grid = np.linspace(min(seen), max(seen), GRID)
    for c, (level, values) in enumerate(zip(other.levels, own, strict=True)):
        means = [contrasts.means.mean(parameter, _full(number, float(x), other, level, place)) for x in grid]
        rows = [summarised(each.median) for each in means]
        label = f"{other.name} {value_text(level)}" if other.name else None
        axis.plot(grid, [row["median"] for row in rows], color=distinct(c), label=label)
        low, high = ([row[name] for row in rows] for name in ("hdi_low", "hdi_high"))
        axis.fill_between(grid, low, high, color=distinct(c), alpha=0.2, linewidth=0)
        axis.plot([x for _, x, _ in values], [y for _, _, y in values], ".", color=distinct(c), alpha=0.6)
    axis.set_xlabel(number.name)
    if other.name:
        _legend(axis)


def _differences(axis: Axes, contrasts: Contrasts, shown: Sequence) -> None:
    """Differences with intervals, the first above."""
    for k, contrast in enumerate(shown):
        scale, draws = next(iter(contrast.on_scales().items()))
        row = summarised(draws)
        axis.plot([row["hdi_low"], row["hdi_high"]], [k, k], color=distinct(0))
        axis.plot(row["median"], k, "o", color=distinct(0))
        axis.set_xlabel(f"difference ({scale}), {100 * HDI:.0f} % HDI" if contrast.same_scale else scale)
    rows = contrasts.evidence
    limits = rows[["rope_low", "rope_high"]].to_numpy(float)
    if len(limits) and np.isfinite(limits[0]).all():
        axis.axvspan(*limits[0], color="0.9", zorder=0)
    axis.axvline(0.0, color=GREY, linewidth=0.8)
    axis.set_yticks(range(len(shown)), [folded(", ".join(filter(None, (c.label, c.at))), 30) for c in shown])
    axis.set_ylim(len(shown) - 0.5, -0.5)
    axis.spines[["top", "right"]].set_visible(False)


def _two_axes(contrasts: Contrasts) -> tuple[Axis, Axis]:
    """What is compared, with an axis of one nameless level in the place of what is not."""
    empty = Axis("", ("",), (), ())
    first, second, *_ = (*contrasts.means.asked.axes[1:], empty, empty)
    return first, second


def _full(one: Axis, level: Hashable, two: Axis, other: Hashable, place: Place) -> Place:
    """Values of all covariates."""
    return (*((axis.name, value) for axis, value in ((one, level), (two, other)) if axis.name), *place)


def _participants(contrasts: Contrasts, parameter: str, place: Place) -> list[tuple[int, float]]:
    """Participants at a level, and the posterior means of their natural values there."""
    return [(owner, value) for owner, _, value in _at(contrasts, parameter, place)]


def _at(contrasts: Contrasts, parameter: str, place: Place) -> list[tuple[int, int, float]]:
    """Participant, row and natural value of every row at the levels of a place; the mean over slots."""
    means = contrasts.means
    model = means.asked.models[parameter]
    chosen = rows_at(means.design, parameter, model, values_at(model, parameter, place, means.asked.parameters))
    u = means.group.u[..., columns_of(means.design, parameter)]
    natural = means.parameters[parameter].constrain(u).mean((0, 1))
    return [
        (int(means.design.owner[r]), int(r), float(natural[r][chosen[r]].mean())) for r in np.flatnonzero(chosen.any(1))
    ]


def _numbers(contrasts: Contrasts, parameter: str, name: str, place: Place) -> list[tuple[int, float, float]]:
    """The same with the value of a number, as far as the formula has a column of it."""
    design, model = contrasts.means.design, contrasts.means.asked.models[parameter]
    places = {(term.parameter, term.label): f for f, term in enumerate(design.coefficients)}
    if model is None or (parameter, name) not in places:
        return []
    mean, sd = model.numbers[name]
    column = design.fixed[:, columns_of(design, parameter)[0], places[parameter, name]]
    return [(owner, float(mean + sd * column[r]), value) for owner, r, value in _at(contrasts, parameter, place)]
