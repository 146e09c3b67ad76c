r"""Conditional whitening: coordinates in which a hierarchical posterior is approximately standard Normal.

Given participant n's mean :math:`c_n` and the group's spreads :math:`|z|` (:math:`Z = \mathrm{diag}(z)`), its posterior is approximately
Normal with covariance :math:`(H_n + Z^{-2})^{-1} = Z M_n'^{-1} M_n^{-1} Z`, where :math:`M_n M_n' = I + Z H_n Z`. Instead of
:math:`u_n` the sampler explores :math:`w_n`:

.. math::

    u_n = c_n + Z M_n'^{-1} \bigl(M_n^{-1} Z (b_n - H_n c_n) + w_n\bigr), \qquad
    \log |\partial u_n / \partial w_n| = \sum_k \log |z_k| - \log M_{n,kk}

A participant may have several rows of parameters (e.g. sessions), each with its own mean, curvature and linear term, and one
common deviation from these means: :math:`u_s = c_s + Z y_n`. Then :math:`H_n` is the sum of their curvatures, and
:math:`b_n - H_n c_n` that of their :math:`b_s - H_s c_s`. ``owner (rows,)`` is the participant of each row, in ascending order;
every participant has at least one row. Means are ``centre (rows, parameters)``, or ``(1, parameters)`` if all rows have the same
mean.

The density is exact for any expansion; only the geometry depends on its quality. Where the data are informative this is nearly
the centred parametrisation, where they are not, the non-centred one, separately for each participant and direction: neither a
funnel nor a ridge between parameters remains.

A spread is the magnitude of a signed number, :math:`z \sim \mathrm{Normal}(0, t)`, which makes it HalfNormal(t); the map above is smooth
in z through zero, so a posterior with mass near a spread of zero has neither a boundary there nor an infinite tail of the log
spread.
"""

from __future__ import annotations

import numba
import numpy as np


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
def rows_end(owner, first):
    """Index after the last row of the participant whose first row is ``first``."""
    end = first + 1
    while end < len(owner) and owner[end] == owner[first]:
        end += 1
    return end


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _prepare(first, end, centre, z, curvature, linear, total, factor, gap, shift):
    """Compute ``H`` (into ``total``), ``M`` (``factor``), ``b - H c`` (``gap``) and ``M^{-1} Z gap`` (``shift``) of one
    participant."""
    size = len(z)
    for i in range(size):
        gap[i] = 0.0
        for s in range(first, end):
            mean = centre[s if len(centre) > 1 else 0]
            rest = linear[s, i]
            for j in range(size):
                rest -= curvature[s, i, j] * mean[j]
            gap[i] += rest
        for j in range(size):
            total[i, j] = 0.0
            for s in range(first, end):
                total[i, j] += curvature[s, i, j]
            factor[i, j] = z[i] * total[i, j] * z[j]
        factor[i, i] += 1.0
        shift[i] = z[i] * gap[i]
    cholesky(factor)
    solve(factor, shift)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitened_to_natural(w, centre, z, owner, curvature, linear):
    """``u (rows, parameters)`` and the log-Jacobian of each participant, from ``w (participants, parameters)``."""
    participants, size = w.shape
    u, jacobian = np.empty((len(owner), size)), np.zeros(participants)
    total, factor, gap, x = np.empty((size, size)), np.empty((size, size)), np.empty(size), np.empty(size)
    first = 0
    for n in range(participants):
        end = rows_end(owner, first)
        _prepare(first, end, centre, z, curvature, linear, total, factor, gap, x)
        for i in range(size):
            x[i] += w[n, i]
            jacobian[n] += np.log(abs(z[i]) / factor[i, i])
        solve_transposed(factor, x)
        for s in range(first, end):
            mean = centre[s if len(centre) > 1 else 0]
            for i in range(size):
                u[s, i] = mean[i] + z[i] * x[i]
        first = end
    return u, jacobian


@numba.njit(nogil=True, cache=True, error_model="numpy")
def natural_to_whitened(u, centre, z, owner, curvature, linear):
    """The inverse: ``w (participants, parameters)`` from each participant's first row of ``u (rows, parameters)``."""
    participants, size = owner[-1] + 1, u.shape[1]
    w = np.empty((participants, size))
    total, factor, gap, shift = np.empty((size, size)), np.empty((size, size)), np.empty(size), np.empty(size)
    first = 0
    for n in range(participants):
        end = rows_end(owner, first)
        _prepare(first, end, centre, z, curvature, linear, total, factor, gap, shift)
        mean = centre[first if len(centre) > 1 else 0]
        for i in range(size):
            rest = -shift[i]
            for k in range(i, size):
                rest += factor[k, i] * (u[first, k] - mean[k]) / z[k]
            w[n, i] = rest
        first = end
    return w


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitening_pullback(w, centre, z, owner, curvature, linear, u_bar, jacobian_bar):
    """Cotangents of ``w``, ``centre`` and ``z`` from those of ``u`` and the log-Jacobian; that of a common mean is summed over
    rows.

    The adjoint of the Cholesky factor is Murray's (2016, arXiv:1602.07527).
    """
    participants, size = w.shape
    w_bar, centre_bar, z_bar = np.empty((participants, size)), np.zeros(centre.shape), np.zeros(size)
    total, factor, factor_bar, inner, inverse = (
        np.empty((size, size)), np.empty((size, size)), np.empty((size, size)), np.empty((size, size)), np.empty((size, size)),
    )  # fmt: skip
    gap, shift, x, y_bar, d_bar = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    pull = np.empty(size)
    first = 0
    for n in range(participants):
        end = rows_end(owner, first)
        _prepare(first, end, centre, z, curvature, linear, total, factor, gap, shift)
        for i in range(size):
            pull[i] = 0.0
            for s in range(first, end):
                pull[i] += u_bar[s, i]
            x[i] = shift[i] + w[n, i]
            y_bar[i] = z[i] * pull[i]
        solve_transposed(factor, x)
        solve(factor, y_bar)
        for i in range(size):
            w_bar[n, i] = y_bar[i]
            d_bar[i] = y_bar[i]
        solve_transposed(factor, d_bar)
        for i in range(size):
            for s in range(first, end):
                c = s if len(centre) > 1 else 0
                centre_bar[c, i] += u_bar[s, i]
                for j in range(size):
                    centre_bar[c, i] -= curvature[s, i, j] * z[j] * d_bar[j]
            z_bar[i] += pull[i] * x[i] + d_bar[i] * gap[i] + jacobian_bar[n] / z[i]
            for j in range(size):
                factor_bar[i, j] = -x[i] * y_bar[j] - d_bar[i] * shift[j] if j <= i else 0.0
            factor_bar[i, i] -= jacobian_bar[n] / factor[i, i]
        # the adjoint of M M' is M'^{-1} P M^{-1}, symmetrised, with P the lower triangle of M' M_bar, diagonal halved
        for i in range(size):
            for j in range(size):
                inner[i, j] = 0.0
                for k in range(i, size if j <= i else 0):
                    inner[i, j] += factor[k, i] * factor_bar[k, j]
            inner[i, i] *= 0.5
        for k in range(size):
            for i in range(size):
                shift[i] = 1.0 if i == k else 0.0
            solve(factor, shift)
            inverse[:, k] = shift
        for i in range(size):
            for j in range(size):
                bent = 0.0
                for k in range(size):
                    for m in range(k + 1):
                        bent += inner[k, m] * (inverse[k, i] * inverse[m, j] + inverse[k, j] * inverse[m, i])
                z_bar[i] += bent * total[i, j] * z[j]
        first = end
    return w_bar, centre_bar, z_bar
