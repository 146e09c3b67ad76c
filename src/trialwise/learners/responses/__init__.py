"""The response families, one per file, discovered automatically."""

from __future__ import annotations

from collections.abc import Callable

from trialwise.base.discovery import instances_in
from trialwise.data.trials import Trials
from trialwise.learners.responses.family import ResponseFamily

FAMILIES = {family.name: family for family in instances_in(__name__, __path__, ResponseFamily)}  # type: ignore[type-abstract]
"""Every family by name, in alphabetical order."""

METHODS: dict[str, tuple[str, ...]] = {family.method: family.arguments for family in FAMILIES.values()}
"""The methods of learners that compute the parameters of a response, and their arguments after ``self``."""


def family_of(name: str, method: Callable) -> ResponseFamily:
    """The family of a learner's method: the one it is marked with, or the default for methods of this name."""
    marked: ResponseFamily | None = getattr(method, "family", None)
    if marked is not None:
        return marked
    return next(family for family in FAMILIES.values() if family.method == name and family.by_default)


def families_in(trials: Trials) -> list[ResponseFamily]:
    """The families of which the data contain responses, in alphabetical order: without a learner, those that apply by default."""
    return [family for family in FAMILIES.values() if family.by_default and family.in_data(trials)]


def family_named(name: str) -> ResponseFamily | None:
    """The family of this name, with the settings that it has by default; None if there is none, such as a user's own."""
    return FAMILIES.get(name.partition("(")[0])


def possible_families(trials: Trials, name: str) -> list[ResponseFamily]:
    """The families for which every response of this name is possible, apart from choices, in alphabetical order."""
    others = [family for family in FAMILIES.values() if not family.acts and family.in_data(trials)]
    return [family for family in others if not family.impossible(family.observed(trials, name)).any()]
