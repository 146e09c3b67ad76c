"""What is compared, read from the arguments of a question: parameters, covariates, their levels and differences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from trialwise.analysis.effects.answer import check_common, known_parameter
from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument, Message
from trialwise.inference.fitted import Fit
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_model import ParameterModel

type At = Mapping[str, object]
"""Values of covariates: a label or number, or a list of them, by name."""

type Place = tuple[tuple[str, Hashable], ...]
"""Values of covariates, with the name of each."""

MOST = 2
"""Covariates that are compared together."""

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


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a fit.

    Attributes
    ----------
    parameters
        One parameter, or two whose difference is asked about, the first minus the second.
    models
        How each depends on covariates; None without a formula.
    axes
        What is compared; the first is that of the parameters.
    places
        Combinations of the other covariates at which it is compared.
    """

    parameters: tuple[str, ...]
    models: Mapping[str, ParameterModel | None]
    axes: tuple[Axis, ...]
    places: tuple[Place, ...]

    @property
    def text(self) -> str:
        """The parameters as they are asked about: ``alpha_gain - alpha_loss``."""
        return " - ".join(self.parameters)

    @property
    def cells(self) -> list[tuple[str, Place]]:
        """Parameter and values of all means that are shown."""
        (parameters, *axes), cells = self.axes, []
        for parameter in parameters.levels:
            for place in self.places:
                for values in itertools.product(*(axis.levels for axis in axes)):
                    own = tuple(zip((axis.name for axis in axes), values, strict=True))
                    cells.append((str(parameter), (*own, *place)))
        return cells

    def comparisons(self) -> list[Comparison]:
        """All differences: simple effects, then differences of differences."""
        return [
            self._comparison(subset, steps, place)
            for subset, place in self._subsets()
            for steps in itertools.product(*(axis.steps for axis in subset))
            if len({step.per_unit for step in steps if " + 1" in step.label}) < 2
        ]

    def terms(self) -> Iterator[tuple[str, str, list[Comparison]]]:
        """Effects of more than one dimension, such as that of a factor of three levels: their name, where, and a basis of differences."""
        for subset, place in self._subsets():
            basis = list(itertools.product(*(axis.basis for axis in subset)))
            if len(basis) > 1:
                label = ":".join(self._name(axis) for axis in subset)
                yield label, place_text(place), [self._comparison(subset, steps, place) for steps in basis]

    def _name(self, axis: Axis) -> str:
        """What is compared along an axis: parameters, or a covariate."""
        return self.text if axis.name == PARAMETER else axis.name

    def _subsets(self) -> Iterator[tuple[tuple[Axis, ...], Place]]:
        """The axes along which differences are taken, with values of the others."""
        compared = self.axes if len(self.parameters) > 1 else self.axes[1:]
        for size in range(1, len(compared) + 1):
            for subset in itertools.combinations(compared, size):
                if len(self.parameters) > 1 and subset[0].name != PARAMETER:
                    continue
                others = [axis for axis in self.axes[1:] if axis not in subset]
                for place in self.places:
                    for values in itertools.product(*(axis.levels for axis in others)):
                        own = tuple(zip((axis.name for axis in others), values, strict=True))
                        yield subset, (*own, *place)

    def _comparison(self, subset: Sequence[Axis], steps: Sequence[Step], place: Place) -> Comparison:
        labels = [step.label for step in steps]
        by = tuple(self._name(axis) for axis in subset)
        label = labels[0] if len(labels) == 1 else " x ".join(f"({each})" for each in labels)
        parts = []
        for ends in itertools.product((1, -1), repeat=len(steps)):
            sign, parameter, values = 1, self.parameters[0], list(place)
            for axis, step, end in zip(subset, steps, ends, strict=True):
                sign *= end
                value = step.to if end > 0 else step.since
                if axis.name == PARAMETER:
                    parameter = str(value)
                else:
                    values.append((axis.name, value))
            parts.append((sign, parameter, tuple(values)))
        return Comparison(label, by, place_text(place), tuple(parts), any(step.per_unit for step in steps))


