r"""Coding: the columns of numbers that factors and numbers become, and products of them for interactions.

A factor with L levels has L - 1 orthonormal columns that sum to zero over levels, :math:`C'C = I, C'1 = 0`, so that each level has the same
prior and none is a reference; two levels are :math:`\mp 1/\sqrt 2`. Without an intercept, or where the factor's margin is not in the
formula, it has a column for each level. Numbers are standardised over participants.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import NUMBER
from trialwise.data.reading.cells import key, quote
from trialwise.population.designs.calls import Call, checked_call

type Values = Mapping[str, Hashable]
"""Values of covariates, by name: labels or numbers."""

type Plain = Mapping[str, Any]
"""What JSON can hold."""


def orthonormal(levels: int) -> np.ndarray:
    """Contrasts ``(levels, levels - 1)`` with orthonormal columns that sum to zero: each level against the mean of those before it."""
    matrix = np.zeros((levels, levels - 1))
    for j in range(1, levels):
        matrix[:j, j - 1] = -1.0 / np.sqrt(j * (j + 1))
        matrix[j, j - 1] = j / np.sqrt(j * (j + 1))
    return matrix


@dataclass(frozen=True)
class FactorCode:
    """A factor.

    Attributes
    ----------
    label
        As in the formula: ``"group"``, ``"C(group, Treatment('control'))"``.
    column
        Name of the column of its levels.
    levels
        Its levels, in order.
    contrasts
        ``(levels, columns)``.
    names
        Names of these columns: ``("1", "2")``, or of levels for the contrasts of a call.
    """

    label: str
    column: str
    levels: tuple[Hashable, ...]
    contrasts: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]

    is_factor = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return (self.column,)

    def labels(self, full: bool) -> list[str]:
        """Labels of its columns."""
        if full:
            return [f"{self.column}[{level}]" for level in self.levels]
        return [f"{self.label}{name}" for name in self.names]

    def rows(self, columns: Mapping[str, np.ndarray], full: bool) -> np.ndarray:
        """Its columns ``(values, columns)`` at codes of levels ``(values,)``."""
        return self._matrix(full)[columns[self.column]]

    def at(self, values: Values, full: bool) -> np.ndarray:
        """Its columns at a level, or their mean over levels if none is named, ``(columns,)``."""
        if self.column not in values:
            return np.asarray(self._matrix(full).mean(0))
        keys = [key(level) for level in self.levels]
        wanted = key(values[self.column])
        if wanted not in keys:
            raise UsageError(
                f"{self.column} has no level {quote(values[self.column])}. {did_you_mean(wanted, keys, f'levels of {self.column}')}"
            )
        return np.asarray(self._matrix(full)[keys.index(wanted)])

    def _matrix(self, full: bool) -> np.ndarray:
        return np.eye(len(self.levels)) if full else np.array(self.contrasts).reshape(len(self.levels), -1)

    def to_plain(self) -> dict[str, object]:
        """As plain values."""
        return {
            "kind": "factor", "label": self.label, "column": self.column, "levels": list(self.levels),
            "contrasts": [list(row) for row in self.contrasts], "names": list(self.names),
        }  # fmt: skip


@dataclass(frozen=True)
class NumberCode:
    """A number, standardised over participants.

    Attributes
    ----------
    label, column
        Its name: ``"age"``; ``"dose[between]"`` for means of participants, ``"dose[within]"`` for deviations from them.
    mean, sd
        Its mean and standard deviation.
    """

    label: str
    column: str
    mean: float
    sd: float

    is_factor = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return (self.column,)

    def labels(self, full: bool) -> list[str]:
        """Labels of its columns."""
        return [self.label]

    def rows(self, columns: Mapping[str, np.ndarray], full: bool) -> np.ndarray:
        """Its column ``(values, 1)``."""
        return ((columns[self.column] - self.mean) / self.sd)[:, None]

    def at(self, values: Values, full: bool) -> np.ndarray:
        """Its column at a value, or at the mean if none is named, ``(1,)``."""
        return np.array([(number_at(values, self.column, self.mean) - self.mean) / self.sd])

    def to_plain(self) -> dict[str, object]:
        """As plain values."""
        return {"kind": "number", "label": self.label, "column": self.column, "mean": self.mean, "sd": self.sd}


@dataclass(frozen=True)
class CallCode:
    """Numbers computed from columns by a call, standardised over participants unless the call chooses the scale itself.

    Attributes
    ----------
    label
        Text of the call.
    train
        The columns that it reads, of all participants, by name.
    mean, sd
        Means and standard deviations of its columns; 0 and 1 if it chooses the scale itself.
    """

    label: str
    train: Mapping[str, tuple[float, ...]]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    is_factor = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return tuple(self.train)

    def labels(self, full: bool) -> list[str]:
        """Labels of its columns."""
        return [self.label] if len(self.mean) == 1 else [f"{self.label}.{n + 1}" for n in range(len(self.mean))]

    def rows(self, columns: Mapping[str, np.ndarray], full: bool) -> np.ndarray:
        """Its columns ``(values, columns)``."""
        train = {name: np.array(values) for name, values in self.train.items()}
        return (Call(self.label).evaluate(train, columns) - np.array(self.mean)) / np.array(self.sd)

    def at(self, values: Values, full: bool) -> np.ndarray:
        """Its columns where the columns that it reads have these values, their means if none is named, ``(columns,)``."""
        new = {name: np.array([number_at(values, name, float(np.mean(own)))]) for name, own in self.train.items()}
        row = self.rows(new, full)[0]
        if not np.isfinite(row).all():
            raise UsageError(
                f"{self.label} does not exist at {', '.join(f'{name}={own[0]:g}' for name, own in new.items())}"
            )
        return np.asarray(row)

    def to_plain(self) -> dict[str, object]:
        """As plain values."""
        train = {name: list(values) for name, values in self.train.items()}
        return {"kind": "call", "label": self.label, "train": train, "mean": list(self.mean), "sd": list(self.sd)}


Code = FactorCode | NumberCode | CallCode


def number_at(values: Values, name: str, mean: float) -> float:
    """The value of a covariate, which has to be a finite number; its mean if it is not named."""
    value = values.get(name, mean)
    if not NUMBER.holds(value) or not np.isfinite(value):  # type: ignore[call-overload]
        raise UsageError(f"{name} is a number, and {quote(value)} is none")
    return float(value)  # type: ignore[arg-type]


def code_from_plain(plain: Plain) -> Code:
    """The inverse of ``to_plain``."""
    if plain["kind"] == "factor":
        contrasts = tuple(tuple(row) for row in plain["contrasts"])
        return FactorCode(plain["label"], plain["column"], tuple(plain["levels"]), contrasts, tuple(plain["names"]))
    if plain["kind"] == "number":
        return NumberCode(plain["label"], plain["column"], plain["mean"], plain["sd"])
    train = {name: tuple(values) for name, values in plain["train"].items()}
    return CallCode(checked_call(plain["label"]).text, train, tuple(plain["mean"]), tuple(plain["sd"]))


def factor_code(column: str, levels: Sequence[Hashable], call: Call | None = None) -> FactorCode:
    """The code of a factor: orthonormal, or by the contrast of a call.

    Raises
    ------
    UsageError
        If the reference of the contrast is not among the levels.
    """
    levels = tuple(levels)
    contrast = None if call is None else call.contrast
    if contrast is None:
        matrix, names = orthonormal(len(levels)), tuple(f".{j}" for j in range(1, len(levels)))
        return FactorCode(column, column, levels, _nested(matrix), names)
    assert call is not None
    kind, special = contrast
    keys = [key(level) for level in levels]
    if special is not None and key(special) not in keys:  # type: ignore[arg-type]
        raise UsageError(
            f"{call.text}: {column} has no level {quote(special)}. {did_you_mean(key(special), keys, f'levels of {column}')}"  # type: ignore[arg-type]
        )
    omitted = keys.index(key(special)) if special is not None else (0 if kind == "Treatment" else len(levels) - 1)  # type: ignore[arg-type]
    others = [n for n in range(len(levels)) if n != omitted]
    matrix = np.eye(len(levels))[:, others]
    if kind == "Sum":
        matrix[omitted] = -1.0
    return FactorCode(call.text, column, levels, _nested(matrix), tuple(f"[{levels[n]}]" for n in others))


def _nested(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(cell) for cell in row) for row in matrix)


@dataclass(frozen=True)
class Coding:
    """A part of a formula as columns: the products of codes, of which a factor may have a column for each level.

    Attributes
    ----------
    codes
        The codes, by label.
    intercept
        Whether the first column is an intercept.
    terms
        For each term the labels of its codes, and whether each is ``full``.
    """

    codes: Mapping[str, Code]
    intercept: bool
    terms: tuple[tuple[tuple[str, bool], ...], ...]

    def labels(self) -> list[str]:
        """Labels of the columns; that of the intercept is empty."""
        labels = [""] if self.intercept else []
        for term in self.terms:
            labels += [":".join(each) for each in itertools.product(*(self.codes[name].labels(f) for name, f in term))]
        return labels

    def cells(self) -> list[bool]:
        """Whether each column is the mean of a cell: of a term of factors with a column for each level, without an intercept."""
        cells = [False] if self.intercept else []
        for term in self.terms:
            is_cell = not self.intercept and all(full and self.codes[name].is_factor for name, full in term)
            cells += [is_cell] * self._width(term)
        return cells

    def owners(self) -> list[tuple[str, ...]]:
        """The term of each column, as labels of codes; that of the intercept is empty."""
        owners: list[tuple[str, ...]] = [()] if self.intercept else []
        for term in self.terms:
            owners += [tuple(name for name, _ in term)] * self._width(term)
        return owners

    def matrix(self, columns: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """The columns ``(count, columns)``, from columns of levels' codes and of numbers ``(count,)``."""
        parts = [np.ones((count, 1))] if self.intercept else []
        for term in self.terms:
            parts.append(_product([self.codes[name].rows(columns, full) for name, full in term]))
        return np.concatenate(parts, 1) if parts else np.zeros((count, 0))

    def at(self, values: Values) -> np.ndarray:
        """The columns at values of covariates, ``(columns,)``; see :meth:`ParameterModel.at`."""
        parts = [np.ones((1, 1))] if self.intercept else []
        for term in self.terms:
            parts.append(_product([self.codes[name].at(values, full)[None] for name, full in term]))
        return np.asarray(np.concatenate(parts, 1)[0]) if parts else np.zeros(0)

    def _width(self, term: tuple[tuple[str, bool], ...]) -> int:
        return int(np.prod([len(self.codes[name].labels(full)) for name, full in term]))


def coding_of(codes: Mapping[str, Code], intercept: bool, terms: Sequence[tuple[str, ...]]) -> Coding:
    """Decide for each factor of each term whether it has a column for each level.

    It has contrasts if the term without it is in the part as well: if that is the intercept, or means of cells take its place.
    """
    present = {frozenset(term) for term in terms}
    has_mean, coded = intercept, []
    for term in terms:
        chosen = []
        for name in term:
            margin = frozenset(term) - {name}
            covered = has_mean if not margin else margin in present
            chosen.append((name, codes[name].is_factor and not covered))
        has_mean |= all(full for _, full in chosen)
        coded.append(tuple(chosen))
    return Coding(codes, intercept, tuple(coded))


def _product(factors: Sequence[np.ndarray]) -> np.ndarray:
    """Products of all columns of each with all of the others, ``(values, columns)``; the last varies fastest."""
    result = factors[0]
    for other in factors[1:]:
        result = (result[:, :, None] * other[:, None, :]).reshape(len(result), -1)
    return result
