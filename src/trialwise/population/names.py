"""Names of the model's variables, of the group and of participants, and of those that can have a user's prior."""

from __future__ import annotations

from collections.abc import Sequence

MEAN, SPREAD, MEDIAN, UNCONSTRAINED = "_mu", "_sd", "_group", "_unconstrained"
"""Suffixes of a parameter's name: the group's mean and spread on the unconstrained scale, its median on the natural one, and
unconstrained values where there is no group."""

INDIVIDUAL = "individual"
"""Unconstrained values of the participants of a group, all parameters together."""


def mean_name(parameter: str) -> str:
    """The group's mean of a parameter, on the unconstrained scale."""
    return f"{parameter}{MEAN}"


def spread_name(parameter: str) -> str:
    """The group's spread of a parameter, on the unconstrained scale."""
    return f"{parameter}{SPREAD}"


def median_name(parameter: str) -> str:
    """The group's median of a parameter, on the natural scale."""
    return f"{parameter}{MEDIAN}"


def unconstrained_name(parameter: str) -> str:
    """Unconstrained values of a parameter where there is no group."""
    return f"{parameter}{UNCONSTRAINED}"


def parameter_of(name: str) -> str:
    """The parameter of a group's mean or spread; any other name unchanged."""
    return name.removesuffix(MEAN).removesuffix(SPREAD)


def group_names(parameters: Sequence[str], pooling: str) -> list[str]:
    """Names of the group's variables: means and spreads; without a group, the parameters themselves."""
    if pooling != "partial":
        return list(parameters)
    return [name for each in parameters for name in (mean_name(each), spread_name(each))]


def median_names(parameters: Sequence[str], pooling: str) -> list[str]:
    """Names of the group's medians; empty without a group."""
    return [median_name(each) for each in parameters] if pooling == "partial" else []