def place_text(place: Place) -> str:
    """Values of covariates in words: ``session s1, age 20``."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in place)


def value_text(value: object) -> str:
    """A level or number as text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def question(fit: Fit, what: str, by: str | Sequence[str] | None, at: At | None) -> Question:
    """Read a question.

    Parameters
    ----------
    fit
        The fit, with partial pooling.
    what
        A parameter, or the difference of two.
    by
        The covariate whose levels are compared, or two; None for a difference of parameters alone.
    at
        Values of covariates.

    Raises
    ------
    UsageError
        For an unknown parameter, covariate or level; without formulas; or if there is nothing to compare.
    """
    stored = fit.design
    names = list(fit.parameters) if stored is None else list(stored.design.parameters)
    parameters = _parameters(what, names)
    models = {name: None if stored is None else stored.models.get(name) for name in parameters}
    covariates = _covariates(by, _known(models))
    _check_names(fit, parameters, models, covariates, at or {})
    if len(set(covariates)) < len(covariates):
        raise UsageError(Argument("by", covariates), ": wanted different covariates; name each once")
    if len(covariates) > MOST:
        others = {name: _some_value(name, models) for name in covariates[MOST:]}
        raise UsageError(
            Argument("by", covariates), f": wanted at most {MOST} different covariates; set others, ", Argument("by", covariates[:MOST]),
            " and ", Argument("at", others),
        )  # fmt: skip
    if not covariates and len(parameters) == 1:
        known = _known(models)
        instead = next(iter(known), "group")
        advice = f"it depends on {listed(known)}; compare its levels by " if known else "compare its levels by "
        raise UsageError(f"{what} alone is no contrast: ", advice, Argument("by", instead))
    values = {name: _listed(value) for name, value in (at or {}).items()}
    difference = (Step(" - ".join(parameters), parameters[0], parameters[-1]),) if len(parameters) > 1 else ()
    axes = [Axis(PARAMETER, parameters, difference, difference)]
    axes += _with_names([_axis(name, models, values.get(name)) for name in covariates])
    elsewhere = [[(name, value) for value in each] for name, each in values.items() if name not in covariates]
    asked = Question(parameters, models, tuple(axes), tuple(itertools.product(*elsewhere)))
    for parameter, place in asked.cells:
        values_at(models[parameter], parameter, place, names)  # unknown levels and values that are no numbers
    return asked


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
    name, models = model.parameter, {model.parameter: model}
    axes = [_axis(each, models, None) for each in by]
    first = Axis(PARAMETER, (name,), (), ())
    both_ways = _with_names(
        [
            replace(axis, steps=(*axis.steps, *(_pair(step.to, step.since) for step in axis.steps)))
            if axis.name in model.factors
            else axis
            for axis in axes
        ]
    )
    of_basis = _with_names([replace(axis, steps=axis.basis) for axis in axes])
    every, basis = (
        tuple(
            each
            for each in Question((name,), models, (first, *own), ((),)).comparisons()
            if len(each.parts) == 2 ** len(by)
        )
        for own in (both_ways, of_basis)
    )
    return Along(every, basis)


def values_at(
    model: ParameterModel | None, parameter: str, place: Place, parameters: Sequence[str]
) -> dict[str, Hashable]:
    """The values of those covariates that a parameter depends on, checked.

    Raises
    ------
    UsageError
        For an unknown level, or a value that is no number where one is needed.
    """
    if model is None:
        return {}
    own = {name: value for name, value in place if name in model.factors or name in model.numbers}
    model.at(own)
    return own


def _parameters(what: str, known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(re.split(r"\s*-\s*", what.strip()))
    for name in names:
        known_parameter(name, list(known))
    if len(names) > 2 or len(set(names)) < len(names):
        raise UsageError(
            Argument("what", what), ": wanted a parameter, or one minus another: ", Argument("what", " - ".join(known[:2]))
        )  # fmt: skip
    return names


def _covariates(by: str | Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The names of covariates; a product, ``"group:age"``, is the names in it."""
    if not isinstance(by, str):
        return list(by or ())
    parts = [part.strip() for part in by.split(":")]
    return [by] if by in known or not all(part in known for part in parts) else parts


def _known(models: Mapping[str, ParameterModel | None]) -> list[str]:
    """The covariates of any of the parameters."""
    return list(dict.fromkeys(name for m in models.values() if m is not None for name in (*m.factors, *m.numbers)))


def _check_names(
    fit: Fit,
    parameters: Sequence[str],
    models: Mapping[str, ParameterModel | None],
    by: Sequence[str],
    at: At,
) -> None:
    known, text = _known(models), " - ".join(parameters)
    for name in (*by, *at):
        if name in known:
            continue
        for model in models.values():
            if model is not None:
                formula = f"{quoted_name(str(name))} + {model.formula}"
                check_common(model, str(name), Message(Argument("formulas", {model.parameter: formula})))
        if not known:
            which = "has no formulas" if fit.design is None else f"has no formula with covariates of {text}"
            raise UsageError(
                f"the fit {which}, so that nothing can be compared by {name}: fit again with ",
                Argument("formulas", dict.fromkeys(parameters, quoted_name(str(name)))),
            )
        split = [each for each in known if each.startswith(f"{name}[")]
        if split:
            raise UsageError(
                f"{name} differs between and within participants: say which, {listed(map(repr, split), 'or')}"
            )
        raise UsageError(
            f"{text} does not depend on {name!r}. {did_you_mean(str(name), known, f'covariates of {text}')}"
        )


def _listed(value: object) -> list[Hashable]:
    """One value as a list, or the values of a list."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [value]  # type: ignore[list-item]
    values = list(value)
    if not values:
        raise UsageError(Argument("at", {"...": []}), ": wanted at least one value of each covariate")
    return values


def _axis(name: str, models: Mapping[str, ParameterModel | None], values: list[Hashable] | None) -> Axis:
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


def _some_value(name: str, models: Mapping[str, ParameterModel | None]) -> Hashable:
    """A level of a factor, or the mean of a number, to three digits."""
    for model in models.values():
        if model is not None and name in model.factors:
            return model.factors[name][0]
    return float(f"{next(m.numbers[name][0] for m in models.values() if m is not None and name in m.numbers):.3g}")


def _with_names(axes: Sequence[Axis]) -> list[Axis]:
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
