r"""Conditional whitening: coordinates in which a hierarchical posterior is approximately standard Normal.

Participant n has the rows of parameters :math:`u_r = X_r B + Z_r v_n` with effects :math:`v_n \sim \mathrm{Normal}(0, L L')`
(:mod:`trialwise.population.design`). With a quadratic expansion of each row's log-likelihood, :math:`b_r' u - u' H_r u / 2`, that of
the participant is quadratic in :math:`v_n`,

.. math::

    \mathcal H_n = \sum_r Z_r' H_r Z_r, \qquad \beta_n = \sum_r Z_r' b_r, \qquad \Gamma_n = \sum_r Z_r' H_r X_r,

and given :math:`B` and :math:`L` its posterior is approximately Normal. Instead of :math:`v_n` the sampler explores :math:`w_n`:

.. math::

    M_n M_n' = I + L' \mathcal H_n L, \qquad y_n = M_n'^{-1} \bigl(M_n^{-1} L' (\beta_n - \Gamma_n B) + w_n\bigr), \qquad v_n = L y_n .

:math:`y_n` is standard Normal before the data, and :math:`\log |\partial y_n / \partial w_n| = - \sum_k \log M_{n,kk}`: the determinant of
:math:`L` does not occur, so that spreads of zero do no harm.

The density is exact for any expansion; only the geometry depends on its quality. Where the data are informative this is nearly
the centred parametrisation, where they are not, the non-centred one, separately for each participant and direction: neither a
funnel nor a ridge between parameters remains.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from trialwise.population.design import Design


class Quadratic(NamedTuple):
    r"""The expansion of each participant's log-likelihood in its effects; see the module.

    Attributes
    ----------
    curvature
        :math:`\mathcal H`, ``(participants, Q, Q)``.
    linear
        :math:`\beta`, ``(participants, Q)``.
    mixed
        :math:`\Gamma`, ``(participants, Q, F)``.
    """

    curvature: np.ndarray
    linear: np.ndarray
    mixed: np.ndarray


def quadratic(design: Design, curvature: np.ndarray, linear: np.ndarray) -> Quadratic:
    """Expansions in effects from those of rows, ``curvature (rows, K, K)`` and ``linear (rows, K)``."""
    inner = np.einsum("rkq,rkl->rql", design.random, curvature)
    parts = (
        np.einsum("rql,rlp->rqp", inner, design.random),
        np.einsum("rkq,rk->rq", design.random, linear),
        np.einsum("rql,rlf->rqf", inner, design.fixed),
    )
    return Quadratic(*(np.ascontiguousarray(design.by_participant(part)) for part in parts))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cholesky(a):
    """Replace the lower triangle of a small matrix by its Cholesky factor."""
    size = a.shape[0]
    for j in range(size):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = np.sqrt(a[j, j])
        for i in range(j + 1, size):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def solve(lower, x):
    """``x <- L^{-1} x``, in place."""
    for i in range(len(x)):
        for k in range(i):
            x[i] -= lower[i, k] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def solve_transposed(lower, x):
    """``x <- L'^{-1} x``, in place."""
    for i in range(len(x) - 1, -1, -1):
        for k in range(i + 1, len(x)):
            x[i] -= lower[k, i] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _prepare(coefficients, lower, curvature, linear, mixed, bent, factor, gap, shift):
    """Compute ``H L`` (into ``bent``), ``M`` (``factor``), ``beta - Gamma B`` (``gap``) and ``M^{-1} L' gap`` (``shift``) of one
    participant."""
    size = len(lower)
    for i in range(size):
        gap[i] = linear[i]
        for f in range(len(coefficients)):
            gap[i] -= mixed[i, f] * coefficients[f]
        for j in range(size):
            bent[i, j] = 0.0
            for k in range(j, size):
                bent[i, j] += curvature[i, k] * lower[k, j]
    for i in range(size):
        shift[i] = 0.0
        for k in range(i, size):
            shift[i] += lower[k, i] * gap[k]
        for j in range(i + 1):
            factor[i, j] = 1.0 if i == j else 0.0
            for k in range(i, size):
                factor[i, j] += lower[k, i] * bent[k, j]
    cholesky(factor)
    solve(factor, shift)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitened_to_effects(w, coefficients, lower, curvature, linear, mixed):
    """``v`` and ``y (participants, Q)`` and ``sum_k log M_kk (participants,)``, from ``w (participants, Q)``."""
    participants, size = w.shape
    v, y, log_volume = np.zeros((participants, size)), np.empty((participants, size)), np.zeros(participants)
    bent, factor, gap = np.empty((size, size)), np.empty((size, size)), np.empty(size)
    for n in range(participants):
        _prepare(coefficients, lower, curvature[n], linear[n], mixed[n], bent, factor, gap, y[n])
        for i in range(size):
            y[n, i] += w[n, i]
            log_volume[n] += np.log(factor[i, i])
        solve_transposed(factor, y[n])
        for i in range(size):
            for k in range(i + 1):
                v[n, i] += lower[i, k] * y[n, k]
    return v, y, log_volume


