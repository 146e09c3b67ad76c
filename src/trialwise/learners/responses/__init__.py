"""The response families, one per file, discovered automatically."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from trialwise.base.discovery import instances_in
from trialwise.data.trials import Trials
from trialwise.learners.responses.family import ResponseFamily

FAMILIES = {family.name: family for family in instances_in(__name__, __path__, ResponseFamily)}  # type: ignore[type-abstract]
"""Every family by name, in alphabetical order."""

MOST_RESPONSES = 8
"""The largest number of responses of one learner."""

METHODS: dict[str, tuple[str, ...]] = {family.method: family.arguments for family in FAMILIES.values()}
"""The methods of learners that compute the parameters of a response, and their arguments after ``self``."""


def family_of(name: str, method: Callable) -> ResponseFamily:
    """The family of a learner's method: the one it is marked with, or the default for methods of this name."""
    marked: ResponseFamily | None = getattr(method, "family", None)
    if marked is not None:
        return marked
    return next(family for family in FAMILIES.values() if family.method == name and family.by_default)


def named_responses(methods: Iterable[tuple[str, Callable]]) -> dict[str, ResponseFamily]:
    """The families of a learner's responses by name, from its methods ``(name, function)`` in order.

    ``choose`` and ``respond`` come first, their responses are called ``choice`` and ``response``; other methods that are marked with a family
    (:meth:`~trialwise.learners.responses.family.ResponseFamily.of`) are responses of their own name.
    """
    responses: dict[str, ResponseFamily] = {}
    for name, function in sorted(methods, key=lambda each: each[0] not in METHODS):
        if name in METHODS:
            family = family_of(name, function)
            responses[family.columns[0]] = family
        elif isinstance(marked := getattr(function, "family", None), ResponseFamily):
            responses[name] = marked.by(name)
    return responses


def as_trials(responses: Iterable[tuple[str, ResponseFamily, np.ndarray]]) -> dict[str, Any]:
    """The fields of :class:`~trialwise.data.trials.Trials` that hold the observed values of all responses, ``(name, family, observed)``."""
    fields: dict[str, Any] = {}
    for name, family, observed in responses:
        for field, values in family.as_trials(name, observed).items():
            fields[field] = fields[field] | values if isinstance(fields.get(field), dict) else values
    return fields


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
