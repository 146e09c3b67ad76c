r"""Designs: how the parameters of participants depend on groups, covariates, sessions and conditions, as matrices.

Row r of parameters, of participant n, holds the unconstrained values of one run of trials, which starts from ``start``. Its values are

.. math:: u_r = X_r B + Z_r v_n, \qquad v_n \sim \mathrm{Normal}(0, L L'), \quad L = \mathrm{diag}(z)\, C

with coefficients :math:`B` (F,) that all participants share, and effects :math:`v_n` (Q,) of each participant. A row has one column
for each parameter, or several, one a slot, for a parameter that changes while the state goes on. Without formulas there is one row per
participant, and :math:`X_r = Z_r = I`: a mean and a spread of each parameter.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Column:
    """A column of the rows of parameters: a slot of a parameter, e.g. its value in one of several conditions.

    Attributes
    ----------
    parameter
        Name of the parameter.
    slot
        Label of the slot, such as ``"volatile"``, or ``":stake"`` of a slope; empty if the parameter has only one, and for the value that the
        slope changes.
    """

    parameter: str
    slot: str = ""

    @property
    def slope(self) -> bool:
        """Whether it is the parameter's slope on a number of the trials, not a value of the parameter."""
        return self.slot.startswith(":")


@dataclass(frozen=True)
class Term:
    """A coefficient that participants share, or an effect of each participant, of one parameter.

    Attributes
    ----------
    parameter
        Name of the parameter, on whose unconstrained scale the term adds to its values.
    label
        ``""`` for the intercept; otherwise the coded column: ``"age"``, ``"group.1"``, ``"session[2]"``.
    cell
        Whether it is the mean of a cell, of a formula without an intercept, and has the prior of an intercept.
    """

    parameter: str
    label: str = ""
    cell: bool = False

    @property
    def intercept(self) -> bool:
        """Whether it is the parameter's intercept."""
        return not self.label

    @property
    def like_intercept(self) -> bool:
        """Whether it has the prior of an intercept: it is one, or the mean of a cell."""
        return self.cell or not self.label


@dataclass(frozen=True, eq=False)
class Design:
    """The matrices of a design; see the module.

    Attributes
    ----------
    columns
        The columns of a row of parameters, those of one parameter adjacent and in the order of the learner's parameters, ``(K,)``.
    coefficients, effects
        What the columns of ``fixed`` and ``random`` stand for, ``(F,)`` and ``(Q,)``, ordered by parameter.
    owner
        The participant of each row, ``int (rows,)``, ascending; every participant has at least one row.
    fixed, random
        :math:`X` and :math:`Z`, ``(rows, K, F)`` and ``(rows, K, Q)``.
    labels
        The label of each row: of the participant, or ``(participant, session)`` where there are several.
    blocks
        Groups of effects that are correlated, as ascending indices; effects in none are independent.
    average
        The coefficients' weights in the mean of each parameter at average covariates and over the levels of factors,
        ``(parameters, F)``; None: the intercepts.
    seen
        Whether the data have trials of each row in which the value of a column applies, ``bool (rows, K)``; None: of all. A participant may
        lack a condition, whose slot their row has nevertheless.
    """

    columns: tuple[Column, ...]
    coefficients: tuple[Term, ...]
    effects: tuple[Term, ...]
    owner: np.ndarray
    fixed: np.ndarray
    random: np.ndarray
    labels: Sequence[Hashable] = ()
    blocks: tuple[tuple[int, ...], ...] = ()
    average: np.ndarray | None = None
    seen: np.ndarray | None = None

    @property
    def participants(self) -> int:
        """Number of participants."""
        return int(self.owner[-1]) + 1 if len(self.owner) else 0

    @property
    def rows(self) -> int:
        """Number of rows of parameters."""
        return len(self.owner)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, each once."""
        return tuple(dict.fromkeys(column.parameter for column in self.columns))

    @cached_property
    def place(self) -> dict[str, int]:
        """The first column of each parameter: of a value and a slope, the value's."""
        return {column.parameter: k for k, column in reversed(list(enumerate(self.columns)))}

    def has_slope(self, parameter: str, number: str) -> bool:
        """Whether a parameter has a slope on this number of the trials."""
        return any(each.parameter == parameter and each.slope and each.slot == f":{number}" for each in self.columns)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of correlated effects, the later one first, block by block."""
        return [(i, j) for block in self.blocks for later, i in enumerate(block) for j in block[:later]]

    def weights(self, parameter: str) -> np.ndarray:
        """The coefficients' weights ``(F,)`` in a parameter's mean at average covariates and over the levels of factors."""
        if self.average is None:
            return np.array([float(t.parameter == parameter and t.intercept) for t in self.coefficients])
        return np.asarray(self.average[self.parameters.index(parameter)])

    def by_participant(self, of_rows: np.ndarray) -> np.ndarray:
        """Sums over the rows of each participant, ``(participants, ...)``, of ``of_rows (rows, ...)``."""
        if self.participants == self.rows:
            return of_rows
        return np.add.reduceat(of_rows, np.flatnonzero(np.diff(self.owner, prepend=-1)), axis=0)

    def centre(self, coefficients: np.ndarray) -> np.ndarray:
        """The mean of each row, :math:`X B`, ``(..., rows, K)``, from ``coefficients (..., F)``."""
        return np.einsum("rkf,...f->...rk", self.fixed, coefficients)

    def variance(self, spreads: np.ndarray, correlations: np.ndarray) -> np.ndarray:
        """The variance of the rows around their means, ``(..., rows, K)``.

        Parameters
        ----------
        spreads, correlations
            Of the effects, ``(..., Q)``, and of their correlated pairs, ``(..., pairs)``.
        """
        total = np.einsum("rkq,...q->...rk", self.random**2, spreads**2)
        for p, (i, j) in enumerate(self.pairs):
            product = 2.0 * correlations[..., p] * spreads[..., i] * spreads[..., j]
            total = total + product[..., None, None] * self.random[:, :, i] * self.random[:, :, j]
        return np.asarray(total)

    def only(self, participant: int) -> Design:
        """The design of one participant alone."""
        rows = np.flatnonzero(self.owner == participant)
        labels = tuple(self.labels[int(r)] for r in rows) if len(self.labels) else ()
        return replace(
            self, owner=np.zeros(len(rows), int), fixed=self.fixed[rows], random=self.random[rows], labels=labels,
            seen=None if self.seen is None else self.seen[rows],
        )  # fmt: skip

    def deviations(self, effects: np.ndarray) -> np.ndarray:
        """The deviation of each row from its mean, :math:`Z v_n`, ``(..., rows, K)``, from ``effects (..., participants, Q)``."""
        return np.einsum("rkq,...rq->...rk", self.random, effects[..., self.owner, :])


def plain_design(parameters: Sequence[str], labels: Sequence[Hashable]) -> Design:
    """The design without formulas: one row per participant, whose parameters vary around a common mean.

    Parameters
    ----------
    parameters
        Names of the free parameters.
    labels
        Labels of the participants.
    """
    terms = tuple(Term(name) for name in parameters)
    # writeable, as the matrices of other designs are: for another type densities would be compiled again
    identity = np.tile(np.eye(len(terms)), (len(labels), 1, 1))
    columns = tuple(Column(name) for name in parameters)
    return Design(columns, terms, terms, np.arange(len(labels)), identity, identity, tuple(labels))
