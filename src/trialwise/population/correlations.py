r"""Correlated effects: the Cholesky factor of their covariance from unconstrained numbers, by canonical partial correlations.

In a block of m correlated effects, effect i has with each effect j before it a partial correlation given those before j,
:math:`y_{ij} = \tanh x_{ij}`, and row i of the factor C of the correlation matrix is

.. math:: C_{ij} = y_{ij} \sqrt{\prod_{l < j} (1 - y_{il}^2)}, \qquad C_{ii} = \sqrt{\prod_{l < i} (1 - y_{il}^2)} .

Under the LKJ prior with shape :math:`\eta` the partial correlations are independent, with the log-density of x

.. math:: \log p(x_{ij}) = a_j \log (1 - \tanh^2 x_{ij}) - \log \mathrm{B}(a_j, a_j) - (2 a_j - 1) \log 2, \quad
    a_j = \eta + (m - 1 - j) / 2, \quad j = 1, 2, \dots

(Lewandowski, Kurowicka & Joe, 2009, Journal of Multivariate Analysis 100:1989). Effects in no block are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from scipy.special import betaln

from trialwise.population.design import Design


@dataclass(frozen=True, eq=False)
class Correlations:
    """The correlations of a population's effects.

    Attributes
    ----------
    size
        Number of effects, Q.
    pairs
        The two effects of each correlation, the later one first, ``int (pairs, 2)``, in the order of x.
    shapes
        The shape :math:`a_j` of the prior of each partial correlation, ``(pairs,)``.
    """

    size: int
    pairs: np.ndarray
    shapes: np.ndarray

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def constant(self) -> float:
        """The constant of the log-density of all x."""
        return float(-(betaln(self.shapes, self.shapes) + (2 * self.shapes - 1) * np.log(2)).sum())

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """The log-density of ``x (..., pairs)`` under the LKJ prior, ``(...)``."""
        return self.constant - 2.0 * (self.shapes * log_cosh(x)).sum(-1)

    def factor(self, x: np.ndarray) -> np.ndarray:
        """The Cholesky factor C of the correlation matrix, ``(..., Q, Q)``, from ``x (..., pairs)``."""
        factor = np.zeros((*x.shape[:-1], self.size, self.size))
        remaining = np.ones((*x.shape[:-1], self.size))
        for p, (i, j) in enumerate(self.pairs):
            factor[..., i, j] = np.tanh(x[..., p]) * remaining[..., i]
            remaining[..., i] = remaining[..., i] / np.cosh(x[..., p])
        factor[..., range(self.size), range(self.size)] = remaining
        return factor

    def x(self, correlation: np.ndarray) -> np.ndarray:
        """The numbers x ``(..., pairs)`` of correlation matrices ``(..., Q, Q)``, the inverse of :meth:`factor`."""
        factor = np.linalg.cholesky(correlation)
        x, remaining = np.zeros((*correlation.shape[:-2], len(self))), np.ones(correlation.shape[:-1])
        for p, (i, j) in enumerate(self.pairs):
            x[..., p] = np.arctanh(np.clip(factor[..., i, j] / remaining[..., i], -1 + 1e-12, 1 - 1e-12))
            remaining[..., i] = remaining[..., i] / np.cosh(x[..., p])
        return x

    def matrix(self, values: np.ndarray) -> np.ndarray:
        """Correlation matrices ``(..., Q, Q)`` from the correlations of the pairs, ``(..., pairs)``."""
        matrix = np.broadcast_to(np.eye(self.size), (*values.shape[:-1], self.size, self.size)).copy()
        for p, (i, j) in enumerate(self.pairs):
            matrix[..., i, j] = matrix[..., j, i] = values[..., p]
        return matrix

    def of_pairs(self, matrix: np.ndarray) -> np.ndarray:
        """The correlations of the pairs ``(..., pairs)``, from matrices ``(..., Q, Q)``."""
        return np.asarray(matrix[..., self.pairs[:, 0], self.pairs[:, 1]])

    def draw(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Draws of x from the prior, ``(count, pairs)``."""
        y = 2 * random.beta(self.shapes, self.shapes, (count, len(self))) - 1
        return np.asarray(np.arctanh(y))


def correlations(design: Design, shapes: Sequence[float] = ()) -> Correlations:
    r"""The correlations of a design's effects.

    Parameters
    ----------
    design
        The design, whose blocks say which effects are correlated.
    shapes
        The LKJ shape :math:`\eta` of each block.
    """
    a = [
        eta + (len(block) - 2 - j) / 2
        for block, eta in zip(design.blocks, shapes, strict=True)
        for later in range(len(block))
        for j in range(later)
    ]
    return Correlations(len(design.effects), np.array(design.pairs, np.int64).reshape(-1, 2), np.array(a, float))


def log_cosh(x: np.ndarray) -> np.ndarray:
    """``log cosh x`` without overflow."""
    return np.asarray(np.logaddexp(x, -x) - np.log(2))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def scaled_factor(z, x, pairs):
    """``L = diag(z) C`` ``(Q, Q)`` from signed spreads ``z (Q,)`` and ``x (pairs,)``."""
    size = len(z)
    lower, remaining = np.zeros((size, size)), np.ones(size)
    for p in range(len(x)):
        i, j = pairs[p, 0], pairs[p, 1]
        lower[i, j] = z[i] * np.tanh(x[p]) * remaining[i]
        remaining[i] /= np.cosh(x[p])
    for i in range(size):
        lower[i, i] = z[i] * remaining[i]
    return lower


@numba.njit(nogil=True, cache=True, error_model="numpy")
def scaled_factor_pullback(z, x, pairs, lower_bar):
    """Cotangents of ``z`` and ``x`` from that of ``L``, see :func:`scaled_factor`."""
    size = len(z)
    z_bar, x_bar = np.zeros(size), np.zeros(len(x))
    remaining, before, remaining_bar = np.ones(size), np.empty(len(x)), np.empty(size)
    for p in range(len(x)):
        i, j = pairs[p, 0], pairs[p, 1]
        before[p] = remaining[i]
        z_bar[i] += lower_bar[i, j] * np.tanh(x[p]) * remaining[i]
        remaining[i] /= np.cosh(x[p])
    for i in range(size):
        z_bar[i] += lower_bar[i, i] * remaining[i]
        remaining_bar[i] = lower_bar[i, i] * z[i]
    for p in range(len(x) - 1, -1, -1):
        i, j = pairs[p, 0], pairs[p, 1]
        y, rest = np.tanh(x[p]), 1.0 / np.cosh(x[p])
        direct = lower_bar[i, j] * z[i]
        x_bar[p] = before[p] * (direct * rest * rest - remaining_bar[i] * y * rest)
        remaining_bar[i] = direct * y + remaining_bar[i] * rest
    return z_bar, x_bar


@numba.njit(nogil=True, cache=True, error_model="numpy")
def correlations_of(lower, spreads, pairs):
    """The correlations of the pairs, ``(pairs,)``, from ``L`` with rows of norm ``spreads (Q,)``; NaN where a spread is zero."""
    found = np.zeros(len(pairs))
    for p in range(len(pairs)):
        i, j = pairs[p, 0], pairs[p, 1]
        for k in range(j + 1):
            found[p] += lower[i, k] * lower[j, k]
        found[p] /= spreads[i] * spreads[j]
    return found
