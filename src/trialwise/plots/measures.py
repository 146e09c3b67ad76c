"""Measures of behaviour in plots: which form curves, which belong together, and where chance is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialwise.plots.colours import GREY
from trialwise.plots.labels import folded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILY = re.compile(r"^(?P<family>.*?)(?P<position>\d+)(?P<rest>.*)$")
"""Measures whose names differ only in a number form a curve."""

MIN_POINTS = 4
"""Minimum number of measures of a curve."""

SHARES, OTHERS = "share of ", "other measures"
"""How the names of shares of actions begin; the title of measures that stand alone."""

GROUP = re.compile(r"^(?:(?P<phase>[^:,]+): |(?P<first>[^,]+), |(?P<word>repeated)\b)")
"""Measures belong together if they have the same phase (``initial: accuracy``) or the same words before a comma (``context index, 0``)."""

CORRECT = re.compile(r"^(?:[^:]+: )?(?:accuracy|current context|previous context)")
"""Measures that are the share of one action among all, so that chance is the same for each."""


def families(names: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Group measures into curves, by name without the number and in order of the numbers; also return the remaining measures."""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        match = FAMILY.match(name)
        if match and not name.startswith(SHARES):
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
    """The title of a curve, folded to fit above its panel."""
    return folded(family.replace("…", "").replace("trial  ", "trials ").strip(" ,"), 26)


def together(names: list[str]) -> dict[str, list[str]]:
    """Group measures that share a scale and a subject, by the title of the group; those that stand alone come last."""
    groups: dict[str, list[str]] = {}
    for name in names:
        match = GROUP.match(name)
        title = (
            "shares of actions" if name.startswith(SHARES) else next(filter(None, match.groups())) if match else OTHERS
        )
        groups.setdefault(title, []).append(name)
    for name in [name for name in groups.get(OTHERS, []) if name in groups]:
        groups[OTHERS].remove(name)
        groups[name].insert(0, name)
    alone = [name for title, each in groups.items() if len(each) == 1 or title == OTHERS for name in each]
    groups = {title: each for title, each in groups.items() if len(each) > 1 and title != OTHERS}
    return {**groups, OTHERS: alone} if alone else groups


def at_chance(name: str) -> bool:
    """Whether a random choice of an action gives this measure its value by chance, one divided by the number of actions."""
    return name.startswith(SHARES) or bool(CORRECT.match(name))


def mark_chance(axis: Axes, chance: float) -> None:
    """A dashed line at chance, with its name for the legend."""
    axis.axhline(chance, color=GREY, linewidth=1, linestyle="--", zorder=0, label="chance")