@numba.njit(nogil=True, cache=True, error_model="numpy")
def effects_to_whitened(v, coefficients, lower, curvature, linear, mixed):
    """The inverse: ``w (participants, Q)`` from ``v (participants, Q)``; spreads must not be zero."""
    participants, size = v.shape
    w = np.empty((participants, size))
    bent, factor, gap, shift = np.empty((size, size)), np.empty((size, size)), np.empty(size), np.empty(size)
    for n in range(participants):
        _prepare(coefficients, lower, curvature[n], linear[n], mixed[n], bent, factor, gap, shift)
        y = v[n].copy()
        solve(lower, y)
        for i in range(size):
            w[n, i] = -shift[i]
            for k in range(i, size):
                w[n, i] += factor[k, i] * y[k]
    return w


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitening_pullback(w, coefficients, lower, curvature, linear, mixed, v_bar, y_bar, volume_bar):
    """Cotangents of ``w``, ``coefficients`` and ``lower`` from those of the results of :func:`whitened_to_effects`.

    The adjoint of the Cholesky factor is Murray's (2016, arXiv:1602.07527).
    """
    participants, size = w.shape
    w_bar, coefficients_bar, lower_bar = (
        np.empty((participants, size)),
        np.zeros(len(coefficients)),
        np.zeros((size, size)),
    )
    bent, factor, inner, s_bar = (
        np.empty((size, size)), np.empty((size, size)), np.empty((size, size)), np.empty((size, size)),
    )  # fmt: skip
    gap, shift, y, a_bar, column = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    for n in range(participants):
        _prepare(coefficients, lower, curvature[n], linear[n], mixed[n], bent, factor, gap, shift)
        for i in range(size):
            y[i] = shift[i] + w[n, i]
            w_bar[n, i] = y_bar[n, i]
            for k in range(i, size):
                w_bar[n, i] += lower[k, i] * v_bar[n, k]
        solve_transposed(factor, y)
        solve(factor, w_bar[n])
        for i in range(size):
            a_bar[i] = w_bar[n, i]
        solve_transposed(factor, a_bar)
        # M_bar is the lower triangle of -y w_bar' - a_bar shift' + diag(volume_bar / M_kk); inner that of M' M_bar, diagonal halved
        for i in range(size):
            for j in range(size):
                inner[i, j] = 0.0
            for j in range(i + 1):
                for k in range(i, size):
                    inner[i, j] -= factor[k, i] * (y[k] * w_bar[n, j] + a_bar[k] * shift[j])
            inner[i, i] = 0.5 * (inner[i, i] + volume_bar[n])
            solve_transposed(factor, inner[i])
        for j in range(size):
            for i in range(size):
                column[i] = inner[i, j]
            solve_transposed(factor, column)
            for i in range(size):
                s_bar[i, j] = column[i]
        for i in range(size):
            pull = 0.0
            for j in range(i + 1):
                total = v_bar[n, i] * y[j] + gap[i] * a_bar[j]
                for k in range(size):
                    total += bent[i, k] * (s_bar[k, j] + s_bar[j, k])
                lower_bar[i, j] += total
                pull += lower[i, j] * a_bar[j]
            for f in range(len(coefficients)):
                coefficients_bar[f] -= mixed[n, i, f] * pull
    return w_bar, coefficients_bar, lower_bar


@numba.njit(nogil=True, cache=True, error_model="numpy")
def rows_of(coefficients, v, owner, fixed, random):
    """``u = X B + Z v``, ``(rows, K)``, from ``coefficients (F,)`` and ``v (participants, Q)``."""
    rows, width = fixed.shape[:2]
    u = np.zeros((rows, width))
    for r in range(rows):
        for k in range(width):
            for f in range(len(coefficients)):
                u[r, k] += fixed[r, k, f] * coefficients[f]
            for q in range(v.shape[1]):
                u[r, k] += random[r, k, q] * v[owner[r], q]
    return u


@numba.njit(nogil=True, cache=True, error_model="numpy")
def rows_pullback(u_bar, owner, fixed, random, participants):
    """Cotangents of ``coefficients`` and ``v`` from those of ``u``, see :func:`rows_of`."""
    rows, width = u_bar.shape
    coefficients_bar, v_bar = np.zeros(fixed.shape[2]), np.zeros((participants, random.shape[2]))
    for r in range(rows):
        for k in range(width):
            for f in range(fixed.shape[2]):
                coefficients_bar[f] += fixed[r, k, f] * u_bar[r, k]
            for q in range(random.shape[2]):
                v_bar[owner[r], q] += random[r, k, q] * u_bar[r, k]
    return coefficients_bar, v_bar
