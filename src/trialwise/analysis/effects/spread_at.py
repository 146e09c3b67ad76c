"""How much participants differ at a level: the weights of their effects there, from the rows of a design."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from trialwise.population.design import Design
from trialwise.population.designs.coding import FactorCode, NumberCode, number_at
from trialwise.population.designs.parameter_model import ParameterModel

_SAME = 1e-9


class Patterns(NamedTuple):
    """Weights of effects in a parameter's value of participants, ``(patterns, Q)``; the share of participants who have each, ``(patterns,)``;
    and the number of participants."""

    weights: np.ndarray
    shares: np.ndarray
    participants: int

    def variances(self, design: Design, spreads: np.ndarray, correlations: np.ndarray) -> np.ndarray:
        """Variances around the mean of the level, ``(..., patterns)``, for spreads ``(..., Q)`` and correlations ``(..., pairs)``."""
        return replace(design, random=self.weights[:, None, :]).variance(spreads, correlations)[..., 0]


def patterns_at(
    design: Design, parameter: str, model: ParameterModel | None, values: Mapping[str, Hashable]
) -> Patterns:
    """The weights of effects at values of covariates.

    A participant's value there is the mean over those of their rows and slots that have the named levels; numbers that change within
    participants are at the named values, or else at their mean. Participants who lack some of these rows, for example a session, are
    left out unless some effect is theirs only.

    Parameters
    ----------
    design
        The design.
    parameter, model
        The parameter, and how it depends on covariates; None without formulas.
    values
        Labels of factors and values of numbers, by name.
    """
    found = effects_at(design, parameter, model, values)
    count = len(found)
    found = found or effects_at(replace(design, seen=None), parameter, model, values)  # nobody has trials there
    found = found or effects_at(replace(design, seen=None), parameter, None, {})
    weights = np.array([own.mean(0) for _, own in found])
    complete = [len(np.unique(own, axis=0)) for _, own in found]
    kept = weights[np.array(complete) == max(complete)]
    if np.array_equal(np.any(kept != 0, 0), np.any(weights != 0, 0)):
        weights = kept
    if model is not None:
        weights = _with_numbers(weights, design, parameter, model, values)
    patterns, counts = np.unique(weights.round(12), axis=0, return_counts=True)
    return Patterns(patterns, counts / counts.sum(), count)


def effects_at(
    design: Design, parameter: str, model: ParameterModel | None, values: Mapping[str, Hashable]
) -> list[tuple[int, np.ndarray]]:
    """Participants who have rows or slots with the named levels, and the weights of effects in these, ``(cells, Q)``."""
    random = design.random[:, columns_of(design, parameter)]
    chosen = rows_at(design, parameter, model, values)
    found = []
    for n in range(design.participants):
        of_own = design.owner == n
        own = random[of_own][chosen[of_own]]
        if len(own):
            found.append((n, own))
    return found


def columns_of(design: Design, parameter: str) -> list[int]:
    """The columns of a parameter's values in the rows: one, or one a slot; without its slope on a number of the trials."""
    return [k for k, column in enumerate(design.columns) if column.parameter == parameter and not column.slope]


def rows_at(design: Design, parameter: str, model: ParameterModel | None, values: Mapping[str, Hashable]) -> np.ndarray:
    """Which rows and slots have the named levels of factors, ``(rows, slots)``: those whose columns of factors are the same, and of which
    the data have trials."""
    columns = columns_of(design, parameter)
    seen = np.ones((design.rows, len(columns)), bool) if design.seen is None else design.seen[:, columns]
    if model is None:
        return seen
    coding = model.coding
    of_factors = [
        n for n, owner in enumerate(coding.owners()) if owner and all(coding.codes[c].is_factor for c in owner)
    ]
    codes = [coding.codes[name] for n in of_factors for name in coding.owners()[n]]
    levels = {code.column: code.levels for code in codes if isinstance(code, FactorCode)}
    own = design.fixed[:, columns][:, :, [model.first + n for n in of_factors]]
    having = np.zeros(own.shape[:2], bool)
    for cell in itertools.product(*([values[name]] if name in values else each for name, each in levels.items())):
        wanted = coding.at(dict(zip(levels, cell, strict=True)))[of_factors]
        having |= np.all(abs(own - wanted) < _SAME, axis=2)
    return having & seen


def _with_numbers(
    weights: np.ndarray, design: Design, parameter: str, model: ParameterModel, values: Mapping[str, Hashable]
) -> np.ndarray:
    """The same with effects of numbers at values of these numbers."""
    codes = {code.label: code for code in model.coding.codes.values() if isinstance(code, NumberCode)}
    places = {term.label: q for q, term in enumerate(design.effects) if term.parameter == parameter}
    result = weights.copy()
    for label, q in places.items():
        parts = label.split(":") if label not in codes else [label]
        numbers = [codes[part] for part in parts if part in codes]
        rest = ":".join(part for part in parts if part not in codes)
        if numbers and (not rest or rest in places):
            at = [(number_at(values, code.column, code.mean) - code.mean) / code.sd for code in numbers]
            result[:, q] = np.prod(at) * (weights[:, places[rest]] if rest else 1.0)
    return result
