"""How a parameter's mean depends on covariates, in a form that can be stored with a fit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.population.designs.coding import (
    CallCode,
    Code,
    Coding,
    FactorCode,
    NumberCode,
    Plain,
    Values,
    code_from_plain,
)


@dataclass(frozen=True, eq=False)
class ParameterModel:
    """The formula of a parameter: the columns of what participants share, and of the effects of each.

    Attributes
    ----------
    parameter
        Name of the parameter.
    formula
        The right side of its formula, as it was written.
    coding
        Its columns.
    first, total
        The place of its first coefficient among all coefficients of the design, and their number.
    own
        The columns of the effects of participants.
    first_effect
        The place of its first effect among all effects of the design.
    slots
        The labels of its slots; one that is empty for one value on each row.
    """

    parameter: str
    formula: str
    coding: Coding
    first: int
    total: int
    own: Coding
    first_effect: int
    slots: tuple[str, ...] = ("",)

    @property
    def labels(self) -> list[str]:
        """Labels of its coefficients, as in :class:`~trialwise.population.design.Term`."""
        return self.coding.labels()

    @property
    def factors(self) -> dict[str, tuple[Hashable, ...]]:
        """The levels of its factors, by name of the column."""
        return {each.column: each.levels for each in self._codes if isinstance(each, FactorCode)}

    @property
    def _codes(self) -> list[Code]:
        """The codes of its columns, without those that only the spread of participants depends on."""
        used = {name for owner in self.coding.owners() for name in owner}
        return [code for name, code in self.coding.codes.items() if name in used]

    @property
    def numbers(self) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation over participants of its numbers, by name of the column."""
        numbers = {}
        for each in self._codes:
            if isinstance(each, NumberCode):
                numbers[each.column] = (each.mean, each.sd)
            elif isinstance(each, CallCode):
                numbers |= {name: (float(np.mean(v)), float(np.std(v, ddof=1))) for name, v in each.train.items()}
        return numbers

    @property
    def covariates(self) -> list[str]:
        """Names of its factors and numbers."""
        return [*self.factors, *self.numbers]

    @property
    def of_participants(self) -> set[str]:
        """Names of the covariates that participants, or their spread, depend on and the common part does not."""
        codes = self.coding.codes.values()
        return {name.split("[")[0] for code in codes if code not in self._codes for name in columns_of(code)}

    @property
    def terms(self) -> list[tuple[str, ...]]:
        """The columns of each of its terms, without the intercept; terms of the same columns once."""
        found: dict[frozenset[str], tuple[str, ...]] = {}
        for columns in self._columns:
            found.setdefault(frozenset(columns), columns)
        return [columns for columns in found.values() if columns]

    @property
    def _columns(self) -> list[tuple[str, ...]]:
        """The columns that each of its coefficients is of; none for the intercept."""
        codes = self.coding.codes
        return [
            tuple(dict.fromkeys(name for label in owner for name in columns_of(codes[label])))
            for owner in self.coding.owners()
        ]

    def places_of(self, columns: Sequence[str]) -> list[int]:
        """The places of the coefficients of the terms of these columns among all coefficients of the design."""
        return [self.first + k for k, own in enumerate(self._columns) if {*own} == {*columns}]

    @property
    def products(self) -> list[tuple[str, ...]]:
        """Those of its terms that have several columns."""
        return [columns for columns in self.terms if len(columns) > 1]

    def split(self, name: str) -> str:
        """A sentence that says which parts a number has that differs within participants; empty for any other name."""
        between, within = f"{name}[between]", f"{name}[within]"
        if within not in self.numbers:
            return ""
        if between not in self.numbers:
            return f"{name} differs within participants only, whose means are the same: write {within!r}"
        return (
            f"{name} differs between and within participants: say which, {between!r} for the mean of a participant, {within!r} for a deviation "
            "from it"
        )

    def at(self, values: Values | None = None) -> np.ndarray:
        r"""The common part at values of covariates: a vector x such that :math:`x' B` is the parameter's mean there.

        Parameters
        ----------
        values
            Labels of factors and values of numbers, by name. Over levels of factors that are not named the mean is taken, each level
            with the same weight; numbers that are not named are at their mean.

        Returns
        -------
        ndarray
            ``(coefficients,)``, of the whole design; zero for coefficients of other parameters.

        Raises
        ------
        UsageError
            For an unknown name or level, or a value that is no number where one is needed.
        """
        values = {} if values is None else values
        known = {**self.factors, **self.numbers}
        for name in values:
            if split := self.split(name):
                raise UsageError(split)
            if name not in known:
                raise UsageError(
                    f"{self.parameter} does not depend on {name!r}. {did_you_mean(name, known, f'covariates of {self.parameter}')}"
                )
        vector = np.zeros(self.total)
        own = self.coding.at(values)
        vector[self.first : self.first + len(own)] = own
        return vector

    def to_plain(self) -> dict[str, object]:
        """As plain values that JSON can hold; the inverse is :meth:`from_plain`."""
        coding = self.coding
        return {
            "parameter": self.parameter,
            "formula": self.formula,
            "codes": {name: code.to_plain() for name, code in coding.codes.items()},
            "intercept": coding.intercept,
            "terms": [[[name, full] for name, full in term] for term in coding.terms],
            "first": self.first,
            "total": self.total,
            "own_intercept": self.own.intercept,
            "own_terms": [[[name, full] for name, full in term] for term in self.own.terms],
            "first_effect": self.first_effect,
            "slots": list(self.slots),
        }

    @classmethod
    def from_plain(cls, plain: Plain) -> ParameterModel:
        """The model that :meth:`to_plain` described; calls are checked again, since a stored fit may come from anywhere."""
        codes = {name: code_from_plain(code) for name, code in plain["codes"].items()}
        coding, own = (
            Coding(
                codes,
                bool(plain[f"{part}intercept"]),
                tuple(tuple((name, bool(full)) for name, full in term) for term in plain[f"{part}terms"]),
            )
            for part in ("", "own_")
        )
        return cls(
            plain["parameter"],
            plain["formula"],
            coding,
            int(plain["first"]),
            int(plain["total"]),
            own,
            int(plain["first_effect"]),
            tuple(plain["slots"]),
        )


def columns_of(code: Code) -> tuple[str, ...]:
    """Names of the columns that a code reads."""
    return tuple(code.train) if isinstance(code, CallCode) else (code.column,)
