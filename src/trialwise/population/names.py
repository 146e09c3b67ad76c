"""Names of the model's variables, of the group and of participants, and of those that can have a user's prior."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trialwise.population.design import Design, Term

MEAN, SPREAD, MEDIAN, UNCONSTRAINED = "_mu", "_sd", "_group", "_unconstrained"
"""Suffixes of a parameter's name: the group's mean and spread on the unconstrained scale, its median on the natural one, and
unconstrained values where there is no group."""

EFFECTS, SPREADS_OF_EFFECTS = "_effects", "_sd_effects"
"""Suffixes of a parameter's name in a design: coefficients of its formula, and spreads of participants in them."""

STORABLE = str.maketrans({"/": "|"})
"""A slash in a level, column or call, which names cannot have: in a file it separates groups."""

INDIVIDUAL = "individual"
"""Unconstrained values of the participants of a group, all parameters together."""


def mean_name(parameter: str) -> str:
    """The group's mean of a parameter, on the unconstrained scale."""
    return f"{parameter}{MEAN}"


def spread_name(parameter: str) -> str:
    """The group's spread of a parameter, on the unconstrained scale."""
    return f"{parameter}{SPREAD}"


def coefficient_name(term: Term) -> str:
    """A coefficient of a design: ``alpha_mu``, or ``alpha_effects[age]``."""
    return mean_name(term.parameter) if term.intercept else f"{term.parameter}{EFFECTS}[{term.label}]"


def effect_spread_name(term: Term) -> str:
    """The spread of participants in an effect of a design: ``alpha_sd``, or ``alpha_sd_effects[session.1]``."""
    return spread_name(term.parameter) if term.intercept else f"{term.parameter}{SPREADS_OF_EFFECTS}[{term.label}]"


def correlation_name(one: Term, other: Term) -> str:
    """The correlation of two effects of a design: ``correlation[alpha, beta]``, ``correlation[alpha session[1], alpha session[2]]``."""
    names = (term.parameter if term.intercept else f"{term.parameter} {term.label}" for term in (one, other))
    return f"correlation[{', '.join(names)}]"


def median_name(parameter: str) -> str:
    """The group's median of a parameter, on the natural scale."""
    return f"{parameter}{MEDIAN}"


def unconstrained_name(parameter: str) -> str:
    """Unconstrained values of a parameter where there is no group."""
    return f"{parameter}{UNCONSTRAINED}"


def parameter_of(name: str) -> str:
    """The parameter of a group's mean or spread; any other name unchanged."""
    return name.removesuffix(MEAN).removesuffix(SPREAD)


class GroupNames(NamedTuple):
    """Names of the variables of a group with a design: of its coefficients, spreads and correlations, in the design's order."""

    coefficients: tuple[str, ...]
    spreads: tuple[str, ...]
    correlations: tuple[str, ...]


def names_of_design(design: Design) -> GroupNames:
    """Names of the variables of a group with a design, all different and such as a file can hold."""
    return GroupNames(
        _storable(coefficient_name(term) for term in design.coefficients),
        _storable(effect_spread_name(term) for term in design.effects),
        _storable(correlation_name(design.effects[j], design.effects[i]) for i, j in design.pairs),
    )


def _storable(names: Iterable[str]) -> tuple[str, ...]:
    return different([name.translate(STORABLE) for name in names])


def different(names: Sequence[str]) -> tuple[str, ...]:
    """The names, of which those that occur again are numbered: ``x``, ``x (2)``."""
    found: list[str] = []
    for name in names:
        count, new = 1, name
        while new in found:
            count += 1
            new = f"{name} ({count})"
        found.append(new)
    return tuple(found)


def group_names(parameters: Sequence[str], pooling: str, design: Design | None = None) -> list[str]:
    """Names of the group's variables: means and spreads, or what a design has in their place; without a group, the parameters
    themselves."""
    if pooling != "partial":
        return list(parameters)
    if design is None:
        return [name for each in parameters for name in (mean_name(each), spread_name(each))]
    names = names_of_design(design)
    terms = [(*pair, 0) for pair in zip(names.coefficients, design.coefficients, strict=True)]
    terms += [(*pair, 1) for pair in zip(names.spreads, design.effects, strict=True)]
    places = {each: k for k, each in enumerate(design.parameters)}
    ordered = sorted(terms, key=lambda term: (places[term[1].parameter], term[2]))
    return [*(name for name, _, _ in ordered), *names.correlations]


def median_names(parameters: Sequence[str], pooling: str, design: Design | None = None) -> list[str]:
    """Names of the group's medians; empty without a group."""
    if pooling != "partial":
        return []
    return [median_name(each) for each in (parameters if design is None else design.parameters)]
