"""What is compared, read from the arguments of a question: parameters, covariates, their levels and differences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trialwise.analysis.effects.answer import check_common, known_parameter, with_term
from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument, Message
from trialwise.inference.fitted import Fit
from trialwise.population.designs.differences import (
    PARAMETER,
    Axis,
    Comparison,
    Place,
    Step,
    axis_of,
    combined,
    comparison,
    place_text,
    with_names,
)
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_model import ParameterModel

type At = Mapping[str, object]
"""Values of covariates: a label or number, or a list of them, by name."""

MOST = 2
"""Covariates that are compared together."""


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
            comparison(self.parameters, subset, steps, place)
            for subset, place in self._subsets()
            for steps in combined(subset)
        ]

    def terms(self) -> Iterator[tuple[str, str, list[Comparison]]]:
        """Effects of more than one dimension, such as that of a factor of three levels: their name, where, and a basis of differences."""
        for subset, place in self._subsets():
            basis = list(itertools.product(*(axis.basis for axis in subset)))
            if len(basis) > 1:
                label = ":".join(self._name(axis) for axis in subset)
                yield label, place_text(place), [comparison(self.parameters, subset, steps, place) for steps in basis]

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
    values = {name: _listed(name, value) for name, value in (at or {}).items()}
    difference = (Step(" - ".join(parameters), parameters[0], parameters[-1]),) if len(parameters) > 1 else ()
    axes = [Axis(PARAMETER, parameters, difference, difference)]
    axes += with_names([axis_of(name, models, values.get(name)) for name in covariates])
    elsewhere = [[(name, value) for value in each] for name, each in values.items() if name not in covariates]
    asked = Question(parameters, models, tuple(axes), tuple(itertools.product(*elsewhere)))
    for parameter, place in asked.cells:
        values_at(models[parameter], parameter, place, names)  # unknown levels and values that are no numbers
    return asked


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
                check_common(fit, model, str(name), Message(with_term(fit, model, str(name))))
        if not known:
            which = "has no formulas" if fit.design is None else f"has no formula with covariates of {text}"
            raise UsageError(
                f"the fit {which}, so that nothing can be compared by {name}: fit again with ",
                Argument("formulas", dict.fromkeys(parameters, quoted_name(str(name)))),
            )
        if split := next(filter(None, (model.split(str(name)) for model in models.values() if model is not None)), ""):
            raise UsageError(split)
        raise UsageError(
            f"{text} does not depend on {name!r}. {did_you_mean(str(name), known, f'covariates of {text}')}"
        )


def _listed(name: str, value: object) -> list[Hashable]:
    """One value of a covariate as a list, or the values of a list, which are all different."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [value]  # type: ignore[list-item]
    values = list(value)
    if not values:
        raise UsageError(Argument("at", {name: []}), ": wanted at least one value of each covariate")
    different = list(dict.fromkeys(values))
    if len(different) < len(values):
        advice = (", ", Argument("at", {name: different})) if len(different) > 1 else ()
        raise UsageError(Argument("at", {name: values}), ": wanted different values, each once", *advice)
    return values


def _some_value(name: str, models: Mapping[str, ParameterModel | None]) -> Hashable:
    """A level of a factor, or the mean of a number, to three digits."""
    for model in models.values():
        if model is not None and name in model.factors:
            return model.factors[name][0]
    return float(f"{next(m.numbers[name][0] for m in models.values() if m is not None and name in m.numbers):.3g}")
