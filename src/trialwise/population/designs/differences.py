"""Differences of a parameter along covariates, in the words of tables: between levels, ``patient - control``, and along numbers, ``age + 1 SD``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.population.designs.parameter_model import ParameterModel

type Place = tuple[tuple[str, Hashable], ...]
"""Values of covariates, with the name of each."""

PARAMETER = "parameter"
"""The name of the axis of parameters."""


@dataclass(frozen=True)
class Step:
    """A difference between two values: ``patient - control``, ``age + 1 SD``."""

    label: str
    to: Hashable
    since: Hashable
    per_unit: bool = False
    of_levels: bool = False

    def named(self, name: str) -> Step:
        """With the name of the covariate in the label of a difference of two levels or values: ``smoker 1 - smoker 0``."""
        if not self.of_levels:
            return self
        return replace(self, label=f"{name} {value_text(self.to)} - {name} {value_text(self.since)}")


@dataclass(frozen=True)
class Axis:
    """What is compared: parameters, the levels of a factor or values of a number.

    Attributes
    ----------
    name
        Of the column, or ``"parameter"``.
    levels
        Levels at which means are shown.
    steps
        Differences of interest.
    basis
        Those of them that determine all others: an effect of the whole axis is that none of them is 0.
    is_factor
        Whether its levels are labels.
    """

    name: str
    levels: tuple[Hashable, ...]
    steps: tuple[Step, ...]
    basis: tuple[Step, ...]
    is_factor: bool = False


@dataclass(frozen=True)
class Comparison:
    """A difference, or a difference of differences.

    Attributes
    ----------
    label, at
        In words: ``"patient - control"``, ``"session s1"``.
    by
        What is compared: covariates, and the parameters if there are two.
    parts
        Sign, parameter and values of covariates of each mean in it.
    per_unit
        Whether it is per unit of a number, not per standard deviation.
    """

    label: str
    by: tuple[str, ...]
    at: str
    parts: tuple[tuple[int, str, Place], ...]
    per_unit: bool = False


class Along(NamedTuple):
    """The differences of a parameter along covariates.

    Attributes
    ----------
    all
        Those of interest: of the levels of factors in pairs, either way.
    basis
        Those that determine all others, if each number has a single coefficient.
    """

    all: tuple[Comparison, ...]
    basis: tuple[Comparison, ...]


def along(model: ParameterModel, by: Sequence[str]) -> Along:
    """The differences of a parameter along a covariate, over the others, or its differences of differences along two."""
    axes = [axis_of(each, {model.parameter: model}, None) for each in by]
    both_ways = with_names(
        [
            replace(axis, steps=(*axis.steps, *(_pair(step.to, step.since) for step in axis.steps)))
            if axis.name in model.factors
            else axis
            for axis in axes
        ]
    )
    of_basis = with_names([replace(axis, steps=axis.basis) for axis in axes])
    every, basis = (
        tuple(comparison((model.parameter,), own, steps) for steps in combined(own)) for own in (both_ways, of_basis)
    )
    return Along(every, basis)


def weights_of(model: ParameterModel, difference: Comparison) -> np.ndarray:
    """The weights of coefficients in a difference of a parameter, ``(F,)``."""
    return np.asarray(sum(sign * model.at(dict(place)) for sign, _, place in difference.parts))


def difference_named(model: ParameterModel, known: Along, text: str) -> np.ndarray | None:
    """The weights of coefficients in the difference with these words, in which names before levels, as in ``session 2 - session 1``, may be
    left out; None if there is no such difference."""
    names = "|".join(map(re.escape, model.factors))
    for short in (False, True):
        for each in known.all:
            label = re.sub(rf"(?<!\S)(\(?)(?:{names}) (?=\S)", r"\1", each.label) if short and names else each.label
            if " ".join(label.split()) == " ".join(text.split()):
                return weights_of(model, each)
    return None


def combined(axes: Sequence[Axis]) -> Iterator[tuple[Step, ...]]:
    """A step along each axis, in all combinations but those per unit of one number and per standard deviation of another."""
    for steps in itertools.product(*(axis.steps for axis in axes)):
        if len({step.per_unit for step in steps if " + 1" in step.label}) < 2:
            yield steps


def comparison(parameters: Sequence[str], axes: Sequence[Axis], steps: Sequence[Step], place: Place = ()) -> Comparison:
    """The difference of these steps along axes, or the difference of differences, with values of the other covariates.

    ``parameters`` is the one it is of, or two that are compared themselves.
    """
    labels = [step.label for step in steps]
    by = tuple(" - ".join(parameters) if axis.name == PARAMETER else axis.name for axis in axes)
    label = labels[0] if len(labels) == 1 else " x ".join(f"({each})" for each in labels)
    parts = []
    for ends in itertools.product((1, -1), repeat=len(steps)):
        sign, parameter, values = 1, parameters[0], list(place)
        for axis, step, end in zip(axes, steps, ends, strict=True):
            sign *= end
            value = step.to if end > 0 else step.since
            if axis.name == PARAMETER:
                parameter = str(value)
            else:
                values.append((axis.name, value))
        parts.append((sign, parameter, tuple(values)))
    return Comparison(label, by, place_text(place), tuple(parts), any(step.per_unit for step in steps))


def axis_of(name: str, models: Mapping[str, ParameterModel | None], values: list[Hashable] | None) -> Axis:
    """The axis of a covariate, at some of its levels or values if they are named."""
    for model in models.values():
        if model is not None and name in model.factors:
            levels = tuple(model.factors[name] if values is None else values)
            if len(levels) < 2:
                raise UsageError(
                    Argument("at", {name: list(levels)}), f": wanted two levels of {name} or more, since they are compared"
                )  # fmt: skip
            return Axis(name, levels, _pairs(levels), tuple(_pair(levels[0], each) for each in levels[1:]), True)
    mean, sd = next(m.numbers[name] for m in models.values() if m is not None and name in m.numbers)
    per_sd = Step(f"{name} + 1 SD", mean + sd, mean)
    per_unit = Step(f"{name} + 1", mean + 1.0, mean, per_unit=True)
    steps = (per_sd, per_unit, *_pairs(values or ()))
    return Axis(name, tuple(values or (mean - sd, mean, mean + sd)), steps, (per_sd,))


def with_names(axes: Sequence[Axis]) -> list[Axis]:
    """The axes, with the names of covariates in labels that do not say which is meant: ``1 - 0``, or the same label along two axes."""
    labels = [{step.label for step in axis.steps} for axis in axes]
    named = []
    for axis, own in zip(axes, labels, strict=True):
        elsewhere = [label for other in labels if other is not own for label in other]
        bare = axis.is_factor and any(_is_number(level) for level in axis.levels)
        steps, basis = (
            tuple(step.named(axis.name) if bare or own & {*elsewhere} else step for step in each)
            for each in (axis.steps, axis.basis)
        )
        named.append(replace(axis, steps=steps, basis=basis))
    return named


def _is_number(level: Hashable) -> bool:
    """Whether a level reads as a number, or as true or false, and says nothing by itself."""
    try:
        float(str(level))
    except ValueError:
        return isinstance(level, bool)
    return True


def _pairs(levels: Sequence[Hashable]) -> tuple[Step, ...]:
    """All pairs of levels, later ones minus earlier ones."""
    return tuple(_pair(one, other) for one, other in itertools.combinations(levels, 2))


def _pair(since: Hashable, to: Hashable) -> Step:
    return Step(f"{value_text(to)} - {value_text(since)}", to, since, of_levels=True)


def place_text(place: Place) -> str:
    """Values of covariates in words: ``session s1, age 20``."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in place)


def value_text(value: object) -> str:
    """A level or number as text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
