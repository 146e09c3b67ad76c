r"""Conditional whitening: coordinates in which a hierarchical posterior is about a standard Normal.

Given the group's means :math:`\mu` and spreads :math:`|z|` (:math:`Z = \mathrm{diag}(z)`), participant n's posterior is about Normal
with covariance :math:`(H_n + Z^{-2})^{-1} = Z M_n'^{-1} M_n^{-1} Z`, where :math:`M_n M_n' = I + Z H_n Z`. Instead of :math:`u_n` the
sampler moves :math:`w_n`:

.. math::

    u_n = \mu + Z M_n'^{-1} \bigl(M_n^{-1} Z (b_n - H_n \mu) + w_n\bigr), \qquad
    \log |\partial u_n / \partial w_n| = \sum_k \log |z_k| - \log M_{n,kk}

The density is exact whatever the quality of the expansion; only the geometry depends on it. Where the data say much this is
nearly the centred form, where they say little the non-centred one, participant by participant and direction by direction:
no funnel is left, and no ridge between parameters.

A spread is the magnitude of a signed number, :math:`z \sim \mathrm{Normal}(0, t)`, which makes it HalfNormal(t); the map above is smooth
in z through zero, so a spread that may well be zero is no wall that the sampler runs into, nor an endless tail of its
logarithm.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _cholesky(a):
    """Lower Cholesky factor of a small matrix, in place of its lower triangle."""
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
def _solve(lower, x):
    """``x <- L^{-1} x``, in place."""
    for i in range(len(x)):
        for k in range(i):
            x[i] -= lower[i, k] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _solve_transposed(lower, x):
    """``x <- L'^{-1} x``, in place."""
    for i in range(len(x) - 1, -1, -1):
        for k in range(i + 1, len(x)):
            x[i] -= lower[k, i] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _prepare(n, mu, z, curvature, linear, factor, gap, shift):
    """``M`` into ``factor``, ``b - H mu`` into ``gap`` and ``M^{-1} Z gap`` into ``shift``."""
    size = len(mu)
    for i in range(size):
        gap[i] = linear[n, i]
        for j in range(size):
            factor[i, j] = z[i] * curvature[n, i, j] * z[j]
            gap[i] -= curvature[n, i, j] * mu[j]
        factor[i, i] += 1.0
        shift[i] = z[i] * gap[i]
    _cholesky(factor)
    _solve(factor, shift)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitened_to_natural(w, mu, z, curvature, linear):
    """``u (participants, parameters)`` and the log-Jacobian of each participant."""
    people, size = w.shape
    u, jacobian = np.empty((people, size)), np.zeros(people)
    factor, gap, x = np.empty((size, size)), np.empty(size), np.empty(size)
    for n in range(people):
        _prepare(n, mu, z, curvature, linear, factor, gap, x)
        for i in range(size):
            x[i] += w[n, i]
            jacobian[n] += np.log(abs(z[i]) / factor[i, i])
        _solve_transposed(factor, x)
        for i in range(size):
            u[n, i] = mu[i] + z[i] * x[i]
    return u, jacobian


@numba.njit(nogil=True, cache=True, error_model="numpy")
def natural_to_whitened(u, mu, z, curvature, linear):
    """The inverse: ``w (participants, parameters)``."""
    people, size = u.shape
    w = np.empty((people, size))
    factor, gap, shift = np.empty((size, size)), np.empty(size), np.empty(size)
    for n in range(people):
        _prepare(n, mu, z, curvature, linear, factor, gap, shift)
        for i in range(size):
            total = -shift[i]
            for k in range(i, size):
                total += factor[k, i] * (u[n, k] - mu[k]) / z[k]
            w[n, i] = total
    return w


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitening_pullback(w, mu, z, curvature, linear, u_bar, jacobian_bar):
    """Cotangents of ``w``, ``mu`` and ``z`` from those of ``u`` and the log-Jacobian.

    The adjoint of the Cholesky factor is Murray's (2016, arXiv:1602.07527).
    """
    people, size = w.shape
    w_bar, mu_bar, z_bar = np.empty((people, size)), np.zeros(size), np.zeros(size)
    factor, factor_bar, inner, inverse = (
        np.empty((size, size)), np.empty((size, size)), np.empty((size, size)), np.empty((size, size)),
    )  # fmt: skip
    gap, shift, x, y_bar, d_bar = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    for n in range(people):
        _prepare(n, mu, z, curvature, linear, factor, gap, shift)
        for i in range(size):
            x[i] = shift[i] + w[n, i]
            y_bar[i] = z[i] * u_bar[n, i]
        _solve_transposed(factor, x)
        _solve(factor, y_bar)
        for i in range(size):
            w_bar[n, i] = y_bar[i]
            d_bar[i] = y_bar[i]
        _solve_transposed(factor, d_bar)
        for i in range(size):
            mu_bar[i] += u_bar[n, i]
            z_bar[i] += u_bar[n, i] * x[i] + d_bar[i] * gap[i] + jacobian_bar[n] / z[i]
            for j in range(size):
                mu_bar[i] -= curvature[n, i, j] * z[j] * d_bar[j]
                factor_bar[i, j] = -x[i] * y_bar[j] - d_bar[i] * shift[j] if j <= i else 0.0
            factor_bar[i, i] -= jacobian_bar[n] / factor[i, i]
        # the adjoint of M M' is M'^{-1} P M^{-1}, made symmetric, with P the lower triangle of M' M_bar, diagonal halved
        for i in range(size):
            for j in range(size):
                inner[i, j] = 0.0
                for k in range(i, size if j <= i else 0):
                    inner[i, j] += factor[k, i] * factor_bar[k, j]
            inner[i, i] *= 0.5
        for k in range(size):
            for i in range(size):
                shift[i] = 1.0 if i == k else 0.0
            _solve(factor, shift)
            inverse[:, k] = shift
        for i in range(size):
            for j in range(size):
                total = 0.0
                for k in range(size):
                    for m in range(k + 1):
                        total += inner[k, m] * (inverse[k, i] * inverse[m, j] + inverse[k, j] * inverse[m, i])
                z_bar[i] += total * curvature[n, i, j] * z[j]
    return w_bar, mu_bar, z_bar
